//! The settings of a host: found, believed or refused, and a ceiling for every command.

mod network;

use crate::harness::{Client, Scratch, UNASKED, brig};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A user whose settings a test writes.
struct Home {
    scratch: Scratch,
}

impl Home {
    fn new() -> Self {
        let scratch = Scratch::new();
        fs::create_dir_all(scratch.join("home/desk")).unwrap();
        Self { scratch }
    }

    fn with(ceiling: &str) -> Self {
        let home = Self::new();
        // The tests are about ceilings, and nobody would answer.
        let text = format!("{UNASKED}[ceiling]\n{ceiling}\n");
        home.scratch.write("config/brig/config.toml", text);
        home
    }

    fn settings(&self) -> PathBuf {
        self.scratch.join("config/brig/config.toml")
    }

    fn manifest(&self, more: &str) -> String {
        let manifest = self.scratch.manifest("echo", more);
        manifest.to_str().unwrap().to_owned()
    }

    fn command(&self) -> Command {
        let mut command = brig();
        command
            .env("XDG_CONFIG_HOME", self.scratch.join("config"))
            .env("HOME", self.scratch.join("home"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    #[track_caller]
    fn check(&self, arguments: &[&str], code: i32, told: &[&str]) {
        let output = self.run(arguments);
        let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        let both = String::from_utf8_lossy(&both);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {both}");
        for words in told {
            assert!(
                both.contains(words),
                "{arguments:?}: {both:?} lacks {words:?}"
            );
        }
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

/// Every command that goes the way to a server.
const STOPS: &[&str] = &["check", "plan", "verify", "explain", "run"];

#[test]
fn without_settings_there_is_no_ceiling() {
    let home = Home::new();
    home.check(&["settings"], 0, &["no settings: there is no /"]);
    let told = home.json(&["settings", "--json"]);
    let path = home.settings();
    let places: Vec<&Value> = told["secrets"].as_array().unwrap().iter().collect();
    assert_eq!(places.len(), 2);
    assert_eq!(
        (&places[0]["place"], &places[1]["place"]),
        (&json!("keyring"), &json!("file"))
    );
    let want = json!({
        "path": path, "exists": false, "consent": "ask", "ceiling": {},
        "secrets": told["secrets"], "network": null,
    });
    assert_eq!(told, want);
    let manifest = home.manifest("[limits]\nmemory = \"1GiB\"\n");
    home.check(&["check", &manifest], 0, &["no faults"]);
    let explained = home.json(&["explain", "--json", &manifest]);
    assert_eq!(explained["lowered"], json!([]));
}

#[test]
fn settings_are_shown() {
    let home = Home::with("memory = \"64MiB\"\nwrite = []\nnetwork = [\"*.example.com\"]");
    let told = [
        "has no faults",
        "memory       64MiB",
        "write        nothing",
        "*.example.com",
    ];
    home.check(&["settings"], 0, &told);
    let told = home.json(&["settings", "--json"]);
    let bound = |most: &[&str], line: u32| json!({ "most": most, "line": line });
    let want = json!({
        "memory": bound(&["64MiB"], 4), "write": bound(&[], 5),
        "network": bound(&["*.example.com"], 6),
    });
    assert_eq!(told["ceiling"], want);
    home.scratch.write("config/brig/config.toml", "brig = 1\n");
    home.check(&["settings"], 0, &["sets no ceiling"]);
}

#[test]
fn a_default_is_lowered_and_told() {
    let home = Home::with("memory = \"64MiB\"\ncall = \"10s\"");
    let manifest = home.manifest("");
    let normal = home.json(&["check", "--json", &manifest]);
    let normal = &normal["manifest"];
    assert_eq!(normal["limits"]["memory"], json!("64MiB"));
    assert_eq!(normal["limits"]["call"], json!("10s"));
    assert_eq!(normal["limits"]["processes"], json!(64));
    let plan = home.json(&["plan", "--json", &manifest]);
    assert_eq!(plan["plan"]["bridge"]["call_ms"], json!(10_000));
    let told = [
        "lower than unless written",
        "64MiB and not 256MiB: ",
        "config/brig/config.toml line 4",
        "10s and not 1m: ",
    ];
    home.check(&["explain", &manifest], 0, &told);
    let lowered = home.json(&["explain", "--json", &manifest])["lowered"].clone();
    assert_eq!(lowered[0]["key"], "memory");
    assert_eq!(lowered[1]["line"], 5);
}

#[test]
fn what_is_written_above_the_ceiling_is_refused_everywhere() {
    let home = Home::with("memory = \"64MiB\"\nwrite = [\"~/desk\"]");
    let more = "[limits]\nmemory = \"65MiB\"\n[[files]]\nhost = \"/srv\"\naccess = \"write\"\n";
    let manifest = home.manifest(more);
    let told = [
        "beyond-ceiling",
        "`memory` of `65MiB` goes beyond the ceiling in line 4 of",
        "writing `/srv` goes beyond the ceiling in line 5 of",
    ];
    for stop in STOPS {
        home.check(&[stop, &manifest], 3, &told);
    }
    let faults = home.json(&["check", "--json", &manifest]);
    assert_eq!(faults[0]["code"], "beyond-ceiling");
    assert_eq!(faults[0]["place"]["path"], json!(manifest));
    assert_eq!(faults[0]["place"]["line"], 6);
    assert_eq!(faults.as_array().unwrap().len(), 2);
    // A comparison is of what manifests say, wherever they are used.
    let other = home
        .scratch
        .write("other.toml", fs::read(&manifest).unwrap());
    home.check(
        &["diff", &manifest, other.to_str().unwrap()],
        0,
        &["the same rights"],
    );
    let within = home.manifest("[limits]\nmemory = \"64MiB\"\n");
    home.check(&["check", &within], 0, &["no faults"]);
}

#[test]
fn a_client_is_told() {
    let home = Home::with("sources = [\"npm\"]");
    let mut command = home.command();
    command.arg("run").arg(home.manifest(""));
    let mut client = Client::start(command);
    let answer = client.ask(0, "initialize", &json!({}));
    assert_eq!(answer["error"]["code"], json!(-31001), "{answer}");
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("goes beyond the ceiling in line 4"),
        "{message}"
    );
    client.end();
}

#[test]
fn a_link_leads_out_of_no_ceiling() {
    let home = Home::with("read = [\"~/desk\"]");
    let (desk, private) = (home.scratch.join("home/desk"), home.scratch.join("private"));
    fs::create_dir_all(&private).unwrap();
    fs::create_dir_all(desk.join("notes")).unwrap();
    let manifest = home.manifest("[[files]]\nhost = \"~/desk/notes\"\nat = \"/notes\"\n");
    home.check(&["plan", &manifest], 0, &["/notes"]);
    fs::remove_dir(desk.join("notes")).unwrap();
    symlink(&private, desk.join("notes")).unwrap();
    // What is written names a folder of the ceiling; only the host knows where it leads.
    home.check(&["check", &manifest], 0, &[]);
    let told = [
        "through symbolic links",
        "goes beyond the ceiling in line 4",
    ];
    for stop in ["plan", "verify", "run"] {
        home.check(&[stop, &manifest], 3, &told);
    }
    // The ceiling's own folder may be a link.
    fs::remove_file(desk.join("notes")).unwrap();
    fs::create_dir(desk.join("notes")).unwrap();
    let moved = home.scratch.join("moved");
    fs::rename(&desk, &moved).unwrap();
    symlink(&moved, &desk).unwrap();
    home.check(&["plan", &manifest], 0, &["/notes"]);
}

#[test]
fn settings_that_a_server_could_write_are_protected() {
    let home = Home::new();
    let elsewhere = home.scratch.write("dotfiles/brig.toml", "brig = 1\n");
    fs::create_dir_all(home.scratch.join("config/brig")).unwrap();
    symlink(&elsewhere, home.settings()).unwrap();
    let dotfiles = home.scratch.join("dotfiles");
    let grant = |access: &str| {
        let dotfiles = dotfiles.display();
        format!("[[files]]\nhost = \"{dotfiles}\"\nat = \"/d\"\naccess = \"{access}\"\n")
    };
    home.check(&["plan", &home.manifest(&grant("read"))], 0, &[]);
    let told = ["refused-source", "writing it would change the settings"];
    home.check(&["check", &home.manifest(&grant("write"))], 3, &told);
}

#[test]
fn faults_of_the_settings_stop_every_server() {
    let home = Home::with("memroy = \"64MiB\"\nwrite = [\"{config}\"]\nprocesses = 0");
    let told = [
        "unknown-key",
        "did you mean `memory`?",
        "invalid-path",
        "out-of-range",
        "config.toml:4:1",
    ];
    home.check(&["settings"], 3, &told);
    let manifest = home.manifest("");
    for stop in STOPS {
        home.check(&[stop, &manifest], 3, &told);
    }
    let faults = home.json(&["settings", "--json"]);
    assert_eq!(faults.as_array().unwrap().len(), 3, "{faults:#}");
    assert_eq!(faults[0]["place"]["path"], json!(home.settings()));
    assert_eq!(faults[0]["place"]["line"], 4);
    let mut command = home.command();
    command.arg("run").arg(&manifest);
    let mut client = Client::start(command);
    let message = client.ask(0, "initialize", &json!({}))["error"]["message"].to_string();
    assert!(message.contains("config.toml:4:1"), "{message}");
    assert!(message.contains("`brig settings` shows all"), "{message}");
    client.end();
    // A draft is looked at without being in force, and whoever owns it.
    let draft = home
        .scratch
        .write("draft.toml", "brig = 1\n[ceiling]\nmemory = \"1GiB\"\n");
    home.check(
        &["settings", draft.to_str().unwrap()],
        0,
        &["memory       1GiB"],
    );
    home.check(&["settings", "absent.toml"], 3, &["settings-unreadable"]);
}

/// What is done to good settings, and what is told then.
#[track_caller]
fn check_untrusted(change: impl FnOnce(&Path), code: &str, told: &str) {
    let home = Home::with("memory = \"64MiB\"");
    let manifest = home.manifest("");
    home.check(&["check", &manifest], 0, &[]);
    change(&home.settings());
    home.check(&["settings"], 3, &[code, told]);
    home.check(&["check", &manifest], 3, &[code, told]);
    home.check(&["run", &manifest], 3, &[code, told]);
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn settings_that_others_could_have_written_are_refused() {
    let unreadable = "settings-unreadable";
    let untrusted = "settings-untrusted";
    check_untrusted(|path| set_mode(path, 0o646), untrusted, "(mode 646)");
    check_untrusted(|path| set_mode(path, 0o664), untrusted, "`chmod go-w`");
    let folder = |path: &Path| path.parent().unwrap().to_owned();
    check_untrusted(
        |path| set_mode(&folder(path), 0o777),
        untrusted,
        "(mode 777)",
    );
    let becomes = |path: &Path, text: &[u8]| fs::write(path, text).unwrap();
    check_untrusted(
        |path| becomes(path, b"brig = 1 # \xFF"),
        unreadable,
        "not UTF-8",
    );
    let long = "# ü\n".repeat(100_000);
    check_untrusted(
        |path| becomes(path, long.as_bytes()),
        "too-long",
        "keep it below 256 KiB",
    );
    let absent = |path: &Path| fs::remove_file(path).unwrap();
    check_untrusted(
        |path| {
            absent(path);
            fs::create_dir(path).unwrap();
        },
        unreadable,
        "no regular file",
    );
    check_untrusted(
        |path| {
            absent(path);
            symlink("/nowhere/at/all", path).unwrap();
        },
        unreadable,
        "No such file",
    );
    check_untrusted(
        |path| {
            absent(path);
            let status = Command::new("mkfifo")
                .args(["-m", "600"])
                .arg(path)
                .status();
            assert!(status.unwrap().success());
        },
        unreadable,
        "no regular file",
    );
}

#[test]
fn settings_of_another_user_are_refused() {
    assert!(
        rustix::process::geteuid().is_root(),
        "MISSING PART: root (this test gives a file away)"
    );
    let another = 4711;
    let told = "belongs to the user 4711";
    check_untrusted(
        |path| chown(path, Some(another), None).unwrap(),
        "settings-untrusted",
        told,
    );
    check_untrusted(
        |path| chown(path.parent().unwrap(), Some(another), None).unwrap(),
        "settings-untrusted",
        told,
    );
    // A link is followed, and what it leads to is what counts.
    check_untrusted(
        |path| {
            let elsewhere = path.with_file_name("elsewhere.toml");
            fs::rename(path, &elsewhere).unwrap();
            chown(&elsewhere, Some(another), None).unwrap();
            symlink(&elsewhere, path).unwrap();
        },
        "settings-untrusted",
        told,
    );
}

#[test]
fn the_schema_of_the_settings() {
    let home = Home::new();
    let schema = home.json(&["schema", "--settings"]);
    assert_eq!(schema["title"], "The settings of brig");
    assert!(schema["properties"]["ceiling"]["properties"]["write"].is_object());
    let mut command = home.command();
    command.env("XDG_DATA_HOME", home.scratch.join("data"));
    let output = command.args(["schema", "--settings", "--install"]).output();
    assert!(output.unwrap().status.success());
    let text = fs::read(home.scratch.join("data/brig/settings.schema.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&text).unwrap(), schema);
}
