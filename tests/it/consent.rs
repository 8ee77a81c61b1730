//! Consent: nothing starts that nobody on this machine approved, and what was approved starts
//! without a word.

use crate::harness::{Client, Scratch, UNASKED, brig_that_asks, cached, repository, tool};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

mod allowing;

/// A user with a home of their own, and a manifest.
pub(crate) struct Home {
    pub(crate) scratch: Scratch,
}

impl Home {
    pub(crate) fn new() -> Self {
        let scratch = Scratch::new();
        fs::create_dir_all(scratch.join("home")).unwrap();
        Self { scratch }
    }

    /// A manifest of the echo guest in a folder of its own, as somebody cloned it.
    pub(crate) fn manifest(&self, more: &str) -> PathBuf {
        let wasm = repository().join("tests/guests/echo/echo.wasm");
        fs::create_dir_all(self.scratch.join("repo")).unwrap();
        fs::copy(wasm, self.scratch.join("repo/echo.wasm")).unwrap();
        let text = format!(
            "# An echo.\nbrig = 1\n[server]\nname = \"echo\"\ncomponent = \"echo.wasm\"\n{more}"
        );
        self.scratch.write("repo/brig.toml", text)
    }

    pub(crate) fn brig(&self, words: &[&str]) -> Command {
        let mut command = cached(brig_that_asks());
        command
            .args(words)
            .env("HOME", self.scratch.join("home"))
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("XDG_STATE_HOME")
            // Of its own, so that no terminal of whoever runs the tests is asked.
            .current_dir(self.scratch.path());
        let mut apart = Command::new(tool("setsid"));
        apart
            .arg("--wait")
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => apart.env(name, value),
                None => apart.env_remove(name),
            };
        }
        apart.current_dir(self.scratch.path());
        apart
    }

    pub(crate) fn output(&self, words: &[&str]) -> Output {
        self.brig(words).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs brig and wants this exit code, and these words in what it told.
    #[track_caller]
    pub(crate) fn check(&self, words: &[&str], code: i32, told: &[&str]) -> String {
        let output = self.output(words);
        let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        let both = unwrapped(&String::from_utf8_lossy(&both));
        assert_eq!(output.status.code(), Some(code), "{words:?}: {both}");
        for wanted in told {
            let wanted = unwrapped(wanted);
            assert!(
                both.contains(&wanted),
                "{words:?}: {both:?} lacks {wanted:?}"
            );
        }
        both
    }

    /// The digest that `brig approve` shows to whoever has no terminal.
    #[track_caller]
    pub(crate) fn digest(&self, manifest: &str, more: &[&str]) -> String {
        let words = [&["approve", manifest], more].concat();
        let told = String::from_utf8(self.output(&words).stdout).unwrap();
        let line = told.lines().find_map(|line| line.strip_prefix("digest"));
        line.unwrap_or_else(|| panic!("no digest: {told}"))
            .trim()
            .to_owned()
    }

    #[track_caller]
    pub(crate) fn approve(&self, manifest: &str, more: &[&str]) {
        let digest = self.digest(manifest, more);
        let words = [&["approve", manifest, "--digest", &digest], more].concat();
        self.check(&words, 0, &["is approved"]);
    }

    /// What a client gets for its first request, and what is told beside it.
    pub(crate) fn run(&self, manifest: &str, more: &[&str]) -> (Value, Option<i32>, String) {
        let words = [&["run", manifest], more].concat();
        let mut client = Client::start(self.brig(&words));
        let answer = client.ask(0, "initialize", &json!({}));
        let (code, errors) = client.end();
        (answer, code, unwrapped(&errors))
    }

    /// It starts, and nothing is said.
    #[track_caller]
    pub(crate) fn starts(&self, manifest: &str, more: &[&str]) {
        let (answer, code, errors) = self.run(manifest, more);
        assert_eq!((code, errors.as_str()), (Some(0), ""), "{answer}");
        assert!(answer["result"].is_object(), "{answer}");
    }

    /// It does not start, and the client and whoever reads its errors are told what would approve.
    #[track_caller]
    pub(crate) fn asks(&self, manifest: &str, more: &[&str], told: &str) {
        let (answer, code, errors) = self.run(manifest, more);
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert_eq!(code, Some(12), "{answer} {errors}");
        assert_eq!(answer["error"]["code"], json!(-31_001), "{answer}");
        assert_eq!(answer["error"]["data"]["code"], "start-refused");
        let command = format!("`brig approve {manifest}");
        for text in [message, errors.as_str()] {
            assert!(text.contains(told) && text.contains(&command), "{text}");
        }
    }

    /// Runs a shell's line at a terminal, types an answer once it asks, and gives what was on the
    /// screen.
    pub(crate) fn at_terminal(
        &self,
        line: &str,
        early: &str,
        answer: &str,
    ) -> (Option<i32>, String) {
        let brig = self.brig(&[]);
        let mut command = Command::new(tool("script"));
        command.args(["--quiet", "--return", "--command", line, "/dev/null"]);
        for (name, value) in brig.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .env("BRIG", brig_that_asks().get_program())
            .current_dir(self.scratch.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut to = process.stdin.take().unwrap();
        let mut from = process.stdout.take().unwrap();
        to.write_all(early.as_bytes()).unwrap();
        let mut screen = Vec::new();
        let mut bytes = [0; 4096];
        let mut answered = false;
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            screen.extend_from_slice(&bytes[..count]);
            if !answered && screen.ends_with(b"[y/N] ") {
                to.write_all(answer.as_bytes()).unwrap();
                answered = true;
            }
        }
        let code = process.wait().unwrap().code();
        drop(to);
        (code, String::from_utf8_lossy(&screen).replace('\r', ""))
    }
}

