//! What an attack is: a folder of `tests/escape` with its `attack.toml`, read and checked.

use super::column::{Column, Runner};
use crate::harness::repository;
use brig_sandbox::mechanism::TABLE;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

/// An attack as its file has it. `tests/escape/README.md` says what each key means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Attack {
    #[serde(skip)]
    pub(super) name: String,
    pub(super) proves: String,
    pub(super) denial: String,
    #[serde(default)]
    pub(super) calls: Vec<BTreeMap<String, Value>>,
    /// Instead of calls: a script of system calls for the tool `syscalls`.
    pub(super) script: Option<String>,
    pub(super) program: Option<Program>,
    #[serde(default)]
    pub(super) manifest: String,
    #[serde(default)]
    pub(super) links: bool,
    /// Whether it is on bounds that wasmtime alone holds, and native code has other ones.
    #[serde(default)]
    pub(super) on_wasmtime: bool,
    /// Where it takes too long for every run of the tests.
    pub(super) soak: Option<Soak>,
    /// Where the proof is neither an answer nor an end, but something that happened outside.
    pub(super) harm: Option<Harm>,
    pub(super) bare: Bare,
    pub(super) outcome: BTreeMap<String, Outcome>,
}

/// A program that stands in the place of the hostile guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Program {
    /// `attack.wat`, whose exit status is its outcome: 0 where it succeeds.
    Text,
    /// Too large to keep: `generate.py` writes it.
    Generated,
}

/// How the attack runs without walls, and what success looks like there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Bare {
    pub(super) by: Twin,
    /// Words of the last answer or of the end.
    pub(super) shows: String,
}

/// What runs the attack bare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Twin {
    /// The hostile guest, built for this host.
    Native,
    /// wasmtime without walls, and with the whole ground as its one folder.
    Embedding,
    /// The same, asked to compile and no more: the attack is on the compiler, or on what links.
    Compiler,
    /// `attack.py`, which does the same by system calls: an embedding holds some attacks by itself.
    Python,
}

/// What is left to the soak: an attack on the compiler lasts until a bound of its cell is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Soak {
    /// Every column but the first.
    OtherColumns,
    /// Every column.
    EveryColumn,
}

/// Something that happens outside of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Harm {
    /// The client reads a line that is no message.
    Junk,
    /// More is written to standard error than anyone would keep.
    Log,
    /// A terminal that shows standard error would obey it.
    Terminal,
    /// A process runs after the client has hung up.
    Outlives,
    /// A process leaves its memory on disk.
    Core,
}

/// What becomes of an attack in a column.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) enum Outcome {
    /// It fails, in these words; `…` stands for any.
    Contained(String),
    /// It succeeds. The reason says why that is, and stands in the plan under this name.
    Residual { name: String, reason: String },
    /// It succeeds in these words, on what is the server's own in its cell: no harm, with the
    /// reason.
    Own { shows: String, reason: String },
    /// The column has not got what the attack is on, and the plan names what is missing.
    Lacks(String),
}

/// What is planned for an attack in a column.
#[derive(Clone, Copy, Debug)]
pub(super) enum Planned<'a> {
    /// It is played.
    Outcome(&'a Outcome),
    /// It is of a kind that cannot be tried there.
    NotHere(&'static str),
}

/// Tools of the hostile server that only native code has.
const NATIVE_TOOLS: &[&str] = &["syscalls", "sweep", "old_door", "threads"];

/// Every attack of the corpus, by name.
pub(super) fn corpus() -> Vec<Attack> {
    let mut attacks: Vec<Attack> = Vec::new();
    for entry in fs::read_dir(repository().join("tests/escape")).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        let path = folder.join("attack.toml");
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut attack: Attack =
            toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        attack.name = folder.file_name().unwrap().to_string_lossy().into();
        if let Some(script) = &attack.script {
            let call = [("tool", "syscalls"), ("script", script)];
            let call = call.map(|(key, value)| (key.to_owned(), Value::from(value)));
            attack.calls.push(call.into());
        }
        attacks.push(attack);
    }
    attacks.sort_by(|one, other| one.name.cmp(&other.name));
    attacks
}

