//! The columns of the matrix: where a server runs, and as whom.

use super::ground::Ground;
use crate::harness::tool;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

/// A user and group id that nobody has.
pub(super) const USER: u32 = 61_236;

/// Which cell the host allows, for the isolation `component`. Other isolations get their own
/// columns when there are any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    FullRoot,
    FullUser,
    NarrowRoot,
    NarrowUser,
}

impl Column {
    pub(super) const ALL: [Self; 4] = [
        Self::FullRoot,
        Self::FullUser,
        Self::NarrowRoot,
        Self::NarrowUser,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::FullRoot => "component-full-root",
            Self::FullUser => "component-full-user",
            Self::NarrowRoot => "component-narrow-root",
            Self::NarrowUser => "component-narrow-user",
        }
    }

    /// Who runs brig and owns what it is granted.
    pub(super) fn user(self) -> u32 {
        match self {
            Self::FullRoot | Self::NarrowRoot => 0,
            Self::FullUser | Self::NarrowUser => USER,
        }
    }

    /// brig as this column runs it, up to its own arguments. Every program before it execs the
    /// next, so the process is brig in the end.
    pub(super) fn brig(self, ground: &Ground) -> Command {
        let mut words: Vec<String> = Vec::new();
        match self {
            Self::FullRoot | Self::FullUser => {}
            Self::NarrowRoot | Self::NarrowUser => {
                words.push(tool("nsenter").display().to_string());
                words.extend(NARROW.entry());
            }
        }
        if self.user() != 0 {
            let user = self.user().to_string();
            words.push(tool("setpriv").display().to_string());
            words.extend(["--reuid", &user, "--regid", &user].map(str::to_owned));
            words.extend(["--clear-groups", "--inh-caps=-all"].map(str::to_owned));
        }
        words.push(ground.program("brig").display().to_string());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
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
