//! One tool as a server describes it, and what of that counts.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeMap;
use alloc::string::String;

use super::hash::Digest;
use super::value::{InvalidJson, Value};
use super::visible::visible_name;

/// The longest description of one tool, with its schemas. The largest in use has 60 KiB; what a
/// server sends beyond it is kept from the client unread.
pub const TOOL_BYTES_MAX: usize = 1 << 20;

/// The longest name of a tool. MCP advises 128 characters.
const NAME_BYTES_MAX: usize = 1024;

/// What a client may show or obey and no model is given: it may change without a review. `_meta` is
/// for programs, and servers put times and counters there; `icons` are drawn; `execution` says how
/// a call may be waited for.
const HARMLESS: &[&str] = &["_meta", "icons", "execution"];

const NAME: &str = "name";
const TITLE: &str = "title";
const DESCRIPTION: &str = "description";
const INPUT: &str = "inputSchema";
const OUTPUT: &str = "outputSchema";
const ANNOTATIONS: &str = "annotations";

/// The names of MCP's own. Another spelling of one of them is read by some clients and not by
/// others.
const KNOWN: &[&str] = &[
    NAME,
    TITLE,
    DESCRIPTION,
    INPUT,
    OUTPUT,
    ANNOTATIONS,
    HARMLESS[0],
    HARMLESS[1],
    HARMLESS[2],
];

/// A tool as its server describes it, without what is harmless.
///
/// Two are equal when the same text is in them: the order of names, the spelling of numbers and of
/// escapes and the order of a schema's `required` and `type` do not count, nor do `_meta`, `icons`
/// and `execution`. Everything else does, names that MCP does not have yet included: a client may
/// pass them on to its model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tool {
    pub(super) name: String,
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) input: Option<Value>,
    pub(super) output: Option<Value>,
    pub(super) annotations: Option<Value>,
    /// What else stands there.
    pub(super) more: BTreeMap<String, Value>,
}

/// Why a description of a tool cannot be reviewed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTool {
    /// It has more bytes than any honest one.
    #[error("it has {0} bytes, more than {TOOL_BYTES_MAX}")]
    TooLong(usize),
    /// It is not JSON that reads in one way.
    #[error(transparent)]
    Json(#[from] InvalidJson),
    /// It is JSON and no object.
    #[error("it is no object")]
    NotObject,
    /// It has no name, an empty one, or one that is longer than 1 KiB.
    #[error("it has no name of 1 to {NAME_BYTES_MAX} bytes")]
    Name,
    /// A part is of another kind than MCP says.
    #[error("its `{0}` is not what MCP has there")]
    Kind(&'static str),
    /// A part is written with other capitals than MCP's.
    #[error("it has {0:?}, which some clients read as another name")]
    Spelling(String),
}

impl Tool {
    /// Reads one element of the `tools` of a `tools/list` result.
    ///
    /// # Errors
    ///
    /// What cannot be reviewed cannot be approved, so whoever reads a list withholds it.
    pub fn read(text: &str) -> Result<Self, InvalidTool> {
        if text.len() > TOOL_BYTES_MAX {
            return Err(InvalidTool::TooLong(text.len()));
        }
        let Value::Object(mut parts) = Value::read(text)? else {
            return Err(InvalidTool::NotObject);
        };
        if let Some(name) = parts.keys().find(|name| is_misspelt(name)) {
            return Err(InvalidTool::Spelling(name.clone()));
        }
        parts.retain(|name, value| !HARMLESS.contains(&name.as_str()) && *value != Value::Null);
        let name = text_of(&mut parts, NAME)?.ok_or(InvalidTool::Name)?;
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(InvalidTool::Name);
        }
        Ok(Self {
            name,
            title: text_of(&mut parts, TITLE)?,
            description: text_of(&mut parts, DESCRIPTION)?,
            input: object_of(&mut parts, INPUT)?.map(in_order),
            output: object_of(&mut parts, OUTPUT)?.map(in_order),
            annotations: object_of(&mut parts, ANNOTATIONS)?,
            more: parts,
        })
    }

    /// What the server calls it. It may hold any character.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name with everything but ASCII by its number: `get_n\u{43e}te` looks like another one
    /// otherwise.
    pub fn shown_name(&self) -> String {
        visible_name(&self.name)
    }

    /// The digest of all that counts: BLAKE3 of one line of JSON without blanks, names in the order
    /// of their bytes, numbers in the shortest spelling, and no character escaped that JSON does
    /// not make so.
    pub fn digest(&self) -> Digest {
        let parts = self.parts().map(|(name, value)| (name.to_owned(), value));
        Digest::of(Value::Object(parts.collect()).compact().as_bytes())
    }

    /// The name in a description that is JSON, whatever else is wrong with it.
    pub(super) fn name_of(text: &str) -> Option<String> {
        match Value::read(text) {
            Ok(Value::Object(mut parts)) => text_of(&mut parts, NAME).ok().flatten(),
            Ok(
                Value::Null | Value::Flag(_) | Value::Number(_) | Value::Text(_) | Value::List(_),
            )
            | Err(_) => None,
        }
    }

    /// A tool of which nothing but the name is known.
    pub(super) fn named_only(&self) -> Self {
        Self {
            name: self.name.clone(),
            title: None,
            description: None,
            input: None,
            output: None,
            annotations: None,
            more: BTreeMap::new(),
        }
    }

    /// Everything that counts, by MCP's names.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&str, Value)> {
        let text = |text: &Option<String>| text.clone().map(Value::Text);
        let known = [
            (NAME, Some(Value::Text(self.name.clone()))),
            (TITLE, text(&self.title)),
            (DESCRIPTION, text(&self.description)),
            (INPUT, self.input.clone()),
            (OUTPUT, self.output.clone()),
            (ANNOTATIONS, self.annotations.clone()),
        ];
        let known = known
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let more = self.more.iter();
        known.chain(more.map(|(name, value)| (name.as_str(), value.clone())))
    }

    /// Whether these parts could stand beside the known ones.
    pub(super) fn are_more(parts: &BTreeMap<String, Value>) -> bool {
        parts
            .iter()
            .all(|(name, value)| !is_known(name) && !is_misspelt(name) && *value != Value::Null)
    }
}

