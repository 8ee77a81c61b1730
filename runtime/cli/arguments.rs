//! What can be written on the command line. Help, manual pages and completions come from here.

mod bench;
mod consent;
mod run;
mod secret;

use super::export::Export;
use super::images::{Images, Pull};
use crate::exit::Exit;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use std::fmt::Write as _;
use std::path::PathBuf;

pub(super) use bench::{Bench, BenchReport, OfSamples, Shown};
pub(super) use consent::{Allow, Approvals, Approve, LockArguments};
pub(super) use run::Run;
pub(super) use secret::{KeepingPlace, SecretCommand, SetSecret};

/// Run MCP servers that nobody should have to trust.
#[derive(Debug, Parser)]
#[command(
    name = "brig",
    version,
    about = "Runs MCP servers that nobody should have to trust",
    long_about = "Runs an MCP server under one manifest that says what it may touch. What the \
                  manifest does not grant does not exist for the server; where this host cannot \
                  hold that, brig does not start it, and says why.",
    after_help = EXAMPLES,
    after_long_help = long_help(),
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXAMPLES: &str = "Examples:
  brig run examples/units/brig.toml         in place of the server's command in a client's settings
  brig call examples/units/brig.toml convert '{\"value\": 5, \"from\": \"km\", \"to\": \"mi\"}'
  brig check brig.toml                      every fault of a manifest, with its place
  brig plan brig.toml                       what the sandbox would be, and what holds it here
  brig verify brig.toml                     start it, and compare every wall with the plan
  brig doctor                               what this host offers, and what to do where it lacks";

fn long_help() -> String {
    let mut text = format!("{EXAMPLES}\n\nExit codes:\n");
    for (exit, meaning) in Exit::ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {:<3} {meaning}", exit as u8);
    }
    text
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a server for the MCP client on the standard streams
    #[command(after_help = "Example, in a client's settings:
  {\"mcpServers\": {\"units\": {
    \"command\": \"brig\", \"args\": [\"run\", \"/path/to/brig.toml\"]}}}

Standard output carries the protocol alone. Notices and the server's own log go to standard
error.")]
    Run(Run),
    /// Start a server, call one of its tools, print the answer, and end it
    Call(Call),
    /// Read a manifest and tell all its faults
    #[command(after_help = "Examples:
  brig check brig.toml
  brig check --json brig.toml | jq -r '.[] | \"\\(.place.line): \\(.message)\"'
  brig check --json brig.toml | jq .manifest     without a fault: every default filled in

What is right but not enforceable yet is told on standard error, and refused at plan.")]
    Check(Of),
    /// Decide the sandbox of a manifest on this host and show it, without starting anything
    #[command(after_help = "Examples:
  brig plan brig.toml
  brig plan --json brig.toml | jq .held")]
    Plan(Of),
    /// Start the sandbox of a manifest, read every wall, and compare it with the plan
    #[command(after_help = "Examples:
  brig verify brig.toml
  brig verify --json brig.toml | jq .stands

Exits with 0 where every wall stands as planned, with 10 where one differs.")]
    Verify(Of),
    /// Show everything that a server may do, ask, and let it start from now on
    Approve(Approve),
    /// List what was approved on this machine, or take it back
    #[command(
        subcommand,
        after_help = "Examples:
  brig approvals ls
  brig approvals revoke brig.toml
  brig approvals revoke --all"
    )]
    Approvals(Approvals),
    /// Let a server do one thing more: show what that is, ask, and write it into the manifest
    Allow(Allow),
    /// Record what a server says of its tools, to be reviewed, and hold it to that
    Lock(LockArguments),
    /// Tell what was refused in the last run of a server, and what would allow it
    #[command(after_help = "Examples:
  brig why brig.toml
  brig why notes                    by the name of a server that ran here
  brig why --json notes | jq -r '.[].refused[].remedy.command'

Runs that still last are told of too. What the kernel refuses
to the server is told of a run with `--trace` alone.")]
    Why {
        /// The manifest, or the name of a server that ran here
        name: String,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Keep the values of secrets, list, remove and look for them
    #[command(
        subcommand,
        after_help = "Examples:
  brig secret set github                     asks for the value, and does not show it
  brig secret set key < key.pem              every byte of it, the last newline too
  op read -n op://mcp/github/token | brig secret set github --in file
  brig secret ls
  brig secret test github

A manifest names a secret under `[env]`: `TOKEN = { secret = \"github\" }`. `[[secrets]]` in the
settings says where values come from: `brig settings` lists it. Exits with 15 where one is missing."
    )]
    Secret(SecretCommand),
    /// Look at this host: what it offers, what is missing, and the remedy
    #[command(after_help = "Examples:
  brig doctor
  brig doctor --json | jq -r '.[\"component-cell\"]'

