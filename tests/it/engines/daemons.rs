//! Engines of the tests' own: dockerd, and Podman's service as root and as a user.
//!
//! They make no interface and no rule of a firewall, and keep what they have in one folder, one
//! mount namespace and control groups of their own. Nothing of them outlives the test process.

use crate::engines::keeper::{Keeper, PYTHON};
use crate::harness::{PATIENCE, Scratch, part, patience, tool};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The user and group of a user's Podman: nobody else on this host, with a name that the engine
/// alone knows.
pub(crate) const USER: u32 = 61_236;

/// Host ids for that user's containers, which nobody has.
const IDS: &str = "brig-it:1900000000:65536\n";

/// What Podman is told. Its own limits may be above this host's, its own runtime wants control
/// groups of one version, and its locks would be the host's.
const CONTAINERS_CONF: &str = "[containers]
default_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]
[engine]
runtime = \"runc\"
cgroup_manager = \"cgroupfs\"
lock_type = \"file\"
events_logger = \"file\"
[network]
network_backend = \"netavark\"
";

/// The version of the API that is asked, which Docker since 20.10 and Podman since 3.4 have.
const API: &str = "/v1.40";

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// dockerd, with `runsc` among its runtimes.
    Docker,
    /// Podman's service as root.
    Podman,
    /// Podman's service as [`USER`].
    PodmanOfUser,
}

impl Engine {
    pub(crate) const ALL: [Self; 3] = [Self::Docker, Self::Podman, Self::PodmanOfUser];

    /// The one that the tests of this run share. The first that asks starts it. Who ends it or
    /// kills it takes one of their own, by [`Daemon::start`].
    pub(crate) fn shared(self) -> &'static Daemon {
        static DOCKER: LazyLock<Daemon> = LazyLock::new(|| Daemon::start(Engine::Docker));
        static PODMAN: LazyLock<Daemon> = LazyLock::new(|| Daemon::start(Engine::Podman));
        static OF_USER: LazyLock<Daemon> = LazyLock::new(|| Daemon::start(Engine::PodmanOfUser));
        // A failed start is told once, and what is missing is told to each test.
        self.has_its_parts();
        match self {
            Self::Docker => &DOCKER,
            Self::Podman => &PODMAN,
            Self::PodmanOfUser => &OF_USER,
        }
    }

    fn has_its_parts(self) {
        let tools: &[&str] = match self {
            Self::Docker => &["dockerd", "containerd", "docker", "runc", "runsc"],
            Self::Podman => &["podman", "conmon", "runc"],
            Self::PodmanOfUser => &["podman", "conmon", "runc", "newuidmap", "setpriv"],
        };
        for name in ["unshare", "skopeo"].iter().chain(tools) {
            tool(name);
        }
        assert!(
            Path::new(PYTHON).exists(),
            "MISSING PART: python3 (scripts/parts installs it)"
        );
        assert!(
            rustix::process::geteuid().is_root(),
            "MISSING PART: root (it starts the engines)"
        );
    }

    /// The user who runs it, and whose its socket is.
    pub(crate) fn user(self) -> u32 {
        match self {
            Self::Docker | Self::Podman => 0,
            Self::PodmanOfUser => USER,
        }
    }

    /// Lays into its folder what it reads.
    fn furnish(self, scratch: &Scratch) {
        for name in ["etc", "home", "run"] {
            fs::create_dir(scratch.join(name)).unwrap();
        }
        let gvisor = json!({
            "path": tool("runsc"),
            "runtimeArgs": ["--network=none", "--platform=ptrace", "--host-uds=open"],
        });
        let docker = json!({ "runtimes": { "runsc": gvisor } });
        scratch.write("daemon.json", docker.to_string());
        scratch.write("containers.conf", CONTAINERS_CONF);
        if self != Self::PodmanOfUser {
            return;
        }
        let home = scratch.join("home");
        let passwd = format!("brig-it:x:{USER}:{USER}::{}:/bin/sh\n", home.display());
        let group = format!("brig-it:x:{USER}:\n");
        let files = [
            ("passwd", passwd.as_str()),
            ("group", &group),
            ("subuid", IDS),
            ("subgid", IDS),
        ];
        for (name, line) in files {
            let text = fs::read_to_string(Path::new("/etc").join(name)).unwrap();
            scratch.write(Path::new("etc").join(name), text + line);
        }
        for name in ["home", "run"] {
            chown(scratch.join(name), Some(USER), Some(USER)).unwrap();
        }
    }

    /// The words that start it in this folder.
    fn words(self, folder: &Path) -> Vec<String> {
        let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        let socket = format!("unix://{}", at(SOCKET));
        let podman = [
            format!("--root={}", at("home/storage")),
            format!("--runroot={}", at("run/storage")),
            format!("--tmpdir={}", at("run/engine")),
            "--storage-driver=overlay".into(),
            "--log-level=info".into(),
            "system".into(),
            "service".into(),
            "--time=0".into(),
            socket.clone(),
        ];
        let user = USER.to_string();
        let as_user = ["setpriv", "--reuid", &user, "--regid", &user];
        let as_user = as_user.into_iter().chain(["--clear-groups", "podman"]);
        match self {
            Self::Docker => vec![
                "dockerd".into(),
                format!("--config-file={}", at("daemon.json")),
                format!("--data-root={}", at("data")),
                format!("--exec-root={}", at("exec")),
                format!("--pidfile={}", at("pid")),
                format!("--host={socket}"),
                format!("--cgroup-parent=/{}", own_group(folder)),
                "--exec-opt=native.cgroupdriver=cgroupfs".into(),
                "--iptables=false".into(),
                "--ip6tables=false".into(),
                "--bridge=none".into(),
            ],
            Self::Podman => ["podman".into()].into_iter().chain(podman).collect(),
            Self::PodmanOfUser => as_user.map(str::to_owned).chain(podman).collect(),
        }
    }

    /// The names of its control groups, with commas between.
    fn groups(self, folder: &Path) -> String {
        let own = own_group(folder);
        match self {
            Self::Docker => own.to_owned(),
            // It has no setting for the parent of its containers' groups.
            Self::Podman | Self::PodmanOfUser => format!("{own},libpod_parent"),
        }
    }
}

