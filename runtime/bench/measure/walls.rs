//! The price of each wall: rows with one wall more than the row before, and rows with one less.
//!
//! Nothing of a release can be left out, so the rows can be had only in a build that hooks of tests
//! are built into (feature `test-hooks`, profile `walls`).

#[cfg(not(feature = "test-hooks"))]
use super::{subject::Subject, way::Way};
use crate::report::Refused;

#[cfg(not(feature = "test-hooks"))]
pub(super) fn ladder(_: &[Subject], _: &[Way]) -> Result<Vec<Way>, Refused> {
    let message = "this brig can leave no wall out, so it cannot tell what each costs";
    let help = "build one that can, and run with it only servers that you trust: \
                cargo build --profile walls --features test-hooks";
    let exit = crate::exit::Exit::Usage;
    Err(Refused::one(exit, "bench-walls", message, help))
}

#[cfg(feature = "test-hooks")]
pub(super) use open::ladder;

#[cfg(feature = "test-hooks")]
mod open {
    use super::super::subject::{Kind, Subject};
    use super::super::way::{BARE, Launch, Way, run};
    use super::Refused;
    use crate::bench::samples::Role;
    use brig_sandbox::mechanism::Mechanism;

    /// What stands without any wall.
    const CARRIED: &str = "bridge and supervisor";
    const EGRESS: &str = "egress";

    /// Walls in the order in which they are added.
    const WALLS: [(&str, &[Mechanism]); 7] = [
        (
            "namespaces",
            &[
                Mechanism::UserNamespace,
                Mechanism::PidNamespace,
                Mechanism::NetworkNamespace,
                Mechanism::IpcNamespace,
                Mechanism::UtsNamespace,
                Mechanism::CgroupNamespace,
            ],
        ),
        (
            "mounts",
            &[
                Mechanism::MountNamespace,
                Mechanism::ReadOnlyMount,
                Mechanism::NoSetIdMount,
            ],
        ),
        (
            "capabilities and identity",
            &[
                Mechanism::EmptyCapabilities,
                Mechanism::NoNewPrivileges,
                Mechanism::UnprivilegedUser,
            ],
        ),
        (
            "landlock",
            &[Mechanism::Landlock, Mechanism::LandlockSignalScope],
        ),
        (
            "seccomp",
            &[
                Mechanism::SeccompAllowList,
                Mechanism::SeccompNoSocket,
                Mechanism::SeccompNoIpc,
            ],
        ),
        (
            "rlimits and control groups",
            &[
                Mechanism::ControlGroupMemory,
                Mechanism::ControlGroupPids,
                Mechanism::ControlGroupCpu,
                Mechanism::ProcessorAffinity,
                Mechanism::RlimitData,
                Mechanism::RlimitProcesses,
                Mechanism::RlimitOpenFiles,
                Mechanism::RlimitCore,
            ],
        ),
        (
            "session and environment",
            &[
                Mechanism::OwnSession,
                Mechanism::CloseRange,
                Mechanism::EmptyEnvironment,
                Mechanism::NotDumpable,
                Mechanism::ParentDeathSignal,
            ],
        ),
    ];

    /// Rows with one wall more each, after the bare program, and rows with one less each.
    pub(in super::super) fn ladder(
        subjects: &[Subject],
        ways: &[Way],
    ) -> Result<Vec<Way>, Refused> {
        let is_program = |subject: &&Subject| subject.kind == Kind::Program;
        let mut programs = subjects.iter().filter(is_program);
        let Some(first) = programs.next() else {
            return Ok(Vec::new());
        };
        let (_, allowed) = first.allowed(None, true)?;
        let whole = run(first, &allowed, None);
        let has_bare = ways.iter().any(|way| way.name == BARE);
        let none = without(&whole, &WALLS);
        let mut last = "no wall".to_owned();
        let mut rows = vec![if has_bare {
            added(CARRIED, BARE, &last, none)
        } else {
            Way::new(&last, Ok(none))
        }];
        for (at, (wall, _)) in WALLS.iter().enumerate() {
            let name = format!("+ {wall}");
            let left = WALLS.get(at + 1..).unwrap_or_default();
            rows.push(added(wall, &last, &name, without(&whole, left)));
            last = name;
        }
        let all = last.clone();
        // The same grants and a name to reach, where a second manifest has one.
        if let Some(second) = programs
            .next()
            .filter(|it| it.reaches_out() && !first.reaches_out())
        {
            let (_, allowed) = second.allowed(None, true)?;
            let launch = run(second, &allowed, None);
            let name = format!("+ {EGRESS}");
            rows.push(added(EGRESS, &last, &name, launch));
            rows.push(left_out(EGRESS, &name, whole.clone()));
        }
        for wall in &WALLS {
            rows.push(left_out(
                wall.0,
                &all,
                without(&whole, std::slice::from_ref(wall)),
            ));
        }
        rows.extend(rows.iter().find(|way| way.name == all).map(Way::again));
        Ok(rows)
    }

    fn added(wall: &str, after: &str, name: &str, launch: Launch) -> Way {
        let mut way = Way::new(name, Ok(launch));
        way.role = Role::Added {
            wall: wall.to_owned(),
            after: after.to_owned(),
        };
        way
    }

    fn left_out(wall: &str, from: &str, launch: Launch) -> Way {
        let mut way = Way::new(&format!("all but {wall}"), Ok(launch));
        way.role = Role::LeftOut {
            wall: wall.to_owned(),
            from: from.to_owned(),
        };
        way
    }

    fn without(whole: &Launch, walls: &[(&str, &[Mechanism])]) -> Launch {
        let off = walls.iter().flat_map(|(_, mechanisms)| *mechanisms);
        let names: Vec<String> = off
            .filter_map(|mechanism| serde_json::to_value(mechanism).ok())
            .filter_map(|name| Some(name.as_str()?.to_owned()))
            .collect();
        let mut launch = whole.clone();
        let variable = crate::hook::VARIABLE.to_owned();
        launch.variables.push((variable, names.join(",")));
        launch
    }
}
