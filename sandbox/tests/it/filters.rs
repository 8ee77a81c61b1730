//! What compiled filters answer, call by call and argument by argument.

use crate::machine::{Answer, Asked, OWN, run};
use brig_policies::SyscallGroup;
use brig_sandbox::cell::Links;
use brig_sandbox::seccomp::{Family, FileCalls, Narrowing, Profile, calls};
use std::collections::BTreeSet;

const FAMILIES: [Family; 4] = [
    Family::Init,
    Family::Supervisor,
    Family::WorkerStart,
    Family::WorkerLoaded,
];
const FILES: [FileCalls; 3] = [FileCalls::None, FileCalls::Read, FileCalls::Write];

/// Beyond the last call that Linux has a number for today.
const NUMBERS: u32 = 471;
const UNKNOWN: Answer = Answer::Error(38);
/// `__X32_SYSCALL_BIT`: the same architecture, other structures.
const X32: u32 = 1 << 30;

fn compiled(family: Family, files: FileCalls) -> Vec<u64> {
    Profile::of(family, files).compile().unwrap()
}

fn every_filter() -> impl Iterator<Item = (Family, FileCalls, Vec<u64>)> {
    let pairs = FAMILIES
        .into_iter()
        .flat_map(|f| FILES.map(|files| (f, files)));
    pairs.map(|(family, files)| (family, files, compiled(family, files)))
}

#[test]
fn a_filter_answers_by_its_profile_for_every_number() {
    for (family, files, program) in every_filter() {
        let profile = Profile::of(family, files);
        for number in 0..NUMBERS {
            let call = calls().find(|c| c.number == i64::from(number));
            let listed = call.filter(|call| profile.0.contains(call.name));
            for args in [[0; 6], [u64::MAX; 6], [1; 6]] {
                let ask = |architecture, number| {
                    run(
                        &program,
                        &Asked {
                            architecture,
                            number,
                            args,
                        },
                    )
                };
                let answer = ask(OWN, number);
                let name = call.map_or("unlisted", |call| call.name);
                match listed.map(|call| call.narrowing) {
                    None => assert_eq!(answer, UNKNOWN, "{family:?} {files:?} {number} {name}"),
                    Some(Narrowing::Any) => assert_eq!(answer, Answer::Allow, "{family:?} {name}"),
                    Some(
                        Narrowing::NoExecutableMappingOnceLoaded(_)
                        | Narrowing::NoSetIdMode(_)
                        | Narrowing::ThreadsOnly
                        | Narrowing::FirstArgument(..)
                        | Narrowing::SecondArgument(..)
                        | Narrowing::ConnectedPair
                        | Narrowing::TcpOrUdp
                        | Narrowing::SocketOption(_),
                    ) => assert!(
                        matches!(answer, Answer::Allow | UNKNOWN),
                        "{family:?} {name}"
                    ),
                }
                assert_eq!(ask(OWN, number | X32), UNKNOWN, "{family:?} x32 {name}");
                // i386, arm, and a number that is none.
                for other in [0x4000_0003, 0x4000_0028, 0] {
                    assert_eq!(ask(other, number), Answer::KillProcess, "{family:?} {name}");
                }
            }
        }
        assert!(program.len() < 4096, "the kernel takes no longer one");
    }
}

