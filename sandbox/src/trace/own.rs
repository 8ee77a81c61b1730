//! The tracer's own filter. It reads what a hostile program has in its memory, so it keeps what
//! that takes and no more: it opens no file, starts nothing, connects to nothing and makes nothing
//! executable. It can look at names of the host's files, read memory of processes that it may
//! trace, and write to what it had open before.

use crate::seccomp::{ARCHITECTURE, InvalidProfile, pack};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use std::collections::BTreeMap;

/// One call of the tracer's.
#[derive(Clone, Copy, Debug)]
pub struct OwnCall {
    /// Its number on this architecture.
    pub number: i64,
    /// Why the tracer needs it.
    pub reason: &'static str,
    /// Which of its arguments are allowed.
    narrowed: Narrowed,
}

#[derive(Clone, Copy, Debug)]
enum Narrowed {
    /// All.
    Any,
    /// The second argument is one of these.
    Second(&'static [u32]),
    /// The third argument without `PROT_EXEC`.
    NotRunnable,
}

/// seccomp_unotify(2): to receive, to answer, and whether whoever called still waits. The last has
/// the number that every kernel takes; the header's own is known since Linux 5.9 alone.
pub const IOCTLS: [u32; 3] = [0xc050_2100, 0xc018_2101, 0x8008_2102];

const fn call(number: i64, reason: &'static str) -> OwnCall {
    OwnCall {
        number,
        reason,
        narrowed: Narrowed::Any,
    }
}

/// All of them.
pub fn own_calls() -> impl Iterator<Item = &'static OwnCall> {
    CALLS.iter().chain(OLD)
}

const CALLS: &[OwnCall] = &[
    OwnCall {
        number: libc::SYS_ioctl,
        reason: "receiving calls and answering them",
        narrowed: Narrowed::Second(&IOCTLS),
    },
    OwnCall {
        number: libc::SYS_fcntl,
        reason: "whether a descriptor is open, asked by debug builds before they close it",
        narrowed: Narrowed::Second(&[libc::F_GETFD.unsigned_abs()]),
    },
    call(libc::SYS_process_vm_readv, "the paths that a call names"),
    call(
        libc::SYS_ppoll,
        "waiting for calls and for the warden's end",
    ),
    call(libc::SYS_recvmsg, "the listener comes with a message"),
    call(
        libc::SYS_readlinkat,
        "folders of processes; links of the host",
    ),
    call(libc::SYS_newfstatat, "whether the host has a file"),
    call(libc::SYS_statx, "the same"),
    call(libc::SYS_faccessat, "the same, of the C library"),
    call(libc::SYS_faccessat2, "the same, of the C library"),
    call(libc::SYS_write, "reports"),
    call(libc::SYS_close, "the listener, at the end"),
    call(libc::SYS_futex, "between its two threads"),
    call(libc::SYS_brk, "memory"),
    OwnCall {
        number: libc::SYS_mmap,
        reason: "memory",
        narrowed: Narrowed::NotRunnable,
    },
    OwnCall {
        number: libc::SYS_mprotect,
        reason: "memory",
        narrowed: Narrowed::NotRunnable,
    },
    call(libc::SYS_munmap, "memory"),
    call(libc::SYS_mremap, "memory"),
    call(libc::SYS_madvise, "memory"),
    call(libc::SYS_clock_gettime, "how long to wait at the end"),
    call(libc::SYS_rt_sigaction, "a thread's start and end"),
    call(libc::SYS_rt_sigprocmask, "the same"),
    call(
        libc::SYS_rt_sigreturn,
        "the kernel's way back from a signal",
    ),
    call(
        libc::SYS_restart_syscall,
        "the kernel's way to go on after a stop",
    ),
    call(libc::SYS_sigaltstack, "a thread's start and end"),
    call(libc::SYS_set_robust_list, "a thread's start"),
    call(libc::SYS_rseq, "a thread's start"),
    call(libc::SYS_sched_getaffinity, "a thread's start"),
    call(libc::SYS_gettid, "a bug ends it with its own signal"),
    call(libc::SYS_getpid, "the same"),
    call(libc::SYS_tgkill, "the same"),
    call(libc::SYS_exit, "a thread's end"),
    call(libc::SYS_exit_group, "its end"),
];

#[cfg(target_arch = "x86_64")]
const OLD: &[OwnCall] = &[
    call(libc::SYS_poll, "waiting for calls and for the warden's end"),
    call(libc::SYS_readlink, "links of the host"),
    call(libc::SYS_access, "whether the host has a file"),
    call(libc::SYS_stat, "the same"),
    call(libc::SYS_lstat, "the same"),
];
#[cfg(target_arch = "aarch64")]
const OLD: &[OwnCall] = &[];

/// The filter, packed as a profile's. What is not named kills: nothing here falls back, and a
/// tracer that is gone leaves `ENOSYS` to all that wait for it.
///
/// # Errors
///
/// Where it is none that the kernel takes.
pub fn own_filter() -> Result<Vec<u64>, InvalidProfile> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for call in own_calls() {
        rules.insert(call.number, call.rules()?);
    }
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::KillProcess,
        SeccompAction::Allow,
        ARCHITECTURE,
    )?;
    let program: BpfProgram = filter.try_into()?;
    Ok(program.iter().map(pack).collect())
}

impl OwnCall {
    fn rules(&self) -> Result<Vec<SeccompRule>, InvalidProfile> {
        let one = |argument, op, value: u32| {
            let length = SeccompCmpArgLen::Dword;
            let condition = SeccompCondition::new(argument, length, op, value.into())?;
            Ok(SeccompRule::new(vec![condition])?)
        };
        match self.narrowed {
            Narrowed::Any => Ok(Vec::new()),
            Narrowed::Second(values) => {
                let requests = values.iter();
                requests
                    .map(|request| one(1, SeccompCmpOp::Eq, *request))
                    .collect()
            }
            Narrowed::NotRunnable => {
                let mask = u64::from(libc::PROT_EXEC.unsigned_abs());
                Ok(vec![one(2, SeccompCmpOp::MaskedEq(mask), 0)?])
            }
        }
    }
}
