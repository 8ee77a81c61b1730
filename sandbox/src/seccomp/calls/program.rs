//! What a program needs beyond what brig's own programs do: processes, signals, files by older
//! calls, and whatever a runtime asks about itself.

use super::Narrowing::{Any, ConnectedPair, NoSetIdMode, SocketOption, TcpOrUdp};
use super::{Call, Need};

/// What WASI lets a guest set (wasi:sockets/tcp), and brig itself. Others load programs and
/// protocols into the kernel: SO_ATTACH_FILTER, TCP_ULP.
const OF_WORKER: &[(i32, i32)] = &[
    (libc::SOL_SOCKET, libc::SO_KEEPALIVE),
    (libc::SOL_SOCKET, libc::SO_RCVBUF),
    (libc::SOL_SOCKET, libc::SO_SNDBUF),
    (libc::IPPROTO_TCP, libc::TCP_NODELAY),
    (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE),
    (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL),
    (libc::IPPROTO_TCP, libc::TCP_KEEPCNT),
    (libc::IPPROTO_IP, libc::IP_TTL),
    (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS),
    (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY),
];

pub(super) const CALLS: &[Call] = calls! {
    #[cfg(target_arch = "x86_64")]
    alarm Program Any, "timers of a process";
    capget Program Any, "reading its own, empty, capabilities";
    chdir Program Any, "its working folder";
    #[cfg(target_arch = "x86_64")]
    chmod Program NoSetIdMode(1), "modes of what it made";
    fchmod Program NoSetIdMode(1), "modes of what it made";
    fchmodat Program NoSetIdMode(2), "modes of what it made";
    #[cfg(target_arch = "x86_64")]
    chown Program Any, "owners, which are its own";
    fchown Program Any, "owners, which are its own";
    #[cfg(target_arch = "x86_64")]
    lchown Program Any, "owners, which are its own";
    fchownat Program Any, "owners, which are its own";
    copy_file_range Program Any, "copying within the kernel";
    #[cfg(target_arch = "x86_64")]
    creat Program NoSetIdMode(1), "making files";
    dup Program Any, "descriptors";
    #[cfg(target_arch = "x86_64")]
    dup2 Program Any, "descriptors";
    #[cfg(target_arch = "x86_64")]
    epoll_create Program Any, "waiting for many streams";
    epoll_pwait2 Program Any, "waiting for many streams";
    #[cfg(target_arch = "x86_64")]
    eventfd Program Any, "waking threads";
    fchdir Program Any, "its working folder";
    fgetxattr Program Any, "attributes of files";
    flistxattr Program Any, "attributes of files";
    flock Program Any, "locks on files";
    #[cfg(target_arch = "x86_64")]
    fork Subprocess Any, "starting programs";
    futex_waitv Program Any, "locks";
    getcpu Program Any, "which processor it runs on";
    #[cfg(target_arch = "x86_64")]
    getdents Program Any, "listing folders";
    getgroups Program Any, "its groups, of which it has none of the host";
    getitimer Program Any, "timers of a process";
    getpgid Program Any, "process groups";
    #[cfg(target_arch = "x86_64")]
    getpgrp Program Any, "process groups";
    getppid Program Any, "who started it";
    getpriority Program Any, "its own priority";
    getresgid Program Any, "its own ids";
    getresuid Program Any, "its own ids";
    getrlimit Program Any, "its own limits";
    getrusage Program Any, "what it used";
    getsid Program Any, "its session";
    gettimeofday Program Any, "the time";
    getxattr Program Any, "attributes of files";
    inotify_add_watch Program Any, "watching files";
    #[cfg(target_arch = "x86_64")]
    inotify_init Program Any, "watching files";
    inotify_init1 Program Any, "watching files";
    inotify_rm_watch Program Any, "watching files";
    lgetxattr Program Any, "attributes of files";
    #[cfg(target_arch = "x86_64")]
    link Program Any, "hard links within a grant";
    listxattr Program Any, "attributes of files";
    llistxattr Program Any, "attributes of files";
    #[cfg(target_arch = "x86_64")]
    lstat Program Any, "files";
    mincore Program Any, "which pages are in memory";
    #[cfg(target_arch = "x86_64")]
    mkdir Program NoSetIdMode(1), "making folders";
    mlock Program Any, "keeping keys out of swap, within its limit";
    munlock Program Any, "the same";
    mlock2 Program Any, "the same";
    msync Program Any, "writing a mapping back";
    nanosleep Program Any, "waiting";
    #[cfg(target_arch = "x86_64")]
    open Program NoSetIdMode(2), "files";
    #[cfg(target_arch = "x86_64")]
    pause Program Any, "waiting";
    pidfd_open Program Any, "waiting for its own children";
    pidfd_send_signal Program Any, "signals to its own children";
    #[cfg(target_arch = "x86_64")]
    pipe Program Any, "pipes";
    preadv2 Program Any, "reading at a position";
    pselect6 Program Any, "waiting";
    readahead Program Any, "reading ahead";
    recvmsg ProgramAndSockets Any, "a connected pair";
    #[cfg(target_arch = "x86_64")]
    rename Program Any, "renaming";
    #[cfg(target_arch = "x86_64")]
    rmdir Program Any, "removing folders";
    rt_sigpending Program Any, "signals";
    rt_sigqueueinfo Program Any, "signals to its own";
    rt_sigsuspend Program Any, "signals";
    rt_sigtimedwait Program Any, "signals";
    rt_tgsigqueueinfo Program Any, "signals to its own";
    sched_get_priority_max Program Any, "what priorities there are";
    sched_get_priority_min Program Any, "what priorities there are";
    sched_getparam Program Any, "its own scheduling";
    sched_getscheduler Program Any, "its own scheduling";
    sched_rr_get_interval Program Any, "its own scheduling";
    #[cfg(target_arch = "x86_64")]
    select Program Any, "waiting";
    sendfile Program Any, "copying within the kernel";
    sendmsg ProgramAndSockets Any, "a connected pair";
    setitimer Program Any, "timers of a process";
    setpgid Subprocess Any, "process groups";
    setrlimit Program Any, "lower limits of its own";
    setsid Program Any, "sessions of its own";
    shutdown ProgramAndSockets Any, "a connected pair";
    getsockopt ProgramAndSockets Any, "a connected pair";
    setsockopt ProgramAndSockets SocketOption(OF_WORKER), "a connected pair";
    getsockname ProgramAndSockets Any, "a connected pair";
    getpeername ProgramAndSockets Any, "a connected pair";
    #[cfg(target_arch = "x86_64")]
    signalfd Program Any, "signals as a stream";
    signalfd4 Program Any, "signals as a stream";
    socketpair Program ConnectedPair, "streams between its own processes";
    splice Program Any, "copying within the kernel";
    #[cfg(target_arch = "x86_64")]
    stat Program Any, "files";
    statfs Program Any, "what kind of file system";
    #[cfg(target_arch = "x86_64")]
    symlink Program Any, "links where Landlock lets them be made";
    sync_file_range Program Any, "writing back";
    sysinfo Program Any, "how much memory there is";
    tee Program Any, "copying within the kernel";
    #[cfg(target_arch = "x86_64")]
    time Program Any, "the time";
    timer_create Program Any, "timers";
    timer_delete Program Any, "timers";
    timer_getoverrun Program Any, "timers";
    timer_gettime Program Any, "timers";
    timer_settime Program Any, "timers";
    timerfd_gettime Program Any, "timers";
    times Program Any, "what it used";
    truncate Program Any, "files";
    umask Program Any, "modes of what it will make";
    #[cfg(target_arch = "x86_64")]
    unlink Program Any, "removing files";
    #[cfg(target_arch = "x86_64")]
    utime Program Any, "setting times";
    #[cfg(target_arch = "x86_64")]
    utimes Program Any, "setting times";
    #[cfg(target_arch = "x86_64")]
    futimesat Program Any, "setting times";
    #[cfg(target_arch = "x86_64")]
    vfork Subprocess Any, "starting programs";
    socket Sockets TcpOrUdp, "TCP to what is granted, and questions to the cell's name server";
    connect Sockets Any, "the same";
    bind Sockets Any, "libraries that ask name servers bind what they ask from";
    accept4 Carrier Any, "connections that come out of a cell";
    sendmmsg Sockets Any, "both questions of a name at once";
    recvmmsg Sockets Any, "their answers";
    close_range Program Any, "descriptors at an exec";
    tkill Program Any, "signals to its own threads";
    landlock_create_ruleset Program Any, "a sandbox of its own";
    landlock_add_rule Program Any, "a sandbox of its own";
    landlock_restrict_self Program Any, "a sandbox of its own";
    pkey_alloc Jit Any, "keys that guard code while it is written";
    pkey_free Jit Any, "the same";
    pkey_mprotect Jit Any, "memory that is written, then run";
    io_uring_setup IoUring Any, "rings of calls";
    io_uring_enter IoUring Any, "the same";
    io_uring_register IoUring Any, "the same";
    get_mempolicy Numa Any, "where memory lies";
    set_mempolicy Numa Any, "the same";
    mbind Numa Any, "the same";
    ptrace PtraceSelf Any, "looking into the processes that it started";
    process_vm_readv PtraceSelf Any, "the same";
    process_vm_writev PtraceSelf Any, "the same";
};