/// Calls that no family has, whatever their arguments. What each would open stands beside it.
const NEVER: &[(&str, i64)] = &[
    ("a socket of any kind", libc::SYS_socket),
    ("a datagram pair reaches any path", libc::SYS_socketpair),
    ("a socket of any kind", libc::SYS_connect),
    ("a socket of any kind", libc::SYS_bind),
    ("a socket of any kind", libc::SYS_listen),
    ("a socket of any kind", libc::SYS_accept),
    ("a socket of any kind", libc::SYS_accept4),
    ("descriptors pass by it", libc::SYS_sendmsg),
    ("descriptors pass by it", libc::SYS_recvmsg),
    ("calls that no filter sees", libc::SYS_io_uring_setup),
    ("calls that no filter sees", libc::SYS_io_uring_enter),
    ("other processes' memory", libc::SYS_ptrace),
    ("other processes' memory", libc::SYS_process_vm_readv),
    ("other processes' memory", libc::SYS_process_vm_writev),
    ("other processes' descriptors", libc::SYS_pidfd_getfd),
    ("other processes", libc::SYS_pidfd_open),
    ("mounts", libc::SYS_mount),
    ("mounts", libc::SYS_move_mount),
    ("mounts", libc::SYS_open_tree),
    ("mounts", libc::SYS_fsopen),
    ("mounts", libc::SYS_pivot_root),
    ("mounts", libc::SYS_chroot),
    ("namespaces", libc::SYS_unshare),
    ("namespaces", libc::SYS_setns),
    (
        "its flags lie in memory, which no filter sees",
        libc::SYS_clone3,
    ),
    ("programs in the kernel", libc::SYS_bpf),
    ("other processes, by counters", libc::SYS_perf_event_open),
    (
        "page faults that the kernel waits on",
        libc::SYS_userfaultfd,
    ),
    ("keys of the caller", libc::SYS_keyctl),
    ("keys of the caller", libc::SYS_add_key),
    ("keys of the caller", libc::SYS_request_key),
    ("code in the kernel", libc::SYS_init_module),
    ("code in the kernel", libc::SYS_finit_module),
    ("another kernel", libc::SYS_kexec_load),
    (
        "files by handle, past every path",
        libc::SYS_open_by_handle_at,
    ),
    ("set-id bits", libc::SYS_fchmod),
    ("set-id bits", libc::SYS_fchmodat),
    ("owners", libc::SYS_fchown),
    ("owners", libc::SYS_fchownat),
    ("labels and capabilities of files", libc::SYS_setxattr),
    ("labels and capabilities of files", libc::SYS_fsetxattr),
    ("devices and FIFOs", libc::SYS_mknodat),
    ("a program in memory", libc::SYS_execveat),
    ("executable mappings by key", libc::SYS_pkey_mprotect),
    ("every mapping becomes executable", libc::SYS_personality),
    ("shared memory", libc::SYS_shmget),
    ("shared memory", libc::SYS_shmat),
    ("semaphores", libc::SYS_semget),
    ("message queues", libc::SYS_msgget),
    ("message queues", libc::SYS_mq_open),
    ("another identity", libc::SYS_setuid),
    ("another identity", libc::SYS_setresgid),
    ("another identity", libc::SYS_setgroups),
    ("capabilities", libc::SYS_capset),
    ("the host's name", libc::SYS_sethostname),
    ("the host's name", libc::SYS_setdomainname),
    ("the host's clock", libc::SYS_clock_settime),
    ("a session of its own", libc::SYS_setsid),
    ("marks on other files", libc::SYS_fanotify_init),
    ("watching other files", libc::SYS_inotify_add_watch),
];

#[test]
fn no_filter_lets_through_what_opens_a_wall() {
    for (family, files, program) in every_filter() {
        for (why, number) in NEVER {
            for args in [[0; 6], [1; 6], [u64::MAX; 6]] {
                let number = u32::try_from(*number).unwrap();
                let answer = run(
                    &program,
                    &Asked {
                        architecture: OWN,
                        number,
                        args,
                    },
                );
                assert_eq!(answer, UNKNOWN, "{family:?} {files:?} has {number}: {why}");
            }
        }
    }
}

