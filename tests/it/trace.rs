//! `brig run --trace`: what is told of a program's refused calls, and that a trace is no wall and
//! opens none.

use crate::harness::{Client, family, is_alive, tool};
use crate::users::Home;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// The distribution's own: another in PATH may lie in somebody's home.
const PYTHON: &str = "/usr/bin/python3";
/// Answers each request with what its code finds.
const ANSWER: &str = "
import ctypes, errno, json, mmap, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
def tried(act):
    try:
        act()
        return 'done'
    except OSError as error:
        return errno.errorcode[error.errno]
def serve(find):
    for line in sys.stdin:
        asked = json.loads(line)
        found = find(asked['params'])
        print(json.dumps({'jsonrpc': '2.0', 'id': asked['id'], 'result': found}), flush=True)
";

/// A manifest for a program among what is granted for reading.
fn manifest(home: &Home, command: &[&str], more: &str) -> PathBuf {
    let command = serde_json::to_string(command).unwrap();
    let at = |name: &str| home.scratch.join(name).display().to_string();
    let text = format!(
        "brig = 1\n[server]\nname = \"traced\"\ncommand = {command}\n\
         [[files]]\nhost = \"{}\"\nat = \"/read\"\n\
         [[files]]\nhost = \"{}\"\nat = \"/write\"\naccess = \"write\"\n{more}",
        at("read"),
        at("write"),
    );
    let path = home.scratch.write("traced.toml", text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    path
}

fn python(home: &Home, code: &str, more: &str) -> PathBuf {
    assert!(
        PathBuf::from(PYTHON).exists(),
        "MISSING PART: python3 (scripts/parts installs it)"
    );
    let path = home
        .scratch
        .write("read/server.py", format!("{ANSWER}{code}"));
    chown(path, Some(home.user), Some(home.user)).unwrap();
    manifest(home, &[PYTHON, "/read/server.py"], more)
}

fn run(home: &Home, manifest: &PathBuf, words: &[&str]) -> Command {
    let mut command = home.brig();
    command.arg("run").args(words).arg(manifest);
    command
}

fn answer(client: &mut Client, id: u64, params: &Value) -> Value {
    let mut answer = client.ask(id, "find", params);
    assert!(answer.get("result").is_some(), "{answer}");
    answer["result"].take()
}

/// What `brig why` knows of the last run.
fn why(home: &Home) -> Vec<Value> {
    let mut command = home.brig();
    let output = command
        .args(["why", "--json"])
        .arg(home.scratch.join("traced.toml"))
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    told[0]["refused"].as_array().unwrap().clone()
}

/// What the program does, each twice.
const REACHES: &str = "
def reach(params):
    there = params['there']
    acts = [
        lambda: open(there + '/secret'),
        lambda: open(there + '/absent'),
        lambda: open('/read/out'),
        lambda: open('/read/hello.txt'),
        lambda: open('/read/hello.txt', 'w'),
        lambda: open('/write/new', 'w'),
        lambda: os.mkdir(there + '/other/made'),
        lambda: os.execv('/read/server.py', ['x']),
        lambda: socket.socket(),
        lambda: socket.socket(socket.AF_UNIX),
        lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
        lambda: os.fork(),
        lambda: os.chmod('/write/new', 0o4755),
        lambda: os.chroot('/read'),
        lambda: open('/etc/shadow'),
    ]
    os.chdir('/read')
    acts.append(lambda: open('../' + there + '/secret'))
    return [[tried(act), tried(act)] for act in acts]
serve(reach)
";

/// What is wanted: what the program sees, and what is told, where anything is.
fn wanted(home: &Home) -> Vec<(&'static str, Option<(&'static str, String)>)> {
    let at = |path: &str| home.scratch.join(path).display().to_string();
    let text = str::to_owned;
    let told = |kind, about: String| Some((kind, about));
    vec![
        ("ENOENT", told("path-not-granted", at("secret"))),
        ("ENOENT", None),
        // The link leads to the same file.
        ("ENOENT", None),
        ("done", None),
        ("EROFS", told("path-read-only", at("read/hello.txt"))),
        ("done", None),
        ("ENOENT", told("write-not-granted", at("other"))),
        ("EACCES", told("path-not-runnable", at("read/server.py"))),
        (
            "ENOSYS",
            told(
                "socket-not-granted",
                text("the system call `socket`, TCP over IPv4"),
            ),
        ),
        (
            "ENOSYS",
            told(
                "call-refused",
                text("the system call `socket`, a Unix socket"),
            ),
        ),
        ("ENOSYS", told("call-not-granted", text("jit"))),
        ("ENOSYS", told("call-not-granted", text("subprocess"))),
        (
            "ENOSYS",
            told("call-refused", text("the system call `chmod`, mode 4755")),
        ),
        (
            "ENOSYS",
            told("call-refused", text("the system call `chroot`")),
        ),
        ("ENOENT", told("path-protected", text("/etc/shadow"))),
        ("ENOENT", None),
    ]
}

