//! The attacks, by denial.

use super::Play;
use crate::harness::{
    Client, PATIENCE, Scratch, brig, cached, family, is_alive, state, tool, unasked,
};
use crate::users::{Home, USER};
use brig_sandbox::mechanism::{Denial, Mechanism};
use serde_json::json;
use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use Mechanism as M;

const PYTHON: &str = "/usr/bin/python3";

/// Around every attack: it ends with one line that says how.
const FRAME: &str = r"
import ctypes, errno, os, socket, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def call(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), '')
    return result
def say(word):
    os.write(2, ('outcome: %s\n' % word).encode())
def attack():
    ATTACK
try:
    say(attack() or 'done')
except MemoryError:
    say('MemoryError')
except OSError as error:
    say(errno.errorcode[error.errno])
";

/// A manifest whose server is this attack.
pub(crate) fn manifest(attack: &str, more: &str) -> String {
    assert!(
        Path::new(PYTHON).exists(),
        "MISSING PART: {PYTHON} (scripts/parts installs it)"
    );
    let program = FRAME.replace("ATTACK", &attack.trim().replace('\n', "\n    "));
    // An argument holds no line ends.
    let mut digits = String::new();
    for byte in program.bytes() {
        write!(digits, "{byte:02x}").unwrap();
    }
    format!(
        "brig = 1\n[server]\nname = \"alone\"\n\
         command = [\"{PYTHON}\", \"-I\", \"-c\", \"exec(bytes.fromhex('{digits}'))\"]\n{more}\n\
         [syscalls]\nallow = [\"subprocess\"]\n"
    )
}

/// The variable that leaves these out.
pub(crate) fn without(command: &mut Command, off: &[Mechanism]) {
    let names = off.iter().map(|one| serde_json::to_value(one).unwrap());
    let names: Vec<String> = names
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    command.env("BRIG_TEST_WITHOUT", names.join(","));
}

/// Runs a session in which the client says nothing, and gives all outcomes that were told. Where
/// none was, the last that brig said.
fn outcome(mut command: Command, off: &[Mechanism]) -> String {
    without(&mut command, off);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut texts = [
        reader(process.stdout.take().unwrap()),
        reader(process.stderr.take().unwrap()),
    ]
    .map(Some);
    let until = Instant::now() + 2 * PATIENCE;
    while process.try_wait().unwrap().is_none() {
        if Instant::now() > until {
            let _ = process.kill();
        }
        thread::sleep(Duration::from_millis(2));
    }
    let text: String = texts
        .iter_mut()
        .map(|text| text.take().unwrap().join().unwrap())
        .collect();
    let told: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once("outcome: ").map(|(_, word)| word.trim()))
        .collect();
    if told.is_empty() {
        text.lines().last().unwrap_or_default().to_owned()
    } else {
        told.join(", ")
    }
}

