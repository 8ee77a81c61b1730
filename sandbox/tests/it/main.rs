//! What the deciding crate decides, asked from outside: plans and their lowering as data, refusals
//! as data, the mechanism table against every host, and what compiled filters answer.
//!
//! These read files and so cannot lie in `src`, which has no word for a file.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod ask;
mod egress;
mod engines;
mod filters;
mod goldens;
mod machine;
mod mechanisms;
mod properties;
mod refusals;
mod runtimes;
mod traced;
