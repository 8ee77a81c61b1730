//! What init told of the walls around it, against the plan. It told it before the server's first
//! instruction; what it says later is not listened to.

use super::engine_of;
use super::{Reader, Wall};
use crate::init_wire::found;
use crate::launch::resource;
use brig_sandbox::cell::{CellKind, FIRST_UNUSED_HOST_ID, Identity};
use brig_sandbox::engine::Engine;
use brig_sandbox::lower::{self, native::checks};
use brig_sandbox::plan::Plan;

const EPERM: u64 = 1;
const EACCES: u64 = 13;
const SIGKILL: u64 = 9;

/// The walls that init reads.
pub(super) fn walls(plan: &Plan, warden: u32, told: &[(u8, u64)]) -> Vec<Wall> {
    planned(plan, warden)
        .into_iter()
        .map(|(name, what, planned)| Wall {
            name,
            planned: word(what, planned),
            found: told
                .iter()
                .find(|(told, _)| *told == what)
                .map_or_else(|| "not told".to_owned(), |(_, value)| word(what, *value)),
            reader: Reader::Inside,
        })
        .collect()
}

fn planned(plan: &Plan, warden: u32) -> Vec<(String, u8, u64)> {
    let cell = &plan.cell;
    let full = cell.kind == CellKind::Full;
    let own = FIRST_UNUSED_HOST_ID + warden;
    let (user, group) = cell.ids_inside().unwrap_or((own, own));
    let engine = engine_of(plan);
    let sources = match engine {
        Engine::Native | Engine::Crun | Engine::Runc => checks(cell).len(),
        Engine::Docker | Engine::Podman => lower::daemon::checks(cell).len(),
        // gVisor's kernel numbers files anew.
        Engine::Runsc => 0,
    };
    let sources = sources as u64;
    // An engine's init hears of the warden's end by its channel.
    let signal = if engine == Engine::Native { SIGKILL } else { 0 };
    let mut planned = vec![
        ("user in the cell", found::USER, u64::from(user)),
        ("group in the cell", found::GROUP, u64::from(group)),
        ("capabilities", found::CAPABILITIES, 0),
        ("new privileges given up", found::NEW_PRIVILEGES, 1),
        ("memory of init for others", found::DUMPABLE, 0),
        ("signal at its parent's end", found::DEATH_SIGNAL, signal),
        ("sources as decided on", found::SOURCES, sources),
    ];
    // An ordinary user without namespaces has no right to empty it, and none that it bounds.
    if full || cell.identity == Identity::UnusedHostId {
        planned.push(("capabilities that can be had", found::BOUNDING, 0));
    }
    if let Some(landlock) = cell.landlock.as_ref().filter(|_| engine != Engine::Runsc) {
        planned.push(("Landlock: listing the root", found::LISTING, EACCES));
        // In a pid namespace it has no parent to signal.
        if !full && landlock.scoped != 0 {
            planned.push((
                "Landlock: a signal to the outside",
                found::SIGNALLING,
                EPERM,
            ));
        }
    }
    if let Some(count) = cell.processors {
        planned.push(("processors of init", found::PROCESSORS, u64::from(count)));
    }
    let limits = cell.rlimits.iter().map(|(limit, value)| {
        let number = resource(*limit);
        let what = found::LIMIT + u8::try_from(number).unwrap_or(0);
        (format!("limit {limit:?} of init"), what, *value)
    });
    let named = planned
        .into_iter()
        .map(|(name, what, value)| (name.to_owned(), what, value));
    named.chain(limits).collect()
}

/// A number as it reads.
fn word(what: u8, value: u64) -> String {
    match (what, value) {
        (found::LISTING | found::SIGNALLING, 0) => "allowed".to_owned(),
        (found::LISTING | found::SIGNALLING, EPERM | EACCES) => "refused".to_owned(),
        (found::LISTING | found::SIGNALLING, errno) => format!("errno {errno}"),
        (found::CAPABILITIES, bits) => format!("{bits:016x}"),
        _ => value.to_string(),
    }
}
