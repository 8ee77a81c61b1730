//! `brig run`.

use super::Under;
use clap::Args;
use std::path::PathBuf;

/// A server for a client.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(in crate::cli) struct Run {
    /// The manifest
    pub(in crate::cli) manifest: PathBuf,
    /// The folder that `{project}` in the manifest stands for
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) project: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) engine: Under,
    /// Start only what has this digest, which `brig approve` shows, and ask nobody
    #[arg(long, value_name = "DIGEST")]
    pub(in crate::cli) digest: Option<String>,
    /// Tell which paths and system calls of a program the kernel refuses, and what would allow
    /// them. Slower; what the server may do, and who has to approve it, is as always
    #[arg(long)]
    pub(in crate::cli) trace: bool,
    /// Tell each decision about a name or a connection as it is made: what was looked up, whom brig
    /// connected to, how much passed
    #[arg(long)]
    pub(in crate::cli) trace_network: bool,
    /// Tell how long each step of the start took, in milliseconds since brig began
    #[arg(long)]
    pub(in crate::cli) trace_start: bool,
    /// Start it to be looked at
    #[arg(long, hide = true, requires = "digest")]
    pub(in crate::cli) without_lock: bool,
}
