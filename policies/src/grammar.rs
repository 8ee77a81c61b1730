//! The format: one table of keys per section.
//!
//! A key that is written but in no table is a fault, so whatever a release does not know it
//! refuses. To build what is listed as not yet enforceable, turn its row into [`Key::built`] and
//! read it.

/// One key of a section.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    /// The key as written.
    pub(crate) name: &'static str,
    /// Whether this release holds it.
    pub(crate) standing: Standing,
    /// What other tools call it: an author who writes that is told this key.
    pub(crate) also: &'static [&'static str],
}

/// Whether a key of the format can be used.
#[derive(Clone, Copy)]
pub(crate) enum Standing {
    /// Enforced; the text is one line that shows the key in use.
    Built(&'static str),
    /// Part of the format, but not enforceable yet; the text says what to do meanwhile.
    NotYet(&'static str),
}

impl Key {
    const fn built(
        name: &'static str,
        example: &'static str,
        also: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            standing: Standing::Built(example),
            also,
        }
    }

    const fn not_yet(
        name: &'static str,
        meanwhile: &'static str,
        also: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            standing: Standing::NotYet(meanwhile),
            also,
        }
    }
}

/// One table of the manifest.
pub(crate) struct Section {
    /// As messages name it.
    pub(crate) title: &'static str,
    /// All its keys.
    pub(crate) keys: &'static [Key],
}

impl Section {
    /// The key of this name.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// Every section whose keys are fixed, to tell an author where a misplaced key belongs.
pub(crate) const SECTIONS: &[&Section] = &[
    &top::SECTION,
    &server::SECTION,
    &files::SECTION,
    &limits::SECTION,
];

/// The top of the file.
pub(crate) mod top {
    use super::{Key, Section};

    pub(crate) const BRIG: Key = Key::built("brig", "brig = 1", &["version", "format"]);
    pub(crate) const SERVER: Key = Key::built("server", "[server]", &["mcp", "package"]);
    pub(crate) const FILES: Key = Key::built(
        "files",
        "[[files]]",
        &["file", "filesystem", "fs", "mounts", "volumes"],
    );
    pub(crate) const ENV: Key = Key::built("env", "[env]", &["environment", "envs", "variables"]);
    pub(crate) const LIMITS: Key =
        Key::built("limits", "[limits]", &["limit", "resources", "quota"]);
    const NO_NETWORK: &str = "leave it out; the server then has no network";
    const NETWORK: Key = Key::not_yet("network", NO_NETWORK, &["net", "egress", "outbound"]);
    const STATE: Key = Key::not_yet(
        "state",
        "grant a folder with `[[files]]` and `access = \"write\"`",
        &[],
    );
    const TOOLS: Key = Key::not_yet(
        "tools",
        "leave it out and choose the tools in the client",
        &["tool", "allowed-tools"],
    );
    const CLIENT: Key = Key::not_yet("client", "leave it out", &["capabilities"]);
    const SYSCALLS: Key = Key::not_yet(
        "syscalls",
        "leave it out; a component makes no system calls",
        &["seccomp"],
    );
    const UNIX: Key = Key::not_yet("unix", "leave it out; no socket is reachable", &["sockets"]);
    const HTTP: Key = Key::not_yet("http", NO_NETWORK, &[]);
    const PLATFORM: Key = Key::not_yet("platform", "write one manifest per platform", &[]);

    pub(crate) const SECTION: Section = Section {
        title: "the manifest",
        keys: &[
            BRIG, SERVER, FILES, ENV, LIMITS, NETWORK, STATE, TOOLS, CLIENT, SYSCALLS, UNIX, HTTP,
            PLATFORM,
        ],
    };
}

/// `[server]`
pub(crate) mod server {
    use super::{Key, Section};

    const NO_PACKAGES: &str = "this brig runs WebAssembly components and programs of this host: \
        name one under `component` or `command`";

