//! An MCP server whose every tool is an attack.
//!
//! Run bare, on the host, each of them succeeds; `tests/bare.rs` holds that. So what fails in a
//! cell fails because of the cell.

#![cfg_attr(target_family = "wasm", feature(wasi_ext, wasip2))]

mod files;
mod flood;
mod forge;
mod load;
mod network;
mod process;
mod protocol;

use std::process::ExitCode;
use stdio_server::{Server, Tool};

const TOOLS: &[&[Tool]] = &[
    files::TOOLS,
    flood::TOOLS,
    forge::TOOLS,
    load::TOOLS,
    network::TOOLS,
    process::TOOLS,
    protocol::TOOLS,
];

fn main() -> ExitCode {
    let end = stdio_server::run(&Server {
        name: "hostile",
        version: "1",
        tools: TOOLS,
    });
    protocol::outlive();
    end
}
