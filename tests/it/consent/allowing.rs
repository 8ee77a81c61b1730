//! `brig allow`: one right more, written once somebody said yes.

use super::{Home, NOBODY, edit};
use std::fs;
use std::path::PathBuf;

struct Yard {
    home: Home,
    manifest: PathBuf,
    text: String,
}

impl Yard {
    fn new(more: &str) -> Self {
        let home = Home::new();
        for folder in ["notes", "drafts"] {
            fs::create_dir_all(home.scratch.join("home").join(folder)).unwrap();
        }
        let manifest = home.manifest(more);
        let text = fs::read_to_string(&manifest).unwrap();
        Self {
            home,
            manifest,
            text,
        }
    }

    fn path(&self) -> &str {
        self.manifest.to_str().unwrap()
    }

    /// The digest that `brig allow` shows to whoever has no terminal.
    #[track_caller]
    fn digest(&self, words: &[&str]) -> String {
        let words = [&["allow"], words].concat();
        let output = self.home.output(&words);
        assert_eq!(output.status.code(), Some(12), "{output:?}");
        let told = String::from_utf8(output.stdout).unwrap();
        let line = told.lines().find_map(|line| line.strip_prefix("digest"));
        line.unwrap_or_else(|| panic!("no digest: {told}"))
            .trim()
            .to_owned()
    }

    #[track_caller]
    fn is(&self, text: &str) {
        assert_eq!(fs::read_to_string(&self.manifest).unwrap(), text);
    }
}

const NOTES: &str = "\n[[files]]\nhost = \"~/notes\"\n";

#[test]
fn nothing_is_written_until_somebody_says_yes() {
    let yard = Yard::new("");
    let told = [
        "it can also + files read `",
        "home/notes`",
        "there is no terminal to ask at",
        "brig allow",
        "--digest",
    ];
    yard.home
        .check(&["allow", yard.path(), "~/notes"], 12, &told);
    yard.home
        .check(&["allow", "--yes", yard.path(), "~/notes"], 12, &told[2..3]);
    let wrong = ["allow", yard.path(), "~/notes", "--digest", "00"];
    yard.home.check(&wrong, 12, &["the digest is another"]);
    let line = format!("\"$BRIG\" allow {} '~/notes'", yard.path());
    let (code, screen) = yard.home.at_terminal(&line, "y\n", "n\n");
    assert_eq!(code, Some(12), "{screen}");
    assert!(
        screen.contains("Write it into the manifest? [y/N]"),
        "{screen}"
    );
    yard.is(&yard.text);
    let (code, screen) = yard.home.at_terminal(&line, "", "y\n");
    assert_eq!(code, Some(0), "{screen}");
    yard.is(&format!("{}{NOTES}", yard.text));
    // Nobody read the rest of it yet.
    yard.home.asks(yard.path(), &[], NOBODY);
}

#[test]
fn what_was_approved_stays_so_with_the_right_that_was_allowed() {
    let yard = Yard::new("");
    yard.home.approve(yard.path(), &[]);
    // By the name of the server, since it is approved.
    let line = "\"$BRIG\" allow echo '~/notes'";
    let (code, screen) = yard.home.at_terminal(line, "", "y\n");
    assert_eq!(code, Some(0), "{screen}");
    yard.is(&format!("{}{NOTES}", yard.text));
    yard.home.starts(yard.path(), &[]);
    // By the digest of what follows.
    let words = ["echo", "~/drafts", "--write"];
    let digest = yard.digest(&words);
    let words = [&["allow"], &words[..], &["--digest", &digest]].concat();
    yard.home
        .check(&words, 0, &["wrote", "approved it like this"]);
    let drafts = "\n[[files]]\nhost = \"~/drafts\"\naccess = \"write\"\n";
    yard.is(&format!("{}{NOTES}{drafts}", yard.text));
    yard.home.starts(yard.path(), &[]);
    // A change that was made beside it is not approved along.
    edit(&yard.manifest, "~/drafts", "~/notes/..");
    yard.home.check(&["check", yard.path()], 3, &[]);
}

#[test]
fn a_path_is_written_as_others_could_use_it() {
    let yard = Yard::new("");
    let notes = yard.home.scratch.join("home/notes");
    for path in [
        notes.to_str().unwrap(),
        "home/../home/notes/.",
        "./home/notes",
    ] {
        let words = ["allow", yard.path(), path];
        yard.home.check(&words, 12, &["+ host = \"~/notes\""]);
    }
    yard.home
        .check(&["allow", yard.path(), "~/.ssh"], 3, &["refused-source"]);
    yard.home.check(
        &["allow", yard.path(), "echo", "--write"],
        2,
        &["goes with a path"],
    );
}

#[test]
fn a_port_of_a_host_and_a_tool_are_told_apart() {
    let yard = Yard::new("");
    let host = ["allow", yard.path(), "api.example.com:443"];
    let told = ["+ host = \"api.example.com\"", "+ ports = [443]"];
    yard.home.check(&host, 12, &told);
    yard.home.check(
        &["allow", yard.path(), "[2001:db8::1]:5432"],
        12,
        &["+ protocol = \"tcp\""],
    );
    yard.home.check(
        &["allow", yard.path(), "no_such_host:443"],
        2,
        &["is not a host and a port"],
    );
    yard.home.check(
        &["allow", yard.path(), "127.0.0.1:443"],
        2,
        &["is not a host and a port"],
    );
    let told = ["granted already: every tool that was reviewed passes"];
    yard.home.check(&["allow", yard.path(), "echo"], 2, &told);
    yard.home.check(
        &["allow", "nobody", "echo"],
        2,
        &["no manifest of a server called `nobody`"],
    );
}

#[test]
fn what_is_granted_already_is_left_alone() {
    let yard = Yard::new("[[files]]\nhost = \"~/notes\" # mine\nat = \"/notes\"\n");
    fs::create_dir_all(yard.home.scratch.join("home/notes/sub")).unwrap();
    let words = ["allow", yard.path(), "~/notes/sub"];
    yard.home
        .check(&words, 2, &["it allows nothing that it did not"]);
    yard.is(&yard.text);
}
