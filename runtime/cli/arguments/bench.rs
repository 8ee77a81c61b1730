//! The arguments of `brig bench`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// A benchmark, or the report of what was measured before.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  brig bench brig.toml                       brig's own ways to run this server, side by side
  brig bench --unconfined brig.toml          and bare, under bubblewrap, by docker run, and so on
  brig bench --quick --html page.html native.toml component.toml
  brig bench --with 'hyper=hyper-mcp -c hyper.json' --unconfined brig.toml
  brig bench --samples run.json brig.toml && brig bench report run.json

Ways are measured in turn, once in each round, so that all share the machine's mood. Samples are
kept with --samples: `brig bench report` makes the same report of them again, on any machine, and
compares several."
)]
pub(in crate::cli) struct Bench {
    #[command(subcommand)]
    pub(in crate::cli) report: Option<OfSamples>,
    /// Manifests of one server (by `command`, by `image`, by `component`), or its name where it ran
    /// here; brig's own example without one
    #[arg(value_name = "MANIFEST")]
    pub(in crate::cli) manifests: Vec<PathBuf>,
    /// The folder that `{project}` in the manifests stands for
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) project: Option<PathBuf>,
    /// Run the server without brig's walls too: bare, and under other tools that are here. It then
    /// does whatever it likes: name a server that you trust
    #[arg(long)]
    pub(in crate::cli) unconfined: bool,
    /// One more way to run the server, without brig's walls; words are split as a shell does
    #[arg(long, value_name = "NAME=COMMAND", requires = "unconfined")]
    pub(in crate::cli) with: Vec<String>,
    /// Only rows whose name contains this
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) only: Vec<String>,
    /// How many rounds; 20, or 8 with --quick
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(in crate::cli) rounds: Option<u32>,
    /// Fewer calls and rounds, in less than five minutes
    #[arg(long)]
    pub(in crate::cli) quick: bool,
    /// The tool whose call is measured; `ping` without it, or else `tools/list`
    #[arg(long, value_name = "TOOL")]
    pub(in crate::cli) call: Option<String>,
    /// The arguments of that call, a JSON object
    #[arg(long, value_name = "JSON", requires = "call")]
    pub(in crate::cli) arguments: Option<String>,
    /// How many servers run at once for density; 10, or none with --quick
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(in crate::cli) count: Option<u32>,
    /// Measure the price of each wall, which takes a brig that was built with `test-hooks`
    #[arg(long)]
    pub(in crate::cli) walls: bool,
    /// What the report is called; the server's name without
    #[arg(long)]
    pub(in crate::cli) title: Option<String>,
    /// Keep the samples in this file, which may be an older one of brig's
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) samples: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) shown: Shown,
}

/// What is made of samples.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum OfSamples {
    /// Tell again what was measured, from samples that were kept, and compare several runs
    Report(BenchReport),
}

/// Samples, and how to tell of them.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  brig bench report run.json
  brig bench report --html page.html run.json
  brig bench report before.json after.json          later runs beside the first
  brig bench report --json run.json | jq '.runs[0].measures[] | .measure'

Nothing runs and nothing is asked of any network: the same samples give the same report. Exits with
1 where a file is no record of samples, and tells the place.")]
pub(in crate::cli) struct BenchReport {
    /// What `brig bench --samples` wrote; others are compared with the first
    #[arg(required = true, num_args = 1..=16, value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) shown: Shown,
}

/// How to tell of findings.
#[derive(Args, Debug)]
pub(in crate::cli) struct Shown {
    /// Write a page with plots into this file, which may be an older page of brig's
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) html: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

impl Bench {
    /// Whether errors are wanted as JSON on standard output.
    pub(in crate::cli) fn json(&self) -> bool {
        match &self.report {
            Some(OfSamples::Report(asked)) => asked.shown.json,
            None => self.shown.json,
        }
    }
}
