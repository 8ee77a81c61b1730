//! Egress by name, through programs and servers that know nothing of it.
//!
//! They run in a small internet of the tests' own (`tests/peers/egress`), bare and in a cell that
//! is granted a name there. brig runs in it too: it is the host then.

mod bypass;
mod down;
mod faults;
mod idle;
mod programs;
mod servers;
mod stand;
mod under;
