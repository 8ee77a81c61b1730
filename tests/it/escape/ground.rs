//! What an attack finds around it: folders with a secret beside what is granted, and listeners.

use super::attack::Attack;
use super::column::{Column, Runner};
use crate::harness::{Scratch, native, repository, tool};
use crate::layout::{layout, program};
use brig_policies::SyscallGroup;
use brig_sandbox::cell::Links;
use brig_sandbox::seccomp::{Family, FileCalls, Profile, calls};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread::{self, JoinHandle};

/// What no server may read: in a file beside the grants, and in the caller's environment.
pub(super) const SECRET: &str = "s3cret";

const LOOPBACK: [&str; 2] = ["127.0.0.1:0", "[::1]:0"];
const NO_LOOPBACK: &str = "MISSING PART: a loopback with IPv4 and IPv6";

/// Links on the way from a granted name to the secret: Linux follows 40.
const CHAIN: u32 = 30;

/// Programs and caches that all runs share, where an ordinary user reaches them.
pub(super) struct Shared {
    scratch: Scratch,
}

impl Shared {
    pub(super) fn new(users: &[u32]) -> Self {
        let scratch = Scratch::new();
        scratch.install_brig();
        let wasm = repository().join("tests/guests/hostile/hostile.wasm");
        fs::copy(wasm, scratch.join("hostile.wasm")).unwrap();
        scratch.install(&native("hostile"), "hostile");
        for user in users {
            let cache = scratch.join(format!("cache-{user}"));
            fs::create_dir_all(&cache).unwrap();
            chown(cache, Some(*user), Some(*user)).unwrap();
        }
        let root = scratch.join("root");
        program(&native("hostile"), &root, "/app/hostile");
        let wishes = json!({ "Entrypoint": ["/app/hostile"] });
        layout(&root, &wishes, &scratch.join("layout"));
        fs::remove_dir_all(root).unwrap();
        let shared = Self { scratch };
        let images = Column::ALL.iter().filter(|c| c.runner == Runner::Image);
        images.for_each(|column| shared.pull(*column));
        shared
    }

    /// Pulls the image for the user of a column, who then runs from it.
    fn pull(&self, column: Column) {
        let ground = Ground::new(self, column.user);
        let mut command = column.brig(&ground);
        command.arg("pull");
        if column.daemon().is_some() {
            column.under(&mut command);
        }
        command.arg(format!("oci:{}:it", ground.image().display()));
        command
            .env("HOME", ground.scratch.join("home"))
            .env("XDG_DATA_HOME", ground.cache());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}: {output:?}", column.name);
    }
}

/// The surroundings of one run. All that is in it may be read and written by everyone, so that what
/// is refused is refused by brig and not by the owner of a file.
pub(super) struct Ground<'a> {
    pub(super) scratch: Scratch,
    shared: &'a Shared,
    user: u32,
    tcp: [TcpListener; 2],
    udp: [UdpSocket; 2],
    /// In a file of the ground, and without one.
    unix: [UnixListener; 2],
    mail: UnixDatagram,
    /// A process that an attack may name.
    victim: OnceLock<Victim>,
    /// A file in the host's shared memory.
    shared_memory: PathBuf,
}

/// Who asks for a name: the same file has another one in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Bare,
    /// A guest: it has the manifest's names, whatever the cell.
    GuestFull,
    GuestNarrow,
    /// A native process in a cell: in a full one it has the manifest's names too, in a narrow one
    /// the host's.
    ProcessFull,
    ProcessNarrow,
    /// A program in a cell of its own, with the manifest's names.
    Program,
}

