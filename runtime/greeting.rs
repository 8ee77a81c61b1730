//! What brig says where it is the client itself: of `brig call`, `brig lock` and `brig bench`.

use serde_json::{Value, json};

/// The newest dated version of the protocol with a handshake, which both eras' servers speak.
const PROTOCOL_VERSION: &str = "2025-11-25";
/// The version without one, in which every request says who asks.
const MODERN_VERSION: &str = "2026-07-28";
/// Of JSON-RPC 2.0, section 5.1.
const METHOD_NOT_FOUND: i32 = -32601;

/// The parameters of `initialize`.
pub(crate) fn initialize(as_whom: &str, capabilities: &Value) -> Value {
    json!({
        "protocolVersion": PROTOCOL_VERSION,
        "capabilities": capabilities,
        "clientInfo": own(as_whom),
    })
}

/// What follows its answer.
pub(crate) fn initialized() -> Value {
    json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })
}

/// What every request has with it in the era without a handshake.
pub(crate) fn modern(as_whom: &str, capabilities: &Value) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": MODERN_VERSION,
        "io.modelcontextprotocol/clientCapabilities": capabilities,
        "io.modelcontextprotocol/clientInfo": own(as_whom),
    })
}

/// Answers what a server asks of a client that can do nothing; it may wait for that.
pub(crate) fn refusal(asked: &Value) -> Value {
    let error = json!({ "code": METHOD_NOT_FOUND, "message": "Method not found" });
    json!({ "jsonrpc": "2.0", "id": asked, "error": error })
}

fn own(as_whom: &str) -> Value {
    json!({ "name": as_whom, "version": env!("CARGO_PKG_VERSION") })
}
