//! `brig verify`: every wall is read from a running sandbox and is what was planned.

use crate::alone::plays::{behind, manifest, without};
use crate::harness::{Scratch, brig, repository};
use crate::users::{Home, Poor, USER};
use brig_sandbox::mechanism::{Mechanism, TABLE};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// What `verify --json` tells: names of the walls that stand, those that do not, and its exit code.
#[track_caller]
fn told(mut command: Command) -> (Vec<String>, Vec<String>, Option<i32>) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let verdict: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e} {errors}"));
    let walls = verdict["verdict"]["walls"].as_array();
    let walls = walls.unwrap_or_else(|| panic!("{text}"));
    let (stand, differ): (Vec<&Value>, Vec<&Value>) = walls
        .iter()
        .partition(|wall| wall["planned"] == wall["found"]);
    assert_eq!(verdict["stands"], differ.is_empty());
    let named = |walls: Vec<&Value>| {
        let names = walls
            .iter()
            .map(|wall| wall["name"].as_str().unwrap().to_owned());
        names.collect()
    };
    (named(stand), named(differ), output.status.code())
}

/// All walls that were read stand.
#[track_caller]
fn check(command: Command) -> Vec<String> {
    let (stand, differ, code) = told(command);
    assert_eq!((differ, code), (Vec::new(), Some(0)));
    stand
}

#[track_caller]
fn names(walls: &[String], wanted: &[&str]) {
    for name in wanted {
        assert!(
            walls.iter().any(|wall| wall == name),
            "no `{name}` in {walls:?}"
        );
    }
}

fn as_root(manifest: &Path) -> Command {
    let mut command = brig();
    command.args(["verify", "--json"]).arg(manifest);
    command
}

#[test]
fn every_wall_of_a_full_cell_stands() {
    let scratch = Scratch::new();
    let units = check(as_root(&repository().join("examples/units/brig.toml")));
    let notes = check(as_root(&repository().join("examples/notes/brig.toml")));
    let hostile = check(as_root(&scratch.manifest("hostile", "")));
    for walls in [&units, &notes, &hostile] {
        names(
            walls,
            &[
                "net namespace",
                "time namespace",
                "CapEff of the server",
                "mount /",
            ],
        );
        names(
            walls,
            &[
                "filters of the server",
                "Max data size",
                "variables of the process",
            ],
        );
    }
    names(&notes, &["mount /notes", "mount /drafts"]);
    assert!(!units.iter().any(|wall| wall == "mount /notes"));
}

#[test]
fn every_wall_stands_for_an_ordinary_user_as_well() {
    let home = Home::new(USER);
    let manifest = home.manifest(false);
    let mut command = home.run("./brig", "--clear-groups");
    command.args(["verify", "--json"]).arg(manifest);
    let walls = check(command);
    names(
        &walls,
        &[
            "user on the host",
            "net namespace",
            "mount /read",
            "mount /write",
        ],
    );
}

#[test]
fn every_wall_of_a_narrow_cell_stands() {
    let home = Home::new(USER);
    let walls = check(Poor::new().command(&home, "verify --json"));
    names(
        &walls,
        &[
            "user on the host",
            "filters of the server",
            "new privileges given up",
        ],
    );
    names(
        &walls,
        &[
            "Landlock: listing the root",
            "Landlock: a signal to the outside",
        ],
    );
    assert!(
        !walls.iter().any(|wall| wall.ends_with("namespace")),
        "{walls:?}"
    );
}

#[test]
fn every_wall_of_roots_narrow_cell_stands() {
    let home = Home::new(0);
    let walls = check(Poor::new().command(&home, "verify --json"));
    names(
        &walls,
        &[
            "user on the host",
            "supplementary groups",
            "CapBnd of the server",
        ],
    );
}

/// Where a limit takes a control group, the server is in one of its own, whose name goes with it.
#[test]
fn a_part_of_a_processor_is_held_by_a_control_group() {
    let scratch = Scratch::new();
    let manifest = scratch.manifest("hostile", "[limits]\ncpus = 0.5\n");
    let doctor = brig().args(["doctor", "--json"]).output().unwrap();
    if !String::from_utf8_lossy(&doctor.stdout).contains("cpu, memory, pids") {
        let refused = as_root(&manifest).output().unwrap();
        assert_eq!(refused.status.code(), Some(4), "no group, and no refusal");
        return;
    }
    let walls = check(as_root(&manifest));
    names(
        &walls,
        &[
            "control group, cpu",
            "control group, memory",
            "control group, pids",
        ],
    );
}

/// A program that waits for input.
const WAITING: &str = "sys.stdin.read()";

#[test]
fn every_wall_of_a_program_stands() {
    let home = Home::new(USER);
    let more = format!(
        "[[files]]\nhost = \"{}\"\nat = \"/data\"\naccess = \"write\"\n",
        home.scratch.join("write").display()
    );
    let program = home.scratch.write("program.toml", manifest(WAITING, &more));
    let mut of_user = home.run("./brig", "--clear-groups");
    of_user.args(["verify", "--json"]).arg(&program);
    for command in [as_root(&program), of_user] {
        let walls = check(command);
        let wanted = [
            "session",
            "descriptors of others",
            "mount /data",
            "mount /usr",
        ];
        names(&walls, &wanted);
        names(
            &walls,
            &["sources as decided on", "memory of init", "capabilities"],
        );
    }
}

