//! A policy against the ceiling of one start.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::ops::Range;

use serde::Serialize;

use super::{Folder, Lined, Settings, listed};
use crate::fault::{FaultCode, Faults, Findings, Told};
use crate::grammar::settings::{CLIENT, NETWORK, READ, SOURCES, SYSCALLS, WRITE};
use crate::host::{Destination, Reach};
use crate::limits::Limit;
use crate::path::is_within;
use crate::places::Places;
use crate::policy::{Access, ClientRight, FileGrant, NetworkGrant, Policy, SyscallGroup};
use crate::widen::{is_block_named, is_named};
use crate::wording::Quoted;

/// The most that manifests get in one start. What is absent has no ceiling; a list without an
/// entry lets nothing pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// Where the settings are, as faults name it.
    path: String,
    /// The settings themselves by all their paths: a server that could write them would raise its
    /// own ceiling.
    own: Vec<String>,
    limits: BTreeMap<Limit, Lined<u64>>,
    read: Option<Lined<Vec<Area>>>,
    write: Option<Lined<Vec<Area>>>,
    network: Option<Lined<Vec<Destination>>>,
    sources: Option<Lined<Vec<&'static str>>>,
    client: Option<Lined<Vec<ClientRight>>>,
    syscalls: Option<Lined<Vec<SyscallGroup>>>,
}

/// A folder in one start.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Area {
    written: String,
    /// Its paths: as named, and as its links lead. None where a placeholder stands for nothing.
    paths: Vec<String>,
}

impl Area {
    fn holds(&self, path: &str) -> bool {
        self.paths.iter().any(|own| is_within(path, own))
    }
}

/// A policy that is under a ceiling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrowed {
    /// The rights.
    pub policy: Policy,
    /// The limits whose defaults are above the ceiling.
    pub lowered: Vec<Lowered>,
}

/// A limit that no manifest wrote and that the ceiling made lower than its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lowered {
    /// Its key.
    pub key: &'static str,
    /// The default, as an author writes it.
    pub from: String,
    /// What it is under the ceiling.
    pub to: String,
    /// The settings that say so.
    pub path: String,
    /// Their line, from 1.
    pub line: usize,
}

/// One key of a ceiling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bound {
    /// The key.
    pub key: &'static str,
    /// The most that passes: one amount, or the entries of a list as they are written.
    pub most: Vec<String>,
    /// The line of the settings, from 1.
    pub line: usize,
}

impl Ceiling {
    pub(super) fn of(settings: &Settings, path: &str, places: &Places) -> Self {
        let Settings {
            engine: _,
            consent: _,
            limits,
            read,
            write,
            network,
            sources,
            client,
            syscalls,
            secrets: _,
            reach: _,
        } = settings;
        Self {
            path: path.to_owned(),
            own: Vec::from([path.to_owned()]),
            limits: limits.clone(),
            read: read.as_ref().map(|folders| areas(folders, places)),
            write: write.as_ref().map(|folders| areas(folders, places)),
            network: network.clone(),
            sources: sources.clone(),
            client: client.clone(),
            syscalls: syscalls.clone(),
        }
    }

    /// The same ceiling with where its folders' links lead, which the caller knows. A folder then
    /// holds what lies in it by either path.
    #[must_use]
    pub fn followed(mut self, lead: &dyn Fn(&str) -> Option<String>) -> Self {
        let follow = |paths: &mut Vec<String>| {
            let more: Vec<String> = paths.iter().filter_map(|path| lead(path)).collect();
            paths.extend(more);
        };
        follow(&mut self.own);
        for folders in [&mut self.read, &mut self.write].into_iter().flatten() {
            for area in &mut folders.value {
                follow(&mut area.paths);
            }
        }
        self
    }

