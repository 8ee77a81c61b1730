//! `brig doctor`: what this host offers, what is missing, and what to do about it.

mod engines;
mod names;

use super::print;
use crate::exit::Exit;
use crate::probe::{self, SubordinateIds};
use crate::report::Refused;
use brig_sandbox::cell::CellKind;
use brig_sandbox::facts::{Controller, HostFacts, UserNamespaces};
use brig_sandbox::mechanism::{Isolated, Unenforceable, cell_kind, hold};
use engines::{default, engines};
use names::names;
use serde_json::json;
use std::fmt::Write as _;

/// One thing that was looked at.
struct Finding {
    name: &'static str,
    found: String,
    /// Empty where all is well.
    remedy: String,
}

/// Looks and tells. The exit code says whether a component can run here.
pub(super) fn doctor(as_json: bool) -> Result<Exit, Refused> {
    let (facts, _) = probe::facts(None, None).map_err(|error| {
        Refused::one(Exit::Failure, "probe-failed", format!("cannot {error}"), "")
    })?;
    let mut findings = findings(&facts, probe::subordinate_ids());
    findings.extend(names());
    let open = hold(&facts, Isolated::Component).err().unwrap_or_default();
    let text = if as_json {
        json_text(&facts, &findings, &open)
    } else {
        plain_text(&facts, &findings, &open)
    };
    print(&text)?;
    Ok(if open.is_empty() {
        Exit::Success
    } else {
        Exit::Unenforceable
    })
}

fn findings(facts: &HostFacts, ids: SubordinateIds) -> Vec<Finding> {
    let finding = |name, found: &str, remedy: &str| Finding {
        name,
        found: found.to_owned(),
        remedy: remedy.to_owned(),
    };
    let (major, minor) = facts.kernel;
    vec![
        finding("kernel", &format!("Linux {major}.{minor}"), ""),
        finding("caller", &caller(facts), ""),
        user_namespaces(facts.user_namespaces),
        landlock(facts.landlock_abi),
        if facts.seccomp {
            finding("seccomp", "filters are taken", "")
        } else {
            finding(
                "seccomp",
                "absent",
                "use a kernel with CONFIG_SECCOMP_FILTER",
            )
        },
        control_groups(facts),
        subordinate_ids(facts, ids),
    ]
}

fn caller(facts: &HostFacts) -> String {
    if facts.caller.is_root() {
        "root: a cell gets a host id that nobody has".to_owned()
    } else {
        let groups = facts.caller.supplementary_groups;
        format!(
            "user {} with {groups} supplementary groups",
            facts.caller.uid
        )
    }
}

fn user_namespaces(offer: UserNamespaces) -> Finding {
    let (found, remedy) = match offer {
        UserNamespaces::Offered => ("can be made", ""),
        UserNamespaces::NotBuilt => ("not in this kernel", "use a kernel with CONFIG_USER_NS"),
        UserNamespaces::LimitZero => (
            "limited to 0",
            "as root: sysctl -w user.max_user_namespaces=10000",
        ),
        UserNamespaces::SwitchedOffForUsers => (
            "switched off for ordinary users",
            "as root: sysctl -w kernel.unprivileged_userns_clone=1",
        ),
        UserNamespaces::AppArmor => (
            "kept from ordinary users by AppArmor",
            "as root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor \
             profile for brig with the rule `userns,`",
        ),
    };
    Finding {
        name: "user namespaces",
        found: found.to_owned(),
        remedy: remedy.to_owned(),
    }
}

fn landlock(abi: u32) -> Finding {
    let (found, remedy) = match abi {
        0 => (
            "absent".to_owned(),
            "boot with `lsm=` naming landlock (Linux 5.13 or newer)",
        ),
        1..=5 => (
            format!("ABI {abi}"),
            "Linux 6.12 brings ABI 6, which a narrow cell needs",
        ),
        6.. => (format!("ABI {abi}"), ""),
    };
    Finding {
        name: "landlock",
        found,
        remedy: remedy.to_owned(),
    }
}

