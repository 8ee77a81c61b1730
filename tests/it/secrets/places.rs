//! The places that secrets come from: a real keyring, a file, programs, variables.

use super::{Home, KEY, says};
use crate::harness::{Scratch, brig, tool};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::process::{Command, Stdio};

#[test]
fn a_file_keeps_secrets_encrypted_and_to_itself() {
    let home = Home::new("");
    home.set("token", b"tok-first");
    home.set("key", KEY);
    home.check(&["secret", "set", "token"], b"tok-second", 0, &["10 bytes"]);
    home.check(&["secret", "ls"], b"", 0, &["secrets.age` key token"]);
    home.check(
        &["secret", "test", "key"],
        b"",
        0,
        &["65 bytes, the last of them a newline"],
    );
    let (file, identity) = (
        home.scratch.join("data/brig/secrets.age"),
        home.scratch.join("config/brig/identity.txt"),
    );
    for path in [&file, &identity] {
        assert_eq!(
            fs::metadata(path).unwrap().mode() & 0o7777,
            0o600,
            "{path:?}"
        );
    }
    let folder = file.parent().unwrap();
    assert_eq!(fs::metadata(folder).unwrap().mode() & 0o777, 0o700);
    let text = fs::read(&file).unwrap();
    assert!(text.starts_with(b"age-encryption.org/v1\n"));
    assert!(!text.windows(4).any(|part| part == b"tok-"));
    home.check(&["secret", "rm", "token"], b"", 0, &[]);
    home.check(
        &["secret", "rm", "token"],
        b"",
        15,
        &["`token` is not there"],
    );
    home.check(
        &["secret", "test", "token"],
        b"",
        15,
        &["`brig secret set token`"],
    );
    // Nothing is lost beside it.
    home.check(&["secret", "test", "key"], b"", 0, &["65 bytes"]);
}

/// Many writers at once lose nothing of each other's.
#[test]
fn writers_wait_for_each_other() {
    let home = Home::new("");
    home.set("first", b"value");
    let start = |number: u32| {
        let mut command = home.brig(&["secret", "set", &format!("s{number}"), "--in", "file"]);
        command.stdin(Stdio::from(fs::File::open("/proc/self/exe").unwrap()));
        let value = home.scratch.write(format!("value{number}"), "value");
        command.stdin(Stdio::from(fs::File::open(value).unwrap()));
        command.stdout(Stdio::null());
        command.spawn().unwrap()
    };
    let writers: Vec<_> = (0..12).map(start).collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    let names: Vec<String> = (0..12).map(|number| format!("s{number}")).collect();
    let words: Vec<&str> = ["secret", "test", "first"]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    home.check(&words, b"", 0, &[]);
}

#[test]
fn files_that_others_could_have_are_refused() {
    let home = Home::new("");
    home.set("token", b"tok-12345");
    let (file, identity) = (
        home.scratch.join("data/brig/secrets.age"),
        home.scratch.join("config/brig/identity.txt"),
    );
    let test = ["secret", "test", "token"];
    let mode = |path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(&identity, 0o640);
    home.check(
        &test,
        b"",
        15,
        &["is open to others (user 0, mode 640)", "chmod 600"],
    );
    mode(&identity, 0o600);
    mode(&file, 0o622);
    home.check(&test, b"", 15, &["is open to others"]);
    mode(&file, 0o644);
    home.check(&test, b"", 0, &[]);
    chown(&file, Some(4242), None).unwrap();
    home.check(&test, b"", 15, &["user 4242"]);
    chown(&file, Some(0), None).unwrap();
    let kept = fs::read(&file).unwrap();
    fs::write(&file, &kept[..kept.len() - 1]).unwrap();
    home.check(&test, b"", 15, &["cannot open `"]);
    fs::write(&file, "no age file").unwrap();
    home.check(&test, b"", 15, &["cannot open `"]);
    fs::write(&file, &kept).unwrap();
    // Another identity, as on another machine.
    let other = Home::new("");
    other.set("token", b"tok-other");
    fs::copy(other.scratch.join("config/brig/identity.txt"), &identity).unwrap();
    home.check(&test, b"", 15, &["cannot open `", "encrypted for"]);
    fs::remove_file(&identity).unwrap();
    home.check(&test, b"", 15, &["identity.txt`: entity not found"]);
}