/// Asks one filter for a call with one argument set, once for each value.
#[track_caller]
fn check(family: Family, number: i64, index: usize, allowed: &[i64], refused: &[i64]) {
    let program = compiled(family, FileCalls::Write);
    let number = u32::try_from(number).unwrap();
    let wants = [(allowed, Answer::Allow), (refused, UNKNOWN)];
    for (values, want) in wants {
        for value in values {
            // The kernel takes these arguments as 32 bits, and so must the filter.
            for high in [0, 1 << 32, 0xffff_ffff << 32] {
                let mut args = [0; 6];
                args[index] = u64::from(u32::try_from(value & 0xffff_ffff).unwrap()) | high;
                let asked = Asked {
                    architecture: OWN,
                    number,
                    args,
                };
                assert_eq!(run(&program, &asked), want, "{family:?} {asked:x?}");
            }
        }
    }
}

fn wide(values: &[i32]) -> Vec<i64> {
    values.iter().map(|value| i64::from(*value)).collect()
}

#[test]
fn nothing_is_executable_once_code_is_loaded() {
    use libc::{PROT_EXEC, PROT_NONE, PROT_READ, PROT_WRITE};
    let plain = wide(&[PROT_NONE, PROT_READ, PROT_WRITE, PROT_READ | PROT_WRITE]);
    let executable = wide(&[
        PROT_EXEC,
        PROT_READ | PROT_EXEC,
        PROT_READ | PROT_WRITE | PROT_EXEC,
        -1,
    ]);
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        check(Family::WorkerLoaded, call, 2, &plain, &executable);
        check(Family::Supervisor, call, 2, &plain, &executable);
        check(
            Family::Init,
            call,
            2,
            &[],
            &[plain.clone(), executable.clone()].concat(),
        );
        // The loader maps libraries, and the worker its code.
        check(
            Family::WorkerStart,
            call,
            2,
            &[plain.clone(), executable.clone()].concat(),
            &[],
        );
    }
    check(Family::WorkerStart, libc::SYS_execve, 0, &[0], &[]);
    for family in [Family::WorkerLoaded, Family::Supervisor, Family::Init] {
        check(family, libc::SYS_execve, 0, &[], &[0]);
        check(family, libc::SYS_seccomp, 0, &[], &[0, 1, 2, 3]);
        check(
            family,
            libc::SYS_prctl,
            0,
            &[],
            &wide(&[libc::PR_SET_DUMPABLE]),
        );
    }
}

#[test]
fn a_worker_makes_threads_and_no_processes() {
    // What glibc and musl ask for a thread (pthread_create(3)).
    let shared = libc::CLONE_VM | libc::CLONE_FS | libc::CLONE_FILES | libc::CLONE_SIGHAND;
    let thread = shared | libc::CLONE_THREAD | libc::CLONE_SYSVSEM | libc::CLONE_SETTLS;
    let refused = [
        0,
        libc::SIGCHLD,
        shared,
        libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD,
        libc::CLONE_PARENT | libc::SIGCHLD,
        thread | libc::CLONE_NEWUSER,
        thread | libc::CLONE_NEWNS,
        thread | libc::CLONE_NEWPID,
        thread | libc::CLONE_NEWNET,
        thread | libc::CLONE_NEWIPC,
        thread | libc::CLONE_NEWUTS,
        thread | libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWUSER,
    ];
    for family in [Family::WorkerStart, Family::WorkerLoaded] {
        check(
            family,
            libc::SYS_clone,
            0,
            &wide(&[thread]),
            &wide(&refused),
        );
    }
    for family in [Family::Init, Family::Supervisor] {
        check(
            family,
            libc::SYS_clone,
            0,
            &[],
            &wide(&[thread, libc::SIGCHLD]),
        );
    }
}

#[test]
fn descriptors_are_set_and_not_watched() {
    let allowed = [
        libc::F_GETFD,
        libc::F_SETFD,
        libc::F_GETFL,
        libc::F_SETFL,
        libc::F_DUPFD_CLOEXEC,
        libc::F_ADD_SEALS,
    ];
    let refused = [
        libc::F_DUPFD,
        libc::F_SETOWN,
        // F_SETSIG.
        10,
        libc::F_SETLK,
        libc::F_SETLKW,
        libc::F_OFD_SETLK,
        libc::F_SETLEASE,
        libc::F_NOTIFY,
        libc::F_SETPIPE_SZ,
        -1,
    ];
    for family in [
        Family::WorkerStart,
        Family::WorkerLoaded,
        Family::Supervisor,
    ] {
        check(family, libc::SYS_fcntl, 1, &wide(&allowed), &wide(&refused));
    }
    check(Family::Init, libc::SYS_fcntl, 1, &[], &wide(&allowed));
}

