//! The settings of one host: what no manifest has a say in.
//!
//! A ceiling is the most that manifests get. It grants nothing: a policy under it allows what the
//! manifest allows, or less.

mod ceiling;
mod engine;
mod folder;
mod reach;
mod secrets;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::fault::{Faults, Findings, Told};
use crate::grammar::settings::{
    CEILING, CEILING_SECTION, CLIENT, CONSENT, ENGINE, ENTRIES_MAX, HEAD, NETWORK, READ, SOURCES,
    SYSCALLS, WRITE,
};
use crate::grammar::{Key, client, server};
use crate::host::Destination;
use crate::limits::Limit;
use crate::manifest::entries::{Entries, Found, parsed, table};
use crate::manifest::limits::read_each;
use crate::manifest::lists::{list, word, words};
use crate::manifest::{Entry, read_into, read_top};
use crate::places::Places;
use crate::policy::{ClientRight, SyscallGroup};
use crate::resolve::rights;

pub use ceiling::{Bound, Ceiling, Lowered, Narrowed};
use engine::EngineName;
pub(crate) use engine::NAMES as ENGINES;
use folder::Folder;
pub use reach::{HostReach, InvalidProxy, ProxyAddress};
pub use secrets::{OwnFile, SecretNewline, SecretPlace, SecretSource};

/// What the settings of a host say, before it is known which start they apply to. Only
/// [`read_settings`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    engine: Option<EngineName>,
    consent: Consent,
    secrets: Option<Vec<SecretSource>>,
    reach: HostReach,
    limits: BTreeMap<Limit, Lined<u64>>,
    read: Option<Lined<Vec<Folder>>>,
    write: Option<Lined<Vec<Folder>>>,
    network: Option<Lined<Vec<Destination>>>,
    sources: Option<Lined<Vec<&'static str>>>,
    client: Option<Lined<Vec<ClientRight>>>,
    syscalls: Option<Lined<Vec<SyscallGroup>>>,
}

/// Whether servers start only once their user approved what they may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// They do.
    Asked,
    /// They start whatever their manifests say. It is for hosts on which nobody could answer and
    /// everything was decided before: a test runner, an image with one server in it.
    NotAsked,
}

impl Consent {
    const ALL: [(&'static str, Self); 2] = [
        (Self::Asked.as_str(), Self::Asked),
        (Self::NotAsked.as_str(), Self::NotAsked),
    ];

    /// As the settings have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "ask",
            Self::NotAsked => "none",
        }
    }
}

/// A value and the line in which it is written, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lined<T> {
    value: T,
    line: usize,
}

impl Settings {
    /// What carries containers out on this host: the name of an engine, or `oci:` and the path of a
    /// runtime. None where it is left to brig.
    pub fn engine(&self) -> Option<&str> {
        self.engine.as_ref().map(EngineName::as_str)
    }

    /// Whether this host asks before a server starts; it does unless the settings say otherwise.
    pub fn consent(&self) -> Consent {
        self.consent
    }

    /// Where the values of secrets come from, in this order; none where it is left to brig.
    pub fn secrets(&self) -> Option<&[SecretSource]> {
        self.secrets.as_deref()
    }

    /// How this host reaches others.
    pub fn reach(&self) -> &HostReach {
        &self.reach
    }

    /// The ceiling of one start, by its placeholders.
    ///
    /// The path is that of the settings, as faults name it. A folder whose placeholder stands for
    /// nothing in this start holds nothing.
    pub fn ceiling(&self, path: &str, places: &Places) -> Ceiling {
        Ceiling::of(self, path, places)
    }
}

/// Reads the text of the settings.
///
/// # Errors
///
/// Every fault of the text, in its order.
pub fn read_settings(text: &str) -> Result<Settings, Faults> {
    let mut findings = Findings::new();
    let settings = read_top(text, &HEAD, &mut findings, |top, findings| {
        read_ceiling(text, top, findings)
    });
    let settings = settings.and_then(|settings| settings);
    findings.end(text, settings)
}

