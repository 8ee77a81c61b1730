//! `kill -9` of every process of a session, at random moments of a start and of a call; two starts
//! at once; a cache that somebody changed.
//!
//! Whoever is killed: the client gets an answer or the end, every process of the session is gone,
//! no mount is left, and what is left in the cache and of control groups goes with a later start.

use crate::harness::{Client, Scratch, durations, family, is_alive, patience, unasked};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// A hash, a dash, and a build.
const ENTRY_NAME_BYTES: usize = 64 + 1 + 16;

/// A brig of its own with a cache of its own. Whatever runs it, or has it mounted in its cell,
/// belongs to this test.
struct Yard {
    scratch: Scratch,
    manifest: PathBuf,
}

impl Yard {
    fn new() -> Self {
        let scratch = Scratch::new();
        scratch.install_brig();
        scratch.write("granted/file.txt", "text");
        let grant = format!(
            "[[files]]\nhost = \"{}\"\n",
            scratch.join("granted").display()
        );
        // The smallest guest: a cold start is quick with it. At its own path below /tmp the grant
        // would lie under the cell's scratch.
        let manifest = scratch.manifest("hostile", &format!("{grant}at = \"/granted\"\n"));
        Self { scratch, manifest }
    }

    fn command(&self, what: &str) -> Command {
        let mut command = Command::new(self.scratch.join("brig"));
        command.arg(what).arg(&self.manifest);
        command
            .env("XDG_CONFIG_HOME", unasked())
            .env("XDG_STATE_HOME", self.scratch.join("state"))
            .env("XDG_CACHE_HOME", self.scratch.join("cache"));
        command
    }

    fn cache(&self) -> PathBuf {
        self.scratch.join("cache/brig/code")
    }