fn control_groups(facts: &HostFacts) -> Finding {
    let names: Vec<&str> = facts
        .controllers
        .iter()
        .map(|controller| match controller {
            Controller::Cpu => "cpu",
            Controller::Memory => "memory",
            Controller::Pids => "pids",
        })
        .collect();
    let (found, remedy) = if names.len() == 3 {
        (names.join(", "), "")
    } else if names.is_empty() {
        ("none that is the caller's".to_owned(), DELEGATE)
    } else {
        (names.join(", "), DELEGATE)
    };
    Finding {
        name: "control groups",
        found,
        remedy: remedy.to_owned(),
    }
}

const DELEGATE: &str = "limits hold per process without; for the whole server, run in a delegated \
                        group: systemd-run --user --scope -p Delegate=yes brig …";

fn subordinate_ids(facts: &HostFacts, ids: SubordinateIds) -> Finding {
    let found = match ids {
        SubordinateIds::Present => "present",
        SubordinateIds::NoRange => "no range for this user",
        SubordinateIds::NoPrograms => "newuidmap and newgidmap are not installed",
    };
    let needed = !facts.caller.is_root()
        && facts.caller.supplementary_groups > 0
        && ids != SubordinateIds::Present;
    let remedy = if needed {
        "as root: apt-get install uidmap, and a line for this user in /etc/subuid and /etc/subgid; \
         without them supplementary groups stay with the server"
    } else {
        ""
    };
    Finding {
        name: "subordinate ids",
        found: found.to_owned(),
        remedy: remedy.to_owned(),
    }
}

fn cell(facts: &HostFacts, open: &[Unenforceable]) -> &'static str {
    match cell_kind(facts) {
        _ if !open.is_empty() => "none",
        CellKind::Full => "full",
        CellKind::Narrow => "narrow",
    }
}

fn json_text(facts: &HostFacts, findings: &[Finding], open: &[Unenforceable]) -> String {
    let findings: Vec<_> = findings
        .iter()
        .map(|f| json!({ "name": f.name, "found": f.found, "remedy": f.remedy }))
        .collect();
    let cell = cell(facts, open);
    let open: Vec<_> = open
        .iter()
        .map(|o| json!({ "denial": o.denial, "reason": o.reason, "remedy": o.remedy }))
        .collect();
    let value = json!({
        "component-cell": cell, "findings": findings, "unenforceable": open,
        "engines": engines(), "engine": default(facts),
    });
    format!("{value:#}\n")
}

fn plain_text(facts: &HostFacts, findings: &[Finding], open: &[Unenforceable]) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    for finding in findings {
        let _ = writeln!(out, "{:<16} {}", finding.name, finding.found);
        if !finding.remedy.is_empty() {
            let _ = writeln!(out, "{:<16} hint: {}", "", finding.remedy);
        }
    }
    for open in open {
        let _ = writeln!(out, "\nnothing holds `{}`: {}", open.denial, open.reason);
        let _ = writeln!(out, "{:<16} hint: {}", "", open.remedy);
    }
    let verdict = match cell(facts, open) {
        "full" => "components run in a full cell",
        "narrow" => "components run in a narrow cell; `brig plan` names what stays open in it",
        _ => "components do not run here",
    };
    let _ = writeln!(out, "\nengines for containers");
    for found in engines() {
        let _ = writeln!(out, "  {:<14} {}", found.engine, found.told);
        if !found.remedy.is_empty() {
            let _ = writeln!(out, "  {:<14} hint: {}", "", found.remedy);
        }
        for advisory in found.advisories {
            let _ = writeln!(out, "  {:<14} {advisory}", "");
        }
    }
    let _ = writeln!(out, "containers run under {}", default(facts));
    let _ = writeln!(out, "\n{verdict}");
    out
}
