//! Secrets: where they come from, that they arrive exactly, and that nobody else sees them.

mod places;
mod search;

use crate::harness::{Client, Scratch, UNASKED, brig, cached, repository};
use crate::users;
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A server that says what it has of secrets, whatever it is asked.
pub(super) const TELLS: &str = "import sys,os,json
def told():
    path = os.environ.get('KEY_FILE')
    out = {'token': os.environ.get('TOKEN'), 'path': path}
    if path:
        with open(path, 'rb') as file: out['key'] = list(file.read())
        out['mode'] = os.stat(path).st_mode & 0o7777
        out['mine'] = os.stat(path).st_uid == os.getuid()
        for name, what in (('again', path), ('beside', path + '2')):
            try:
                open(what, 'wb').close()
                out[name] = 'written'
            except OSError as error: out[name] = error.errno
    return out
for line in sys.stdin:
    asked = json.loads(line)
    if 'id' in asked:
        print(json.dumps({'jsonrpc': '2.0', 'id': asked['id'], 'result': told()}), flush=True)
";

/// What a manifest says of both secrets.
pub(super) const BOTH: &str = "[env]\nTOKEN = { secret = \"token\" }\n\
    KEY_FILE = { secret = \"key\", as = \"file\" }\n";

/// A key of several lines, with an end that is easily lost.
pub(super) const KEY: &[u8] =
    b"-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w\n\xff\x00\n-----END KEY-----\n\n";

/// A user with settings and places for secrets of their own.
pub(super) struct Home {
    pub(super) scratch: Scratch,
}

impl Home {
    /// With these settings.
    pub(super) fn new(settings: &str) -> Self {
        let scratch = Scratch::new();
        scratch.write("config/brig/config.toml", format!("{UNASKED}{settings}"));
        Self { scratch }
    }

    pub(super) fn at_home(&self, mut command: Command) -> Command {
        command
            .env("HOME", self.scratch.path())
            .env("XDG_CONFIG_HOME", self.scratch.join("config"))
            .env("XDG_STATE_HOME", self.scratch.join("state"))
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .env_remove("XDG_RUNTIME_DIR");
        command
    }

    pub(super) fn brig(&self, words: &[&str]) -> Command {
        let mut command = self.at_home(cached(brig()));
        command
            .args(words)
            .env("XDG_DATA_HOME", self.scratch.join("data"));
        command
    }

    #[track_caller]
    pub(super) fn set(&self, name: &str, value: &[u8]) {
        let told = says(self.brig(&["secret", "set", name]), value);
        assert_eq!(told.status.code(), Some(0), "{told:?}");
    }

    /// A manifest for a program of Python's on this host.
    pub(super) fn manifest(&self, program: &str, more: &str) -> PathBuf {
        let path = self.scratch.write("server.py", program);
        let path = path.display();
        let text = format!(
            "brig = 1\n[server]\nname = \"tells\"\ncommand = [\"/usr/bin/python3\", \"{path}\"]\n\
             [[files]]\nhost = \"{path}\"\n{more}"
        );
        self.scratch.write("brig.toml", text)
    }

    pub(super) fn client(&self, manifest: &Path) -> Client {
        Client::start(self.brig(&["run", manifest.to_str().unwrap()]))
    }

    /// Runs brig, and wants this exit code and these words in what it tells.
    #[track_caller]
    pub(super) fn check(&self, words: &[&str], input: &[u8], code: i32, told: &[&str]) {
        let output = says(self.brig(words), input);
        let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        let both = String::from_utf8_lossy(&both).replace("\n  │ ", " ");
        let both: Vec<&str> = both.split_whitespace().collect();
        let both = both.join(" ");
        assert_eq!(output.status.code(), Some(code), "{words:?}: {both}");
        for wanted in told {
            assert!(
                both.contains(wanted),
                "{words:?}: {both:?} lacks {wanted:?}"
            );
        }
    }
}

/// Runs a command with this input.
pub(super) fn says(mut command: Command, input: &[u8]) -> Output {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    // It may want no input.
    let _ = process.stdin.take().unwrap().write_all(input);
    process.wait_with_output().unwrap()
}

#[track_caller]
pub(super) fn arrived(told: &Value, token: &str) {
    assert_eq!(told["token"], token);
    assert_eq!(told["path"], "/run/secrets/key");
    assert_eq!(told["key"], json!(KEY), "the key arrives exactly");
    assert_eq!(told["mode"], 0o400);
    assert_eq!(told["mine"], true);
}

