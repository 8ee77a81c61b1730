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

pub use calls::{Call, Code, Narrowing, calls};

/// A set of system calls by name, the form in which a plan shows and digests it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Profile(pub BTreeSet<String>);

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

    /// Whether this is a program's: it may start processes, not threads alone.
    fn is_of_program(&self) -> bool {
        self.0.contains("setsid")
    }

    /// Whether this program may run memory that it has written.
    fn has_jit(&self) -> bool {
        self.0.contains("pkey_mprotect")
    }

    /// Whether this program may start others.
    fn has_subprocess(&self) -> bool {
        self.0.contains("setpgid")
    }

    /// The filter as instructions of `struct sock_filter`, each packed little-endian in 64 bits.
    pub fn compile(&self) -> Result<Vec<u64>, InvalidProfile> {
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
        for name in &self.0 {
            let call = calls()
                .find(|call| call.name == name)
                .ok_or_else(|| InvalidProfile::UnknownCall(name.clone()))?;
            rules.insert(call.number, rules_of(call, self)?);
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

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: TargetArch = TargetArch::aarch64;

fn pack(instruction: &seccompiler::sock_filter) -> u64 {
    u64::from(instruction.code)
        | u64::from(instruction.jt) << 16
        | u64::from(instruction.jf) << 24
        | u64::from(instruction.k) << 32
}

/// Argument rules. An empty vector allows the call with any arguments.
fn rules_of(call: &Call, profile: &Profile) -> Result<Vec<SeccompRule>, InvalidProfile> {
    let mask = |index: u8, mask: i32, value: i32| {
        let (mask, value) = (
            u64::from(mask.unsigned_abs()),
            u64::from(value.unsigned_abs()),
        );
        SeccompCondition::new(
            index,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::MaskedEq(mask),
            value,
        )
    };
    let equals = |index: u8, value: i32| {
        let value = u64::from(value.unsigned_abs());
        SeccompCondition::new(index, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
    };
    let one = |condition| Ok(SeccompRule::new(vec![condition])?);
    Ok(match call.narrowing {
        Narrowing::Any => Vec::new(),
        // An exec belongs to the start of a program. With it gone, so are executable mappings.
        Narrowing::NoExecutableMappingOnceLoaded(_)
            if profile.0.contains("execve") && (!profile.is_of_program() || profile.has_jit()) =>
        {
            Vec::new()
        }
        Narrowing::NoExecutableMappingOnceLoaded(Code::OfFiles) if profile.is_of_program() => {
            let of_file = mask(2, libc::PROT_EXEC | libc::PROT_WRITE, libc::PROT_EXEC)?;
            let file = mask(3, libc::MAP_ANONYMOUS, 0)?;
            vec![
                one(mask(2, libc::PROT_EXEC, 0)?)?,
                SeccompRule::new(vec![of_file, file])?,
            ]
        }
        Narrowing::NoExecutableMappingOnceLoaded(_) => vec![one(mask(2, libc::PROT_EXEC, 0)?)?],
        Narrowing::NoSetIdMode(index) => vec![one(mask(index, SET_ID_BITS, 0)?)?],
        // Threads and processes, and no namespace.
        Narrowing::ThreadsOnly if profile.has_subprocess() => {
            vec![one(mask(0, NEW_NAMESPACES, 0)?)?]
        }
        Narrowing::ThreadsOnly => vec![one(mask(
            0,
            libc::CLONE_THREAD | NEW_NAMESPACES,
            libc::CLONE_THREAD,
        )?)?],
        // A datagram pair can be made to send to any path; a stream cannot.
        Narrowing::ConnectedPair => [libc::SOCK_STREAM, libc::SOCK_SEQPACKET]
            .into_iter()
            .map(|kind| {
                let kind = mask(1, SOCKET_KINDS, kind)?;
                Ok(SeccompRule::new(vec![equals(0, libc::AF_UNIX)?, kind])?)
            })
            .collect::<Result<_, InvalidProfile>>()?,
        Narrowing::FirstArgument(values, more) => of_family(values, more, profile)
            .map(|v| one(equals(0, *v)?))
            .collect::<Result<_, InvalidProfile>>()?,
        Narrowing::SecondArgument(values, more) => of_family(values, more, profile)
            .map(|v| one(equals(1, *v)?))
            .collect::<Result<_, InvalidProfile>>()?,
    })
}

/// Values for everyone, and more for programs.
fn of_family<'v>(
    all: &'v [i32],
    more: &'v [i32],
    profile: &Profile,
) -> impl Iterator<Item = &'v i32> {
    let more = if profile.is_of_program() { more } else { &[] };
    all.iter().chain(more)
}

/// The kinds among the flags of socketpair(2)'s second argument.
const SOCKET_KINDS: i32 = 0xf;
/// inode(7): set-user-id and set-group-id.
const SET_ID_BITS: i32 = 0o6000;

const NEW_NAMESPACES: i32 = libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | CLONE_NEWTIME;
/// clone(2) takes it in no flag of its own: the bit is part of the exit signal there, which no
/// program needs.
const CLONE_NEWTIME: i32 = 0x80;

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
