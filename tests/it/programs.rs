//! `command`: a program of this host in its cell, as root and as an ordinary user.

use crate::harness::{Client, Scratch, family, is_alive, tool};
use crate::users::Home;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// The distribution's own: another in PATH may lie in somebody's home.
const PYTHON: &str = "/usr/bin/python3";
/// Tells what a program finds: it answers the next request with it, as a server does.
const TELL: &str = "
import json, sys
def tell(**found):
    asked = json.loads(sys.stdin.readline())['id']
    print(json.dumps({'jsonrpc': '2.0', 'id': asked, 'result': found}), flush=True)
def tried(act):
    try:
        return act()
    except OSError as error:
        return error.strerror
";

/// A program that starts others has to be granted that.
const SUBPROCESS: &str = "[syscalls]\nallow = [\"subprocess\"]\n";

struct Runs {
    home: Home,
    user: u32,
}

impl Runs {
    /// The same as root and as an ordinary user.
    fn both() -> [Self; 2] {
        Home::both().map(|home| Self {
            user: home.user,
            home,
        })
    }

    fn scratch(&self) -> &Scratch {
        &self.home.scratch
    }

    fn manifest(&self, command: &[&str], more: &str) -> PathBuf {
        let command = serde_json::to_string(command).unwrap();
        let grant = |name: &str, more: &str| {
            let host = self.scratch().join(name);
            format!(
                "[[files]]\nhost = \"{}\"\nat = \"/{name}\"\n{more}",
                host.display()
            )
        };
        let text = format!(
            "brig = 1\n[server]\nname = \"program\"\ncommand = {command}\n{}{}{more}",
            grant("read", ""),
            grant("write", "access = \"write\"\n"),
        );
        let path = self.scratch().write("program.toml", text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path
    }

    fn brig(&self, word: &str, manifest: PathBuf) -> Command {
        let mut command = self.home.brig();
        command
            .env("HOSTILE_SECRET", "s3cret")
            .arg(word)
            .arg(manifest);
        command
    }

    fn python(&self, code: &str, more: &str) -> Client {
        assert!(
            PathBuf::from(PYTHON).exists(),
            "MISSING PART: python3 (scripts/parts installs it)"
        );
        let program = self.program("tell.py", &format!("{TELL}{code}"));
        let manifest = self.manifest(&[PYTHON, &program], more);
        Client::start(self.brig("run", manifest))
    }

    /// A program among what is granted for reading: its path in the cell.
    fn program(&self, name: &str, code: &str) -> String {
        let path = self.scratch().write(format!("read/{name}"), code);
        chown(path, Some(self.user), Some(self.user)).unwrap();
        format!("/read/{name}")
    }

    /// What a piece of Python tells in its cell.
    fn found(&self, code: &str, more: &str) -> Value {
        tells(&mut self.python(code, more))
    }
}

/// What the program answers the next request with.
fn tells(client: &mut Client) -> Value {
    let mut answer = client.ask(0, "tell", &json!({}));
    assert!(answer.get("result").is_some(), "{answer}");
    answer["result"].take()
}

#[test]
fn a_program_sees_a_system_and_nothing_of_this_hosts_own() {
    const LOOK: &str = "
import os, pwd
tell(
    user=pwd.getpwuid(os.getuid()).pw_name,
    groups=[g for g in os.getgroups() if g != 65534],
    host=os.uname().nodename,
    variables=sorted(os.environ),
    processes=sorted(n for n in os.listdir('/proc') if n.isdigit()),
    of_proc=sorted(n for n in os.listdir('/proc') if not n.isdigit()),
    devices=[n for n in ('null', 'zero', 'full', 'random', 'urandom', 'tty', 'mem', 'kmsg', 'fuse',
        'kvm', 'ptmx', 'pts') if os.path.lexists('/dev/' + n)],
    absent=[n for n in ('/home', '/root', '/var', '/srv', '/opt', '/sys/kernel', '/boot',
        '/sys/fs/cgroup/cpu', '/etc/shadow', '/etc/hostname', '/etc/machine-id', '/run',
        '/etc/resolv.conf') if os.path.lexists(n)],
    users=open('/etc/passwd').read().count('\\n'),
    root=tried(lambda: os.listdir('/')),
    etc=tried(lambda: os.listdir('/etc')),
    usr=tried(lambda: open('/usr/new', 'w')),
    mounts=sum(l.split()[5].startswith('rw') for l in open('/proc/self/mountinfo')),
    random=len(open('/dev/urandom', 'rb').read(4)),
)";
    for runs in Runs::both() {
        let found = runs.found(LOOK, "[env]\nGIVEN = \"yes\"\n");
        let want = json!({
            "user": "brig", "groups": [], "host": "brig",
            "variables": found["variables"],
            "processes": ["2"], "of_proc": ["self", "thread-self"],
            "devices": ["null", "zero", "full", "random", "urandom"],
            "absent": [], "users": 1,
            "root": "Permission denied", "etc": "Permission denied",
            "usr": "Read-only file system",
            // Five devices, /tmp, /dev/shm and the one write grant.
            "mounts": 8, "random": 4,
        });
        assert_eq!(found, want, "as {}", runs.user);
        let variables = found["variables"].as_array().unwrap();
        for name in variables {
            let known = ["GIVEN", "HOME", "LANG", "LC_CTYPE", "PATH", "TZ"];
            assert!(known.contains(&name.as_str().unwrap()), "{name}");
        }
        assert!(variables.contains(&json!("GIVEN")) && variables.contains(&json!("HOME")));
    }
}

#[test]
fn a_program_has_its_grants_as_they_are_granted() {
    const TRY: &str = "
import os
tell(
    read=open('/read/hello.txt').read(),
    change=tried(lambda: open('/read/hello.txt', 'w')),
    out=tried(lambda: open('/read/out').read()),
    write=tried(lambda: open('/write/new', 'w').write('new')),
    link=tried(lambda: os.symlink('/etc', '/write/link')),
    fifo=tried(lambda: os.mkfifo('/write/fifo')),
    run=tried(lambda: os.chmod('/write/new', 0o755) or os.execv('/write/new', ['new'])),
    marked=tried(lambda: os.chmod('/write/new', 0o4755)),
    own_link=tried(lambda: os.symlink('/etc', '/tmp/link')),
)";
    for runs in Runs::both() {
        let found = runs.found(TRY, "");
        let want = json!({
            "read": "hello", "change": "Read-only file system",
            "out": "No such file or directory", "write": 3,
            "link": "Permission denied", "fifo": "Function not implemented",
            "run": "Permission denied", "marked": "Function not implemented",
            "own_link": null,
        });
        assert_eq!(found, want, "as {}", runs.user);
        let made = runs.scratch().join("write/new");
        let owner = fs::metadata(&made).unwrap().uid();
        assert_eq!(fs::read_to_string(made).unwrap(), "new");
        assert_eq!(
            owner, runs.user,
            "what it made belongs to the grant's owner"
        );
    }
}

#[test]
fn a_programs_limits_hold() {
    const TAKE: &str = "
import os, subprocess, errno
def until(act):
    kept = []
    for count in range(10000):
        try:
            kept.append(act())
        except OSError as error:
            return [count, errno.errorcode[error.errno]]
def child():
    pid = os.fork()
    if pid == 0:
        import time
        time.sleep(60)
    return pid
def fill():
    with open('/tmp/fill', 'ab') as file:
        file.write(bytes(1 << 20))
def memory():
    try:
        return len(bytearray(200 << 20))
    except MemoryError:
        return 'MemoryError'
tell(files=until(lambda: os.open('/dev/null', os.O_RDONLY)))
tell(scratch=until(fill), memory=memory(), processes=until(child))
";
    let limits = "[limits]\nmemory = \"128MiB\"\nprocesses = 10\nopen-files = 64\n\
                  scratch = \"4MiB\"\n[syscalls]\nallow = [\"subprocess\"]\n";
    for runs in Runs::both() {
        let mut client = runs.python(TAKE, limits);
        let files = tells(&mut client)["files"].take();
        assert_eq!(files, json!([61, "EMFILE"]), "as {}", runs.user);
        drop(client);
        let code = TAKE.replace(
            "tell(files=until(lambda: os.open('/dev/null', os.O_RDONLY)))",
            "",
        );
        let found = runs.found(&code, limits);
        let want = json!({
            "scratch": [4, "ENOSPC"], "memory": "MemoryError", "processes": [9, "EAGAIN"],
        });
        assert_eq!(found, want, "as {}", runs.user);
    }
}

#[test]
fn a_node_program_has_threads_and_children() {
    const CODE: &str = "
const { Worker } = require('worker_threads');
const said = String(require('child_process').execFileSync('/bin/echo', ['child']));
new Worker('require(\"worker_threads\").parentPort.postMessage(\"thread\")', { eval: true })
    .on('message', (thread) => process.stdin.once('data', () => console.log(JSON.stringify(
        { jsonrpc: '2.0', id: 0, result: { said, thread } }))));
setInterval(() => {}, 1000);";
    let node = tool("node");
    let node = fs::canonicalize(&node).unwrap();
    assert!(
        node.starts_with("/usr"),
        "MISSING PART: node of the system (scripts/parts installs it)"
    );
    for runs in Runs::both() {
        let program = runs.program("tell.js", CODE);
        let manifest = runs.manifest(&[node.to_str().unwrap(), &program], SUBPROCESS);
        let mut client = Client::start(runs.brig("run", manifest));
        let found = tells(&mut client);
        assert_eq!(found, json!({ "said": "child\n", "thread": "thread" }));
        let (code, errors) = client.end();
        assert_eq!(code, Some(0), "{errors}");
    }
}

/// Left to itself V8 lets garbage grow as if the whole host were its own.
#[test]
fn a_node_program_knows_its_limit_and_collects_before_it() {
    const CODE: &str = "
const limit = require('v8').getHeapStatistics().heap_size_limit;
const kept = [];
for (let i = 0; i < 50; i++) kept.push(new Array(100000).fill(i + 0.5));
for (let i = 0; i < 1000; i++) {
    const garbage = new Array(60000).fill(i + 0.1);
    if (i % 100 == 0) kept[i % 50] = garbage;
}
for (let i = 0; i < 10; i++) JSON.parse(JSON.stringify(kept.slice(0, 5)));
process.stdin.once('data', () => console.log(JSON.stringify(
    { jsonrpc: '2.0', id: 0, result: { kept: kept.length, limit } })));";
    let node = fs::canonicalize(tool("node")).unwrap();
    for runs in Runs::both() {
        let program = runs.program("tell.js", CODE);
        let manifest = runs.manifest(&[node.to_str().unwrap(), &program], "");
        let mut client = Client::start(runs.brig("run", manifest));
        let told = tells(&mut client);
        assert_eq!(told["kept"], 50, "as {}", runs.user);
        // V8 takes no less; of a host's memory it takes some GiB.
        let limit = told["limit"].as_u64().unwrap();
        assert!(limit < 300 << 20, "as {}: {limit}", runs.user);
    }
}

#[test]
fn all_that_a_program_started_ends_with_its_session() {
    const STAY: &str = "
import os, signal, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(1000)
        os._exit(0)
tell(started=True)
time.sleep(1000)";
    for runs in Runs::both() {
        let mut client = runs.python(STAY, SUBPROCESS);
        assert_eq!(tells(&mut client), json!({ "started": true }));
        let cell = family(client.process.id());
        assert!(
            cell.len() >= 6,
            "warden, init, program and three more: {cell:?}"
        );
        let (code, errors) = client.end();
        assert_eq!(code, Some(0), "{errors}");
        let until = Instant::now() + Duration::from_secs(1);
        while cell.iter().any(|id| is_alive(*id)) {
            assert!(Instant::now() < until, "something outlives brig");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

#[test]
fn a_program_that_cannot_run_is_refused_by_name() {
    let [runs, _] = Runs::both();
    let check = |command: &[&str], more: &str, code: i32, words: &str| {
        let manifest = runs.manifest(command, more);
        let output = runs.brig("plan", manifest).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{errors}");
        assert!(errors.contains(words), "{errors}");
    };
    check(&["no-such-program"], "", 5, "no program `no-such-program`");
    check(&["/usr/share"], "", 5, "no program `/usr/share`");
    let grant = |at: &str| format!("[[files]]\nhost = \"/srv\"\nat = \"{at}\"\n");
    for at in ["/usr/local", "/etc/ssl", "/bin/x"] {
        check(&["cat"], &grant(at), 3, "a place of the system");
    }
}

#[test]
fn a_program_starts_no_other_and_runs_nothing_that_it_wrote_unless_granted() {
    const TRY: &str = "
import mmap, os, threading
def code(prot):
    mmap.mmap(-1, 4096, prot=prot).close()
    return 'mapped'
def child():
    if os.fork() == 0:
        os._exit(0)
    return 'forked'
def memory_file():
    os.close(os.memfd_create('code'))
    return 'made'
def thread():
    done = threading.Thread(target=lambda: None)
    done.start()
    done.join()
    return 'ran'
both = mmap.PROT_READ | mmap.PROT_EXEC
tell(
    run=tried(lambda: code(both)), written=tried(lambda: code(both | mmap.PROT_WRITE)),
    memory=tried(lambda: code(mmap.PROT_READ | mmap.PROT_WRITE)), memory_file=tried(memory_file),
    child=tried(child), thread=tried(thread))
";
    const NO: &str = "Function not implemented";
    let both = "[syscalls]\nallow = [\"jit\", \"subprocess\"]\n";
    for runs in Runs::both() {
        let want = json!({
            "run": NO, "written": NO, "memory": "mapped", "memory_file": NO, "child": NO,
            "thread": "ran",
        });
        assert_eq!(runs.found(TRY, ""), want, "as {}", runs.user);
        let want = json!({
            "run": "mapped", "written": "mapped", "memory": "mapped", "memory_file": "made",
            "child": "forked", "thread": "ran",
        });
        assert_eq!(runs.found(TRY, both), want, "as {}", runs.user);
    }
}

/// Tells what Python finds of itself.
const OF_PYTHON: &str = "
import os, sys, own
tried(lambda: open(os.environ['ABOVE'] + '/project/new', 'w').close())
tell(prefix=sys.prefix, base=sys.base_prefix, own=own.SAYS,
    folder=tried(lambda: sorted(os.listdir(os.environ['ABOVE']))),
    change=tried(lambda: open(sys.prefix + '/new', 'w')),
    change_base=tried(lambda: open(sys.base_prefix + '/new', 'w')))
";

impl Runs {
    fn done(&self, command: &mut Command) {
        let output = command.current_dir(self.scratch().path()).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {errors}");
    }

    /// A Python outside of the system, as version managers install it, and an environment of it
    /// with a module and a program of its own.
    fn environment(&self) -> PathBuf {
        let of_system = fs::canonicalize(PYTHON).unwrap();
        let name = of_system.file_name().unwrap();
        let base = self.scratch().join("versions/3");
        fs::create_dir_all(base.join("bin")).unwrap();
        let library = base.join("lib").join(name);
        fs::create_dir_all(&library).unwrap();
        let program = self.scratch().install(&of_system, "versions/3/bin/python");
        fs::rename(program, base.join("bin").join(name)).unwrap();
        for entry in fs::read_dir(of_system.with_file_name("../lib").join(name)).unwrap() {
            let entry = entry.unwrap();
            symlink(entry.path(), library.join(entry.file_name())).unwrap();
        }
        symlink("3", self.scratch().join("versions/latest")).unwrap();
        let mut make = Command::new(self.scratch().join("versions/latest/bin").join(name));
        self.done(make.args(["-m", "venv", "--without-pip", "project/.venv"]));
        let venv = self.scratch().join("project/.venv");
        let packages = venv.join("lib").join(name).join("site-packages");
        fs::write(packages.join("own.py"), "SAYS = 'of the environment'\n").unwrap();
        let script = format!("#!{}/bin/python\n{TELL}{OF_PYTHON}", venv.display());
        fs::write(venv.join("bin/server"), script).unwrap();
        self.home.give("project/.venv/bin/server", self.user, 0o755);
        self.home.give("project", self.user, 0o700);
        self.home.give("versions", self.user, 0o700);
        venv
    }
}

#[test]
fn an_environment_is_found_by_its_path_and_its_python_with_it() {
    for runs in Runs::both() {
        let venv = runs.environment();
        let base = runs.scratch().join("versions/latest");
        let above = format!("[env]\nABOVE = \"{}\"\n", runs.scratch().path().display());
        let program = runs.program("tell.py", &format!("{TELL}{OF_PYTHON}"));
        let python = venv.join("bin/python").display().to_string();
        let server = venv.join("bin/server").display().to_string();
        let project = runs.scratch().join("project").display().to_string();
        let granted = format!("{above}[[files]]\nhost = \"{project}\"\naccess = \"write\"\n");
        for (command, more) in [
            (&[python.as_str(), &program][..], &above),
            (&[&server], &above),
            (&[&server], &granted),
        ] {
            let manifest = runs.manifest(command, more);
            let plan = runs.brig("plan", manifest.clone()).output().unwrap();
            let plan = String::from_utf8(plan.stdout).unwrap();
            let told = format!(
                "runtime      {} of this host (environment of",
                venv.display()
            );
            assert!(plan.contains(&told), "{plan}");
            assert!(
                plan.contains("versions/3 of this host (python 3."),
                "{plan}"
            );
            let mut client = Client::start(runs.brig("run", manifest));
            let found = tells(&mut client);
            let want = json!({
                "prefix": venv, "base": base, "own": "of the environment",
                "folder": ["project", "versions"], "change": "Read-only file system",
                "change_base": "Read-only file system",
            });
            assert_eq!(found, want, "{command:?} as {}", runs.user);
            // What lies around the environment is there if it is granted, and then as granted.
            let reaches = runs.scratch().join("project/new").exists();
            assert_eq!(reaches, more == &granted, "{command:?} as {}", runs.user);
        }
    }
}

#[test]
fn a_node_of_a_version_manager_is_found_and_nothing_beside_it() {
    const CODE: &str = "#!/usr/bin/env node
const { readdirSync, writeFileSync } = require('fs');
const tried = (act) => { try { return act(); } catch (error) { return error.code; } };
process.stdin.once('data', () => console.log(JSON.stringify({ jsonrpc: '2.0', id: 0, result: {
    runs: process.execPath, module: require('beside'), path: process.env.PATH,
    home: tried(() => readdirSync(process.env.ABOVE)),
    change: tried(() => writeFileSync(process.execPath, '')) } })));";
    let node = fs::canonicalize(tool("node")).unwrap();
    for runs in Runs::both() {
        let home = runs.scratch().join("home");
        let version = home.join(".nvm/versions/node/v9.8.7");
        let modules = version.join("lib/node_modules");
        for folder in [
            version.join("bin"),
            modules.join("beside"),
            modules.join("tool"),
        ] {
            fs::create_dir_all(folder).unwrap();
        }
        let below = version.strip_prefix(runs.scratch().path()).unwrap();
        runs.scratch()
            .install(&node, below.join("bin/node").to_str().unwrap());
        fs::write(
            modules.join("beside/index.js"),
            "module.exports = 'beside';",
        )
        .unwrap();
        fs::write(modules.join("tool/cli.js"), CODE).unwrap();
        fs::set_permissions(
            modules.join("tool/cli.js"),
            fs::Permissions::from_mode(0o755),
        )
        .unwrap();
        symlink("../lib/node_modules/tool/cli.js", version.join("bin/tool")).unwrap();
        runs.home.file("home/private", "s3cret", runs.user, 0o644);
        let above = format!("[env]\nABOVE = \"{}\"\n", home.display());
        let tool = version.join("bin/tool").display().to_string();
        let manifest = runs.manifest(&[&tool], &above);
        let plan = runs.brig("plan", manifest.clone()).output().unwrap();
        let plan = String::from_utf8(plan.stdout).unwrap();
        let told = format!(
            "runtime      {} of this host (node v9.8.7)",
            version.display()
        );
        assert!(plan.contains(&told), "{plan}");
        let mut client = Client::start(runs.brig("run", manifest));
        let want = json!({
            "runs": version.join("bin/node"), "module": "beside",
            "path": format!("{}/bin:/usr/local/bin:/usr/bin:/bin", version.display()),
            "home": [".nvm"], "change": "EROFS",
        });
        assert_eq!(tells(&mut client), want, "as {}", runs.user);
    }
}

/// What a version manager puts on the search path chooses a program when it is called, by settings
/// that are in no cell.
#[test]
fn a_stand_in_of_a_version_manager_is_refused_by_name() {
    let [runs, _] = Runs::both();
    let shim = runs
        .scratch()
        .write("home/.pyenv/shims/python3", "#!/bin/sh\n");
    fs::set_permissions(&shim, fs::Permissions::from_mode(0o755)).unwrap();
    let manifest = runs.manifest(&[shim.to_str().unwrap()], "");
    let output = runs.brig("plan", manifest).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{errors}");
    assert!(errors.contains("version manager's stand-in"), "{errors}");
}