/// Words, whatever lines a screen breaks them into.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

const NOBODY: &str = "nobody on this machine has approved that `echo` starts";
const CHANGED: &str = "`echo` is not what you approved on this machine any more";

#[test]
fn nothing_starts_that_nobody_approved() {
    let home = Home::new();
    let manifest = home.manifest("");
    let manifest = manifest.to_str().unwrap();
    home.asks(manifest, &[], NOBODY);
    for words in [&["verify", manifest][..], &["call", manifest, "echo"]] {
        home.check(
            words,
            if words[0] == "call" { 9 } else { 12 },
            &["brig approve"],
        );
    }
    home.check(&["approvals", "ls"], 0, &["nothing is approved"]);
    // What does not start anything asks nobody.
    for stop in ["check", "plan", "explain"] {
        home.check(&[stop, manifest], 0, &[]);
    }
    assert!(
        !home
            .scratch
            .join("home/.local/state/brig/approved")
            .exists()
    );
}

/// The line for machines is given only with everything that it approves.
#[test]
fn without_a_terminal_a_digest_is_asked_for() {
    let home = Home::new();
    let manifest = home.manifest("");
    let manifest = manifest.to_str().unwrap();
    let digest = home.digest(manifest, &[]);
    let command = format!("`brig approve {manifest} --digest {digest}`");
    let told = [
        "there is no terminal to ask at",
        &command,
        "it cannot",
        "blake3",
    ];
    home.check(&["approve", manifest], 12, &told);
    home.check(&["approve", "--yes", manifest], 12, &told[..1]);
    let other = digest.replace(['0', '1', '2', '3', '4', '5', '6', '7'], "8");
    home.check(
        &["approve", manifest, "--digest", &other],
        12,
        &["the digest is another"],
    );
    home.asks(manifest, &[], NOBODY);
}

