//! `brig run --trace`: which calls of a program are looked at, and what is refused in them.
//!
//! A traced program has a filter that allows no call which its filter without a trace refuses. What
//! that one refuses, and each call that names a path or an address, waits for the tracer
//! (seccomp_unotify(2)).
//! The tracer answers the first with the same `ENOSYS` and lets the second go on: what a path leads
//! to is held by mounts and Landlock, as without a trace. Without a tracer the kernel answers
//! `ENOSYS` to all of them.
//!
//! An action of two filters cannot do that: `ERRNO` of the program's own would win over the notice
//! (seccomp(2)), and nobody would hear of what it refuses.

mod address;
mod calls;
mod names;
mod own;
mod refused;
mod walls;

pub use address::{address, beyond};
pub use calls::{Reach, Want};
pub use names::name_of;
pub use own::{IOCTLS, OwnCall, own_calls, own_filter};
pub use refused::{FALLS_BACK, Lack, RefusedCall};
pub use walls::{Lacking, Standing, Walls};

use crate::lower::native::NativeCell;
use crate::seccomp::{InvalidProfile, Profile, Rule};
use std::collections::BTreeMap;

/// `BPF_RET` with a value (linux/bpf_common.h).
const RETURN: u64 = 0x06;
/// seccomp(2), `SECCOMP_RET_ERRNO` with `ENOSYS`: what a filter answers to what it does not name.
const REFUSED: u64 = 0x0005_0000 | libc::ENOSYS.unsigned_abs() as u64;
/// seccomp_unotify(2), `SECCOMP_RET_USER_NOTIF`.
const NOTIFIED: u64 = 0x7fc0_0000;

/// The filter of a traced program with this profile, packed as [`Profile::compile`] does.
///
/// # Errors
///
/// As of [`Profile::compile`].
pub fn traced_filter(profile: &Profile) -> Result<Vec<u64>, InvalidProfile> {
    let program = profile.compile_without(|name| calls::reaches(name).is_some())?;
    let notified = |instruction: u64| {
        if instruction == RETURN | REFUSED << 32 {
            RETURN | NOTIFIED << 32
        } else {
            instruction
        }
    };
    Ok(program.into_iter().map(notified).collect())
}

/// Has the server of a lowered cell traced, which has these calls.
///
/// # Errors
///
/// As of [`Profile::compile`].
pub fn trace(cell: &mut NativeCell, calls: &Profile) -> Result<(), InvalidProfile> {
    cell.init.filter_of_server = traced_filter(calls)?;
    cell.init.traced = true;
    Ok(())
}

/// What the tracer knows of a profile: what to answer, and what to tell.
#[derive(Clone, Debug)]
pub struct Table {
    profile: Profile,
    looked_at: BTreeMap<i64, (Vec<Rule>, &'static [Reach])>,
}

/// What becomes of a call that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The profile allows it: it goes on, and reaches for these.
    Goes(&'static [Reach]),
    /// The profile does not: it gets `ENOSYS`.
    Refused,
}

impl Table {
    /// The table of a program with this profile.
    ///
    /// # Errors
    ///
    /// As of [`Profile::compile`].
    pub fn of(profile: Profile) -> Result<Self, InvalidProfile> {
        let rules = profile.rules()?;
        let looked_at = rules.into_iter().filter_map(|(call, rules)| {
            let reaches = calls::reaches(call.name)?;
            Some((call.number, (rules, reaches)))
        });
        Ok(Self {
            looked_at: looked_at.collect(),
            profile,
        })
    }

    /// What becomes of a call, by its number and its arguments as the kernel has them in registers:
    /// the program cannot change these meanwhile.
    pub fn verdict(&self, number: i64, arguments: &[u64; 6]) -> Verdict {
        match self.looked_at.get(&number) {
            Some((rules, reaches)) if is_allowed(rules, arguments) => Verdict::Goes(reaches),
            Some(_) | None => Verdict::Refused,
        }
    }

    /// What is told of a call that is refused.
    pub fn refused(&self, number: i64, arguments: &[u64; 6]) -> RefusedCall {
        refused::refused(&self.profile, number, arguments)
    }
}

fn is_allowed(rules: &[Rule], arguments: &[u64; 6]) -> bool {
    let holds = |rule: &Rule| {
        rule.0.iter().all(|condition| {
            let argument = low(arguments, usize::from(condition.argument));
            argument & condition.mask == condition.value
        })
    };
    rules.is_empty() || rules.iter().any(holds)
}

/// The low 32 bits of an argument, which are what a filter compares and what the kernel takes for
/// an `int`.
fn low(arguments: &[u64; 6], at: usize) -> u32 {
    let argument = arguments.get(at).copied().unwrap_or_default();
    let [a, b, c, d, ..] = argument.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}
