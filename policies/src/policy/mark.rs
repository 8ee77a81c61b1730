//! Where a right is written.

use alloc::collections::BTreeMap;
use core::ops::Range;

use crate::limits::Limit;

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

/// Where the limits are written; one that is not there is a default. As with [`Mark`], all are
/// equal: a limit that is written as its default is the same limit.
#[derive(Clone, Debug)]
pub(crate) struct LimitMarks(pub(crate) BTreeMap<Limit, Range<usize>>);

impl PartialEq for LimitMarks {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for LimitMarks {}
