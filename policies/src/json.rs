//! A JSON value that keeps the order in which it was made.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;

use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

/// A JSON value; whoever shows it serialises it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Whole(i64),
    /// Thousandths of a number.
    Milli(i64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object; no name stands in it twice.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// A string.
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// An array of strings.
    pub(crate) fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// An object.
    pub(crate) fn object<'n>(parts: impl IntoIterator<Item = (&'n str, Self)>) -> Self {
        let parts = parts.into_iter();
        Self::Object(
            parts
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    }

    /// An object with some more parts at its end.
    pub(crate) fn with<'n>(self, more: impl IntoIterator<Item = (&'n str, Self)>) -> Self {
        match self {
            Self::Object(mut parts) => {
                let more = more.into_iter();
                parts.extend(more.map(|(name, value)| (name.to_owned(), value)));
                Self::Object(parts)
            }
            Self::Flag(_) | Self::Whole(_) | Self::Milli(_) | Self::Text(_) | Self::List(_) => self,
        }
    }

    /// An object without a part.
    pub(crate) fn without(self, part: &str) -> Self {
        match self {
            Self::Object(parts) => {
                let others = parts.into_iter().filter(|(name, _)| name != part);
                Self::Object(others.collect())
            }
            Self::Flag(_) | Self::Whole(_) | Self::Milli(_) | Self::Text(_) | Self::List(_) => self,
        }
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Whole(number) => serializer.serialize_i64(*number),
            Self::Milli(number) if number % 1000 == 0 => serializer.serialize_i64(number / 1000),
            Self::Milli(number) => {
                #[expect(clippy::cast_precision_loss, reason = "no bound has 52 bits")]
                let number = *number as f64 / 1000.0;
                serializer.serialize_f64(number)
            }
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(list) => {
                let mut out = serializer.serialize_seq(Some(list.len()))?;
                for value in list {
                    out.serialize_element(value)?;
                }
                out.end()
            }
            Self::Object(parts) => {
                let mut out = serializer.serialize_map(Some(parts.len()))?;
                for (name, value) in parts {
                    out.serialize_entry(name, value)?;
                }
                out.end()
            }
        }
    }
}
