//! The small internet (`tests/peers/egress/stand.py`), how to be in it, and sessions there.

use crate::harness::{Client, Scratch, part, repository, tool};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Who runs `PostgreSQL`: nobody else on this host.
const USER_OF_SERVERS: u32 = 61_237;

/// What is looked for there by name. A developer's own Python or git stands elsewhere in PATH.
const SEARCH_PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Every port of a name with every service, by what is spoken.
pub(super) const PORTS: &[(&str, &[u16])] = &[
    ("tls", &[443, 6380, 50052]),
    ("http", &[80]),
    ("tcp", &[25, 5432, 6379, 50051, 7000, 7001, 7002, 7003]),
];

/// Where a cell has what clients need.
const CELL: &str = "/stand";

/// The namespaces with the small internet, and the servers in them.
pub(super) struct Stand {
    scratch: Scratch,
    /// Its input, which nobody writes to, ends with the tests, and it ends with that.
    process: Child,
}

impl Stand {
    /// The one of all tests of this run.
    pub(super) fn shared() -> &'static Self {
        static STAND: LazyLock<Stand> = LazyLock::new(Stand::start);
        // A failed start is told once, and what is missing is told to each test.
        for name in ["unshare", "nsenter", "ip", "openssl", "redis-server"] {
            tool(name);
        }
        assert!(
            rustix::process::geteuid().is_root(),
            "MISSING PART: root (it makes a network)"
        );
        &STAND
    }

    fn start() -> Self {
        let scratch = Scratch::new();
        fs::create_dir(scratch.join("home")).unwrap();
        copy(
            &repository().join("tests/peers/egress"),
            &scratch.join("peers"),
            "-a",
        );
        says_yes(
            "chmod",
            &["-R", "a+rX", scratch.join("peers").to_str().unwrap()],
        );
        for name in ["python", "node", "compiled"] {
            fs::create_dir_all(scratch.join("parts")).unwrap();
            copy(
                &part(&format!("egress/{name}")),
                &scratch.join("parts").join(name),
                "-al",
            );
        }
        let log = scratch.join("stand.log");
        let mut command = Command::new(tool("unshare"));
        command
            .args(["--mount", "--net", "--propagation", "slave"])
            .arg(scratch.join("parts/python/bin/python"))
            .arg(scratch.join("peers/stand.py"))
            .arg(scratch.path())
            .arg(USER_OF_SERVERS.to_string())
            .env_clear()
            .env("PATH", SEARCH_PATH)
            // Who interrupts the tests does not interrupt what has to clear up after them.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap());
        let mut process = command.spawn().unwrap();
        let mut told = String::new();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        out.read_line(&mut told).unwrap();
        let errors = fs::read_to_string(&log).unwrap_or_default();
        assert_eq!(told, "ready\n", "the stand does not start: {errors}");
        Self { scratch, process }
    }

    /// Its process, whose namespaces are the stand's.
    pub(super) fn process(&self) -> u32 {
        self.process.id()
    }

    /// A folder that everyone may enter.
    pub(super) fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// A command in the stand. It keeps the variables that it was given, and no others.
    pub(super) fn entered(&self, command: &Command) -> Command {
        let id = self.process();
        let mut entered = Command::new(tool("nsenter"));
        entered
            .arg(format!("--net=/proc/{id}/ns/net"))
            .arg(format!("--mount=/proc/{id}/ns/mnt"))
            .arg(format!("--wdns={}", self.scratch.path().display()))
            .arg(command.get_program())
            .args(command.get_args())
            .env_clear()
            .env("HOME", self.scratch.join("home"))
            .env("PATH", SEARCH_PATH);
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                entered.env(name, value);
            }
        }
        entered
    }

    /// The server that runs programs, without a cell.
    pub(super) fn bare(&self) -> Session {
        let mut command = Command::new("/usr/bin/python3");
        command.arg(self.scratch.join("peers/run.py"));
        Session::start(
            self.entered(&command),
            Place::Bare(self.scratch.path().to_owned()),
        )
    }

    /// The same in a cell that is granted what `network` says.
    pub(super) fn walled(&self, mut brig: Command, network: &str) -> Session {
        let source = format!("command = [\"/usr/bin/python3\", \"{CELL}/peers/run.py\"]\n");
        brig.arg("run").arg(self.manifest(&source, network));
        Session::start(self.entered(&brig), Place::Cell)
    }

    /// A manifest for what runs programs, from this source.
    pub(super) fn manifest(&self, source: &str, network: &str) -> PathBuf {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mut text = format!("brig = 1\n[server]\nname = \"programs\"\n{source}");
        let mut grant = |host: &Path, at: &str, more: &str| {
            let host = host.display();
            let _ = write!(text, "[[files]]\nhost = \"{host}\"\nat = \"{at}\"\n{more}");
        };
        for (name, more) in [("peers", ""), ("trust", ""), ("parts", "exec = true\n")] {
            grant(&self.scratch.join(name), &format!("{CELL}/{name}"), more);
        }
        if source.starts_with("command") {
            let settings = settings_of_java();
            grant(&settings, settings.to_str().unwrap(), "");
        } else {
            let bundle = self.scratch.join("bundle");
            grant(&bundle, &format!("{CELL}/bundle"), "exec = true\n");
        }
        text += "[syscalls]\nallow = [\"subprocess\", \"jit\"]\n[limits]\nmemory = \"1GiB\"\n\
                 processes = 256\nopen-files = 2048\ncall = \"30m\"\n";
        text += network;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = self.scratch.write(format!("manifests/{count}.toml"), text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path
    }
}

