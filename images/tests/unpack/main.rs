//! Images as nobody honest makes them, and as people do: what becomes of each.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod accounts;
mod archive;
mod config;
mod honest;
mod hostile;
mod model;
mod place;
mod shapes;
mod writers;