/// `age` and its kin read and write the same form.
#[test]
fn the_settings_name_a_file_and_the_identity_of_somebody_else() {
    let settings = "[[secrets]]\nfile = \"~/mine.age\"\nidentity = \"~/mine.txt\"\n";
    let home = Home::new(settings);
    home.set("token", b"tok-12345");
    assert!(home.scratch.join("mine.age").exists() && home.scratch.join("mine.txt").exists());
    // A server that could read them would have every secret.
    for grant in ["mine.txt", "mine.age", ""] {
        let path = home.scratch.join(grant);
        let more = format!("[[files]]\nhost = \"{}\"\nat = \"/data\"\n", path.display());
        let manifest = home.manifest(super::TELLS, &more);
        home.check(
            &["plan", manifest.to_str().unwrap()],
            b"",
            3,
            &["[[files]]"],
        );
    }
}

#[test]
fn programs_and_variables_give_secrets_in_the_order_of_the_settings() {
    let home = Home::new(
        "[[secrets]]\nvariable = \"FROM_CI\"\nnames = [\"ci\"]\n\
         [[secrets]]\ncommand = [\"sh\", \"-c\", \"printf '%s\\\\n' cmd-{secret}\"]\n\
         newline = \"cut\"\nnames = [\"cut\", \"ci\"]\n\
         [[secrets]]\ncommand = [\"sh\", \"-c\", \"printf '%s\\\\n\\\\n' cmd-{secret}\"]\n\
         names = [\"kept\"]\n\
         [[secrets]]\ncommand = [\"sh\", \"-c\", \"echo no such entry >&2; exit 3\"]\n\
         names = [\"fails\"]\n\
         [[secrets]]\ncommand = [\"no-such-program\"]\nnames = [\"nobody\"]\n\
         [[secrets]]\ncommand = [\"sh\", \"-c\", \"yes long\"]\nnames = [\"endless\"]\n\
         [[secrets]]\nfile = \"~/secrets.age\"\n",
    );
    let order = "secrets come from, in this order the variable `FROM_CI` the command `sh`";
    home.check(&["settings"], b"", 0, &[order]);
    let test = |name: &str, ci: Option<&str>, code: i32, told: &[&str]| {
        let mut command = home.brig(&["secret", "test", name]);
        if let Some(value) = ci {
            command.env("FROM_CI", value);
        }
        let output = says(command, b"");
        let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        let both = String::from_utf8_lossy(&both).replace("\n  │ ", " ");
        assert_eq!(output.status.code(), Some(code), "{name}: {both}");
        for wanted in told {
            assert!(both.contains(wanted), "{name}: {both:?} lacks {wanted:?}");
        }
    };
    test(
        "ci",
        Some("from-ci"),
        0,
        &["in the variable `FROM_CI`: 7 bytes"],
    );
    test("ci", None, 0, &["in the command `sh`: 6 bytes\n"]);
    test("cut", None, 0, &["in the command `sh`: 7 bytes\n"]);
    test("kept", None, 0, &["10 bytes, the last of them a newline"]);
    test(
        "fails",
        None,
        15,
        &["cannot ask `sh`: it exited with 3: no such entry"],
    );
    test(
        "nobody",
        None,
        15,
        &["cannot ask `no-such-program`: No such file"],
    );
    test("endless", None, 15, &["longer than 65536 bytes"]);
    home.set("mine", b"in-the-file");
    test("mine", None, 0, &["secrets.age`: 11 bytes"]);
    // What is kept behind a place that has another is told.
    home.check(
        &["secret", "set", "cut"],
        b"other",
        0,
        &["but the command `sh` has another value, and comes first"],
    );
}