#[test]
fn no_terminal_and_no_file_system_is_steered() {
    let refused = [
        // TIOCSTI, TIOCLINUX, TIOCSCTTY, TIOCGWINSZ, TCGETS.
        0x5412,
        0x541c,
        0x540e,
        0x5413,
        0x5401,
        // FS_IOC_SETFLAGS, FICLONE, FIFREEZE, FIOASYNC.
        0x4008_6602,
        0x4004_9409,
        0xc004_5877,
        0x5452,
    ];
    // FIONBIO, FIONREAD.
    for family in [Family::WorkerStart, Family::WorkerLoaded] {
        check(family, libc::SYS_ioctl, 1, &[0x5421, 0x541b], &refused);
    }
    for family in [Family::Init, Family::Supervisor] {
        check(family, libc::SYS_ioctl, 1, &[], &[0x5421, 0x541b]);
        check(family, libc::SYS_ioctl, 1, &[], &refused);
    }
}

#[test]
fn the_start_changes_only_itself() {
    let allowed = [
        libc::PR_SET_DUMPABLE,
        libc::PR_GET_DUMPABLE,
        libc::PR_SET_NAME,
        libc::PR_SET_NO_NEW_PRIVS,
        libc::PR_GET_NO_NEW_PRIVS,
        libc::PR_GET_SECCOMP,
    ];
    let refused = [
        // It is what ends the server with init.
        libc::PR_SET_PDEATHSIG,
        libc::PR_SET_PTRACER,
        libc::PR_SET_SECCOMP,
        libc::PR_SET_CHILD_SUBREAPER,
        libc::PR_SET_KEEPCAPS,
        libc::PR_CAP_AMBIENT,
        libc::PR_SET_SECUREBITS,
        libc::PR_SET_MM,
    ];
    check(
        Family::WorkerStart,
        libc::SYS_prctl,
        0,
        &wide(&allowed),
        &wide(&refused),
    );
    // Only its own limits: in a narrow cell another process of the user would be in reach.
    check(
        Family::WorkerStart,
        libc::SYS_prlimit64,
        0,
        &[0],
        &[1, 2, 1000, -1],
    );
    check(Family::WorkerLoaded, libc::SYS_prlimit64, 0, &[], &[0, 1]);
    #[cfg(target_arch = "x86_64")]
    check(
        Family::WorkerStart,
        libc::SYS_arch_prctl,
        0,
        &[0x1002, 0x3001],
        &[0x1001, 0x1003],
    );
}

/// A file that a server makes may belong to root on the host.
#[test]
fn nothing_is_made_with_a_set_id_bit() {
    let (plain, marked) = ([0, 0o644, 0o1777], [0o2000, 0o4755, 0o6755, 0o7777]);
    for family in [Family::WorkerStart, Family::WorkerLoaded] {
        check(family, libc::SYS_openat, 3, &plain, &marked);
        check(family, libc::SYS_mkdirat, 2, &plain, &marked);
        // Its mode lies in memory; the others change one, or make what is no file.
        for call in [
            libc::SYS_openat2,
            libc::SYS_fchmod,
            libc::SYS_fchmodat,
            libc::SYS_mknodat,
        ] {
            check(family, call, 0, &[], &[0, 1]);
        }
    }
}