/// Grants for every service of a name of the stand.
pub(super) fn every_service(name: &str) -> String {
    let grants = PORTS
        .iter()
        .map(|(protocol, ports)| grant(name, ports, protocol));
    grants.collect()
}

/// A grant for some ports of a name of the stand.
pub(super) fn grant(name: &str, ports: &[u16], protocol: &str) -> String {
    format!(
        "[[network]]\nhost = \"{name}.stand.test\"\nports = {ports:?}\nprotocol = \"{protocol}\"\n"
    )
}

/// Copies a folder: by links where that can be, which takes no space.
fn copy(from: &Path, to: &Path, how: &str) {
    let copied = |how: &str| {
        let mut copy = Command::new("cp");
        copy.arg(how).arg(from).arg(to);
        copy.output().unwrap().status.success()
    };
    if !copied(how) {
        let _ = fs::remove_dir_all(to);
        assert!(copied("-a"), "cannot copy {}", from.display());
    }
}

fn says_yes(program: &str, words: &[&str]) {
    let status = Command::new(tool(program)).args(words).status().unwrap();
    assert!(status.success(), "{program} {words:?}");
}

/// Debian keeps them below /etc, where its Java has links to them.
fn settings_of_java() -> PathBuf {
    let java = fs::canonicalize(tool("java")).unwrap();
    let home = java.parent().unwrap().parent().unwrap();
    let settings = fs::canonicalize(home.join("conf/net.properties")).unwrap();
    settings.parent().unwrap().to_owned()
}

/// Where a program runs, and so where it finds what it needs.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// On the host, with all of it in this folder.
    Bare(PathBuf),
    /// In a cell of brig's own.
    Cell,
    /// In a cell with an image, which has neither curl nor Node.js.
    Image,
}

impl Place {
    /// A command line with everything filled in.
    pub(super) fn words(&self, host: &str, words: &[String]) -> Vec<String> {
        let (name, rest) = words.split_first().unwrap();
        let mut filled = match self {
            Self::Image if matches!(name.as_str(), "curl" | "node") => loaded(name),
            Self::Bare(_) | Self::Cell | Self::Image => vec![self.filled(host, name)],
        };
        filled.extend(rest.iter().map(|word| self.filled(host, word)));
        filled
    }

