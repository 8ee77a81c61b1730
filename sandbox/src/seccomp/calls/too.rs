//! What some families need of the calls that stand as others'.

/// What programs need of init's calls: they start processes as it does.
pub(super) const INIT_TOO: &[&str] = &["wait4", "kill"];

/// What supervisor and carrier both need of the others' calls: they read, write, wait and take
/// memory.
pub(super) const OUTSIDE_TOO: &[&str] = &[
    "read",
    "write",
    "writev",
    "close",
    "ppoll",
    "poll",
    "exit",
    "exit_group",
    "rt_sigreturn",
    "rt_sigprocmask",
    "rt_sigaction",
    "sigaltstack",
    "restart_syscall",
    "gettid",
    "getpid",
    "tgkill",
    "brk",
    "mmap",
    "mprotect",
    "munmap",
    "mremap",
    "madvise",
    "futex",
    "getrandom",
    "clock_gettime",
    "clock_nanosleep",
    "fcntl",
    "fstat",
];

/// What the supervisor needs beside while a session runs. It opens nothing, starts nothing and
/// makes nothing executable.
pub(super) const SUPERVISOR_TOO: &[&str] = &["wait4"];

/// What the carrier needs beside: sockets, threads that wait for the host's resolver, and the files
/// which that one reads.
pub(super) const CARRIER_TOO: &[&str] = &[
    "readv",
    "set_robust_list",
    "rseq",
    "clone",
    "sched_yield",
    "sched_getaffinity",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_wait",
    "eventfd2",
    "ioctl",
    "dup",
    "openat",
    "open",
    "newfstatat",
    "stat",
    "lstat",
    "access",
    "faccessat",
    "faccessat2",
    "lseek",
    "pread64",
    "getdents64",
    "readlink",
    "readlinkat",
    "uname",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "prlimit64",
    "gettimeofday",
    "time",
    "splice",
    "pipe2",
];
