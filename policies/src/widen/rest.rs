//! Variables, kept state, limits, what is asked of the client and of the kernel; and what is no
//! right.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::{Change, changed};
use crate::limits::Limit;
use crate::policy::{EnvValue, Package, Policy, Source};
use crate::quantity::Size;
use crate::reference::ARTIFACT;

pub(super) fn wider(first: &Policy, second: &Policy) -> Vec<Change> {
    let mut changes = variables(first, second);
    changes.extend(state(first, second));
    for right in second.client().keys() {
        if !first.client().contains_key(right) {
            let words = format!("ask the client for {}", right.as_str());
            changes.push(Change::sure("client", words));
        }
    }
    for group in second.syscalls().keys() {
        if !first.syscalls().contains_key(group) {
            let words = format!("make the system calls of `{}`", group.as_str());
            changes.push(Change::sure("syscalls", words));
        }
    }
    changes.extend(limits(first, second));
    changes
}

/// What of the host's variables and secrets is passed on, under whichever names.
fn variables(first: &Policy, second: &Policy) -> Vec<Change> {
    let passed = |policy: &Policy| -> BTreeSet<String> {
        let hosts = policy.env().values().filter_map(|value| match value {
            EnvValue::Host(name) => Some(format!("see this host's variable `{name}`")),
            EnvValue::Literal(_) => None,
        });
        let secrets = policy.secrets().values();
        let secrets = secrets.map(|secret| format!("see the secret `{}`", secret.secret()));
        hosts.chain(secrets).collect()
    };
    let before = passed(first);
    let after = passed(second);
    let added = after.difference(&before);
    added
        .map(|right| Change::sure("env", right.clone()))
        .collect()
}

fn state(first: &Policy, second: &Policy) -> Vec<Change> {
    let mut changes = Vec::new();
    for grant in second.state() {
        let at = grant.at();
        let size = Size(grant.size_bytes());
        let before = first.state().iter().find(|other| other.at() == at);
        match before.map(|other| Size(other.size_bytes())) {
            None => {
                let words = format!("keep up to {size} in `{at}` between runs");
                changes.push(Change::sure("state", words));
            }
            Some(before) if before < size => {
                let what = format!("keep more in `{at}` between runs");
                changes.push(changed(
                    "state",
                    &what,
                    &before.to_string(),
                    &size.to_string(),
                ));
            }
            Some(_) => {}
        }
    }
    changes
}

fn limits(first: &Policy, second: &Policy) -> Vec<Change> {
    let raised = Limit::ALL.iter().filter_map(|limit| {
        let (from, to) = (limit.of(first.limits()), limit.of(second.limits()));
        (from < to).then(|| {
            let (from, to) = (limit.show(from), limit.show(to));
            changed("limits", limit.key(), &from, &to)
        })
    });
    raised.collect()
}

/// What differs and is no right by itself.
pub(super) fn other(first: &Policy, second: &Policy) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut tell = |key, what: &str, from: &str, to: &str| {
        if from != to {
            changes.push(changed(key, what, from, to));
        }
    };
    tell("name", "", first.name().as_str(), second.name().as_str());
    tell(
        "source",
        "",
        &source(first.source()),
        &source(second.source()),
    );
    let args = |policy: &Policy| policy.args().join(" ");
    tell("args", "", &args(first), &args(second));
    tell(
        "files",
        "places in the cell",
        &places(first),
        &places(second),
    );
    tell("env", "values", &values(first), &values(second));
    let strict = |policy: &Policy| {
        let is_strict = policy.tools().is_some_and(crate::policy::Tools::is_strict);
        if is_strict { "true" } else { "false" }
    };
    tell("tools", "strict", strict(first), strict(second));
    changes
}

/// What is run, in words.
pub(crate) fn source(source: &Source) -> String {
    use crate::policy::CommandProgram::{Name, Path};
    match source {
        Source::Component(path) | Source::Package(Package::Bundle(path)) => path.to_string(),
        Source::Command { program, args } => {
            let program = match program {
                Path(path) => path.as_str(),
                Name(name) => name,
            };
            let words: Vec<&str> = core::iter::once(program)
                .chain(args.iter().map(String::as_str))
                .collect();
            words.join(" ")
        }
        Source::Package(Package::Image(image)) => image.to_string(),
        Source::Package(Package::Component(artifact)) => format!("{ARTIFACT}{artifact}"),
        Source::Package(Package::Npm(package)) => package.to_string(),
        Source::Package(Package::Pypi(package)) => package.to_string(),
    }
}

fn places(policy: &Policy) -> String {
    let grants = policy.files().iter();
    let places: Vec<String> = grants
        .map(|grant| format!("{} at {}", grant.host(), grant.at()))
        .collect();
    places.join(", ")
}

/// The variables' own names and literal values; what is passed on is a right, told elsewhere.
fn values(policy: &Policy) -> String {
    let plain = policy.env().iter().map(|(name, value)| match value {
        EnvValue::Literal(text) => format!("{name}={text:?}"),
        EnvValue::Host(host) => format!("{name} from {host}"),
    });
    let secrets = policy.secrets().iter().map(|(name, grant)| {
        let (secret, form) = (grant.secret(), grant.form().as_str());
        format!("{name} from secret {secret} as {form}")
    });
    let all: Vec<String> = plain.chain(secrets).collect();
    all.join(", ")
}