#[test]
fn what_was_approved_starts_silently_until_it_is_revoked() {
    let home = Home::new();
    let path = home.manifest("");
    let manifest = path.to_str().unwrap();
    let digest = home.digest(manifest, &[]);
    let ways: [&[&str]; 5] = [
        &["revoke", manifest],
        &["revoke", "repo/../repo/brig.toml"],
        &["revoke", "echo"],
        &["revoke", &digest[..8]],
        &["revoke", "--all"],
    ];
    for way in ways {
        home.approve(manifest, &[]);
        home.starts(manifest, &[]);
        home.starts("repo/brig.toml", &[]);
        home.check(&["approve", manifest], 0, &["`echo` is approved as it is"]);
        home.check(&[&["approvals"], way].concat(), 0, &["revoked", &digest]);
        home.asks(manifest, &[], NOBODY);
    }
    home.check(
        &["approvals", "revoke", "echo"],
        2,
        &["nothing that is approved is called"],
    );
    home.check(&["approvals", "revoke", &digest[..7]], 2, &[]);
}

#[test]
fn approvals_are_listed() {
    let home = Home::new();
    let path = home.manifest("");
    let manifest = path.to_str().unwrap();
    home.approve(manifest, &[]);
    let digest = {
        let output = home.output(&["approvals", "ls", "--json"]);
        let list: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(list[0]["manifest"], json!(path));
        assert_eq!(list[0]["server"], "echo");
        assert_eq!(list[0]["how"], "digest");
        assert_eq!(list[0]["project"], Value::Null);
        list[0]["digest"].as_str().unwrap().to_owned()
    };
    home.check(&["approvals", "ls"], 0, &[&digest[..16], "echo", manifest]);
    fs::remove_file(&path).unwrap();
    home.check(&["approvals", "ls"], 0, &["(gone)"]);
    home.check(&["approvals", "revoke", manifest], 0, &[&digest]);
}

#[test]
fn a_person_is_asked_at_the_terminal() {
    let home = Home::new();
    let path = home.manifest("");
    let manifest = path.to_str().unwrap();
    let approve = format!("\"$BRIG\" approve {manifest}");
    for no in ["n\n", "\n", "yess\n", "Y e s\n", "\u{4}"] {
        let (code, screen) = home.at_terminal(&approve, "", no);
        assert_eq!(code, Some(12), "{no:?}: {screen}");
        assert!(screen.contains("you did not approve"), "{screen}");
    }
    // What was typed before the question is no answer to it.
    let (code, screen) = home.at_terminal(&approve, "y\ny\ny\n", "n\n");
    assert_eq!(code, Some(12), "{screen}");
    home.asks(manifest, &[], NOBODY);
    for yes in ["y\n", "yes\n", "YES\n"] {
        let (code, screen) = home.at_terminal(&approve, "", yes);
        assert_eq!(code, Some(0), "{yes:?}: {screen}");
        assert!(
            screen.contains("Approve that it starts like this? [y/N]"),
            "{screen}"
        );
        home.starts(manifest, &[]);
        home.check(&["approvals", "revoke", "--all"], 0, &[]);
    }
    let (code, screen) = home.at_terminal(&format!("{approve} --yes"), "", "");
    assert_eq!(code, Some(0), "{screen}");
    assert!(
        screen.contains("it cannot") && !screen.contains("[y/N]"),
        "{screen}"
    );
    home.starts(manifest, &[]);
}

