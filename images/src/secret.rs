//! What must not be seen.

use std::fmt;

/// A password or a token. It can be shown to nobody by accident.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// Keeps a text as one.
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// The text: for the header that goes to the registry, and for nothing else.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(..)")
    }
}