fn reader(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// `brig run` on the manifest, by root.
fn run(manifest: &Path) -> Command {
    let mut command = brig();
    command.arg("run").arg(manifest);
    command
}

/// A command behind words of another program.
pub(crate) fn behind(words: &[&str], own: &Command) -> Command {
    let mut command = Command::new(tool(words[0]));
    command
        .args(&words[1..])
        .arg(own.get_program())
        .args(own.get_args());
    let set = |(name, value): (_, Option<_>)| value.map(|value| (name, value));
    command.envs(own.get_envs().filter_map(set));
    command
}

/// An attack by a program that root runs.
fn played(
    beside: &[Mechanism],
    by: &[(Mechanism, &'static str)],
    attack: impl Into<String>,
) -> Play {
    staged(beside, by, attack.into(), |_| String::new(), run)
}

/// With sections of a manifest for a folder of the test's own, and another way to start brig.
fn staged(
    beside: &[Mechanism],
    by: &[(Mechanism, &'static str)],
    attack: String,
    more: impl Fn(&Scratch) -> String + 'static,
    start: impl Fn(&Path) -> Command + 'static,
) -> Play {
    Play {
        free: "done",
        beside: beside.to_owned(),
        by: by.to_owned(),
        run: Box::new(move |off| {
            let scratch = Scratch::new();
            let more = more(&scratch);
            let manifest = scratch.write("alone.toml", manifest(&attack, &more));
            outcome(start(&manifest), off)
        }),
    }
}

/// A grant of a folder with one file, which everyone may read.
fn grant(scratch: &Scratch, more: &str) -> String {
    scratch.write("data/file", "text");
    let host = scratch.join("data").display().to_string();
    format!("[[files]]\nhost = \"{host}\"\nat = \"/data\"\n{more}")
}

fn limits(text: &'static str) -> impl Fn(&Scratch) -> String {
    move |_| format!("[limits]\n{text}\n")
}

/// By an ordinary user.
fn by_user(by: &[(Mechanism, &'static str)], prepare: impl Fn(&Home) -> String + 'static) -> Play {
    Play {
        free: "done",
        beside: Vec::new(),
        by: by.to_owned(),
        run: Box::new(move |off| {
            let home = Home::new(USER);
            let attack = prepare(&home);
            home.scratch.write("alone.toml", manifest(&attack, ""));
            let mut command = home.run("./brig", "--clear-groups");
            command.args(["run", "alone.toml"]);
            outcome(command, off)
        }),
    }
}

/// All attacks on a denial: one, but where its mechanisms belong to different hosts or servers.
pub(super) fn plays(denial: Denial) -> Vec<Play> {
    match denial {
        Denial::Files => vec![files()],
        Denial::Writes => vec![writes()],
        Denial::Network => vec![network()],
        Denial::Processes => vec![processes()],
        Denial::Identity => vec![identity()],
        Denial::Capabilities => vec![capabilities()],
        Denial::Elevation => vec![elevation()],
        Denial::Surface => vec![surface()],
        Denial::NativeCode => vec![native_code()],
        Denial::Ipc => vec![ipc()],
        Denial::HostName => vec![host_name()],
        Denial::ControlGroups => vec![control_groups()],
        Denial::Terminal => vec![terminal()],
        Denial::Descriptors => vec![descriptors()],
        Denial::Environment => vec![environment()],
        Denial::Memory => vec![memory(), memory_of_a_guest()],
        Denial::ProcessorShare => vec![quota(), affinity()],
        Denial::ProcessCount => vec![process_count()],
        Denial::OpenFiles => vec![open_files()],
        Denial::CoreDumps => vec![core_dumps()],
        Denial::Outliving => vec![outliving()],
    }
}

/// A file that no rule names, though everyone may read it.
fn files() -> Play {
    let by = [(M::MountNamespace, "ENOENT"), (M::Landlock, "EACCES")];
    played(&[], &by, "open('/etc/debian_version').read()")
}

fn writes() -> Play {
    let by = [(M::ReadOnlyMount, "EROFS"), (M::Landlock, "EACCES")];
    let attack = "open('/data/file', 'w').write('changed')".to_owned();
    staged(&[], &by, attack, |scratch| grant(scratch, ""), run)
}

/// Landlock's rights over the network are a third wall, which the table does not count.
fn network() -> Play {
    let by = [
        (M::NetworkNamespace, "ENETUNREACH"),
        (M::SeccompNoSocket, "ENOSYS"),
    ];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let play = played(
        &[M::Landlock],
        &by,
        format!("socket.create_connection(('127.0.0.1', {port}))"),
    );
    // It listens for as long as the attack is played.
    let run = play.run;
    Play {
        run: Box::new(move |off| {
            let _open = &listener;
            run(off)
        }),
        ..play
    }
}

/// A process of the user's own, outside of the cell.
fn processes() -> Play {
    let by = [
        (M::PidNamespace, "ESRCH"),
        (M::LandlockSignalScope, "EPERM"),
    ];
    by_user(&by, |home| {
        let mut command = home.run("sleep", "--clear-groups");
        let mut victim = command.arg("100").spawn().unwrap();
        let id = victim.id();
        thread::spawn(move || victim.wait());
        // Until it is the user's.
        let until = Instant::now() + PATIENCE;
        while fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name != "sleep\n") {
            assert!(Instant::now() < until);
            thread::sleep(Duration::from_millis(1));
        }
        format!("os.kill({id}, 15)")
    })
}

/// Becoming any other user. It takes a capability, which is left to the server for it.
fn identity() -> Play {
    let beside = [M::EmptyCapabilities, M::SeccompAllowList, M::Landlock];
    let by = [(M::UserNamespace, "EINVAL"), (M::UnprivilegedUser, "EPERM")];
    played(&beside, &by, "os.setresuid(1, 1, 1)")
}

/// Root's own capabilities over the host, for a server that kept root's id.
fn capabilities() -> Play {
    let beside = [M::UserNamespace, M::UnprivilegedUser, M::SeccompAllowList];
    played(
        &beside,
        &[(M::EmptyCapabilities, "EPERM")],
        "os.chroot('/tmp')",
    )
}

/// A program of root's with the set-user-id bit, in a grant whose programs may be run. Without new
/// privileges given up the kernel takes neither filter nor ruleset of an ordinary process.
fn elevation() -> Play {
    let beside = [M::UserNamespace, M::SeccompAllowList, M::Landlock];
    let by = [
        (M::NoNewPrivileges, "unchanged"),
        (M::NoSetIdMount, "unchanged"),
    ];
    let attack = "user = subprocess.run(['/data/id', '-u'], capture_output=True).stdout.strip()\n\
                  return 'done' if user == b'0' else 'unchanged' if user.isdigit() else user";
    let more = |scratch: &Scratch| {
        let more = grant(scratch, "exec = true\n");
        let program = scratch.join("data/id");
        fs::copy(tool("id"), &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
        more
    };
    staged(&beside, &by, attack.to_owned(), more, run)
}

/// A user namespace of the server's own, in which it would hold every capability.
fn surface() -> Play {
    let attack = "call(libc.unshare(0x10000000))";
    played(&[], &[(M::SeccompAllowList, "ENOSYS")], attack)
}

/// A worker that was taken over asks for memory in which it may run what it writes.
fn native_code() -> Play {
    Play {
        free: "mmap answered",
        beside: Vec::new(),
        by: vec![(M::SeccompNoExecutableMemory, "mmap: ENOSYS")],
        run: Box::new(|off| {
            let scratch = Scratch::new();
            let mut command = cached(run(&scratch.manifest("hostile", "")));
            without(&mut command, off);
            command.env("BRIG_TEST_CAPTURED", "1");
            let mut client = Client::start(command);
            client.initialize();
            let script = "mmap 0 4096 PROT_READ|PROT_EXEC MAP_PRIVATE|MAP_ANONYMOUS -1 0";
            let answer = client.call(1, "syscalls", &json!({ "script": script }));
            let text = answer["result"]["content"][0]["text"].as_str();
            let text = text.unwrap_or_else(|| panic!("{answer}"));
            let told = text.rsplit_once("line 1: ").map_or(text, |(_, told)| told);
            // Where it lies is another address each time.
            let words: Vec<&str> = told.split_whitespace().take(2).collect();
            words.join(" ")
        }),
    }
}

/// A segment of shared memory that a process of the host made for everyone.
fn ipc() -> Play {
    let by = [(M::IpcNamespace, "ENOENT"), (M::SeccompNoIpc, "ENOSYS")];
    let key = std::process::id();
    let play = played(&[], &by, format!("call(libc.shmget({key}, 0, 0))"));
    let run = play.run;
    let python = |call: &str| {
        let text = format!("import ctypes; c = ctypes.CDLL(None); {call}");
        let status = Command::new(PYTHON)
            .args(["-I", "-c", &text])
            .status()
            .unwrap();
        assert!(status.success());
    };
    let run = move |off: &[Mechanism]| {
        python(&format!("exit(c.shmget({key}, 4096, 0o1666) < 0)"));
        let outcome = run(off);
        python(&format!(
            "exit(c.shmctl(c.shmget({key}, 0, 0), 0, None) < 0)"
        ));
        outcome
    };
    Play {
        run: Box::new(run),
        ..play
    }
}

/// The host is a namespace of the test's own, so that its name can be lost.
fn host_name() -> Play {
    let beside = [M::UserNamespace, M::UnprivilegedUser, M::EmptyCapabilities];
    let by = [
        (M::UtsNamespace, "done, the host is outside"),
        (M::SeccompAllowList, "ENOSYS, the host is outside"),
    ];
    let script = "echo outside > /proc/sys/kernel/hostname; \"$@\"; \
                  echo \"outcome: the host is $(uname -n)\" >&2";
    let start = move |manifest: &Path| {
        behind(
            &["unshare", "--uts", "sh", "-c", script, "sh"],
            &run(manifest),
        )
    };
    let attack = "socket.sethostname('taken')".to_owned();
    let play = staged(&beside, &by, attack, |_| String::new(), start);
    Play {
        free: "done, the host is taken",
        ..play
    }
}

/// Without its mechanism, the root has the host's file system of control groups.
fn control_groups() -> Play {
    let by = [(M::CgroupNamespace, "ENOENT"), (M::Landlock, "EACCES")];
    // What tells of memory may be brig's own.
    let attack = "found = os.listdir('/sys/fs/cgroup')\n\
                  if all(name.startswith('memory') for name in found):\n\
                  \u{20}   raise OSError(errno.ENOENT, '')";
    played(&[], &by, attack)
}

/// brig runs on a terminal of the test's own.
fn terminal() -> Play {
    let attack = "os.write(os.open('/dev/tty', os.O_WRONLY), b'typed')".to_owned();
    let beside = [M::MountNamespace, M::Landlock];
    let attack = attack + "\nreturn 'done'";
    let start = |manifest: &Path| {
        let own = run(manifest);
        let program = own.get_program().display();
        let line = format!("{program} run {}", manifest.display());
        let mut command = Command::new(tool("script"));
        command.args(["-qec", &line, "/dev/null"]);
        command
            .env("XDG_CONFIG_HOME", unasked())
            .env("XDG_STATE_HOME", state());
        command
    };
    staged(
        &beside,
        &[(M::OwnSession, "ENXIO")],
        attack,
        |_| String::new(),
        start,
    )
}

/// brig's caller has a file of its own open.
fn descriptors() -> Play {
    let script = "exec \"$@\" 9</etc/debian_version";
    let start = move |manifest: &Path| behind(&["sh", "-c", script, "sh"], &run(manifest));
    let attack = "os.read(9, 1)\nreturn 'done'".to_owned();
    staged(
        &[],
        &[(M::CloseRange, "EBADF")],
        attack,
        |_| String::new(),
        start,
    )
}

fn environment() -> Play {
    let start = |manifest: &Path| {
        let mut command = run(manifest);
        command.env("ALONE_SECRET", "s3cret");
        command
    };
    let attack = "return 'done' if 'ALONE_SECRET' in os.environ else 'absent'".to_owned();
    staged(
        &[],
        &[(M::EmptyEnvironment, "absent")],
        attack,
        |_| String::new(),
        start,
    )
}

fn memory() -> Play {
    let by = [
        (
            M::ControlGroupMemory,
            "brig: alone: the server was ended: its memory was used up (limits.memory)",
        ),
        (M::RlimitData, "MemoryError"),
    ];
    let more = limits("memory = \"64MiB\"\nscratch = \"1MiB\"");
    let attack = "len(b'x' * (256 << 20))".to_owned();
    staged(&[], &by, attack, more, run)
}

/// What a guest asks for its worker counts, and the same walls as a program's stand around that.
fn memory_of_a_guest() -> Play {
    let (told, died) = ("memory was refused after 0 MiB", "the server's end");
    Play {
        free: "took 300 MiB",
        beside: Vec::new(),
        by: vec![
            (M::ControlGroupMemory, died),
            (M::WasmLimiter, told),
            (M::RlimitData, told),
        ],
        run: Box::new(move |off| {
            let scratch = Scratch::new();
            let manifest = scratch.manifest("hostile", "[limits]\nmemory = \"16MiB\"\n");
            let mut command = cached(run(&manifest));
            without(&mut command, off);
            let mut client = Client::start(command);
            client.initialize();
            let answer = client.call(1, "alloc", &json!({ "mb": 300 }));
            let text = answer["result"]["content"][0]["text"].as_str();
            text.unwrap_or(died).to_owned()
        }),
    }
}

/// A twentieth of a processor, which the one thread is no claim to.
fn quota() -> Play {
    let attack = "start, used = time.monotonic(), time.process_time()\n\
                  while time.process_time() - used < 0.2: pass\n\
                  return 'done' if time.monotonic() - start < 2 else 'held up'";
    let by = [(M::ControlGroupCpu, "held up")];
    staged(&[], &by, attack.to_owned(), limits("cpus = 0.05"), run)
}

/// An ordinary user has no control group here, so the cell is tied to one processor.
fn affinity() -> Play {
    by_user(&[(M::ProcessorAffinity, "one processor")], |_| {
        "return 'done' if len(os.sched_getaffinity(0)) > 1 else 'one processor'".to_owned()
    })
}

fn process_count() -> Play {
    let by = [
        (M::ControlGroupPids, "EAGAIN"),
        (M::RlimitProcesses, "EAGAIN"),
    ];
    let attack = "for _ in range(40):\n    if os.fork() == 0: time.sleep(100)";
    staged(&[], &by, attack.to_owned(), limits("processes = 16"), run)
}

fn open_files() -> Play {
    let by = [(M::RlimitOpenFiles, "EMFILE")];
    let attack = "held = [open('/dev/null') for _ in range(200)]".to_owned();
    staged(&[], &by, attack, limits("open-files = 64"), run)
}

/// A child that crashes in a folder in which it may write, as a caller who wants core files.
fn core_dumps() -> Play {
    let attack = "os.chdir('/data')\n\
                  child = os.fork()\n\
                  if child == 0: os.abort()\n\
                  return 'done' if os.WCOREDUMP(os.waitpid(child, 0)[1]) else 'no core'";
    let start =
        |manifest: &Path| behind(&["prlimit", "--core=unlimited:unlimited"], &run(manifest));
    let more = |scratch: &Scratch| grant(scratch, "access = \"write\"\n");
    staged(
        &[],
        &[(M::RlimitCore, "no core")],
        attack.to_owned(),
        more,
        start,
    )
}

/// The warden is killed, and nobody is left to end the server.
fn outliving() -> Play {
    Play {
        free: "lives on",
        beside: Vec::new(),
        by: vec![(M::ParentDeathSignal, "ended")],
        run: Box::new(|off| {
            let scratch = Scratch::new();
            let text = manifest("say('ready')\ntime.sleep(1000)", "");
            let mut command = run(&scratch.write("alone.toml", text));
            without(&mut command, off);
            command
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::piped());
            let mut process = command.spawn().unwrap();
            let mut errors = process.stderr.take().unwrap();
            let _ = errors.read(&mut [0; 64]).unwrap();
            let cell = family(process.id());
            assert_eq!(cell.len(), 3, "warden, init, server");
            end(cell[0]);
            process.wait().unwrap();
            outlives(&cell[1..])
        }),
    }
}

fn end(process: u32) {
    let id = rustix::process::Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
}

/// Whether any of these still lives a while after, and ends them.
fn outlives(cell: &[u32]) -> String {
    let until = Instant::now() + Duration::from_secs(1);
    while cell.iter().any(|process| is_alive(*process)) {
        if Instant::now() > until {
            for process in cell {
                end(*process);
            }
            return "lives on".to_owned();
        }
        thread::sleep(Duration::from_millis(5));
    }
    "ended".to_owned()
}
