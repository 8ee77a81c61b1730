//! Plan → a foreign format. Each lowering is a pure function with golden files.

pub mod command;
pub mod daemon;
pub mod native;
pub mod oci;
pub mod runtime;
