//! The walls of a running cell, looked at from outside through proc(5) and held against the plan.
//!
//! Needs root, which alone may look: the cell's processes keep memory and files to themselves.

use crate::harness::{Client, Scratch, brig, cached, family};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A running session with two grants, its plan, and its processes.
struct Walls {
    client: Client,
    scratch: Scratch,
    plan: Value,
    warden: u32,
    init: u32,
    worker: u32,
}

/// A descriptor that brig's caller left open.
const LEFT_OPEN: u32 = 9;

const NAMESPACES: [&str; 8] = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"];

impl Walls {
    fn new() -> Self {
        let scratch = Scratch::new();
        scratch.write("read/hello.txt", "hello");
        scratch.write("write/own.txt", "own");
        scratch.write("one/file.txt", "one");
        let grant = |name: &str, more: &str| {
            let host = scratch.join(name);
            let at = format!("/granted/{name}");
            format!(
                "[[files]]\nhost = \"{}\"\nat = \"{at}\"\n{more}",
                host.display()
            )
        };
        let grants = [
            grant("read", ""),
            grant("write", "access = \"write\"\n"),
            grant("one/file.txt", ""),
            "[limits]\nmemory = \"64MiB\"\nopen-files = 100\nprocesses = 10\nscratch = \"1MiB\"\n"
                .to_owned(),
        ];
        let manifest = scratch.manifest("hostile", &grants.concat());
        let output = cached(brig())
            .args(["plan", "--json"])
            .arg(&manifest)
            .output()
            .unwrap();
        let mut plan: Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut command = cached(brig());
        command
            .arg("run")
            .arg(&manifest)
            .env("WALLS_MARK", "secret");
        let mut client = Client::start(command);
        client.initialize();
        // Files are opened now, and the guest waits for input.
        client.call(
            1,
            "read_file",
            &json!({ "path": "/granted/read/hello.txt" }),
        );
        let [warden, init, worker] = family(client.process.id())[..] else {
            panic!("not three processes")
        };
        let plan = plan["plan"].take();
        Self {
            client,
            scratch,
            plan,
            warden,
            init,
            worker,
        }
    }

    fn cell(&self) -> [u32; 2] {
        [self.init, self.worker]
    }
}

fn of(process: u32, what: &str) -> PathBuf {
    Path::new("/proc").join(process.to_string()).join(what)
}

fn read(process: u32, what: &str) -> String {
    let path = of(process, what);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{} (root may): {e}", path.display()))
}

fn link(process: u32, what: &str) -> String {
    fs::read_link(of(process, what))
        .unwrap()
        .display()
        .to_string()
}

fn status(process: u32, name: &str) -> String {
    let status = read(process, "status");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.unwrap().trim().to_owned()
}

#[test]
fn nothing_can_be_gained() {
    let walls = Walls::new();
    for process in walls.cell() {
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert_eq!(status(process, set), "0".repeat(16), "{set} of {process}");
        }
        assert_eq!(status(process, "NoNewPrivs"), "1");
        assert_eq!(status(process, "Seccomp"), "2");
        assert_eq!(status(process, "Groups"), "");
        // Its files in /proc are root's: not dumpable (PR_SET_DUMPABLE(2const)).
        let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(of(process, "mem")).unwrap());
        assert_eq!(owner, 0, "{process} is dumpable");
    }
    let filters = |process| status(process, "Seccomp_filters").parse::<u32>().unwrap();
    assert_eq!(filters(walls.worker), 2, "one from init, one of its own");
    assert_eq!(filters(walls.init), 1);
    let supervisor = walls.client.process.id();
    assert_eq!(status(supervisor, "NoNewPrivs"), "1");
    assert_eq!(filters(supervisor), 1);
    for process in [walls.worker, walls.init, walls.warden, supervisor] {
        assert_eq!(status(process, "CoreDumping"), "0");
    }
}

