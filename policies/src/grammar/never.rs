//! What other tools can be told and no manifest can: keys that open a wall as a whole.

/// One family of such keys.
pub(crate) struct Never {
    /// The keys, folded: lower case, without `-` and `_`.
    keys: &'static [&'static str],
    /// What they would do, after "it".
    pub(crate) what: &'static str,
    /// What to write instead.
    pub(crate) help: &'static str,
}

const NEVER: &[Never] = &[
    Never {
        keys: &[
            "privileged",
            "dangerouslyallowall",
            "nosandbox",
            "disablesandbox",
            "unsafe",
            "dangerouslydisablesandbox",
            "enableweakernestedsandbox",
            "enableweakernetworkisolation",
        ],
        what: "takes every wall away",
        help: "leave it out, and grant what the server needs with `[[files]]`, `[[network]]` and \
            `[env]`",
    },
    Never {
        keys: &[
            "capadd",
            "capabilitiesadd",
            "addcapabilities",
            "linuxcapabilities",
            "caps",
        ],
        what: "gives rights of root over the host",
        help: "leave it out; a server runs with no capability, as an ordinary user",
    },
    Never {
        keys: &[
            "networkmode",
            "pid",
            "pidmode",
            "ipc",
            "ipcmode",
            "uts",
            "utsmode",
            "userns",
            "usernsmode",
            "cgroupns",
            "cgroupparent",
            "hostnetwork",
            "hostpid",
            "hostipc",
        ],
        what: "puts the server into the host's own namespaces",
        help: "leave it out; for the network name each peer with `[[network]]`, for this host's \
            own ports with `host = \"localhost\"`",
    },
    Never {
        keys: &[
            "securityopt",
            "apparmor",
            "apparmorprofile",
            "selinux",
            "nonewprivileges",
            "allowprivilegeescalation",
            "procmount",
            "maskedpaths",
            "systempaths",
        ],
        what: "weakens what the kernel holds",
        help: "leave it out; groups of system calls are added by name under `[syscalls]`",
    },
    Never {
        keys: &["device", "devices", "devicecgrouprules", "gpus", "dev"],
        what: "hands a device of the host over",
        help: "leave it out; no device can be granted",
    },
    Never {
        keys: &[
            "dockersocket",
            "dockersock",
            "dockerhost",
            "containersocket",
            "enginesocket",
            "allowallunixsockets",
        ],
        what: "hands over an engine, which can do all that root can",
        help: "leave it out; no manifest can grant an engine",
    },
    Never {
        keys: &[
            "insecureallowall",
            "allowall",
            "allowanyhost",
            "allownetwork",
            "networkaccess",
        ],
        what: "opens the network as a whole",
        help: "name each peer with `[[network]]`, `host` and `ports`",
    },
    Never {
        keys: &["ports", "publish", "expose", "inbound", "ingress", "listen"],
        what: "lets others in, and a server listens to nobody but its client",
        help: "leave it out; to reach a peer, write `ports` in its `[[network]]`",
    },
    Never {
        keys: &["user", "uid", "runasuser", "runasroot", "groupadd", "runas"],
        what: "chooses whose rights the server has",
        help: "leave it out; a server runs as a user that owns nothing",
    },
    Never {
        keys: &[
            "deny",
            "denyread",
            "denywrite",
            "blocked",
            "exclude",
            "denylist",
            "denieddomains",
            "deniedhosts",
            "denyhost",
            "deniedresolvedaddresses",
            "denydomains",
            "denynet",
            "blocklist",
        ],
        what: "is a list of exceptions, and there is nothing to except from",
        help: "leave it out: what is not granted is denied",
    },
    Never {
        keys: &[
            "include", "extends", "inherit", "inherits", "profile", "profiles", "template",
        ],
        what: "would bring rights in from another file",
        help: "write the rights out: one file is one review",
    },
    Never {
        keys: &[
            "sysctls",
            "sysctl",
            "runtime",
            "runtimeargs",
            "runtimearguments",
            "extrahosts",
            "dns",
        ],
        what: "steers the host's engine or network",
        help: "leave it out; how a cell is made is the host's choice",
    },
];

/// All families.
pub(crate) fn families() -> impl Iterator<Item = &'static Never> {
    NEVER.iter()
}

/// The family of a key that no manifest can have.
pub(crate) fn find(name: &str) -> Option<&'static Never> {
    if name.len() > 40 {
        return None;
    }
    let folded = name.to_ascii_lowercase().replace(['_', '-'], "");
    NEVER
        .iter()
        .find(|never| never.keys.contains(&folded.as_str()))
}
