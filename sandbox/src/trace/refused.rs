//! What is told of a call that the filter refuses: its name, which argument decided, and what a
//! manifest can say to allow it.

use super::low;
use super::names::name_of;
use crate::seccomp::{Call, Narrowing, Profile, calls};
use brig_policies::SyscallGroup;

/// A call that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedCall {
    /// Its name, or its number where that has none yet.
    pub name: String,
    /// What of it was refused, where that is not all of the call.
    pub argument: Option<String>,
    /// What it would take.
    pub lack: Lack,
}

/// What a refused call would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Nothing: whoever calls it goes on without it.
    FallsBack,
    /// A group of system calls.
    Group(SyscallGroup),
    /// A grant of the network.
    Network,
    /// A grant in which links may be made.
    Links,
    /// What no manifest can say.
    Nothing,
}

/// Calls that libraries and runtimes try first, and go on without where a kernel has none: told
/// one by one they would bury what a program does miss.
pub const FALLS_BACK: &[(&str, &str)] = &[
    ("clone3", "the C library calls clone(2) next"),
    ("execveat", "fexecve(3) calls execve(2) next"),
    ("fchmodat2", "the C library goes by /proc, or does without"),
    (
        "get_mempolicy",
        "runtimes ask whether there is more than one memory",
    ),
    (
        "io_uring_enter",
        "libuv and others wait by epoll(7) instead",
    ),
    ("io_uring_register", "the same"),
    ("io_uring_setup", "the same"),
    (
        "ioprio_get",
        "its priority at disks, which does nothing here",
    ),
    ("ioprio_set", "the same"),
    ("mbind", "runtimes do without a say in where memory lies"),
    ("mseal", "the loader does without sealing"),
    (
        "name_to_handle_at",
        "libraries tell mounts by it, or by /proc",
    ),
    ("openat2", "callers open step by step next"),
    ("perf_event_open", "runtimes do without counters"),
    ("process_madvise", "allocators call madvise(2) instead"),
    ("sched_setaffinity", "runtimes do without pinning threads"),
    ("sched_setattr", "runtimes keep the priority that they have"),
    ("sched_setscheduler", "the same"),
    (
        "set_mempolicy",
        "runtimes do without a say in where memory lies",
    ),
    ("setpriority", "runtimes keep the priority that they have"),
    ("userfaultfd", "runtimes do without it"),
];

/// Calls whose first argument is one of very many questions, which libraries ask of every kernel.
const ASKS: &[&str] = &["arch_prctl", "prctl"];

pub(super) fn refused(profile: &Profile, number: i64, arguments: &[u64; 6]) -> RefusedCall {
    let Some(name) = name_of(number) else {
        return RefusedCall {
            name: format!("call number {number}"),
            argument: None,
            lack: Lack::Nothing,
        };
    };
    let call = calls().find(|call| call.name == name);
    let (lack, argument) = match call.filter(|call| profile.0.contains(call.name)) {
        Some(call) => by_argument(call.narrowing, name, arguments),
        None => whole(name, call.and_then(Call::group), arguments),
    };
    RefusedCall {
        name: name.to_owned(),
        argument,
        lack,
    }
}

/// A call that the profile has, with arguments that it has not.
fn by_argument(narrowing: Narrowing, name: &str, arguments: &[u64; 6]) -> (Lack, Option<String>) {
    let number = |at: usize| arguments.get(at).copied().unwrap_or_default();
    let falls_back = ASKS.contains(&name);
    let lack = if falls_back {
        Lack::FallsBack
    } else {
        Lack::Nothing
    };
    match narrowing {
        // A program has all arguments of these.
        Narrowing::Any | Narrowing::SocketOption(_) => (Lack::Nothing, None),
        Narrowing::NoExecutableMappingOnceLoaded(_) => (
            Lack::Group(SyscallGroup::Jit),
            Some("memory that can be run".to_owned()),
        ),
        Narrowing::ThreadsOnly if number(0) & NEW_NAMESPACES != 0 => {
            (Lack::Nothing, Some("a namespace".to_owned()))
        }
        Narrowing::ThreadsOnly => (
            Lack::Group(SyscallGroup::Subprocess),
            Some("a process".to_owned()),
        ),
        Narrowing::NoSetIdMode(at) => {
            let mode = number(usize::from(at));
            (Lack::Nothing, Some(format!("mode {mode:o}")))
        }
        Narrowing::FirstArgument(..) => (lack, Some(format!("{:#x}", number(0)))),
        Narrowing::SecondArgument(..) => (lack, Some(format!("{:#x}", number(1)))),
        Narrowing::TcpOrUdp => socket(arguments),
        Narrowing::ConnectedPair => (Lack::Nothing, Some("a pair of datagrams".to_owned())),
    }
}

/// Those that clone(2) takes, the kernel's `CLONE_NEW*`.
const NEW_NAMESPACES: u64 = 0x7e02_0000;

