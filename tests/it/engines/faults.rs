//! An engine's faults: each is one clear message with what helps, an exit code that stays, and
//! nothing left behind. The client is told the same.

use super::proxy::{Act, proxy};
use super::soon;
use super::under::{STUBBORN, Under};
use crate::engines::daemons::USER;
use crate::harness::{Client, tool};
use brig_sandbox::engine::Engine;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

/// Starts under a daemon on this socket, and compares the message, what helps, and the code.
#[track_caller]
fn check(under: &Under, socket: &Path, code: i32, message: &str, help: &str) {
    let mut command = under.brig_on("run", Some(socket));
    command.arg(under.manifest(STUBBORN, ""));
    told(command, code, message, help);
    soon("no container is left", || under.containers().is_empty());
}

#[track_caller]
fn told(command: Command, code: i32, message: &str, help: &str) {
    let mut client = Client::start(command);
    let answer = client.ask(0, "initialize", &json!({}));
    assert_eq!(
        answer["error"]["data"]["code"],
        json!("start-refused"),
        "{answer}"
    );
    let said = answer["error"]["message"].as_str().unwrap().to_owned();
    let (found, errors) = client.end();
    assert_eq!(found, Some(code), "{errors}");
    // Wrapped for a screen.
    let words = |text: &str| {
        let lines = text
            .lines()
            .map(|line| line.trim_start_matches([' ', '│', '×']));
        lines.collect::<Vec<_>>().join(" ")
    };
    let errors = words(&errors);
    assert!(errors.contains(message), "{errors}");
    assert!(errors.contains(help), "{errors}");
    assert!(said.contains(message), "{said}");
    assert_eq!(
        errors.matches("  help: ").count() + errors.matches(" help: ").count(),
        1,
        "{errors}"
    );
}

#[test]
fn a_socket_that_is_not_there() {
    let under = Under::new(Engine::Docker);
    let socket = under.scratch.join("none.sock");
    check(
        &under,
        &socket,
        13,
        "there is no socket",
        "systemctl start docker",
    );
}

#[test]
fn a_socket_on_which_nobody_listens() {
    let under = Under::new(Engine::Podman);
    let socket = under.scratch.join("dead.sock");
    drop(UnixListener::bind(&socket).unwrap());
    check(&under, &socket, 13, "nobody listens", "podman.socket");
}

