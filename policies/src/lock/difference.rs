//! How one tool differs from another, place by place.

use alloc::borrow::ToOwned as _;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::lines::{Extent, lines};
use super::tool::Tool;
use super::value::Value;
use super::visible::visible;

/// One place at which two tools differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The part by MCP's name, and within a schema the way to it as a JSON pointer:
    /// `inputSchema/properties/path/description`.
    pub place: String,
    /// What was reviewed; `None` where there was nothing. It may hold any character.
    pub before: Option<String>,
    /// What is there now; `None` where it is gone.
    pub after: Option<String>,
}

impl Difference {
    /// For people: the place, and below it what went and what came, with every character that
    /// cannot be seen as `\u{202e}`.
    pub(super) fn lines(&self, extent: Extent) -> Vec<String> {
        let told = lines(self.before.as_deref(), self.after.as_deref(), extent);
        let told = told.into_iter().map(|line| format!("  {line}"));
        core::iter::once(visible(&self.place)).chain(told).collect()
    }
}

impl Tool {
    /// What is different in another tool, in the order of MCP's parts and of the names in them.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let (before, after) = (self.by_name(), other.by_name());
        let mut out = Vec::new();
        // The order of the parts, and after them what only the other has.
        let names = self
            .parts()
            .chain(other.parts())
            .map(|(name, _)| name.to_owned());
        let mut seen = BTreeSet::new();
        let names: Vec<String> = names.filter(|name| seen.insert(name.clone())).collect();
        for name in names {
            compare(&name, before.get(&name), after.get(&name), &mut out);
        }
        out
    }

    fn by_name(&self) -> BTreeMap<String, Value> {
        self.parts()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

fn compare(place: &str, before: Option<&Value>, after: Option<&Value>, out: &mut Vec<Difference>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for name in names {
                let place = format!("{place}/{}", pointed(name));
                compare(&place, before.get(name), after.get(name), out);
            }
        }
        (Some(Value::List(before)), Some(Value::List(after))) if are_alike(before, after) => {
            for (at, (before, after)) in before.iter().zip(after).enumerate() {
                compare(&format!("{place}/{at}"), Some(before), Some(after), out);
            }
        }
        (before, after) => out.push(Difference {
            place: place.to_owned(),
            before: before.map(told),
            after: after.map(told),
        }),
    }
}

/// Whether two lists are best compared element by element: those of plain values are short.
fn are_alike(before: &[Value], after: &[Value]) -> bool {
    let has_parts = |value: &Value| matches!(value, Value::Object(_) | Value::List(_));
    before.len() == after.len() && before.iter().chain(after).any(has_parts)
}

/// A name as a part of a JSON pointer (RFC 6901).
fn pointed(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A text as it is, anything else as JSON.
fn told(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Null | Value::Flag(_) | Value::Number(_) | Value::List(_) | Value::Object(_) => {
            value.pretty()
        }
    }
}