#[test]
fn a_program_gets_its_secrets_exactly() {
    let home = Home::new("");
    home.set("token", b"tok-\xc3\xa9 \"5\" $HOME\\n");
    home.set("key", KEY);
    let manifest = home.manifest(TELLS, BOTH);
    let mut client = home.client(&manifest);
    let told = client.initialize()["result"].clone();
    arrived(&told, "tok-\u{e9} \"5\" $HOME\\n");
    // Landlock: 13 is EACCES.
    assert_eq!((&told["again"], &told["beside"]), (&json!(13), &json!(13)));
    let (code, errors) = client.end();
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    // Two variables of one secret are one file.
    let twice = "[env]\nKEY_FILE = { secret = \"key\", as = \"file\" }\n\
                 AGAIN = { secret = \"key\", as = \"file\" }\n";
    let mut client = home.client(&home.manifest(TELLS, twice));
    assert_eq!(client.initialize()["result"]["key"], json!(KEY));
    client.end();
}

#[test]
fn an_ordinary_user_has_secrets_too() {
    let home = users::Home::new(users::USER);
    home.give("home/.config/brig", users::USER, 0o700);
    let set = |name: &str, value: &[u8]| {
        let mut command = home.brig();
        command.args(["secret", "set", name]);
        let told = says(command, value);
        assert_eq!(told.status.code(), Some(0), "{told:?}");
    };
    set("token", b"tok-of-a-user");
    set("key", KEY);
    home.file("server.py", TELLS, users::USER, 0o600);
    let path = home.scratch.join("server.py");
    let path = path.display();
    let text = format!(
        "brig = 1\n[server]\nname = \"tells\"\ncommand = [\"/usr/bin/python3\", \"{path}\"]\n\
         [[files]]\nhost = \"{path}\"\n{BOTH}"
    );
    home.file("brig.toml", &text, users::USER, 0o600);
    let mut command = home.brig();
    command.arg("run").arg(home.scratch.join("brig.toml"));
    let mut client = Client::start(command);
    arrived(&client.initialize()["result"], "tok-of-a-user");
    assert_eq!(client.end(), (Some(0), String::new()));
    // Root's own file is another one, and a user's is not trusted by another user.
    let file = home.scratch.join("home/.local/share/brig/secrets.age");
    assert_eq!(
        std::os::unix::fs::MetadataExt::uid(&fs::metadata(file).unwrap()),
        users::USER
    );
}

#[test]
fn a_component_gets_its_secrets_exactly() {
    let home = Home::new("");
    home.set("token", "tok-\u{e9}\n".as_bytes());
    let key = b"-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w\n-----END KEY-----\n\n";
    home.set("key", key);
    let wasm = repository().join("tests/guests/hostile/hostile.wasm");
    fs::copy(wasm, home.scratch.join("hostile.wasm")).unwrap();
    let text = format!("brig = 1\n[server]\nname = \"h\"\ncomponent = \"hostile.wasm\"\n{BOTH}");
    let manifest = home.scratch.write("brig.toml", text);
    let mut client = home.client(&manifest);
    client.initialize();
    let mut ask = |id, tool: &str, arguments: Value| {
        client.call(id, tool, &arguments)["result"]["content"][0]["text"].clone()
    };
    assert_eq!(ask(1, "env", json!({ "name": "TOKEN" })), "tok-\u{e9}\n");
    let path = ask(2, "env", json!({ "name": "KEY_FILE" }));
    assert_eq!(path, "/run/secrets/key");
    let read = ask(3, "read_file", json!({ "path": path }));
    assert_eq!(read, String::from_utf8_lossy(key).as_ref());
    let all = ask(4, "env_all", json!({}));
    assert!(!all.as_str().unwrap().contains("BRIG_GUEST"), "{all}");
    let write = json!({ "path": path, "text": "x" });
    let written = client.call(5, "write_file", &write);
    assert_eq!(written["result"]["isError"], true, "{written}");
    client.end();
}

/// What a server does that is careless with its secrets.
const PRINTS: &str = "import base64
token = os.environ['TOKEN']
key = open(os.environ['KEY_FILE'], 'rb').read()
def say(text): sys.stderr.write(text + '\\n')
say('plain ' + token)
say(json.dumps({'t': token}))
say('base64 ' + base64.b64encode(b'u:' + token.encode() + b' and so on').decode())
sys.stderr.flush()
sys.stderr.buffer.write(b'raw ' + key + b'\\n')
say('x' * 1994 + token)
sys.stderr.flush()
print('noise on stdout: ' + token, flush=True)
for line in sys.stdin:";

/// What people read has a name in the place of a secret, wherever brig writes it.
#[test]
fn a_server_that_prints_its_secrets_is_masked() {
    let home = Home::new("");
    home.set("token", b"tok-1f9a\\\"x");
    home.set("key", KEY);
    let program = TELLS.replace("for line in sys.stdin:", PRINTS);
    let manifest = home.manifest(&program, BOTH);
    let mut client = home.client(&manifest);
    client.initialize();
    let (code, errors) = client.end();
    assert_eq!(code, Some(0), "{errors}");
    for wanted in [
        "tells: plain [secret token]\n",
        "tells: {\"t\": \"[secret token]\"}\n",
        "tells: base64 dTp0[secret token]",
        "raw [secret key]",
        "xxxx[secre…\n",
        "(stdout) noise on stdout: [secret token]\n",
    ] {
        assert!(errors.contains(wanted), "{errors:?} lacks {wanted:?}");
    }
    for leaked in ["tok-", "MIIEvQ", "1f9a"] {
        assert!(!errors.contains(leaked), "{errors:?} has {leaked:?}");
    }
}

