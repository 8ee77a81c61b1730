//! Calls, constants and errors by Linux's own names.

/// A system call's number.
pub(super) fn call(name: &str) -> Option<i64> {
    find(CALLS, name)
}

/// A constant that an argument may be.
pub(super) fn constant(name: &str) -> Option<i64> {
    find(CONSTANTS, name)
}

/// The number of an error.
pub(super) fn error_number(name: &str) -> Option<i32> {
    find(ERRORS, name).and_then(|number| i32::try_from(number).ok())
}

/// An error's name, or its number where it has none here.
pub(super) fn error(number: i32) -> String {
    let named = ERRORS.iter().find(|(_, of)| *of == i64::from(number));
    named.map_or_else(|| format!("error {number}"), |(name, _)| (*name).to_owned())
}

/// Names with their values, in no order.
type Names = &'static [(&'static str, i64)];

fn find(names: Names, wanted: &str) -> Option<i64> {
    let found = names.iter().find(|(name, _)| *name == wanted);
    found.map(|(_, value)| *value)
}

macro_rules! names {
    ($($name:ident,)*) => {
        &[$((stringify!($name), libc::$name as i64)),*]
    };
}

macro_rules! calls {
    ($($name:ident = $number:ident,)*) => {
        &[$((stringify!($name), libc::$number)),*]
    };
}

#[rustfmt::skip]
const CALLS: Names = calls! {
    openat = SYS_openat, read = SYS_read, pread64 = SYS_pread64, write = SYS_write,
    pwrite64 = SYS_pwrite64, close = SYS_close, getdents64 = SYS_getdents64,
    readlinkat = SYS_readlinkat, linkat = SYS_linkat, symlinkat = SYS_symlinkat,
    renameat2 = SYS_renameat2, unlinkat = SYS_unlinkat, mkdirat = SYS_mkdirat,
    mknodat = SYS_mknodat, fchmodat = SYS_fchmodat, fchownat = SYS_fchownat,
    utimensat = SYS_utimensat, statx = SYS_statx, newfstatat = SYS_newfstatat,
    name_to_handle_at = SYS_name_to_handle_at, open_by_handle_at = SYS_open_by_handle_at,
    openat2 = SYS_openat2, mount = SYS_mount, umount2 = SYS_umount2,
    pivot_root = SYS_pivot_root, fsopen = SYS_fsopen, open_tree = SYS_open_tree,
    mount_setattr = SYS_mount_setattr, chroot = SYS_chroot, chdir = SYS_chdir,
    unshare = SYS_unshare, setns = SYS_setns, clone = SYS_clone, clone3 = SYS_clone3,
    ptrace = SYS_ptrace, process_vm_readv = SYS_process_vm_readv,
    process_vm_writev = SYS_process_vm_writev, pidfd_open = SYS_pidfd_open,
    pidfd_getfd = SYS_pidfd_getfd, pidfd_send_signal = SYS_pidfd_send_signal, kill = SYS_kill,
    tkill = SYS_tkill, tgkill = SYS_tgkill, rt_sigqueueinfo = SYS_rt_sigqueueinfo,
    setuid = SYS_setuid, setgid = SYS_setgid, setgroups = SYS_setgroups,
    setresuid = SYS_setresuid, capset = SYS_capset, prctl = SYS_prctl, keyctl = SYS_keyctl,
    add_key = SYS_add_key, request_key = SYS_request_key, bpf = SYS_bpf,
    perf_event_open = SYS_perf_event_open, userfaultfd = SYS_userfaultfd,
    io_uring_setup = SYS_io_uring_setup, fanotify_init = SYS_fanotify_init,
    inotify_init1 = SYS_inotify_init1, reboot = SYS_reboot, swapon = SYS_swapon,
    settimeofday = SYS_settimeofday, clock_settime = SYS_clock_settime,
    sethostname = SYS_sethostname, quotactl = SYS_quotactl, acct = SYS_acct,
    syslog = SYS_syslog, socket = SYS_socket, socketpair = SYS_socketpair,
    connect = SYS_connect, bind = SYS_bind, sendto = SYS_sendto, listen = SYS_listen,
    shmget = SYS_shmget, shmctl = SYS_shmctl, msgget = SYS_msgget, msgctl = SYS_msgctl,
    semget = SYS_semget, semctl = SYS_semctl, mq_open = SYS_mq_open, mq_unlink = SYS_mq_unlink,
    mmap = SYS_mmap, mprotect = SYS_mprotect, munmap = SYS_munmap, mremap = SYS_mremap,
    madvise = SYS_madvise, memfd_create = SYS_memfd_create, execve = SYS_execve,
    execveat = SYS_execveat, fcntl = SYS_fcntl, ioctl = SYS_ioctl, ftruncate = SYS_ftruncate,
    fallocate = SYS_fallocate, personality = SYS_personality, setpriority = SYS_setpriority,
    sched_setscheduler = SYS_sched_setscheduler, sched_setaffinity = SYS_sched_setaffinity,
    ioprio_set = SYS_ioprio_set, prlimit64 = SYS_prlimit64, pipe2 = SYS_pipe2, dup3 = SYS_dup3,
    getpid = SYS_getpid, gettid = SYS_gettid, setsid = SYS_setsid, seccomp = SYS_seccomp,
    mlock = SYS_mlock, setxattr = SYS_setxattr, sendfile = SYS_sendfile,
    clock_nanosleep = SYS_clock_nanosleep, timerfd_create = SYS_timerfd_create,
    epoll_create1 = SYS_epoll_create1, eventfd2 = SYS_eventfd2,
};

