//! The columns of the matrix: where a server runs, and as whom.

use super::ground::{Ground, Side};
use crate::engines::daemons::{self, Daemon};
use crate::harness::tool;
use brig_sandbox::engine::Engine;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

/// A user and group id that nobody has.
pub(super) const USER: u32 = 61_236;

/// Where an attack is played: what runs it, which cell the host allows, and who runs brig.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// As attacks name it in their outcomes.
    pub(super) name: &'static str,
    pub(super) runner: Runner,
    pub(super) walls: Walls,
    /// Who runs brig and owns what it is granted.
    pub(super) user: u32,
    /// What makes the walls, where that is not brig.
    pub(super) engine: Option<Engine>,
}

/// What the attacker is in its cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runner {
    /// A guest in brig's worker: the isolation `component`.
    Component,
    /// The same worker, handed to native code once its walls are up (BRIG_TEST_CAPTURED).
    Captured,
    /// A program of its own: the isolation `container` on the native engine.
    Native,
    /// The same program in an image, which is its whole root.
    Image,
}

/// Which cell the host allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walls {
    Full,
    Narrow,
}

macro_rules! columns {
    ($($name:literal $runner:ident $walls:ident $user:expr;)*
     $(by $engine:ident: $by:literal $by_user:expr;)*) => {
        &[
            $(Column {
                name: $name,
                runner: Runner::$runner,
                walls: Walls::$walls,
                user: $user,
                engine: None,
            },)*
            $(Column {
                name: $by,
                runner: Runner::Image,
                walls: Walls::Full,
                user: $by_user,
                engine: Some(Engine::$engine),
            },)*
        ]
    };
}

impl Column {
    pub(super) const ALL: &[Self] = columns! {
        "component-full-root" Component Full 0;
        "component-full-user" Component Full USER;
        "component-narrow-root" Component Narrow 0;
        "component-narrow-user" Component Narrow USER;
        "captured-full-root" Captured Full 0;
        "captured-full-user" Captured Full USER;
        "captured-narrow-root" Captured Narrow 0;
        "captured-narrow-user" Captured Narrow USER;
        "native-root" Native Full 0;
        "native-user" Native Full USER;
        "image-root" Image Full 0;
        "image-user" Image Full USER;
        by Crun: "crun-root" 0;
        by Runc: "runc-root" 0;
        by Runsc: "runsc-root" 0;
        by Docker: "docker-root" 0;
        by Docker: "docker-user" USER;
        by Podman: "podman-root" 0;
        by Podman: "podman-user" USER;
    };

    /// The columns whose outcomes this one has too, where an attack names none of its own, the
    /// nearest first: an image differs from a program of the host in what its root holds, and an
    /// engine from brig's own cell in who makes the walls.
    pub(super) fn alike(self) -> &'static [&'static str] {
        match (self.runner, self.engine, self.user) {
            (Runner::Image, None, 0) => &["native-root"],
            (Runner::Image, None, _) => &["native-user"],
            (Runner::Image, Some(_), 0) => &["image-root", "native-root"],
            (Runner::Image, Some(_), _) => &["image-user", "native-user"],
            (Runner::Component | Runner::Captured | Runner::Native, _, _) => &[],
        }
    }

    /// The engine of the tests' own that this column needs, where it is a daemon.
    pub(super) fn daemon(self) -> Option<&'static Daemon> {
        let kind = match (self.engine?, self.user) {
            (Engine::Docker, _) => daemons::Engine::Docker,
            (Engine::Podman, 0) => daemons::Engine::Podman,
            (Engine::Podman, _) => daemons::Engine::PodmanOfUser,
            (Engine::Native | Engine::Crun | Engine::Runc | Engine::Runsc, _) => return None,
        };
        Some(kind.shared())
    }

    /// Says to brig which engine, by what its client would say it by.
    pub(super) fn under(self, command: &mut Command) {
        let Some(engine) = self.engine else { return };
        command.arg("--engine").arg(engine.name());
        if let Some(daemon) = self.daemon() {
            let socket = format!("unix://{}", daemon.socket().display());
            command
                .env("DOCKER_HOST", &socket)
                .env("CONTAINER_HOST", &socket);
        }
    }

    /// How the attacker sees the ground.
    pub(super) fn side(self) -> Side {
        match (self.runner, self.walls) {
            (Runner::Component, Walls::Full) => Side::GuestFull,
            (Runner::Component, Walls::Narrow) => Side::GuestNarrow,
            (Runner::Native | Runner::Image, _) => Side::Program,
            (Runner::Captured, Walls::Full) => Side::ProcessFull,
            (Runner::Captured, Walls::Narrow) => Side::ProcessNarrow,
        }
    }

    /// brig as this column runs it, up to its own arguments. Every program before it execs the
    /// next, so the process is brig in the end.
    pub(super) fn brig(self, ground: &Ground) -> Command {
        let mut words: Vec<String> = Vec::new();
        match self.walls {
            Walls::Full => {}
            Walls::Narrow => {
                words.push(tool("nsenter").display().to_string());
                words.extend(NARROW.entry());
            }
        }
        if self.user != 0 {
            let user = self.user.to_string();
            words.push(tool("setpriv").display().to_string());
            words.extend(["--reuid", &user, "--regid", &user].map(str::to_owned));
            words.extend(["--clear-groups", "--inh-caps=-all"].map(str::to_owned));
        }
        words.push(ground.program("brig").display().to_string());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        match self.runner {
            Runner::Component | Runner::Native | Runner::Image => {}
            Runner::Captured => {
                command.env("BRIG_TEST_CAPTURED", "1");
            }
        }
        command
    }
}

/// A process in a user namespace of the test's own, with the host's ids and a limit of no user
/// namespaces below it, which the host does not notice. Its input, and so it, ends with the test.
struct Narrow(Child);

impl Narrow {
    /// What nsenter(1) is told to enter as root.
    fn entry(&self) -> [String; 5] {
        let users = format!("--user=/proc/{}/ns/user", self.0.id());
        [&users, "--setuid", "0", "--setgid", "0"].map(str::to_owned)
    }
}

static NARROW: LazyLock<Narrow> = LazyLock::new(|| {
    let mut command = Command::new(tool("unshare"));
    command.args(["--user", "sh", "-c", "echo ready; read end"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut holder = command.spawn().unwrap();
    let mut line = String::new();
    let mut said = BufReader::new(holder.stdout.take().unwrap());
    said.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n", "no user namespace for the narrow cell");
    for map in ["uid_map", "gid_map"] {
        fs::write(format!("/proc/{}/{map}", holder.id()), "0 0 4294967295").unwrap();
    }
    let holder = Narrow(holder);
    let limit = "echo 0 > /proc/sys/user/max_user_namespaces";
    let mut command = Command::new(tool("nsenter"));
    command.args(holder.entry()).args(["sh", "-c", limit]);
    assert!(
        command.status().unwrap().success(),
        "no limit for the narrow cell"
    );
    holder
});