/// A Secret Service as on a desktop, unlocked; the words run within its session.
fn in_a_desktop_session(home: &Home, script: &str) -> Command {
    let mut command = home.at_home(Command::new(tool("dbus-run-session")));
    // The keyring's daemon reads the password of its keyring.
    let whole = format!(
        "printf pass | {} --unlock --components=secrets >/dev/null 2>&1\n{script}",
        tool("gnome-keyring-daemon").display()
    );
    command
        .args(["--", "sh", "-euc", &whole])
        .env("XDG_DATA_HOME", home.scratch.join("data"))
        .env("XDG_RUNTIME_DIR", home.scratch.join("run"))
        .env("BRIG", brig().get_program());
    fs::create_dir_all(home.scratch.join("run")).unwrap();
    command
}

#[test]
fn a_keyring_gives_and_keeps_secrets() {
    let home = Home::new("");
    let key = home.scratch.write("key", KEY);
    let manifest = home.manifest(super::TELLS, super::BOTH);
    let script = format!(
        "\"$BRIG\" secret set key < {key}\n\
         printf tok-ring | \"$BRIG\" secret set token\n\
         \"$BRIG\" secret ls\n\
         \"$BRIG\" secret test key\n\
         printf other | \"$BRIG\" secret set --in file other\n\
         \"$BRIG\" secret test other\n\
         echo '{{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{{}}}}' |\n\
         \"$BRIG\" run {manifest}\n\
         \"$BRIG\" secret rm token\n\
         ! \"$BRIG\" secret test token",
        key = key.display(),
        manifest = manifest.display(),
    );
    let output = says(in_a_desktop_session(&home, &script), b"");
    let (told, errors) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert!(output.status.success(), "{told}{errors}");
    assert!(
        told.contains("`key` is kept in the keyring: 65 bytes"),
        "{told}{errors}"
    );
    assert!(told.contains("the keyring\n  key\n  token\n"), "{told}");
    assert!(told.contains("`other` is in `"), "{told}");
    let answer = told.lines().find(|line| line.starts_with('{')).unwrap();
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    super::arrived(&answer["result"], "tok-ring");
    assert!(
        errors.contains("the secret `token` is not there"),
        "{errors}"
    );
}

/// A keyring that the settings name has to be there.
#[test]
fn a_named_keyring_is_not_passed_over() {
    let home = Home::new("[[secrets]]\nkeyring = true\n[[secrets]]\nfile = \"~/s.age\"\n");
    home.check(
        &["secret", "set", "token", "--in", "file"],
        b"tok-12345",
        15,
        &["cannot ask the keyring"],
    );
    home.check(
        &["secret", "test", "token"],
        b"",
        15,
        &["cannot ask the keyring"],
    );
    // By itself it is no place that anybody asked for.
    let home = Home::new("");
    home.set("token", b"tok-12345");
    home.check(&["secret", "test", "token"], b"", 0, &["secrets.age"]);
}

/// At a terminal the value is asked for and not shown, and Ctrl-C keeps nothing.
#[test]
fn at_a_terminal_a_value_is_not_shown() {
    let home = Home::new("");
    let scratch = Scratch::new();
    let typed = |keys: &str| {
        let script = scratch.write("type.py", include_str!("type.py"));
        let mut command = home.at_home(Command::new("/usr/bin/python3"));
        command
            .arg(script)
            .arg(keys)
            .arg(brig().get_program())
            .args(["secret", "set", "token"])
            .env("XDG_DATA_HOME", home.scratch.join("data"));
        String::from_utf8(says(command, b"").stdout).unwrap()
    };
    let told = typed("tok-wrong\x7f\x7f\x7f\x7f\x7f12345\r");
    assert!(
        told.contains("Value of `token` (it is not shown): "),
        "{told}"
    );
    assert!(
        told.contains("9 bytes") && !told.contains("12345"),
        "{told}"
    );
    assert!(told.ends_with("echo on, exit 0\n"), "{told}");
    let told = typed("tok-other\x03");
    assert!(told.contains("nothing was kept"), "{told}");
    assert!(told.ends_with("echo on, exit 15\n"), "{told}");
    let value = home.brig(&["secret", "test", "token"]);
    assert!(
        String::from_utf8(says(value, b"").stdout)
            .unwrap()
            .contains("9 bytes")
    );
}
