//! The same walls for an ordinary user, what differs for root, and hosts that offer less.
//!
//! Needs root, to become others: each test's brig runs as a user whom nothing else on the host is.

use crate::harness::{Client, PATIENCE, Scratch, family, repository, tool, unasked};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A user and group id that nobody has.
pub(crate) const USER: u32 = 61_234;
const OTHER: u32 = 61_235;

/// brig and a guest where an ordinary user reaches them, and a home of theirs.
pub(crate) struct Home {
    pub(crate) scratch: Scratch,
    pub(crate) user: u32,
}

impl Home {
    pub(crate) fn new(user: u32) -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "MISSING PART: root (these tests become others)"
        );
        let scratch = Scratch::new();
        scratch.install_brig();
        let wasm = repository().join("tests/guests/hostile/hostile.wasm");
        fs::copy(wasm, scratch.join("hostile.wasm")).unwrap();
        scratch.ask_nobody("home");
        let home = Self { scratch, user };
        for folder in ["read", "write"] {
            fs::create_dir(home.scratch.join(folder)).unwrap();
            home.give(folder, user, 0o755);
        }
        home.give("home", user, 0o755);
        home.file("secret", "s3cret", user, 0o600);
        home.file("read/hello.txt", "hello", user, 0o600);
        std::os::unix::fs::symlink("../secret", home.scratch.join("read/out")).unwrap();
        home
    }

    pub(crate) fn give(&self, path: &str, user: u32, mode: u32) {
        let path = self.scratch.join(path);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        chown(path, Some(user), Some(user)).unwrap();
    }

    pub(crate) fn file(&self, path: &str, text: &str, user: u32, mode: u32) {
        self.scratch.write(path, text);
        self.give(path, user, mode);
    }

    pub(crate) fn manifest(&self, links: bool) -> PathBuf {
        let text = format!(
            "brig = 1\n[server]\nname = \"hostile\"\ncomponent = \"hostile.wasm\"\n\
             [[files]]\nhost = \"{}\"\nat = \"/read\"\n\
             [[files]]\nhost = \"{}\"\nat = \"/write\"\naccess = \"write\"\nlinks = {links}\n",
            self.scratch.join("read").display(),
            self.scratch.join("write").display()
        );
        self.scratch.write("hostile.toml", text)
    }

    /// The same as root and as an ordinary user.
    pub(crate) fn both() -> [Self; 2] {
        [0, USER].map(Self::new)
    }

    /// brig as the home's user.
    pub(crate) fn brig(&self) -> Command {
        let program = self.scratch.join("brig");
        if self.user == 0 {
            let mut command = Command::new(program);
            command
                .env("XDG_CONFIG_HOME", unasked())
                .env("XDG_STATE_HOME", self.scratch.join("home/.local/state"));
            command
        } else {
            self.run(program.to_str().unwrap(), "--clear-groups")
        }
    }

    /// A program as the home's user, with a caller's environment.
    pub(crate) fn run(&self, program: &str, groups: &str) -> Command {
        let user = self.user.to_string();
        let mut command = Command::new(tool("setpriv"));
        command.args([
            "--reuid",
            &user,
            "--regid",
            &user,
            groups,
            "--inh-caps=-all",
            program,
        ]);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap());
        command
            .env("HOME", self.scratch.join("home"))
            .env("HOSTILE_SECRET", "s3cret");
        command.current_dir(self.scratch.path());
        command
    }

    fn client(&self, links: bool) -> Client {
        let program = self.scratch.join("brig");
        let mut command = self.run(program.to_str().unwrap(), "--clear-groups");
        command.arg("run").arg(self.manifest(links));
        let mut client = Client::start(command);
        client.initialize();
        client
    }
}

