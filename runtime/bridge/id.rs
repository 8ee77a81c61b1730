//! JSON-RPC ids, kept as the peer wrote them.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

/// How long an id may be. Without a bound each call in flight could hold a whole message in memory.
pub const ID_BYTES_MAX: usize = 1024;

/// A JSON-RPC id or progress token: a JSON string or number, as raw JSON text.
///
/// Numbers are equal when their text is, so an id beyond 2^53 keeps its digits and `1` is not
/// `1.0`. Strings are equal when they mean the same characters, however they are escaped. `1` is
/// never `"1"`.
#[derive(Clone, Debug)]
pub struct Id {
    raw: Box<str>,
    /// The string with its escapes resolved and written anew; only where that may differ from
    /// `raw`.
    canonical: Option<Box<str>>,
}

/// Why a JSON value is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// It is neither a string nor a number.
    #[error("an id is a string or a number")]
    Kind,
    /// It is longer than [`ID_BYTES_MAX`].
    #[error("an id has at most {ID_BYTES_MAX} bytes")]
    TooLong,
}

impl Id {
    /// Takes the raw text of one JSON value.
    pub fn read(raw: &str) -> Result<Self, InvalidId> {
        match raw.as_bytes().first() {
            Some(b'"' | b'-' | b'0'..=b'9') => {}
            Some(_) | None => return Err(InvalidId::Kind),
        }
        if raw.len() > ID_BYTES_MAX {
            return Err(InvalidId::TooLong);
        }
        Ok(Self {
            raw: raw.into(),
            canonical: canonical(raw),
        })
    }

    /// The id as the peer wrote it, to be put into an answer.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    fn key(&self) -> &str {
        self.canonical.as_deref().unwrap_or(&self.raw)
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Id {}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// The text of a JSON string, borrowed where it has no escape; none where it is no string or names
/// half a surrogate pair, which no `str` can hold.
pub(crate) fn text(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(raw).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

fn canonical(raw: &str) -> Option<Box<str>> {
    match text(raw)? {
        Cow::Borrowed(_) => None,
        Cow::Owned(plain) => serde_json::to_string(&plain)
            .ok()
            .map(String::into_boxed_str),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[track_caller]
    fn check(left: &str, right: &str, equal: bool) {
        let (left, right) = (Id::read(left).unwrap(), Id::read(right).unwrap());
        assert_eq!(left == right, equal, "{left:?} and {right:?}");
    }

    #[test]
    fn ids_are_equal_by_what_they_say_not_by_what_they_amount_to() {
        check("1", "1", true);
        check("1", "1.0", false);
        check("1", "1e0", false);
        check("1", r#""1""#, false);
        check("0", "-0", false);
        check("9007199254740993", "9007199254740992", false);
        check(
            "123456789012345678901234567890",
            "123456789012345678901234567890",
            true,
        );
        check(r#""a""#, r#""\u0061""#, true);
        check(r#""a/b""#, r#""a\/b""#, true);
        check(r#""\"""#, r#""\u0022""#, true);
        check(r#""\n""#, r#""\u000A""#, true);
        check(r#""é""#, r#""\u00e9""#, true);
        check(r#""😀""#, r#""\ud83d\ude00""#, true);
        check(r#""a""#, r#""A""#, false);
        check(r#""\ud800""#, r#""\ud800""#, true);
        check(r#""\ud800""#, r#""\ud801""#, false);
        check(r#""""#, r#""""#, true);
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let check = |raw: &str, want| assert_eq!(Id::read(raw).unwrap_err(), want, "{raw:.20}");
        check("null", InvalidId::Kind);
        check("true", InvalidId::Kind);
        check("{}", InvalidId::Kind);
        check("[1]", InvalidId::Kind);
        check("", InvalidId::Kind);
        check(&"1".repeat(ID_BYTES_MAX + 1), InvalidId::TooLong);
        assert_eq!(
            Id::read(&"1".repeat(ID_BYTES_MAX)).unwrap().raw().len(),
            ID_BYTES_MAX
        );
    }
}
