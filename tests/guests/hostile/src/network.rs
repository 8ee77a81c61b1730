//! Attacks on the network. The host and WASI reach it through different doors, so each has a
//! module of its own with the same functions.

#[cfg(unix)]
mod native;
#[cfg(target_family = "wasm")]
mod wasi;

#[cfg(unix)]
use native as door;
#[cfg(target_family = "wasm")]
use wasi as door;

use stdio_server::{Answer, Argument, Call, Kind, Tool};

const HOST: Argument = Argument::required("host", Kind::Text, "A name or an address");
const PORT: Argument = Argument::required("port", Kind::Integer, "The port");

/// How much of what a peer says is given back.
const REPLY_BYTES_MAX: usize = 4096;

pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        name: "connect",
        description: "Opens a TCP connection, sends a text if there is one and reads the reply",
        arguments: &[
            HOST,
            PORT,
            Argument::optional("send", Kind::Text, "The text"),
        ],
        call: |call| {
            let text = call.text_if_given("send")?;
            Ok(Answer::Text(door::connect(
                call.text("host")?,
                port(call)?,
                text,
            )?))
        },
    },
    Tool {
        name: "bind",
        description: "Listens for TCP connections",
        arguments: &[
            Argument::required("host", Kind::Text, "An address of this machine"),
            PORT,
        ],
        call: |call| Ok(Answer::Text(door::bind(call.text("host")?, port(call)?)?)),
    },
    Tool {
        name: "udp_send",
        description: "Sends a UDP datagram",
        arguments: &[
            HOST,
            PORT,
            Argument::required("send", Kind::Text, "What it holds"),
        ],
        call: |call| {
            let text = call.text("send")?;
            Ok(Answer::Text(door::udp_send(
                call.text("host")?,
                port(call)?,
                text,
            )?))
        },
    },
    Tool {
        name: "resolve",
        description: "Asks for the addresses of a name",
        arguments: &[HOST],
        call: |call| Ok(Answer::Text(door::resolve(call.text("host")?)?)),
    },
];

fn port(call: &Call<'_, '_>) -> Result<u16, Box<dyn std::error::Error>> {
    Ok(u16::try_from(call.integer("port")?)?)
}