#[test]
fn a_program_is_told_what_the_kernel_refused_it() {
    for home in Home::both() {
        let manifest = python(&home, REACHES, "");
        home.file("other/file", "", home.user, 0o644);
        let mut client = Client::start(run(&home, &manifest, &["--trace"]));
        let there = json!({ "there": home.scratch.path() });
        let seen = answer(&mut client, 1, &there);
        let traced = tracers(client.process.id());
        assert_eq!(traced.len(), 1, "as {}", home.user);
        let (code, errors) = client.end();
        assert_eq!(code, Some(0), "{errors}");
        assert!(!is_alive(traced[0]), "the tracer outlives its server");
        let wanted = wanted(&home);
        let results: Vec<Value> = wanted.iter().map(|(seen, _)| json!([seen, seen])).collect();
        assert_eq!(seen, json!(results), "as {}: {errors}", home.user);
        let journal = why(&home);
        for (kind, about) in wanted.iter().filter_map(|(_, told)| told.as_ref()) {
            let is_it = |entry: &&Value| entry["kind"] == *kind && entry["about"] == **about;
            let entry = journal.iter().find(is_it);
            let entry = entry.unwrap_or_else(|| panic!("{kind} {about}: {journal:#?}\n{errors}"));
            assert!(entry["count"].as_u64() >= Some(2), "{entry}");
            let words = entry["why"].as_str().unwrap();
            let once = format!("traced: {words}; allowed by ");
            assert_eq!(errors.matches(&once).count(), 1, "{once}: {errors}");
            let times = format!(" times: {words}\n");
            assert_eq!(errors.matches(&times).count(), 1, "{times}: {errors}");
        }
        let absent = home.scratch.join("absent").display().to_string();
        assert!(!errors.contains(&absent), "{errors}");
        assert!(errors.contains("this run is traced"), "{errors}");
        assert!(errors.contains("traced: ") && errors.contains(" calls were looked at"));
        // The same file was reached by a link and from a folder, and is one thing.
        let secret = home.scratch.join("secret").display().to_string();
        let same = journal.iter().filter(|entry| entry["about"] == *secret);
        assert_eq!(same.count(), 1, "{journal:#?}");
        allowed(&home, &journal, &secret);
    }
}

/// The command does what it says, once somebody agrees.
#[track_caller]
fn allowed(home: &Home, journal: &[Value], path: &str) {
    let entry = journal
        .iter()
        .find(|entry| entry["about"] == *path)
        .unwrap();
    let grant = entry["remedy"]["manifest"]["line"].as_str().unwrap();
    assert_eq!(grant, format!("host = \"{path}\""));
    let command = entry["remedy"]["command"].as_str().unwrap();
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let output = home.brig().args(words).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(12), "{output:?}");
    assert!(shown.contains("+ [[files]]"), "{shown}");
}

/// The tracers among the processes below one.
fn tracers(process: u32) -> Vec<u32> {
    let is_tracer = |process: &u32| {
        let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|word| word == b"__trace")
    };
    family(process).into_iter().filter(is_tracer).collect()
}

/// Every system call with arguments that lead nowhere, paths that are walls, and arguments that a
/// filter decides by.
const EVERY_CALL: &str = "
def sweep(params):
    found = {}
    # Those that end the program or wait for ever.
    for number in set(range(470)) - set(params['not']):
        ctypes.set_errno(0)
        libc.syscall(number, *[ctypes.c_long(-1)] * 6)
        found[number] = ctypes.get_errno()
    for path in ['/etc/shadow', '/root', '/proc/1/root', '/sys', '/read/out', '/', '/write/../..']:
        found[path] = [tried(lambda: open(path)), tried(lambda: os.listdir(path)),
            tried(lambda: os.stat(path)), tried(lambda: open(path + '/new', 'w')),
            tried(lambda: os.symlink('/etc', path + '/link')),
            tried(lambda: os.link('/read/hello.txt', path + '/link')),
            tried(lambda: os.execv(path, ['x']))]
    for flags in [17, 0x10000000, 0x20000, 0x7e020000, 0x4111]:
        ctypes.set_errno(0)
        libc.syscall(56, ctypes.c_long(flags), *[ctypes.c_long(-1)] * 5)
        found['clone', flags] = ctypes.get_errno()
    for family, kind in [(f, k) for f in (1, 2, 10, 16, 17) for k in (1, 2, 3, 5)]:
        found['socket', family, kind] = [tried(lambda: socket.socket(family, kind)),
            tried(lambda: socket.socketpair(family, kind))]
    return sorted([str(key), value] for key, value in found.items())
