//! Raw samples of one benchmark, in the form in which they are kept.
//!
//! A file is one JSON object. What it does not know is refused, and so is what breaks a rule below;
//! nothing of it is left out in silence. Texts are at most [`TEXT_CHARS_MAX`] characters that a
//! terminal shows as they are. Numbers of samples are finite and not below 0.
//!
//! ```json
//! {
//!   "brig-bench": 1,
//!   "title": "server-everything",
//!   "command": ["brig", "bench", "everything.toml", "--rounds", "2"],
//!   "brig": "0.1.0",
//!   "taken": 1796000000,
//!   "rounds": 2,
//!   "warm-up": 1,
//!   "machine": {
//!     "processor": "Model of some maker", "processors": 2, "memory-kib": 8151040,
//!     "kernel": "6.18.44", "system": "Debian GNU/Linux 12 (bookworm)",
//!     "load-before": [0.1, 0.2, 0.3], "load-after": [0.9, 0.4, 0.3],
//!     "notes": ["the processor's frequency is not fixed"]
//!   },
//!   "baseline": "bare",
//!   "rows": [
//!     {
//!       "name": "bare", "role": { "is": "subject" }, "version": null, "absent": null,
//!       "series": [
//!         { "measure": "start-warm", "rounds": [[5.1], [5.3]], "failed": null },
//!         { "measure": "call", "rounds": [[40.0, 41.5], [39.0, 80.25]], "failed": null }
//!       ],
//!       "stages": []
//!     },
//!     {
//!       "name": "bare again", "role": { "is": "again", "of": "bare" },
//!       "version": null, "absent": null,
//!       "series": [{ "measure": "start-warm", "rounds": [[5.2], [5.0]], "failed": null }],
//!       "stages": []
//!     },
//!     {
//!       "name": "brig native", "role": { "is": "subject" }, "version": null, "absent": null,
//!       "series": [{ "measure": "start-warm", "rounds": [[11.9], [12.4]], "failed": null }],
//!       "stages": [
//!         { "name": "decide", "whose": "brig", "ms": [3.1, 3.0] },
//!         { "name": "cell", "whose": "brig", "ms": [3.6, 4.1] },
//!         { "name": "program", "whose": "program", "ms": [5.2, 5.3] }
//!       ]
//!     },
//!     {
//!       "name": "with namespaces",
//!       "role": { "is": "added", "wall": "namespaces", "after": "bare" },
//!       "version": null, "absent": null,
//!       "series": [{ "measure": "start-warm", "rounds": [[6.0], [6.1]], "failed": null }],
//!       "stages": []
//!     },
//!     {
//!       "name": "without landlock",
//!       "role": { "is": "left-out", "wall": "landlock", "from": "brig native" },
//!       "version": null, "absent": null,
//!       "series": [{ "measure": "start-warm", "rounds": [[11.8]],
//!                    "failed": { "round": 2, "why": "it ended without a reply" } }],
//!       "stages": []
//!     },
//!     {
//!       "name": "docker plain", "role": { "is": "subject" }, "version": "28.2.2",
//!       "absent": "no dockerd here", "series": [], "stages": []
//!     }
//!   ]
//! }
//! ```
//!
//! Round `n` of one row was measured beside round `n` of every other, so lists of rounds are
//! equally long; a row that was left out of a round has an empty list there. A series that failed
//! has the rounds before the failure.

mod rules;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use rules::{ROUNDS_MAX, ROWS_MAX, TEXT_CHARS_MAX, VALUES_MAX};

use super::statistics::Scale;

/// The form that this release writes and reads.
pub const FORM: u32 = 1;

/// The most bytes of a file of samples that are to be read. Without a bound a file that somebody
/// sent fills the memory of whoever looks at it.
pub const SAMPLES_BYTES_MAX: usize = 64 << 20;

/// What a benchmark writes down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Record {
    /// [`FORM`].
    #[serde(rename = "brig-bench")]
    pub form: u32,
    /// What was measured, in people's words.
    pub title: String,
    /// The words of the command that measured.
    pub command: Vec<String>,
    /// The version of brig.
    pub brig: String,
    /// When it began, in seconds since 1970.
    pub taken: u64,
    /// How many rounds were measured.
    pub rounds: u32,
    /// How many came before them and are not in here.
    pub warm_up: u32,
    /// Where.
    pub machine: Machine,
    /// The name of the row that subjects are compared with.
    pub baseline: String,
    /// In the order in which people read them.
    pub rows: Vec<Row>,
}

/// The machine and what it was busy with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Machine {
    /// The processor's model.
    pub processor: String,
    /// How many of them brig may use.
    pub processors: u32,
    /// Memory in KiB.
    pub memory_kib: u64,
    /// The kernel's release.
    pub kernel: String,
    /// The distribution.
    pub system: String,
    /// Mean load of 1, 5 and 15 minutes as the benchmark began.
    pub load_before: [f64; 3],
    /// The same as it ended.
    pub load_after: [f64; 3],
    /// What may matter to whoever compares, such as a frequency that is not fixed.
    pub notes: Vec<String>,
}

/// One way to run the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// As people read it; no other row has it.
    pub name: String,
    /// What it is compared with.
    pub role: Role,
    /// The version of whoever ran it, where that is not brig.
    pub version: Option<String>,
    /// Why it cannot be had here, if so. Then it has no series.
    pub absent: Option<String>,
    /// Each measure at most once.
    pub series: Vec<Series>,
    /// What a start consists of, in order; nothing where nobody can tell.
    pub stages: Vec<Stage>,
}

