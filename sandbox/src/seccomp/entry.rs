//! What brig's init does before it puts the server's filter on, where an engine has put one on it
//! already: that engine's filter is the server's and these.

/// A call of init's own start.
#[derive(Clone, Copy, Debug)]
pub struct EntryCall {
    /// Linux's name (syscalls(2)).
    pub name: &'static str,
    /// Why init needs it.
    pub reason: &'static str,
}

const fn call(name: &'static str, reason: &'static str) -> EntryCall {
    EntryCall { name, reason }
}

/// All of them. The server's own filter, which init puts on last, has none but those that the
/// server needs itself.
pub const AT_ENTRY: &[EntryCall] = &[
    call("read", "its orders"),
    call("write", "its answers"),
    call("close", "what the server does not get"),
    call("close_range", "what the server does not get"),
    call("dup3", "the server's streams take their numbers"),
    call("fcntl", "its channel moves out of the server's way"),
    call("socket", "its channel with the warden"),
    call("connect", "its channel with the warden"),
    call("recvmsg", "orders and streams come together"),
    call("getuid", "who it is, read back"),
    call("geteuid", "who it is, read back"),
    call("getgid", "who it is, read back"),
    call("getegid", "who it is, read back"),
    call("getpid", "its child checks its parent"),
    call("getppid", "its child checks its parent"),
    call("capget", "that it has no capability, read back"),
    call("prctl", "new privileges, its memory, its filter, read back"),
    call("prlimit64", "limits, set and read back"),
    call("sched_setaffinity", "processors"),
    call("sched_getaffinity", "processors, read back"),
    call("openat", "sources, looked at; paths for Landlock"),
    call("newfstatat", "sources, looked at"),
    call("fstatfs", "flags of mounts, read back"),
    call("landlock_create_ruleset", "the server's ruleset"),
    call("landlock_add_rule", "the server's ruleset"),
    call("landlock_restrict_self", "the server's ruleset"),
    call("seccomp", "its own filter and the server's"),
    call("rt_sigprocmask", "it waits for its child's end"),
    call("signalfd4", "it waits for its child's end"),
    call("ppoll", "it waits for its child and the warden"),
    call("wait4", "it reaps"),
    call("kill", "it passes the request to end on"),
    call("clone", "the server is its child"),
    call("setsid", "the server has a session of its own"),
    call("chdir", "the server starts in its folder"),
    call("execve", "it becomes the server"),
    call("exit_group", "it ends"),
];
