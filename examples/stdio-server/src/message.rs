use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A request of the client. The id is kept as it was written, because a client may count beyond
/// what a double can hold and expects the very same digits back.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The id, as JSON text.
    pub id: &'a str,
    /// The method.
    pub method: &'a str,
    /// The parameters as JSON text, `null` when there are none.
    pub params: &'a str,
}

/// A JSON-RPC error.
#[derive(Debug)]
pub struct Failure {
    /// The code.
    pub code: i64,
    /// The message.
    pub message: String,
    /// What else the client is told.
    pub data: Option<Value>,
}

impl Failure {
    /// An error without data.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: None,
        }
    }
}

/// What a line of the client can be.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    Request(Request<'a>),
    Answer { id: &'a str },
    Notification,
}

#[derive(Debug, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

/// A parsed line, which owns a method name that had escapes in it.
#[derive(Debug)]
pub(crate) struct Line<'a>(Envelope<'a>);

impl<'a> Line<'a> {
    /// Reads a line; `None` for what is no JSON object.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        // Serde would also fill the struct from an array, and a batch is not a request.
        let object = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        object
            .then(|| serde_json::from_slice(bytes).ok().map(Self))
            .flatten()
    }

    /// What the line is; `None` for an object that is none of the three.
    pub(crate) fn message(&self) -> Option<Message<'_>> {
        match (self.0.id, self.0.method.as_deref()) {
            (Some(id), Some(method)) => Some(Message::Request(Request {
                id: id.get(),
                method,
                params: self.0.params.map_or("null", RawValue::get),
            })),
            (Some(id), None) => Some(Message::Answer { id: id.get() }),
            (None, Some(_)) => Some(Message::Notification),
            (None, None) => None,
        }
    }
}