impl<'a> Ground<'a> {
    pub(super) fn new(shared: &'a Shared, user: u32) -> Self {
        let scratch = Scratch::new();
        let name = scratch.path().file_name().unwrap().to_str().unwrap();
        let shared_memory = Path::new("/dev/shm").join(name);
        fs::write(&shared_memory, SECRET).unwrap();
        let tcp = LOOPBACK.map(|at| TcpListener::bind(at).expect(NO_LOOPBACK));
        let udp = LOOPBACK.map(|at| UdpSocket::bind(at).expect(NO_LOOPBACK));
        let unix = [
            UnixListener::bind(scratch.join("socket")).unwrap(),
            UnixListener::bind_addr(&SocketAddr::from_abstract_name(name).unwrap()).unwrap(),
        ];
        let mail = UnixDatagram::bind(scratch.join("mail")).unwrap();
        mail.set_nonblocking(true).unwrap();
        for listener in &unix {
            listener.set_nonblocking(true).unwrap();
        }
        for (tcp, udp) in tcp.iter().zip(&udp) {
            tcp.set_nonblocking(true).unwrap();
            udp.set_nonblocking(true).unwrap();
        }
        let ground = Self {
            scratch,
            shared,
            user,
            tcp,
            udp,
            unix,
            mail,
            victim: OnceLock::new(),
            shared_memory,
        };
        ground.fill();
        // Root's, since nobody else may be able to write settings.
        ground.scratch.ask_nobody("home");
        ground
    }

    fn fill(&self) {
        let files = [
            ("secret", SECRET),
            ("read/hello.txt", "hello"),
            ("read/sub/deep/file.txt", "deep"),
            ("read-other/secret", SECRET),
            ("write/own.txt", "own"),
            ("write/run.sh", "#!/bin/sh\necho ran\n"),
            ("write/a/b/own.txt", "own"),
            ("told", ""),
            ("one/file.txt", "one"),
            ("one/other.txt", SECRET),
            ("brig.lock", "reviewed"),
            ("project/.git/HEAD", "ref: refs/heads/main\n"),
            ("project/.git/config", "[core]\n"),
            ("project/.git/hooks/pre-commit", "#!/bin/sh\n"),
            ("project/.git/objects/o", ""),
            ("project/.git/refs/r", ""),
            ("project/AGENTS.md", "own"),
            ("project/notes.txt", "own"),
            ("project/part/.envrc", "own"),
            ("home/.profile", ""),
            ("scratch/.keep", ""),
        ];
        for (path, text) in files {
            self.scratch.write(path, text);
        }
        for grant in ["read", "write"] {
            let link = |target: &Path, name: &str| {
                symlink(target, self.scratch.join(grant).join(name)).unwrap();
            };
            link(Path::new("../secret"), "out");
            link(&self.scratch.join("secret"), "out_absolute");
            link(Path::new(".."), "up");
            link(self.scratch.path(), "up_absolute");
            link(Path::new("out"), "chain0");
            for step in 1..CHAIN {
                let before = format!("chain{}", step - 1);
                link(Path::new(&before), &format!("chain{step}"));
            }
        }
        symlink("AGENTS.md", self.scratch.join("project/CLAUDE.md")).unwrap();
        symlink("sub/deep", self.scratch.join("read/deep")).unwrap();
        self.give(self.scratch.path());
    }