#[test]
fn a_socket_that_this_user_may_not_use() {
    let under = Under::with_own_store(Engine::Docker);
    let manifest = under.manifest(STUBBORN, "");
    fs::set_permissions(under.scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = under.scratch.install_brig();
    let data = under.data();
    let own = Command::new(tool("chown"))
        .args(["-R", &USER.to_string()])
        .arg(&data)
        .status();
    assert!(own.unwrap().success());
    let socket = under.scratch.join("closed.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = Command::new(tool("setpriv"));
    let user = USER.to_string();
    command.args(["--reuid", &user, "--regid", &user, "--clear-groups"]);
    command
        .arg(program)
        .args(["run", "--engine", "docker"])
        .arg(manifest);
    command.env("XDG_DATA_HOME", data);
    command
        .env("HOME", under.scratch.path())
        .env_remove("XDG_CONFIG_HOME");
    command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    told(
        command,
        13,
        "may not connect",
        "join the group of the socket",
    );
}

#[test]
fn a_daemon_elsewhere() {
    let under = Under::new(Engine::Docker);
    let mut command = under.brig("run");
    command.arg(under.manifest(STUBBORN, ""));
    command.env("DOCKER_HOST", "tcp://192.0.2.1:2375");
    told(command, 13, "a daemon elsewhere", "unix:///");
}

/// The context that docker's own client would take.
#[test]
fn a_context_leads_to_its_socket() {
    let under = Under::new(Engine::Docker);
    let socket = format!("unix://{}", under.daemon().unwrap().socket().display());
    let meta = json!({ "Name": "own", "Endpoints": { "docker": { "Host": socket } } });
    under
        .scratch
        .write("config/contexts/meta/0123/meta.json", meta.to_string());
    under.scratch.write(
        "config/config.json",
        json!({ "currentContext": "own" }).to_string(),
    );
    let mut command = under.brig("verify");
    command.arg(under.manifest(STUBBORN, ""));
    command
        .env_remove("DOCKER_HOST")
        .env("DOCKER_CONFIG", under.scratch.join("config"));
    let done = command.output().unwrap();
    let text = String::from_utf8_lossy(&done.stdout);
    assert!(
        text.contains(" 0 differ"),
        "{text}{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

#[test]
fn an_image_that_is_gone_from_the_daemon() {
    let under = Under::alone(Engine::Docker);
    let daemon = under.daemon().unwrap();
    let mut remove = daemon.client();
    remove.args(["image", "prune", "--all", "--force"]);
    assert!(remove.output().unwrap().status.success());
    let mut list = daemon.client();
    let left = list.args(["images", "-q"]).output().unwrap();
    assert!(left.stdout.is_empty());
    let socket = daemon.socket().to_owned();
    check(
        &under,
        &socket,
        5,
        "and not in docker",
        "brig pull --engine docker",
    );
    under.pull();
    let (code, _) = under.client(STUBBORN, "").end();
    assert_eq!(code, Some(0));
}

/// The daemon answers with an error in the place of one of its steps.
#[track_caller]
fn fails(step: &'static str, act: fn(&[u8]) -> Act, code: i32, message: &str, help: &str) {
    let under = Under::new(Engine::Docker);
    let daemon = under.daemon().unwrap().socket().to_owned();
    let socket = proxy(under.scratch.join("p.sock"), &daemon, move |first, body| {
        if first.contains(step) {
            act(body)
        } else {
            Act::Forward
        }
    });
    check(&under, &socket, code, message, help);
}

#[test]
fn a_disk_that_is_full() {
    let act = |_: &[u8]| Act::Answer(500, "mkdir /var/lib/docker/x: no space left on device");
    fails(
        "/containers/create",
        act,
        6,
        "no space left on device",
        "free some disk",
    );
}

#[test]
fn an_error_of_the_api() {
    let act = |_: &[u8]| Act::Answer(500, "OCI runtime create failed: \u{1b}[31mbad");
    fails(
        "/start",
        act,
        6,
        "OCI runtime create failed:  [31mbad",
        "the log of docker",
    );
}

#[test]
fn a_name_that_is_taken() {
    let act = |_: &[u8]| Act::Answer(409, "Conflict. The container name is already in use");
    fails(
        "/containers/create",
        act,
        6,
        "already in use",
        "start again",
    );
}

#[test]
fn a_daemon_that_restarts_meanwhile() {
    fails(
        "/info",
        |_| Act::Break,
        13,
        "broke off",
        "start again when it runs",
    );
    fails(
        "/containers/create",
        |_| Act::Break,
        6,
        "broke off",
        "start again when it runs",
    );
}

/// It was started, and nobody heard so.
#[test]
fn an_answer_that_breaks_off() {
    fails(
        "/start",
        |_| Act::BreakAfter,
        6,
        "broke off",
        "start again when it runs",
    );
}

/// A limit that is dropped without a word is found before the server starts.
#[track_caller]
fn dropped(limit: &'static str, instead: &'static str, name: &str) {
    assert_eq!(limit.len(), instead.len());
    let under = Under::new(Engine::Docker);
    let daemon = under.daemon().unwrap().socket().to_owned();
    let socket = proxy(under.scratch.join("p.sock"), &daemon, move |first, body| {
        if !first.contains("/containers/create") {
            return Act::Forward;
        }
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains(limit), "{text}");
        Act::Instead(text.replace(limit, instead).into_bytes())
    });
    let message = format!("was asked for {name}");
    check(&under, &socket, 6, &message, "control groups of version 2");
}

#[test]
fn a_limit_of_memory_that_is_dropped() {
    // And of swap, which it would not take alone.
    dropped("\"Memory", "\"Mxmory", "memory");
}

#[test]
fn a_limit_of_processes_that_is_dropped() {
    dropped("\"PidsLimit\":", "\"PidsLimix\":", "pids");
}

#[test]
fn a_share_of_processors_that_is_dropped() {
    dropped("\"NanoCpus\":", "\"NanoCpux\":", "cpu");
}

/// Walls that init reads back itself.
#[test]
fn capabilities_that_are_kept() {
    let under = Under::new(Engine::Docker);
    let daemon = under.daemon().unwrap().socket().to_owned();
    let socket = proxy(under.scratch.join("p.sock"), &daemon, move |first, body| {
        if !first.contains("/containers/create") {
            return Act::Forward;
        }
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains("\"CapDrop\":"));
        Act::Instead(text.replace("\"CapDrop\":", "\"CapDrox\":").into_bytes())
    });
    let mut command = under.brig_on("run", Some(&socket));
    command.arg(under.manifest(STUBBORN, ""));
    let mut client = Client::start(command);
    let said = client.ask(0, "initialize", &json!({})).to_string();
    let (code, errors) = client.end();
    assert_eq!(code, Some(6), "{errors}");
    assert!(said.contains("the bounding set is not empty"), "{said}");
}

/// A runtime that cannot be run, and one that brig knows nothing of.
#[test]
fn runtimes_that_are_none() {
    let under = Under::new(Engine::Crun);
    let manifest = under.manifest(STUBBORN, "");
    let run = |engine: &str| {
        let mut command = crate::harness::brig();
        command
            .arg("run")
            .arg("--engine")
            .arg(engine)
            .arg(&manifest);
        command.env("XDG_DATA_HOME", under.data());
        command
    };
    told(
        run("oci:/nowhere/crun"),
        13,
        "no runtime that tells its version",
        "name crun, runc or runsc",
    );
    let other = under
        .scratch
        .write("other", "#!/bin/sh\necho youki version 1.0.0\n");
    fs::set_permissions(&other, fs::Permissions::from_mode(0o755)).unwrap();
    let named = format!("oci:{}", other.display());
    told(
        run(&named),
        13,
        "no expectations of",
        "name crun, runc or runsc",
    );
    let broken = "#!/bin/sh\n[ \"$1\" = --version ] && echo crun version 9.9 && exit\n\
                  echo 'no such thing' >&2\nexit 1\n";
    let broken = under.scratch.write("broken", broken);
    fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).unwrap();
    let named = format!("oci:{}", broken.display());
    told(run(&named), 6, "no such thing", "brig plan");
    told(
        run("kata"),
        2,
        "there is no engine `kata`",
        "write one of native, docker",
    );
}

/// A runtime that does not do what its configuration says is found by init.
#[test]
fn a_runtime_that_keeps_capabilities() {
    let under = Under::new(Engine::Crun);
    let manifest = under.manifest(STUBBORN, "");
    let crun = tool("crun");
    // It gives the server a capability that nobody asked for.
    let text = format!(
        "#!/usr/bin/python3\nimport json,os,sys\n\
         if '--version' in sys.argv: os.execv('{0}', ['crun', '--version'])\n\
         at = sys.argv[sys.argv.index('--bundle') + 1] + '/config.json'\n\
         config = json.load(open(at))\n\
         for kind in config['process']['capabilities']:\n\
         \tif kind != 'ambient': config['process']['capabilities'][kind] = ['CAP_CHOWN']\n\
         json.dump(config, open(at, 'w'))\n\
         os.execv('{0}', ['crun'] + sys.argv[1:])\n",
        crun.display()
    );
    let lying = under.scratch.write("lying", text);
    fs::set_permissions(&lying, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = crate::harness::brig();
    command
        .arg("run")
        .arg("--engine")
        .arg(format!("oci:{}", lying.display()))
        .arg(manifest);
    command.env("XDG_DATA_HOME", under.data());
    let mut client = Client::start(command);
    let said = client.ask(0, "initialize", &json!({})).to_string();
    let (code, errors) = client.end();
    assert_eq!(code, Some(6), "{errors}");
    let differs = said.contains("capabilities are not empty") || said.contains("bounding set");
    assert!(differs, "{said}");
}
