//! Walls that a test leaves out. A release's init knows no such order: there, each of these answers
//! "no" without a look at the orders.

#[cfg(not(test_hooks))]
pub use closed::*;
#[cfg(test_hooks)]
pub use open::*;

#[cfg(not(test_hooks))]
mod closed {
    /// Whether the orders leave this wall out.
    pub fn leaves_out(_: &[u8], _: u8) -> bool {
        false
    }

    /// Whether there is no filter to put on.
    pub fn is_left_out(_: &[u8]) -> bool {
        false
    }

    /// Takes back what init did before it read its orders.
    pub fn undo(_: &[u8]) {}
}

#[cfg(test_hooks)]
mod open {
    use crate::wire::{left_out, tag};
    use crate::{PR_SET_DUMPABLE, PR_SET_PDEATHSIG, find, sys};

    /// By which a test tells an init that has this module.
    #[used]
    static MARK: [u8; 24] = *b"brig: walls can be left ";

    pub fn leaves_out(orders: &[u8], wall: u8) -> bool {
        find(orders, tag::LEFT_OUT).is_some_and(|walls| walls.contains(&wall))
    }

    pub fn is_left_out(filter: &[u8]) -> bool {
        filter.is_empty()
    }

    pub fn undo(orders: &[u8]) {
        if leaves_out(orders, left_out::DEATH_SIGNAL) {
            let _ = sys::prctl(PR_SET_PDEATHSIG, 0, 0);
        }
        if leaves_out(orders, left_out::DUMPABLE) {
            let _ = sys::prctl(PR_SET_DUMPABLE, 1, 0);
        }
    }
}
