//! Ten servers that people use, under the manifests of `examples/servers`: each says and does what
//! it says and does bare, and nothing beyond its grants. As root and as an ordinary user.

mod registry;
pub(crate) mod table;
pub(crate) mod world;

use crate::harness::Client;
use crate::users::USER;
use brig_sandbox::engine::Engine;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::thread;
use table::{Attack, SERVERS, Server};
use world::{Start, World};

/// Servers that run at once: more only wait for each other's processors.
const AT_ONCE: usize = 2;

/// Every server, however it is started, as one user.
#[track_caller]
fn check(start: Start, user: u32) {
    let world = &World::new(user, start);
    let mut faults = String::new();
    for servers in SERVERS.chunks(AT_ONCE) {
        thread::scope(|scope| {
            let tried = servers.iter().map(|server| {
                let tried = scope.spawn(move || try_all(world, server, start));
                (server.name, tried)
            });
            for (name, tried) in tried.collect::<Vec<_>>() {
                if tried.join().is_err() {
                    let _ = writeln!(faults, "{name}");
                }
            }
        });
    }
    assert!(faults.is_empty(), "as {user}, {start:?}:\n{faults}");
}

fn try_all(world: &World, server: &Server, start: Start) {
    same_as_bare(world, server, start);
    for attack in server.attacks {
        beyond_its_grants(world, server, attack, start);
    }
}

/// The whole session, and what each step of it said.
fn session(
    world: &World,
    client: &mut Client,
    server: &Server,
    bare: bool,
) -> Vec<(String, Value)> {
    let mut said = vec![("initialize".to_owned(), client.initialize())];
    said.push((
        "tools/list".to_owned(),
        client.ask(1, "tools/list", &json!({})),
    ));
    for ((tool, arguments), id) in server.calls.iter().zip(2..) {
        let arguments = world.arguments(server, arguments, bare);
        said.push(((*tool).to_owned(), client.call(id, tool, &arguments)));
    }
    for (step, answer) in &mut said {
        *answer = world.as_in_a_cell(server, step, answer, bare);
    }
    said
}

fn same_as_bare(world: &World, server: &Server, start: Start) {
    world.fresh(server);
    let mut client = Client::start(world.bare(server, &[]));
    let bare = session(world, &mut client, server, true);
    client.end();
    for (step, answer) in &bare {
        let is_error = answer["result"]["isError"] == json!(true);
        let whole = answer.get("result").is_some() && !is_error;
        assert!(whole, "{} bare: {step}: {answer}", server.name);
    }
    world.fresh(server);
    let mut client = Client::start(world.walled(server, start, &[]));
    let walled = session(world, &mut client, server, false);
    for ((step, walled), (_, bare)) in walled.iter().zip(&bare) {
        assert_eq!(walled, bare, "{}: {step}", server.name);
    }
    let (code, errors) = client.end();
    assert_eq!(code, Some(0), "{}: {errors}", server.name);
    world.check_what_it_left(server);
}

/// A call that reaches what the manifest does not grant: bare it succeeds, which shows that it is
/// one, and in a cell it fails in the way of the wall.
fn beyond_its_grants(world: &World, server: &Server, attack: &Attack, start: Start) {
    let said = |bare: bool| {
        world.fresh(server);
        let command = if bare {
            world.bare(server, attack.changes)
        } else {
            world.walled(server, start, attack.changes)
        };
        let mut client = Client::start(command);
        client.initialize();
        let arguments = world.arguments(server, attack.arguments, bare);
        client.call(1, attack.tool, &arguments).to_string()
    };
    for (bare, words) in [(true, attack.bare), (false, attack.walled)] {
        let said = said(bare);
        let (name, tool) = (server.name, attack.tool);
        assert!(said.contains(words), "{name} {tool}, bare {bare}: {said}");
        let shows = said.contains(attack.bare);
        assert_eq!(shows, bare, "{name} {tool}: {said}");
    }
}

#[test]
fn ten_servers_do_by_command_what_they_do_bare_as_root() {
    check(Start::Command, 0);
}

#[test]
fn ten_servers_do_by_command_what_they_do_bare_as_an_ordinary_user() {
    check(Start::Command, USER);
}

#[test]
fn ten_servers_do_in_images_what_they_do_bare_as_root() {
    check(Start::Image, 0);
}

#[test]
fn ten_servers_do_in_images_what_they_do_bare_as_an_ordinary_user() {
    check(Start::Image, USER);
}

