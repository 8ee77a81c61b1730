//! The calls that any profile may name: number, who needs it, narrowing of arguments, and why.
//!
//! `openat2` is not among them: its mode lies behind a pointer, where no filter can look. wasmtime
//! walks a path step by step without it.

mod numbers;
mod too;
use super::{Family, FileCalls};
use brig_policies::SyscallGroup;
use too::{CARRIER_TOO, INIT_TOO, OUTSIDE_TOO, SUPERVISOR_TOO};

/// One system call.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Linux's name.
    pub name: &'static str,
    /// Its number on this architecture.
    pub number: i64,
    /// Why any family needs it.
    pub reason: &'static str,
    /// Which of its arguments are allowed.
    pub narrowing: Narrowing,
    need: Need,
}

/// Which arguments of a call are allowed.
#[derive(Clone, Copy, Debug)]
pub enum Narrowing {
    /// All.
    Any,
    /// The third argument without `PROT_EXEC`, once the program may no longer exec, and for a
    /// program that has no `jit`: but that one loads libraries.
    NoExecutableMappingOnceLoaded(Code),
    /// `clone` that makes a thread and no namespace. Another process would escape the worker's
    /// own bounds.
    ThreadsOnly,
    /// A mode, in this argument, without the set-user-id and set-group-id bits: a file that a
    /// server makes may belong to somebody who matters on the host.
    NoSetIdMode(u8),
    /// The first argument is one of these, or for a program or carrier one of the second list.
    FirstArgument(&'static [i32], &'static [i32]),
    /// The second argument is one of these, or for a program or carrier one of the second list.
    SecondArgument(&'static [i32], &'static [i32]),
    /// A pair of connected AF_UNIX sockets, of streams or of packets in order.
    ConnectedPair,
    /// A socket of TCP or UDP, over IPv4 or IPv6.
    TcpOrUdp,
    /// For a worker, the second and third arguments are one of these pairs.
    SocketOption(&'static [(i32, i32)]),
}

/// Which code a program without `jit` may still map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// None.
    None,
    /// That of files, as long as the mapping cannot be written.
    OfFiles,
}

/// Who needs a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// init, the worker's start and the running worker.
    All,
    /// init alone.
    Init,
    /// The supervisor alone.
    Supervisor,
    /// The supervisor, and whoever has a network.
    SupervisorAndSockets,
    /// Programs, and a worker that has a network.
    ProgramAndSockets,
    /// Whoever has a network.
    Sockets,
    /// The carrier alone.
    Carrier,
    /// The worker, from start to end.
    Worker,
    /// The worker until its code is loaded.
    Start,
    /// The worker's start, and afterwards where directories are granted.
    StartOrFiles,
    /// The worker where directories are granted.
    Files,
    /// The worker where a directory is granted for writing.
    Writes,
    /// Programs alone.
    Program,
    /// Programs with `jit`.
    Jit,
    /// Programs with `io-uring`.
    IoUring,
    /// Programs with `numa`.
    Numa,
    /// Programs with `subprocess`.
    Subprocess,
    /// Programs with `ptrace-self`.
    PtraceSelf,
}

impl Need {
    /// The group of which a call is one.
    const fn group(self) -> Option<SyscallGroup> {
        match self {
            Self::Jit => Some(SyscallGroup::Jit),
            Self::IoUring => Some(SyscallGroup::IoUring),
            Self::Numa => Some(SyscallGroup::Numa),
            Self::Subprocess => Some(SyscallGroup::Subprocess),
            Self::PtraceSelf => Some(SyscallGroup::PtraceSelf),
            Self::All
            | Self::Init
            | Self::Supervisor
            | Self::SupervisorAndSockets
            | Self::ProgramAndSockets
            | Self::Sockets
            | Self::Carrier
            | Self::Worker
            | Self::Start
            | Self::StartOrFiles
            | Self::Files
            | Self::Writes
            | Self::Program => None,
        }
    }
}

