//! Images taken in from registries, layouts and archives: honest ones, hostile ones, and pulls
//! that are ended, repeated and crowded.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod archives;
mod artifacts;
mod crash;
mod ground;
mod honest;
mod hostile;
mod kept;
mod layouts;
mod logins;
mod site;
