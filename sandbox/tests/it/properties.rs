//! What holds for every manifest: a plan has one name, and a grant only ever adds.

use crate::ask::{CONTROLLERS, HEAD, ROOT, USER, facts, plan, source};
use brig_sandbox::cell::{CellKind, Landlock, Mount};
use brig_sandbox::facts::{HostFacts, SourceKind, UserNamespaces};
use brig_sandbox::lower::native::{ComponentRole, NativeCell, component_program, native};
use brig_sandbox::plan::Plan;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A grant of a source that is there.
#[derive(Clone, Debug, PartialEq)]
struct Grant {
    number: u8,
    kind: SourceKind,
    access: &'static str,
    exec: bool,
    links: bool,
}

/// A manifest's rights, each written out.
#[derive(Clone, Debug, PartialEq)]
struct Rights {
    grants: Vec<Grant>,
    variable: Option<u8>,
    argument: Option<u8>,
    memory_mib: u64,
    cpus_milli: u32,
    processes: u32,
    open_files: u32,
    scratch_mib: u64,
    message_mib: u64,
    start_s: u64,
    call_s: u64,
}

impl Grant {
    fn source(&self) -> String {
        // Half of the sources lie inside another one, which the policy lets them.
        match self.number % 2 {
            0 => format!("/srv/{}", self.number),
            _ => format!("/srv/{}/{}", self.number - 1, self.number),
        }
    }

    fn at(&self) -> String {
        // Files share a folder, as the policy lets them.
        format!("/grants/{}", self.number)
    }
}

fn manifest(rights: &Rights) -> String {
    let mut text = HEAD.to_owned();
    if let Some(argument) = rights.argument {
        writeln!(text, "args = [\"{argument}\"]").unwrap();
    }
    for grant in &rights.grants {
        writeln!(
            text,
            "[[files]]\nhost = \"{}\"\nat = \"{}\"\naccess = \"{}\"\nexec = {}\nlinks = {}",
            grant.source(),
            grant.at(),
            grant.access,
            grant.exec,
            grant.links
        )
        .unwrap();
    }
    if let Some(value) = rights.variable {
        writeln!(text, "[env]\nA = \"{value}\"").unwrap();
    }
    writeln!(
        text,
        "[limits]\nmemory = \"{}MiB\"\ncpus = {}.{:03}\nprocesses = {}\nopen-files = {}\n\
         scratch = \"{}MiB\"\nmessage = \"{}MiB\"\nstart = \"{}s\"\ncall = \"{}s\"",
        rights.memory_mib,
        rights.cpus_milli / 1000,
        rights.cpus_milli % 1000,
        rights.processes,
        rights.open_files,
        rights.scratch_mib,
        rights.message_mib,
        rights.start_s,
        rights.call_s
    )
    .unwrap();
    text
}

fn with_sources(rights: &Rights, facts: &HostFacts) -> HostFacts {
    let one = |grant: &Grant| (grant.source(), source(&grant.source(), grant.kind));
    HostFacts {
        sources: rights.grants.iter().map(one).collect(),
        ..facts.clone()
    }
}

fn a_grant() -> impl Strategy<Value = Grant> {
    let kind = prop::sample::select(vec![SourceKind::Directory, SourceKind::File]);
    let access = prop::sample::select(vec!["read", "write"]);
    let parts = (0_u8..6, kind, access, any::<bool>(), any::<bool>());
    parts.prop_map(|(number, kind, access, exec, links)| Grant {
        number,
        kind,
        access,
        exec,
        links,
    })
}

/// Values of few kinds, so that two manifests often differ in one right alone.
fn some_rights() -> impl Strategy<Value = Rights> {
    let grants = prop::collection::vec(a_grant(), 0..4).prop_map(|mut grants| {
        grants.sort_by_key(|grant| grant.number);
        grants.dedup_by_key(|grant| grant.number);
        grants
    });
    let few = || prop::option::of(0_u8..2);
    let sizes = (16_u64..18, 1_u64..3, 1_u64..3);
    let counts = (999_u32..1002, 1_u32..3, 16_u32..18);
    let times = (1_u64..3, 1_u64..3);
    (grants, few(), few(), sizes, counts, times).prop_map(
        |(grants, variable, argument, sizes, counts, times)| Rights {
            grants,
            variable,
            argument,
            memory_mib: sizes.0,
            scratch_mib: sizes.1,
            message_mib: sizes.2,
            cpus_milli: counts.0,
            processes: counts.1,
            open_files: counts.2,
            start_s: times.0,
            call_s: times.1,
        },
    )
}