/// How much of an engine's log is told with a fault.
const LOG_LINES: usize = 60;

/// Where an engine listens, in its folder.
const SOCKET: &str = "run/engine.sock";

/// A name that nobody else's control group has.
fn own_group(folder: &Path) -> &str {
    folder.file_name().unwrap().to_str().unwrap()
}

/// A running engine. Dropped, it ends with all that it started.
pub(crate) struct Daemon {
    /// Before its folder: the keeper removes that, with what is mounted there.
    keeper: Mutex<Keeper>,
    scratch: Scratch,
    engine: Engine,
    socket: PathBuf,
    loaded: Mutex<BTreeSet<String>>,
}

impl Daemon {
    /// Starts an engine for one test.
    pub(crate) fn start(engine: Engine) -> Self {
        engine.has_its_parts();
        let scratch = Scratch::new();
        engine.furnish(&scratch);
        let folder = scratch.path();
        let keeper = Keeper::new(&engine.words(folder), folder, &engine.groups(folder));
        let daemon = Self {
            keeper: Mutex::new(keeper),
            socket: scratch.join(SOCKET),
            scratch,
            engine,
            loaded: Mutex::default(),
        };
        daemon.start_again();
        daemon
    }

    /// Ends it as a service manager does. Docker's containers end with it, Podman's run on.
    pub(crate) fn stop(&self) {
        self.keeper.lock().unwrap().order("stop");
    }

    /// Ends it by SIGKILL: its containers run on.
    pub(crate) fn crash(&self) {
        self.keeper.lock().unwrap().order("crash");
    }

