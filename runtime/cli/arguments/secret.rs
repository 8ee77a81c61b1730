//! The arguments of secrets.

use clap::{Args, Subcommand, ValueEnum};

/// What to do with secrets.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SecretCommand {
    /// Keep the value of a secret: asked for at the terminal, or read from standard input to its
    /// end, exactly as it comes
    Set(SetSecret),
    /// List the secrets that each place has, by name
    Ls {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a secret from the places that brig writes to
    Rm {
        /// The names
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Look for secrets as a start does, and tell where each is and how long, but not what
    Test {
        /// The names
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
}

impl SecretCommand {
    /// Whether errors are told as JSON.
    pub(super) fn json(&self) -> bool {
        match self {
            Self::Ls { json } | Self::Test { json, .. } => *json,
            Self::Set(_) | Self::Rm { .. } => false,
        }
    }
}

/// A value to keep.
#[derive(Args, Debug)]
pub(in crate::cli) struct SetSecret {
    /// The name that manifests give it: a-z, 0-9, `-`, `_` and `.`
    pub(in crate::cli) name: String,
    /// Where it is kept; the first place of the settings that keeps any without it
    #[arg(long = "in", value_name = "PLACE")]
    pub(in crate::cli) place: Option<KeepingPlace>,
}

/// A place that brig writes to.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum KeepingPlace {
    /// The desktop's keyring
    Keyring,
    /// A file that is encrypted with age
    File,
}

impl KeepingPlace {
    /// The word of the settings for it.
    pub(in crate::cli) fn word(self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::File => "file",
        }
    }
}
