//! The arguments of what is approved, allowed and locked.

use super::Under;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// An approval.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  brig approve brig.toml
  brig approve brig.toml --project ~/src/app
  brig approve brig.toml --digest 9f6c…      without a terminal: whoever gives the digest has read
                                             what it stands for

What is approved is one start: the manifest and its lock as they are, and the sandbox that they come
to on this machine. When any of it changes, the server does not start until it is approved again.
Exits with 12 where nobody approved it.")]
pub(in crate::cli) struct Approve {
    /// The manifest
    pub(in crate::cli) manifest: PathBuf,
    /// The folder that `{project}` in the manifest stands for
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) project: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) engine: Under,
    /// Approve what has this digest, and nothing else
    #[arg(long, value_name = "DIGEST")]
    pub(in crate::cli) digest: Option<String>,
    /// Show it and do not ask; this takes a terminal all the same
    #[arg(long, conflicts_with = "digest")]
    pub(in crate::cli) yes: bool,
}

/// What was approved.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Approvals {
    /// List what was approved, the newest first
    Ls {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Take approvals back: the servers do not start until they are approved again
    Revoke {
        /// Manifests, servers' names, or digests
        #[arg(required_unless_present = "all", value_name = "WHAT")]
        what: Vec<String>,
        /// All of them
        #[arg(long, conflicts_with = "what")]
        all: bool,
    },
}

/// One right more.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  brig allow brig.toml ~/notes                a folder, for reading
  brig allow brig.toml ~/notes --write
  brig allow notes api.example.com:443        by the name of a server that was approved
  brig allow notes 'list_*'                   tools, where `[tools] allow` names those that pass

The manifest keeps its comments. What was approved before is approved with the new right too. Exits
with 12 where nobody said yes; the manifest is as it was then.")]
pub(in crate::cli) struct Allow {
    /// The manifest, or the name of a server that was approved
    pub(in crate::cli) name: String,
    /// A path, `host:port`, or a tool
    pub(in crate::cli) right: String,
    /// Let it change what lies there, too
    #[arg(long)]
    pub(in crate::cli) write: bool,
    /// The folder that `{project}` in the manifest stands for
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) project: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) engine: Under,
    /// Write what has this digest, and nothing else
    #[arg(long, value_name = "DIGEST")]
    pub(in crate::cli) digest: Option<String>,
    /// Show it and do not ask; this takes a terminal all the same
    #[arg(long, conflicts_with = "digest")]
    pub(in crate::cli) yes: bool,
}

/// A lock.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  brig lock brig.toml
  brig lock --check brig.toml && echo 'nothing changed'
  git diff brig.lock                          what a new version says that the old one did not

It starts an instance of its own, once for each era of the protocol, and asks for its tools. In a
session, a tool that the lock does not have, or not like this, is kept from the client. Exits with
14 where `--check` finds a difference.")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line"
)]
pub(in crate::cli) struct LockArguments {
    /// The manifest
    pub(in crate::cli) manifest: PathBuf,
    /// The folder that `{project}` in the manifest stands for
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) project: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) engine: Under,
    /// Write nothing, and tell how the server differs from its lock
    #[arg(long)]
    pub(in crate::cli) check: bool,
    /// Keep what the lock has beside what is new: variants of a tool that may come again
    #[arg(long, conflicts_with = "check")]
    pub(in crate::cli) keep: bool,
    /// Start what has this digest, and nothing else
    #[arg(long, value_name = "DIGEST")]
    pub(in crate::cli) digest: Option<String>,
    /// Show what is started and do not ask; this takes a terminal all the same
    #[arg(long, conflicts_with = "digest")]
    pub(in crate::cli) yes: bool,
    /// Print the difference as JSON
    #[arg(long, requires = "check")]
    pub(in crate::cli) json: bool,
}