Exits with 0 where components can run, with 4 where a denial cannot be held.")]
    Doctor {
        /// Print the findings as JSON
        #[arg(long)]
        json: bool,
    },
    /// Put the rights of a manifest into plain words, the most dangerous first
    #[command(after_help = "Examples:
  brig explain brig.toml
  brig explain --json brig.toml | jq -r '.explanation.rights[].can'")]
    Explain(Of),
    /// Compare the rights of two manifests, or of one with what it was in git
    #[command(after_help = "Examples:
  brig diff old.toml new.toml
  brig diff --git main brig.toml || echo 'it allows more'

What is compared are resolved rights and not texts. Exits with 11 where the second allows anything
that the first does not, with 0 otherwise.")]
    Diff(Diff),
    /// Lay manifests out anew: what they say and every comment stays
    #[command(after_help = "Examples:
  brig fmt brig.toml
  brig fmt --check *.toml           in CI: names those that differ, and exits with 1
  brig fmt - < brig.toml            from standard input to standard output")]
    Fmt {
        /// The manifests, `-` for standard input
        #[arg(required = true, value_name = "MANIFEST")]
        manifests: Vec<PathBuf>,
        /// Change nothing, and name the manifests that would change
        #[arg(long)]
        check: bool,
    },
    /// Tell what the settings of this host set, or all their faults
    #[command(after_help = "Examples:
  brig settings                     where they are, and the ceiling for every manifest
  brig settings draft.toml          a file that is to become the settings
  brig settings --json | jq -r .path

They are at $XDG_CONFIG_HOME/brig/config.toml, and nobody but you and root may be able to write
them. A ceiling only narrows: it grants nothing. Exits with 3 where they have faults or cannot be
trusted; no server starts then.")]
    Settings {
        /// Look at this file instead, wherever it lies and whoever owns it
        file: Option<PathBuf>,
        /// Print as JSON, faults too
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of manifests, for editors
    #[command(after_help = "Examples:
  brig schema > manifest.schema.json
  brig schema --install
  brig schema --settings > settings.schema.json")]
    Schema {
        /// That of the settings instead
        #[arg(long)]
        settings: bool,
        /// Write it into $XDG_DATA_HOME/brig, and tell how an editor finds it
        #[arg(long)]
        install: bool,
    },
    /// Tell what a kind of fault means, with an example and its mending
    #[command(after_help = "Examples:
  brig explain-fault                lists all kinds
  brig explain-fault refused-source")]
    ExplainFault {
        /// The kind, as `brig check` names it
        code: Option<String>,
    },
    /// Tell what a manifest can say: each key with its default, an example and a refused one
    #[command(after_help = "Examples:
  brig reference | less
  brig reference files              one section
  brig reference limits.memory      one key")]
    Reference {
        /// A section or a key, such as `files` or `files.at`
        key: Option<String>,
    },
    /// Fetch images and components onto this host, so that servers can run from them
    Pull(Pull),
    /// List, remove and verify what was pulled
    #[command(
        subcommand,
        after_help = "Examples:
  brig images ls
  brig images rm registry.example.com/notes:1.2.0
  brig images verify || brig images prune"
    )]
    Images(Images),
    /// Write the sandbox of a manifest in the form of other tools
    #[command(subcommand)]
    Export(Export),
    /// Write a first manifest for a WebAssembly file or a program
    New(New),
    /// Tell what a WebAssembly file is, and what the server in it offers without any right
    #[command(after_help = "Examples:
  brig inspect notes.wasm
  brig inspect --json notes.wasm | jq '.server.legacy.tools[].name'

The server runs in a cell without a grant, once for each era of the protocol. Exits with 5 where
brig cannot run the file, and says why.")]
    Inspect {
        /// The file
        artifact: PathBuf,
        /// Look at the file alone, and do not run what is in it
        #[arg(long)]
        no_run: bool,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Measure what each way to run a server costs, and report on it
    Bench(Bench),
    /// Print what completes brig's command line in a shell
    #[command(after_help = "Examples:
  brig completions bash > ~/.local/share/bash-completion/completions/brig
  brig completions zsh > ~/.zfunc/_brig
  brig completions fish > ~/.config/fish/completions/brig.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print a manual page, or write all of them into a folder
    #[command(after_help = "Examples:
  brig man | man -l -
  brig man run | man -l -
  brig man --into /usr/local/share/man/man1")]
    Man {
        /// The command that the page is about; brig as a whole without
        #[arg(conflicts_with = "into")]
        command: Option<String>,
        /// Write the pages of all commands into this folder, which must exist
        #[arg(long, value_name = "DIR")]
        into: Option<PathBuf>,
    },
}

