//! What a server may do: the manifest's rights, checked against one machine's places.

mod mark;
mod network;
mod rights;
mod tools;
mod unenforced;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::grammar::{Key, server};
use crate::limits::Limits;
use crate::name::{EnvName, ServerName};
use crate::path::{GuestPath, HostPath};

pub(crate) use mark::LimitMarks;
pub use mark::Mark;
pub use network::{Ech, NetworkGrant, Protocol};
pub use rights::{ClientRight, Package, SecretForm, SecretGrant, StateGrant, SyscallGroup};
pub use tools::{Allowed, Condition, Scalar, ToolLimit, ToolRule, Tools};
pub use unenforced::NotEnforceable;

/// Everything that one server may do. What is not in here is denied: there is no default policy,
/// and only [`resolve`](crate::resolve) makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub(crate) name: ServerName,
    pub(crate) source: Source,
    pub(crate) source_mark: Mark,
    pub(crate) args: Vec<String>,
    pub(crate) network: Vec<NetworkGrant>,
    pub(crate) files: Vec<FileGrant>,
    pub(crate) state: Vec<StateGrant>,
    pub(crate) env: BTreeMap<EnvName, EnvValue>,
    pub(crate) secrets: BTreeMap<EnvName, SecretGrant>,
    pub(crate) tools: Option<Tools>,
    pub(crate) resources: Option<Allowed>,
    pub(crate) prompts: Option<Allowed>,
    pub(crate) client: BTreeMap<ClientRight, Mark>,
    pub(crate) syscalls: BTreeMap<SyscallGroup, Mark>,
    pub(crate) limits: Limits,
    pub(crate) limit_marks: LimitMarks,
}

impl Policy {
    /// What people call the server.
    pub fn name(&self) -> &ServerName {
        &self.name
    }

    /// What is run.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The arguments after the program's name.
    pub fn args(&self) -> &[String] {
        &self.args
    }

    /// The folders and files that the server reaches, sorted by their place in the cell; none
    /// lies inside another there. What is written inside another is among its
    /// [`named`](FileGrant::named) places.
    pub fn files(&self) -> &[FileGrant] {
        &self.files
    }

    /// Whom the server may reach, sorted; nobody where it is empty.
    pub fn network(&self) -> &[NetworkGrant] {
        &self.network
    }

    /// The folders that are kept between runs, sorted by their place in the cell. None lies in
    /// another or in a grant of files, nor does one of those lie in it.
    pub fn state(&self) -> &[StateGrant] {
        &self.state
    }

    /// The variables that pass secrets; none of them is among [`env`](Self::env).
    pub fn secrets(&self) -> &BTreeMap<EnvName, SecretGrant> {
        &self.secrets
    }

    /// Which calls pass; `None` for all calls of all tools that were reviewed.
    pub fn tools(&self) -> Option<&Tools> {
        self.tools.as_ref()
    }

    /// Which resources a client may see and read; `None` for all that the server offers.
    pub fn resources(&self) -> Option<&Allowed> {
        self.resources.as_ref()
    }

    /// Which prompts a client may see and use; `None` for all that the server offers.
    pub fn prompts(&self) -> Option<&Allowed> {
        self.prompts.as_ref()
    }

    /// What the server may ask of its client, with where it is written.
    pub fn client(&self) -> &BTreeMap<ClientRight, Mark> {
        &self.client
    }

    /// The groups of system calls beyond what every program has, with where they are written.
    pub fn syscalls(&self) -> &BTreeMap<SyscallGroup, Mark> {
        &self.syscalls
    }

    /// The variables that the server sees. `LANG` and `TZ` are passed on from the host unless the
    /// manifest sets them.
    pub fn env(&self) -> &BTreeMap<EnvName, EnvValue> {
        &self.env
    }

    /// The key of what is run.
    pub(crate) fn source_key(&self) -> &'static Key {
        match self.source() {
            Source::Component(_) | Source::Package(Package::Component(_)) => &server::COMPONENT,
            Source::Command { .. } => &server::COMMAND,
            Source::Package(Package::Image(_)) => &server::IMAGE,
            Source::Package(Package::Npm(_)) => &server::NPM,
            Source::Package(Package::Pypi(_)) => &server::PYPI,
            Source::Package(Package::Bundle(_)) => &server::BUNDLE,
        }
    }

    /// What the server may use.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// What is run, which decides how it is isolated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A WebAssembly file; its links are not followed yet.
    Component(HostPath),
    /// A program of this host.
    Command {
        /// The program.
        program: CommandProgram,
        /// The first of its arguments; those of [`Policy::args`] follow.
        args: Vec<String>,
    },
    /// Something that is fetched or unpacked first.
    Package(Package),
}

