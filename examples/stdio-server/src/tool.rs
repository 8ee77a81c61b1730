use crate::connection::Connection;
use serde_json::{Map, Value, json};
use std::error::Error;

/// One tool of a server.
#[derive(Debug)]
pub struct Tool {
    /// The name that clients call.
    pub name: &'static str,
    /// What the model is told about it.
    pub description: &'static str,
    /// What it takes.
    pub arguments: &'static [Argument],
    /// What it does.
    pub call: fn(&mut Call<'_, '_>) -> Outcome,
}

/// How a call ends. An error is one that the model sees, not one of the protocol.
pub type Outcome = Result<Answer, Box<dyn Error>>;

/// What a successful call answers.
#[derive(Debug)]
pub enum Answer {
    /// One block of text.
    Text(String),
    /// Nothing more: the tool has written, or withheld, its answer by itself.
    Sent,
}

/// One argument of a tool.
#[derive(Debug)]
pub struct Argument {
    /// The key in `arguments`.
    pub name: &'static str,
    /// The type that it must have.
    pub kind: Kind,
    /// What the model is told about it.
    pub description: &'static str,
    /// Whether a call without it fails.
    pub required: bool,
}

impl Argument {
    /// An argument that a call must have.
    pub const fn required(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self {
            name,
            kind,
            description,
            required: true,
        }
    }

    /// An argument that a call may leave out.
    pub const fn optional(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self {
            name,
            kind,
            description,
            required: false,
        }
    }
}

/// The type of an argument.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A string.
    Text,
    /// A whole number, not below zero.
    Integer,
    /// Any number.
    Number,
}

/// Why an argument cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidArgument {
    /// A required argument is not there.
    #[error("the argument `{0}` is missing")]
    Missing(&'static str),
    /// The argument has another type.
    #[error("the argument `{0}` is not a string")]
    NotText(&'static str),
    /// The argument has another type, a sign or a fraction.
    #[error("the argument `{0}` is not a whole number from 0")]
    NotInteger(&'static str),
    /// The argument has another type.
    #[error("the argument `{0}` is not a number")]
    NotNumber(&'static str),
}

/// One call of a tool.
#[derive(Debug)]
pub struct Call<'a, 'c> {
    /// The id of the request, as JSON text.
    pub id: &'a str,
    /// The parameters of the request, as JSON text.
    pub params: &'a str,
    /// The arguments.
    pub arguments: &'a Map<String, Value>,
    /// The client.
    pub connection: &'a mut Connection<'c>,
}

impl Call<'_, '_> {
    /// A string that must be there.
    pub fn text(&self, name: &'static str) -> Result<&str, InvalidArgument> {
        self.text_if_given(name)?
            .ok_or(InvalidArgument::Missing(name))
    }

    /// A string that may be absent.
    pub fn text_if_given(&self, name: &'static str) -> Result<Option<&str>, InvalidArgument> {
        let given = self.arguments.get(name);
        given
            .map(|value| value.as_str().ok_or(InvalidArgument::NotText(name)))
            .transpose()
    }

    /// A whole number that must be there.
    pub fn integer(&self, name: &'static str) -> Result<u64, InvalidArgument> {
        self.integer_if_given(name)?
            .ok_or(InvalidArgument::Missing(name))
    }

    /// A whole number that may be absent.
    pub fn integer_if_given(&self, name: &'static str) -> Result<Option<u64>, InvalidArgument> {
        let given = self.arguments.get(name);
        given
            .map(|value| value.as_u64().ok_or(InvalidArgument::NotInteger(name)))
            .transpose()
    }

    /// A number that must be there.
    pub fn number(&self, name: &'static str) -> Result<f64, InvalidArgument> {
        let value = self
            .arguments
            .get(name)
            .ok_or(InvalidArgument::Missing(name))?;
        value.as_f64().ok_or(InvalidArgument::NotNumber(name))
    }
}

/// The tool as `tools/list` shows it.
pub(crate) fn listing(tool: &Tool) -> Value {
    let mut properties = Map::new();
    for argument in tool.arguments {
        let kind = match argument.kind {
            Kind::Text => json!({ "type": "string" }),
            Kind::Integer => json!({ "type": "integer", "minimum": 0 }),
            Kind::Number => json!({ "type": "number" }),
        };
        properties.insert(argument.name.into(), kind);
        properties[argument.name]["description"] = argument.description.into();
    }
    let required = tool.arguments.iter().filter(|argument| argument.required);
    json!({
        "name": tool.name,
        "description": tool.description,
        "inputSchema": {
            "type": "object",
            "properties": properties,
            "required": required.map(|argument| argument.name).collect::<Vec<_>>(),
        },
    })
}

/// The result of `tools/call`: a block of text, and whether it tells of a failure.
pub(crate) fn outcome(text: &str, failed: bool) -> Value {
    json!({ "content": [{ "type": "text", "text": text }], "isError": failed })
}
