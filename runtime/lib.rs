//! Make it so: the command line, the probe, launching, the bridge. With `images`, the only crate
//! that has effects; it decides nothing that a manifest decides.

#[cfg(all(feature = "test-hooks", not(debug_assertions)))]
compile_error!("hooks for tests hand brig's parts over to an attacker: no release may have them");

pub mod bench;
pub mod bridge;
mod carrier;
pub mod cli;
pub mod component;
pub(crate) mod confine;
pub(crate) mod consent;
pub mod engine;
pub mod exit;
mod greeting;
pub(crate) mod hook;
mod images;
#[expect(
    unreachable_pub,
    dead_code,
    reason = "the file is a module of init as well, and each program uses a part of it"
)]
#[path = "init/wire.rs"]
pub(crate) mod init_wire;
pub(crate) mod journal;
pub mod launch;
mod lock;
mod log;
pub mod places;
pub mod prepare;
pub mod probe;
mod replace;
pub mod report;
pub(crate) mod screen;
mod secrets;
pub mod serve;
pub mod settings;
mod streams;
mod trace;
pub mod verify;
