//! Seccomp profiles: allow-lists by program family, each call with its reason.
//!
//! A call that no list names answers `ENOSYS`, so that a C library which probes for something newer
//! falls back (seccomp(2)). Names are Linux's own (syscalls(2)); numbers are those of the
//! architecture that brig is built for. Any other architecture is killed by the program's first
//! instructions, which closes the 32-bit door; x32 has the same architecture but numbers of its own
//! (bit 30), which no list names.

use crate::cell::Links;
use brig_policies::SyscallGroup;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

mod calls;
mod entry;
mod rules;

pub use calls::{Call, Code, Narrowing, calls};
pub use entry::{AT_ENTRY, EntryCall};
pub use rules::{Condition, Rule};

/// A set of system calls by name, the form in which a plan shows and digests it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Profile(pub BTreeSet<String>);

/// What a worker needs of the calls of sockets.
const CONNECTIONS: &[&str] = &[
    "socket",
    "connect",
    "sendto",
    "recvfrom",
    "shutdown",
    "getsockopt",
    "setsockopt",
    "getsockname",
    "getpeername",
];

/// Program families that brig writes profiles for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// init, once the server runs: it waits, reaps and passes signals on.
    Init,
    /// The supervisor while a session runs.
    Supervisor,
    /// brig's worker or compiler from its exec to the end of loading.
    WorkerStart,
    /// The worker while the guest runs.
    WorkerLoaded,
    /// A program of any kind, from its exec on.
    Program,
    /// The carrier of a server's connections.
    Carrier,
}

/// Whether the worker's guest has directories, and what it may do there. Without any, the calls
/// that open and list files go too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileCalls {
    /// No directory is granted.
    None,
    /// Directories are granted for reading only.
    Read,
    /// At least one directory is granted for writing.
    Write,
}

/// Why a profile did not become a filter.
#[derive(Debug, Error)]
pub enum InvalidProfile {
    /// A plan names a call that brig has no reason for.
    #[error("use the system call `{0}`: no profile has a reason for it")]
    UnknownCall(String),
    /// seccompiler refused the rules.
    #[error("compile the seccomp filter: {0}")]
    Compile(#[from] seccompiler::BackendError),
}

impl Profile {
    /// The profile of a family: all calls of [`calls`] that list it, and nothing else.
    pub fn of(family: Family, files: FileCalls) -> Self {
        let named = calls().filter(|call| call.serves(family, files));
        Self(named.map(|call| call.name.to_owned()).collect())
    }

    /// The profile of a program with these groups, with or without the calls that make symbolic
    /// links.
    pub fn of_program(links: Links, groups: &BTreeSet<SyscallGroup>) -> Self {
        let mut profile = Self::of(Family::Program, FileCalls::Write);
        let grouped = calls().filter(|call| call.group().is_some_and(|g| groups.contains(&g)));
        profile.0.extend(grouped.map(|call| call.name.to_owned()));
        if !groups.contains(&SyscallGroup::Jit) {
            // A memory file can be written and then mapped as code.
            profile.0.remove("memfd_create");
        }
        if links == Links::Denied {
            profile.0.retain(|name| !name.starts_with("symlink"));
        }
        profile
    }

    /// The same for whoever has a network: sockets of TCP and UDP too, none of which waits for
    /// connections.
    #[must_use]
    pub fn with_sockets(mut self) -> Self {
        let sockets = calls().filter(|call| call.is_of_sockets());
        self.0.extend(sockets.map(|call| call.name.to_owned()));
        self
    }

    /// The same for a worker that has a network: what it connects and asks the cell's name server
    /// with. What libraries of programs do besides stays closed: binding, and messages that can
    /// carry descriptors.
    #[must_use]
    pub fn with_connections(mut self) -> Self {
        self.0
            .extend(CONNECTIONS.iter().map(|name| (*name).to_owned()));
        self
    }

    /// Whether this is a program's: it may start processes, not threads alone.
    fn is_of_program(&self) -> bool {
        self.0.contains("setsid")
    }

    /// Whether this is the carrier's, which alone accepts.
    fn is_of_carrier(&self) -> bool {
        self.0.contains("accept4")
    }

    /// Whether this program may run memory that it has written.
    fn has_jit(&self) -> bool {
        self.0.contains("pkey_mprotect")
    }

    /// Whether this program may start others.
    fn has_subprocess(&self) -> bool {
        self.0.contains("setpgid")
    }

    /// Each call with its rules: it is allowed where one of them holds, or always where there is
    /// none.
    pub fn rules(&self) -> Result<Vec<(&'static Call, Vec<Rule>)>, InvalidProfile> {
        let rules = |name: &String| {
            let call = calls().find(|call| call.name == name);
            let call = call.ok_or_else(|| InvalidProfile::UnknownCall(name.clone()))?;
            Ok((call, rules::of(call, self)))
        };
        self.0.iter().map(rules).collect()
    }