/// [`check`](crate::check) under a ceiling: what goes beyond it is told among the other faults.
///
/// # Errors
///
/// Every fault, in the order of the file.
pub fn check_under(text: &str, places: &Places, ceiling: &Ceiling) -> Result<Narrowed, Faults> {
    let mut findings = Findings::new();
    let policy = read_into(text, &mut findings)
        .and_then(|manifest| rights(&manifest, places, &mut findings))
        .and_then(|policy| ceiling.narrow(policy, &mut findings));
    findings.end(text, policy)
}

fn read_ceiling(text: &str, top: &Entries<'_>, findings: &mut Findings) -> Result<Settings, Told> {
    let engine = top.optional(&ENGINE, findings, parsed::<EngineName>);
    let consent = read_consent(top, findings);
    let secrets = secrets::read(top, findings);
    let reach = reach::read(top, findings);
    let section = top.optional(&CEILING, findings, table)?;
    let empty = toml::de::DeTable::new();
    let (table, span) = match &section {
        Some(section) => (section.value, section.span.clone()),
        None => (&empty, 0..0),
    };
    let entries = Entries::open(table, &CEILING_SECTION, span, findings);
    let limits = read_each(&entries, findings).written();
    let limits = limits
        .into_iter()
        .map(|(limit, written)| {
            let line = line(text, written.span.start);
            let value = written.value;
            (limit, Lined { value, line })
        })
        .collect();
    let folders = |found: Found<'_>, key: &Key, findings: &mut Findings| {
        list::<Folder>(found, key, 0, ENTRIES_MAX, findings)
    };
    // Everything is read before the first fault is returned, so that all are told.
    let read = entries.optional(&READ, findings, folders);
    let write = entries.optional(&WRITE, findings, folders);
    let network = entries.optional(&NETWORK, findings, |found, key, findings| {
        list(found, key, 0, ENTRIES_MAX, findings)
    });
    let sources = server::SOURCES.iter().map(|key| (key.name, key.name));
    let sources = read_words(&entries, &SOURCES, sources, "a source", findings);
    let rights = client::RIGHTS.iter().map(|(key, right)| (key.name, *right));
    let client = read_words(
        &entries,
        &CLIENT,
        rights,
        "a right of the client's",
        findings,
    );
    let groups = SyscallGroup::ALL.iter();
    let groups = groups.map(|group| (group.as_str(), *group));
    let syscalls = read_words(
        &entries,
        &SYSCALLS,
        groups,
        "a group of system calls",
        findings,
    );
    Ok(Settings {
        engine: engine?.map(|written| written.value),
        consent: consent?,
        secrets: secrets?,
        reach: reach?,
        limits,
        read: lined(text, read)?,
        write: lined(text, write)?,
        network: lined(text, network)?,
        sources: lined(text, sources)?,
        client: lined(text, client)?,
        syscalls: lined(text, syscalls)?,
    })
}

fn read_consent(top: &Entries<'_>, findings: &mut Findings) -> Result<Consent, Told> {
    let written = top.optional(&CONSENT, findings, |found, key, findings| {
        word(found, key, &Consent::ALL, "a way of asking", findings)
    });
    Ok(written?.map_or(Consent::Asked, |written| written.value))
}

/// Some of a few words, each once.
fn read_words<T: Copy + PartialEq>(
    entries: &Entries<'_>,
    key: &Key,
    known: impl Iterator<Item = (&'static str, T)>,
    what: &str,
    findings: &mut Findings,
) -> Entry<Vec<T>> {
    let known: Vec<(&str, T)> = known.collect();
    entries.optional(key, findings, |found, key, findings| {
        words(found, key, &known, what, findings)
    })
}

fn lined<T>(text: &str, entry: Entry<T>) -> Result<Option<Lined<T>>, Told> {
    Ok(entry?.map(|written| Lined {
        line: line(text, written.span.start),
        value: written.value,
    }))
}

fn line(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or(text);
    before.matches('\n').count() + 1
}

/// The most entries of a list that a message repeats.
const LISTED_MAX: usize = 8;

/// Entries as a message lists them; nothing where there is none.
fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(LISTED_MAX);
    let shown = names[..names.len() - more].join(", ");
    if more == 0 {
        shown
    } else {
        format!("{shown} and {more} more")
    }
}
