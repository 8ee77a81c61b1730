//! The settings of one host.

use super::{Form, Head, Key, Section, Takes, limits, reach, secrets, top};
use crate::fault::FaultCode;

/// The most folders of one list, and the most hosts: each is compared with each grant.
pub(crate) const ENTRIES_MAX: usize = 256;

pub(crate) const CEILING: Key = Key::new(
    "ceiling",
    Takes::Table(&CEILING_SECTION),
    "[ceiling]",
    "The most that a manifest gets on this host; what is not written has no ceiling.",
)
.also(&["limits", "max", "maximum", "most", "policy"]);

pub(crate) const ENGINE: Key = Key::new(
    "engine",
    Takes::Text(Form::Engine),
    "engine = \"podman\"",
    "What carries containers out on this host: `native`, `docker`, `podman`, `crun`, `runc`, \
     `runsc`, or `oci:` and the path of a runtime. `--engine` on the command line goes before it.",
)
.also(&[
    "runtime",
    "backend",
    "driver",
    "container-engine",
    "container-runtime",
]);

pub(crate) const CONSENT: Key = Key::new(
    "consent",
    Takes::Word(&["ask", "none"]),
    "consent = \"ask\"",
    "Whether a server starts only once its user approved what it may do (`ask`, unless written) or \
     whatever its manifest says (`none`: this host does not ask).",
)
.also(&["approval", "approve", "approvals", "confirm", "ask", "yes"]);

pub(crate) const SECRETS: Key = Key::new(
    "secrets",
    Takes::Tables(&secrets::SECTION, secrets::SOURCES_MAX),
    "[[secrets]]",
    "Where the values of secrets come from: the first that has a secret gives it.",
)
.also(&[
    "secret",
    "secret-store",
    "secret-backend",
    "keyring",
    "vault",
])
.refused("secrets = [\"keyring\"]", FaultCode::WrongType)
.unless("the keyring, where there is one, and then the encrypted file");

pub(crate) const REACH: Key = Key::new(
    "network",
    Takes::Table(&reach::SECTION),
    "[network]",
    "How this host reaches others: its proxy, and the addresses that stand for names.",
)
.also(&["net", "egress", "dns"])
.refused("network = [\"api.example.com\"]", FaultCode::WrongType)
.unless("nothing stands between this host and others");

pub(crate) const SECTION: Section = Section {
    title: "the settings file",
    keys: &[top::BRIG, CONSENT, ENGINE, SECRETS, REACH, CEILING],
    one_of: &[],
    whole: &[],
};

pub(crate) const HEAD: Head = Head {
    section: &SECTION,
    ..top::HEAD
};

const fn most(key: Key, takes: &'static Takes, about: &'static str) -> Key {
    Key {
        about,
        takes: Takes::Most(takes),
        ..key
    }
}

const MEMORY: Key = most(
    limits::MEMORY,
    &limits::MEMORY.takes,
    "The most memory that a server gets.",
);
const CPUS: Key = most(
    limits::CPUS,
    &limits::CPUS.takes,
    "The most processors that a server gets.",
);
const PROCESSES: Key = most(
    limits::PROCESSES,
    &limits::PROCESSES.takes,
    "The most processes and threads that a server gets.",
);
const OPEN_FILES: Key = most(
    limits::OPEN_FILES,
    &limits::OPEN_FILES.takes,
    "The most open files that each process gets.",
);
const SCRATCH: Key = most(
    limits::SCRATCH,
    &limits::SCRATCH.takes,
    "The most that `/tmp` holds.",
);
const MESSAGE: Key = most(
    limits::MESSAGE,
    &limits::MESSAGE.takes,
    "The longest message, either way.",
);
const START: Key = most(
    limits::START,
    &limits::START.takes,
    "The longest time to the first sign of life.",
);
const CALL: Key = most(
    limits::CALL_KEY,
    &limits::CALL_KEY.takes,
    "The longest time for one call.",
);

pub(crate) const READ: Key = Key::new(
    "read",
    Takes::Texts(Form::Folder, 0, ENTRIES_MAX),
    "read = [\"~/work\", \"{project}\"]",
    "The folders that a manifest may grant for reading, beside those of `write`.",
)
.also(&[
    "files",
    "readable",
    "read-only",
    "allow-read",
    "allowed-directories",
]);

pub(crate) const WRITE: Key = Key::new(
    "write",
    Takes::Texts(Form::Folder, 0, ENTRIES_MAX),
    "write = [\"~/work\"]",
    "The folders that a manifest may grant for writing.",
)
.also(&["writable", "writeable", "allow-write"]);

pub(crate) const NETWORK: Key = Key::new(
    "network",
    Takes::Texts(Form::Destination, 0, ENTRIES_MAX),
    "network = [\"*.example.com\", \"10.0.0.0/8\"]",
    "The hosts and blocks of addresses that a manifest may name.",
)
.also(&["net", "hosts", "allowed-hosts", "egress", "allow-net"]);

pub(crate) const SOURCES: Key = Key::new(
    "sources",
    Takes::Words(&["component", "command", "image", "npm", "pypi", "bundle"]),
    "sources = [\"component\"]",
    "The sources that a manifest may run a server from.",
)
.also(&["source", "server", "servers"]);

pub(crate) const CLIENT: Key = Key::new(
    "client",
    Takes::Words(&[
        "sampling",
        "elicitation",
        "elicitation-url",
        "roots",
        "logging",
    ]),
    "client = [\"roots\"]",
    "What a manifest may let a server ask of its client.",
);

pub(crate) const SYSCALLS: Key = Key::new(
    "syscalls",
    Takes::Words(&["jit", "io-uring", "numa"]),
    "syscalls = [\"jit\"]",
    "The groups of system calls that a manifest may allow.",
)
.also(&["seccomp"]);

pub(crate) const CEILING_SECTION: Section = Section {
    title: "[ceiling]",
    keys: &[
        MEMORY, CPUS, PROCESSES, OPEN_FILES, SCRATCH, MESSAGE, START, CALL, READ, WRITE, NETWORK,
        SOURCES, CLIENT, SYSCALLS,
    ],
    one_of: &[],
    whole: &[],
};