    pub(crate) const NAME: Key = Key::built("name", "name = \"notes\"", &["id", "title"]);
    pub(crate) const COMPONENT: Key = Key::built(
        "component",
        "component = \"notes.wasm\"",
        &["wasm", "module", "path"],
    );
    pub(crate) const ARGS: Key =
        Key::built("args", "args = [\"stdio\"]", &["arguments", "argv", "arg"]);
    pub(crate) const TRANSPORT: Key = Key::built("transport", "transport = \"stdio\"", &["type"]);
    const IMAGE: Key = Key::not_yet("image", NO_PACKAGES, &["container", "oci"]);
    const NPM: Key = Key::not_yet("npm", NO_PACKAGES, &["npx", "node"]);
    const PYPI: Key = Key::not_yet("pypi", NO_PACKAGES, &["uvx", "pip", "python"]);
    const BUNDLE: Key = Key::not_yet("bundle", NO_PACKAGES, &["mcpb", "dxt"]);
    pub(crate) const COMMAND: Key = Key::built(
        "command",
        "command = [\"node\", \"/srv/server.js\"]",
        &["cmd", "exec", "program"],
    );

    /// The keys that say where the program comes from, of which there is exactly one.
    pub(crate) const SOURCES: &[Key] = &[COMPONENT, IMAGE, NPM, PYPI, BUNDLE, COMMAND];

    pub(crate) const SECTION: Section = Section {
        title: "[server]",
        keys: &[
            NAME, COMPONENT, ARGS, TRANSPORT, IMAGE, NPM, PYPI, BUNDLE, COMMAND,
        ],
    };
}

/// `[[files]]`
pub(crate) mod files {
    use super::{Key, Section};

    pub(crate) const HOST: Key = Key::built(
        "host",
        "host = \"~/notes\"",
        &["path", "source", "src", "from", "folder"],
    );
    pub(crate) const AT: Key = Key::built(
        "at",
        "at = \"/notes\"",
        &["target", "mount", "to", "dest", "destination", "guest"],
    );
    pub(crate) const ACCESS: Key = Key::built(
        "access",
        "access = \"read\"",
        &[
            "mode",
            "permissions",
            "rights",
            "readonly",
            "read-only",
            "ro",
            "writable",
            "write",
        ],
    );
    pub(crate) const EXEC: Key = Key::built("exec", "exec = false", &["execute", "executable"]);
    pub(crate) const LINKS: Key = Key::built("links", "links = false", &["symlinks", "special"]);
    pub(crate) const OPTIONAL: Key =
        Key::built("optional", "optional = false", &["required", "missing"]);

    pub(crate) const SECTION: Section = Section {
        title: "[[files]]",
        keys: &[HOST, AT, ACCESS, EXEC, LINKS, OPTIONAL],
    };
}

/// The table that a variable's value may be.
pub(crate) mod variable {
    use super::{Key, Section};

    pub(crate) const HOST: Key =
        Key::built("host", "TZ = { host = \"TZ\" }", &["from", "name", "env"]);
    const SECRET: Key = Key::not_yet(
        "secret",
        "pass a variable of the host with `{ host = \"NAME\" }`",
        &["keyring", "password"],
    );
    const AS: Key = Key::not_yet("as", "leave it out; it goes with `secret`", &[]);

    pub(crate) const SECTION: Section = Section {
        title: "a variable's value",
        keys: &[HOST, SECRET, AS],
    };
}

/// `[limits]`
pub(crate) mod limits {
    use super::{Key, Section};

    pub(crate) const MEMORY: Key = Key::built(
        "memory",
        "memory = \"256MiB\"",
        &["mem", "ram", "memory-bytes"],
    );
    pub(crate) const CPUS: Key = Key::built("cpus", "cpus = 1.0", &["cpu", "cores"]);
    pub(crate) const PROCESSES: Key =
        Key::built("processes", "processes = 64", &["pids", "threads", "nproc"]);
    pub(crate) const OPEN_FILES: Key = Key::built(
        "open-files",
        "open-files = 256",
        &["nofile", "fds", "descriptors"],
    );
    pub(crate) const SCRATCH: Key = Key::built(
        "scratch",
        "scratch = \"64MiB\"",
        &["tmp", "tmpfs", "disk", "storage"],
    );
    pub(crate) const MESSAGE: Key = Key::built(
        "message",
        "message = \"16MiB\"",
        &["line", "frame", "message-size"],
    );
    pub(crate) const START: Key =
        Key::built("start", "start = \"30s\"", &["startup", "startup-timeout"]);
    pub(crate) const CALL: Key = Key::built("call", "call = \"60s\"", &["timeout", "tool-timeout"]);

    pub(crate) const SECTION: Section = Section {
        title: "[limits]",
        keys: &[
            MEMORY, CPUS, PROCESSES, OPEN_FILES, SCRATCH, MESSAGE, START, CALL,
        ],
    };
}
