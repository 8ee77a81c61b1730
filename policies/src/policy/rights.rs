//! The smaller rights: kept state, secrets, what is asked of the client, system calls.

use super::Mark;
use crate::name::SecretName;
use crate::path::{GuestPath, HostPath};
use crate::reference::{ImageReference, ImageSource, NpmPackage, PypiPackage};

/// What is run, where it is fetched or unpacked first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Package {
    /// A container image.
    Image(ImageSource),
    /// A component in a registry.
    Component(ImageReference),
    /// An npm package.
    Npm(NpmPackage),
    /// A PyPI package.
    Pypi(PypiPackage),
    /// A bundle file; its links are not followed yet.
    Bundle(HostPath),
}

/// A folder that brig keeps for the server between runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateGrant {
    pub(crate) at: GuestPath,
    pub(crate) size_bytes: u64,
    pub(crate) mark: Mark,
}

impl StateGrant {
    /// The place in the cell.
    pub fn at(&self) -> &GuestPath {
        &self.at
    }

    /// What it may hold: 256 MiB unless written, 1 MiB to 1024 GiB. Without it a server fills
    /// the disk.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The `[[state]]` header.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }
}

/// A secret that a variable passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretGrant {
    pub(crate) secret: SecretName,
    pub(crate) form: SecretForm,
    pub(crate) mark: Mark,
}

impl SecretGrant {
    /// The secret's name in brig's store.
    pub fn secret(&self) -> &SecretName {
        &self.secret
    }

    /// How it reaches the server.
    pub fn form(&self) -> SecretForm {
        self.form
    }

    /// Where the value is written.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }
}

/// How a secret reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretForm {
    /// The variable holds it.
    Env,
    /// The variable holds the path of a file that does.
    File,
}

impl SecretForm {
    /// As a manifest writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Env => "env",
            Self::File => "file",
        }
    }
}

/// Something that a server may ask of its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClientRight {
    /// To have its model write text.
    Sampling,
    /// To have it ask its user, in a form of its own.
    Elicitation,
    /// To have it send its user to a page of the web.
    ElicitationUrl,
    /// Which folders it works in.
    Roots,
    /// To take messages for its log.
    Logging,
}

impl ClientRight {
    /// Every right, in the order of the format.
    pub const ALL: &'static [Self] = &[
        Self::Sampling,
        Self::Elicitation,
        Self::ElicitationUrl,
        Self::Roots,
        Self::Logging,
    ];

    /// As a manifest writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sampling => "sampling",
            Self::Elicitation => "elicitation",
            Self::ElicitationUrl => "elicitation-url",
            Self::Roots => "roots",
            Self::Logging => "logging",
        }
    }
}

/// A named group of system calls beyond what every program has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SyscallGroup {
    /// Memory that is written and then run: compilers at run time, such as those of JavaScript
    /// and Java.
    Jit,
    /// Input and output through rings that the kernel shares.
    IoUring,
    /// Where memory lies on machines of several memories.
    Numa,
    /// Starting other programs, as shells, build tools and servers with helpers do.
    Subprocess,
    /// Looking into the processes that it started, as debuggers and crash reporters do.
    PtraceSelf,
}

impl SyscallGroup {
    /// Every group.
    pub const ALL: &'static [Self] = &[
        Self::Jit,
        Self::IoUring,
        Self::Numa,
        Self::Subprocess,
        Self::PtraceSelf,
    ];

    /// As a manifest writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jit => "jit",
            Self::IoUring => "io-uring",
            Self::Numa => "numa",
            Self::Subprocess => "subprocess",
            Self::PtraceSelf => "ptrace-self",
        }
    }

    /// Why a program may need it, and what it costs.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Jit => "memory that is written can then be run as code",
            Self::IoUring => "a large and young part of the kernel can be called",
            Self::Numa => "the layout of the host's memory can be seen and asked for",
            Self::Subprocess => "it can start every program that its cell holds",
            Self::PtraceSelf => "its processes can look into each other and change each other",
        }
    }
}
