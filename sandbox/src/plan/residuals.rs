//! What stays open on a host, named.

use super::Residual;
use crate::cell::CellKind;
use crate::engine::Maker;
use crate::facts::{Controller, HostFacts};
use crate::mechanism::{Isolated, cell_kind, container_kind};
use crate::seccomp::FileCalls;

pub(super) fn residuals(facts: &HostFacts, files: FileCalls, isolated: Isolated) -> Vec<Residual> {
    let mut residuals = vec![residual(
        "disk",
        "a write grant has no quota; only scratch is bounded",
    )];
    let kind = match isolated {
        Isolated::Component => cell_kind(facts),
        Isolated::Container => container_kind(facts),
    };
    let bounding = match isolated {
        Isolated::Component => &facts.controllers,
        Isolated::Container => facts.bounding(),
    };
    if kind == CellKind::Narrow {
        residuals.extend(narrow_residuals(facts, files));
    }
    if !bounding.contains(&Controller::Memory) {
        residuals.push(match isolated {
            Isolated::Component => residual(
                "page-cache",
                "memory is bounded per process and not by a control group, so the page cache that \
                 granted files take is not counted, nor are the memory files of a worker that was \
                 taken over",
            ),
            Isolated::Container => residual(
                "memory-of-all",
                "memory is bounded per process and not by a control group: all processes together \
                 can take limits.memory as often as limits.processes allows, and memory files and \
                 the page cache beside",
            ),
        });
    }
    if !facts.controllers.contains(&Controller::Cpu) && isolated == Isolated::Component {
        residuals.push(residual(
            "processor-time",
            "a component runs on one thread and can use one processor for as long as the session \
             lasts",
        ));
    }
    let drops_groups = facts.caller.subordinate_gid.is_some() && kind == CellKind::Full;
    let by_daemon = isolated == Isolated::Container && facts.engine.engine.maker() == Maker::Daemon;
    let drops_groups = drops_groups || by_daemon;
    if !facts.caller.is_root() && facts.caller.supplementary_groups > 0 && !drops_groups {
        let groups = facts.caller.supplementary_groups;
        let reason = format!(
            "{groups} supplementary groups of the caller stay with the server, since dropping them \
             takes root or subordinate group ids; they matter only within what is granted"
        );
        residuals.push(residual("supplementary-groups", &reason));
    }
    residuals
}

/// What Landlock and seccomp do not hold where no namespace stands beside them.
fn narrow_residuals(facts: &HostFacts, files: FileCalls) -> Vec<Residual> {
    let mut residuals = vec![
        residual(
            "names-of-files",
            "without a mount namespace, a worker that was taken over can learn whether a path \
             exists, its size and times, and where a link leads, though not its content \
             (landlock(7))",
        ),
        residual(
            "scratch",
            "there is no /tmp: a narrow cell has no memory file system of its own",
        ),
    ];
    if files == FileCalls::Write {
        residuals.push(residual(
            "times-of-files",
            "Landlock knows no right to set times, so where something is granted for writing, a \
             worker that was taken over can set the times of other files that its user owns",
        ));
    }
    if !facts.caller.is_root() {
        residuals.push(residual(
            "callers-id",
            "without a user namespace the server's id is the caller's own: Landlock and seccomp \
             alone keep it from what that user may do, and its processes count with that user's",
        ));
    }
    residuals
}

fn residual(name: &str, reason: &str) -> Residual {
    Residual {
        name: name.to_owned(),
        reason: reason.to_owned(),
    }
}