/// A call that the profile has not.
fn whole(name: &str, group: Option<SyscallGroup>, arguments: &[u64; 6]) -> (Lack, Option<String>) {
    if FALLS_BACK.iter().any(|(known, _)| *known == name) {
        return (Lack::FallsBack, None);
    }
    match (name, group) {
        (_, Some(group)) => (Lack::Group(group), None),
        // A memory file can be written and then mapped as code.
        ("memfd_create", None) => (Lack::Group(SyscallGroup::Jit), None),
        ("symlink" | "symlinkat", None) => (Lack::Links, None),
        ("socket", None) => socket(arguments),
        (_, None) => (Lack::Nothing, None),
    }
}

/// socket(2).
fn socket(arguments: &[u64; 6]) -> (Lack, Option<String>) {
    let [family, kind] = [0, 1].map(|at| low(arguments, at).cast_signed());
    let over = match family {
        libc::AF_INET => "IPv4",
        libc::AF_INET6 => "IPv6",
        libc::AF_UNIX => return (Lack::Nothing, Some("a Unix socket".to_owned())),
        // The C library asks for the addresses of this host, and goes on where it learns of none.
        libc::AF_NETLINK => return (Lack::FallsBack, Some("netlink".to_owned())),
        other => return (Lack::Nothing, Some(format!("of family {other}"))),
    };
    let what = match kind & SOCKET_KINDS {
        libc::SOCK_STREAM => format!("TCP over {over}"),
        libc::SOCK_DGRAM => format!("UDP over {over}"),
        // Raw packets: nothing grants them.
        _ => return (Lack::Nothing, Some(format!("raw packets over {over}"))),
    };
    (Lack::Network, Some(what))
}

/// The kinds among the flags of socket(2)'s second argument.
const SOCKET_KINDS: i32 = 0xf;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Links;
    use std::collections::BTreeSet;

    #[track_caller]
    fn check(name: &str, arguments: &[i32], lack: Lack, argument: Option<&str>) {
        let profile = Profile::of_program(Links::Denied, &BTreeSet::new());
        let number = (0..500).find(|number| name_of(*number) == Some(name));
        let mut all = [0; 6];
        for (at, value) in arguments.iter().enumerate() {
            all[at] = u64::from(value.cast_unsigned());
        }
        let found = refused(&profile, number.unwrap_or(-1), &all);
        let want = RefusedCall {
            name: name.to_owned(),
            argument: argument.map(str::to_owned),
            lack,
        };
        assert_eq!(found, want);
    }

    #[test]
    fn a_refused_call_is_told_with_what_would_allow_it() {
        let jit = Lack::Group(SyscallGroup::Jit);
        let subprocess = Lack::Group(SyscallGroup::Subprocess);
        let code = Some("memory that can be run");
        check("mprotect", &[0, 0, libc::PROT_EXEC], jit, code);
        check("pkey_mprotect", &[], jit, None);
        check("memfd_create", &[], jit, None);
        check("clone", &[libc::SIGCHLD], subprocess, Some("a process"));
        check(
            "clone",
            &[libc::CLONE_NEWUSER],
            Lack::Nothing,
            Some("a namespace"),
        );
        check("clone3", &[], Lack::FallsBack, None);
        check("ptrace", &[], Lack::Group(SyscallGroup::PtraceSelf), None);
        check("io_uring_setup", &[], Lack::FallsBack, None);
        check("symlinkat", &[], Lack::Links, None);
        check("mount", &[], Lack::Nothing, None);
        check("fchmod", &[3, 0o4755], Lack::Nothing, Some("mode 4755"));
        check("ioctl", &[0, 0x5412], Lack::Nothing, Some("0x5412"));
        check("prctl", &[27], Lack::FallsBack, Some("0x1b"));
        let tcp = [libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC];
        check("socket", &tcp, Lack::Network, Some("TCP over IPv4"));
        let udp = [libc::AF_INET6, libc::SOCK_DGRAM];
        check("socket", &udp, Lack::Network, Some("UDP over IPv6"));
        check(
            "socket",
            &[libc::AF_UNIX],
            Lack::Nothing,
            Some("a Unix socket"),
        );
        check(
            "socket",
            &[libc::AF_NETLINK],
            Lack::FallsBack,
            Some("netlink"),
        );
        check(
            "socket",
            &[libc::AF_PACKET],
            Lack::Nothing,
            Some("of family 17"),
        );
        let pair = [libc::AF_UNIX, libc::SOCK_DGRAM];
        check(
            "socketpair",
            &pair,
            Lack::Nothing,
            Some("a pair of datagrams"),
        );
    }

    #[test]
    fn a_call_without_a_name_is_told_by_its_number() {
        let profile = Profile::of_program(Links::Denied, &BTreeSet::new());
        let found = refused(&profile, 0x4000_0000, &[0; 6]);
        assert_eq!(found.name, "call number 1073741824");
    }

    #[test]
    fn what_is_done_without_is_a_call_and_has_a_reason() {
        for (name, reason) in FALLS_BACK {
            let is_known = (0..500).any(|number| name_of(number) == Some(*name));
            assert!(is_known && reason.len() > 5, "{name}");
        }
    }
}
