//! Runs one WebAssembly server: brig's side of the orders in `brig_sandbox::component`.
//!
//! Three programs share this module. The supervisor asks the [`cache`] for compiled code. Where
//! there is none it has the [`compile`]r make it, in a cell with no grants. The [`worker`] runs it,
//! in the server's cell. Nothing here makes a cell: compiler and worker trust that one is around
//! them, and add the walls that only wasmtime can hold.

pub mod cache;
pub mod compile;
pub mod form;
pub mod worker;

mod ending;
mod engine;
mod limiter;
mod mapping;
mod network;
mod report;
mod state;
mod stdio;
mod ticker;
mod verdict;

pub(crate) use verdict::{CODE_UNFIT, StartFailure, compiled, ending_of, refusals};