    /// To the user, and open to everyone.
    fn give(&self, path: &Path) {
        let file = fs::symlink_metadata(path).unwrap();
        lchown(path, Some(self.user), Some(self.user)).unwrap();
        if file.is_symlink() {
            return;
        }
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
        if file.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                self.give(&entry.unwrap().path());
            }
        }
    }

    /// A name that nothing else on the host has: that of the abstract socket, among others.
    fn name(&self) -> &str {
        self.scratch.path().file_name().unwrap().to_str().unwrap()
    }

    /// A program or guest that all runs share.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.shared.scratch.join(name)
    }

    /// The image of the hostile program, as a layout of OCI.
    pub(super) fn image(&self) -> PathBuf {
        self.program("layout")
    }

    /// The compiled code and the images of this user.
    pub(super) fn cache(&self) -> PathBuf {
        self.program(&format!("cache-{}", self.user))
    }

    /// A text of an attack, as one side has it. In calls `<read>` is a folder's absolute path, in a
    /// program the path below descriptor `<read_fd>`.
    pub(super) fn fill_in(&self, text: &str, side: Side, program: bool) -> String {
        let host = self.scratch.path().display().to_string();
        let folder = |name: &str| match (program, side) {
            (true, Side::Bare) => name.to_owned(),
            (true, _) => ".".to_owned(),
            (false, Side::Bare | Side::ProcessNarrow) => format!("{host}/{name}"),
            (false, Side::GuestFull | Side::GuestNarrow | Side::ProcessFull | Side::Program) => {
                format!("/{name}")
            }
        };
        // Preopens stand in the order of their names: read, then tmp where there is one, write.
        let descriptor = |full: u32, narrow: u32| match side {
            Side::Bare => 3,
            Side::GuestFull | Side::ProcessFull | Side::Program => full,
            Side::GuestNarrow | Side::ProcessNarrow => narrow,
        };
        let port = |address: std::net::SocketAddr| address.port().to_string();
        let mut names: BTreeMap<&str, String> = BTreeMap::from([
            ("<host>", host.clone()),
            ("<name>", self.name().to_owned()),
            ("<name_end>", (self.name().len() + 3).to_string()),
            ("<long>", "sub/../".repeat(500)),
            ("<calls>", answered_calls(side)),
            ("<shm>", self.shared_memory.display().to_string()),
            ("<cache>", self.cache().display().to_string()),
            ("<tcp>", port(self.tcp[0].local_addr().unwrap())),
            ("<tcp6>", port(self.tcp[1].local_addr().unwrap())),
            ("<udp>", port(self.udp[0].local_addr().unwrap())),
            ("<udp6>", port(self.udp[1].local_addr().unwrap())),
            ("<read_fd>", descriptor(3, 3).to_string()),
            ("<scratch_fd>", descriptor(4, 4).to_string()),
            ("<write_fd>", descriptor(5, 4).to_string()),
        ]);
        for (name, at) in [
            ("<read>", "read"),
            ("<write>", "write"),
            ("<one>", "one"),
            ("<project>", "project"),
        ] {
            names.insert(name, folder(at));
        }
        names.insert("<scratch>", folder("scratch"));
        if ["<victim>", "<init>"]
            .iter()
            .any(|name| text.contains(name))
        {
            let victim = self.victim.get_or_init(|| Victim::start(self.user));
            let init = if side == Side::Bare {
                victim.process
            } else {
                1
            };
            names.insert("<victim>", victim.process.to_string());
            names.insert("<init>", init.to_string());
        }
        let fill = |text: String, (name, value): (&str, String)| text.replace(name, &value);
        names.into_iter().fold(text.to_owned(), fill)
    }

    /// A call of the hostile guest: the tool and its arguments.
    pub(super) fn call(&self, call: &BTreeMap<String, Value>, side: Side) -> (String, Value) {
        let mut arguments = Map::new();
        for (name, value) in call.iter().filter(|(name, _)| *name != "tool") {
            let mut value = value.clone();
            if let Value::String(text) = &value {
                let text = self.fill_in(text, side, false);
                let number = text.parse::<u16>().ok().filter(|_| name == "port");
                value = number.map_or(Value::String(text), Value::from);
            }
            arguments.insert(name.clone(), value);
        }
        let tool = call["tool"].as_str().unwrap().to_owned();
        (tool, arguments.into())
    }

    /// The attack's manifest, in which every folder is granted that an attack may name.
    pub(super) fn manifest(&self, attack: &Attack, source: &str, column: Column) -> PathBuf {
        let grant = |name: &str, more: &str| {
            let host = self.scratch.join(name);
            format!(
                "[[files]]\nhost = \"{}\"\nat = \"/{name}\"\n{more}",
                host.display()
            )
        };
        let write = format!("access = \"write\"\nlinks = {}\n", attack.links);
        let text = format!(
            "brig = 1\n[server]\nname = \"attack\"\n{source}\n{}{}\
             [env]\nGRANTED = \"yes\"\n{}{}",
            grant("read", ""),
            grant("write", &write),
            self.fill_in(&attack.manifest, column.side(), false),
            match column.side() {
                Side::Program => groups(),
                Side::Bare
                | Side::GuestFull
                | Side::GuestNarrow
                | Side::ProcessFull
                | Side::ProcessNarrow => String::new(),
            }
        );
        let path = self.scratch.write("manifest.toml", text);
        self.give(&path);
        path
    }

    /// All that lies outside of the write grant, with its content.
    pub(super) fn outside(&self) -> BTreeSet<(PathBuf, Vec<u8>)> {
        let mut found = BTreeSet::new();
        let mut folders = vec![self.scratch.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let file = fs::symlink_metadata(&path).unwrap();
                if file.is_dir() && path != self.scratch.join("write") {
                    folders.push(path.clone());
                }
                let content = if file.is_file() {
                    let mut content = fs::read(&path).unwrap();
                    content.extend(format!("{:?}", file.modified()).bytes());
                    content
                } else {
                    Vec::new()
                };
                found.insert((path, content));
            }
        }
        found.insert((
            self.shared_memory.clone(),
            fs::read(&self.shared_memory).unwrap(),
        ));
        found
    }

    /// Whether anyone connected to a listener or sent it something.
    pub(super) fn was_reached(&self) -> bool {
        let quiet = |error: std::io::Error| {
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
            false
        };
        let tcp = self
            .tcp
            .iter()
            .any(|l| l.accept().map_or_else(quiet, |_| true));
        let mut buffer = [0; 16];
        let received =
            |s: &UdpSocket, buffer: &mut [u8]| s.recv(buffer).map_or_else(quiet, |_| true);
        let udp = self.udp.iter().any(|s| received(s, &mut buffer));
        let unix = self
            .unix
            .iter()
            .any(|l| l.accept().map_or_else(quiet, |_| true));
        let mail = self.mail.recv(&mut buffer).map_or_else(quiet, |_| true);
        tcp || udp || unix || mail
    }

    /// Whether the process that the attack could name was killed.
    pub(super) fn victim_is_dead(&self) -> bool {
        self.victim.get().is_some_and(Victim::is_dead)
    }
}

