//! Make it so: the command line, the probe, launching, the bridge. With `images`, the only crate
//! that has effects; it decides nothing that a manifest decides.

pub mod bridge;
pub mod component;
pub mod exit;
#[path = "init/wire.rs"]
pub(crate) mod init_wire;
pub mod launch;
pub mod probe;
