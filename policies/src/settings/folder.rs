//! A folder of the settings: one that no manifest has a say in.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use core::str::FromStr;

use crate::fault::FaultCode;
use crate::manifest::{Teach, Written};
use crate::path::{InvalidPath, Location};
use crate::places::Places;

/// An absolute path, or one that starts at `~` or `{project}`: what whoever starts brig chooses,
/// and not whoever writes a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folder {
    written: String,
    location: Location,
}

impl Folder {
    /// As it is written.
    pub(super) fn written(&self) -> &str {
        &self.written
    }

    /// The path in one start; none where a placeholder stands for nothing there.
    pub(super) fn place(&self, places: &Places) -> Option<String> {
        let path = self.location.place(places).ok()?;
        Some(path.as_str().to_owned())
    }
}

/// Why a text is not a [`Folder`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidFolder {
    /// Not a path.
    #[error(transparent)]
    Path(#[from] InvalidPath),
    /// It depends on where the manifest lies.
    #[error("it depends on where the manifest lies, and so would be the manifest's to choose")]
    BesideManifest,
}

impl FromStr for Folder {
    type Err = InvalidFolder;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let location: Location = text.parse()?;
        if location.is_beside_manifest() {
            return Err(InvalidFolder::BesideManifest);
        }
        let written = text.to_owned();
        Ok(Self { written, location })
    }
}

impl Teach for InvalidFolder {
    fn code(&self) -> FaultCode {
        match self {
            Self::Path(error) => error.code(),
            Self::BesideManifest => FaultCode::InvalidPath,
        }
    }

    fn help(&self) -> String {
        const STARTS: &str = "start it with `/`, `~` or `{project}`";
        match self {
            Self::BesideManifest
            | Self::Path(
                InvalidPath::NotAbsolute | InvalidPath::Variable | InvalidPath::Placeholder,
            ) => STARTS.to_owned(),
            Self::Path(error) => error.help(),
        }
    }
}

impl Written for Folder {
    const WHAT: &'static str = "a folder of this host";
}