    /// Names in the cache: its key, entries, and what was never finished.
    fn cached(&self) -> Vec<String> {
        let entries = fs::read_dir(self.cache()).into_iter().flatten();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn entry(&self) -> PathBuf {
        let names = self.cached();
        let entries: Vec<_> = names
            .iter()
            .filter(|name| name.len() == ENTRY_NAME_BYTES)
            .collect();
        assert_eq!(entries.len(), 1, "{names:?}");
        self.cache().join(entries[0])
    }

    /// Makes the next start a cold one.
    fn forget_code(&self) {
        for name in self.cached().iter().filter(|name| *name != "key") {
            let _ = fs::remove_file(self.cache().join(name));
        }
    }

    /// Processes that belong to this yard, wherever they hang in the tree.
    fn processes(&self) -> Vec<(u32, String)> {
        let mark = self.scratch.path().to_str().unwrap();
        let mark = format!("{mark}/");
        // In mountinfo a path begins at its file system, which may itself be mounted anywhere.
        let name = self.scratch.path().file_name().unwrap().to_str().unwrap();
        let mounted = format!("/{name}/");
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let belongs = |process: &u32| {
            let folder = Path::new("/proc").join(process.to_string());
            let program = fs::read_link(folder.join("exe")).unwrap_or_default();
            program
                .to_str()
                .is_some_and(|program| program.starts_with(&mark))
                || fs::read_to_string(folder.join("mountinfo"))
                    .is_ok_and(|mounts| mounts.contains(&mounted))
        };
        let found = ids.filter(|process| is_alive(*process)).filter(belongs);
        let named = |process| {
            let name = fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
            (process, name.replace('\0', " "))
        };
        found.map(named).collect()
    }

    /// Waits until nothing of this yard runs, and gives how long that took.
    #[track_caller]
    fn is_quiet(&self, why: &str) -> Duration {
        let start = Instant::now();
        loop {
            let left = self.processes();
            if left.is_empty() {
                return start.elapsed();
            }
            assert!(start.elapsed() < patience(), "{why}: still there: {left:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Numbers without a pattern, from a seed that a failure names (splitmix64).
struct Dice(AtomicU64);

impl Dice {
    fn new() -> (Self, u64) {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        let seed = std::env::var("BRIG_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or(u64::from(now.subsec_nanos()) << 32 | now.as_secs());
        (Self(AtomicU64::new(seed)), seed)
    }

    fn below(&self, bound: u64) -> u64 {
        let mut x = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % bound
    }

    fn micros(&self, bound: u64) -> Duration {
        Duration::from_micros(self.below(bound))
    }
}

/// Who is killed, as the path of first children from the process that the test started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    /// `brig call`, which is a client.
    Client,
    Supervisor,
    Warden,
    Init,
    Worker,
}

/// When it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    ColdStart,
    WarmStart,
    Call,
}

impl Victim {
    /// The victim's process, once there is one. A start may be over before, and one that compiles
    /// has two wardens: any of them.
    fn find(self, started: u32, dice: &Dice) -> Option<u32> {
        let depth = match self {
            Self::Client | Self::Supervisor => 0,
            Self::Warden => 1,
            Self::Init => 2,
            Self::Worker => 3,
        };
        let until = Instant::now() + patience();
        while is_alive(started) && Instant::now() < until {
            let mut found = vec![started];
            for _ in 0..depth {
                found = found
                    .into_iter()
                    .flat_map(children)
                    .filter(|id| is_alive(*id))
                    .collect();
            }
            if !found.is_empty() {
                let which = dice.below(found.len() as u64);
                return Some(found[usize::try_from(which).unwrap()]);
            }
            thread::sleep(Duration::from_micros(200));
        }
        None
    }
}

fn children(process: u32) -> Vec<u32> {
    let path = format!("/proc/{process}/task/{process}/children");
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace()
        .map(|id| id.parse().unwrap())
        .collect()
}

/// kill -9. The process was found in the tree of one that this test started.
fn kill(process: u32) {
    let id = rustix::process::Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    // It may have ended meanwhile.
    let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
}

/// What a round sends, and waits for: an answer, or the end.
fn handshake(client: &mut Client) {
    client.send(&json!({
        "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "kills", "version": "0" },
        },
    }));
}

fn heard(client: &mut Client) -> Option<Value> {
    client
        .line()
        .map(|line| serde_json::from_slice(&line).unwrap())
}

fn round(yard: &Yard, dice: &Dice, victim: Victim, moment: Moment) {
    if moment == Moment::ColdStart {
        yard.forget_code();
    }
    if victim == Victim::Client {
        return round_of_client(yard, dice, moment);
    }
    let mut client = Client::start(yard.command("run"));
    let started = client.process.id();
    handshake(&mut client);
    if moment == Moment::Call {
        assert!(heard(&mut client).unwrap()["result"].is_object());
        let params = json!({ "name": "sleep", "arguments": { "ms": 20 } });
        client
            .send(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }));
    }
    thread::sleep(dice.micros(match moment {
        Moment::ColdStart => 1_000_000,
        Moment::WarmStart | Moment::Call => 40_000,
    }));
    if let Some(process) = victim.find(started, dice) {
        thread::sleep(dice.micros(10_000));
        kill(process);
    }
    // An answer that was under way, one that brig gives in the server's place, or the end: never
    // silence. Whoever still is there ends in order when its input does.
    if victim == Victim::Supervisor {
        while heard(&mut client).is_some() {}
    } else {
        let _ = heard(&mut client);
    }
    let (status, errors) = client.end();
    let known = matches!(status, None | Some(0 | 1 | 5 | 6 | 7));
    assert!(known, "{victim:?} {moment:?}: {status:?} {errors}");
}

fn round_of_client(yard: &Yard, dice: &Dice, moment: Moment) {
    let mut command = yard.command("call");
    command.arg("sleep").arg(r#"{"ms":20}"#);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut client: Child = command.spawn().unwrap();
    thread::sleep(dice.micros(match moment {
        Moment::ColdStart => 1_000_000,
        Moment::WarmStart => 40_000,
        Moment::Call => 120_000,
    }));
    client.kill().unwrap();
    client.wait().unwrap();
}

fn rounds(victim: Victim) {
    let yard = Yard::new();
    let (dice, seed) = Dice::new();
    warm(&yard);
    let mut slowest = Duration::ZERO;
    let count = durations::kill_rounds();
    for number in 0..count {
        let moment = match dice.below(6) {
            0 => Moment::ColdStart,
            1 | 2 => Moment::WarmStart,
            _ => Moment::Call,
        };
        if moment != Moment::ColdStart
            && yard
                .cached()
                .iter()
                .all(|name| name.len() != ENTRY_NAME_BYTES)
        {
            warm(&yard);
        }
        let why = format!("{victim:?} {moment:?}, round {number}, BRIG_SEED={seed}");
        round(&yard, &dice, victim, moment);
        slowest = slowest.max(yard.is_quiet(&why));
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let name = yard.scratch.path().file_name().unwrap().to_str().unwrap();
        assert!(!mounts.contains(name), "{why}: a mount is left");
    }
    is_swept(&yard);
    let label = format!("{victim:?}: {count} rounds, all gone within {slowest:?}");
    std::io::Write::write_all(&mut std::io::stderr(), format!("{label}\n").as_bytes()).unwrap();
}

/// The next start leaves nothing of all that: it sweeps groups without a warden, and in the cache
/// what nobody can still be writing.
fn is_swept(yard: &Yard) {
    let old = SystemTime::now() - Duration::from_hours(2);
    for name in yard
        .cached()
        .iter()
        .filter(|name| name.starts_with(".new-"))
    {
        let file = fs::File::options()
            .write(true)
            .open(yard.cache().join(name))
            .unwrap();
        file.set_modified(old).unwrap();
    }
    for name in yard
        .cached()
        .iter()
        .filter(|name| name.len() == ENTRY_NAME_BYTES)
    {
        fs::remove_file(yard.cache().join(name)).unwrap();
    }
    let orphans: Vec<_> = groups()
        .into_iter()
        .filter(|group| !warden_lives(group))
        .collect();
    let until = Instant::now() + patience();
    loop {
        warm(yard);
        if orphans.iter().all(|group| !group.exists()) {
            break;
        }
        // The kernel may still have been letting go of a process of another test's group.
        assert!(Instant::now() < until, "groups are left: {orphans:?}");
    }
    yard.is_quiet("after the last start");
    let names = yard.cached();
    assert!(
        names.len() == 2 && names.contains(&"key".to_owned()),
        "{names:?}"
    );
}

/// Control groups of cells (`brig-<pid namespace>-<warden>`), in either version's hierarchy.
fn groups() -> BTreeSet<PathBuf> {
    let memberships = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut found = BTreeSet::new();
    for mount in mounts.lines().filter(|line| line.contains(" - cgroup")) {
        let at = mount.split(' ').nth(4).unwrap();
        for path in memberships
            .lines()
            .filter_map(|line| line.splitn(3, ':').nth(2))
        {
            let folder = Path::new(at).join(path.trim_start_matches('/'));
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                // The engines of other tests have groups too, named for the tests.
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if name.starts_with("brig-") && !name.starts_with("brig-it-") {
                    found.insert(entry.path());
                }
            }
        }
    }
    found
}

/// Other tests have cells of their own.
fn warden_lives(group: &Path) -> bool {
    let name = group.file_name().unwrap().to_str().unwrap();
    is_alive(name.rsplit('-').next().unwrap().parse().unwrap())
}

/// One session in order. It compiles where there is no code.
fn warm(yard: &Yard) {
    let mut client = Client::start(yard.command("run"));
    assert!(client.initialize()["result"].is_object());
    let (status, errors) = client.end();
    assert_eq!((status, errors.as_str()), (Some(0), ""));
}

#[test]
fn a_killed_client_leaves_nothing() {
    rounds(Victim::Client);
}

#[test]
fn a_killed_supervisor_leaves_nothing() {
    rounds(Victim::Supervisor);
}

#[test]
fn a_killed_warden_leaves_nothing() {
    rounds(Victim::Warden);
}

#[test]
fn a_killed_init_leaves_nothing() {
    rounds(Victim::Init);
}

#[test]
fn a_killed_worker_leaves_nothing() {
    rounds(Victim::Worker);
}

#[test]
fn two_starts_on_one_cold_cache_both_succeed() {
    let yard = Yard::new();
    for _ in 0..5 {
        yard.forget_code();
        let mut clients = [(); 3].map(|()| Client::start(yard.command("run")));
        clients.iter_mut().for_each(handshake);
        for client in &mut clients {
            assert!(heard(client).unwrap()["result"].is_object());
        }
        for client in clients {
            let (status, errors) = client.end();
            assert_eq!((status, errors.as_str()), (Some(0), ""));
        }
        yard.entry();
    }
    let names = yard.cached();
    assert!(
        names.iter().all(|name| !name.starts_with(".new-")),
        "{names:?}"
    );
}

/// A session on a changed cache: the client's first answer, and what brig told.
fn attempt(yard: &Yard) -> (Value, Option<i32>, String) {
    let mut client = Client::start(yard.command("run"));
    handshake(&mut client);
    let answer = heard(&mut client).unwrap();
    let (status, errors) = client.end();
    (answer, status, errors)
}

/// Damage that shows before the start: it is told, and the start goes on with code made anew.
#[test]
fn a_damaged_entry_is_made_again() {
    let yard = Yard::new();
    let healed = |damage: &dyn Fn(&Path), words: &str| {
        yard.forget_code();
        warm(&yard);
        damage(&yard.entry());
        let (answer, status, errors) = attempt(&yard);
        assert!(answer["result"].is_object(), "{words}: {answer}");
        assert_eq!(status, Some(0), "{words}: {errors}");
        assert!(
            errors.contains(words) && errors.contains("made again"),
            "{words}: {errors}"
        );
        warm(&yard);
    };
    let cut = |path: &Path, bytes: u64| {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() - bytes)
            .unwrap();
    };
    healed(&|path| cut(path, 1), "damaged");
    healed(&|path| cut(path, 100), "damaged");
    healed(&|path| fs::write(path, "").unwrap(), "damaged");
    healed(
        &|path| fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap(),
        "600",
    );
    healed(
        &|path| fs::set_permissions(path, fs::Permissions::from_mode(0o660)).unwrap(),
        "600",
    );
    healed(
        &|path| {
            let elsewhere = yard.scratch.join("elsewhere");
            fs::rename(path, &elsewhere).unwrap();
            symlink(elsewhere, path).unwrap();
        },
        "not what it should be",
    );
}