/// What a row is there for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", deny_unknown_fields, rename_all = "kebab-case")]
pub enum Role {
    /// It is compared with the baseline.
    Subject,
    /// It is the same as another row, and what differs is noise (A/A).
    Again {
        /// That row.
        of: String,
    },
    /// It has one wall more than another row.
    Added {
        /// The wall.
        wall: String,
        /// The row without it.
        after: String,
    },
    /// It has one wall less than another row.
    LeftOut {
        /// The wall.
        wall: String,
        /// The row with it.
        from: String,
    },
}

/// One measure of one row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// What was measured.
    pub measure: Measure,
    /// The values of each round, in [`Measure::unit`].
    pub rounds: Vec<Vec<f64>>,
    /// That it failed, if so.
    pub failed: Option<Failure>,
}

/// Where and why a series ended before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The round, from 1; 0 is the warm-up.
    pub round: u32,
    /// In one line.
    pub why: String,
}

/// A part of a start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// As people read it; rows with a stage of the same name have the same stage.
    pub name: String,
    /// Whose time it is.
    pub whose: Whose,
    /// Milliseconds, one value for each start that was taken apart.
    pub ms: Vec<f64>,
}

/// Whose time a stage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// What brig adds.
    Brig,
    /// What the program takes by itself, bare too. It is told and not drawn: most programs take so
    /// much that nothing else could be seen.
    Program,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// From spawn to the reply to `initialize`, with nothing compiled or unpacked before.
    StartCold,
    /// The same with everything in caches.
    StartWarm,
    /// The round trip of one call on an open session.
    Call,
    /// Calls answered in a second, written without waiting.
    Pipelined,
    /// Time of processors in a call, of all processes of the row.
    Processor,
    /// PSS of all processes of one idle server.
    Memory,
    /// PSS of each of many idle servers.
    Density,
    /// What a server writes and reads in a granted folder.
    Disk,
    /// What a granted connection carries.
    Egress,
}

impl Role {
    /// The wall that the row is there for.
    pub fn wall(&self) -> Option<&str> {
        match self {
            Self::Subject | Self::Again { .. } => None,
            Self::Added { wall, .. } | Self::LeftOut { wall, .. } => Some(wall),
        }
    }
}

impl Measure {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 9] = [
        Self::StartCold,
        Self::StartWarm,
        Self::Call,
        Self::Pipelined,
        Self::Processor,
        Self::Memory,
        Self::Density,
        Self::Disk,
        Self::Egress,
    ];

    /// As a heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::StartCold => "start to first reply, cold",
            Self::StartWarm => "start to first reply, warm",
            Self::Call => "round trip of a call",
            Self::Pipelined => "calls a second, pipelined",
            Self::Processor => "processor time of a call",
            Self::Memory => "memory of one server",
            Self::Density => "memory of each of many servers",
            Self::Disk => "throughput of a granted folder",
            Self::Egress => "throughput of a granted connection",
        }
    }

    /// The unit of samples and of reports.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::StartCold | Self::StartWarm => "ms",
            Self::Call | Self::Processor => "µs",
            Self::Pipelined => "1/s",
            Self::Memory | Self::Density => "KiB PSS",
            Self::Disk => "MiB/s",
            Self::Egress => "Gbit/s",
        }
    }

    /// How rows are compared: times and sizes by what is added, rates by their ratio.
    pub const fn scale(self) -> Scale {
        match self {
            Self::StartCold
            | Self::StartWarm
            | Self::Call
            | Self::Processor
            | Self::Memory
            | Self::Density => Scale::Added,
            Self::Pipelined | Self::Disk | Self::Egress => Scale::Ratio,
        }
    }
}

/// Why a text is no record of samples; it reads after "cannot".
#[derive(Debug, Error)]
pub enum SamplesError {
    /// It is no JSON, or not of this form.
    #[error("read samples: {0}")]
    Form(#[from] serde_json::Error),
    /// It is longer than [`SAMPLES_BYTES_MAX`].
    #[error("read samples: they are {0} bytes, of at most {SAMPLES_BYTES_MAX}")]
    TooLong(usize),
    /// It breaks a rule.
    #[error("use samples: `{place}` {breach}")]
    Rule {
        /// As a path, `rows[2].series[0].rounds[7]`.
        place: String,
        /// What is wrong there.
        breach: String,
    },
}

/// Whether a file that begins like this is a record, of this release or another one.
pub fn is_record(head: &str) -> bool {
    head.starts_with("{\"brig-bench\":")
}

/// A record that keeps every rule. Only [`Samples::new`] makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples(Record);

impl Samples {
    /// Holds a record to the rules of this module.
    pub fn new(record: Record) -> Result<Self, SamplesError> {
        rules::check(&record)?;
        Ok(Self(record))
    }

    /// Reads a file's text.
    pub fn read(text: &str) -> Result<Self, SamplesError> {
        if text.len() > SAMPLES_BYTES_MAX {
            return Err(SamplesError::TooLong(text.len()));
        }
        Self::new(serde_json::from_str(text)?)
    }

    /// A file's text, one line.
    pub fn write(&self) -> Result<String, SamplesError> {
        Ok(serde_json::to_string(&self.0)?)
    }

    /// What is recorded.
    pub fn record(&self) -> &Record {
        &self.0
    }
}

impl Record {
    /// A row by its name.
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }
}

impl Row {
    /// What was measured of it.
    pub fn series(&self, measure: Measure) -> Option<&Series> {
        self.series.iter().find(|series| series.measure == measure)
    }
}

#[cfg(test)]
pub(super) mod tests;