#[test]
fn namespaces_and_ids_are_the_cells_own() {
    let walls = Walls::new();
    let own = std::process::id();
    let planned = walls.plan["cell"]["namespaces"].as_array().unwrap();
    assert_eq!(planned.len(), NAMESPACES.len());
    for namespace in NAMESPACES {
        let name = format!("ns/{namespace}");
        assert_ne!(
            link(walls.worker, &name),
            link(own, &name),
            "{namespace} is the host's"
        );
        assert_eq!(
            link(walls.worker, &name),
            link(walls.init, &name),
            "{namespace}"
        );
        assert_eq!(
            link(walls.warden, &name),
            link(own, &name),
            "the warden's {namespace}"
        );
    }
    // An id that nobody has: this base and the warden's process id.
    let host = 0x7000_0000 + walls.warden;
    for process in walls.cell() {
        for name in ["Uid", "Gid"] {
            let ids = status(process, name);
            assert!(
                ids.split_whitespace().all(|id| id == host.to_string()),
                "{name}: {ids}"
            );
        }
        for name in ["uid_map", "gid_map"] {
            let map = read(process, name);
            let map: Vec<_> = map.split_whitespace().collect();
            assert_eq!(map, ["65532", host.to_string().as_str(), "1"], "{name}");
        }
    }
    let inside = |process| {
        status(process, "NSpid")
            .split_whitespace()
            .last()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        (inside(walls.init), inside(walls.worker)),
        ("1".to_owned(), "2".to_owned())
    );
    let network = read(walls.worker, "net/dev");
    let interfaces: Vec<_> = network.lines().skip(2).collect();
    assert!(
        interfaces.len() == 1 && interfaces[0].trim().starts_with("lo:"),
        "{network}"
    );
    let routes = read(walls.worker, "net/route");
    assert_eq!(routes.lines().skip(1).count(), 0, "{routes}");
}

/// Mount point → options, from mountinfo (proc_pid_mountinfo(5)).
fn mounts(process: u32) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let text = read(process, "mountinfo");
    let mount = |line: &str| {
        let fields: Vec<_> = line.split(' ').collect();
        let options = fields[5].split(',').map(str::to_owned).collect();
        (fields[4].to_owned(), (fields[3].to_owned(), options))
    };
    text.lines().map(mount).collect()
}

