//! A policy in plain words, for the person who is asked whether to let it happen.

mod network;
mod together;

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::ops::Range;

use serde::Serialize;

use crate::policy::{
    Access, Allowed, ClientRight, Condition, EnvValue, Exec, FileGrant, Links, Package, Policy,
    SecretForm, Source, Tools,
};
use crate::quantity::{Period, Size};
use crate::reference::{ImagePlace, ImageSource};
use crate::wording::Whole;

/// What a policy lets a server do, what that means, and what it cannot do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The rights, the most dangerous first.
    pub rights: Vec<Right>,
    /// What several rights allow together that none of them does alone.
    pub together: Vec<Together>,
    /// What the server cannot do, after "it cannot".
    pub impossible: Vec<&'static str>,
}

/// One right in plain words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Right {
    /// How much harm a hostile server can do with it.
    pub danger: Danger,
    /// The key of the manifest that gives it.
    pub key: &'static str,
    /// The bytes of the manifest that give it, where one place does.
    pub span: Option<Range<usize>>,
    /// The right, after "it can".
    pub can: String,
    /// What that means for the one who grants it: a sentence.
    pub means: String,
}

/// How much harm a hostile server can do with a right, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Danger {
    /// It may get further than the grant: what it does there acts on the host.
    Severe,
    /// It can do lasting harm to what is granted.
    High,
    /// It can learn or ask for something that others would not want it to.
    Medium,
    /// It costs something that is bounded.
    Low,
}

/// A name for what several rights allow together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Together {
    /// A stable name, such as `reads-and-sends`.
    pub name: &'static str,
    /// What it means: a sentence.
    pub means: String,
}

/// Puts a policy into words.
pub fn explain(policy: &Policy) -> Explanation {
    let mut rights: Vec<Right> = source(policy).into_iter().collect();
    rights.extend(policy.network().iter().map(network::right));
    rights.extend(policy.files().iter().map(files));
    rights.extend(policy.files().iter().flat_map(named));
    rights.extend(policy.state().iter().map(|grant| {
        let (at, size) = (grant.at(), Size(grant.size_bytes()));
        let can = format!("keep up to {size} in {} between runs", Whole(at.as_str()));
        let means = "What it learns in one run it still knows in the next.";
        right(Danger::Low, "state", Some(grant.mark().span()), can, means)
    }));
    rights.extend(variables(policy));
    rights.extend(client(policy));
    rights.extend(policy.syscalls().iter().map(|(group, mark)| {
        let can = format!("make the system calls of {}", Whole(group.as_str()));
        let means = format!("More of the kernel is open to it: {}.", group.reason());
        right(Danger::Medium, "syscalls", Some(mark.span()), can, &means)
    }));
    rights.extend(policy.tools().map(tools));
    rights.extend(allowed("resources", policy.resources()));
    rights.extend(allowed("prompts", policy.prompts()));
    rights.push(limits(policy));
    rights.sort_by_key(|right| right.danger);
    Explanation {
        together: together::together(policy),
        impossible: together::impossible(policy),
        rights,
    }
}

fn right(
    danger: Danger,
    key: &'static str,
    span: Option<Range<usize>>,
    can: String,
    means: &str,
) -> Right {
    Right {
        danger,
        key,
        span,
        can,
        means: means.to_owned(),
    }
}

/// A component runs nothing but itself; anything else is a program that the host could run too.
fn source(policy: &Policy) -> Option<Right> {
    let (what, means) = match policy.source() {
        Source::Component(_) => return None,
        Source::Command { .. } => (
            "command",
            "It is machine code that calls the kernel; the program and what it needs of this host \
             can be read.",
        ),
        Source::Package(Package::Image(image)) if may_move(image) => (
            "server",
            "It is code that somebody else publishes, and can publish anew under the same tag.",
        ),
        Source::Package(Package::Component(artifact)) => (
            "component",
            match artifact.digest() {
                Some(_) => "It is code that somebody else publishes.",
                None => {
                    "It is code that somebody else publishes, and can publish anew under the same \
                     tag."
                }
            },
        ),
        Source::Package(_) => (
            "server",
            "It is code that somebody else publishes, and machine code may be part of it.",
        ),
    };
    let source = crate::widen::source(policy.source());
    let mut can = format!("run {}", Whole(&source));
    if !policy.args().is_empty() {
        can = format!("{can} with {}", Whole(&policy.args().join(" ")));
    }
    let span = Some(policy.source_mark.span());
    Some(right(Danger::Medium, what, span, can, means))
}

