//! Words of other tools for what brig writes in another way: what to write instead.

/// One meaning, under the names that tools have for it.
pub(crate) struct Foreign {
    /// The keys, folded: lower case, without `-` and `_`.
    keys: &'static [&'static str],
    /// The titles of the sections where they mean this; everywhere, where it is empty.
    within: &'static [&'static str],
    /// The key of such a section that is not missed then, since this one was meant for it.
    pub(crate) instead: Option<&'static str>,
    /// Whether it holds keys of its own, which are looked through, rather than names and values.
    pub(crate) holds_keys: bool,
    /// What to write.
    pub(crate) help: &'static str,
}

const PEER: &str = "write a `[[network]]` entry for each peer, with `host` and `ports`";
const FILE: &str = "write a `[[files]]` entry for each file or folder, with `host`, `at` and \
    `access`";
const VARIABLE: &str = "write each variable under `[env]`: `NAME = \"value\"`, or `NAME = { host = \
    \"NAME\" }` for one of this host's";

const FOREIGN: &[Foreign] = &[
    Foreign {
        keys: &[
            "allow",
            "allows",
            "allowed",
            "allowhost",
            "allowhosts",
            "allowedhosts",
            "hosts",
            "alloweddomains",
            "allowdomains",
            "domains",
            "allownet",
            "outbound",
            "egress",
        ],
        within: &["[[network]]"],
        instead: Some("host"),
        holds_keys: true,
        help: "write `host`, and a `[[network]]` entry of its own for each",
    },
    Foreign {
        keys: &["allowport", "allowports", "allowedports"],
        within: &["[[network]]"],
        instead: Some("ports"),
        holds_keys: false,
        help: "write `ports`, a list of numbers such as `[443]`",
    },
    Foreign {
        keys: &["mode", "enabled", "strict", "strictallowlist", "default"],
        within: &["[[network]]"],
        instead: None,
        holds_keys: false,
        help: "leave it out: what no `[[network]]` entry names cannot be reached",
    },
    Foreign {
        keys: &[
            "volumes",
            "volume",
            "mounts",
            "allow",
            "allowed",
            "paths",
            "allowedpaths",
        ],
        within: &["[[files]]"],
        instead: Some("host"),
        holds_keys: false,
        help: "write `host` and `at`, and a `[[files]]` entry of its own for each",
    },
    Foreign {
        keys: &[
            "allowhost",
            "allowhosts",
            "allowedhosts",
            "alloweddomains",
            "allowdomains",
            "domains",
            "allownet",
            "outbound",
            "egress",
            "networks",
            "firewall",
            "hosts",
        ],
        within: &[],
        instead: None,
        holds_keys: true,
        help: PEER,
    },
    Foreign {
        keys: &["allowport", "allowports", "allowedports"],
        within: &[],
        instead: None,
        holds_keys: false,
        help: "write `ports` in the `[[network]]` entry of each peer",
    },
    Foreign {
        keys: &["isolatenetwork", "disablenetwork", "nonetwork", "offline"],
        within: &[],
        instead: None,
        holds_keys: false,
        help: "leave it out: without a `[[network]]` entry there is no network",
    },
    Foreign {
        keys: &[
            "volumes",
            "volume",
            "mounts",
            "mount",
            "binds",
            "bind",
            "read",
            "write",
            "readonly",
            "readwrite",
            "allowread",
            "allowwrite",
            "allowedpaths",
            "alloweddirectories",
            "paths",
            "directories",
            "folders",
            "filesystem",
            "fs",
            "preopens",
        ],
        within: &[],
        instead: None,
        holds_keys: true,
        help: FILE,
    },
    Foreign {
        keys: &["storage", "persistence", "persistent"],
        within: &[],
        instead: None,
        holds_keys: false,
        help: "write a `[[files]]` entry for each folder of this host, a `[[state]]` entry for a \
            folder that brig keeps, or `scratch` under `[limits]` for the size of `/tmp`",
    },
    Foreign {
        keys: &["envfile", "dotenv", "envfiles"],
        within: &[],
        instead: None,
        holds_keys: false,
        help: "write each variable under `[env]`: no file of them is read, so that one review sees \
            all",
    },
    Foreign {
        keys: &[
            "env",
            "envs",
            "envvars",
            "environment",
            "environmentvariables",
            "variables",
            "allowenv",
            "inheritenv",
            "passenv",
            "passthroughenv",
        ],
        within: &[],
        instead: None,
        holds_keys: false,
        help: VARIABLE,
    },
    Foreign {
        keys: &[
            "secret",
            "secrets",
            "allowedsecrets",
            "credentials",
            "auth",
            "oauth",
        ],
        within: &[],
        instead: None,
        holds_keys: false,
        help: "write `NAME = { secret = \"name\" }` under `[env]` for each",
    },
    Foreign {
        keys: &[
            "permissions",
            "permission",
            "permissionprofile",
            "permissionprofilenameorpath",
            "runtimeconfig",
            "sandbox",
            "security",
            "policy",
            "policies",
            "spec",
            "run",
            "config",
            "plugins",
            "services",
            "filesystempolicy",
            "networkpolicy",
            "podtemplatespec",
        ],
        within: &[],
        instead: None,
        holds_keys: true,
        help: "leave it out: rights stand at the top of the file, in `[[files]]`, `[[network]]`, \
            `[env]` and `[limits]`",
    },
    Foreign {
        keys: &["mcpservers", "servers", "mcp"],
        within: &["the manifest"],
        instead: Some("server"),
        holds_keys: true,
        help: "write one manifest for each server, with `[server]` and its `name`",
    },
    Foreign {
        keys: &["cmdargs", "runargs"],
        within: &["[server]"],
        instead: None,
        holds_keys: false,
        help: "write `args`, a list of strings",
    },
    Foreign {
        keys: &["entrypoint", "run", "script"],
        within: &["[server]"],
        instead: None,
        holds_keys: false,
        help: "write `command`, a list of the program and its arguments, or `args` beside another \
            source",
    },
    Foreign {
        keys: &["url", "remoteurl", "endpoint", "remote", "sseendpoint"],
        within: &["[server]"],
        instead: None,
        holds_keys: false,
        help: "name the program itself, such as `component` or `command`: brig starts servers, and \
            connects to none",
    },
    Foreign {
        keys: &["workdir", "workingdir", "workingdirectory", "cwd", "dir"],
        within: &[],
        instead: None,
        holds_keys: false,
        help: "leave it out: a server starts in `/`; tell it a folder in `args` or `[env]`",
    },
    Foreign {
        keys: &[
            "targetport",
            "proxyport",
            "mcpport",
            "proxymode",
            "httpproxyport",
            "socksproxyport",
            "proxy",
        ],
        within: &[],
        instead: None,
        holds_keys: false,
        help: "leave it out: client and server speak over standard streams, and no port is opened",
    },
    Foreign {
        keys: &[
            "allowlocalbinding",
            "allowlocalhost",
            "allowdockergateway",
            "localhost",
        ],
        within: &[],
        instead: None,
        holds_keys: false,
        help: "leave it out; to reach a port of this host, write a `[[network]]` entry with `host \
            = \"localhost\"`",
    },
    Foreign {
        keys: &["allowunixsockets", "unixsockets"],
        within: &[],
        instead: None,
        holds_keys: false,
        help: "leave it out; no socket is reachable",
    },
    Foreign {
        keys: &["allowrun", "allowexec", "allowedcommands"],
        within: &[],
        instead: None,
        holds_keys: false,
        help: "write `exec = true` in the `[[files]]` entry of what may be run",
    },
    Foreign {
        keys: &[
            "toolsfilter",
            "allowedtools",
            "enabledtools",
            "tooldefinitions",
            "toolsoverride",
            "disallowedtools",
            "disabledtools",
            "skiptools",
        ],
        within: &[],
        instead: None,
        holds_keys: false,
        help: "write `allow` under `[tools]`: the names of those that may be called, or \
            patterns of them; all others may not",
    },
    Foreign {
        keys: &[
            "description",
            "kind",
            "metadata",
            "icon",
            "readme",
            "license",
            "author",
            "homepage",
            "repository",
            "tags",
            "category",
            "displayname",
            "labels",
            "annotations",
            "$schema",
        ],
        within: &[],
        instead: None,
        holds_keys: false,
        help: "write it as a comment: a manifest holds what something is decided by, and nothing \
            else",
    },
    Foreign {
        keys: &[
            "restart",
            "restartpolicy",
            "longlived",
            "disabled",
            "enabled",
            "autostart",
            "stateless",
        ],
        within: &[],
        instead: None,
        holds_keys: false,
        help: "leave it out: a server runs when its client starts it, and as long as the client is \
            there",
    },
    Foreign {
        keys: &[
            "alwaysallow",
            "autoapprove",
            "trust",
            "serviceaccount",
            "group",
        ],
        within: &[],
        instead: None,
        holds_keys: false,
        help: "leave it out: it asks something of the client or an engine, and not of the server",
    },
];

/// What a key of another tool would be in the section of this title, where it means something of
/// its own there.
pub(crate) fn within(name: &str, title: &str) -> Option<&'static Foreign> {
    find(name, |foreign| foreign.within.contains(&title))
}

/// What a key of another tool would be, wherever it is written.
pub(crate) fn anywhere(name: &str) -> Option<&'static Foreign> {
    find(name, |foreign| foreign.within.is_empty())
}

fn find(name: &str, fits: impl Fn(&Foreign) -> bool) -> Option<&'static Foreign> {
    if name.len() > 40 {
        return None;
    }
    let folded = name.to_ascii_lowercase().replace(['_', '-'], "");
    FOREIGN
        .iter()
        .find(|foreign| fits(foreign) && foreign.keys.contains(&folded.as_str()))
}
