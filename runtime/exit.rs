//! Exit codes. They are part of brig's interface and never change their meaning.

use std::process::ExitCode;

/// How an invocation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All went as asked.
    Success = 0,
    /// Something failed that no other code names: a bug, or a host in trouble.
    Failure = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The manifest or the settings have faults, or a grant cannot be given.
    Manifest = 3,
    /// Nothing on this host holds a denial.
    Unenforceable = 4,
    /// The artifact is nothing that brig can run.
    Artifact = 5,
    /// The cell could not be built.
    Launch = 6,
    /// The server ended while its client was still there.
    ServerEnded = 7,
    /// The server did not answer its first request in time.
    StartDeadline = 8,
    /// The tool that was called answered with an error.
    ToolError = 9,
    /// A wall of the running sandbox is not what was planned.
    WallDiffers = 10,
    /// The second of two manifests allows something that the first does not.
    Widened = 11,
    /// Nobody on this machine approved that the server starts like this.
    NotApproved = 12,
    /// The engine is not there, cannot be reached, or did not do what it was asked for.
    Engine = 13,
    /// The server is not what its lock holds.
    Drifted = 14,
    /// A secret is not there, or cannot be read or passed on.
    Secret = 15,
}

impl Exit {
    /// All codes, for the manual and for tests.
    pub const ALL: [(Self, &'static str); 16] = [
        (Self::Success, "all went as asked"),
        (Self::Failure, "something failed that no other code names"),
        (Self::Usage, "the command line is wrong"),
        (
            Self::Manifest,
            "the manifest or the settings have faults, or a grant cannot be given",
        ),
        (
            Self::Unenforceable,
            "nothing on this host holds a denial; the remedy is told",
        ),
        (Self::Artifact, "the artifact is nothing that brig can run"),
        (Self::Launch, "the sandbox could not be built"),
        (
            Self::ServerEnded,
            "the server ended while its client was still there",
        ),
        (
            Self::StartDeadline,
            "the server did not answer its first request in time",
        ),
        (
            Self::ToolError,
            "the tool that was called answered with an error",
        ),
        (
            Self::WallDiffers,
            "a wall of the running sandbox is not what was planned",
        ),
        (
            Self::Widened,
            "the second of two manifests allows something that the first does not",
        ),
        (
            Self::NotApproved,
            "nobody on this machine approved that the server starts like this",
        ),
        (
            Self::Engine,
            "the engine for containers is not there, or did not do what it was asked for",
        ),
        (Self::Drifted, "the server is not what its lock holds"),
        (
            Self::Secret,
            "a secret is not there, or cannot be read or passed on",
        ),
    ];
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
