//! Servers of `examples/servers` whose tools reach out: they say what they say bare.

use super::stand::Stand;
use crate::harness::Client;
use crate::servers::table::SERVERS;
use crate::servers::world::{Start, World};
use serde_json::{Value, json};
use std::process::Command;

/// A server with the words of its manifest that are others here, and its calls with what each says.
struct Reaches {
    server: &'static str,
    changes: &'static [(&'static str, &'static str)],
    calls: &'static [(&'static str, &'static str, &'static str)],
}

/// `{ca}` is who signs in the stand.
const REACHES: &[Reaches] = &[
    Reaches {
        server: "fetch",
        changes: &[
            ("\"example.com\"", "\"both.stand.test\""),
            ("\"*.wikipedia.org\"", "\"*.wild.stand.test\""),
            (
                "[env]\n",
                "[[files]]\nhost = \"{ca}\"\n[env]\nSSL_CERT_FILE = \"{ca}\"\n",
            ),
        ],
        calls: &[
            (
                "fetch",
                r#"{"url":"https://both.stand.test/page"}"#,
                "forty thousand of them",
            ),
            (
                "fetch",
                r#"{"url":"https://one.wild.stand.test/page","raw":true}"#,
                "<title>Bees</title>",
            ),
        ],
    },
    Reaches {
        server: "context7",
        changes: &[(
            "[[network]]\n",
            "[[files]]\nhost = \"{ca}\"\n[env]\nNODE_EXTRA_CA_CERTS = \"{ca}\"\n[[network]]\n",
        )],
        calls: &[
            (
                "resolve-library-id",
                r#"{"query":"how bees dance","libraryName":"bees"}"#,
                "/stand/bees",
            ),
            (
                "query-docs",
                r#"{"libraryId":"/stand/bees","query":"how bees dance"}"#,
                "Bees dance.",
            ),
        ],
    },
];

fn answers(command: Command, reaches: &Reaches) -> Vec<Value> {
    let mut client = Client::start(command);
    client.initialize();
    let calls = reaches.calls.iter().zip(1..);
    let answers = calls.map(|((tool, arguments, _), id)| {
        client.call(id, tool, &serde_json::from_str(arguments).unwrap())
    });
    let answers = answers.collect();
    let (code, errors) = client.end();
    assert_eq!(code, Some(0), "{}: {errors}", reaches.server);
    answers
}

#[test]
fn servers_reach_what_their_manifests_name() {
    let stand = Stand::shared();
    let world = World::new(0, Start::Command);
    let ca = stand.scratch().join("trust/ca.pem").display().to_string();
    for reaches in REACHES {
        let server = SERVERS.iter().find(|server| server.name == reaches.server);
        let server = server.unwrap();
        let changes: Vec<(&str, String)> = reaches
            .changes
            .iter()
            .map(|(from, to)| (*from, to.replace("{ca}", &ca)))
            .collect();
        let changes: Vec<(&str, &str)> = changes
            .iter()
            .map(|(from, to)| (*from, to.as_str()))
            .collect();
        let bare = answers(stand.entered(&world.bare(server, &changes)), reaches);
        let walled = world.walled(server, Start::Command, &changes);
        let walled = answers(stand.entered(&walled), reaches);
        for (((tool, _, says), bare), walled) in reaches.calls.iter().zip(bare).zip(walled) {
            let whole = bare["result"]["isError"] != json!(true);
            assert!(whole && bare.to_string().contains(says), "{tool}: {bare}");
            assert_eq!(walled, bare, "{tool}");
        }
    }
}
