//! The tool as an MCP server on standard input and output, for this host and as a component.

use std::process::ExitCode;
use stdio_server::{Answer, Argument, Call, Kind, Outcome, Server, Tool};

const TOOL: Tool = Tool {
    name: convert::NAME,
    description: convert::DESCRIPTION,
    arguments: &[
        Argument::required("value", Kind::Number, "How many of the first unit"),
        Argument::required("from", Kind::Text, "The unit of the value"),
        Argument::required("to", Kind::Text, "The unit that is wanted"),
    ],
    call: convert,
};

fn main() -> ExitCode {
    stdio_server::run(&Server {
        name: "units",
        version: env!("CARGO_PKG_VERSION"),
        tools: &[&[TOOL]],
    })
}

fn convert(call: &mut Call<'_, '_>) -> Outcome {
    let value = call.number("value")?;
    let converted = convert::converted(value, call.text("from")?, call.text("to")?);
    Ok(Answer::Text(converted?))
}
