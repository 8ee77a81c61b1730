//! Runtimes outside of the host's system: what is shown of them, and what is refused.

use crate::ask::{facts, places, policy, source};
use brig_sandbox::cell::Mount;
use brig_sandbox::facts::{
    HostFacts, RuntimeKind, RuntimePlace, SourceKind, SystemKind, SystemPlace,
};
use brig_sandbox::plan::{Isolation, Plan, Unplannable, container};

const COMMAND: &str = "brig = 1\n[server]\nname = \"s\"\ncommand = [\"node\"]\n";

fn plan(manifest: &str, facts: &HostFacts) -> Result<Plan, Vec<Unplannable>> {
    container(&policy(manifest), &places(), facts)
}

fn host(program: &str, runtimes: &[(&str, &str)]) -> HostFacts {
    let runtime = |(at, canonical): &(&str, &str)| RuntimePlace {
        at: (*at).to_owned(),
        canonical: (*canonical).to_owned(),
        is: RuntimeKind::Runtime,
        version: Some("node v22.1.0".to_owned()),
    };
    HostFacts {
        program: Some(program.to_owned()),
        runtimes: runtimes.iter().map(runtime).collect(),
        system: vec![SystemPlace {
            at: "/usr".to_owned(),
            is: SystemKind::Directory,
        }],
        ..facts()
    }
}

/// The mounts of the host in which a program can be run, in order, without its system.
fn shown(plan: &Plan) -> Vec<(&str, &str)> {
    let mounts = plan.cell.mounts.iter().filter_map(|mount| {
        let Mount::System { source, at, .. } = mount else {
            return None;
        };
        (at != "/usr").then_some((source.as_str(), at.as_str()))
    });
    mounts.collect()
}

#[track_caller]
fn check(program: &str, runtimes: &[(&str, &str)], wants: &[(&str, &str)]) {
    let plan = plan(COMMAND, &host(program, runtimes)).unwrap();
    assert_eq!(shown(&plan), wants);
    let Isolation::Container(part) = &plan.isolation else {
        panic!("a program is no component")
    };
    let path = format!("{:?}", plan.environment["PATH"]);
    for part in &part.runtimes {
        assert!(path.contains(&format!("{}/bin:", part.at)), "{path}");
    }
}

#[test]
fn a_runtime_is_shown_at_each_path_that_leads_to_it_and_nothing_around_it() {
    const NODE: &str = "/home/me/.nvm/versions/node/v22";
    let program = &format!("{NODE}/bin/node");
    check(program, &[(NODE, NODE)], &[(NODE, NODE)]);
    let link = "/home/me/.nvm/current";
    check(program, &[(link, NODE)], &[(NODE, link), (NODE, NODE)]);
    check(
        program,
        &[(link, NODE), (NODE, NODE)],
        &[(NODE, link), (NODE, NODE)],
    );
    // One that lies in another is there already.
    let inner = &format!("{NODE}/inner");
    check(program, &[(NODE, NODE), (inner, inner)], &[(NODE, NODE)]);
    // What the system holds needs no mount, and what no runtime holds is shown alone.
    check("/usr/bin/node", &[("/usr", "/usr")], &[]);
    check("/opt/server", &[], &[("/opt/server", "/opt/server")]);
}

/// A manifest's grants beside a runtime: refused with these words.
#[track_caller]
fn refused(grants: &str, facts: &HostFacts, words: &str) {
    let faults = plan(&format!("{COMMAND}{grants}"), facts).unwrap_err();
    let told = faults.iter().map(|fault| match fault {
        Unplannable::Program(message) | Unplannable::Grant { message, .. } => message.clone(),
        Unplannable::Unenforceable(open) => panic!("{open}"),
    });
    let told: Vec<String> = told.collect();
    assert!(told.iter().any(|told| told.contains(words)), "{told:?}");
}

#[test]
fn a_runtime_is_never_a_home_or_a_place_that_no_manifest_can_grant() {
    for at in [
        "/home/me",
        "/home/me/.local",
        "/home/me/.local/share",
        "/home/me/.ssh/node",
        "/",
    ] {
        let program = format!("{}/bin/node", at.trim_end_matches('/'));
        refused(
            "",
            &host(&program, &[(at, at)]),
            "cannot be shown to a server",
        );
        refused(
            "",
            &host(&program, &[("/opt/node", at)]),
            "cannot be shown to a server",
        );
    }
    let shim = HostFacts {
        shim: true,
        ..host("/home/me/.pyenv/shims/node", &[])
    };
    refused("", &shim, "pyenv which node");
}

#[test]
fn a_grant_and_a_runtime_share_a_place_only_where_they_are_the_same() {
    const NODE: &str = "/data/project/node";
    let mut facts = host("/data/project/node/bin/node", &[(NODE, NODE)]);
    for path in ["/data/project", "/data/project/node/lib", "/data/other"] {
        facts
            .sources
            .insert(path.to_owned(), source(path, SourceKind::Directory));
    }
    let grant = |host: &str, at: &str, access: &str| {
        format!("[[files]]\nhost = \"{host}\"\nat = \"{at}\"\naccess = \"{access}\"\n")
    };
    let last = |plan: &Plan| plan.cell.mounts.last().unwrap().clone();
    // In a grant it lies over it, read-only; what is granted in it lies over it.
    for access in ["read", "write"] {
        let manifest = format!(
            "{COMMAND}{}",
            grant("/data/project", "/data/project", access)
        );
        let decided = plan(&manifest, &facts).unwrap();
        assert!(matches!(last(&decided), Mount::System { at, .. } if at == NODE));
    }
    let inside = "/data/project/node/lib";
    let decided = plan(
        &format!("{COMMAND}{}", grant(inside, inside, "read")),
        &facts,
    )
    .unwrap();
    assert!(matches!(last(&decided), Mount::Grant { at, .. } if at == inside));
    refused(
        &grant(inside, inside, "write"),
        &facts,
        "which the program needs",
    );
    refused(
        &grant("/data/other", inside, "read"),
        &facts,
        "which the program needs",
    );
    refused(
        &grant("/data/other", "/data/project", "read"),
        &facts,
        "would hide",
    );
    refused(&grant("/data/other", NODE, "read"), &facts, "would hide");
}