    /// A word of a command line, or what a program says.
    pub(super) fn filled(&self, host: &str, text: &str) -> String {
        let folder = match self {
            Self::Bare(folder) => folder.to_str().unwrap(),
            Self::Cell | Self::Image => CELL,
        };
        let scratch = match self {
            Self::Bare(folder) => folder.join("home").display().to_string(),
            Self::Cell | Self::Image => "/tmp".to_owned(),
        };
        let filled = [
            ("{host}", format!("{host}.stand.test")),
            ("{ca}", format!("{folder}/trust/ca.pem")),
            ("{clients}", format!("{folder}/peers/clients")),
            ("{python}", format!("{folder}/parts/python/bin/python")),
            ("{modules}", format!("{folder}/parts/node/node_modules")),
            ("{compiled}", format!("{folder}/parts/compiled")),
            ("{psql}", psql()),
            ("{scratch}", scratch),
            ("{key}", key()),
        ];
        let mut text = text.to_owned();
        for (name, value) in filled {
            text = text.replace(name, &value);
        }
        text
    }
}

/// A program of the bundle, by the loader that comes with it.
fn loaded(name: &str) -> Vec<String> {
    let at = |path: &str| format!("{CELL}/bundle/{path}");
    let libraries = [at("lib/x86_64-linux-gnu"), at("usr/lib/x86_64-linux-gnu")];
    vec![
        at("lib64/ld-linux-x86-64.so.2"),
        "--library-path".to_owned(),
        libraries.join(":"),
        at(&format!("usr/bin/{name}")),
    ]
}

/// What Debian calls `psql` is a script around it.
fn psql() -> String {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("MISSING PART: postgresql");
    let mut found: Vec<PathBuf> = versions
        .map(|version| version.unwrap().path().join("bin/psql"))
        .filter(|program| program.exists())
        .collect();
    found.sort();
    found
        .pop()
        .expect("MISSING PART: psql")
        .display()
        .to_string()
}

/// A word that nobody has said before.
fn key() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("key-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A server that runs programs.
pub(super) struct Session {
    pub(super) client: Client,
    place: Place,
    id: u64,
}

/// How a program ended.
#[derive(Debug, Deserialize)]
pub(super) struct End {
    /// Its code; `"late"` where it was ended.
    pub(super) code: Value,
    /// What it wrote to standard output.
    pub(super) out: String,
    /// And to standard error.
    pub(super) err: String,
    /// How long it took.
    pub(super) seconds: f64,
}

impl Session {
    pub(super) fn start(command: Command, place: Place) -> Self {
        let mut client = Client::start(command);
        client.initialize();
        Self {
            client,
            place,
            id: 0,
        }
    }

    /// Starts a program whose answer is not waited for.
    pub(super) fn begin(
        &mut self,
        host: &str,
        words: &[String],
        variables: &BTreeMap<String, String>,
        seconds: u64,
    ) {
        self.id += 1;
        let variables: BTreeMap<_, _> = variables
            .iter()
            .map(|(name, value)| (name, self.place.filled(host, value)))
            .collect();
        let arguments = json!({
            "words": self.place.words(host, words), "variables": variables, "seconds": seconds,
        });
        let params = json!({ "name": "run", "arguments": arguments });
        self.client.send(&json!({
            "jsonrpc": "2.0", "id": self.id, "method": "tools/call", "params": params,
        }));
    }

    /// Runs a program that has so many seconds.
    #[track_caller]
    pub(super) fn run(
        &mut self,
        host: &str,
        words: &[String],
        variables: &BTreeMap<String, String>,
        seconds: u64,
    ) -> End {
        self.begin(host, words, variables, seconds);
        let until = Instant::now() + Duration::from_secs(seconds + 20);
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.client.line_within(left);
            let line = line.unwrap_or_else(|| panic!("no answer to {words:?}, {host}"));
            let answer: Value = serde_json::from_slice(&line).unwrap();
            if answer["id"] == json!(self.id) {
                let told = &answer["result"]["content"][0]["text"];
                let told = told.as_str().unwrap_or_else(|| panic!("{answer}"));
                return serde_json::from_str(told).unwrap();
            }
        }
    }

    /// The same without variables, in words with spaces between them.
    #[track_caller]
    pub(super) fn says(&mut self, host: &str, words: &str, seconds: u64) -> End {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        self.run(host, &words, &BTreeMap::new(), seconds)
    }

    /// What a program prints, and how it would be said there.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Ends it as a client does, and gives what brig wrote to standard error.
    #[track_caller]
    pub(super) fn end(self) -> String {
        let (code, errors) = self.client.end();
        assert_eq!(code, Some(0), "{errors}");
        errors
    }
}
