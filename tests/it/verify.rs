//! `brig verify`: every wall is read from a running sandbox and is what was planned.

use crate::harness::{Scratch, brig, repository};
use crate::users::{Home, Poor, USER};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Runs `verify --json` and gives the names of the walls that it read, all of which must stand.
#[track_caller]
fn check(mut command: Command) -> Vec<String> {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let verdict: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e} {errors}"));
    let walls = verdict["verdict"]["walls"]
        .as_array()
        .unwrap_or_else(|| panic!("{text}"));
    let differ: Vec<_> = walls
        .iter()
        .filter(|wall| wall["planned"] != wall["found"])
        .collect();
    assert!(differ.is_empty(), "{differ:#?}");
    assert_eq!(verdict["stands"], true);
    assert_eq!(output.status.code(), Some(0));
    walls
        .iter()
        .map(|wall| wall["name"].as_str().unwrap().to_owned())
        .collect()
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
    names(&walls, &["Landlock: the root cannot be listed"]);
    assert!(
        !walls.iter().any(|wall| wall.ends_with("namespace")),
        "{walls:?}"
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