/// What a tool says, or the words of its refusal.
pub(crate) fn say(client: &mut Client, tool: &str, arguments: &Value) -> Result<String, String> {
    let answer = client.call(7, tool, arguments);
    let text = answer["result"]["content"][0]["text"].as_str();
    let text = text
        .unwrap_or_else(|| panic!("{tool}: {answer}"))
        .to_owned();
    if answer["result"]["isError"] == json!(true) {
        Err(text)
    } else {
        Ok(text)
    }
}

#[track_caller]
pub(crate) fn refused(client: &mut Client, tool: &str, arguments: &Value, words: &str) {
    let said = say(client, tool, arguments);
    let error = said.expect_err(tool);
    assert!(error.contains(words), "{tool} {arguments}: {error}");
}

fn read(path: &str) -> Value {
    json!({ "path": path })
}

fn write(path: &str) -> Value {
    json!({ "path": path, "text": "written" })
}

/// What every user's cell refuses alike.
fn attacks(client: &mut Client, home: &Home) {
    let secret = home.scratch.join("secret").display().to_string();
    refused(
        client,
        "read_file",
        &read("/read/../secret"),
        "not permitted",
    );
    refused(client, "read_file", &read("/read/out"), "not permitted");
    refused(client, "read_file", &read(&secret), "No such file");
    refused(client, "read_file", &read("/etc/passwd"), "insufficient");
    refused(
        client,
        "write_file",
        &write("/read/hello.txt"),
        "not permitted",
    );
    refused(client, "write_file", &write("/read/new"), "not permitted");
    refused(
        client,
        "symlink",
        &json!({ "target": "x", "link": "/write/l" }),
        "denied",
    );
    refused(
        client,
        "connect",
        &json!({ "host": "127.0.0.1", "port": 1 }),
        "access-denied",
    );
    refused(
        client,
        "env",
        &json!({ "name": "HOSTILE_SECRET" }),
        "not found",
    );
    refused(
        client,
        "exec",
        &json!({ "program": "/read/hello.txt" }),
        "not supported",
    );
}

fn status(process: u32, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.unwrap()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn an_ordinary_user_has_the_same_walls() {
    let home = Home::new(USER);
    let mut client = home.client(false);
    assert_eq!(
        say(&mut client, "read_file", &read("/read/hello.txt")),
        Ok("hello".into())
    );
    assert_eq!(
        say(&mut client, "write_file", &write("/write/new")),
        Ok("done".into())
    );
    assert_eq!(
        say(&mut client, "write_file", &write("/tmp/new")),
        Ok("done".into())
    );
    let made = fs::metadata(home.scratch.join("write/new")).unwrap();
    assert_eq!((made.uid(), made.gid()), (USER, USER));
    attacks(&mut client, &home);
    let processes = family(client.process.id());
    let [_, init, worker] = processes[..] else {
        panic!("{processes:?}")
    };
    for process in [init, worker] {
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert_eq!(status(process, set), "0".repeat(16), "{set}");
        }
        let ids = [USER; 4].map(|id| id.to_string()).join(" ");
        assert_eq!(
            (status(process, "Uid"), status(process, "Gid")),
            (ids.clone(), ids)
        );
        assert_eq!(status(process, "Groups"), "");
        assert_eq!(
            (status(process, "NoNewPrivs"), status(process, "Seccomp")),
            ("1".into(), "2".into())
        );
        let map = fs::read_to_string(format!("/proc/{process}/uid_map")).unwrap();
        let map: Vec<_> = map.split_whitespace().collect();
        assert_eq!(map, ["65532", &USER.to_string(), "1"]);
    }
    assert_eq!(status(worker, "Seccomp_filters"), "2");
    let mounts = fs::read_to_string(format!("/proc/{worker}/mountinfo")).unwrap();
    let options = |at: &str| {
        let line = mounts
            .lines()
            .find(|line| line.split(' ').nth(4) == Some(at))
            .unwrap();
        line.split(' ').nth(5).unwrap().to_owned()
    };
    assert!(options("/").starts_with("ro,nosuid,nodev"));
    assert!(options("/read").starts_with("ro,nosuid,nodev,noexec"));
    assert!(options("/write").starts_with("rw,nosuid,nodev,noexec"));
    let (code, errors) = client.end();
    assert_eq!((code, errors.as_str()), (Some(0), ""));
}

