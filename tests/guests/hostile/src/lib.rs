//! An MCP server whose every tool is an attack.
//!
//! Run bare, on the host, each of them succeeds; `tests/bare.rs` holds that. So what fails in a
//! cell fails because of the cell. A brig that is built for tests links this library too: its
//! worker becomes this server once its walls are up, as one that was taken over would.

#![cfg_attr(target_family = "wasm", feature(wasi_ext, wasip2))]

mod files;
mod flood;
mod forge;
#[cfg(unix)]
mod kernel;
mod load;
mod network;
mod process;
mod protocol;

use std::io::{BufRead, Write};
use std::process::ExitCode;
use stdio_server::{Server, Tool};

const TOOLS: &[&[Tool]] = &[
    files::TOOLS,
    flood::TOOLS,
    forge::TOOLS,
    #[cfg(unix)]
    kernel::TOOLS,
    load::TOOLS,
    network::TOOLS,
    process::TOOLS,
    protocol::TOOLS,
];

/// Serves one client until its end of `input`, and longer where a tool was told so.
pub fn serve(input: &mut dyn BufRead, output: &mut dyn Write) -> ExitCode {
    let server = Server {
        name: "hostile",
        version: "1",
        tools: TOOLS,
    };
    let end = stdio_server::serve(&server, input, output);
    protocol::outlive();
    match end {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