/// The terminal is asked, and standard input is the protocol's: what a client says is no answer.
#[test]
fn a_run_at_a_terminal_asks_there() {
    let home = Home::new();
    let path = home.manifest("");
    let manifest = path.to_str().unwrap();
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#;
    home.scratch.write("in", format!("y\n{request}\ny\n"));
    let line = format!("\"$BRIG\" run {manifest} <in >out");
    let (code, screen) = home.at_terminal(&line, "", "n\n");
    assert_eq!(code, Some(12), "{screen}");
    assert!(
        screen.contains("Start it, now and from now on? [y/N]"),
        "{screen}"
    );
    let out = fs::read_to_string(home.scratch.join("out")).unwrap();
    assert!(out.contains("-31001") && !out.contains("y/N"), "{out}");
    let (code, screen) = home.at_terminal(&line, "", "y\n");
    assert_eq!(code, Some(0), "{screen}");
    let out = fs::read_to_string(home.scratch.join("out")).unwrap();
    assert!(
        out.contains("\"result\"") && out.lines().count() == 1,
        "{out}"
    );
    home.starts(manifest, &[]);
    let (code, screen) = home.at_terminal(&line, "", "");
    assert_eq!(code, Some(0), "{screen}");
    assert!(!screen.contains("[y/N]"), "{screen}");
    // A client that has the terminal for itself keeps its servers' errors elsewhere.
    home.check(&["approvals", "revoke", "--all"], 0, &[]);
    let (code, screen) = home.at_terminal(&format!("{line} 2>errors"), "", "y\n");
    assert_eq!((code, screen.as_str()), (Some(12), ""));
}

/// What a change of the surroundings comes to.
#[track_caller]
fn check_change(change: impl FnOnce(&Home, &Path), told: Option<&[&str]>) {
    let home = Home::new();
    let data = home.scratch.join("data");
    fs::create_dir_all(&data).unwrap();
    let grant = format!(
        "[[files]]\nhost = \"{}\"\nat = \"/data\"\naccess = \"write\"\n",
        data.display()
    );
    let path = home.manifest(&grant);
    let manifest = path.to_str().unwrap();
    home.approve(manifest, &[]);
    home.starts(manifest, &[]);
    change(&home, &path);
    match told {
        None => home.starts(manifest, &[]),
        Some(told) => {
            home.asks(manifest, &[], CHANGED);
            home.check(
                &["approve", manifest],
                12,
                &[&["since it was approved on 20"], told].concat(),
            );
        }
    }
}

fn edit(manifest: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(manifest).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(manifest, text.replace(from, to)).unwrap();
}

#[test]
fn a_change_of_what_was_approved_is_asked_about_and_shown() {
    let more = "[[files]]\nhost = \"/srv\"\nat = \"/srv\"\n";
    check_change(
        |_, manifest| edit(manifest, "[[files]]", &format!("{more}[[files]]")),
        Some(&["it can also + files read `/srv`"]),
    );
    check_change(
        |_, manifest| edit(manifest, "access = \"write\"\n", ""),
        Some(&["it can no longer - files create, change and delete in"]),
    );
    check_change(
        |_, manifest| edit(manifest, "[[files]]", "args = [\"--all\"]\n[[files]]"),
        Some(&["and it is started in another way", "--all"]),
    );
    check_change(
        |home, _| {
            let other = repository().join("tests/guests/hostile/hostile.wasm");
            fs::copy(other, home.scratch.join("repo/echo.wasm")).unwrap();
        },
        Some(&["no right changed; this host, brig or what is run did"]),
    );
    check_change(
        |home, _| {
            let digest = format!("blake3:{}", "5".repeat(64));
            let lock = format!(
                "lock = 1\neras = [\"legacy\"]\nmanifest = \"{digest}\"\n\
                 [artifact]\ncomponent = \"{digest}\"\n"
            );
            home.scratch.write("repo/brig.lock", lock);
            home.check(
                &["run", "repo/brig.toml"],
                14,
                &["what runs is not what was reviewed"],
            );
            fs::remove_file(home.scratch.join("repo/brig.lock")).unwrap();
            edit(
                &home.scratch.join("repo/brig.toml"),
                "echo.wasm",
                "./echo.wasm",
            );
        },
        Some(&["no right changed"]),
    );
}

