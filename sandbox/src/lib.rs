//! How is that enforced?
extern crate alloc;
pub mod component;
