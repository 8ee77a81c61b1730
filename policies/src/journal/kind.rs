//! What kinds of refusals there are.

use crate::admit::RefusalCode;

/// A kind of refusal. Names never change and are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The rules of the manifest, or the lock.
    Refused(RefusalCode),
    /// Readers could take what a rule had to read differently.
    Unclear,
    /// Readers could take the message itself differently.
    Ambiguous,
    /// A line is no message.
    NotMessage,
    /// A message is longer than the manifest lets one be.
    TooLong,
    /// A message nests too deep.
    TooDeep,
    /// An answer to what was not asked.
    Unasked,
    /// An answer to what brig had answered in the other's place.
    Late,
    /// More requests wait than may.
    TooMany,
    /// A request was not answered in the time that it had.
    Overdue,
    /// The server was not started.
    NotStarted,
    /// The server showed no life in the time that a start may take.
    StartOverdue,
    /// The server used up its memory, and ended.
    OutOfMemory,
    /// A host, by name or address, that no grant covers, or none on that port.
    HostNotGranted,
    /// A granted name leads to addresses that its grant does not cover.
    AddressNotGranted,
    /// A handshake or request asks for somebody else than who is granted, or does not say.
    HandshakeNotGranted,
    /// A name below a granted one that says too much, or is one too many.
    NameNotGiven,
    /// A granted host does not answer.
    Unreachable,
    /// More connections at once than one server may have.
    TooManyConnections,
    /// A path that is there on the host and not for the server. This and what follows is told of
    /// a run that is traced.
    PathNotGranted,
    /// The same, where the server was to write.
    WriteNotGranted,
    /// A path that the server may read and not write.
    PathReadOnly,
    /// A path that the server may read and not run.
    PathNotRunnable,
    /// A path that no manifest can grant.
    PathProtected,
    /// A path of the system or the image, which nobody writes.
    PathOfSystem,
    /// A system call of a group that a manifest can name.
    CallNotGranted,
    /// A system call that no manifest can allow.
    CallRefused,
    /// A socket of the internet.
    SocketNotGranted,
}

/// Whose act was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// The client's.
    Client,
    /// The server's.
    Server,
    /// The start's, which is whoever's who asked for it.
    Start,
}

/// Those that are no refusals of rules or lock.
const OTHERS: &[Kind] = &[
    Kind::Unclear,
    Kind::Ambiguous,
    Kind::NotMessage,
    Kind::TooLong,
    Kind::TooDeep,
    Kind::Unasked,
    Kind::Late,
    Kind::TooMany,
    Kind::Overdue,
    Kind::NotStarted,
    Kind::StartOverdue,
    Kind::OutOfMemory,
    Kind::HostNotGranted,
    Kind::AddressNotGranted,
    Kind::HandshakeNotGranted,
    Kind::NameNotGiven,
    Kind::Unreachable,
    Kind::TooManyConnections,
    Kind::PathNotGranted,
    Kind::WriteNotGranted,
    Kind::PathReadOnly,
    Kind::PathNotRunnable,
    Kind::PathProtected,
    Kind::PathOfSystem,
    Kind::CallNotGranted,
    Kind::CallRefused,
    Kind::SocketNotGranted,
];

impl Kind {
    /// Every kind.
    pub fn all() -> impl Iterator<Item = Self> {
        let refused = RefusalCode::ALL.iter().map(|code| Self::Refused(*code));
        refused.chain(OTHERS.iter().copied())
    }

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused(code) => code.as_str(),
            Self::Unclear => "unclear",
            Self::Ambiguous => "ambiguous",
            Self::NotMessage => "not-message",
            Self::TooLong => "too-long",
            Self::TooDeep => "too-deep",
            Self::Unasked => "unasked",
            Self::Late => "late",
            Self::TooMany => "too-many",
            Self::Overdue => "overdue",
            Self::NotStarted => "not-started",
            Self::StartOverdue => "start-overdue",
            Self::OutOfMemory => "out-of-memory",
            Self::HostNotGranted => "host-not-granted",
            Self::AddressNotGranted => "address-not-granted",
            Self::HandshakeNotGranted => "handshake-not-granted",
            Self::NameNotGiven => "name-not-given",
            Self::Unreachable => "unreachable",
            Self::TooManyConnections => "too-many-connections",
            Self::PathNotGranted => "path-not-granted",
            Self::WriteNotGranted => "write-not-granted",
            Self::PathReadOnly => "path-read-only",
            Self::PathNotRunnable => "path-not-runnable",
            Self::PathProtected => "path-protected",
            Self::PathOfSystem => "path-of-system",
            Self::CallNotGranted => "call-not-granted",
            Self::CallRefused => "call-refused",
            Self::SocketNotGranted => "socket-not-granted",
        }
    }

    /// The kind of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::all().find(|kind| kind.as_str() == name)
    }
}

impl Party {
    const ALL: [Self; 3] = [Self::Client, Self::Server, Self::Start];

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Start => "start",
        }
    }

    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|party| party.as_str() == name)
    }
}