#[test]
fn what_changes_nothing_is_not_asked_about() {
    check_change(
        |_, manifest| edit(manifest, "# An echo.", "# Another remark.\n\n"),
        None,
    );
    check_change(
        |_, manifest| edit(manifest, "name = \"echo\"\n", "name   =   'echo' # here\n"),
        None,
    );
    // What the host obeys stays read-only, and comes and goes with the user's work.
    check_change(
        |home, _| {
            home.scratch.write("data/.envrc", "");
            home.scratch.write("data/sub/.vscode/settings.json", "{}");
        },
        None,
    );
    check_change(
        |home, _| drop(home.scratch.write("data/notes.md", "text")),
        None,
    );
}

/// A repository can bring a manifest, a lock, and whatever it likes beside them.
#[test]
fn a_folder_that_was_cloned_approves_nothing() {
    let home = Home::new();
    let path = home.manifest("");
    let manifest = path.to_str().unwrap();
    let victim = Home::new();
    let state = victim.scratch.join("home/.local/state/brig/approved");
    // The attacker knows the path and the machine, and approves in the victim's place.
    home.approve(manifest, &[]);
    let own = home.scratch.join("home/.local/state/brig/approved");
    fs::create_dir_all(&state).unwrap();
    for entry in fs::read_dir(&own).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), state.join(entry.file_name())).unwrap();
    }
    let told = &["somebody else could have approved in your name"];
    // As git makes folders, and then files.
    fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
    victim.check(&["run", manifest], 12, told);
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(&state).unwrap() {
        fs::set_permissions(entry.unwrap().path(), fs::Permissions::from_mode(0o644)).unwrap();
    }
    victim.check(&["run", manifest], 12, told);
    for entry in fs::read_dir(&state).unwrap() {
        let path = entry.unwrap().path();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        chown(&path, Some(61_235), None).expect("MISSING PART: root (this test gives files away)");
    }
    victim.check(&["run", manifest], 12, told);
    // One that says something else than its name.
    for entry in fs::read_dir(&own).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let digest = path.file_name().unwrap().to_str().unwrap();
        let other = digest.replace(['0', '1', '2', '3'], "4");
        let text = text.replace("/repo/brig.toml", "/other/brig.toml");
        fs::write(&path, text).unwrap();
        home.check(
            &["run", manifest],
            12,
            &["none that brig wrote for its name"],
        );
        fs::rename(&path, own.join(other)).unwrap();
    }
    home.asks(manifest, &[], NOBODY);
}

#[test]
fn a_project_is_approved_for_itself() {
    let home = Home::new();
    let path = home.manifest("[[files]]\nhost = \"{project}/data\"\nat = \"/data\"\n");
    let manifest = path.to_str().unwrap();
    for project in ["one", "other"] {
        fs::create_dir_all(home.scratch.join(format!("{project}/data"))).unwrap();
    }
    let (one, other) = (home.scratch.join("one"), home.scratch.join("other"));
    let one = ["--project", one.to_str().unwrap()];
    let other = ["--project", other.to_str().unwrap()];
    home.approve(manifest, &one);
    home.starts(manifest, &one);
    home.asks(manifest, &other, NOBODY);
    home.check(&["approvals", "ls"], 0, &[&format!("in {}", one[1])]);
    home.approve(manifest, &other);
    home.starts(manifest, &other);
    home.starts(manifest, &one);
    // Without the placeholder a project makes no difference.
    let path = home.manifest("");
    let manifest = path.to_str().unwrap();
    home.approve(manifest, &[]);
    home.starts(manifest, &one);
}

#[test]
fn a_digest_on_the_command_line_is_consent_to_that_start_alone() {
    let home = Home::new();
    let path = home.manifest("");
    let manifest = path.to_str().unwrap();
    let digest = home.digest(manifest, &[]);
    home.starts(manifest, &["--digest", &digest]);
    home.asks(manifest, &[], NOBODY);
    edit(&path, "[server]", "[limits]\nmemory = \"1GiB\"\n[server]");
    home.asks(manifest, &["--digest", &digest], "the digest is another");
    home.check(&["run", manifest, "--without-lock"], 2, &["--digest"]);
}