#[test]
fn files_are_reached_only_where_some_are_granted() {
    let lists = |family, files| -> BTreeSet<String> { Profile::of(family, files).0 };
    let has = |family, files, name: &str| lists(family, files).contains(name);
    let rows: &[(&str, [bool; 3])] = &[
        // Without grants, with grants for reading, for writing.
        ("openat", [false, true, true]),
        ("openat2", [false, false, false]),
        ("getdents64", [false, true, true]),
        ("readlinkat", [false, true, true]),
        ("newfstatat", [false, true, true]),
        ("mkdirat", [false, false, true]),
        ("unlinkat", [false, false, true]),
        ("renameat2", [false, false, true]),
        ("linkat", [false, false, true]),
        ("symlinkat", [false, false, true]),
        ("utimensat", [false, false, true]),
        ("pwrite64", [false, false, true]),
    ];
    for (name, want) in rows {
        let got = FILES.map(|files| has(Family::WorkerLoaded, files, name));
        assert_eq!(got, *want, "{name}");
        for family in [Family::Init, Family::Supervisor] {
            assert_eq!(
                FILES.map(|files| has(family, files, name)),
                [false; 3],
                "{name}"
            );
        }
    }
    // The families beside the worker do not depend on what is granted to it.
    for family in [Family::Init, Family::Supervisor] {
        assert_eq!(
            lists(family, FileCalls::None),
            lists(family, FileCalls::Write)
        );
    }
}

#[test]
fn the_supervisors_calls_are_these() {
    let want: BTreeSet<&str> =
        "brk clock_gettime clock_nanosleep close exit exit_group fcntl fstat \
        futex getpid getrandom gettid madvise mmap mprotect mremap munmap poll ppoll read \
        recvfrom restart_syscall rt_sigaction rt_sigprocmask rt_sigreturn sendto sigaltstack \
        tgkill wait4 waitid write writev"
            .split_whitespace()
            .filter(|name| cfg!(target_arch = "x86_64") || *name != "poll")
            .collect();
    let got = Profile::of(Family::Supervisor, FileCalls::None).0;
    assert_eq!(
        got.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        want
    );
}

/// A program starts others and speaks with them; what it has of the calls above is this alone.
const A_PROGRAM_HAS: &[i64] = &[
    libc::SYS_socketpair,
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_pidfd_open,
    // With modes that are no set-id bits, below; and it owns nothing but what it makes.
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    // What it may watch is what it can name.
    libc::SYS_inotify_add_watch,
    // It has no terminal that a session could be the leader of.
    libc::SYS_setsid,
    libc::SYS_setpgid,
];

/// Asks a program's filter.
fn ask_program(links: Links, groups: &[SyscallGroup], number: i64, args: &[i32]) -> Answer {
    let groups = groups.iter().copied().collect();
    let program = Profile::of_program(links, &groups).compile().unwrap();
    let mut asked = Asked {
        architecture: OWN,
        number: u32::try_from(number).unwrap(),
        args: [0; 6],
    };
    for (place, arg) in asked.args.iter_mut().zip(args) {
        *place = u64::from(arg.unsigned_abs());
    }
    run(&program, &asked)
}

#[test]
fn a_program_has_no_way_around_its_cell() {
    for links in [Links::Denied, Links::Allowed] {
        for (opens, number) in NEVER.iter().filter(|(_, n)| !A_PROGRAM_HAS.contains(n)) {
            // Each group has tests of its own.
            let groups = [SyscallGroup::Subprocess];
            assert_eq!(
                ask_program(links, &groups, *number, &[]),
                UNKNOWN,
                "{opens}"
            );
        }
        let made = match links {
            Links::Allowed => Answer::Allow,
            Links::Denied => UNKNOWN,
        };
        assert_eq!(ask_program(links, &[], libc::SYS_symlinkat, &[]), made);
    }
}

