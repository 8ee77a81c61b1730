//! Programs that know nothing of brig: what each prints bare it prints in a cell, whichever of the
//! families of a name live.

use super::stand::{End, Session, Stand, every_service};
use crate::harness::{brig, durations};
use crate::users::{Home, USER};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::thread;

/// How long one program has.
const SECONDS: u64 = 20;

/// A row of `programs.toml`, which says what each key means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) words: Vec<String>,
    #[serde(default)]
    pub(super) variables: BTreeMap<String, String>,
    pub(super) says: String,
    #[serde(default)]
    is: Vec<Mark>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mark {
    Few,
    Waits,
    First,
    Under,
}

impl Program {
    pub(super) fn all() -> Vec<Self> {
        #[derive(Deserialize)]
        struct Table {
            program: Vec<Program>,
        }
        let text = include_str!("../../peers/egress/programs.toml");
        toml::from_str::<Table>(text).unwrap().program
    }

    fn is_tried(&self, family: &str) -> bool {
        let one_of_few = ["both", "refused6"].contains(&family);
        one_of_few || durations::pick((!self.is.contains(&Mark::Few), true))
    }

    /// Whether it reaches such a name by itself. With brig's help it always does.
    fn works_bare(&self, family: &str) -> bool {
        let gives_up = match family {
            "refused4" | "apart4" | "void4" => Mark::First,
            "void6" => Mark::Waits,
            _ => return true,
        };
        !self.is.contains(&gives_up)
    }

    /// Whether it runs in an image, too.
    pub(super) fn runs_under_engines(&self) -> bool {
        self.is.contains(&Mark::Under)
    }

    pub(super) fn run(&self, session: &mut Session, family: &str) -> End {
        session.run(family, &self.words, &self.variables, SECONDS)
    }

    /// What is wrong with an end, if anything is.
    pub(super) fn fault(&self, session: &Session, family: &str, end: &End) -> Option<String> {
        let says = session.place().filled(family, &self.says);
        let right = end.code == json!(0) && end.out.contains(&says);
        (!right).then(|| format!("{} at {family}: {end:?}\n", self.name))
    }
}

/// Every program at names of these families: bare and in a cell of this user at the same time.
#[track_caller]
fn check(families: &[&str], user: u32) {
    let stand = Stand::shared();
    let home = Home::new(user);
    let mut faults = String::new();
    for family in families {
        let command = if user == 0 { brig() } else { home.brig() };
        let mut walled = stand.walled(command, &every_service(family));
        let mut bare = stand.bare();
        for program in Program::all() {
            if program.is_tried(family) && (user == 0 || program.runs_under_engines()) {
                faults += &compared(&program, family, &mut bare, &mut walled);
            }
        }
        bare.end();
        walled.end();
    }
    assert!(faults.is_empty(), "as {user}:\n{faults}");
}

fn compared(program: &Program, family: &str, bare: &mut Session, walled: &mut Session) -> String {
    let by_itself = program.works_bare(family);
    let (of_bare, of_walled) = thread::scope(|scope| {
        let of_bare = scope.spawn(|| by_itself.then(|| program.run(bare, family)));
        let of_walled = program.run(walled, family);
        (of_bare.join().unwrap(), of_walled)
    });
    let mut faults = String::new();
    let fault = program.fault(walled, family, &of_walled);
    let _ = write!(faults, "{}", fault.unwrap_or_default());
    let Some(of_bare) = of_bare else {
        return faults;
    };
    if let Some(fault) = program.fault(bare, family, &of_bare) {
        let _ = write!(faults, "bare: {fault}");
    } else if faults.is_empty() && of_bare.out != of_walled.out {
        let name = &program.name;
        let (bare, walled) = (of_bare.out, of_walled.out);
        let _ = writeln!(
            faults,
            "{name} at {family}: bare {bare:?}, in a cell {walled:?}"
        );
    }
    faults
}

#[test]
fn programs_reach_a_name_as_they_do_bare() {
    check(&["both", "v4", "v6"], 0);
}

#[test]
fn programs_reach_a_name_of_which_one_family_is_refused_or_apart() {
    check(&["refused4", "refused6", "apart4", "apart6"], 0);
}

#[test]
fn programs_reach_a_name_to_which_packets_of_one_family_vanish() {
    check(&["void4", "void6"], 0);
}

#[test]
fn programs_of_an_ordinary_user_reach_a_name_as_they_do_bare() {
    check(&["both"], USER);
}
