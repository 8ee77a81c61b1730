//! The engine that the settings name.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use core::str::FromStr;

use crate::fault::FaultCode;
use crate::manifest::{Teach, Written};
use crate::path::{HostPath, InvalidPath};

/// The engines that have a name of their own.
pub(crate) const NAMES: &[&str] = &["native", "docker", "podman", "crun", "runc", "runsc"];
/// What stands before the path of a runtime.
const RUNTIME: &str = "oci:";

/// What carries containers out on a host: a name, or `oci:` and the absolute path of a runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EngineName(String);

impl EngineName {
    /// As it is written.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not an [`EngineName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidEngine {
    /// No name that is known.
    #[error("no engine has this name")]
    Unknown,
    /// No path after `oci:`.
    #[error(transparent)]
    Path(#[from] InvalidPath),
}

impl FromStr for EngineName {
    type Err = InvalidEngine;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix(RUNTIME) {
            let shortest = path.parse::<HostPath>()?;
            match shortest.as_str() {
                "/" => return Err(InvalidPath::Reserved("/").into()),
                shortest if shortest != path => {
                    return Err(InvalidPath::NotShortest(shortest.to_owned()).into());
                }
                _ => {}
            }
        } else if !NAMES.contains(&text) {
            return Err(InvalidEngine::Unknown);
        }
        Ok(Self(text.to_owned()))
    }
}

impl Teach for InvalidEngine {
    fn code(&self) -> FaultCode {
        match self {
            Self::Unknown => FaultCode::UnknownValue,
            Self::Path(error) => error.code(),
        }
    }

    fn help(&self) -> String {
        match self {
            Self::Unknown => alloc::format!(
                "write one of {}, or `oci:/path/of/a/runtime`",
                NAMES.join(", ")
            ),
            Self::Path(error) => error.help(),
        }
    }
}

impl Written for EngineName {
    const WHAT: &'static str = "an engine for containers";
}