#[expect(clippy::cast_possible_wrap, reason = "some constants of C have no sign")]
#[rustfmt::skip]
const CONSTANTS: Names = names! {
    AT_FDCWD, AT_EMPTY_PATH, AT_SYMLINK_FOLLOW, O_RDONLY, O_WRONLY, O_RDWR, O_CREAT,
    O_DIRECTORY, O_APPEND, O_TRUNC, O_PATH, O_NOFOLLOW, MS_REC, MS_PRIVATE, MNT_DETACH,
    OPEN_TREE_CLONE, MOUNT_ATTR_RDONLY, CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET,
    CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWCGROUP, SIGCHLD, SIGKILL, SIGURG, SIGABRT, SIGTERM,
    PTRACE_ATTACH, PTRACE_SEIZE, PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_SET_SECUREBITS,
    PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER,
    PR_SET_PTRACER, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK, SOCK_STREAM,
    SOCK_DGRAM, SOCK_RAW, IPC_PRIVATE, IPC_CREAT, IPC_RMID, PROT_READ, PROT_WRITE, PROT_EXEC,
    MAP_PRIVATE, MAP_SHARED, MAP_ANONYMOUS, MAP_POPULATE, F_GETFD, F_SETLEASE, F_NOTIFY,
    F_SETOWN, F_SETLK, F_RDLCK, S_IFBLK, S_IFCHR, S_IFIFO, PRIO_PROCESS, SCHED_FIFO,
    SCHED_RR, RLIMIT_CORE, RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_DATA, CLOCK_MONOTONIC,
    CLOCK_REALTIME,
};

#[rustfmt::skip]
const ERRORS: Names = names! {
    EPERM, ENOENT, ESRCH, EINTR, EIO, ENXIO, E2BIG, ENOEXEC, EBADF, ECHILD, EAGAIN, ENOMEM,
    EACCES, EFAULT, EBUSY, EEXIST, EXDEV, ENODEV, ENOTDIR, EISDIR, EINVAL, ENFILE, EMFILE,
    ENOTTY, ETXTBSY, EFBIG, ENOSPC, ESPIPE, EROFS, EMLINK, EPIPE, EDOM, ERANGE, EDEADLK,
    ENAMETOOLONG, ENOLCK, ENOSYS, ENOTEMPTY, ELOOP, ENODATA, ENONET, EOVERFLOW, EUSERS,
    ENOTSOCK, EDESTADDRREQ, EMSGSIZE, EPROTOTYPE, ENOPROTOOPT, EPROTONOSUPPORT, ESOCKTNOSUPPORT,
    EOPNOTSUPP, EAFNOSUPPORT, EADDRINUSE, EADDRNOTAVAIL, ENETDOWN, ENETUNREACH, ECONNREFUSED,
    EISCONN, ENOTCONN, ETIMEDOUT, ENOKEY, EDQUOT,
};