/// What each wall's absence is found by.
const FOUND_BY: &[(Mechanism, &str)] = {
    use Mechanism as M;
    &[
        (M::MountNamespace, "mnt namespace"),
        (M::ReadOnlyMount, "mount /data"),
        (M::Landlock, "Landlock: listing the root"),
        (M::NetworkNamespace, "net namespace"),
        (M::IpcNamespace, "ipc namespace"),
        (M::UtsNamespace, "uts namespace"),
        (M::CgroupNamespace, "cgroup namespace"),
        (M::PidNamespace, "pid namespace"),
        (M::UserNamespace, "user namespace"),
        (M::SeccompNoSocket, "seccomp mode of the server"),
        (M::SeccompNoIpc, "seccomp mode of init"),
        (M::SeccompAllowList, "filters of the server"),
        (M::UnprivilegedUser, "user on the host"),
        (M::EmptyCapabilities, "CapEff of the server"),
        (M::NoNewPrivileges, "new privileges given up"),
        (M::NoSetIdMount, "mount /usr"),
        (M::OwnSession, "session"),
        (M::CloseRange, "descriptors of others"),
        (M::EmptyEnvironment, "variables of the process"),
        (M::ControlGroupMemory, "control group, memory"),
        (M::ControlGroupPids, "control group, pids"),
        (M::ControlGroupCpu, "control group, cpu"),
        (M::RlimitData, "Max data size"),
        (M::RlimitProcesses, "Max processes"),
        (M::RlimitOpenFiles, "Max open files"),
        (M::RlimitCore, "Max core file size"),
        (M::NotDumpable, "memory of init"),
        (M::ParentDeathSignal, "signal at its parent's end"),
    ]
};

/// What is found only elsewhere, and what cannot be.
const ELSEWHERE: &[(Mechanism, &str)] = &[
    (
        Mechanism::LandlockSignalScope,
        "in a full cell there is nobody to signal: found in a narrow one",
    ),
    (
        Mechanism::ProcessorAffinity,
        "root has control groups instead: found for an ordinary user",
    ),
    (
        Mechanism::SeccompNoExecutableMemory,
        "a program may have it: found for a component",
    ),
    (
        Mechanism::WasmLimiter,
        "a count in the worker's own memory, which nobody else can read",
    ),
    (
        Mechanism::OneThread,
        "there is no second thread that could be left in",
    ),
];

#[test]
fn a_wall_that_is_gone_is_found() {
    let scratch = Scratch::new();
    let folder = scratch.join("data");
    std::fs::create_dir(&folder).unwrap();
    let more = format!(
        "[[files]]\nhost = \"{}\"\nat = \"/data\"\n",
        folder.display()
    );
    let program = scratch.write("program.toml", manifest(WAITING, &more));
    let script = "exec \"$@\" 9</etc/debian_version";
    for (gone, wall) in FOUND_BY {
        let mut command = behind(&["sh", "-c", script, "sh"], &as_root(&program));
        // The kernel takes no filter and no ruleset of a process that may gain privileges.
        let mut off = vec![*gone];
        if *gone == Mechanism::NoNewPrivileges {
            off.extend([Mechanism::Landlock, Mechanism::SeccompNoIpc]);
        }
        without(&mut command, &off);
        let (_, differ, code) = told(command);
        assert_eq!(code, Some(10), "{gone:?}");
        assert!(
            differ.iter().any(|name| name == wall),
            "{gone:?}: {differ:?}"
        );
    }
}

#[test]
fn walls_that_other_hosts_and_servers_have_are_found_to_be_gone() {
    let home = Home::new(USER);
    let poor = Poor::new();
    let mut narrow = poor.command(&home, "verify --json");
    without(&mut narrow, &[Mechanism::LandlockSignalScope]);
    home.scratch.write("program.toml", manifest(WAITING, ""));
    let mut user = home.run("./brig", "--clear-groups");
    user.args(["verify", "--json", "program.toml"]);
    without(&mut user, &[Mechanism::ProcessorAffinity]);
    let scratch = Scratch::new();
    let mut component = as_root(&scratch.manifest("hostile", ""));
    without(&mut component, &[Mechanism::SeccompNoExecutableMemory]);
    let plays = [
        (narrow, "Landlock: a signal to the outside"),
        (user, "processors"),
        (component, "filters of the server"),
    ];
    for (command, wall) in plays {
        let (_, differ, code) = told(command);
        assert_eq!(code, Some(10));
        assert!(differ.iter().any(|name| name == wall), "{wall}: {differ:?}");
    }
}

#[test]
fn every_mechanism_is_found_or_the_reason_is_told() {
    let found = FOUND_BY.iter().map(|(mechanism, _)| *mechanism);
    let elsewhere = ELSEWHERE.iter().map(|(mechanism, reason)| {
        assert!(reason.len() > 20);
        *mechanism
    });
    let known: BTreeSet<Mechanism> = found.chain(elsewhere).collect();
    let table = TABLE
        .iter()
        .flat_map(|row| row.alternatives.iter().copied());
    assert_eq!(known, table.collect());
}
