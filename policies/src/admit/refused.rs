//! What was refused, and what would have let it pass.

use alloc::format;
use alloc::string::String;
use core::ops::Range;

use crate::lock::Drift;
use crate::strict::shown;

use crate::policy::Mark;

/// Why an act was refused. Names never change and are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalCode {
    /// No pattern of `tools.allow` matches the tool.
    ToolNotAllowed,
    /// A rule is about an argument that the call does not have.
    ArgumentMissing,
    /// An argument is not what a rule says that it must be.
    ArgumentNotAllowed,
    /// The tools of a limit were called as often in the last minute as they may be.
    RateLimited,
    /// As many calls of the tools of a limit wait for their answers as may.
    TooManyAtOnce,
    /// The answer is larger than a limit lets it be.
    ResultTooLarge,
    /// No pattern of `resources.allow` matches the resource.
    ResourceNotAllowed,
    /// No pattern of `prompts.allow` matches the prompt.
    PromptNotAllowed,
    /// The lock has no tool of this name.
    ToolNotReviewed,
    /// The server describes the tool in another way than the lock has it.
    ToolChanged,
    /// The server asked its client for what `[client]` does not grant.
    RightNotGranted,
}

impl RefusalCode {
    /// Every code.
    pub const ALL: &'static [Self] = &[
        Self::ToolNotAllowed,
        Self::ArgumentMissing,
        Self::ArgumentNotAllowed,
        Self::RateLimited,
        Self::TooManyAtOnce,
        Self::ResultTooLarge,
        Self::ResourceNotAllowed,
        Self::PromptNotAllowed,
        Self::ToolNotReviewed,
        Self::ToolChanged,
        Self::RightNotGranted,
    ];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ToolNotAllowed => "tool-not-allowed",
            Self::ArgumentMissing => "argument-missing",
            Self::ArgumentNotAllowed => "argument-not-allowed",
            Self::RateLimited => "rate-limited",
            Self::TooManyAtOnce => "too-many-at-once",
            Self::ResultTooLarge => "result-too-large",
            Self::ResourceNotAllowed => "resource-not-allowed",
            Self::PromptNotAllowed => "prompt-not-allowed",
            Self::ToolNotReviewed => "tool-not-reviewed",
            Self::ToolChanged => "tool-changed",
            Self::RightNotGranted => "right-not-granted",
        }
    }
}

/// What makes a lock anew.
const REVIEW: &str = "brig lock";

/// One refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    code: RefusalCode,
    key: &'static str,
    place: Place,
    about: String,
    reason: String,
}

impl Refused {
    pub(super) fn new(
        code: RefusalCode,
        (key, place): (&'static str, &Place),
        about: &str,
        reason: String,
    ) -> Self {
        Self {
            code,
            key,
            place: place.clone(),
            about: about.into(),
            reason,
        }
    }

    /// A call of a tool that is not as the lock has it.
    pub fn of_drift(drift: Drift, tool: &str) -> Self {
        let code = match drift {
            Drift::New => RefusalCode::ToolNotReviewed,
            Drift::Changed | Drift::Unreadable => RefusalCode::ToolChanged,
        };
        let reason = format!("the tool \"{}\" cannot be called: {drift}", shown(tool));
        Self::new(code, (REVIEW, &Place(None)), tool, reason)
    }

    /// The stable code.
    pub fn code(&self) -> RefusalCode {
        self.code
    }

    /// What would let it pass: the key of the manifest with its section, such as `tools.allow`, or
    /// the command that reviews anew, for people and never for a model.
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// The bytes of the manifest that decided, where something is written there.
    pub fn span(&self) -> Option<Range<usize>> {
        self.place.0.clone()
    }

    /// The tool, resource, prompt or right, as whoever chose its name wrote it: not escaped.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// What was refused and what would pass, in words that a model may read: names that a server
    /// or a client chose are escaped, and there is no command.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// Where a rule is written, if it is. All are equal, as with [`Mark`]: a rule is the same wherever
/// it stands.
#[derive(Clone, Debug)]
pub struct Place(pub(super) Option<Range<usize>>);

impl Place {
    pub(super) fn of(mark: Option<&Mark>) -> Self {
        Self(mark.map(Mark::span))
    }
}

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Place {}