#[test]
fn a_host_that_does_not_ask_says_so() {
    let home = Home::new();
    let path = home.manifest("");
    let manifest = path.to_str().unwrap();
    home.scratch.write("home/.config/brig/config.toml", UNASKED);
    home.starts(manifest, &[]);
    home.check(
        &["settings"],
        0,
        &["servers start unasked: `consent` is `none`"],
    );
    assert!(
        !home
            .scratch
            .join("home/.local/state/brig/approved")
            .exists()
    );
}

/// The newest approvals of a manifest are kept, and each is whole.
#[test]
fn old_approvals_lapse() {
    let home = Home::new();
    let path = home.manifest("args = [\"0\"]\n");
    let manifest = path.to_str().unwrap();
    for count in 0..20 {
        edit(
            &path,
            &format!("args = [\"{count}\"]"),
            &format!("args = [\"{}\"]", count + 1),
        );
        home.approve(manifest, &[]);
    }
    let output = home.output(&["approvals", "ls", "--json"]);
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 16);
    home.starts(manifest, &[]);
    let state = home.scratch.join("home/.local/state/brig/approved");
    assert_eq!(fs::read_dir(&state).unwrap().count(), 16);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    for entry in fs::read_dir(&state).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

/// No manifest can grant the folder: whoever writes there approves.
#[test]
fn approvals_lie_outside_of_every_grant() {
    let home = Home::new();
    for host in [
        "~/.local/state/brig",
        "~/.local/state/brig/approved",
        "~/.local/state",
        "~/.local",
    ] {
        let path = home.manifest(&format!("[[files]]\nhost = \"{host}\"\nat = \"/x\"\n"));
        home.check(
            &["check", path.to_str().unwrap()],
            3,
            &["refused-source", "cannot be granted"],
        );
    }
}

/// How a right goes on in its next line.
const MORE: &str = "\n               ";

/// The screen, word by word (`UPDATE=1` rewrites it), but for what depends on the host.
#[test]
fn the_first_screen_shows_everything() {
    let home = Home::new();
    let deep = "a-folder-with-a-long-name/".repeat(8);
    let long = format!("--option={}", "x".repeat(300));
    fs::create_dir_all(home.scratch.join("home/notes").join(&deep)).unwrap();
    fs::create_dir_all(home.scratch.join("home/drafts")).unwrap();
    let more = format!(
        "args = [\"{long}\", \"two words\", \"--last\"]\n\
         [[files]]\nhost = \"~/notes/{deep}\"\nat = \"/notes\"\n\
         [[files]]\nhost = \"~/drafts\"\nat = \"/drafts\"\naccess = \"write\"\nlinks = true\n\
         [env]\nTOKEN = {{ host = \"API_TOKEN\" }}\n"
    );
    let path = home.manifest(&more.replace(
        &format!("{deep}\""),
        &format!("{}\"", deep.trim_end_matches('/')),
    ));
    let told = String::from_utf8(home.output(&["approve", path.to_str().unwrap()]).stdout).unwrap();
    for whole in [&long, "two words", "--last", deep.trim_end_matches('/')] {
        assert!(told.contains(whole), "{told}");
    }
    let told = told.replace(home.scratch.path().to_str().unwrap(), "{scratch}");
    // Where a line breaks depends on where the test runs.
    let told = told.replace(MORE, " ");
    let (before, after) = told.split_once("\nstays open\n").unwrap();
    let (_, after) = after.split_once("\n\n").unwrap();
    let digest = after.lines().next().unwrap();
    assert!(
        digest.starts_with("digest       ") && digest.len() == 77,
        "{digest}"
    );
    let expected = repository().join("tests/it/consent/first-run.expected");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&expected, before).unwrap();
    }
    assert_eq!(before, fs::read_to_string(expected).unwrap());
}
