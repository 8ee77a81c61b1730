//! What the host obeys stays as it is inside a write grant, unless the manifest names it.
//!
//! Needs root, to become others.

use crate::harness::Client;
use crate::users::{Home, Poor, USER, refused, say};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{lchown, symlink};
use std::path::{Path, PathBuf};

const OTHER: u32 = 61_235;

/// A project in the write grant: a repository, settings, orders to agents, and a nested folder.
fn project(user: u32) -> Home {
    let home = Home::new(user);
    let files = [
        ".git/HEAD",
        ".git/config",
        ".git/index",
        ".git/hooks/pre-commit",
        ".git/objects/o",
        ".git/refs/r",
        ".envrc",
        "AGENTS.md",
        "tools/agent/settings.json",
        "part/deep/.env",
        "part/deep/code.txt",
        "bare/HEAD",
        "bare/config",
        "bare/objects/o",
        "bare/refs/r",
        "code.txt",
    ];
    for path in files {
        home.scratch.write(format!("write/{path}"), "before");
    }
    symlink("AGENTS.md", home.scratch.join("write/CLAUDE.md")).unwrap();
    symlink("tools/agent", home.scratch.join("write/.claude")).unwrap();
    own(&home.scratch.join("write"), user);
    home
}

fn own(path: &Path, user: u32) {
    lchown(path, Some(user), Some(user)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).unwrap() {
            own(&entry.unwrap().path(), user);
        }
    }
}

/// The write grant with all of its rights, and these named inside it.
fn manifest(home: &Home, named: &[&str]) -> PathBuf {
    let write = home.scratch.join("write");
    let entry = |below: &str| {
        format!(
            "[[files]]\nhost = \"{}{below}\"\nat = \"/write{below}\"\naccess = \"write\"\n\
             exec = true\nlinks = true\n",
            write.display()
        )
    };
    let mut text = "brig = 1\n[server]\nname = \"h\"\ncomponent = \"hostile.wasm\"\n".to_owned();
    text += &entry("");
    for below in named {
        text += &entry(&format!("/{below}"));
    }
    home.scratch.write("hostile.toml", text)
}

fn brig(home: &Home, words: &[&str], manifest: &Path) -> std::process::Command {
    let program = home.scratch.join("brig");
    let mut command = home.run(program.to_str().unwrap(), "--clear-groups");
    command.args(words).arg(manifest);
    command
}

fn start(home: &Home, named: &[&str]) -> Client {
    let mut client = Client::start(brig(home, &["run"], &manifest(home, named)));
    client.initialize();
    client
}

/// Everything in the write grant, with what it holds or leads to.
fn content(home: &Home) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![home.scratch.join("write")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let holds = if path.is_symlink() {
                fs::read_link(&path).unwrap().display().to_string()
            } else if path.is_dir() {
                folders.push(path.clone());
                String::new()
            } else {
                fs::read_to_string(&path).unwrap()
            };
            found.insert(path, holds);
        }
    }
    found
}

fn write(path: &str) -> Value {
    json!({ "path": format!("/write/{path}"), "text": "after" })
}

fn rename(path: &str, to: &str) -> Value {
    json!({ "path": format!("/write/{path}"), "to": format!("/write/{to}") })
}

/// What a component is told of `EROFS` and `EXDEV`, for which wasmtime has no other name.
const READ_ONLY: &str = "I/O error";
const BUSY: &str = "busy";

