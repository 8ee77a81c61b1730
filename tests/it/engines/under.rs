//! brig under an engine: a store with an image, manifests for it, and the brig that runs them.

use super::daemons::{self, Daemon};
use crate::harness::{Client, Scratch, brig, part};
use brig_sandbox::engine::Engine;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// A server that ends by nothing but a kill, and answers `initialize` so that it can be waited for.
pub(crate) const STUBBORN: &str = "import sys,json,signal,time
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
for line in sys.stdin:
    asked = json.loads(line)
    if 'id' in asked:
        answer = {'jsonrpc': '2.0', 'id': asked['id'], 'result': {'protocolVersion': '2025-11-25',
            'capabilities': {}, 'serverInfo': {'name': 'stubborn', 'version': '0'}}}
        print(json.dumps(answer), flush=True)
while True: time.sleep(1)
";

/// Images and manifests of one test, run by root.
pub(crate) struct Under {
    pub(crate) scratch: Scratch,
    pub(crate) engine: Engine,
    daemon: Option<Shared>,
    /// Whether its store is its own, and not that of all tests.
    own_store: bool,
}

/// The store of all tests and runs: the image is unpacked once.
const STORE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/engines");

/// Sockets of the daemons that have the image already.
static LOADED: Mutex<BTreeSet<Option<PathBuf>>> = Mutex::new(BTreeSet::new());

/// A daemon that other tests use too, or one of this test's own.
enum Shared {
    All(&'static Daemon),
    Own(Box<Daemon>),
}

impl Under {
    /// With an engine that all tests share.
    pub(crate) fn new(engine: Engine) -> Self {
        Self::with(
            engine,
            kind(engine).map(|kind| Shared::All(kind.shared())),
            false,
        )
    }

    /// The same with a store of its own.
    pub(crate) fn with_own_store(engine: Engine) -> Self {
        Self::with(
            engine,
            kind(engine).map(|kind| Shared::All(kind.shared())),
            true,
        )
    }

    /// With an engine of its own, which it may end.
    pub(crate) fn alone(engine: Engine) -> Self {
        let own = kind(engine).map(|kind| Shared::Own(Box::new(Daemon::start(kind))));
        Self::with(engine, own, false)
    }

    fn with(engine: Engine, daemon: Option<Shared>, own_store: bool) -> Self {
        let scratch = Scratch::new();
        let under = Self {
            scratch,
            engine,
            daemon,
            own_store,
        };
        let socket = under.daemon().map(|daemon| daemon.socket().to_owned());
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if own_store || loaded.insert(socket) {
            under.pull();
        }
        drop(loaded);
        under
    }

    /// Where its images are.
    pub(crate) fn data(&self) -> PathBuf {
        if self.own_store {
            self.scratch.join("data")
        } else {
            STORE.into()
        }
    }

    /// The daemon, where the engine is one.
    pub(crate) fn daemon(&self) -> Option<&Daemon> {
        self.daemon.as_ref().map(|daemon| match daemon {
            Shared::All(daemon) => *daemon,
            Shared::Own(daemon) => daemon,
        })
    }

    /// Into the store of this test, and into the daemon.
    pub(crate) fn pull(&self) {
        let mut pull = self.brig("pull");
        if self.daemon.is_none() {
            pull = self.told(brig(), "pull");
        }
        let done = pull.arg(Self::image()).output().unwrap();
        let errors = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{}: {errors}", self.engine);
    }

    /// The server's name, which no other test's has.
    fn name(&self) -> &str {
        self.scratch.path().file_name().unwrap().to_str().unwrap()
    }

    /// The image with Python, by its reference.
    pub(crate) fn image() -> String {
        format!("oci:{}", part("images/python").display())
    }

    fn told(&self, mut command: Command, word: &str) -> Command {
        command.arg(word);
        command.env("XDG_DATA_HOME", self.data());
        command
            .env_remove("DOCKER_HOST")
            .env_remove("CONTAINER_HOST");
        command
    }

    /// A command of brig's under this engine.
    pub(crate) fn brig(&self, word: &str) -> Command {
        let socket = self.daemon().map(|daemon| daemon.socket().to_owned());
        self.brig_on(word, socket.as_deref())
    }

    /// The same over another socket.
    pub(crate) fn brig_on(&self, word: &str, socket: Option<&Path>) -> Command {
        let mut command = self.told(brig(), word);
        command.arg("--engine").arg(self.engine.name());
        if let Some(socket) = socket {
            let socket = format!("unix://{}", socket.display());
            command
                .env("DOCKER_HOST", &socket)
                .env("CONTAINER_HOST", socket);
        }
        command
    }

    /// A manifest for a program of Python's in the image. What follows `# ` at its end is a word of
    /// its command line too, by which its process is found.
    pub(crate) fn manifest(&self, program: &str, more: &str) -> PathBuf {
        // An argument has one line.
        let mut digits = String::new();
        for byte in program.bytes() {
            write!(digits, "{byte:02x}").unwrap();
        }
        let mark = program.rsplit_once("# ").map_or("", |(_, mark)| mark);
        let line = format!("exec(bytes.fromhex('{digits}'))");
        let args = ["/usr/bin/python3", "-c", line.as_str(), mark];
        let args = serde_json::to_string(&args).unwrap();
        let text = format!(
            "brig = 1\n[server]\nname = \"{}\"\nimage = \"{}\"\nargs = {args}\n{more}",
            self.name(),
            Self::image()
        );
        self.scratch.write("brig.toml", text)
    }

    /// A session with a server that is ready.
    pub(crate) fn client(&self, program: &str, more: &str) -> Client {
        let mut command = self.brig("run");
        command.arg(self.manifest(program, more));
        let mut client = Client::start(command);
        client.initialize();
        client
    }

    /// What of this test's containers is there, by name.
    pub(crate) fn containers(&self) -> Vec<String> {
        let listed = self.daemon().map(Daemon::containers).unwrap_or_default();
        let of_brig = listed
            .iter()
            .filter(|one| one["Labels"]["dev.brig.server"] == *self.name());
        of_brig.map(|one| one["Names"].to_string()).collect()
    }
}

fn kind(engine: Engine) -> Option<daemons::Engine> {
    match engine {
        Engine::Docker => Some(daemons::Engine::Docker),
        Engine::Podman => Some(daemons::Engine::Podman),
        Engine::Native | Engine::Crun | Engine::Runc | Engine::Runsc => None,
    }
}