impl Call {
    /// The group that has it, where it is not every program's.
    pub(crate) fn group(&self) -> Option<SyscallGroup> {
        self.need.group()
    }

    /// Whether whoever has a network needs it.
    pub(super) fn is_of_sockets(&self) -> bool {
        matches!(
            self.need,
            Need::Sockets | Need::SupervisorAndSockets | Need::ProgramAndSockets
        )
    }

    fn is_among(&self, lists: &[&[&str]]) -> bool {
        lists.iter().any(|list| list.contains(&self.name))
    }

    pub(super) fn serves(&self, family: Family, files: FileCalls) -> bool {
        if self.need.group().is_some() {
            return false;
        }
        if family == Family::Carrier {
            let too = self.is_of_sockets() || self.need == Need::Carrier;
            return too || self.is_among(&[OUTSIDE_TOO, CARRIER_TOO]);
        }
        match (self.need, family) {
            (Need::Sockets | Need::Carrier, _) | (_, Family::Carrier) => false,
            (Need::Supervisor | Need::SupervisorAndSockets, _) => {
                matches!(family, Family::Supervisor | Family::Program)
            }
            (_, Family::Program) => self.need != Need::Init || INIT_TOO.contains(&self.name),
            (_, Family::Supervisor) => self.is_among(&[OUTSIDE_TOO, SUPERVISOR_TOO]),
            (Need::All, _)
            | (Need::Init, Family::Init)
            | (Need::Worker, Family::WorkerStart | Family::WorkerLoaded)
            | (Need::Start | Need::StartOrFiles, Family::WorkerStart) => true,
            (Need::StartOrFiles | Need::Files, Family::WorkerLoaded)
            | (Need::Files, Family::WorkerStart) => files >= FileCalls::Read,
            (Need::Writes, Family::WorkerStart | Family::WorkerLoaded) => files == FileCalls::Write,
            (
                Need::Worker | Need::Start | Need::StartOrFiles | Need::Files | Need::Writes,
                Family::Init,
            )
            | (Need::Init, Family::WorkerStart | Family::WorkerLoaded)
            | (Need::Start, Family::WorkerLoaded)
            | (
                Need::Program
                | Need::ProgramAndSockets
                | Need::Jit
                | Need::IoUring
                | Need::Numa
                | Need::Subprocess
                | Need::PtraceSelf,
                _,
            ) => false,
        }
    }
}

/// All calls.
pub fn calls() -> impl Iterator<Item = &'static Call> {
    CALLS.iter().chain(program::CALLS)
}