/// How a manifest names a program of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandProgram {
    /// By its path; links are not followed yet.
    Path(HostPath),
    /// By its name alone, which is looked up as the caller's shell would (`PATH`).
    Name(String),
}

/// One folder or file of the host in the cell.
///
/// Two grants are equal when they give the same right, wherever in the manifest they stand.
#[derive(Clone, Debug)]
pub struct FileGrant {
    pub(crate) host: HostPath,
    pub(crate) at: GuestPath,
    pub(crate) access: Access,
    pub(crate) exec: Exec,
    pub(crate) links: Links,
    pub(crate) missing: Missing,
    pub(crate) named: Vec<Named>,
    pub(crate) span: Range<usize>,
}

/// A place inside a write grant that an entry of its own names, so that it may be written although
/// the host obeys it ([`obeyed`](crate::obeyed)). It gives no other right than the grant around it.
#[derive(Clone, Debug)]
pub struct Named {
    pub(crate) host: HostPath,
    pub(crate) below: String,
    pub(crate) missing: Missing,
    pub(crate) span: Range<usize>,
}

impl Named {
    /// The path on the host; its links are not followed.
    pub fn host(&self) -> &HostPath {
        &self.host
    }

    /// The path below the grant around it.
    pub fn below(&self) -> &str {
        &self.below
    }

    /// What happens when there is no such file.
    pub fn missing(&self) -> Missing {
        self.missing
    }

    /// The bytes of the manifest that name it: the `[[files]]` header.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }
}

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            host,
            below,
            missing,
            span: _,
        } = self;
        *host == other.host && *below == other.below && *missing == other.missing
    }
}

impl Eq for Named {}

impl FileGrant {
    /// The source, its links not followed yet. Whoever follows them asks
    /// [`refused_source`](crate::refused_source) about where they lead.
    pub fn host(&self) -> &HostPath {
        &self.host
    }

    /// The place in the cell.
    pub fn at(&self) -> &GuestPath {
        &self.at
    }

    /// Whether the server may change what is there.
    pub fn access(&self) -> Access {
        self.access
    }

    /// Whether the server may run or map what is there as code.
    pub fn exec(&self) -> Exec {
        self.exec
    }

    /// Whether the server may make links and other special files there.
    pub fn links(&self) -> Links {
        self.links
    }

    /// What happens when the source does not exist.
    pub fn missing(&self) -> Missing {
        self.missing
    }

    /// What in it may be written although the host obeys it, sorted by names.
    pub fn named(&self) -> &[Named] {
        &self.named
    }

    /// The bytes of the manifest that give this right: the `[[files]]` header.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }
}

impl PartialEq for FileGrant {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            host,
            at,
            access,
            exec,
            links,
            missing,
            named,
            span: _,
        } = self;
        *host == other.host
            && *at == other.at
            && *access == other.access
            && *exec == other.exec
            && *links == other.links
            && *missing == other.missing
            && *named == other.named
    }
}

impl Eq for FileGrant {}

/// What a server may do with a grant's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Read and list.
    Read,
    /// Also create, change and delete.
    Write,
}

/// Whether a grant's content may be run or mapped as code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exec {
    /// It is data alone.
    Denied,
    /// It may be run.
    Allowed,
}

/// Whether symbolic links, FIFOs, sockets and devices may be made in a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Links {
    /// Only files and folders can be made. A program on the host that later follows what the
    /// server left there cannot be led elsewhere.
    Denied,
    /// All of them may be made.
    Allowed,
}

/// What happens when a grant's source does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// The start is refused.
    Fault,
    /// The server starts without the grant.
    Skip,
}

/// What a variable holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvValue {
    /// This text.
    Literal(String),
    /// What this variable holds on the host at the start; absent there, it is absent in the cell.
    Host(EnvName),
}