fn attack(client: &mut Client) {
    for path in [
        ".git/config",
        ".git/hooks/pre-commit",
        ".git/hooks/post-checkout",
        ".git/commondir",
        ".envrc",
        "AGENTS.md",
        "CLAUDE.md",
        ".claude/settings.json",
        ".claude/new",
        "tools/agent/settings.json",
        "part/deep/.env",
        "bare/config",
        "bare/hooks",
    ] {
        refused(client, "write_file", &write(path), READ_ONLY);
    }
    for path in [".envrc", "CLAUDE.md", ".claude", "part/deep/.env"] {
        let path = json!({ "path": format!("/write/{path}") });
        refused(client, "remove", &path, BUSY);
    }
    for path in [
        ".git",
        ".envrc",
        "CLAUDE.md",
        ".claude",
        "tools",
        "tools/agent",
        "part",
        "part/deep",
        "part/deep/.env",
        "bare",
    ] {
        // A mount can neither be moved nor be moved upon.
        refused(client, "rename", &rename(path, &format!("{path}-2")), BUSY);
    }
    refused(client, "rename", &rename("code.txt", ".envrc"), BUSY);
    let inside = rename(".git/hooks", ".git/hooks-2");
    refused(client, "rename", &inside, READ_ONLY);
    let out = rename(".git/config", "config");
    refused(client, "rename", &out, READ_ONLY);
    let link = |link: &str| json!({ "target": "code.txt", "link": format!("/write/{link}") });
    refused(client, "symlink", &link(".envrc"), "exists");
    refused(client, "symlink", &link(".git/hooks/x"), READ_ONLY);
    let second = json!({ "source": "/write/.envrc", "link": "/write/second" });
    refused(client, "hard_link", &second, READ_ONLY);
}

#[track_caller]
fn check(user: u32) {
    let home = project(user);
    let before = content(&home);
    let mut client = start(&home, &[]);
    attack(&mut client);
    assert_eq!(content(&home), before);
    // What nobody obeys is the server's, beside it and in folders that are kept in place.
    for path in ["code.txt", "new.txt", "part/deep/code.txt", "part/new.txt"] {
        let said = say(&mut client, "write_file", &write(path));
        assert_eq!(said, Ok("done".into()), "{path}");
        let written = home.scratch.join("write").join(path);
        assert_eq!(fs::read_to_string(written).unwrap(), "after");
    }
    let config = json!({ "path": "/write/.git/config" });
    let said = say(&mut client, "read_file", &config);
    assert_eq!(said, Ok("before".into()));
    assert_eq!(client.end(), (Some(0), String::new()));
}

#[test]
fn a_server_of_root_cannot_change_it() {
    check(0);
}

#[test]
fn a_server_of_a_user_cannot_change_it() {
    check(USER);
}

/// A program of this host has more ways than a component, and meets the same mounts.
#[test]
fn a_program_cannot_change_it() {
    const ATTACKS: &str = "cd /write || exit
        try() { if \"$@\" 2>/dev/null; then echo \"DONE $*\" >&2; fi; }
        try cp code.txt .git/config
        try cp --remove-destination code.txt .git/hooks/pre-commit
        try mv .git g
        try rm -rf .git
        try rm -f .envrc
        try rm -f CLAUDE.md
        try rm -f .claude
        try cp code.txt .envrc
        try mv -T code.txt .envrc
        try ln -sf code.txt AGENTS.md
        try ln .envrc second
        try mv part p
        try chmod 777 .envrc
        try truncate -s 0 part/deep/.env
        try touch .git/config
        try umount .envrc
        try mount -o remount,rw,bind .git
        try cp code.txt part/allowed
        echo tried >&2";
    for user in [0, USER] {
        let home = project(user);
        home.file("read/attack", ATTACKS, user, 0o644);
        let mut want = content(&home);
        let text = format!(
            "brig = 1\n[server]\nname = \"h\"\ncommand = [\"sh\", \"/read/attack\"]\n\
             [[files]]\nhost = \"{}\"\nat = \"/read\"\n\
             [[files]]\nhost = \"{}\"\nat = \"/write\"\naccess = \"write\"\nlinks = true\n",
            home.scratch.join("read").display(),
            home.scratch.join("write").display()
        );
        let manifest = home.scratch.write("program.toml", text);
        let output = brig(&home, &["run"], &manifest).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains("tried"), "{errors}");
        let done = errors.matches("DONE").count();
        assert!(done == 1 && errors.contains("part/allowed"), "{errors}");
        let allowed = home.scratch.join("write/part/allowed");
        want.insert(allowed, "before".to_owned());
        assert_eq!(content(&home), want);
    }
}