/// What becomes of a server under an engine: it does what it does bare, or the start is refused by
/// what these words name.
fn expected(server: &Server, engine: Engine, user: u32) -> Option<&'static str> {
    // No daemon translates owners, and what these write belongs to root alone.
    let writes = ["filesystem", "git", "memory", "sqlite"].contains(&server.name);
    let by_daemon = matches!(engine, Engine::Docker | Engine::Podman);
    let reaches_out = ["context7", "fetch"].contains(&server.name);
    if engine == Engine::Runsc && reaches_out {
        return Some("gVisor's kernel passes no descriptor on");
    }
    if engine == Engine::Podman && user != 0 && reaches_out {
        return Some("none can join a network that another made");
    }
    (by_daemon && user == 0 && writes).then_some("is its owner's alone")
}

/// A cell that is not what was expected.
const DIFFERS: &str = "DIFFERS";

/// One cell of the matrix: a word, and what differs from what was expected.
fn cell(world: &World, server: &Server, engine: Engine, user: u32) -> (String, Option<String>) {
    let refusal = expected(server, engine, user);
    let tried = std::panic::catch_unwind(|| match refusal {
        None => same_as_bare(world, server, Start::Under(engine)),
        Some(words) => {
            world.fresh(server);
            let mut client = Client::start(world.walled(server, Start::Under(engine), &[]));
            let said = client.ask(0, "initialize", &json!({})).to_string();
            client.end();
            assert!(said.contains(words), "{said}");
        }
    });
    let outcome = if refusal.is_some() { "refused" } else { "runs" };
    match tried {
        Ok(()) => (outcome.to_owned(), None),
        Err(error) => {
            let told = error.downcast_ref::<String>().cloned();
            (
                DIFFERS.to_owned(),
                Some(told.unwrap_or_else(|| "it panicked".to_owned())),
            )
        }
    }
}

/// Every server under every engine, as root and as an ordinary user. The matrix is written to
/// `engines.txt` in the target folder, which `scripts/test` prints.
#[test]
fn ten_servers_do_under_every_engine_what_they_do_bare() {
    use Engine::{Crun, Docker, Podman, Runc, Runsc};
    let user = crate::engines::daemons::USER;
    let mut columns = Vec::new();
    let mut faults = String::new();
    for (user, engines) in [
        (0, [Docker, Podman, Crun, Runc, Runsc].as_slice()),
        (user, &[Docker, Podman, Crun, Runc]),
    ] {
        let world = &World::new(user, Start::Image);
        let only = std::env::var("BRIG_ENGINE").unwrap_or_default();
        let engines = engines.iter().copied();
        for engine in engines.filter(|engine| engine.name().contains(&only)) {
            let as_whom = if user == 0 { "root" } else { "user" };
            if matches!(engine, Docker | Podman) {
                world.load(engine);
            }
            let mut column = vec![format!("{engine}-{as_whom}")];
            for servers in SERVERS.chunks(AT_ONCE) {
                thread::scope(|scope| {
                    let tried = servers.iter().map(|server| {
                        (
                            server,
                            scope.spawn(move || cell(world, server, engine, user)),
                        )
                    });
                    for (server, tried) in tried.collect::<Vec<_>>() {
                        let (outcome, fault) = tried.join().unwrap();
                        if let Some(fault) = fault {
                            let _ = writeln!(faults, "{} {engine} {as_whom}: {fault}", server.name);
                        }
                        column.push(outcome);
                    }
                });
            }
            if column.contains(&DIFFERS.to_owned()) {
                let _ = writeln!(faults, "{}", world.log(engine));
            }
            columns.push(column);
        }
    }
    let mut matrix = String::new();
    let names = std::iter::once("").chain(SERVERS.iter().map(|server| server.name));
    for (row, name) in names.enumerate() {
        let cells = columns.iter().map(|column| format!("{:<12}", column[row]));
        let _ = writeln!(
            matrix,
            "{name:<20} {}",
            cells.collect::<String>().trim_end()
        );
    }
    let target = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap();
    std::fs::write(target.join("engines.txt"), &matrix).unwrap();
    assert!(faults.is_empty(), "\n{matrix}\n{faults}");
}

#[test]
fn every_example_is_tried() {
    assert_eq!(SERVERS.len(), 10);
    let mut names: Vec<&str> = SERVERS.iter().map(|server| server.name).collect();
    names.sort_unstable();
    assert_eq!(names, world::examples());
    for server in SERVERS {
        let tried = server.calls.len() >= 2 || server.needs_the_network;
        assert!(tried, "{}: at least two right calls", server.name);
    }
}
