//! Each mechanism of the table by itself: with all that hold a denial left out, its attack
//! succeeds; with exactly one of them back, it fails, and in that mechanism's own way.
//!
//! `BRIG_TEST_WITHOUT` leaves walls out, in a brig that is built for tests (feature `test-hooks`).
//! The attacks are small Python programs, which a full cell runs. Needs root, and Debian's Python.

pub(crate) mod plays;

use brig_sandbox::mechanism::{Denial, Mechanism, TABLE};
use plays::plays;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

/// A run without some mechanisms, and how it ended.
type Run = Box<dyn Fn(&[Mechanism]) -> String>;

/// An attack on one denial.
struct Play {
    /// How it ends with nothing in its way.
    free: &'static str,
    /// What else is left out, since it would be in the way too, and is not what is asked about.
    beside: Vec<Mechanism>,
    /// How it ends with one mechanism alone.
    by: Vec<(Mechanism, &'static str)>,
    /// Plays it without these mechanisms, and tells how it ended.
    run: Run,
}

/// Rights of a denial that no attack shows here, each with the reason.
const UNPROVEN: &[(Denial, Mechanism, &str)] = &[
    (
        Denial::ProcessorShare,
        Mechanism::OneThread,
        "a guest has no call that would start a thread: there is nothing to leave out",
    ),
    (
        Denial::CoreDumps,
        Mechanism::NotDumpable,
        "it is the worker's, whose folder is a root in which nothing can be written",
    ),
];

#[track_caller]
fn check(denial: Denial) {
    let mut wrong = Vec::new();
    for play in plays(denial) {
        let mut off = play.beside.clone();
        off.extend(play.by.iter().map(|(mechanism, _)| *mechanism));
        let free = (play.run)(&off);
        if free != play.free {
            wrong.push(format!("with nothing: {free}, not {}", play.free));
        }
        for (alone, wanted) in &play.by {
            let others: Vec<_> = off.iter().copied().filter(|one| one != alone).collect();
            let found = (play.run)(&others);
            if found != *wanted {
                wrong.push(format!("with {alone:?} alone: {found}, not {wanted}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{denial:?}: {wrong:#?}");
}

macro_rules! rows {
    ($($name:ident: $denial:ident,)*) => {
        $(#[test] fn $name() { check(Denial::$denial); })*
        const ROWS: &[Denial] = &[$(Denial::$denial),*];
    };
}

rows! {
    files: Files,
    writes: Writes,
    network: Network,
    processes: Processes,
    identity: Identity,
    capabilities: Capabilities,
    elevation: Elevation,
    surface: Surface,
    native_code: NativeCode,
    ipc: Ipc,
    host_name: HostName,
    control_groups: ControlGroups,
    terminal: Terminal,
    descriptors: Descriptors,
    environment: Environment,
    memory: Memory,
    processor_share: ProcessorShare,
    process_count: ProcessCount,
    open_files: OpenFiles,
    core_dumps: CoreDumps,
    outliving: Outliving,
}

#[test]
fn every_mechanism_of_every_row_is_played_or_told() {
    let mut known: BTreeSet<(Denial, Mechanism)> = BTreeSet::new();
    for denial in ROWS {
        for play in plays(*denial) {
            known.extend(play.by.iter().map(|(mechanism, _)| (*denial, *mechanism)));
        }
    }
    for (denial, mechanism, reason) in UNPROVEN {
        assert!(reason.len() > 20 && known.insert((*denial, *mechanism)));
    }
    let table = TABLE.iter().flat_map(|row| {
        let alternatives = row.alternatives.iter();
        alternatives.map(|mechanism| (row.denial, *mechanism))
    });
    assert_eq!(known, table.collect());
}

/// A release has neither the hook nor an init that knows of it.
#[test]
fn a_release_can_leave_nothing_out() {
    let scratch = crate::harness::Scratch::new();
    let lib = crate::harness::repository().join("runtime/lib.rs");
    let rustc = |release: bool| {
        let mut command = Command::new("rustc");
        command.args([
            "--edition",
            "2024",
            "--crate-type",
            "lib",
            "--emit",
            "metadata",
        ]);
        command.args(["--cfg", "feature=\"test-hooks\"", "--out-dir"]);
        command.arg(scratch.path()).arg(&lib);
        command.args([
            "-C",
            if release {
                "debug-assertions=off"
            } else {
                "debug-assertions=on"
            },
        ]);
        let told = command.output().expect("MISSING PART: rustc").stderr;
        String::from_utf8_lossy(&told).contains("no release may have them")
    };
    assert_eq!((rustc(true), rustc(false)), (true, false));
    let mark = b"brig: walls can be left ";
    let holds = |program: PathBuf| {
        let bytes = std::fs::read(program).unwrap();
        bytes.windows(mark.len()).any(|window| window == mark)
    };
    assert!(
        holds(env!("CARGO_BIN_EXE_brig").into()),
        "this brig has no hook"
    );
    assert!(holds(init(&scratch, &["--cfg", "test_hooks"])));
    assert!(!holds(init(&scratch, &[])));
}

/// init as runtime/build.rs builds it.
fn init(scratch: &crate::harness::Scratch, more: &[&str]) -> PathBuf {
    let program = scratch.join(format!("init-{}", more.len()));
    let mut command = Command::new("rustc");
    command.args([
        "--edition",
        "2024",
        "--crate-name",
        "brig_init",
        "-C",
        "opt-level=s",
    ]);
    command.args(["-C", "panic=abort", "-C", "relocation-model=static"]);
    command.args([
        "-C",
        "target-feature=+crt-static",
        "--check-cfg",
        "cfg(test_hooks)",
    ]);
    for argument in ["-nostartfiles", "-nostdlib", "-static"] {
        command.args(["-C", &format!("link-arg={argument}")]);
    }
    command.args(more).arg("-o").arg(&program);
    command.arg(crate::harness::repository().join("runtime/init/main.rs"));
    let output = command.output().expect("MISSING PART: rustc");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    program
}