/// What the user may not, the server may not, whatever the manifest grants.
#[test]
fn a_grant_gives_no_more_than_its_user_has() {
    let home = Home::new(USER);
    home.file("read/theirs", "theirs", OTHER, 0o600);
    home.file("read/shared", "shared", OTHER, 0o644);
    home.file("write/theirs", "theirs", OTHER, 0o644);
    let mut client = home.client(false);
    refused(&mut client, "read_file", &read("/read/theirs"), "denied");
    assert_eq!(
        say(&mut client, "read_file", &read("/read/shared")),
        Ok("shared".into())
    );
    refused(&mut client, "write_file", &write("/write/theirs"), "denied");
}

/// Root's server is nobody, to whom the owner of a grant is translated: of each granted folder it
/// may what its owner may, and what it makes is that owner's.
#[test]
fn roots_server_is_the_owner_of_each_grant() {
    let home = Home::new(0);
    home.give("read", 0, 0o700);
    home.give("write", USER, 0o700);
    home.file("read/mine", "mine", 0, 0o600);
    home.file("read/theirs", "theirs", OTHER, 0o600);
    home.file("read/shared", "shared", OTHER, 0o644);
    home.file("write/users", "users", USER, 0o600);
    home.file("write/roots", "roots", 0, 0o600);
    let mut client = home.client(false);
    assert_eq!(
        say(&mut client, "read_file", &read("/read/mine")),
        Ok("mine".into())
    );
    refused(&mut client, "read_file", &read("/read/theirs"), "denied");
    assert_eq!(
        say(&mut client, "read_file", &read("/read/shared")),
        Ok("shared".into())
    );
    assert_eq!(
        say(&mut client, "read_file", &read("/write/users")),
        Ok("users".into())
    );
    refused(&mut client, "read_file", &read("/write/roots"), "denied");
    refused(&mut client, "write_file", &write("/write/roots"), "denied");
    assert_eq!(
        say(&mut client, "write_file", &write("/write/users")),
        Ok("done".into())
    );
    assert_eq!(
        say(&mut client, "write_file", &write("/write/new")),
        Ok("done".into())
    );
    let owner = |path: &str| {
        let file = fs::metadata(home.scratch.join(path)).unwrap();
        (file.uid(), file.gid())
    };
    assert_eq!(owner("write/new"), (USER, USER));
    assert_eq!(owner("write/users"), (USER, USER));
    assert_eq!(owner("write/roots"), (0, 0));
    attacks(&mut client, &home);
}