#[test]
fn a_programs_arguments_are_narrowed() {
    let check = |number: i64, args: &[i32], want: Answer| {
        let groups = [SyscallGroup::Subprocess];
        let got = ask_program(Links::Allowed, &groups, number, args);
        assert_eq!(got, want, "{number} {args:?}");
    };
    check(libc::SYS_clone, &[libc::SIGCHLD], Answer::Allow);
    for namespace in [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWCGROUP,
        0x80,
    ] {
        check(libc::SYS_clone, &[namespace | libc::SIGCHLD], UNKNOWN);
    }
    for kind in [libc::SOCK_STREAM, libc::SOCK_SEQPACKET] {
        let pair = libc::SYS_socketpair;
        check(
            pair,
            &[libc::AF_UNIX, kind | libc::SOCK_CLOEXEC],
            Answer::Allow,
        );
        check(pair, &[libc::AF_INET, kind], UNKNOWN);
    }
    check(
        libc::SYS_socketpair,
        &[libc::AF_UNIX, libc::SOCK_DGRAM],
        UNKNOWN,
    );
    for number in [libc::SYS_fchmod, libc::SYS_fchmodat, libc::SYS_mkdirat] {
        let before = usize::from(number != libc::SYS_fchmod);
        let with = |mode| [vec![0; 1 + before], vec![mode]].concat();
        check(number, &with(0o755), Answer::Allow);
        check(number, &with(0o4755), UNKNOWN);
        check(number, &with(0o2755), UNKNOWN);
    }
    check(libc::SYS_fcntl, &[0, libc::F_SETLK], Answer::Allow);
    for command in [libc::F_SETLEASE, libc::F_NOTIFY, libc::F_SETOWN] {
        check(libc::SYS_fcntl, &[0, command], UNKNOWN);
    }
}

#[test]
fn groups_open_what_they_name_and_nothing_else() {
    let all = SyscallGroup::ALL.iter().copied().collect::<BTreeSet<_>>();
    let of = |groups: &BTreeSet<SyscallGroup>| Profile::of_program(Links::Allowed, groups).0;
    let (none, every) = (of(&BTreeSet::new()), of(&all));
    assert!(none.is_subset(&every));
    let mut opened = BTreeSet::new();
    for group in SyscallGroup::ALL {
        let more: BTreeSet<String> = of(&[*group].into()).difference(&none).cloned().collect();
        assert!(!more.is_empty(), "{group:?} opens nothing");
        assert!(
            more.is_disjoint(&opened),
            "{group:?} opens what another does"
        );
        opened.extend(more);
    }
    assert_eq!(
        every.difference(&none).cloned().collect::<BTreeSet<_>>(),
        opened
    );
}

#[track_caller]
fn check_program(groups: &[SyscallGroup], number: i64, args: &[i32], want: Answer) {
    let got = ask_program(Links::Allowed, groups, number, args);
    assert_eq!(got, want, "{groups:?} {number} {args:?}");
}

