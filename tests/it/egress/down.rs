//! What egress rests on, gone: the name service, the supervisor, room for one more connection.

use super::stand::{Place, Session, Stand, grant};
use crate::harness::{PATIENCE, brig, family, is_alive, tool};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// The port of the server that answers a line of seconds that much later.
const SILENT: u16 = 7003;

/// `v4.stand.test` and its port as /proc/net/tcp writes them (`proc_pid_net(5)`).
const OF_V4: &str = "0BD8B85D:1B5B";

/// How long after the supervisor everything of it may last.
const SOON: Duration = Duration::from_secs(2);

#[track_caller]
fn until(time: Duration, what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + time;
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// As on a host whose name service has ended, and then runs again.
#[test]
fn a_name_service_that_is_down_is_told_at_once_and_asked_again() {
    let stand = Stand::shared();
    let resolver = stand
        .scratch()
        .write("down/resolv.conf", "nameserver 127.0.0.54\n");
    let mut brig = brig();
    brig.arg("run").arg(stand.manifest(
        "command = [\"/usr/bin/python3\", \"/stand/peers/run.py\"]\n",
        &grant("both", &[80], "http"),
    ));
    let mut command = Command::new(tool("unshare"));
    command
        .args(["--mount", "--propagation", "slave", "sh", "-euc"])
        .arg("mount --bind \"$0\" \"$(realpath /etc/resolv.conf)\"; exec \"$@\"")
        .arg(&resolver)
        .arg(brig.get_program())
        .args(brig.get_args());
    for (name, value) in brig.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let mut session = Session::start(stand.entered(&command), Place::Cell);
    let ask = "curl -sS --max-time 10 http://{host}/hello";
    let end = session.says("both", ask, 15);
    assert!(end.code != json!(0) && end.seconds < 5.0, "{end:?}");
    // The same file: it is mounted by what it is, not by its name.
    fs::write(&resolver, "nameserver 127.0.0.53\n").unwrap();
    let end = session.says("both", ask, 15);
    assert!(end.out.contains("hello both.stand.test"), "{end:?}");
    session.end();
}

/// Ends of connections with a server of the stand that are open.
fn open_ends(stand: &Stand) -> usize {
    let table = fs::read_to_string(format!("/proc/{}/net/tcp", stand.process())).unwrap();
    let is_open = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields[1..3].contains(&OF_V4) && fields[3] == "01"
    };
    table.lines().skip(1).filter(is_open).count()
}

#[test]
fn nothing_of_egress_outlives_the_supervisor() {
    let stand = Stand::shared();
    let mut session = stand.walled(brig(), &grant("v4", &[SILENT], "tcp"));
    let words = "{python} {clients}/peers.py silence {host} - 600";
    let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
    session.begin("v4", &words, &BTreeMap::new(), 600);
    until(PATIENCE, "the connection is there", || {
        open_ends(stand) == 1
    });
    let supervisor = session.client.process.id();
    let cell = family(supervisor);
    assert!(cell.len() >= 4, "warden, carrier, init, program: {cell:?}");
    kill(supervisor);
    until(SOON, "all processes have ended", || {
        !cell.iter().any(|id| is_alive(*id))
    });
    until(SOON, "the connection is closed", || open_ends(stand) == 0);
}

/// The listeners of a cell are the carrier's: without it nobody waits for an answer.
#[test]
fn a_server_whose_carrier_ends_has_no_network_and_goes_on() {
    let stand = Stand::shared();
    let mut session = stand.walled(brig(), &grant("both", &[80], "http"));
    let ask = "curl -sS --max-time 10 http://{host}/hello";
    let before = session.says("both", ask, 15);
    assert_eq!(before.code, json!(0), "{before:?}");
    let is_carrier = |process: &u32| {
        let words = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        words
            .split(|byte| *byte == 0)
            .any(|word| word == b"__carrier")
    };
    let mut cell = family(session.client.process.id());
    cell.retain(is_carrier);
    let [carrier] = cell[..] else {
        panic!("one carrier: {cell:?}")
    };
    kill(carrier);
    let after = session.says("both", ask, 15);
    assert!(after.code != json!(0) && after.seconds < 5.0, "{after:?}");
    let errors = session.end();
    let told = "no network any more: its carrier ended";
    assert!(errors.contains(told), "{errors}");
}

#[track_caller]
fn kill(process: u32) {
    let id = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    kill_process(id, Signal::KILL).unwrap();
}

/// Connections at once, beyond what one server should have.
const MANY: usize = 1000;

#[test]
fn connections_beyond_a_cap_are_refused_and_room_comes_back() {
    let stand = Stand::shared();
    let mut session = stand.walled(brig(), &grant("v6", &[SILENT], "tcp"));
    let words = format!("{{python}} {{clients}}/peers.py many-streams {{host}} - {MANY}");
    let end = session.says("v6", &words, 60);
    assert_eq!(end.code, json!(0), "{end:?}");
    let told = end.out.trim_matches(['(', '\n']);
    let mut numbers = told.split(", ").map(|word| word.parse::<usize>().ok());
    let (held, refused) = (numbers.next().flatten(), numbers.next().flatten());
    let (held, refused) = (held.unwrap(), refused.unwrap());
    // More than programs need, and either all or a refusal that came at once.
    assert!(held >= 100 && (held == MANY) == (refused == 0), "{end:?}");
    assert!(
        end.out.ends_with("('after 0\\n', 'after 0\\n'))\n"),
        "{end:?}"
    );
    assert!(end.seconds < 30.0, "{end:?}");
    let after = session.says("v6", "{python} {clients}/peers.py silence {host} - 0", 10);
    assert_eq!(after.out, "('after 0\\n', 'after 0\\n')\n", "{after:?}");
    session.end();
}
