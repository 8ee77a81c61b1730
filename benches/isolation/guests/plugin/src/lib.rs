//! The tool as an Extism plugin of hyper-mcp's second form: JSON in, JSON out.
#![allow(
    missing_docs,
    reason = "the macro of a plugin makes public items of its own"
)]
#![no_main]

use extism_pdk::{FnResult, plugin_fn};
use serde::Deserialize;
use serde_json::{Value, json};

/// What hyper-mcp hands over; it also tells of the request, which nothing here needs.
#[derive(Deserialize)]
struct Call {
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    arguments: Arguments,
}

#[derive(Deserialize)]
struct Arguments {
    value: f64,
    from: String,
    to: String,
}

/// The name that hyper-mcp does not add itself: the plugin is called `units`.
fn short_name() -> &'static str {
    convert::NAME
        .strip_prefix("units-")
        .unwrap_or(convert::NAME)
}

#[plugin_fn]
pub fn list_tools(_: String) -> FnResult<String> {
    let number = json!({ "type": "number", "description": "How many of the first unit" });
    let text = |of: &str| json!({ "type": "string", "description": of });
    let listed = json!({ "tools": [{
        "name": short_name(),
        "description": convert::DESCRIPTION,
        "inputSchema": {
            "type": "object",
            "properties": {
                "value": number,
                "from": text("The unit of the value"),
                "to": text("The unit that is wanted"),
            },
            "required": ["value", "from", "to"],
        },
    }] });
    Ok(listed.to_string())
}

#[plugin_fn]
pub fn call_tool(call: String) -> FnResult<String> {
    Ok(answer(&call).to_string())
}

fn answer(call: &str) -> Value {
    let outcome = match serde_json::from_str::<Call>(call) {
        Ok(Call {
            request: Request { arguments },
        }) => convert::converted(arguments.value, &arguments.from, &arguments.to),
        Err(error) => Err(error.to_string()),
    };
    let is_error = outcome.is_err();
    let text = outcome.unwrap_or_else(|why| why);
    json!({ "content": [{ "type": "text", "text": text }], "isError": is_error })
}