#[test]
fn what_a_program_has_written_it_does_not_run() {
    let (read, write, exec) = (libc::PROT_READ, libc::PROT_WRITE, libc::PROT_EXEC);
    let (private, nameless) = (libc::MAP_PRIVATE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // Libraries are loaded; memory that was written is not run, by whatever way it came to be.
    check_program(
        &[],
        libc::SYS_mmap,
        &[0, 0, read | write, nameless],
        Answer::Allow,
    );
    check_program(
        &[],
        libc::SYS_mmap,
        &[0, 0, read | exec, private],
        Answer::Allow,
    );
    check_program(&[], libc::SYS_mmap, &[0, 0, read | exec, nameless], UNKNOWN);
    check_program(
        &[],
        libc::SYS_mmap,
        &[0, 0, read | write | exec, private],
        UNKNOWN,
    );
    check_program(&[], libc::SYS_mprotect, &[0, 0, read | exec], UNKNOWN);
    check_program(
        &[],
        libc::SYS_mprotect,
        &[0, 0, read | write],
        Answer::Allow,
    );
    check_program(&[], libc::SYS_memfd_create, &[], UNKNOWN);
    let jit = [SyscallGroup::Jit];
    check_program(
        &jit,
        libc::SYS_mmap,
        &[0, 0, read | write | exec, nameless],
        Answer::Allow,
    );
    check_program(
        &jit,
        libc::SYS_mprotect,
        &[0, 0, read | exec],
        Answer::Allow,
    );
    check_program(&jit, libc::SYS_memfd_create, &[], Answer::Allow);
}

#[test]
fn a_program_without_the_group_starts_no_other() {
    let thread = libc::CLONE_THREAD | libc::CLONE_VM | libc::CLONE_SIGHAND;
    check_program(&[], libc::SYS_clone, &[thread], Answer::Allow);
    check_program(&[], libc::SYS_clone, &[libc::SIGCHLD], UNKNOWN);
    check_program(
        &[],
        libc::SYS_clone,
        &[libc::CLONE_VFORK | libc::CLONE_VM],
        UNKNOWN,
    );
    check_program(
        &[SyscallGroup::Subprocess],
        libc::SYS_clone,
        &[libc::SIGCHLD],
        Answer::Allow,
    );
}

/// Asks the filter of a worker that has a network.
#[track_caller]
fn check_connections(number: i64, args: &[i32], want: Answer) {
    for family in [Family::WorkerStart, Family::WorkerLoaded] {
        let profile = Profile::of(family, FileCalls::Write).with_connections();
        let mut asked = Asked {
            architecture: OWN,
            number: u32::try_from(number).unwrap(),
            args: [0; 6],
        };
        for (place, arg) in asked.args.iter_mut().zip(args) {
            *place = u64::from(arg.cast_unsigned());
        }
        let got = run(&profile.compile().unwrap(), &asked);
        assert_eq!(got, want, "{family:?} {number} {args:?}");
    }
}

#[test]
fn a_worker_with_a_network_connects_and_does_no_more() {
    let (stream, datagram) = (libc::SOCK_STREAM, libc::SOCK_DGRAM);
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    for family in [libc::AF_INET, libc::AF_INET6] {
        let ask = |kind: i32, protocol, want| {
            check_connections(libc::SYS_socket, &[family, kind | flags, protocol], want);
        };
        for protocol in [0, libc::IPPROTO_TCP] {
            ask(stream, protocol, Answer::Allow);
        }
        for protocol in [0, libc::IPPROTO_UDP] {
            ask(datagram, protocol, Answer::Allow);
        }
        ask(stream, libc::IPPROTO_MPTCP, UNKNOWN);
        ask(datagram, libc::IPPROTO_ICMP, UNKNOWN);
        ask(libc::SOCK_RAW, 0, UNKNOWN);
    }
    for family in [
        libc::AF_UNIX,
        libc::AF_NETLINK,
        libc::AF_PACKET,
        libc::AF_VSOCK,
    ] {
        for kind in [stream, datagram, libc::SOCK_RAW] {
            check_connections(libc::SYS_socket, &[family, kind, 0], UNKNOWN);
        }
    }
    for number in [libc::SYS_connect, libc::SYS_sendto, libc::SYS_recvfrom] {
        check_connections(number, &[], Answer::Allow);
    }
    let set =
        |level, option, want| check_connections(libc::SYS_setsockopt, &[3, level, option], want);
    set(libc::IPPROTO_TCP, libc::TCP_NODELAY, Answer::Allow);
    set(libc::SOL_SOCKET, libc::SO_KEEPALIVE, Answer::Allow);
    set(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, UNKNOWN);
    set(libc::IPPROTO_TCP, libc::TCP_ULP, UNKNOWN);
    set(libc::IPPROTO_IP, libc::TCP_NODELAY, UNKNOWN);
    let has = [libc::SYS_socket, libc::SYS_connect];
    for (_, number) in NEVER.iter().filter(|(_, number)| !has.contains(number)) {
        check_connections(*number, &[], UNKNOWN);
    }
}