/// Code that is whole and not brig's: its hash is checked in the worker, so this start fails, in
/// words, and the next one has code made anew.
#[test]
fn code_that_brig_did_not_write_never_runs() {
    let yard = Yard::new();
    let refused = |change: &dyn Fn(&Path)| {
        yard.forget_code();
        warm(&yard);
        change(&yard.entry());
        let (answer, status, errors) = attempt(&yard);
        assert!(answer["error"].is_object(), "{answer}");
        assert_eq!(status, Some(6), "{errors}");
        let words = [
            "verify the compiled code",
            "changed from outside",
            "start again",
        ];
        assert!(words.iter().all(|words| errors.contains(words)), "{errors}");
        warm(&yard);
    };
    let flip = |path: &Path, at: &dyn Fn(usize) -> usize| {
        let mut bytes = fs::read(path).unwrap();
        let at = at(bytes.len());
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    refused(&|path| flip(path, &|_| 0));
    refused(&|path| flip(path, &|length| length / 2));
    refused(&|path| flip(path, &|length| length - 65));
    // The hash itself.
    refused(&|path| flip(path, &|length| length - 1));
    // Another entry of the same cache, whole and by brig.
    refused(&|path| {
        let other = yard.scratch.manifest("echo", "");
        let mut command = yard.command("run");
        command = {
            let mut replaced = Command::new(command.get_program());
            replaced
                .arg("run")
                .arg(other)
                .env("XDG_CONFIG_HOME", unasked())
                .env("XDG_STATE_HOME", yard.scratch.join("state"))
                .env("XDG_CACHE_HOME", yard.scratch.join("cache"));
            replaced
        };
        let mut client = Client::start(command);
        client.initialize();
        drop(client.end());
        let own = path.file_name().unwrap().to_str().unwrap();
        let names = yard.cached();
        let other = names
            .iter()
            .find(|name| name.len() == ENTRY_NAME_BYTES && *name != own)
            .unwrap();
        fs::rename(yard.cache().join(other), path).unwrap();
    });
}

/// A folder or key that others could have changed is not used, and not repaired either: brig cannot
/// know what else they did.
#[test]
fn a_cache_that_is_open_to_others_is_refused() {
    let refused = |change: &dyn Fn(&Yard), words: &str| {
        let yard = Yard::new();
        warm(&yard);
        change(&yard);
        let (answer, status, errors) = attempt(&yard);
        assert_eq!(answer["error"]["code"], json!(-31_001), "{answer}");
        assert_eq!(status, Some(1), "{errors}");
        let told = errors.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(words), "{words}: {errors}");
    };
    let mode = |path: PathBuf, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    refused(&|yard| mode(yard.cache(), 0o755), "0700");
    refused(
        &|yard| mode(yard.cache().join("key"), 0o640),
        "others than its owner",
    );
    refused(
        &|yard| fs::write(yard.cache().join("key"), "short").unwrap(),
        "damaged",
    );
    refused(
        &|yard| {
            let elsewhere = yard.scratch.join("elsewhere");
            fs::rename(yard.cache(), &elsewhere).unwrap();
            symlink(elsewhere, yard.cache()).unwrap();
        },
        "not what it should be",
    );
}

#[test]
fn the_family_of_a_session_is_seen() {
    let yard = Yard::new();
    let mut client = Client::start(yard.command("run"));
    client.initialize();
    let mut expected = family(client.process.id());
    assert_eq!(expected.len(), 3, "{expected:?}");
    expected.push(client.process.id());
    let mut seen: Vec<_> = yard
        .processes()
        .into_iter()
        .map(|(process, _)| process)
        .collect();
    expected.sort_unstable();
    seen.sort_unstable();
    assert_eq!(seen, expected, "a search that misses one proves nothing");
    drop(client);
    yard.is_quiet("after its supervisor was killed");
}
