//! brig's own JSON-RPC error codes. JSON-RPC and MCP reserve −32768 to −32000, so all of these lie
//! outside.

/// Why brig, and not the server, answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The server was not started.
    StartRefused,
    /// The server ended, or closed its output, before it answered.
    ServerEnded,
    /// The call's time ran out.
    CallDeadline,
    /// The answer was larger than a message may be.
    AnswerTooLarge,
    /// The request was larger than a message may be.
    MessageTooLarge,
    /// More calls were in flight than the session allows.
    TooManyCalls,
    /// Two readers could read two different messages in it.
    AmbiguousMessage,
    /// The server answered nothing in the time that a start may take.
    StartDeadline,
    /// The rules of the manifest do not let it pass.
    NotAllowed,
    /// The manifest does not grant the server what it asked of its client.
    NotGranted,
    /// The server's tools are not as they were reviewed, and the session is strict about that.
    ToolsDrifted,
}

impl Code {
    /// The number on the wire.
    pub const fn number(self) -> i32 {
        match self {
            Self::StartRefused => -31_001,
            Self::ServerEnded => -31_002,
            Self::CallDeadline => -31_003,
            Self::AnswerTooLarge => -31_004,
            Self::MessageTooLarge => -31_005,
            Self::TooManyCalls => -31_006,
            Self::AmbiguousMessage => -31_007,
            Self::StartDeadline => -31_008,
            Self::NotAllowed => -31_009,
            Self::NotGranted => -31_010,
            Self::ToolsDrifted => -31_011,
        }
    }

    /// The name in `error.data.code`, which programs may match on.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StartRefused => "start-refused",
            Self::ServerEnded => "server-ended",
            Self::CallDeadline => "call-deadline",
            Self::AnswerTooLarge => "answer-too-large",
            Self::MessageTooLarge => "message-too-large",
            Self::TooManyCalls => "too-many-calls",
            Self::AmbiguousMessage => "ambiguous-message",
            Self::StartDeadline => "start-deadline",
            Self::NotAllowed => "not-allowed",
            Self::NotGranted => "not-granted",
            Self::ToolsDrifted => "tools-drifted",
        }
    }
}
