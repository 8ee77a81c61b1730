//! The top of the file.

use super::{
    Head, Key, Section, Takes, client, files, limits, network, server, state, syscalls, tools,
};
use crate::fault::FaultCode;
use crate::manifest::TEXT_BYTES_MAX;
use crate::wording::reorders;

pub(crate) const BRIG: Key = Key::new(
    "brig",
    Takes::Format,
    "brig = 1",
    "The format that the file is written in.",
)
.needed()
.also(&["version", "format", "apiversion"])
.refused("brig = 2", FaultCode::UnknownFormat);

pub(crate) const SERVER: Key = Key::new(
    "server",
    Takes::Table(&server::SECTION),
    "[server]",
    "What is run.",
)
.needed()
.also(&["package"])
.refused("server = \"notes.wasm\"", FaultCode::WrongType);

pub(crate) const NETWORK: Key = Key::new(
    "network",
    Takes::Tables(&network::SECTION, network::GRANTS_MAX),
    "[[network]]",
    "Whom the server may reach; without it there is no network.",
)
.also(&["net"])
.refused("network = true", FaultCode::WrongType)
.unless("no network at all");

pub(crate) const FILES: Key = Key::new(
    "files",
    Takes::Tables(&files::SECTION, files::GRANTS_MAX),
    "[[files]]",
    "A file or folder of the host that the server reaches.",
)
.also(&["file"])
.refused("files = [\"~/notes\"]", FaultCode::WrongType)
.unless("no file but what the program itself needs");

pub(crate) const STATE: Key = Key::new(
    "state",
    Takes::Tables(&state::SECTION, state::GRANTS_MAX),
    "[[state]]",
    "A folder that brig keeps for the server between runs.",
)
.also(&["data", "persist", "cache"])
.not_yet("grant a folder with `[[files]]` and `access = \"write\"`")
.refused("state = \"/data\"", FaultCode::WrongType)
.unless("nothing is kept");

pub(crate) const ENV: Key = Key::new(
    "env",
    Takes::Variables,
    "[env]",
    "The variables that the server sees; nothing else of the host's is passed but LANG and TZ.",
)
.also(&["environment", "envs", "variables"])
.refused("env = [\"LOG_LEVEL=info\"]", FaultCode::WrongType)
.unless("LANG and TZ alone");

pub(crate) const TOOLS: Key = Key::new(
    "tools",
    Takes::Table(&tools::SECTION),
    "[tools]",
    "Which of the server's tools a client may call.",
)
.also(&["tool", "allowed-tools", "tools-filter"])
.refused("tools = [\"get_*\"]", FaultCode::WrongType)
.unless("all tools that were reviewed");

pub(crate) const RESOURCES: Key = Key::new(
    "resources",
    Takes::Table(&tools::RESOURCES_SECTION),
    "[resources]",
    "Which of the server's resources a client may read.",
)
.also(&["resource"])
.refused("resources = [\"file:///notes/*\"]", FaultCode::WrongType)
.unless("all that the server offers");

pub(crate) const PROMPTS: Key = Key::new(
    "prompts",
    Takes::Table(&tools::PROMPTS_SECTION),
    "[prompts]",
    "Which of the server's prompts a client may use.",
)
.also(&["prompt"])
.refused("prompts = [\"review\"]", FaultCode::WrongType)
.unless("all that the server offers");

pub(crate) const CLIENT: Key = Key::new(
    "client",
    Takes::Table(&client::SECTION),
    "[client]",
    "What the server may ask of the client; without it, nothing.",
)
.also(&["capabilities"])
.refused("client = [\"sampling\"]", FaultCode::WrongType)
.unless("nothing");

pub(crate) const LIMITS: Key = Key::new(
    "limits",
    Takes::Table(&limits::SECTION),
    "[limits]",
    "What the server may use; each limit has a default.",
)
.also(&["limit", "resources", "quota"])
.refused("limits = \"none\"", FaultCode::WrongType)
.unless("each limit has its default");

pub(crate) const SYSCALLS: Key = Key::new(
    "syscalls",
    Takes::Table(&syscalls::SECTION),
    "[syscalls]",
    "Groups of system calls beyond what every program has.",
)
.also(&["seccomp", "seccomp-profile"])
.refused("syscalls = [\"jit\"]", FaultCode::WrongType)
.unless("none of them");

const UNIX: Key = Key::reserved("unix", "leave it out; no socket is reachable", &["sockets"])
    .refused("[unix]", FaultCode::NotEnforceableYet);
const HTTP: Key = Key::reserved(
    "http",
    "leave it out; `[[network]]` says whom the server reaches",
    &[],
)
.refused("[http]", FaultCode::NotEnforceableYet);
const PLATFORM: Key = Key::reserved("platform", "write one manifest per platform", &[])
    .refused("[platform.linux]", FaultCode::NotEnforceableYet);

pub(crate) const SECTION: Section = Section {
    title: "the manifest",
    keys: &[
        BRIG, SERVER, NETWORK, FILES, STATE, ENV, TOOLS, RESOURCES, PROMPTS, CLIENT, LIMITS,
        SYSCALLS, UNIX, HTTP, PLATFORM,
    ],
    one_of: &[],
    whole: &[],
};

pub(crate) const HEAD: Head = Head {
    section: &SECTION,
    format: &BRIG,
    bytes_max: TEXT_BYTES_MAX,
    is_shown: |letter| !reorders(letter),
};
