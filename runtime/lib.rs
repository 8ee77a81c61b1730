//! Make it so: the command line, the probe, launching, the bridge. With `images`, the only crate
//! that has effects; it decides nothing that a manifest decides.

pub mod bridge;
pub mod cli;
pub mod component;
pub mod exit;
#[path = "init/wire.rs"]
pub(crate) mod init_wire;
pub mod launch;
mod log;
pub mod places;
pub mod prepare;
pub mod probe;
pub mod report;
pub mod serve;
mod streams;