fn is_known(name: &str) -> bool {
    KNOWN.contains(&name)
}

fn is_misspelt(name: &str) -> bool {
    // Readers that ignore case do so in ASCII or by Unicode; `ſ` and `K` (U+212A) fold into it.
    let folded = || name.chars().flat_map(char::to_lowercase).map(plain);
    let same = |known: &&str| known.chars().map(|c| c.to_ascii_lowercase()).eq(folded());
    !is_known(name) && KNOWN.iter().any(same)
}

const fn plain(letter: char) -> char {
    match letter {
        '\u{17f}' => 's',
        other => other,
    }
}

fn text_of(
    parts: &mut BTreeMap<String, Value>,
    name: &'static str,
) -> Result<Option<String>, InvalidTool> {
    match parts.remove(name) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(
            Value::Null | Value::Flag(_) | Value::Number(_) | Value::List(_) | Value::Object(_),
        ) => Err(InvalidTool::Kind(name)),
    }
}

fn object_of(
    parts: &mut BTreeMap<String, Value>,
    name: &'static str,
) -> Result<Option<Value>, InvalidTool> {
    match parts.remove(name) {
        None => Ok(None),
        Some(object @ Value::Object(_)) => Ok(Some(object)),
        Some(Value::Null | Value::Flag(_) | Value::Number(_) | Value::Text(_) | Value::List(_)) => {
            Err(InvalidTool::Kind(name))
        }
    }
}

/// A schema with its sets in order: servers that keep names in hash maps write `required` and
/// `type` in another order at each start, and neither's order says anything (JSON Schema 2020-12,
/// Validation, 6.5.3 and 6.1.1).
pub(super) fn in_order(schema: Value) -> Value {
    match schema {
        Value::Object(members) => {
            let ordered = members.into_iter().map(|(name, value)| {
                let is_set = matches!(name.as_str(), "required" | "type");
                let value = if is_set {
                    sorted(value)
                } else {
                    in_order(value)
                };
                (name, value)
            });
            Value::Object(ordered.collect())
        }
        Value::List(elements) => Value::List(elements.into_iter().map(in_order).collect()),
        other @ (Value::Null | Value::Flag(_) | Value::Number(_) | Value::Text(_)) => other,
    }
}

/// A list of names in order; a property that happens to be called so is an object, which has its
/// own.
fn sorted(value: Value) -> Value {
    match value {
        Value::List(mut names) if names.iter().all(|name| matches!(name, Value::Text(_))) => {
            names.sort();
            Value::List(names)
        }
        other @ (Value::Null
        | Value::Flag(_)
        | Value::Number(_)
        | Value::Text(_)
        | Value::List(_)
        | Value::Object(_)) => in_order(other),
    }
}

#[cfg(test)]
mod tests;
