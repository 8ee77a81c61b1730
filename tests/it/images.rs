//! `image`: a program in an unpacked image, as root and as an ordinary user.

use crate::harness::{Client, Scratch, family, tool};
use crate::layout::{layout, program};
use crate::users::Home;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Small and everywhere, and its images need nothing else.
const SHELL: &str = "/bin/dash";

/// Answers the first request with what a shell's words print, line by line.
const TELL: &str = "read -r asked
found=$(SAY 2>&1 | while read -r line; do printf '\"%s\",' \"$line\"; done)
printf '{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"said\":[%s\"\"]}}\\n' \"$found\"
while read -r more; do :; done
";

struct Runs {
    home: Home,
    user: u32,
}

impl Runs {
    fn both() -> [Self; 2] {
        Home::both().map(|home| Self {
            user: home.user,
            home,
        })
    }

    fn scratch(&self) -> &Scratch {
        &self.home.scratch
    }

    /// An image whose shell says this, and a manifest that names it.
    fn image(&self, says: &str, wishes: &Value, more: &str) -> PathBuf {
        let root = self.scratch().join("root");
        program(Path::new(SHELL), &root, "/bin/sh");
        for folder in ["app", "home/node", "etc", "srv/kept"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("app/tell"), TELL.replace("SAY", says)).unwrap();
        fs::write(root.join("app/own"), "own").unwrap();
        fs::set_permissions(root.join("app/own"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(
            root.join("etc/passwd"),
            "node:x:1000:1000::/home/node:/bin/sh\n",
        )
        .unwrap();
        symlink("/srv/kept", root.join("linked")).unwrap();
        layout(&root, wishes, &self.scratch().join("layout"));
        fs::remove_dir_all(root).unwrap();
        self.manifest(more)
    }

    fn manifest(&self, more: &str) -> PathBuf {
        let text =
            format!("brig = 1\n[server]\nname = \"image\"\nimage = \"oci:layout:it\"\n{more}");
        let path = self.scratch().write("image.toml", text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path
    }

    fn brig(&self, words: &[&str]) -> Command {
        let mut command = self.home.brig();
        let home = self.scratch().join("home");
        command
            .env("HOME", &home)
            .env_remove("XDG_DATA_HOME")
            .env("HOSTILE_SECRET", "s3cret")
            .args(words);
        command
    }

    fn output(&self, words: &[&str]) -> Output {
        self.brig(words).output().unwrap()
    }

    #[track_caller]
    fn pull(&self, manifest: &Path) {
        let output = self.output(&["pull", manifest.to_str().unwrap()]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "as {}: {told}", self.user);
    }

    /// What the image's shell says.
    #[track_caller]
    fn said(&self, says: &str, wishes: &Value, more: &str) -> Vec<String> {
        let manifest = self.image(says, wishes, more);
        self.pull(&manifest);
        let mut client = Client::start(self.brig(&["run", manifest.to_str().unwrap()]));
        let answer = client.ask(0, "tell", &json!({}));
        let lines = answer["result"]["said"].as_array();
        let lines = lines.unwrap_or_else(|| panic!("as {}: {answer}", self.user));
        let lines = lines.iter().map(|line| line.as_str().unwrap().to_owned());
        let mut lines: Vec<String> = lines.collect();
        lines.pop();
        lines
    }
}

fn entry() -> Value {
    json!({ "Entrypoint": ["sh", "/app/tell"] })
}

/// An entry of `[[files]]` for a folder of the scratch.
fn grant(runs: &Runs, name: &str, at: &str, more: &str) -> String {
    let host = runs.scratch().join(name);
    format!(
        "[[files]]\nhost = \"{}\"\nat = \"{at}\"\n{more}",
        host.display()
    )
}

#[test]
fn an_image_is_the_whole_root_and_cannot_be_changed() {
    const SAY: &str =
        "{ cd /; echo *; echo /dev/*; cat=$(cd /app; read -r x < own; echo $x); echo $cat;
echo x > /app/new; echo x > /tmp/new && echo scratch; cd /usr; }";
    for runs in Runs::both() {
        let said = runs.said(SAY, &entry(), "");
        let want = [
            // Landlock lets nobody list the root itself, nor /dev: a star stays one.
            "*",
            "/dev/*",
            "own",
            "/app/tell: 3: cannot create /app/new: Read-only file system",
            "scratch",
        ];
        assert_eq!(said[..5], want.map(str::to_owned), "as {}", runs.user);
        assert!(said[5].contains("can't cd to /usr"), "{said:?}");
    }
}

#[test]
fn wishes_are_answered_and_not_obeyed() {
    const SAY: &str = "{ pwd; echo $HOME; echo $OF_IMAGE; echo $OF_BOTH; echo \"[$LD_PRELOAD]\";
echo \"[$HOSTILE_SECRET]\"; echo $@; echo x > /srv/kept/new; }";
    let wishes = json!({
        "User": "node", "WorkingDir": "/made/for/it", "Entrypoint": ["/app/../bin/sh", "/app/tell"],
        "Cmd": ["of-image"], "Env": ["OF_IMAGE=image", "OF_BOTH=image", "LD_PRELOAD=/app/own"],
        "Volumes": { "/srv/kept": {} }, "ExposedPorts": { "80/tcp": {} }, "StopSignal": "SIGINT",
        "OnBuild": ["RUN true"],
    });
    for runs in Runs::both() {
        let more = "args = [\"of-manifest\"]\n[env]\nOF_BOTH = \"manifest\"\n";
        let said = runs.said(SAY, &wishes, more);
        let want = [
            "/made/for/it",
            "/home/node",
            "image",
            "manifest",
            "[]",
            "[]",
            "of-manifest",
            "/app/tell: 3: cannot create /srv/kept/new: Read-only file system",
        ];
        assert_eq!(said, want.map(str::to_owned), "as {}", runs.user);
        let manifest = runs.scratch().join("image.toml");
        let plan = runs.output(&["plan", manifest.to_str().unwrap()]);
        let plan = String::from_utf8(plan.stdout).unwrap();
        for asked in [
            "USER node",
            "WORKDIR",
            "ENV LD_PRELOAD",
            "VOLUME",
            "EXPOSE",
            "STOPSIGNAL",
        ] {
            assert!(
                plan.contains(&format!("wish         {asked}")),
                "{asked} in:\n{plan}"
            );
        }
    }
}

#[test]
fn grants_appear_wherever_the_manifest_says() {
    const SAY: &str =
        "{ read -r x < /new/place/hello.txt; echo $x; read -r y < /app/in/hello.txt; echo $y;
read -r z < /app/tell && echo beside; echo made > /srv/kept/made && echo written; }";
    for runs in Runs::both() {
        let more = [
            grant(&runs, "read", "/new/place", ""),
            grant(&runs, "read", "/app/in", ""),
            grant(&runs, "write", "/srv/kept", "access = \"write\"\n"),
        ];
        let said = runs.said(SAY, &entry(), &more.concat());
        assert_eq!(
            said,
            ["hello", "hello", "beside", "written"],
            "as {}",
            runs.user
        );
        let made = runs.scratch().join("write/made");
        assert_eq!(fs::read_to_string(made).unwrap(), "made\n");
        let manifest = runs.scratch().join("image.toml");
        let verdict = runs.output(&["verify", manifest.to_str().unwrap()]);
        let told = String::from_utf8(verdict.stdout).unwrap();
        assert!(verdict.status.success(), "as {}:\n{told}", runs.user);
    }
}

#[test]
fn what_an_image_has_in_the_way_of_a_grant_is_told() {
    let [runs, _] = Runs::both();
    let check = |at: &str, words: &str| {
        let manifest = runs.image("true", &entry(), &grant(&runs, "read", at, ""));
        runs.pull(&manifest);
        let output = runs.output(&["plan", manifest.to_str().unwrap()]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{at}: {told}");
        assert!(told.contains(words), "{at}: {told}");
    };
    check("/linked", "`/linked` is a link to `/srv/kept` in the image");
    check(
        "/linked/below",
        "`/linked` is a link to `/srv/kept` in the image",
    );
    check("/app/own", "`/app/own` is a file in the image");
    check("/app/own/below", "`/app/own` is a file in the image");
}

#[test]
fn an_image_that_cannot_run_is_refused_by_name() {
    let [runs, _] = Runs::both();
    let check = |wishes: Value, words: &str| {
        let manifest = runs.image("true", &wishes, "");
        runs.pull(&manifest);
        let output = runs.output(&["plan", manifest.to_str().unwrap()]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(5), "{told}");
        assert!(
            told.replace("\n  │ ", " ").contains(words),
            "{words} in: {told}"
        );
    };
    check(
        json!({}),
        "names no program: write it, with its arguments, as `args`",
    );
    check(
        json!({ "Entrypoint": ["absent"] }),
        "has no program `absent`",
    );
    check(json!({ "Cmd": ["/app/own"] }), "has no program `/app/own`");
    let manifest = runs.manifest("");
    let output = runs.output(&["images", "rm", "oci:./layout:it"]);
    assert_eq!(
        output.status.code(),
        Some(5),
        "a name that is not the store's"
    );
    let name = format!("oci:{}:it", runs.scratch().join("layout").display());
    let output = runs.output(&["images", "rm", &name]);
    assert!(output.status.success(), "{output:?}");
    let mut client = Client::start(runs.brig(&["run", manifest.to_str().unwrap()]));
    let answer = client.ask(0, "initialize", &json!({}));
    let told = answer["error"]["message"].as_str().unwrap();
    assert!(
        told.contains("is not on this host") && told.contains("brig pull"),
        "{told}"
    );
}

#[test]
fn an_exported_bundle_runs_in_an_oci_runtime() {
    let [runs, _] = Runs::both();
    let manifest = runs.image("{ echo bundled; echo x > /app/new; }", &entry(), "");
    runs.pull(&manifest);
    let (manifest, into) = (manifest.to_str().unwrap(), runs.scratch().join("bundle"));
    let into = into.to_str().unwrap();
    let exported = runs.output(&["export", "oci", manifest, into]);
    let told = String::from_utf8(exported.stderr).unwrap();
    assert!(exported.status.success(), "{told}");
    assert!(told.contains("a bundle cannot say: Landlock"), "{told}");
    let again = runs.output(&["export", "oci", manifest, into]);
    assert_eq!(again.status.code(), Some(1), "what is there stays as it is");
    let mut command = Command::new(tool("runc"));
    let state = runs.scratch().join("runc");
    command.arg("--root").arg(state);
    command.args([
        "run",
        "--bundle",
        into,
        &format!("brig-it-{}", std::process::id()),
    ]);
    let mut client = Client::start(command);
    let said = client.ask(0, "tell", &json!({}))["result"]["said"].take();
    assert_eq!(said[0], "bundled");
    assert!(
        said[1].as_str().unwrap().contains("Read-only file system"),
        "{said}"
    );
    let (code, errors) = client.end();
    assert_eq!(code, Some(0), "{errors}");
    let profile = runs.output(&["export", "seccomp", manifest]);
    let profile: Value = serde_json::from_slice(&profile.stdout).unwrap();
    assert_eq!(profile["defaultAction"], "SCMP_ACT_ERRNO");
    assert!(profile["syscalls"][0]["names"].as_array().unwrap().len() > 100);
}

#[test]
fn what_runs_from_an_image_keeps_it() {
    for runs in Runs::both() {
        let manifest = runs.image("echo kept", &entry(), "");
        runs.pull(&manifest);
        let mut client = Client::start(runs.brig(&["run", manifest.to_str().unwrap()]));
        assert_eq!(
            client.ask(0, "tell", &json!({}))["result"]["said"][0],
            "kept"
        );
        assert!(
            family(client.process.id()).len() >= 3,
            "warden, init and the shell"
        );
        let name = format!("oci:{}:it", runs.scratch().join("layout").display());
        let removing = || runs.output(&["images", "rm", &name]);
        let refused = removing();
        assert_eq!(refused.status.code(), Some(5), "as {}", runs.user);
        let told = String::from_utf8(refused.stderr).unwrap();
        assert!(told.contains("a server runs from it"), "{told}");
        let (code, errors) = client.end();
        assert_eq!(code, Some(0), "{errors}");
        assert!(removing().status.success(), "as {}", runs.user);
        let listed = runs.output(&["images", "ls", "--json"]);
        assert_eq!(listed.stdout, b"[]\n");
    }
}