/// Whether a key is a column's name or the start of it.
fn starts(name: &str, key: &str) -> bool {
    let rest = name.strip_prefix(key);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

impl Attack {
    /// A file beside `attack.toml`.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        repository()
            .join("tests/escape")
            .join(&self.name)
            .join(name)
    }

    /// What is planned for a column. A key of the file is a column's name or the start of several;
    /// exactly one must fit, and none where the attack cannot be tried.
    pub(super) fn planned(&self, column: Column) -> Result<Planned<'_>, String> {
        let has_outcome = |name: &&str| self.outcome.keys().any(|key| starts(name, key));
        let mut candidates = [column.name]
            .into_iter()
            .chain(column.alike().iter().copied());
        let name = candidates.find(has_outcome).unwrap_or(column.name);
        let mut found = self.outcome.iter().filter(|(key, _)| starts(name, key));
        match (self.not_here(column), found.next(), found.next()) {
            (Some(why), None, _) => Ok(Planned::NotHere(why)),
            (None, Some((_, outcome)), None) => Ok(Planned::Outcome(outcome)),
            (None, None, _) => Err(format!("{}: no outcome for {name}", self.name)),
            (Some(why), Some(_), _) => Err(format!("{}: {name} is {why}", self.name)),
            (None, Some(_), Some(_)) => Err(format!("{}: two outcomes for {name}", self.name)),
        }
    }

    /// Why a column has no way to try this, where it has none.
    fn not_here(&self, column: Column) -> Option<&'static str> {
        let is_native = |call: &BTreeMap<String, Value>| {
            let tool = call.get("tool").and_then(Value::as_str);
            tool.is_some_and(|tool| NATIVE_TOOLS.contains(&tool))
        };
        match column.runner {
            // A guest makes no system call; the worker makes them, for the calls of WASI.
            Runner::Component => self
                .calls
                .iter()
                .any(is_native)
                .then_some("no-system-calls"),
            // Native code runs no WebAssembly, and what it can do itself is in the other attacks.
            Runner::Captured | Runner::Native | Runner::Image => {
                (self.program.is_some() || self.on_wasmtime).then_some("no-guest")
            }
        }
    }

    /// What is wrong with the file itself.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut fault = |is: bool, words: &str| {
            if is {
                faults.push(format!("{}: {words}", self.name));
            }
        };
        let denials: BTreeSet<_> = TABLE.iter().map(|row| row.denial.name()).collect();
        fault(!denials.contains(self.denial.as_str()), "no such denial");
        fault(!self.proves.ends_with('.'), "`proves` is no sentence");
        fault(self.bare.shows.is_empty(), "`bare.shows` is empty");
        let runs = usize::from(!self.calls.is_empty()) + usize::from(self.program.is_some());
        fault(runs != 1, "it needs `calls`, a `script` or a `program`");
        let both = self.script.is_some() && self.calls.len() > 1;
        fault(both, "it has both `calls` and a `script`");
        let native = self.bare.by == Twin::Native;
        fault(
            native == self.calls.is_empty(),
            "calls run by the native twin",
        );
        let files = [
            ("attack.wat", self.program == Some(Program::Text)),
            ("generate.py", self.program == Some(Program::Generated)),
            ("attack.py", self.bare.by == Twin::Python),
        ];
        for (file, wanted) in files {
            fault(self.file(file).exists() != wanted, file);
        }
        for (key, outcome) in &self.outcome {
            let empty = match outcome {
                Outcome::Contained(words) | Outcome::Lacks(words) => words.is_empty(),
                Outcome::Residual { name, reason } => name.is_empty() || reason.is_empty(),
                Outcome::Own { shows, reason } => shows.is_empty() || reason.is_empty(),
            };
            fault(empty, &format!("the outcome of {key} says nothing"));
            let fits = |column: &Column| column.name.starts_with(key.as_str());
            fault(
                !Column::ALL.iter().any(fits),
                &format!("{key} is no column"),
            );
        }
        for column in Column::ALL {
            faults.extend(self.planned(*column).err());
        }
        faults
    }
}
