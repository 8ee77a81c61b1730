//! Ways around the grants: each is open bare, and shut in every cell and under every engine.

use super::stand::{End, Place, Session, Stand};
use crate::engines::under::Under;
use crate::harness::brig;
use crate::users::{Home, USER};
use brig_sandbox::engine::Engine;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a cell is granted where its row says nothing else.
const USUAL: &[&str] = &[
    "host = \"both.stand.test\"\nports = [443]",
    "host = \"both.stand.test\"\nports = [80]",
];
/// How long one way may take.
const SECONDS: u64 = 30;

/// A row of `tests/escape/network.toml`, which says what each key means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Way {
    name: String,
    #[serde(default)]
    proves: String,
    words: Vec<String>,
    #[serde(default)]
    grants: Vec<String>,
    /// Whether it is the way through.
    #[serde(default)]
    open: bool,
    /// Why it cannot be open bare.
    bare: Option<String>,
}

fn ways() -> Vec<Way> {
    #[derive(Deserialize)]
    struct Table {
        way: Vec<Way>,
    }
    let text = include_str!("../../escape/network.toml");
    let ways = toml::from_str::<Table>(text).unwrap().way;
    let names: BTreeSet<&str> = ways.iter().map(|way| way.name.as_str()).collect();
    assert_eq!(names.len(), ways.len(), "a name stands twice");
    ways
}

impl Way {
    fn grants(&self) -> Vec<String> {
        match &self.grants[..] {
            [] => USUAL.iter().map(|grant| (*grant).to_owned()).collect(),
            own => own.to_vec(),
        }
    }

    fn go(&self, session: &mut Session) -> End {
        let names = [
            ("{both}", "both.stand.test"),
            ("{other}", "v4.stand.test"),
            ("{both4}", "93.184.216.10"),
            ("{both6}", "2606:2800:220::10"),
        ];
        let fill = |word: &String| {
            let filled = names.iter().find(|(name, _)| name == word);
            filled.map_or_else(|| word.clone(), |(_, value)| (*value).to_owned())
        };
        let program = ["/usr/bin/python3", "{clients}/attack.py"];
        let words: Vec<String> = program
            .iter()
            .map(|word| (*word).to_owned())
            .chain(self.words.iter().map(fill))
            .collect();
        session.run("both", &words, &BTreeMap::new(), SECONDS)
    }

    /// What is wrong with an end, where the way is to be open or shut.
    fn fault(&self, end: &End, open: bool) -> Option<String> {
        let wanted = if open { "reached" } else { "held" };
        let (name, proves) = (&self.name, &self.proves);
        (!end.out.starts_with(wanted))
            .then(|| format!("{name} ({proves}): {} {}\n", end.out.trim(), end.err.trim()))
    }
}

/// Every way in sessions that have its grants: rows with the same grants share one.
#[track_caller]
fn check(what: &str, start: impl Fn(&Stand, &str) -> Session) {
    let stand = Stand::shared();
    let mut by_grants: BTreeMap<Vec<String>, Vec<Way>> = BTreeMap::new();
    for way in ways() {
        by_grants.entry(way.grants()).or_default().push(way);
    }
    let mut faults = String::new();
    for (grants, ways) in by_grants {
        let grants = format!("[[network]]\n{}\n", grants.join("\n[[network]]\n"));
        let mut session = start(stand, &grants);
        for way in ways {
            let end = way.go(&mut session);
            faults += &way.fault(&end, way.open).unwrap_or_default();
        }
        session.end();
    }
    assert!(faults.is_empty(), "{what}:\n{faults}");
}

#[test]
fn every_way_around_is_open_bare() {
    let stand = Stand::shared();
    let mut session = stand.bare();
    let mut faults = String::new();
    for way in ways() {
        let end = way.go(&mut session);
        faults += &way.fault(&end, way.bare.is_none()).unwrap_or_default();
    }
    session.end();
    assert!(faults.is_empty(), "bare:\n{faults}");
}

#[test]
fn every_way_around_is_shut_in_a_cell_of_root() {
    check("root", |stand, grants| stand.walled(brig(), grants));
}

#[test]
fn every_way_around_is_shut_in_a_cell_of_a_user() {
    let home = Home::new(USER);
    check("a user", |stand, grants| stand.walled(home.brig(), grants));
}

#[track_caller]
fn under(engine: Engine) {
    let under = Under::new(engine);
    let args = "[\"/usr/bin/python3\", \"/stand/peers/run.py\"]";
    let source = format!("image = \"{}\"\nargs = {args}\n", Under::image());
    check(&engine.to_string(), |stand, grants| {
        super::under::bundle(stand);
        let mut brig = under.brig("run");
        brig.arg(stand.manifest(&source, grants));
        Session::start(stand.entered(&brig), Place::Image)
    });
}

#[test]
fn every_way_around_is_shut_under_crun() {
    under(Engine::Crun);
}

#[test]
fn every_way_around_is_shut_under_runc() {
    under(Engine::Runc);
}

#[test]
fn every_way_around_is_shut_under_docker() {
    under(Engine::Docker);
}

#[test]
fn every_way_around_is_shut_under_podman() {
    under(Engine::Podman);
}
