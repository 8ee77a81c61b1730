//! End to end, through the program as it is installed. One binary: `cargo test --test it`.
//!
//! Tests need parts (guests, SDKs, tools) that `scripts/parts` installs. A part that is not there
//! is a failure that names it, never a skip.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod alone;
mod artifacts;
mod bench;
mod bridge_limits;
mod budgets;
mod clients;
mod command_line;
mod component_network;
mod conformance;
mod consent;
mod editor;
mod egress;
mod engines;
mod escape;
mod faults_of_bridges;
mod guests;
mod harness;
mod hostile;
mod images;
mod inspect;
mod kills;
mod layout;
mod locks;
mod obeyed;
mod programs;
mod relay;
mod reviews;
mod rights;
mod rug_pulls;
mod rules;
mod secrets;
mod servers;
mod settings;
mod streams;
mod tidy;
mod trace;
mod users;
mod verify;
mod walls;
mod why;
