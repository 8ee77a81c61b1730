//! An image's config: what its author wishes for a container of it, as plain values.
//!
//! Nothing here decides which wish is granted. A config is read strictly enough that what is shown
//! to a user is what it says: a key that stands twice, a value of another type, or a name that is
//! none is an error, and never a guess.

mod read;

use crate::unpack::DiffId;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// Bytes of a config. Real ones have a few thousand; without the bound one could take all memory.
pub const CONFIG_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The config of an OCI or a Docker image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageConfig {
    /// For which processors, in Go's words: `amd64`, `arm64`.
    pub architecture: String,
    /// Which of them, where that matters: `v8`.
    pub variant: Option<String>,
    /// For which system: `linux`.
    pub os: String,
    /// The layers, lowest first.
    pub diff_ids: Vec<DiffId>,
    /// As whom it wants to run. None is root.
    pub user: Option<User>,
    /// Where it wants to start. Often missing.
    pub working_dir: Option<String>,
    /// Its variables, in their order. A name can stand twice.
    pub env: Vec<Variable>,
    /// What it runs, word by word.
    pub entrypoint: Vec<String>,
    /// What it adds to that, or runs where there is no entrypoint.
    pub cmd: Vec<String>,
    /// What makes a program of a script, where it is not `/bin/sh -c`.
    pub shell: Vec<String>,
    /// Folders that it wants to write to.
    pub volumes: BTreeSet<String>,
    /// Ports at which it listens, as `8080/tcp`.
    pub exposed_ports: BTreeSet<String>,
    /// What it says of itself.
    pub labels: BTreeMap<String, String>,
    /// The signal that ends it, by name or number.
    pub stop_signal: Option<String>,
    /// What is to be run to see whether it works.
    pub healthcheck: Option<Healthcheck>,
    /// Commands for whoever builds an image on top of it. Nobody runs them here.
    pub on_build: Vec<String>,
}

/// A user, and a group that is not the user's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct User {
    /// Who.
    pub user: Id,
    /// In which group.
    pub group: Option<Id>,
}

/// A user or a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Id {
    /// By number, which may be in no file of the image.
    Number(u32),
    /// By name, which the image's own files know, or nobody does.
    Name(String),
}

/// A variable of the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Variable {
    /// Its name, never empty and without `=`.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A test of whether a container works, and how often it is to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Healthcheck {
    /// What is run.
    pub check: Check,
    /// Nanoseconds between two runs; 0 is the engine's own choice, here and below.
    pub interval_ns: u64,
    /// Nanoseconds that one may take.
    pub timeout_ns: u64,
    /// Nanoseconds in which failing means nothing.
    pub start_period_ns: u64,
    /// How many must fail.
    pub retries: u64,
}

/// What a health check runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The one of the image below.
    Inherited,
    /// None, whatever the image below says.
    Off,
    /// A program.
    Exec(Vec<String>),
    /// A script for the image's shell.
    Shell(String),
}

/// Why bytes are no image config.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// More bytes than the bound.
    #[error("read the image's config: it has more than {CONFIG_BYTES_MAX} bytes")]
    TooLarge,
    /// No JSON, or not of this shape.
    #[error("read the image's config: {0}")]
    Json(#[source] serde_json::Error),
    /// A value that means nothing.
    #[error("read the image's config: `{key}`: `{}` {what}", .value.escape_debug())]
    Value {
        /// Where it stands.
        key: &'static str,
        /// The value, shortened.
        value: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl ImageConfig {
    /// Reads a config's JSON.
    pub fn read(bytes: &[u8]) -> Result<Self, ConfigError> {
        read::config(bytes)
    }

    /// The script, if words are one in the shell form of a Dockerfile: the shell, and one word.
    pub fn script<'w>(&self, words: &'w [String]) -> Option<&'w str> {
        let (script, before) = words.split_last()?;
        let is_shell = if self.shell.is_empty() {
            before.iter().eq(["/bin/sh", "-c"])
        } else {
            before == self.shell
        };
        is_shell.then_some(script.as_str())
    }
}