/// What the corpus' programs are granted: the more a program may do, the more must hold it.
const GROUPS: [SyscallGroup; 2] = [SyscallGroup::Jit, SyscallGroup::Subprocess];

/// A manifest's section that grants them.
fn groups() -> String {
    let names = GROUPS.map(|group| format!("\"{}\"", group.as_str()));
    format!("\n[syscalls]\nallow = [{}]\n", names.join(", "))
}

/// Calls that the worker or a program has a reason for, by number: sweeps leave them out.
fn answered_calls(side: Side) -> String {
    let profile = match side {
        Side::Program => Profile::of_program(Links::Allowed, &GROUPS.into()).0,
        Side::Bare
        | Side::GuestFull
        | Side::GuestNarrow
        | Side::ProcessFull
        | Side::ProcessNarrow => Profile::of(Family::WorkerLoaded, FileCalls::Write).0,
    };
    let named = calls().filter(|call| profile.contains(call.name));
    let numbers: Vec<String> = named.map(|call| call.number.to_string()).collect();
    numbers.join(" ")
}

/// A process of the user's, outside of every cell. It is waited for as soon as it ends, so that an
/// attack sees it gone.
#[derive(Debug)]
struct Victim {
    process: u32,
    waiting: Option<JoinHandle<()>>,
}

impl Victim {
    fn start(user: u32) -> Self {
        let mut command = Command::new(tool("sleep"));
        command.arg("600").uid(user).gid(user).stdin(Stdio::null());
        let mut process = command.spawn().unwrap();
        Self {
            process: process.id(),
            waiting: Some(thread::spawn(move || drop(process.wait()))),
        }
    }

    fn is_dead(&self) -> bool {
        self.waiting.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let process = i32::try_from(self.process).ok().and_then(Pid::from_raw);
        if let Some(process) = process.filter(|_| !self.is_dead()) {
            let _ = kill_process(process, Signal::KILL);
        }
        if let Some(waiting) = self.waiting.take() {
            let _ = waiting.join();
        }
    }
}

impl Drop for Ground<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.shared_memory);
    }
}
