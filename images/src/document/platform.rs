//! Where an image runs.

use std::fmt;

/// An operating system and a processor, by the words of OCI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// Such as `linux`.
    pub os: String,
    /// Such as `amd64`.
    pub architecture: String,
    /// Such as `v8`.
    pub variant: Option<String>,
}

impl Platform {
    /// This host's.
    pub fn of_this_host() -> Self {
        let (architecture, variant) = match std::env::consts::ARCH {
            "x86_64" => ("amd64", None),
            "aarch64" => ("arm64", Some("v8")),
            other => (other, None),
        };
        Self {
            os: "linux".to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
        }
    }

    /// How well an image of that platform runs on this one, if it does.
    ///
    /// A variant is a set of instructions that the processor must have: what this host is not
    /// known to have is no fit, and no variant at all is the least that the architecture has.
    pub(super) fn fits(&self, other: &Self) -> Option<u8> {
        if (&self.os, &self.architecture) != (&other.os, &other.architecture) {
            return None;
        }
        let least = match self.architecture.as_str() {
            "amd64" => "v1",
            "arm64" => "v8",
            _ => "",
        };
        match other
            .variant
            .as_deref()
            .filter(|variant| !variant.is_empty())
        {
            None => Some(1),
            Some(variant) if self.variant.as_deref() == Some(variant) => Some(2),
            Some(variant) if variant == least => Some(1),
            Some(_) => None,
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variant = self.variant.iter().filter(|variant| !variant.is_empty());
        let parts = [&self.os, &self.architecture].into_iter().chain(variant);
        let parts: Vec<String> = parts.map(|part| crate::fault::harmless(part)).collect();
        out.write_str(&parts.join("/"))
    }
}
