//! What rights allow together, and what none of them allows.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::{Together, is_told, network};
use crate::host::Destination;
use crate::obeyed::obeyed_names;
use crate::policy::{Access, ClientRight, EnvValue, Exec, FileGrant, Named, NetworkGrant, Policy};
use crate::wording::Whole;

/// Folders of programs and services that the host runs, beside what it obeys without being asked.
const RUN: &[&str] = &[
    "bin",
    "sbin",
    "autostart",
    "systemd",
    "cron.d",
    "node_modules",
    ".venv",
    "site-packages",
];

/// The most things that one sentence lists.
const LISTED_MAX: usize = 4;

pub(super) fn together(policy: &Policy) -> Vec<Together> {
    let mut found = Vec::new();
    let (known, reached) = (known(policy), reached(policy));
    if !known.is_empty() && !reached.is_empty() {
        let (known, reached) = (listed(known), listed(reached));
        found.push(Together {
            name: "reads-and-sends",
            means: format!("It can send {known} to {reached}."),
        });
    }
    let named = policy.files().iter().flat_map(FileGrant::named);
    let named = named.filter(|named| !is_repository(named));
    let named = named.map(|named| Whole(named.host().as_str()).to_string());
    let obeyed: Vec<String> = run(policy).map(source).chain(named).collect();
    if !obeyed.is_empty() {
        found.push(Together {
            name: "writes-what-the-host-runs",
            means: format!(
                "What it writes in {} is run or obeyed by programs of this host, with all your \
                 rights.",
                listed(obeyed)
            ),
        });
    }
    let runs = |grant: &&FileGrant| grant.exec() == Exec::Allowed;
    let made: Vec<String> = policy
        .files()
        .iter()
        .filter(|grant| is_written(grant))
        .filter(runs)
        .map(source)
        .collect();
    if !made.is_empty() && !policy.network().is_empty() {
        found.push(Together {
            name: "fetches-and-runs",
            means: format!(
                "It can fetch a program, put it into {} and run it in its cell.",
                listed(made)
            ),
        });
    }
    let asks = policy.client().contains_key(&ClientRight::Sampling);
    if asks && !policy.network().is_empty() {
        found.push(Together {
            name: "steers-and-sends",
            means: "It can have the client's model write text, and send that away.".into(),
        });
    }
    found
}

/// The write grants of places that the host runs programs from, or obeys, as a whole.
fn run(policy: &Policy) -> impl Iterator<Item = &FileGrant> {
    let writes = policy.files().iter().filter(|grant| is_written(grant));
    writes.filter(|grant| {
        let mut names = grant.host().as_str().split('/');
        names.any(|name| RUN.contains(&name) || obeyed_names().any(|obeyed| obeyed == name))
    })
}

fn is_written(grant: &FileGrant) -> bool {
    grant.access() == Access::Write
}

/// Whether it is git's folder as a whole, of which hooks and settings stay as they are.
pub(super) fn is_repository(named: &Named) -> bool {
    let name = named.host().as_str().rsplit('/').next();
    name.is_some_and(|name| name.eq_ignore_ascii_case(".git"))
}

fn source(grant: &FileGrant) -> String {
    Whole(grant.host().as_str()).to_string()
}

/// What it knows that others may not.
fn known(policy: &Policy) -> Vec<String> {
    let files = policy.files().iter();
    let files = files.map(|grant| format!("everything in {}", source(grant)));
    let secrets = policy.secrets().values();
    let secrets = secrets.map(|grant| format!("the secret {}", Whole(grant.secret().as_str())));
    let hosts = policy.env().values().filter_map(|value| match value {
        EnvValue::Host(host) if is_told(host.as_str()) => {
            Some(format!("the variable {}", Whole(host.as_str())))
        }
        EnvValue::Host(_) | EnvValue::Literal(_) => None,
    });
    files.chain(secrets).chain(hosts).collect()
}

fn reached(policy: &Policy) -> Vec<String> {
    let hosts = policy.network().iter().map(NetworkGrant::host);
    let mut hosts: Vec<&Destination> = hosts.collect();
    hosts.dedup();
    hosts.into_iter().map(network::who).collect()
}

pub(super) fn listed(mut things: Vec<String>) -> String {
    let more = things.len().saturating_sub(LISTED_MAX);
    things.truncate(LISTED_MAX);
    let last = match more {
        0 => things.pop(),
        more => Some(format!("{more} more")),
    };
    match (things.is_empty(), last) {
        (true, last) => last.unwrap_or_default(),
        (false, None) => things.join(", "),
        (false, Some(last)) => format!("{} and {last}", things.join(", ")),
    }
}

/// What no right of this policy allows.
pub(super) fn impossible(policy: &Policy) -> Vec<&'static str> {
    let files = policy.files();
    let writes = files.iter().any(is_written);
    let asks = |right| policy.client().contains_key(&right);
    let names = files.iter().any(|grant| !grant.named().is_empty());
    let keeps = writes && run(policy).next().is_none();
    let unless: [(bool, &'static str); 10] = [
        (
            policy.network().is_empty(),
            "reach any network, nor this host's own ports",
        ),
        (
            !policy.network().is_empty(),
            "reach anybody else on the network",
        ),
        (
            files.is_empty(),
            "see any file of this host that its program does not need",
        ),
        (
            !files.is_empty(),
            "see any other file of this host that its program does not need",
        ),
        (!writes, "change any file of this host"),
        (
            keeps && !names,
            "change what this host obeys unasked in the folders that it writes, such as `.git`, \
             `.envrc` and `.vscode`",
        ),
        (
            keeps && names,
            "change what else this host obeys unasked in the folders that it writes, such as hooks \
             and editors' settings",
        ),
        (!asks(ClientRight::Sampling), "use the client's model"),
        (
            !asks(ClientRight::Elicitation) && !asks(ClientRight::ElicitationUrl),
            "have the client ask you anything",
        ),
        (
            !asks(ClientRight::Roots),
            "learn which folders the client works in",
        ),
    ];
    let mut impossible: Vec<&'static str> = unless
        .into_iter()
        .filter(|(holds, _)| *holds)
        .map(|(_, what)| what)
        .collect();
    impossible.extend([
        "see your other variables, secrets and open files",
        "see or signal a process of this host, or go on after its client",
        "gain a capability or another user's rights",
    ]);
    impossible
}