/// Whether the same text may come to mean another image, by somebody else's doing.
fn may_move(image: &ImageSource) -> bool {
    matches!(image.place(), ImagePlace::Registry(reference) if reference.digest().is_none())
}

fn files(grant: &FileGrant) -> Right {
    let host = Whole(grant.host().as_str());
    let mut can = match grant.access() {
        Access::Read => format!("read everything in {host}"),
        Access::Write => format!("read, create, change and delete everything in {host}"),
    };
    if grant.host().as_str() != grant.at().as_str() {
        let at = Whole(grant.at().as_str());
        can = format!("{can}, which it finds at {at}");
    }
    let (danger, means) = match (grant.access(), grant.exec(), grant.links()) {
        (Access::Write, _, Links::Allowed) => (
            Danger::Severe,
            "It can leave links and special files there, which lead programs of this host \
             elsewhere when they follow them.",
        ),
        (Access::Write, Exec::Allowed, Links::Denied) => {
            (Danger::Severe, "It can write a program there and run it.")
        }
        (Access::Write, Exec::Denied, Links::Denied) => (
            Danger::High,
            "It can destroy what is there, and leave files that programs of this host may later \
             run.",
        ),
        (Access::Read, Exec::Allowed, _) => (
            Danger::Medium,
            "It can run the programs there, within its cell and its rights.",
        ),
        (Access::Read, Exec::Denied, _) => (
            Danger::Medium,
            "It may tell the client, and so the model, all that stands there.",
        ),
    };
    right(danger, "files", Some(grant.span()), can, means)
}

/// What stays read-only in a write grant unless an entry names it. A repository that is named keeps
/// its hooks and settings, so what is written to it is data until somebody checks it out.
fn named(grant: &FileGrant) -> impl Iterator<Item = Right> {
    grant.named().iter().map(|named| {
        let host = Whole(named.host().as_str());
        let (danger, can, means) = if together::is_repository(named) {
            (
                Danger::High,
                format!("change {host}, but not its hooks and settings"),
                "It can rewrite or destroy the history, and what it commits may be checked out \
                 and run elsewhere.",
            )
        } else {
            (
                Danger::Severe,
                format!("change {host}"),
                "Where programs of this host run or obey it, it acts with all your rights.",
            )
        };
        right(danger, "files", Some(named.span()), can, means)
    })
}

fn variables(policy: &Policy) -> Vec<Right> {
    let secrets = policy.secrets().iter().map(|(name, grant)| {
        let (secret, name) = (Whole(grant.secret().as_str()), Whole(name.as_str()));
        let (can, means) = match grant.form() {
            SecretForm::Env => (
                format!("see the secret {secret} in the variable {name}"),
                "It can do all that the secret allows, as you. Every program that it starts \
                 inherits it; outside, root and your own programs could read it in /proc.",
            ),
            SecretForm::File => (
                format!("see the secret {secret} in a file that the variable {name} names"),
                "It can do all that the secret allows, as you. The file is memory that ends with \
                 the server; outside, root and your own programs could read it in /proc.",
            ),
        };
        right(Danger::High, "env", Some(grant.mark().span()), can, means)
    });
    let hosts = policy.env().iter().filter_map(|(name, value)| match value {
        EnvValue::Host(host) if is_told(host.as_str()) => {
            let (host, name) = (Whole(host.as_str()), Whole(name.as_str()));
            let can = format!("see this host's variable {host} in {name}");
            let means = "Whatever it holds when the server starts is known to it.";
            Some(right(Danger::Medium, "env", None, can, means))
        }
        EnvValue::Host(_) | EnvValue::Literal(_) => None,
    });
    secrets.chain(hosts).collect()
}

/// What every server sees is not worth a line.
fn is_told(host: &str) -> bool {
    !matches!(host, "LANG" | "TZ")
}

