//! How is that enforced? Policy, host facts and artifact become a plan, and a plan becomes what an
//! engine understands.
//!
//! Nothing here reads a file, the environment or the clock, starts a process or opens a socket:
//! what the host offers comes in as [`facts::HostFacts`], what shall happen goes out as plain data.

extern crate alloc;

pub mod cell;
pub mod component;
pub mod egress;
pub mod engine;
pub mod facts;
pub mod family;
pub mod image;
pub mod landlock;
pub mod lower;
pub mod mechanism;
pub mod plan;
pub mod seccomp;
pub mod trace;
