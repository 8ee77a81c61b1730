//! A home as its user has it: servers that are installed, folders to work on, and what is nobody
//! else's business.

use super::registry::Registry;
use super::table::Server;
use crate::engines::daemons::{self, Daemon};
use crate::harness::{part, repository, tool};
use crate::users::Home;
use brig_sandbox::engine::Engine;
use serde_json::Value;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

/// How a server is started.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start {
    /// A program of this host.
    Command,
    /// A program of an image, which was pulled from a registry.
    Image,
    /// The same under another engine.
    Under(Engine),
}

/// What `images/recipes` builds.
const IMAGES: [&str; 2] = ["node", "python"];

/// The grant of the server's own program files, which an image has itself.
const OF_NODE: &str = "[[files]]\nhost = \"~/mcp/node/node_modules\"\nat = \"/node_modules\"\n";

/// Tools whose answers name the time of the call.
const OF_THE_TIME: [&str; 3] = ["get_current_time", "git_log", "git_commit"];

pub(crate) struct World {
    home: Home,
    user: u32,
    port: u16,
    registry: Option<Registry>,
}

/// The folders of `examples/servers`.
pub(super) fn examples() -> Vec<String> {
    let folders = fs::read_dir(repository().join("examples/servers")).unwrap();
    let folders = folders
        .map(Result::unwrap)
        .filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

impl World {
    pub(crate) fn new(user: u32, start: Start) -> Self {
        let mut world = Self {
            home: Home::new(user),
            user,
            port: listened_on(),
            registry: None,
        };
        world.install();
        if !matches!(start, Start::Command) {
            world.pull();
        }
        let script = "mkdir -p outside/repository mcp/memory mcp/databases
            echo of the host >outside/secret.txt
            printf '{\"type\":\"entity\",\"name\":\"of the host\",\"entityType\":\"a\",%s}' \
                '\"observations\":[]' >outside/memory.jsonl
            python3 -c 'import sqlite3; sqlite3.connect(\"outside/notes.db\")\
                .execute(\"CREATE TABLE of_the_host (a)\")'
            cd outside/repository && git init -q && git commit -q --allow-empty -m 'of the host'";
        world.in_home(script);
        world
    }

    /// As a user would do it, without the download.
    fn install(&self) {
        let installed = part("servers");
        let (from, to) = (installed.to_str().unwrap(), self.path("mcp"));
        let copied = |how: &str| {
            let mut copy = Command::new("cp");
            copy.args([how, from, to.to_str().unwrap()])
                .output()
                .unwrap()
                .status
                .success()
        };
        // Links take no space; a second file system needs copies.
        if !copied("-al") {
            let _ = fs::remove_dir_all(&to);
            assert!(copied("-a"), "cannot copy {from}");
        }
        for environment in ["python", "sqlite"] {
            let programs = to.join(environment).join("bin");
            for program in fs::read_dir(&programs).unwrap() {
                let program = program.unwrap().path();
                let name = program.file_name().unwrap().to_string_lossy().into_owned();
                if name.starts_with("mcp-server-") {
                    says_its_interpreter(&program, &programs.join("python"));
                }
            }
        }
    }

    /// Both images, from a registry that lives as long as this.
    fn pull(&mut self) {
        let registry = Registry::start(&self.home.scratch);
        for image in IMAGES {
            let digest = registry.push(image);
            let mut pull = self.as_user(self.home.scratch.join("brig").to_str().unwrap());
            let done = pull.args(["pull", &registry.name(image)]).output().unwrap();
            let errors = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "{image}: {errors}");
            let told = String::from_utf8(done.stdout).unwrap();
            assert!(told.contains(&digest), "{image} {digest}: {told}");
        }
        self.registry = Some(registry);
    }

    /// Loads both images into a daemon of the tests' own.
    pub(super) fn load(&self, engine: Engine) {
        for image in IMAGES {
            let mut pull = self.as_user(self.home.scratch.join("brig").to_str().unwrap());
            pull.arg("pull");
            self.under(engine, &mut pull);
            let name = self.registry.as_ref().unwrap().name(image);
            let done = pull.arg(name).output().unwrap();
            let errors = String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "{engine} {image}: {errors}");
        }
    }

    /// What the daemon of the tests' own says of itself, where there is one.
    pub(super) fn log(&self, engine: Engine) -> String {
        let daemon = self.daemon(engine);
        daemon.map_or_else(String::new, |daemon| {
            format!("{engine} says:\n{}", daemon.log())
        })
    }

    /// The daemon of the tests' own that an engine is for this user.
    fn daemon(&self, engine: Engine) -> Option<&'static Daemon> {
        let kind = match (engine, self.user) {
            (Engine::Docker, _) => daemons::Engine::Docker,
            (Engine::Podman, 0) => daemons::Engine::Podman,
            (Engine::Podman, _) => daemons::Engine::PodmanOfUser,
            (Engine::Native | Engine::Crun | Engine::Runc | Engine::Runsc, _) => return None,
        };
        Some(kind.shared())
    }

    fn under(&self, engine: Engine, command: &mut Command) {
        command.arg("--engine").arg(engine.name());
        if let Some(daemon) = self.daemon(engine) {
            let socket = format!("unix://{}", daemon.socket().display());
            command
                .env("DOCKER_HOST", &socket)
                .env("CONTAINER_HOST", &socket);
        }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.home.scratch.join("home").join(below)
    }

    /// Runs a script in the home, whose files are the user's afterwards.
    fn in_home(&self, script: &str) {
        let mut shell = Command::new("sh");
        shell.args(["-euc", script]).current_dir(self.path(""));
        for variable in ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"] {
            shell.env(variable, "Somebody");
        }
        for variable in ["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"] {
            shell.env(variable, "somebody@example.org");
        }
        let done = shell.output().unwrap();
        let errors = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{script}: {errors}");
        let own = format!("{0}:{0}", self.user);
        let mut give = Command::new("chown");
        give.args(["-hR", &own]);
        for folder in ["notes", "project", "outside", "mcp/memory", "mcp/databases"] {
            let folder = self.path(folder);
            if folder.exists() {
                give.arg(folder);
            }
        }
        assert!(give.status().unwrap().success());
    }

    /// What the server works on, as it is before its first start.
    pub(super) fn fresh(&self, server: &Server) {
        self.in_home(match server.name {
            "filesystem" => {
                "rm -rf notes; mkdir notes; echo hello >notes/hello.txt; chmod 600 notes/hello.txt"
            }
            "memory" => "rm -rf mcp/memory; mkdir mcp/memory",
            "sqlite" => {
                "rm -rf mcp/databases; mkdir mcp/databases
                python3 -c 'import sqlite3; sqlite3.connect(\"mcp/databases/notes.db\")\
                    .execute(\"CREATE TABLE kept (a)\")'"
            }
            "git" => {
                "rm -rf project; mkdir project; cd project; git init -q -b main
                git config user.name Somebody; git config user.email somebody@example.org
                echo one >changed.txt; git add .; git commit -qm first; echo two >changed.txt"
            }
            _ => return,
        });
    }

    /// What it made is there, and is its user's.
    pub(super) fn check_what_it_left(&self, server: &Server) {
        let (left, words) = match server.name {
            "filesystem" => ("notes/folder/moved.txt", "two"),
            "memory" => ("mcp/memory/memory.jsonl", "knows"),
            "sqlite" => ("mcp/databases/notes.db", "CREATE TABLE own"),
            "git" => ("project/.git/logs/refs/heads/other", "second"),
            _ => return,
        };
        let left = self.path(left);
        let bytes = fs::read(&left).unwrap();
        assert!(
            String::from_utf8_lossy(&bytes).contains(words),
            "{}",
            left.display()
        );
        assert_eq!(
            fs::metadata(&left).unwrap().uid(),
            self.user,
            "{}",
            left.display()
        );
    }

    /// The manifest, with other words in it.
    fn manifest(&self, server: &Server, changes: &[(&str, &str)]) -> String {
        let path = repository().join("examples/servers").join(server.name);
        let mut text = fs::read_to_string(path.join("brig.toml")).unwrap();
        for (from, to) in changes {
            assert!(
                text.contains(from),
                "{}: no `{from}` in its manifest",
                server.name
            );
            text = text.replace(from, &self.filled(to));
        }
        text
    }

    /// The same manifest with an image for its source. The image has the server's own files.
    fn of_image(&self, text: &str) -> String {
        let mut words = words(&text.parse().unwrap()).into_iter();
        let program = words.next().unwrap();
        let image = if program == "node" { "node" } else { "python" };
        let name = Path::new(&program).file_name().unwrap().to_str().unwrap();
        // Of the two, one has its program as the entry point.
        let args: Vec<String> = (name != "node")
            .then(|| name.to_owned())
            .into_iter()
            .chain(words)
            .collect();
        let source = format!(
            "image = \"{}\"\nargs = {}\n",
            self.registry.as_ref().unwrap().name(image),
            serde_json::to_string(&args).unwrap(),
        );
        let is_source = |line: &&str| line.starts_with("command =") || line.starts_with("args =");
        let kept = text.split_inclusive('\n').filter(|line| !is_source(line));
        let text: String = kept.collect();
        text.replace("[server]\n", &format!("[server]\n{source}"))
            .replace(OF_NODE, "")
            // The server itself is found by it in an image, which has no Node.js to be kept from.
            .replace("PATH = \"/none\"", "PATH = \"/usr/local/bin:/usr/bin\"")
    }

    fn filled(&self, text: &str) -> String {
        let home = self.path("");
        let home = home.to_str().unwrap().trim_end_matches('/');
        text.replace("{home}", home)
            .replace("{port}", &self.port.to_string())
    }

    fn as_user(&self, program: &str) -> Command {
        let mut command = if self.user == 0 {
            let mut command = Command::new(program);
            command
                .env_clear()
                .env("PATH", std::env::var_os("PATH").unwrap());
            command
        } else {
            self.home.run(program, "--clear-groups")
        };
        command
            .current_dir(self.home.scratch.path())
            .env(
                "HOME",
                self.path("").to_str().unwrap().trim_end_matches('/'),
            )
            .env("HOSTILE_SECRET", "s3cret")
            .env("LANG", "C.UTF-8");
        command
    }

    /// The server in its cell.
    pub(crate) fn walled(
        &self,
        server: &Server,
        start: Start,
        changes: &[(&str, &str)],
    ) -> Command {
        let text = match start {
            Start::Command => self.manifest(server, changes),
            Start::Image | Start::Under(_) => self.of_image(&self.manifest(server, changes)),
        };
        let path = format!("manifests/{}/brig.toml", server.name);
        let path = self.home.scratch.write(path, text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let brig = self.home.scratch.join("brig");
        let mut command = match start {
            Start::Under(Engine::Crun | Engine::Runc) if self.user != 0 => {
                self.with_subordinate_ids(&brig)
            }
            Start::Command | Start::Image | Start::Under(_) => self.as_user(brig.to_str().unwrap()),
        };
        command.arg("run");
        if let Start::Under(engine) = start {
            self.under(engine, &mut command);
        }
        command.arg(path);
        command
    }

    /// Where the user has a name and subordinate ids: the mount namespace of that user's Podman.
    fn with_subordinate_ids(&self, brig: &Path) -> Command {
        let engine = daemons::Engine::PodmanOfUser.shared().process();
        let mut command = Command::new(tool("nsenter"));
        let user = self.user.to_string();
        command.arg(format!("--mount=/proc/{engine}/ns/mnt"));
        command.arg(format!("--wdns={}", self.home.scratch.path().display()));
        command.arg("setpriv");
        command.args([
            "--reuid",
            &user,
            "--regid",
            &user,
            "--clear-groups",
            "--inh-caps=-all",
        ]);
        command.arg(brig).env_clear();
        let inner = self.as_user("brig");
        for (name, value) in inner.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        command
    }

    /// The same program without a cell: what the manifest names, by the paths of the host.
    pub(crate) fn bare(&self, server: &Server, changes: &[(&str, &str)]) -> Command {
        let manifest: toml::Table = self.manifest(server, changes).parse().unwrap();
        let mut words = words(&manifest).into_iter();
        let program = words.next().unwrap();
        let mut command = match program.strip_prefix("~/") {
            Some(below) => self.as_user(self.path(below).to_str().unwrap()),
            None => self.as_user(tool(&program).to_str().unwrap()),
        };
        command.args(words.map(|word| self.on_the_host(server, &word)));
        let variables = manifest.get("env").and_then(toml::Value::as_table);
        for (name, value) in variables.into_iter().flatten() {
            command.env(name, self.on_the_host(server, value.as_str().unwrap()));
        }
        command
    }

    /// Each grant's place in the cell, and on the host; one in another before it.
    fn places(&self, server: &Server) -> Vec<(String, String)> {
        let manifest: toml::Table = self.manifest(server, &[]).parse().unwrap();
        let grants = manifest.get("files").and_then(toml::Value::as_array);
        let place = |grant: &toml::Value| {
            let host = grant["host"].as_str().unwrap().strip_prefix("~/").unwrap();
            let host = self.path(host).to_str().unwrap().to_owned();
            (grant["at"].as_str().unwrap().to_owned(), host)
        };
        let mut places: Vec<_> = grants.into_iter().flatten().map(place).collect();
        places.sort_by_key(|(at, _)| std::cmp::Reverse(at.len()));
        places
    }

    /// A path of the cell by where it is on the host.
    fn on_the_host(&self, server: &Server, text: &str) -> String {
        let places = self.places(server);
        let mut held = places.iter().filter_map(|(at, host)| {
            let below = text.strip_prefix(at.as_str())?;
            (below.is_empty() || below.starts_with('/')).then(|| format!("{host}{below}"))
        });
        held.next().unwrap_or_else(|| text.to_owned())
    }

    pub(super) fn arguments(&self, server: &Server, arguments: &str, bare: bool) -> Value {
        let mut arguments: Value = serde_json::from_str(&self.filled(arguments)).unwrap();
        for value in arguments.as_object_mut().unwrap().values_mut() {
            if let Some(text) = value.as_str().filter(|_| bare) {
                *value = self.on_the_host(server, text).into();
            }
        }
        arguments
    }

    /// An answer as it would be in a cell, without what is another one at each call.
    pub(super) fn as_in_a_cell(
        &self,
        server: &Server,
        step: &str,
        answer: &Value,
        bare: bool,
    ) -> Value {
        let mut text = answer.to_string();
        if bare {
            for (at, host) in self.places(server) {
                text = text.replace(&host, &at);
            }
        }
        if OF_THE_TIME.contains(&step) {
            text = without_time(&text);
        }
        serde_json::from_str(&text).unwrap()
    }
}