    /// Starts it where it has ended. It is ready when this returns.
    #[track_caller]
    pub(crate) fn start_again(&self) {
        self.keeper.lock().unwrap().order("start");
        let until = Instant::now() + patience();
        while self.ask("/_ping").as_deref() != Some("OK") {
            if Instant::now() > until {
                let log = |name| fs::read_to_string(self.scratch.join(name)).unwrap_or_default();
                let told = log("log") + &log("keeper.log");
                panic!("{:?} does not answer: {told}", self.engine);
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.open_to_all();
    }

    /// As for members of its group: everybody may ask the tests' own dockerd.
    fn open_to_all(&self) {
        if self.engine == Engine::Docker {
            fs::set_permissions(&self.socket, fs::Permissions::from_mode(0o666)).unwrap();
        }
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Its folder, whose name is also that of its control groups.
    pub(crate) fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// Its process, as this host counts. Its namespaces are the engine's.
    pub(crate) fn process(&self) -> u32 {
        self.keeper.lock().unwrap().engine()
    }

    /// The engine's own client, as root.
    pub(crate) fn client(&self) -> Command {
        let (program, option) = match self.engine {
            Engine::Docker => ("docker", "--host"),
            Engine::Podman | Engine::PodmanOfUser => ("podman", "--url"),
        };
        let mut command = Command::new(tool(program));
        command
            .arg(option)
            .arg(format!("unix://{}", self.socket.display()))
            .env("HOME", self.scratch.path())
            .env_remove("DOCKER_CONTEXT")
            .env_remove("CONTAINERS_CONF");
        command
    }

    /// Gives it an image of `scripts/parts` (`node`, `python`), once. Returns the image's name.
    #[track_caller]
    pub(crate) fn load(&self, image: &str) -> String {
        let name = format!("localhost/{image}:1");
        let mut loaded = self.loaded.lock().unwrap();
        if !loaded.contains(image) {
            self.load_layout(&part(&format!("images/{image}")), "1", &name);
            loaded.insert(image.to_owned());
        }
        name
    }

    /// Gives it the image of this tag in an OCI layout, under a name with a tag.
    #[track_caller]
    pub(crate) fn load_layout(&self, layout: &Path, tag: &str, name: &str) {
        // Every engine reads the form of `docker save`, in which an image's id stays the same.
        // In a folder of its own: other tests load into a shared engine at the same time.
        let scratch = Scratch::new();
        let archive = scratch.join("image.tar");
        let mut command = Command::new(tool("skopeo"));
        command.args(["--insecure-policy", "copy", "--quiet"]);
        command.arg(format!("oci:{}:{tag}", layout.display()));
        says(command.arg(format!("docker-archive:{}:{name}", archive.display())));
        says(self.client().args(["load", "--input"]).arg(&archive));
    }

    /// The last lines that it wrote for whoever keeps it.
    pub(crate) fn log(&self) -> String {
        let log = fs::read_to_string(self.scratch.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }

    /// Its containers, running or not, as its API lists them.
    #[track_caller]
    pub(crate) fn containers(&self) -> Vec<Value> {
        let listed = self.ask("/containers/json?all=1");
        let listed = listed.unwrap_or_else(|| panic!("{:?} does not answer", self.engine));
        serde_json::from_str(&listed).unwrap_or_else(|error| panic!("{error}: {listed}"))
    }

    /// What it answers a GET of its API with, if it answers.
    pub(crate) fn ask(&self, path: &str) -> Option<String> {
        let mut stream = UnixStream::connect(&self.socket).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        // Of HTTP's first version: the answer comes in one piece, and then the stream ends.
        write!(stream, "GET {API}{path} HTTP/1.0\r\nHost: engine\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        Some(body.to_owned())
    }
}

/// What a program prints that has to succeed.
#[track_caller]
pub(crate) fn says(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}
