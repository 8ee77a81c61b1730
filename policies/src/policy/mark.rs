//! Where a right is written.

use core::ops::Range;

/// The bytes of the manifest that give a right. Two rights are equal wherever they stand, so all
/// marks are equal.
#[derive(Clone, Debug)]
pub struct Mark(Range<usize>);

impl Mark {
    pub(crate) const fn new(span: Range<usize>) -> Self {
        Self(span)
    }

    /// The bytes.
    pub fn span(&self) -> Range<usize> {
        self.0.clone()
    }
}

impl PartialEq for Mark {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Mark {}
