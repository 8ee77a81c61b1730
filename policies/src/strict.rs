//! JSON text read so that no two readers can differ about it.
//!
//! Readers of JSON part ways over objects: which of two equal keys counts, and whether `Name` is
//! `name`. Whoever decides by one reading and passes the text on to another reader can be led past
//! its own rule. So whatever a rule reads is read here, and refused where readers could part.
//!
//! The text is one that a parser of JSON has accepted before; what is none all the same is
//! [`Unclear::Broken`] where it is met. *Absent here:* a copy of what is read. Values stay text, so
//! numbers keep their digits.

mod decimal;
mod fold;
mod reader;
#[cfg(test)]
mod tests;
mod text;

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

pub use fold::same_letters;
use reader::{Member, Reader};
pub use text::shown;

/// How deep what a rule reads may nest. Common readers end at 128 (serde_json) or earlier, and then
/// see another message than those that go on.
pub const DEPTH_MAX: usize = 128;

/// How long a key may be, in bytes once its escapes are resolved. Without a bound a look at the
/// keys costs as much memory as the message has.
pub const KEY_BYTES_MAX: usize = 1024;

/// How many keys there may be in all objects that are read at once. Each costs some 100 bytes while
/// it is compared with its neighbours.
pub const KEYS_MAX: usize = 65_536;

/// How many elements a list may have that a rule goes through one by one. Each costs some 40 bytes.
pub const ELEMENTS_MAX: usize = 65_536;

/// Why readers could take a text differently.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// Two keys of one object are equal, or equal but for case.
    #[error("the key \"{0}\" stands in one object twice, or in two cases")]
    Twice(String),
    /// A key is one that the protocol gives a meaning to, in other case.
    #[error("the key \"{0}\" is `{1}` to a reader that ignores case")]
    Variant(String, &'static str),
    /// A key names half of a surrogate pair, which readers replace, keep or refuse.
    #[error("a key has half a character")]
    HalfKey,
    /// A key is longer than [`KEY_BYTES_MAX`].
    #[error("a key is longer than {KEY_BYTES_MAX} bytes")]
    LongKey,
    /// There are more than [`KEYS_MAX`] keys.
    #[error("there are more than {KEYS_MAX} keys")]
    ManyKeys,
    /// A list has more than [`ELEMENTS_MAX`] elements.
    #[error("a list has more than {ELEMENTS_MAX} elements")]
    ManyElements,
    /// It nests deeper than [`DEPTH_MAX`].
    #[error("it nests deeper than {DEPTH_MAX} levels")]
    Deep,
    /// A value is of another kind than the protocol has there, or is absent where it has to be.
    #[error("`{0}` is not of the form that it has to have")]
    Form(&'static str),
    /// It is no JSON after all.
    #[error("it is no JSON")]
    Broken,
}

/// One JSON value as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a>(&'a str);

impl<'a> Value<'a> {
    /// Takes the text of one value. White space around it is no part of it.
    pub fn new(raw: &'a str) -> Self {
        Self(raw.trim_matches([' ', '\t', '\n', '\r']))
    }

    /// The text.
    pub fn raw(self) -> &'a str {
        self.0
    }

    /// The characters of a string, its escapes resolved; `None` for another kind of value, and for
    /// a string with half a surrogate pair.
    pub fn text(self) -> Option<Cow<'a, str>> {
        text::unescaped(self.0)
    }

    /// Whether it is a string.
    pub fn is_text(self) -> bool {
        self.0.starts_with('"')
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    /// How a number compares with a whole one: by value, however it is written, without a digit
    /// lost. `None` for another kind of value.
    pub fn compare(self, whole: i64) -> Option<Ordering> {
        decimal::compare(self.0, whole)
    }

    /// The elements of an array; `None` for another kind of value, and for one with more than
    /// [`ELEMENTS_MAX`].
    pub fn elements(self) -> Option<Vec<Self>> {
        let mut reader = Reader::new(self.0);
        let elements = self.0.starts_with('[').then(|| reader.elements())?.ok()?;
        Some(elements.into_iter().map(Self).collect())
    }

    /// Whether every object in it, at every depth, is clear, and none of its bounds is passed.
    pub fn clear(self) -> Result<(), Unclear> {
        Reader::new(self.0).clear(DEPTH_MAX)
    }
}

/// What a value has in it, for whoever follows many pointers into it.
#[derive(Debug)]
pub(crate) enum Parts<'a> {
    /// An object's members. It has to be clear: see [`Value::clear`].
    Object(BTreeMap<Cow<'a, str>, Value<'a>>),
    /// An array's elements.
    List(Vec<Value<'a>>),
    /// Neither.
    Leaf,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(value: Value<'a>) -> Self {
        if let Some(elements) = value.elements() {
            return Self::List(elements);
        }
        let members = value.is_object().then(|| Reader::new(value.0).members());
        match members {
            Some(Ok(members)) => {
                let members = members.into_iter();
                Self::Object(members.map(|it| (it.key, Value(it.value))).collect())
            }
            Some(Err(_)) | None => Self::Leaf,
        }
    }

    /// The part that a name of a JSON pointer (RFC 6901) leads to.
    pub(crate) fn get(&self, name: &str) -> Option<Value<'a>> {
        match self {
            Self::Object(members) => members.get(name).copied(),
            Self::List(elements) => {
                let leading_zero = name.len() > 1 && name.starts_with('0');
                let index = name.bytes().all(|byte| byte.is_ascii_digit()) && !leading_zero;
                let index: usize = index.then(|| name.parse().ok())??;
                elements.get(index).copied()
            }
            Self::Leaf => None,
        }
    }
}

/// One object, each of whose keys stands in it once.
#[derive(Clone, Debug)]
pub struct Object<'a> {
    members: Vec<Member<'a>>,
}

impl<'a> Object<'a> {
    /// Reads the keys of an object and leaves its values alone. `what` is the object's name in
    /// messages, `reserved` the keys whose case variants it must not have.
    pub fn read(
        value: Value<'a>,
        what: &'static str,
        reserved: &[&'static str],
    ) -> Result<Self, Unclear> {
        if !value.is_object() {
            return Err(Unclear::Form(what));
        }
        let members = Reader::new(value.0).members()?;
        fold::distinct(members.iter().map(|member| member.key.as_ref()))?;
        for member in &members {
            fold::variant(&member.key, reserved)?;
        }
        Ok(Self { members })
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        let member = self.members.iter().find(|member| member.key == key)?;
        Some(Value(member.value))
    }

    /// The keys with their values, in their order.
    pub fn members(&self) -> impl Iterator<Item = (&str, Value<'a>)> {
        let members = self.members.iter();
        members.map(|member| (member.key.as_ref(), Value(member.value)))
    }

    /// Each member's text, from its key to the end of its value, in order.
    pub fn spelled(&self) -> impl Iterator<Item = (&str, &'a str)> {
        let members = self.members.iter();
        members.map(|member| (member.key.as_ref(), member.whole))
    }
}

/// Whether an object has this key, however a reader takes its case. It tells whether a rule has
/// anything to read in an object, and judges nothing: the object need not be clear.
pub fn mentions(value: Value<'_>, key: &str) -> bool {
    if !value.is_object() {
        return false;
    }
    Reader::new(value.0).any_key(|name| same_letters(name, key))
}