fn client(policy: &Policy) -> Vec<Right> {
    let rights = policy.client().iter().map(|(asked, mark)| {
        let (danger, can, means) = match asked {
            ClientRight::Sampling => (
                Danger::High,
                "have the client's model write text",
                "It spends your tokens, and what it asks may steer the model.",
            ),
            ClientRight::Elicitation => (
                Danger::Medium,
                "have the client ask you questions, in a form",
                "It may ask for a password in the client's own window.",
            ),
            ClientRight::ElicitationUrl => (
                Danger::High,
                "have the client send you to a page of the web",
                "The page can be made to look like any other, and ask for what it likes.",
            ),
            ClientRight::Roots => (
                Danger::Low,
                "ask which folders the client works in",
                "It learns their names, and nothing of what is in them.",
            ),
            ClientRight::Logging => (
                Danger::Low,
                "send messages for the client's log",
                "They say what it likes.",
            ),
        };
        right(danger, "client", Some(mark.span()), can.to_owned(), means)
    });
    rights.collect()
}

fn tools(tools: &Tools) -> Right {
    let mut can = match tools.allow() {
        None => "offer all its tools that were reviewed".to_owned(),
        Some(allow) if allow.is_empty() => "offer no tool".to_owned(),
        Some(allow) => {
            let names: Vec<String> = allow
                .iter()
                .map(|pattern| Whole(pattern.as_str()).to_string())
                .collect();
            format!("offer the tools {}", names.join(", "))
        }
    };
    if tools.is_strict() {
        can.push_str("; a session ends once one of them is not as it was reviewed");
    }
    for rule in tools.rules() {
        let bound = match rule.condition() {
            Condition::Equals(value) => format!("is {}", crate::widen::scalar(value)),
            Condition::Matches(pattern) => format!("matches {}", Whole(pattern.as_str())),
            Condition::Within(path) => format!("lies within {}", Whole(path)),
            Condition::Max(most) => format!("is at most {most}"),
        };
        let (tool, argument) = (Whole(rule.tool().as_str()), Whole(rule.argument().as_str()));
        can = format!("{can}; {tool} only where {argument} {bound}");
    }
    for limit in tools.limits() {
        let bounds = [
            limit
                .calls_per_minute()
                .map(|most| format!("{most} times in a minute")),
            limit.concurrency().map(|most| format!("{most} at once")),
            limit
                .result_bytes()
                .map(|most| format!("with answers of {}", Size(most))),
        ];
        let bounds: Vec<String> = bounds.into_iter().flatten().collect();
        let tool = Whole(limit.tool().as_str());
        can = format!("{can}; {tool} at most {}", bounds.join(", "));
    }
    let means = "Other calls never reach it; this narrows what a client can ask, not what the \
        server can do by itself.";
    right(Danger::Low, "tools", Some(tools.mark().span()), can, means)
}

/// What it may offer of its resources or prompts.
fn allowed(what: &'static str, allowed: Option<&Allowed>) -> Option<Right> {
    let allowed = allowed?;
    let can = match allowed.allow() {
        None => format!("offer all its {what}"),
        Some(allow) if allow.is_empty() => format!("offer none of its {what}"),
        Some(allow) => {
            let names = allow.iter();
            let names = names.map(|pattern| Whole(pattern.as_str()).to_string());
            format!("offer the {what} {}", names.collect::<Vec<_>>().join(", "))
        }
    };
    let means = "Others are not shown to a client and cannot be asked for.";
    let span = Some(allowed.mark().span());
    Some(right(Danger::Low, what, span, can, means))
}

fn limits(policy: &Policy) -> Right {
    let limits = policy.limits();
    let can = format!(
        "use {} of memory, {} processors, {} processes, {} in `/tmp`, and {} for a call",
        Size(limits.memory_bytes),
        crate::quantity::Cpus(limits.cpus_milli),
        limits.processes,
        Size(limits.scratch_bytes),
        Period(limits.call_ms),
    );
    right(
        Danger::Low,
        "limits",
        None,
        can,
        "Beyond that it is held or ended.",
    )
}
