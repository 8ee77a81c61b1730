//! What the rules say about one message: it passes as it is, with something taken out, or not.
//!
//! `policies` decides; here the messages are taken apart for it, in both eras of MCP. A message
//! that no rule reads is not looked into, and whatever is looked into is read strictly: where
//! readers could differ, it does not pass. *Absent here:* what became of earlier messages, but for
//! the calls that a limit counts; the session knows that.

mod answer;
mod capability;
mod list;
mod request;
mod review;

use brig_policies::strict::{Unclear, Value};
use brig_policies::{Permit, Refused, Rules, Slot, Usage, Withheld};

use super::method::Method;
pub(crate) use review::Review;

/// The rules of one session, its lock, and what was used of their limits.
#[derive(Debug)]
pub(crate) struct Admission {
    rules: Rules,
    /// Holds the server's tools to what was reviewed, where that is known.
    review: Option<Review>,
    usage: Usage,
    messages_read: u64,
}

/// What a request was about, kept with its call until the answer has come.
#[derive(Clone, Debug)]
pub(crate) struct About {
    method: Method,
    /// Whether it was made in the modern era, in which a result says what it is.
    is_modern: bool,
    /// The call of a tool that a limit is about.
    counted: Option<Box<Counted>>,
}

#[derive(Clone, Debug)]
struct Counted {
    tool: String,
    permit: Permit,
    slot: Slot,
}

/// A message that passes.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// The message in its place, where something was taken out of it.
    pub(crate) changed: Option<String>,
    /// What it is about, where it is a request.
    pub(crate) about: About,
}

/// A message that does not pass.
#[derive(Debug)]
pub(crate) struct Denied {
    /// Why.
    pub(crate) why: Withheld,
    /// Whether its sender is a model that called a tool, and is told by a result that it reads.
    pub(crate) form: DenialForm,
}

/// How a client is told that its request was denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DenialForm {
    /// By an error of JSON-RPC.
    Error,
    /// By a result of the tool that says that it failed.
    ToolResult {
        /// Whether the result has to say that it is one.
        is_modern: bool,
    },
}

impl Admission {
    /// No message yet.
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            usage: Usage::new(&rules),
            rules,
            review: None,
            messages_read: 0,
        }
    }

    /// The same with tools held to what was reviewed.
    pub(crate) fn hold(&mut self, review: Review) {
        self.review = Some(review);
    }

    /// What the person who runs the server is to be told of its tools, each once.
    pub(crate) fn take_told(&mut self) -> Vec<String> {
        self.review
            .as_mut()
            .map(Review::take_told)
            .unwrap_or_default()
    }

    /// The tools that the lock kept from the client since this was asked last.
    pub(crate) fn take_withheld(&mut self) -> Vec<Refused> {
        self.review
            .as_mut()
            .map(Review::take_withheld)
            .unwrap_or_default()
    }

    /// Whether a tool is not as it was reviewed, and the session is to end then.
    pub(crate) fn breaks_off(&self) -> bool {
        self.review.as_ref().is_some_and(Review::breaks_off)
    }

    /// Whether anything reads calls.
    fn reads_calls(&self) -> bool {
        self.review.is_some() || self.rules.reads_calls()
    }

    /// Whether a tool of this name is as it was reviewed, as far as was seen.
    fn reviewed(&self, tool: &str) -> Result<(), Refused> {
        self.review
            .as_ref()
            .map_or(Ok(()), |review| review.admit(tool))
    }

    /// How many messages were looked into beyond their envelope.
    #[cfg(test)]
    pub(crate) fn messages_read(&self) -> u64 {
        self.messages_read
    }

    /// A call is over, by its answer or without one.
    pub(crate) fn settle(&mut self, about: &mut About) {
        if let Some(counted) = &mut about.counted {
            self.usage.give_back(std::mem::take(&mut counted.slot));
        }
    }

    /// Whether the server may ask its client this, or tell it.
    pub(crate) fn server_says(
        &mut self,
        method: &str,
        params: Option<&str>,
    ) -> Result<Permit, Withheld> {
        if self.rules.grants_all() {
            return self.rules.admit_ask(method, None);
        }
        self.messages_read += u64::from(params.is_some());
        self.rules.admit_ask(method, params.map(Value::new))
    }
}

impl About {
    fn of(method: Method, is_modern: bool) -> Self {
        Self {
            method,
            is_modern,
            counted: None,
        }
    }

    fn denied(&self, why: Withheld) -> Denied {
        // What cannot be read for sure is no call that a result could belong to.
        let is_call = self.method == Method::CallTool && matches!(why, Withheld::Refused(_));
        let form = if is_call {
            DenialForm::ToolResult {
                is_modern: self.is_modern,
            }
        } else {
            DenialForm::Error
        };
        Denied { why, form }
    }
}

/// The keys of `_meta` that the modern era has in each request.
const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

/// A string at a key that has to be one.
fn text_at<'a>(
    value: Option<Value<'a>>,
    key: &'static str,
) -> Result<std::borrow::Cow<'a, str>, Unclear> {
    value.and_then(Value::text).ok_or(Unclear::Form(key))
}