/// A manifest's program with all its arguments.
fn words(manifest: &toml::Table) -> Vec<String> {
    let of = |name: &str| {
        let words = manifest["server"].get(name).and_then(toml::Value::as_array);
        words
            .into_iter()
            .flatten()
            .map(|word| word.as_str().unwrap().to_owned())
    };
    of("command").chain(of("args")).collect()
}

/// Hashes of commits and times of the clock are other ones each time.
fn without_time(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_hexdigit() || "-+:T".contains(c);
    let mut kept = String::new();
    for word in text.split_inclusive(|c: char| !is_part(c)) {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        let told = word.trim_end_matches(|c: char| !is_part(c));
        kept += if digits >= 6 { "#" } else { told };
        kept += &word[told.len()..];
    }
    kept
}

fn says_its_interpreter(program: &Path, interpreter: &Path) {
    let text = fs::read_to_string(program).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    let text = format!("#!{}\n{rest}", interpreter.display());
    // The old one is linked to by others.
    fs::remove_file(program).unwrap();
    fs::write(program, text).unwrap();
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A port on which everybody who asks is told the same.
fn listened_on() -> u16 {
    let ear = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = ear.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in ear.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 11\r\n\
                  connection: close\r\n\r\nof the host",
            );
        }
    });
    port
}