#[test]
fn kept_groups_are_told() {
    let home = Home::new(USER);
    let plan = |groups: &str| {
        let program = home.scratch.join("brig");
        let mut command = home.run(program.to_str().unwrap(), groups);
        let output = command
            .arg("plan")
            .arg(home.manifest(false))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let kept = plan("--groups=61236,61237");
    assert!(kept.contains("2 supplementary groups"), "{kept}");
    let none = plan("--clear-groups");
    assert!(!none.contains("supplementary groups"), "{none}");
}

/// A grant that is replaced while the component is compiled is not the one that was decided on.
#[test]
fn a_source_that_is_replaced_during_the_start_is_refused() {
    let home = Home::new(0);
    // Under load the compiler may be seen too late: then the session is an ordinary one.
    for attempt in 0..20 {
        let cache = home.scratch.join(format!("home/cache-{attempt}"));
        let mut command = Command::new(home.scratch.join("brig"));
        command
            .arg("run")
            .arg(home.manifest(false))
            .env("XDG_CONFIG_HOME", unasked())
            .env("XDG_STATE_HOME", home.scratch.join("state"))
            .env("XDG_CACHE_HOME", &cache);
        let mut client = Client::start(command);
        let until = Instant::now() + PATIENCE;
        // Two wardens: the second one has the compiler's cell.
        while family(client.process.id()).len() < 4 && Instant::now() < until {
            thread::sleep(Duration::from_micros(100));
        }
        let (read, aside) = (home.scratch.join("read"), home.scratch.join("aside"));
        fs::rename(&read, &aside).unwrap();
        fs::create_dir(&read).unwrap();
        client.send(&json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {} }));
        let answer = client.receive();
        let (code, errors) = client.end();
        fs::remove_dir(&read).unwrap();
        fs::rename(&aside, &read).unwrap();
        if code == Some(0) {
            continue;
        }
        assert_eq!(answer["error"]["code"], json!(-31_001), "{answer}");
        assert_eq!(code, Some(6), "{errors}");
        assert!(
            errors.contains("it was replaced while brig started"),
            "{errors}"
        );
        return;
    }
    panic!("no start was slow enough to be caught compiling");
}

/// Mounts below a grant belong to no grant: the cell shows the folder under them.
#[test]
fn a_mount_below_a_grant_stays_outside() {
    let home = Home::new(0);
    home.scratch.write("read/below/under.txt", "under");
    let script =
        r#"mount -t tmpfs none read/below && echo over > read/below/over.txt && exec "$@""#;
    let mut command = Command::new(tool("unshare"));
    command.args(["--mount", "sh", "-c", script, "sh"]);
    command
        .arg(home.scratch.join("brig"))
        .arg("run")
        .arg(home.manifest(false));
    command
        .current_dir(home.scratch.path())
        .env("HOME", home.scratch.join("home"));
    let mut client = Client::start(command);
    client.initialize();
    assert_eq!(
        say(&mut client, "list_dir", &read("/read/below")),
        Ok("under.txt".into())
    );
    refused(
        &mut client,
        "read_file",
        &read("/read/below/over.txt"),
        "No such file",
    );
}

/// An ordinary user cannot leave such a mount out, so nothing is started, and the reason is told.
#[test]
fn an_ordinary_user_is_told_of_a_mount_below_a_grant() {
    let home = Home::new(USER);
    fs::create_dir(home.scratch.join("read/below")).unwrap();
    let user = USER.to_string();
    let script = "mount -t tmpfs none read/below && exec \"$@\"";
    let mut command = Command::new(tool("unshare"));
    command
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(tool("setpriv"));
    command.args(["--reuid", &user, "--regid", &user, "--clear-groups"]);
    command
        .arg(home.scratch.join("brig"))
        .arg("run")
        .arg(home.manifest(false));
    command
        .current_dir(home.scratch.path())
        .env("HOME", home.scratch.join("home"));
    let mut client = Client::start(command);
    let answer = client.ask(0, "initialize", &json!({}));
    assert_eq!(answer["error"]["code"], json!(-31_001), "{answer}");
    let (code, errors) = client.end();
    assert_eq!(code, Some(6), "{errors}");
    let told = errors.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains("grant the folders beside that mount"),
        "{errors}"
    );
}

/// A user namespace of the test's own, with the host's ids and a limit of no namespaces below it,
/// which the host does not notice.
pub(crate) struct Poor {
    holder: Child,
}

impl Poor {
    pub(crate) fn new() -> Self {
        let mut command = Command::new(tool("unshare"));
        let holder = command.args(["--user", "sleep", "1000"]).spawn().unwrap();
        let own = fs::read_link("/proc/self/ns/user").unwrap();
        let folder = format!("/proc/{}", holder.id());
        let until = Instant::now() + PATIENCE;
        while fs::read_link(format!("{folder}/ns/user")).unwrap() == own {
            assert!(Instant::now() < until, "no user namespace");
            thread::sleep(Duration::from_millis(1));
        }
        for map in ["uid_map", "gid_map"] {
            fs::write(format!("{folder}/{map}"), "0 0 4294967295").unwrap();
        }
        Self { holder }
    }

