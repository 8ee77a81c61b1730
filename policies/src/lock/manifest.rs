//! The digest of what a manifest says, whichever machine it is used on.

use alloc::borrow::ToOwned as _;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::hash::Digest;
use super::value::Value;
use crate::fault::Faults;
use crate::manifest::read;

/// The digest of what a manifest says: of its keys and values, whatever its layout and comments.
///
/// Placeholders stand in it as they are written, and no default is filled in, so it is the same on
/// every machine and in every release. What a manifest comes to on one machine is a plan, which has
/// a digest of its own.
///
/// # Errors
///
/// Every fault of a text that cannot be read.
pub fn manifest_digest(text: &str) -> Result<Digest, Faults> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // What TOML cannot read is no manifest, and its reader tells why.
        read(text)?;
    }
    Ok(Digest::of(object(table.get_ref()).compact().as_bytes()))
}

/// Whether a manifest speaks of the project that a start names: whether one of its values starts
/// with `{project}`.
///
/// A value that is no path counts too. What is decided by this is then decided once for each
/// project, where once would do.
pub fn names_project(text: &str) -> bool {
    let (table, _) = DeTable::parse_recoverable(text);
    let mut values: Vec<&DeValue<'_>> = values_of(table.get_ref()).collect();
    while let Some(value) = values.pop() {
        match value {
            DeValue::String(text) if text.starts_with("{project}") => return true,
            DeValue::Array(elements) => values.extend(elements.iter().map(Spanned::get_ref)),
            DeValue::Table(table) => values.extend(values_of(table)),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {}
        }
    }
    false
}

fn values_of<'t, 'v>(table: &'v DeTable<'t>) -> impl Iterator<Item = &'v DeValue<'t>> {
    table.values().map(Spanned::get_ref)
}

fn object(table: &DeTable<'_>) -> Value {
    let members = table.iter();
    let members =
        members.map(|(name, value)| (String::from(&**name.get_ref()), json(value.get_ref())));
    Value::Object(members.collect())
}

/// Only a manifest without faults is used, which has neither dates nor numbers in other bases; they
/// are told apart from strings by their own spelling all the same.
fn json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(String::from(&**text)),
        DeValue::Integer(integer) => Value::Number(integer.to_string()),
        DeValue::Float(float) => Value::Number(float.as_str().to_owned()),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(time) => Value::Number(time.to_string()),
        DeValue::Array(elements) => Value::List(
            elements
                .iter()
                .map(|element| json(element.get_ref()))
                .collect(),
        ),
        DeValue::Table(table) => object(table),
    }
}