/// Rows of the table: name, who needs it, which arguments, why.
macro_rules! calls {
    ($($(#[$cfg:meta])* $name:ident $need:ident $narrowing:expr, $reason:literal;)*) => {
        &[$($(#[$cfg])* Call {
            name: stringify!($name),
            number: calls!(@number $name),
            reason: $reason,
            narrowing: $narrowing,
            need: Need::$need,
        }),*]
    };
    (@number $name:ident) => { $crate::seccomp::calls::numbers::$name };
}

mod program;

use Narrowing::{
    Any, FirstArgument, NoExecutableMappingOnceLoaded, NoSetIdMode, SecondArgument, ThreadsOnly,
};

const CALLS: &[Call] = calls! {
    read All Any, "the streams, and init's channel";
    write All Any, "the streams, and init's channel";
    close All Any, "descriptors that are done with";
    exit All Any, "the end of a thread";
    exit_group All Any, "the end of a program";
    rt_sigreturn All Any, "the kernel's way back from a signal handler";
    rt_sigprocmask All Any, "threads start with signals blocked";
    restart_syscall All Any, "the kernel's way to go on after a stop";
    ppoll All Any, "waiting for a stream";
    waitid Supervisor Any, "learning that the warden has cleaned up";
    sendto SupervisorAndSockets Any, "the warden's channel, and a client on a socket";
    recvfrom SupervisorAndSockets Any, "the warden's channel";
    wait4 Init Any, "reaping what has ended";
    kill Init Any, "passing SIGTERM on to the server";
    gettid Worker Any, "thread names in panics, and locks";
    getpid Worker Any, "the C library's abort and random seeds";
    tgkill Worker Any, "abort, so that a bug ends the worker with its own signal";
    brk Worker Any, "the C library's heap";
    mmap Worker NoExecutableMappingOnceLoaded(Code::OfFiles), "memory, linear memories and code";
    mprotect Worker NoExecutableMappingOnceLoaded(Code::None),
        "growing a linear memory, guard pages";
    munmap Worker Any, "giving memory back";
    mremap Worker Any, "growing large allocations in place";
    madvise Worker Any, "giving pages back, and resetting linear memories";
    memfd_create Worker Any, "copy-on-write images of linear memories";
    ftruncate Worker Any, "copy-on-write images of linear memories, and files";
    futex Worker Any, "locks";
    set_robust_list Worker Any, "thread start";
    rseq Worker Any, "thread start";
    sigaltstack Worker Any, "stack overflow is caught on a stack of its own";
    rt_sigaction Worker Any, "wasm traps arrive as signals";
    clone Worker ThreadsOnly, "the thread that ends time slices";
    sched_yield Worker Any, "locks";
    sched_getaffinity Worker Any, "how many processors there are";
    getrandom Worker Any, "wasi:random, and hash seeds";
    clock_gettime Worker Any, "wasi:clocks where there is no vDSO";
    clock_getres Worker Any, "wasi:clocks";
    clock_nanosleep Worker Any, "the thread that ends time slices";
    epoll_create1 Worker Any, "waiting for many streams";
    epoll_ctl Worker Any, "waiting for many streams";
    epoll_pwait Worker Any, "waiting for many streams";
    eventfd2 Worker Any, "waking the waiting thread";
    timerfd_create Worker Any, "wasi:clocks timers";
    timerfd_settime Worker Any, "wasi:clocks timers";
    readv Worker Any, "the streams";
    writev Worker Any, "the streams";
    fcntl Worker SecondArgument(&[
        libc::F_GETFL, libc::F_SETFL, libc::F_GETFD, libc::F_SETFD, libc::F_DUPFD_CLOEXEC,
        libc::F_ADD_SEALS,
    ], &[
        libc::F_DUPFD, libc::F_GETLK, libc::F_SETLK, libc::F_SETLKW, libc::F_OFD_GETLK,
        libc::F_OFD_SETLK, libc::F_OFD_SETLKW, libc::F_GET_SEALS, libc::F_GETPIPE_SZ,
        libc::F_SETPIPE_SZ, libc::F_GETOWN,
    ]), "non-blocking streams, sealed images, a program's locks; leases and notices stay out";
    ioctl Worker SecondArgument(&[FIONBIO, FIONREAD], &[FIOCLEX, FIONCLEX, TCGETS, TIOCGWINSZ]),
        "non-blocking streams; a program asks whether a stream is a terminal";
    fstat Worker Any, "what a stream is";
    lseek Worker Any, "files, and the loader";
    pread64 Worker Any, "files, and the loader";
    statx Worker Any, "files, and what a stream is";
    prctl Start FirstArgument(&[
        libc::PR_SET_DUMPABLE, libc::PR_GET_DUMPABLE, libc::PR_SET_NAME,
        libc::PR_SET_NO_NEW_PRIVS, libc::PR_GET_NO_NEW_PRIVS, libc::PR_GET_SECCOMP,
        PR_SET_VMA,
    ], &[
        libc::PR_GET_NAME, libc::PR_SET_PDEATHSIG, libc::PR_GET_PDEATHSIG, libc::PR_CAPBSET_READ,
        libc::PR_SET_CHILD_SUBREAPER, libc::PR_GET_CHILD_SUBREAPER, libc::PR_SET_TIMERSLACK,
        libc::PR_GET_TIMERSLACK, libc::PR_SET_THP_DISABLE, libc::PR_GET_THP_DISABLE,
        libc::PR_GET_KEEPCAPS, libc::PR_GET_SECUREBITS,
    ]), "walls that the worker sets on itself, thread names";
    seccomp Start Any, "the worker's second filter, which ends this";
    execve Start Any, "init becomes the worker";
    prlimit64 Start FirstArgument(&[0], &[]),
        "the C library reads the stack's limit; the cell's are hard, and nobody else's are its own";
    set_tid_address Start Any, "program start";
    uname Start Any, "the loader";
    getuid Start Any, "the loader";
    geteuid Start Any, "the loader";
    getgid Start Any, "the loader";
    getegid Start Any, "the loader";
    faccessat Start Any, "the loader looks for a preload file";
    membarrier Worker Any, "code publication on weakly ordered processors";
    pipe2 Worker Any, "waking the waiting thread";
    dup3 Worker Any, "descriptors of streams";
    openat StartOrFiles NoSetIdMode(3), "the loader, and granted directories";
    newfstatat StartOrFiles Any, "the loader, and granted directories";
    readlinkat StartOrFiles Any, "resolving paths beneath a granted directory";
    getcwd StartOrFiles Any, "the C library's realpath";
    faccessat2 Files Any, "walking a path step by step";
    getdents64 Files Any, "listing a granted directory";
    fstatfs StartOrFiles Any, "where code and a grant lie: their kind of file system";
    fadvise64 Files Any, "wasi:filesystem advise";
    preadv Files Any, "reading at a position";
    fsync Files Any, "wasi:filesystem sync";
    fdatasync Files Any, "wasi:filesystem sync-data";
    pwrite64 Writes Any, "writing at a position";
    pwritev Writes Any, "writing at a position";
    pwritev2 Writes Any, "writing at the end of a file";
    mkdirat Writes NoSetIdMode(2), "making directories";
    unlinkat Writes Any, "removing files and directories";
    renameat Writes Any, "renaming";
    renameat2 Writes Any, "renaming";
    linkat Writes Any, "hard links within a grant";
    symlinkat Writes Any, "symbolic links, where the grant and Landlock let them be made";
    utimensat Writes Any, "setting times";
    fallocate Writes Any, "reserving space";
    #[cfg(target_arch = "x86_64")]
    arch_prctl Start FirstArgument(&[ARCH_SET_FS, ARCH_CET_STATUS], &[ARCH_GET_FS]),
        "thread-local storage";
    #[cfg(target_arch = "x86_64")]
    access Start Any, "the loader looks for a preload file";
    #[cfg(target_arch = "x86_64")]
    readlink StartOrFiles Any, "the C library's realpath";
    #[cfg(target_arch = "x86_64")]
    poll Worker Any, "waiting for a stream";
    #[cfg(target_arch = "x86_64")]
    epoll_wait Worker Any, "waiting for many streams";
};

/// ioctl_tty(2), filio: set or clear non-blocking mode.
const FIONBIO: i32 = 0x5421;
/// ioctl_tty(2), filio: bytes that can be read.
const FIONREAD: i32 = 0x541b;
/// ioctl(2), filio: close at an exec, or not.
const FIOCLEX: i32 = 0x5451;
/// ioctl(2), filio.
const FIONCLEX: i32 = 0x5450;
/// ioctl_tty(2): what isatty(3) asks.
const TCGETS: i32 = 0x5401;
/// ioctl_tty(2): how large a terminal is.
const TIOCGWINSZ: i32 = 0x5413;
/// prctl(2) `PR_SET_VMA`: glibc names its anonymous mappings.
const PR_SET_VMA: i32 = 0x5356_4d41;
/// arch_prctl(2).
#[cfg(target_arch = "x86_64")]
const ARCH_SET_FS: i32 = 0x1002;
/// arch_prctl(2).
#[cfg(target_arch = "x86_64")]
const ARCH_GET_FS: i32 = 0x1003;
/// arch_prctl(2), asked by glibc at start.
#[cfg(target_arch = "x86_64")]
const ARCH_CET_STATUS: i32 = 0x3001;
