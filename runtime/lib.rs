//! Make it so: the command line, the probe, launching, the bridge. With `images`, the only crate
//! that has effects; it decides nothing that a manifest decides.

#[path = "init/wire.rs"]
pub(crate) mod init_wire;
pub mod launch;