fn a_host() -> impl Strategy<Value = HostFacts> {
    let namespaces = prop::sample::select(vec![UserNamespaces::Offered, UserNamespaces::LimitZero]);
    let controllers = prop::sample::subsequence(CONTROLLERS.to_vec(), 0..=3);
    let caller = prop::sample::select(vec![ROOT, USER]);
    (namespaces, 0_u32..8, controllers, caller).prop_map(
        |(user_namespaces, landlock_abi, controllers, caller)| HostFacts {
            user_namespaces,
            landlock_abi,
            controllers: controllers.into_iter().collect(),
            caller,
            ..facts()
        },
    )
}

/// What Landlock lets happen at one path.
fn allowed(landlock: &Landlock, path: &str) -> u64 {
    let here = landlock.rules.iter().filter(|rule| {
        let rest = path.strip_prefix(rule.at.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    here.fold(0, |all, rule| all | rule.allowed)
}

fn lowered(plan: &Plan, facts: &HostFacts) -> NativeCell {
    let program = component_program(&facts.worker, plan.cell.kind, ComponentRole::Worker);
    native(&plan.cell, program).unwrap()
}

/// Everything that a plan of fewer rights has is in the plan of more.
fn only_adds(less: &Plan, more: &Plan) -> Result<(), TestCaseError> {
    prop_assert_eq!(&less.held, &more.held);
    let named = |residual| more.residuals.contains(residual);
    prop_assert!(less.residuals.iter().all(named));
    prop_assert_eq!(&less.cell.rlimits, &more.cell.rlimits);
    prop_assert_eq!(&less.cell.group, &more.cell.group);
    prop_assert_eq!(&less.cell.namespaces, &more.cell.namespaces);
    prop_assert_eq!(&less.cell.identity, &more.cell.identity);
    prop_assert_eq!(&less.cell.calls_of_init, &more.cell.calls_of_init);
    let worker = |plan: &Plan| plan.isolation.component().unwrap().worker;
    prop_assert_eq!(worker(less), worker(more));
    prop_assert_eq!(&less.bridge, &more.bridge);
    prop_assert_eq!(&less.environment, &more.environment);
    let kept: Vec<&Mount> = more
        .cell
        .mounts
        .iter()
        .filter(|mount| less.cell.mounts.contains(mount))
        .collect();
    prop_assert_eq!(kept, less.cell.mounts.iter().collect::<Vec<_>>());
    prop_assert!(more.cell.mounts.len() <= less.cell.mounts.len() + 1);
    let loaded = |plan: &'_ Plan| {
        plan.isolation
            .component()
            .unwrap()
            .calls_once_loaded
            .0
            .clone()
    };
    prop_assert!(loaded(less).is_subset(&loaded(more)));
    match (&less.cell.landlock, &more.cell.landlock) {
        (None, None) => {}
        (Some(less), Some(more)) => {
            prop_assert_eq!(less.handled_files, more.handled_files);
            prop_assert_eq!(less.handled_network, more.handled_network);
            prop_assert_eq!(less.scoped, more.scoped);
            for rule in &less.rules {
                prop_assert!(more.rules.contains(rule));
            }
            // A folder of files may be listed, and no rule but its own opens another place.
            for rule in &less.rules {
                prop_assert_eq!(
                    allowed(less, &rule.at),
                    allowed(more, &rule.at),
                    "{}",
                    &rule.at
                );
            }
        }
        (None, Some(_)) | (Some(_), None) => prop_assert!(false, "a grant decides on Landlock"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn plans_have_one_name_when_their_rights_are_the_same(
        one in some_rights(),
        other in some_rights(),
    ) {
        let named = |rights: &Rights| {
            plan(&manifest(rights), &with_sources(rights, &facts())).unwrap().digest()
        };
        prop_assert_eq!(named(&one), named(&one));
        prop_assert_eq!(named(&one) == named(&other), one == other);
    }

    #[test]
    fn a_grant_only_adds(rights in some_rights(), extra in a_grant(), host in a_host()) {
        let mut more = rights.clone();
        let free = |grant: &Grant| grant.number != extra.number;
        prop_assume!(rights.grants.iter().all(free));
        more.grants.push(extra.clone());
        let host = with_sources(&more, &host);
        let after = plan(&manifest(&more), &host);
        match (plan(&manifest(&rights), &host), after) {
            (Ok(less), Ok(more)) => {
                // A narrow cell shows the host's own paths: there a source inside another has the
                // rights of both, as it has in a full cell by two ways.
                let within = |grant: &Grant| grant.source().starts_with(&extra.source());
                let narrow = less.cell.kind == CellKind::Narrow;
                prop_assume!(!(narrow && rights.grants.iter().any(within)));
                only_adds(&less, &more)?;
            }
            // It may be refused, and takes nothing that was refused back.
            (_, Err(faults)) => prop_assert!(!faults.is_empty()),
            (Err(faults), Ok(_)) => prop_assert!(false, "a grant mends {faults:?}"),
        }
    }

    #[test]
    fn plans_and_lowered_cells_are_the_same_once_they_were_json(
        rights in some_rights(),
        host in a_host(),
    ) {
        let host = with_sources(&rights, &host);
        if let Ok(plan) = plan(&manifest(&rights), &host) {
            let json = serde_json::to_string(&plan).unwrap();
            let back: Plan = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(back.digest(), plan.digest());
            let cell = lowered(&plan, &host);
            let json = serde_json::to_string(&cell).unwrap();
            prop_assert_eq!(serde_json::from_str::<NativeCell>(&json).unwrap(), cell);
            prop_assert_eq!(back, plan);
        }
    }

    /// The kernel refuses a Landlock rule for a file that speaks of directories (landlock(7)).
    #[test]
    fn no_rule_is_one_that_the_kernel_refuses(rights in some_rights(), host in a_host()) {
        const OF_FILES: u64 = 1 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15;
        let host = with_sources(&rights, &host);
        if let Ok(plan) = plan(&manifest(&rights), &host)
            && let Some(landlock) = &plan.cell.landlock
        {
            let files = rights.grants.iter().filter(|grant| grant.kind == SourceKind::File);
            let files: BTreeSet<String> = files.map(Grant::at).collect();
            for rule in &landlock.rules {
                prop_assert_eq!(rule.allowed & !landlock.handled_files, 0);
                if files.contains(&rule.at) {
                    prop_assert_eq!(rule.allowed & !OF_FILES, 0, "{}", &rule.at);
                }
            }
        }
    }
}

const FOLDER: Grant = Grant {
    number: 0,
    kind: SourceKind::Directory,
    access: "read",
    exec: false,
    links: false,
};

fn base() -> Rights {
    Rights {
        grants: vec![FOLDER],
        variable: None,
        argument: None,
        memory_mib: 64,
        cpus_milli: 1000,
        processes: 4,
        open_files: 64,
        scratch_mib: 4,
        message_mib: 1,
        start_s: 10,
        call_s: 10,
    }
}

/// One right at a time, so that none can hide behind another in the digest.
#[test]
fn each_right_is_in_the_name() {
    let changes: &[fn(&mut Rights)] = &[
        |_| (),
        |rights| rights.grants.clear(),
        |rights| rights.grants[0].number = 2,
        |rights| rights.grants[0].kind = SourceKind::File,
        |rights| rights.grants[0].access = "write",
        |rights| rights.grants[0].exec = true,
        |rights| rights.grants[0].links = true,
        |rights| rights.variable = Some(0),
        |rights| rights.variable = Some(1),
        |rights| rights.argument = Some(0),
        |rights| rights.argument = Some(1),
        |rights| rights.memory_mib += 1,
        |rights| rights.cpus_milli += 1,
        |rights| rights.cpus_milli -= 1,
        |rights| rights.processes += 1,
        |rights| rights.open_files += 1,
        |rights| rights.scratch_mib += 1,
        |rights| rights.message_mib += 1,
        |rights| rights.start_s += 1,
        |rights| rights.call_s += 1,
    ];
    let name = |change: &fn(&mut Rights)| {
        let mut rights = base();
        change(&mut rights);
        let facts = with_sources(&rights, &facts());
        plan(&manifest(&rights), &facts).unwrap().digest()
    };
    let names: BTreeSet<String> = changes.iter().map(name).collect();
    assert_eq!(names.len(), changes.len());
}
