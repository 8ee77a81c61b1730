use crate::Server;
use crate::connection::Connection;
use crate::message::{Failure, Request};
use crate::tool::{Answer, Call, Tool, listing, outcome};
use serde_json::{Map, Value, json};
use std::io;

/// The versions with an `initialize` handshake, newest first.
const LEGACY: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// The version in which every request carries its own envelope.
const MODERN: &str = "2026-07-28";

const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";
const SERVER_KEY: &str = "io.modelcontextprotocol/serverInfo";

const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const UNSUPPORTED_VERSION: i64 = -32022;

/// The state of one connection: the era, which the first request decides for good.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    server: &'a Server,
    era: Option<Era>,
}

#[derive(Clone, Copy, Debug)]
enum Era {
    Legacy,
    Modern,
}

/// What a request asks for, once its era has been checked.
enum Wanted {
    Result(Value),
    Call,
}

impl<'a> Session<'a> {
    pub(crate) fn new(server: &'a Server) -> Self {
        Self { server, era: None }
    }

    /// Answers one request.
    pub(crate) fn answer(
        &mut self,
        request: &Request<'_>,
        connection: &mut Connection<'_>,
    ) -> io::Result<()> {
        let params = serde_json::from_str(request.params).unwrap_or(Value::Null);
        let asked = params["_meta"][VERSION_KEY].as_str();
        let first = if asked.is_some() {
            Era::Modern
        } else {
            Era::Legacy
        };
        let era = *self.era.get_or_insert(first);
        let wanted = match era {
            Era::Legacy => self.legacy(request.method, &params, asked),
            Era::Modern => self.modern(request.method, &params, asked),
        };
        let result = match wanted {
            Ok(Wanted::Result(result)) => Ok(Some(result)),
            Ok(Wanted::Call) => self.call(request, &params, connection),
            Err(failure) => Err(failure),
        };
        match result {
            Ok(Some(result)) => connection.succeed(request.id, &self.dress(result, era)),
            Ok(None) => Ok(()),
            Err(failure) => connection.fail(request.id, &failure),
        }
    }

    fn legacy(&self, method: &str, params: &Value, asked: Option<&str>) -> Result<Wanted, Failure> {
        if asked.is_some() {
            let why = "this connection began with the handshake, so it takes no envelopes";
            return Err(Failure::new(INVALID_REQUEST, why));
        }
        match method {
            "initialize" => Ok(Wanted::Result(self.initialize(params))),
            "ping" => Ok(Wanted::Result(json!({}))),
            "tools/list" => Ok(Wanted::Result(self.list())),
            "tools/call" => Ok(Wanted::Call),
            other => Err(unknown_method(other)),
        }
    }

    fn modern(&self, method: &str, params: &Value, asked: Option<&str>) -> Result<Wanted, Failure> {
        if method == "initialize" {
            let why = "this connection began without a handshake, so it takes none";
            return Err(unsupported(why, &params["protocolVersion"]));
        }
        if asked.is_none() || !params["_meta"][CAPABILITIES_KEY].is_object() {
            let why = format!("params._meta must hold `{VERSION_KEY}` and `{CAPABILITIES_KEY}`");
            return Err(Failure::new(INVALID_PARAMS, why));
        }
        if asked != Some(MODERN) {
            return Err(unsupported("unsupported protocol version", &asked.into()));
        }
        match method {
            "server/discover" => Ok(Wanted::Result(cacheable(json!({
                "supportedVersions": [MODERN],
                "capabilities": { "tools": {} },
            })))),
            "tools/list" => Ok(Wanted::Result(cacheable(self.list()))),
            "tools/call" => Ok(Wanted::Call),
            other => Err(unknown_method(other)),
        }
    }

    fn initialize(&self, params: &Value) -> Value {
        let asked = params["protocolVersion"].as_str();
        let spoken = LEGACY.into_iter().find(|version| Some(*version) == asked);
        json!({
            "protocolVersion": spoken.unwrap_or(LEGACY[0]),
            "capabilities": { "tools": {} },
            "serverInfo": self.itself(),
        })
    }

    fn list(&self) -> Value {
        json!({ "tools": self.tools().map(listing).collect::<Vec<_>>() })
    }

    fn call(
        &self,
        request: &Request<'_>,
        params: &Value,
        connection: &mut Connection<'_>,
    ) -> Result<Option<Value>, Failure> {
        let name = params["name"].as_str().unwrap_or_default();
        let Some(tool) = self.tools().find(|tool| tool.name == name) else {
            return Err(Failure::new(
                INVALID_PARAMS,
                format!("unknown tool: {name}"),
            ));
        };
        let none = Map::new();
        let arguments = params["arguments"].as_object().unwrap_or(&none);
        let mut call = Call {
            id: request.id,
            params: request.params,
            arguments,
            connection,
        };
        Ok(match (tool.call)(&mut call) {
            Ok(Answer::Text(text)) => Some(outcome(&text, false)),
            Ok(Answer::Sent) => None,
            Err(error) => Some(outcome(&error.to_string(), true)),
        })
    }

    /// Adds what the era wants in every result.
    fn dress(&self, mut result: Value, era: Era) -> Value {
        match era {
            Era::Legacy => {}
            Era::Modern => {
                result["resultType"] = "complete".into();
                result["_meta"] = json!({ SERVER_KEY: self.itself() });
            }
        }
        result
    }

    fn itself(&self) -> Value {
        json!({ "name": self.server.name, "version": self.server.version })
    }

    fn tools(&self) -> impl Iterator<Item = &'static Tool> {
        self.server.tools.iter().copied().flatten()
    }
}

/// A result that may be kept: not at all, which is the one thing that is never wrong.
fn cacheable(mut result: Value) -> Value {
    result["ttlMs"] = 0.into();
    result["cacheScope"] = "private".into();
    result
}

fn unknown_method(method: &str) -> Failure {
    Failure::new(METHOD_NOT_FOUND, format!("unknown method: {method}"))
}

fn unsupported(why: &str, requested: &Value) -> Failure {
    let data = json!({ "supported": [MODERN], "requested": requested });
    Failure {
        code: UNSUPPORTED_VERSION,
        message: why.into(),
        data: Some(data),
    }
}