/// Also where a name that is refused is one: on standard error and in the journal.
#[test]
fn a_refusal_that_names_a_secret_is_masked() {
    let home = Home::new("");
    home.set("token", b"tok-journal-1");
    home.set("key", KEY);
    let manifest = home.manifest(TELLS, &format!("{BOTH}[tools]\nallow = [\"get_*\"]\n"));
    let mut client = home.client(&manifest);
    client.initialize();
    let answer = client.call(1, "x_tok-journal-1", &json!({}));
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    let (code, errors) = client.end();
    assert_eq!(code, Some(0));
    assert!(
        errors.contains("has the value of a secret as its name"),
        "{errors}"
    );
    assert!(!errors.contains("tok-journal"), "{errors}");
    let why = says(home.brig(&["why", manifest.to_str().unwrap()]), b"");
    let why = String::from_utf8(why.stdout).unwrap();
    assert!(
        why.contains("value of a secret as its name") && !why.contains("tok-journal"),
        "{why}"
    );
    let mut found = Vec::new();
    search::in_files(home.scratch.path(), &["tok-journal"], &mut found);
    assert_eq!(found, Vec::<PathBuf>::new());
}

#[test]
fn what_cannot_be_passed_on_is_refused() {
    let home = Home::new("");
    home.check(
        &["secret", "set", "a"],
        b"abc",
        15,
        &["shorter than 4 bytes"],
    );
    let long = vec![b'x'; 65_537];
    home.check(
        &["secret", "set", "a"],
        &long,
        15,
        &["longer than 65536 bytes"],
    );
    home.check(
        &["secret", "set", "A b"],
        b"abcd",
        2,
        &["is no secret's name"],
    );
    home.set("nul", b"a\0bcd");
    home.set("bytes", b"\xff\xfe\xfd\xfc");
    home.set("half", &vec![b'y'; 40_000]);
    home.set("rest", &vec![b'z'; 40_000]);
    let run = |more: &str, told: &[&str]| {
        let manifest = home.manifest(TELLS, more);
        home.check(&["run", manifest.to_str().unwrap()], b"", 15, told);
    };
    run(
        "[env]\nA = { secret = \"nul\" }\n",
        &["the secret `nul` has a NUL", "write `as = \"file\"`"],
    );
    run(
        "[env]\nA = { secret = \"half\" }\nB = { secret = \"rest\" }\n",
        &["80000 bytes together", "65536 bytes is the most"],
    );
    run(
        "[env]\nA = { secret = \"gone\" }\nB = { secret = \"gone2\" }\n",
        &[
            "the secrets `gone`, `gone2` are not there",
            "`brig secret set gone`, then `brig secret set gone2` keeps the value",
        ],
    );
    let wasm = repository().join("tests/guests/hostile/hostile.wasm");
    fs::copy(wasm, home.scratch.join("hostile.wasm")).unwrap();
    let text = "brig = 1\n[server]\nname = \"h\"\ncomponent = \"hostile.wasm\"\n\
                [env]\nA = { secret = \"bytes\" }\n";
    let manifest = home.scratch.write("brig.toml", text);
    let manifest = manifest.to_str().unwrap();
    home.check(
        &["run", manifest],
        b"",
        15,
        &["is not UTF-8, as a component's variables are"],
    );
}

/// The client is told as well, for whoever sees nothing else.
#[test]
fn a_client_is_told_which_secret_is_missing() {
    let home = Home::new("");
    let manifest = home.manifest(TELLS, BOTH);
    let mut client = home.client(&manifest);
    let error = client.ask(0, "initialize", &json!({}))["error"].clone();
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("the secrets `key`, `token` are not there"),
        "{message}"
    );
    assert_eq!(error["data"]["code"], "start-refused");
    assert_eq!(client.end().0, Some(15));
}

#[test]
fn an_export_holds_no_secret() {
    let home = Home::new("");
    home.set("token", b"tok-export");
    home.set("key", KEY);
    let into = home.scratch.join("bundle");
    let into = into.to_str().unwrap();
    let manifest = home.manifest(TELLS, BOTH);
    let words = ["export", "oci", manifest.to_str().unwrap(), into];
    home.check(
        &words,
        b"",
        4,
        &["passes a secret, which an export would hold for everyone"],
    );
    assert!(!Path::new(into).exists());
}