    /// The filter as instructions of `struct sock_filter`, each packed little-endian in 64 bits.
    pub fn compile(&self) -> Result<Vec<u64>, InvalidProfile> {
        self.compile_without(|_| false)
    }

    /// The same filter, which answers some of the calls as if the profile did not name them.
    pub(crate) fn compile_without(
        &self,
        is_left_out: impl Fn(&str) -> bool,
    ) -> Result<Vec<u64>, InvalidProfile> {
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
        let kept = self.rules()?;
        let kept = kept.into_iter().filter(|(call, _)| !is_left_out(call.name));
        for (call, allowed) in kept {
            let compiled = allowed.iter().map(compiled).collect::<Result<_, _>>()?;
            rules.insert(call.number, compiled);
        }
        let filter = SeccompFilter::new(
            rules,
            SeccompAction::Errno(libc::ENOSYS.unsigned_abs()),
            SeccompAction::Allow,
            ARCHITECTURE,
        )?;
        let program: BpfProgram = filter.try_into()?;
        Ok(program.iter().map(pack).collect())
    }
}

fn compiled(rule: &Rule) -> Result<SeccompRule, InvalidProfile> {
    let condition = |condition: &Condition| {
        let (mask, value) = (u64::from(condition.mask), u64::from(condition.value));
        let op = match condition.mask {
            u32::MAX => SeccompCmpOp::Eq,
            _ => SeccompCmpOp::MaskedEq(mask),
        };
        SeccompCondition::new(condition.argument, SeccompCmpArgLen::Dword, op, value)
    };
    let conditions = rule.0.iter().map(condition).collect::<Result<_, _>>()?;
    Ok(SeccompRule::new(conditions)?)
}

#[cfg(target_arch = "x86_64")]
pub(crate) const ARCHITECTURE: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
pub(crate) const ARCHITECTURE: TargetArch = TargetArch::aarch64;

pub(crate) fn pack(instruction: &seccompiler::sock_filter) -> u64 {
    u64::from(instruction.code)
        | u64::from(instruction.jt) << 16
        | u64::from(instruction.jf) << 24
        | u64::from(instruction.k) << 32
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    const FAMILIES: [Family; 5] = [
        Family::Init,
        Family::Supervisor,
        Family::WorkerStart,
        Family::WorkerLoaded,
        Family::Program,
    ];

    #[track_caller]
    fn check(family: Family, files: FileCalls, has: &[&str], lacks: &[&str]) {
        let profile = Profile::of(family, files);
        for name in has {
            assert!(
                profile.0.contains(*name),
                "{family:?} {files:?} lacks {name}"
            );
        }
        for name in lacks {
            assert!(
                !profile.0.contains(*name),
                "{family:?} {files:?} has {name}"
            );
        }
        profile.compile().unwrap();
    }

    #[test]
    fn families_have_what_they_need_and_no_more() {
        let never = &[
            "socket",
            "connect",
            "ptrace",
            "mount",
            "unshare",
            "bpf",
            "io_uring_setup",
        ];
        for family in FAMILIES {
            check(
                family,
                FileCalls::Write,
                &["read", "write", "exit_group"],
                never,
            );
        }
        check(
            Family::Init,
            FileCalls::Write,
            &["wait4", "kill"],
            &["openat", "mmap", "execve"],
        );
        check(
            Family::WorkerStart,
            FileCalls::None,
            &["execve", "openat"],
            &["mkdirat", "kill"],
        );
        check(
            Family::WorkerLoaded,
            FileCalls::None,
            &["mmap"],
            &["execve", "openat", "seccomp"],
        );
        check(
            Family::WorkerLoaded,
            FileCalls::Read,
            &["openat"],
            &["mkdirat", "execve"],
        );
        check(
            Family::WorkerLoaded,
            FileCalls::Write,
            &["mkdirat", "unlinkat"],
            &["execve"],
        );
    }

    #[test]
    fn a_loaded_worker_keeps_nothing_that_its_start_did_not_have() {
        for files in [FileCalls::None, FileCalls::Read, FileCalls::Write] {
            let start = Profile::of(Family::WorkerStart, files).0;
            let loaded = Profile::of(Family::WorkerLoaded, files).0;
            assert_eq!(
                loaded.difference(&start).collect::<Vec<_>>(),
                Vec::<&String>::new()
            );
        }
    }

    #[test]
    fn every_call_has_a_reason_and_one_row() {
        let mut names = BTreeSet::new();
        for call in calls() {
            assert!(call.reason.len() >= 5, "{} has no reason", call.name);
            assert!(names.insert(call.name), "{} stands twice", call.name);
        }
    }

    #[test]
    fn an_unknown_name_is_no_filter() {
        let profile = Profile(["reboot".to_owned()].into());
        assert!(matches!(
            profile.compile(),
            Err(InvalidProfile::UnknownCall(_))
        ));
    }
}
