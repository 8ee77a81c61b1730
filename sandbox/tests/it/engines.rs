//! The expectation table: for each engine on each kind of host, what holds each denial, or by which
//! name a start is refused. `tests/engines.txt` has it; `UPDATE=1` rewrites it.
#![expect(
    clippy::disallowed_methods,
    reason = "the crate reads no files, and its tests read their cases"
)]

use crate::ask::{ROOT, USER, facts, places, policy};
use brig_sandbox::engine::{Engine, EngineFacts, expectations};
use brig_sandbox::facts::{Caller, Controller, HostFacts, UserNamespaces};
use brig_sandbox::mechanism::Mechanism;
use brig_sandbox::plan::{Unplannable, container};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// A host and an engine there.
struct Host {
    name: &'static str,
    facts: HostFacts,
}

fn engine(engine: Engine, rootless: bool, controllers: &[Controller]) -> EngineFacts {
    EngineFacts {
        engine,
        rootless,
        remaps: false,
        unified: rootless && !controllers.is_empty(),
        controllers: controllers.iter().copied().collect(),
        memory_files: Vec::new(),
    }
}

const ALL: &[Controller] = &[Controller::Cpu, Controller::Memory, Controller::Pids];

fn hosts() -> Vec<Host> {
    let mut hosts = Vec::new();
    for one in [Engine::Native, Engine::Crun, Engine::Runc, Engine::Runsc] {
        hosts.push(host("root", ROOT, ALL, engine(one, false, &[])));
        hosts.push(host(
            "a user with a delegated group",
            USER,
            ALL,
            engine(one, false, &[]),
        ));
        hosts.push(host(
            "a user without groups",
            USER,
            &[],
            engine(one, false, &[]),
        ));
    }
    daemons(&mut hosts);
    hosts
}

fn host(
    name: &'static str,
    caller: Caller,
    controllers: &[Controller],
    engine: EngineFacts,
) -> Host {
    Host {
        name,
        facts: HostFacts {
            caller,
            controllers: controllers.iter().copied().collect(),
            engine,
            ..facts()
        },
    }
}

fn daemons(hosts: &mut Vec<Host>) {
    for one in [Engine::Docker, Engine::Podman] {
        hosts.push(host("root", ROOT, ALL, engine(one, false, ALL)));
        hosts.push(host(
            "a user of a root's daemon",
            USER,
            &[],
            engine(one, false, ALL),
        ));
        hosts.push(host(
            "a daemon that bounds nothing",
            USER,
            &[],
            engine(one, false, &[]),
        ));
    }
    let rootless = |controllers| engine(Engine::Podman, true, controllers);
    hosts.push(host(
        "a user's daemon, groups of version 2",
        USER,
        &[],
        rootless(ALL),
    ));
    hosts.push(host(
        "a user's daemon, groups of version 1",
        USER,
        &[],
        rootless(&[]),
    ));
    let mut old = host(
        "root, a kernel without Landlock",
        ROOT,
        ALL,
        engine(Engine::Docker, false, ALL),
    );
    old.facts.landlock_abi = 0;
    hosts.push(old);
    let mut narrow = host(
        "a user without user namespaces",
        USER,
        &[],
        engine(Engine::Docker, false, ALL),
    );
    narrow.facts.user_namespaces = UserNamespaces::AppArmor;
    hosts.push(narrow);
}

fn kebab(mechanism: Mechanism) -> String {
    let json = serde_json::to_value(mechanism).unwrap();
    json.as_str().unwrap().to_owned()
}

#[test]
fn the_expectation_table_is_as_written() {
    let mut text = String::new();
    for Host { name, facts } in hosts() {
        writeln!(text, "{}, {name}", facts.engine.engine).unwrap();
        for line in expectations(&facts) {
            let by: Vec<String> = line.held_by.iter().copied().map(kebab).collect();
            let by = if by.is_empty() {
                "refused".to_owned()
            } else {
                by.join(", ")
            };
            writeln!(text, "  {:<16} {by}", line.denial.name()).unwrap();
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(
        text,
        std::fs::read_to_string(path).unwrap_or_default(),
        "UPDATE=1 rewrites it"
    );
}

/// Each denial that the table refuses is the reason of a refused start, and no other is.
#[test]
fn what_the_table_refuses_no_plan_is_made_for() {
    let manifest = "brig = 1\n[server]\nname = \"x\"\ncommand = [\"x\"]\n";
    for Host { name, mut facts } in hosts() {
        facts.program = Some("/usr/bin/x".to_owned());
        facts.caller.subordinate_uid = Some(100_000);
        facts.caller.subordinate_gid = Some(100_000);
        let refused = expectations(&facts)
            .into_iter()
            .filter(|line| line.held_by.is_empty());
        let refused: BTreeSet<&str> = refused.map(|line| line.denial.name()).collect();
        let planned = container(&policy(manifest), &places(), &facts);
        let reasons = planned.err().unwrap_or_default();
        let named: BTreeSet<&str> = reasons
            .iter()
            .filter_map(|reason| match reason {
                Unplannable::Unenforceable(open) => Some(open.denial),
                Unplannable::Grant { .. } | Unplannable::Program(_) => None,
            })
            .collect();
        let what = format!("{} {name}: {reasons:?}", facts.engine.engine);
        assert!(refused.is_subset(&named), "{what}");
        // Beyond the table runsc is refused to ordinary users, under the denial of identity.
        let more: Vec<&&str> = named.difference(&refused).collect();
        let by_name = facts.engine.engine == Engine::Runsc && !facts.caller.is_root();
        assert!(
            more.is_empty() || (by_name && more == [&"identity"]),
            "{what}"
        );
    }
}

/// `command` needs this host's files as a root, which a daemon does not have.
#[test]
fn daemons_run_images_alone() {
    let manifest = "brig = 1\n[server]\nname = \"x\"\ncommand = [\"x\"]\n";
    for one in [Engine::Docker, Engine::Podman] {
        let mut facts = facts();
        facts.program = Some("/usr/bin/x".to_owned());
        facts.engine = engine(one, false, ALL);
        let reasons = container(&policy(manifest), &places(), &facts).unwrap_err();
        let told = reasons.iter().any(|reason| {
            matches!(reason, Unplannable::Program(message) if message.contains("runs images"))
        });
        assert!(told, "{reasons:?}");
    }
}