serve(sweep)
";

#[test]
#[cfg(target_arch = "x86_64")]
fn a_trace_changes_no_answer_of_the_kernel() {
    for home in Home::both() {
        let manifest = python(&home, EVERY_CALL, "");
        // rt_sigreturn, pause, exit, exit_group; uretprobe and uprobe are the kernel's own.
        let not = json!({ "not": [15, 34, 60, 231, 335, 336] });
        let [with, without] = [&["--trace"][..], &[]].map(|words| {
            let mut client = Client::start(run(&home, &manifest, words));
            let found = answer(&mut client, 1, &not);
            let (code, errors) = client.end();
            assert_eq!(code, Some(0), "{errors}");
            found
        });
        let pairs = with
            .as_array()
            .unwrap()
            .iter()
            .zip(without.as_array().unwrap());
        let differ: Vec<_> = pairs.filter(|(with, without)| with != without).collect();
        assert!(differ.is_empty(), "as {}: {differ:#?}", home.user);
        let refused = with.as_array().unwrap().iter().filter(|one| one[1] == 38);
        assert!(refused.count() > 150, "{with}");
    }
}

#[test]
fn without_its_tracer_a_server_gets_nothing() {
    const OPENS: &str = "
serve(lambda _: [tried(lambda: open('/read/hello.txt')), tried(lambda: socket.socket())])
";
    for home in Home::both() {
        let manifest = python(&home, OPENS, "");
        let mut client = Client::start(run(&home, &manifest, &["--trace"]));
        let seen = answer(&mut client, 1, &json!({}));
        assert_eq!(seen, json!(["done", "ENOSYS"]));
        let traced = tracers(client.process.id());
        let process = rustix::process::Pid::from_raw(i32::try_from(traced[0]).unwrap());
        rustix::process::kill_process(process.unwrap(), rustix::process::Signal::KILL).unwrap();
        let until = Instant::now() + Duration::from_secs(10);
        while is_alive(traced[0]) {
            assert!(Instant::now() < until);
        }
        let seen = answer(&mut client, 2, &json!({}));
        assert_eq!(seen, json!(["ENOSYS", "ENOSYS"]), "it fails closed");
        let (_, errors) = client.end();
        assert!(errors.contains("the tracer is gone"), "{errors}");
    }
}

#[test]
fn node_runs_as_without_and_is_told_what_it_lacks() {
    const CODE: &str = "
const { readFileSync } = require('fs');
const net = require('net');
const tried = (act) => { try { act(); return 'done'; } catch (error) { return error.code; } };
process.stdin.once('data', (line) => {
    const { id, params } = JSON.parse(line);
    net.connect(1, '127.0.0.1').on('error', (error) => {
        const result = [tried(() => readFileSync(params.secret)), error.code];
        console.log(JSON.stringify({ jsonrpc: '2.0', id, result }));
    });
});";
    let node = tool("node").display().to_string();
    for home in Home::both() {
        let path = home.scratch.write("read/server.js", CODE);
        chown(path, Some(home.user), Some(home.user)).unwrap();
        let manifest = manifest(&home, &[&node, "/read/server.js"], "");
        let secret = json!({ "secret": home.scratch.join("secret") });
        let [with, without] = [&["--trace"][..], &[]].map(|words| {
            let mut client = Client::start(run(&home, &manifest, words));
            let seen = answer(&mut client, 1, &secret);
            let (code, errors) = client.end();
            assert_eq!(code, Some(0), "{errors}");
            (seen, errors)
        });
        assert_eq!(with.0, without.0);
        let (_, errors) = with;
        let secret = format!(
            "of `{}`: it is on this host",
            home.scratch.join("secret").display()
        );
        assert!(errors.contains(&secret), "{errors}");
        assert!(
            errors.contains("TCP over IPv4: no grant of the network"),
            "{errors}"
        );
        assert!(errors.contains("libraries do without"), "{errors}");
        assert!(!without.1.contains("traced"), "{}", without.1);
    }
}

#[test]
fn what_cannot_be_traced_is_refused_by_name() {
    let home = Home::new(0);
    let check = |manifest: &PathBuf, words: &[&str], told: &str| {
        let mut command = run(&home, manifest, words);
        let output = command.stdin(std::process::Stdio::null()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(told), "{errors}");
        assert!(errors.contains("under the engine `native`"), "{errors}");
    };
    let component = home.manifest(false);
    check(&component, &["--trace"], "cannot trace a component");
    tool("crun");
    let program = python(&home, "serve(lambda _: [])", "");
    check(
        &program,
        &["--trace", "--engine", "crun"],
        "cannot trace a server of the engine `crun`",
    );
}