/// A manifest, and how to tell of it.
#[derive(Args, Debug)]
pub(super) struct Of {
    /// The manifest
    pub(super) manifest: PathBuf,
    /// The folder that `{project}` in the manifest stands for
    #[arg(long, value_name = "DIR")]
    pub(super) project: Option<PathBuf>,
    #[command(flatten)]
    pub(super) engine: Under,
    /// Print as JSON, faults too
    #[arg(long)]
    pub(super) json: bool,
}

/// An engine.
#[derive(Args, Debug)]
pub(super) struct Under {
    /// What makes the walls of a container: native, docker, podman, crun, runc, runsc, or
    /// oci:/path/of/a/runtime. The settings' own choice without it, or else brig's
    #[arg(long, value_name = "ENGINE")]
    pub(super) engine: Option<String>,
}

/// Two manifests, or one and a revision.
#[derive(Args, Debug)]
pub(super) struct Diff {
    /// Two manifests, or one with `--git`
    #[arg(required = true, num_args = 1..=2, value_name = "MANIFEST")]
    pub(super) manifests: Vec<PathBuf>,
    /// Compare with the same file in this revision of git
    #[arg(long, value_name = "REVISION", allow_hyphen_values = true)]
    pub(super) git: Option<String>,
    /// The folder that `{project}` in the manifests stands for
    #[arg(long, value_name = "DIR")]
    pub(super) project: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// A first manifest.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  brig new notes.wasm
  brig new --out - notes.wasm
  brig new --out weather.toml -- node /srv/weather/server.js --stdio

It grants the least that can be told from what is named, and marks each guess. A file that exists is
kept as it is.")]
pub(super) struct New {
    /// A WebAssembly file, or a program with its arguments
    #[arg(required = true, value_name = "SOURCE")]
    pub(super) source: Vec<String>,
    /// The manifest to write, `-` for standard output
    #[arg(long, value_name = "FILE", default_value = "brig.toml")]
    pub(super) out: PathBuf,
}

/// One call of a tool.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  brig call examples/notes/brig.toml list_notes
  brig call examples/notes/brig.toml read_note '{\"name\": \"bees\"}'
  brig call --json brig.toml TOOL '{}' | jq .structuredContent")]
pub(super) struct Call {
    /// The manifest
    pub(super) manifest: PathBuf,
    /// The tool's name
    pub(super) tool: String,
    /// The tool's arguments, a JSON object
    #[arg(default_value = "{}")]
    pub(super) arguments: String,
    /// The folder that `{project}` in the manifest stands for
    #[arg(long, value_name = "DIR")]
    pub(super) project: Option<PathBuf>,
    #[command(flatten)]
    pub(super) engine: Under,
    /// Print the whole result as JSON instead of its text
    #[arg(long)]
    pub(super) json: bool,
}

impl Command {
    /// Whether errors are wanted as JSON on standard output.
    pub(super) fn json(&self) -> bool {
        match self {
            Self::Run(_)
            | Self::Approve(_)
            | Self::Allow(_)
            | Self::Approvals(Approvals::Revoke { .. })
            | Self::New(_)
            | Self::Export(_)
            | Self::Fmt { .. }
            | Self::Schema { .. }
            | Self::ExplainFault { .. }
            | Self::Reference { .. }
            | Self::Completions { .. }
            | Self::Man { .. } => false,
            Self::Call(call) => call.json,
            Self::Bench(given) => given.json(),
            Self::Lock(lock) => lock.json,
            Self::Secret(given) => given.json(),
            Self::Pull(asked) => asked.json,
            Self::Images(asked) => asked.json(),
            Self::Check(of) | Self::Plan(of) | Self::Verify(of) | Self::Explain(of) => of.json,
            Self::Diff(diff) => diff.json,
            Self::Inspect { json, .. }
            | Self::Doctor { json }
            | Self::Why { json, .. }
            | Self::Approvals(Approvals::Ls { json })
            | Self::Settings { json, .. } => *json,
        }
    }
}
