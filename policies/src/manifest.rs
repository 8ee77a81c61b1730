//! A manifest as it is written: each value read into its type, with its place in the text.

mod client;
pub(crate) mod entries;
mod env;
mod files;
mod hidden;
pub(crate) mod limits;
pub(crate) mod lists;
mod mend;
mod network;
pub(crate) mod server;
mod state;
mod syntax;
mod tools;
mod unknown;

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use core::str::FromStr;

use crate::fault::{FaultCode, Faults, Findings, Told};
use crate::grammar::tools::{PROMPTS_SECTION, RESOURCES_SECTION};
use crate::grammar::{Head, top};
use crate::name::{EnvName, ServerName};
use crate::path::{GuestPath, Location};
use crate::policy::{
    Access, Allowed, ClientRight, Exec, Links, Mark, Missing, SyscallGroup, Tools,
};
use crate::reference::{ImageReference, NpmPackage, PypiPackage, WrittenImage};
use entries::Entries;
pub(crate) use env::WrittenValue;
pub(crate) use limits::WrittenLimits;
pub(crate) use network::{NetworkEntry, tell_too_many_ports};
pub(crate) use state::StateEntry;
use syntax::Document;

/// The format that this release reads, of each kind of file.
pub(crate) const FORMAT: &str = "1";

/// The longest manifest or settings file. A hostile one could otherwise make brig read and sort
/// without end.
pub const TEXT_BYTES_MAX: usize = 256 << 10;

/// What a manifest says, before it is known where it applies.
///
/// Every value has its type and its place; nothing is filled in or looked up. Only [`read`] makes
/// one.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub(crate) text: String,
    pub(crate) name: Result<Spanned<ServerName>, Told>,
    pub(crate) source: Result<Spanned<WrittenSource>, Told>,
    pub(crate) args: Entry<Vec<String>>,
    pub(crate) network: Vec<NetworkEntry>,
    pub(crate) files: Vec<FileEntry>,
    pub(crate) state: Vec<StateEntry>,
    pub(crate) env: Vec<(EnvName, WrittenValue)>,
    pub(crate) tools: Option<Tools>,
    pub(crate) resources: Option<Allowed>,
    pub(crate) prompts: Option<Allowed>,
    pub(crate) client: BTreeMap<ClientRight, Mark>,
    pub(crate) limits: WrittenLimits,
    pub(crate) syscalls: BTreeMap<SyscallGroup, Mark>,
}

/// What is run, as written.
#[derive(Clone, Debug)]
pub(crate) enum WrittenSource {
    Component(Spanned<Location>),
    Command {
        program: WrittenProgram,
        args: Vec<String>,
    },
    /// In a registry.
    Artifact(ImageReference),
    Image(Spanned<WrittenImage>),
    Npm(NpmPackage),
    Pypi(PypiPackage),
    Bundle(Spanned<Location>),
}

/// A program of the host, as written.
#[derive(Clone, Debug)]
pub(crate) enum WrittenProgram {
    Path(Spanned<Location>),
    Name(String),
}

/// One `[[files]]` as written.
#[derive(Clone, Debug)]
pub(crate) struct FileEntry {
    /// The header.
    pub(crate) span: Range<usize>,
    pub(crate) host: Result<Spanned<Location>, Told>,
    pub(crate) at: Entry<GuestPath>,
    pub(crate) access: Entry<Access>,
    pub(crate) exec: Entry<Exec>,
    pub(crate) links: Entry<Links>,
    pub(crate) missing: Entry<Missing>,
}

/// A value and its bytes in the text.
#[derive(Clone, Debug)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
}

/// What a key that may be left out says: something, nothing, or what a fault was told about.
pub(crate) type Entry<T> = Result<Option<Spanned<T>>, Told>;

/// A type that a manifest's strings are read into.
pub(crate) trait Written: FromStr<Err: Teach> {
    /// What the type is called, after "is not".
    const WHAT: &'static str;
}

/// An error that becomes a fault.
pub(crate) trait Teach: fmt::Display {
    /// The kind of fault.
    fn code(&self) -> FaultCode;
    /// What to write instead.
    fn help(&self) -> String;
}

/// Reads a manifest's text: its syntax, its keys, and each value for itself.
///
/// # Errors
///
/// Every fault of the text, in its order.
pub fn read(text: &str) -> Result<Manifest, Faults> {
    let mut findings = Findings::new();
    let manifest = read_into(text, &mut findings);
    findings.end(text, manifest)
}

/// Reads what can be read and tells of the rest.
pub(crate) fn read_into(text: &str, findings: &mut Findings) -> Result<Manifest, Told> {
    read_top(text, &top::HEAD, findings, |top, findings| {
        let (name, source, args) = server::read(top, findings);
        Manifest {
            text: text.to_owned(),
            name,
            source,
            args,
            network: network::read(top, findings),
            files: files::read(top, findings),
            state: state::read(top, findings),
            env: env::read(top, findings),
            tools: tools::read(top, findings),
            resources: tools::read_allowed(top, &top::RESOURCES, &RESOURCES_SECTION, findings),
            prompts: tools::read_allowed(top, &top::PROMPTS, &PROMPTS_SECTION, findings),
            client: client::read(top, findings),
            limits: limits::read(top, findings),
            syscalls: client::read_syscalls(top, findings),
        }
    })
}

/// What every file of brig's has: a bounded text, TOML's syntax, the format's number, keys that the
/// section has, and nothing that a reviewer cannot see.
pub(crate) fn read_top<T>(
    text: &str,
    head: &Head,
    findings: &mut Findings,
    read: impl FnOnce(&Entries<'_>, &mut Findings) -> T,
) -> Result<T, Told> {
    if text.len() > head.bytes_max {
        let message = format!("{} has {} bytes", head.section.title, text.len());
        let help = format!("keep it below {} KiB", head.bytes_max >> 10);
        return Err(findings.tell(FaultCode::TooLong, 0..0, message, help));
    }
    let mended;
    let mut document = Document::parse(text);
    if document.is_broken() {
        mended = mend::mend(text, findings);
        if findings.recovering().is_none() {
            // A broken text must not pass because its broken lines are gone.
            document.tell(text, findings);
        }
        document = Document::parse(&mended);
    }
    document.tell(text, findings);
    let top = Entries::open(document.table(), head.section, 0..0, findings);
    read_format(&top, head, findings);
    let value = read(&top, findings);
    hidden::tell(text, head.is_shown, findings);
    Ok(value)
}

fn read_format(top: &Entries<'_>, head: &Head, findings: &mut Findings) {
    let Ok(format) = top.required(head.format, findings, entries::integer) else {
        return;
    };
    if format.value != FORMAT {
        let message = format!("{} is not of format {FORMAT}", head.section.title);
        let example = head.format.example;
        let help = format!("write `{example}`, or use a brig that reads the other format");
        findings.tell(FaultCode::UnknownFormat, format.span, message, help);
    }
}