#[test]
fn the_root_holds_exactly_the_plans_mounts() {
    let walls = Walls::new();
    let mounts = mounts(walls.worker);
    let mut planned: BTreeMap<String, Vec<&str>> =
        BTreeMap::from([("/".to_owned(), vec!["ro", "nosuid", "nodev"])]);
    for mount in walls.plan["cell"]["mounts"].as_array().unwrap() {
        let flags = match (mount["is"].as_str().unwrap(), mount["access"].as_str()) {
            ("program", None) => vec!["ro", "nosuid", "nodev"],
            ("grant", Some("read")) => vec!["ro", "nosuid", "nodev", "noexec"],
            ("grant", Some("write")) | ("scratch", None) => vec!["rw", "nosuid", "nodev", "noexec"],
            other => panic!("{other:?}"),
        };
        planned.insert(mount["at"].as_str().unwrap().to_owned(), flags);
    }
    let at: Vec<_> = mounts.keys().collect();
    assert_eq!(at, planned.keys().collect::<Vec<_>>());
    for (at, flags) in planned {
        let (_, options) = &mounts[&at];
        for flag in flags {
            assert!(options.contains(flag), "{at} lacks {flag}: {options:?}");
        }
    }
    let host = walls.scratch.join("read").display().to_string();
    assert!(host.ends_with(&mounts["/granted/read"].0), "{mounts:?}");
    for process in walls.cell() {
        assert_eq!(
            (link(process, "root"), link(process, "cwd")),
            ("/".into(), "/".into())
        );
    }
    // What lies in the root beside the mounts: the folders above them, and init.
    let root = of(walls.worker, "root");
    let names = |at: &str| {
        let entries = fs::read_dir(root.join(at)).unwrap();
        entries
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(
        names(""),
        [".brig", "granted", "tmp"].map(String::from).into()
    );
    assert_eq!(
        names("granted"),
        ["one", "read", "write"].map(String::from).into()
    );
    assert_eq!(names("granted/one"), ["file.txt".to_owned()].into());
    assert_eq!(names("tmp"), BTreeSet::new());
    assert!(!names(".brig").contains("dev") && names(".brig").contains("init"));
}

#[test]
fn no_descriptor_of_the_host_is_open() {
    let walls = Walls::new();
    let open = |process| {
        let entries = fs::read_dir(of(process, "fd")).unwrap();
        let entries = entries.map(|entry| {
            let path = entry.unwrap().path();
            let number = path
                .file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .parse::<u32>()
                .unwrap();
            (number, fs::read_link(path).unwrap().display().to_string())
        });
        entries.collect::<BTreeMap<_, _>>()
    };
    let worker = open(walls.worker);
    for stream in [0, 1, 2] {
        assert!(worker[&stream].starts_with("pipe:"), "{worker:?}");
    }
    // Beside its streams and its report: what waiting takes, images of the guest's memory, and the
    // granted folders as they are named in the cell. Orders and code are gone.
    let granted = ["/granted/read", "/granted/write", "/granted/one", "/tmp"];
    let mut pipes = 0;
    for (number, what) in &worker {
        pipes += u32::from(what.starts_with("pipe:"));
        let known = what.starts_with("pipe:")
            || what.starts_with("/memfd:wasm-memory-image")
            || ["anon_inode:[eventpoll]", "anon_inode:[eventfd]"].contains(&what.as_str())
            || granted.contains(&what.as_str());
        assert!(known, "descriptor {number}: {what}");
    }
    assert_eq!(pipes, 4, "{worker:?}");
    let init = open(walls.init);
    let kinds: Vec<_> = init
        .values()
        .map(|what| what.split(':').next().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["socket", "anon_inode"],
        "its channel and its signals: {init:?}"
    );
    // Its channel, nothing, its cell's channel and the pidfd, though brig's caller had more open.
    let warden = open(walls.warden);
    let known = ["socket", "/dev/null", "anon_inode"];
    let of_its_own = |what: &String| known.contains(&what.split(':').next().unwrap());
    assert!(warden.values().all(of_its_own), "{warden:?}");
    assert!(!warden.contains_key(&LEFT_OPEN), "{warden:?}");
}

#[test]
fn nothing_of_the_caller_is_there() {
    let walls = Walls::new();
    for process in [walls.warden, walls.init, walls.worker] {
        assert_eq!(read(process, "environ"), "", "{process}");
    }
    let field = |process, index: usize| {
        let stat = read(process, "stat");
        let rest = stat.rsplit_once(") ").unwrap().1;
        rest.split(' ').nth(index).unwrap().parse::<i64>().unwrap()
    };
    // proc_pid_stat(5): session and terminal, counted from the state.
    let (session, terminal) = (3, 4);
    for process in [walls.warden, walls.worker] {
        assert_eq!(
            field(process, session),
            i64::from(process),
            "no session of its own"
        );
    }
    assert_ne!(
        field(walls.init, session),
        field(std::process::id(), session)
    );
    for process in [walls.warden, walls.init, walls.worker] {
        assert_eq!(field(process, terminal), 0, "{process} has a terminal");
    }
}

#[test]
fn limits_are_the_plans() {
    let walls = Walls::new();
    let text = read(walls.worker, "limits");
    let rlimits = walls.plan["cell"]["rlimits"].as_object().unwrap();
    let names = [
        ("core", "Max core file size"),
        ("data", "Max data size"),
        ("locked-memory", "Max locked memory"),
        ("message-queues", "Max msgqueue size"),
        ("nice", "Max nice priority"),
        ("open-files", "Max open files"),
        ("processes", "Max processes"),
        ("real-time-priority", "Max realtime priority"),
        ("stack", "Max stack size"),
    ];
    let planned: BTreeSet<_> = rlimits.keys().map(String::as_str).collect();
    assert_eq!(planned, names.map(|(name, _)| name).into());
    for (name, words) in names {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(words))
            .unwrap();
        let values: Vec<_> = line.split_whitespace().take(2).collect();
        let value = rlimits[name].to_string();
        assert_eq!(values, [&value, &value], "{name}");
    }
    for process in walls.cell() {
        assert_eq!(
            read(process, "oom_score_adj"),
            read(std::process::id(), "oom_score_adj")
        );
    }
}