    /// What is beyond this ceiling once links are followed, as faults of the text that the policy
    /// was made from. The caller tells where the source of each grant leads.
    pub fn led_beyond(
        &self,
        policy: &Policy,
        text: &str,
        lead: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Faults> {
        let mut findings = Findings::new();
        for grant in policy.files() {
            if let Some(led) = lead(grant.host().as_str()) {
                self.tell_file(grant, &led, &mut findings);
            }
        }
        findings.end(text, Ok(())).err()
    }

    /// What this ceiling sets, in the order of the format.
    pub fn bounds(&self) -> Vec<Bound> {
        let limits = self.limits.iter().map(|(limit, most)| Bound {
            key: limit.key(),
            most: Vec::from([limit.show(most.value)]),
            line: most.line,
        });
        let areas = |area: &Area| area.written.clone();
        let lists = [
            bound(READ.name, self.read.as_ref(), areas),
            bound(WRITE.name, self.write.as_ref(), areas),
            bound(NETWORK.name, self.network.as_ref(), Destination::to_string),
            bound(SOURCES.name, self.sources.as_ref(), |name| {
                (*name).to_owned()
            }),
            bound(CLIENT.name, self.client.as_ref(), |right| {
                right.as_str().to_owned()
            }),
            bound(SYSCALLS.name, self.syscalls.as_ref(), |group| {
                group.as_str().to_owned()
            }),
        ];
        limits.chain(lists.into_iter().flatten()).collect()
    }

    /// Lowers the defaults that are above the ceiling, and tells of everything else that is.
    pub(crate) fn narrow(
        &self,
        mut policy: Policy,
        findings: &mut Findings,
    ) -> Result<Narrowed, Told> {
        let (lowered, mut faulty) = self.narrow_limits(&mut policy, findings);
        let mut also = |told: Option<Told>| faulty = faulty.or(told);
        for grant in policy.files() {
            also(self.tell_file(grant, grant.host().as_str(), findings));
        }
        for grant in policy.network() {
            also(self.tell_network(grant, findings));
        }
        also(self.tell_words(&policy, findings));
        match faulty {
            Some(told) => Err(told),
            None => Ok(Narrowed { policy, lowered }),
        }
    }

    /// A default is nobody's wish, so it is lowered; a value that an author wrote is refused, since
    /// a server may be relied on to have it.
    fn narrow_limits(
        &self,
        policy: &mut Policy,
        findings: &mut Findings,
    ) -> (Vec<Lowered>, Option<Told>) {
        let (mut lowered, mut faulty) = (Vec::new(), None);
        for (limit, most) in &self.limits {
            let value = limit.of(&policy.limits);
            if value <= most.value {
                continue;
            }
            let (from, to) = (limit.show(value), limit.show(most.value));
            let key = limit.key();
            if let Some(span) = policy.limit_marks.0.get(limit) {
                let what = format!("`{key}` of `{from}`");
                let help = format!("write `{to}` or less, or leave it out");
                faulty = Some(self.tell(span.clone(), &what, most.line, help, findings));
            } else {
                limit.lower(&mut policy.limits, most.value);
                lowered.push(Lowered {
                    key,
                    from,
                    to,
                    path: self.path.clone(),
                    line: most.line,
                });
            }
        }
        (lowered, faulty)
    }

    /// Tells of a grant whose source, by this path, is beyond the ceiling or holds the settings.
    fn tell_file(&self, grant: &FileGrant, path: &str, findings: &mut Findings) -> Option<Told> {
        let mut source = Quoted(grant.host().as_str()).to_string();
        if path != grant.host().as_str() {
            source = format!("{source} (through symbolic links: {})", Quoted(path));
        }
        if let Some((doing, line, areas)) = self.file_beyond(grant, path) {
            let what = format!("{doing} {source}");
            let inside = listed(areas.into_iter().map(|area| area.written.clone()));
            let help = if inside.is_empty() {
                "leave it out: it lets no folder pass".to_owned()
            } else {
                format!("grant what lies within {inside}")
            };
            return Some(self.tell(grant.span(), &what, line, help, findings));
        }
        let writes_own = writes(grant) && self.own.iter().any(|own| is_within(own, path));
        writes_own.then(|| {
            let message =
                format!("{source} cannot be granted: writing it would change the settings");
            let help = "grant it with `access = \"read\"`, or a folder beside them".to_owned();
            findings.tell(FaultCode::RefusedSource, grant.span(), message, help)
        })
    }

    /// What a grant does beyond the ceiling, the line that says so, and what passes. Writing lies
    /// within `write`; reading, which writing includes, within `read` or `write`.
    fn file_beyond(
        &self,
        grant: &FileGrant,
        path: &str,
    ) -> Option<(&'static str, usize, Vec<&Area>)> {
        let holds = |areas: &Lined<Vec<Area>>| areas.value.iter().any(|area| area.holds(path));
        let is_writable = self.write.as_ref().is_some_and(holds);
        match &self.write {
            Some(write) if writes(grant) && !is_writable => {
                return Some(("writing", write.line, write.value.iter().collect()));
            }
            Some(_) | None => {}
        }
        let read = self.read.as_ref()?;
        let also = self.write.iter().flat_map(|write| &write.value);
        let areas = read.value.iter().chain(also).collect();
        (!is_writable && !holds(read)).then_some(("reading", read.line, areas))
    }

    /// The host is named by the ceiling, and so is each block that a name may lead to.
    fn tell_network(&self, grant: &NetworkGrant, findings: &mut Findings) -> Option<Told> {
        let network = self.network.as_ref()?;
        let hosts = &network.value;
        let mut faulty = None;
        let mut beyond = |what: &str| {
            let names = listed(hosts.iter().map(Destination::to_string));
            let help = keep_to(&names);
            let span = grant.mark().span();
            faulty = Some(self.tell(span, what, network.line, help, findings));
        };
        if !is_named(grant.host(), hosts) {
            beyond(&format!("reaching `{}`", grant.host()));
        }
        for reach in grant.addresses() {
            match reach {
                Reach::Block(block) if !is_block_named(*block, hosts) => {
                    beyond(&format!("leading `{}` to `{block}`", grant.host()));
                }
                Reach::Block(_) | Reach::Public => {}
            }
        }
        faulty
    }

    /// What is one of a few words.
    fn tell_words(&self, policy: &Policy, findings: &mut Findings) -> Option<Told> {
        let mut faulty = None;
        if let Some(sources) = &self.sources {
            let key = policy.source_key().name;
            if !sources.value.contains(&key) {
                let what = format!("running a server by `{key}`");
                let help = match listed(sources.value.iter().copied().map(String::from)) {
                    names if names.is_empty() => "it lets no server run here".to_owned(),
                    names => keep_to(&names),
                };
                let span = policy.source_mark.span();
                faulty = Some(self.tell(span, &what, sources.line, help, findings));
            }
        }
        if let Some(rights) = &self.client {
            let asked = policy.client().iter();
            for (right, mark) in asked.filter(|(right, _)| !rights.value.contains(right)) {
                let what = format!("asking the client for `{}`", right.as_str());
                let names = rights.value.iter().map(|right| right.as_str().to_owned());
                let help = keep_to(&listed(names));
                faulty = Some(self.tell(mark.span(), &what, rights.line, help, findings));
            }
        }
        if let Some(groups) = &self.syscalls {
            let asked = policy.syscalls().iter();
            for (group, mark) in asked.filter(|(group, _)| !groups.value.contains(group)) {
                let what = format!("making the system calls of `{}`", group.as_str());
                let names = groups.value.iter().map(|group| group.as_str().to_owned());
                let help = keep_to(&listed(names));
                faulty = Some(self.tell(mark.span(), &what, groups.line, help, findings));
            }
        }
        faulty
    }

    fn tell(
        &self,
        span: Range<usize>,
        what: &str,
        line: usize,
        help: String,
        findings: &mut Findings,
    ) -> Told {
        let path = Quoted(&self.path);
        let message = format!("{what} goes beyond the ceiling in line {line} of {path}");
        findings.tell(FaultCode::BeyondCeiling, span, message, help)
    }
}

fn areas(folders: &Lined<Vec<Folder>>, places: &Places) -> Lined<Vec<Area>> {
    let areas = folders.value.iter().map(|folder| Area {
        written: folder.written().to_owned(),
        paths: folder.place(places).into_iter().collect(),
    });
    Lined {
        value: areas.collect(),
        line: folders.line,
    }
}

fn bound<T>(
    key: &'static str,
    list: Option<&Lined<Vec<T>>>,
    show: impl Fn(&T) -> String,
) -> Option<Bound> {
    list.map(|list| Bound {
        key,
        most: list.value.iter().map(show).collect(),
        line: list.line,
    })
}

fn writes(grant: &FileGrant) -> bool {
    grant.access() == Access::Write
}

fn keep_to(names: &str) -> String {
    if names.is_empty() {
        return "leave it out: it lets nothing pass".to_owned();
    }
    format!("keep to {names}")
}
