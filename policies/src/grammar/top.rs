//! The top of the file.

use super::{Key, Section, Takes, client, files, limits, network, server, state, syscalls, tools};

pub(crate) const BRIG: Key = Key::new(
    "brig",
    Takes::Format,
    "brig = 1",
    "The format that the file is written in.",
)
.needed()
.also(&["version", "format", "apiversion"]);

pub(crate) const SERVER: Key = Key::new(
    "server",
    Takes::Table(&server::SECTION),
    "[server]",
    "What is run.",
)
.needed()
.also(&["mcp", "package", "mcpservers", "servers"]);

pub(crate) const NETWORK: Key = Key::new(
    "network",
    Takes::Tables(&network::SECTION, network::GRANTS_MAX),
    "[[network]]",
    "Whom the server may reach; without it there is no network.",
)
.also(&["net", "egress", "outbound", "allow-net", "allowed-hosts"])
.not_yet("leave it out; the server then has no network");

pub(crate) const FILES: Key = Key::new(
    "files",
    Takes::Tables(&files::SECTION, files::GRANTS_MAX),
    "[[files]]",
    "A file or folder of the host that the server reaches.",
)
.also(&[
    "file",
    "filesystem",
    "fs",
    "mounts",
    "volumes",
    "read",
    "write",
    "directories",
    "allowed-directories",
    "allowed-paths",
]);

pub(crate) const STATE: Key = Key::new(
    "state",
    Takes::Tables(&state::SECTION, state::GRANTS_MAX),
    "[[state]]",
    "A folder that brig keeps for the server between runs.",
)
.also(&["data", "persist", "cache"])
.not_yet("grant a folder with `[[files]]` and `access = \"write\"`");

pub(crate) const ENV: Key = Key::new(
    "env",
    Takes::Variables,
    "[env]",
    "The variables that the server sees; nothing else of the host's is passed but LANG and TZ.",
)
.also(&["environment", "envs", "variables", "secrets"]);

pub(crate) const TOOLS: Key = Key::new(
    "tools",
    Takes::Table(&tools::SECTION),
    "[tools]",
    "Which of the server's tools a client may call.",
)
.also(&["tool", "allowed-tools", "tools-filter"])
.not_yet("leave it out and choose the tools in the client");

pub(crate) const CLIENT: Key = Key::new(
    "client",
    Takes::Table(&client::SECTION),
    "[client]",
    "What the server may ask of the client; without it, nothing.",
)
.also(&["capabilities"])
.not_yet("leave it out");

pub(crate) const LIMITS: Key = Key::new(
    "limits",
    Takes::Table(&limits::SECTION),
    "[limits]",
    "What the server may use; each limit has a default.",
)
.also(&["limit", "resources", "quota"]);

pub(crate) const SYSCALLS: Key = Key::new(
    "syscalls",
    Takes::Table(&syscalls::SECTION),
    "[syscalls]",
    "Groups of system calls beyond what every program has.",
)
.also(&["seccomp", "seccomp-profile"]);

const UNIX: Key = Key::reserved("unix", "leave it out; no socket is reachable", &["sockets"]);
const HTTP: Key = Key::reserved("http", "leave it out; the server then has no network", &[]);
const PLATFORM: Key = Key::reserved("platform", "write one manifest per platform", &[]);

pub(crate) const SECTION: Section = Section {
    title: "the manifest",
    keys: &[
        BRIG, SERVER, NETWORK, FILES, STATE, ENV, TOOLS, CLIENT, LIMITS, SYSCALLS, UNIX, HTTP,
        PLATFORM,
    ],
};
