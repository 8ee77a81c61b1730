//! A request of WASI 0.2 (wasi:http/outgoing-handler).

use super::{Asked, BODY_BYTES_MAX, Told};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, HeaderError, IncomingBody, IncomingResponse, Method,
    OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use wasip2::io::streams::StreamError;

/// Bytes of a body that one call writes (wasi:io/streams).
const WRITTEN_BYTES_MAX: usize = 4096;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error("the request failed: {0:?}")]
    Request(ErrorCode),
    #[error("the field was refused: {0:?}")]
    Field(HeaderError),
    #[error("the stream failed: {0:?}")]
    Stream(StreamError),
    #[error("the request cannot be made so")]
    Unmade,
}

impl From<ErrorCode> for Failed {
    fn from(code: ErrorCode) -> Self {
        Self::Request(code)
    }
}

impl From<StreamError> for Failed {
    fn from(error: StreamError) -> Self {
        Self::Stream(error)
    }
}

impl From<()> for Failed {
    fn from((): ()) -> Self {
        Self::Unmade
    }
}

pub(crate) fn ask(asked: &Asked<'_>) -> Result<Told, Failed> {
    read(&answer(&send(asked)?)?)
}

pub(crate) fn ask_at_once(asked: &Asked<'_>, count: usize) -> Result<String, Failed> {
    let sent: Result<Vec<_>, Failed> = (0..count).map(|_| send(asked)).collect();
    let (mut answered, mut refused) = (Vec::new(), Vec::new());
    for sent in &sent? {
        match answer(sent) {
            Ok(response) => answered.push(response),
            Err(failed) => refused.push(failed.to_string()),
        }
    }
    for response in &answered {
        read(response)?;
    }
    refused.dedup();
    Ok(format!("{} answered {}", answered.len(), refused.join(" "))
        .trim_end()
        .to_owned())
}

fn send(asked: &Asked<'_>) -> Result<FutureIncomingResponse, Failed> {
    let fields = Fields::new();
    if let Some((name, value)) = asked.field {
        fields
            .append(name, value.as_bytes())
            .map_err(Failed::Field)?;
    }
    let request = OutgoingRequest::new(fields);
    request.set_method(&method(asked.method))?;
    let scheme = if asked.scheme == "https" {
        Scheme::Https
    } else {
        Scheme::Http
    };
    request.set_scheme(Some(&scheme))?;
    request.set_authority(Some(asked.authority))?;
    request.set_path_with_query(Some(asked.path))?;
    let options = RequestOptions::new();
    if let Some(ms) = asked.patience_ms {
        options.set_first_byte_timeout(Some(ms * 1_000_000))?;
        options.set_between_bytes_timeout(Some(ms * 1_000_000))?;
    }
    let body = request.body()?;
    let sent = handle(request, Some(options))?;
    if !asked.body.is_empty() {
        let stream = body.write()?;
        for part in asked.body.as_bytes().chunks(WRITTEN_BYTES_MAX) {
            stream.blocking_write_and_flush(part)?;
        }
    }
    OutgoingBody::finish(body, None)?;
    Ok(sent)
}

fn answer(sent: &FutureIncomingResponse) -> Result<IncomingResponse, Failed> {
    sent.subscribe().block();
    let answer = sent.get().ok_or(Failed::Unmade)??;
    Ok(answer?)
}

fn read(response: &IncomingResponse) -> Result<Told, Failed> {
    let status = response.status();
    let incoming: IncomingBody = response.consume()?;
    let stream = incoming.stream()?;
    let mut body = Vec::new();
    while body.len() < BODY_BYTES_MAX {
        match stream.blocking_read(BODY_BYTES_MAX as u64) {
            Ok(bytes) => body.extend(bytes),
            Err(StreamError::Closed) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Told { status, body })
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "CONNECT" => Method::Connect,
        other => Method::Other(other.to_owned()),
    }
}