/// A repository that is named can be committed to, and its hooks and settings still not changed.
#[test]
fn what_is_named_is_the_servers() {
    for user in [0, USER] {
        let home = project(user);
        let mut client = start(&home, &[".git", ".envrc"]);
        for path in [".git/index", ".git/objects/new", ".envrc"] {
            let said = say(&mut client, "write_file", &write(path));
            assert_eq!(said, Ok("done".into()), "{path}");
        }
        for (path, to) in [(".git/index", ".git/index-2"), ("code.txt", ".envrc")] {
            let said = say(&mut client, "rename", &rename(path, to));
            assert_eq!(said, Ok("done".into()), "{path}");
        }
        for path in [".git/config", ".git/hooks/new", "AGENTS.md"] {
            refused(&mut client, "write_file", &write(path), READ_ONLY);
        }
        refused(&mut client, "rename", &rename(".git", "g"), BUSY);
        refused(&mut client, "rename", &rename(".git/hooks", ".git/h"), BUSY);
    }
}

/// What a link in a repository leads to is held with it.
#[test]
fn a_linked_folder_of_hooks_is_held() {
    let home = project(USER);
    let hooks = home.scratch.join("write/.git/hooks");
    fs::remove_dir_all(&hooks).unwrap();
    home.scratch.write("write/scripts/one/commit-msg", "before");
    symlink("../scripts/two", &hooks).unwrap();
    symlink("one", home.scratch.join("write/scripts/two")).unwrap();
    own(&home.scratch.join("write"), USER);
    let mut client = start(&home, &[]);
    let hook = write("scripts/one/commit-msg");
    refused(&mut client, "write_file", &hook, READ_ONLY);
    for path in ["scripts/one", "scripts/two", "scripts"] {
        refused(
            &mut client,
            "rename",
            &rename(path, &format!("{path}-2")),
            BUSY,
        );
    }
}

/// The translation of a part is its grant's: a part that belongs to somebody else gives no more.
#[test]
fn a_part_of_another_owner_stays_theirs() {
    let home = project(USER);
    home.file("write/.envrc", "secret", OTHER, 0o600);
    // Root's brig, and a folder of that user.
    let root = Home::new(0);
    let text = format!(
        "brig = 1\n[server]\nname = \"h\"\ncomponent = \"hostile.wasm\"\n[[files]]\nhost = \"{}\"\n\
         at = \"/write\"\naccess = \"write\"\n",
        home.scratch.join("write").display()
    );
    let manifest = root.scratch.write("other.toml", text);
    let mut client = Client::start(brig(&root, &["run"], &manifest));
    client.initialize();
    let path = json!({ "path": "/write/.envrc" });
    refused(&mut client, "read_file", &path, "denied");
    let code = json!({ "path": "/write/code.txt" });
    let said = say(&mut client, "read_file", &code);
    assert_eq!(said, Ok("before".into()));
}

/// However many entries a server made, the outermost names are found, and the rest is told of.
#[test]
fn a_flood_of_files_hides_nothing_outermost() {
    let home = project(USER);
    for number in 0..20_000 {
        fs::write(home.scratch.join(format!("write/{number}")), "").unwrap();
    }
    let output = brig(&home, &["plan"], &manifest(&home, &[]))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for held in ["read-only /write/.git,", "read-only /write/.envrc,"] {
        assert!(text.contains(held), "{held}: {text}");
    }
    assert!(text.contains("obeyed-files-beyond"), "{text}");
}

#[test]
fn the_plan_and_verify_show_it() {
    for user in [0, USER] {
        let home = project(user);
        let manifest = manifest(&home, &[]);
        let output = brig(&home, &["plan"], &manifest).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        for line in [
            "read-only /write/.git, because git runs",
            "read-only /write/CLAUDE.md, because agents follow it",
            "in place /write/part/deep, because",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(!text.contains("obeyed-files-beyond"), "{text}");
        let output = brig(&home, &["verify"], &manifest).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(text.contains("mount /write/part/deep/.env"), "{text}");
    }
}

/// Nothing there holds a part of a grant, so there is no grant.
#[test]
fn a_narrow_cell_refuses_by_name() {
    let home = project(USER);
    let poor = Poor::new();
    let output = poor.command(&home, "plan").output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{errors}");
    for words in ["the host obeys `.claude`, `.envrc`, `.git`", "brig doctor"] {
        assert!(errors.contains(words), "{words}: {errors}");
    }
}