    /// brig in it, as the home's user.
    pub(crate) fn command(&self, home: &Home, subcommand: &str) -> Command {
        let user = home.user.to_string();
        let script = format!(
            "echo 0 > /proc/sys/user/max_user_namespaces \
             && exec setpriv --reuid {user} --regid {user} --clear-groups \
             ./brig {subcommand} \"$1\""
        );
        let mut command = Command::new(tool("nsenter"));
        command.arg(format!("--user=/proc/{}/ns/user", self.holder.id()));
        command.args(["--setuid", "0", "--setgid", "0", "sh", "-c", &script, "sh"]);
        command
            .arg(home.manifest(false))
            .current_dir(home.scratch.path());
        command
            .env("HOME", home.scratch.join("home"))
            .env("HOSTILE_SECRET", "s3cret");
        command
    }

    fn client(&self, home: &Home) -> Client {
        Client::start(self.command(home, "run"))
    }
}

impl Drop for Poor {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

#[test]
fn a_host_without_user_namespaces_gets_the_narrow_cell_or_is_told() {
    let home = Home::new(USER);
    let poor = Poor::new();
    let mut client = poor.client(&home);
    let answer = client.ask(0, "initialize", &json!({}));
    let abi = landlock_abi(&home);
    if abi < 6 {
        // Neither namespaces nor a Landlock that could stand in for them.
        assert_eq!(answer["error"]["code"], json!(-31_001), "{answer}");
        let (code, errors) = client.end();
        assert_eq!(code, Some(4), "{errors}");
        assert!(errors.contains("6.12 or newer"), "{errors}");
        return;
    }
    uses_its_grants_alone(&mut client, &home);
    let processes = family(client.process.id());
    let worker = *processes.last().unwrap();
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(status(worker, set), "0".repeat(16), "{set}");
    }
    assert_eq!(
        (
            status(worker, "NoNewPrivs"),
            status(worker, "Seccomp_filters")
        ),
        ("1".into(), "2".into())
    );
    // Nothing but init's death signal holds the worker to it here.
    let init = processes[processes.len() - 2];
    let id = rustix::process::Pid::from_raw(i32::try_from(init).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
    let until = Instant::now() + PATIENCE;
    while crate::harness::is_alive(worker) {
        assert!(Instant::now() < until, "the worker outlives init");
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(client.line(), None);
    assert_eq!(client.end().0, Some(7));
}

fn uses_its_grants_alone(client: &mut Client, home: &Home) {
    assert_eq!(
        say(client, "read_file", &read("/read/hello.txt")),
        Ok("hello".into())
    );
    assert_eq!(
        say(client, "write_file", &write("/write/new")),
        Ok("done".into())
    );
    let secret = home.scratch.join("secret").display().to_string();
    refused(
        client,
        "read_file",
        &read("/read/../secret"),
        "not permitted",
    );
    refused(client, "read_file", &read("/read/out"), "not permitted");
    refused(client, "read_file", &read(&secret), "insufficient");
    refused(client, "write_file", &write("/read/new"), "not permitted");
    refused(
        client,
        "connect",
        &json!({ "host": "127.0.0.1", "port": 1 }),
        "access-denied",
    );
    refused(
        client,
        "env",
        &json!({ "name": "HOSTILE_SECRET" }),
        "not found",
    );
}

fn landlock_abi(home: &Home) -> u64 {
    let mut command = Command::new(home.scratch.join("brig"));
    command
        .args(["plan", "--json"])
        .arg(home.manifest(false))
        .env("HOME", home.scratch.join("home"));
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    plan["plan"]["cell"]["landlock"]["abi"]
        .as_u64()
        .unwrap_or(0)
}
