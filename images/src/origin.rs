//! Where an image comes from, by what a manifest or a person writes.

use crate::fault::{Fault, ImageError};
use brig_policies::ImageReference;
use std::fmt;
use std::path::{Path, PathBuf};

/// Where an image or a component comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A registry.
    Registry(ImageReference),
    /// A folder in the layout of OCI, and the image's name in it.
    Layout {
        /// The folder.
        folder: PathBuf,
        /// Needed where it holds several.
        name: Option<String>,
    },
    /// A tar of such a folder.
    OciArchive {
        /// The tar.
        file: PathBuf,
        /// Needed where it holds several.
        name: Option<String>,
    },
    /// What `docker save` writes, of one image.
    DockerArchive {
        /// The tar.
        file: PathBuf,
    },
}

impl Origin {
    /// From text as `image = "…"` has it. A path that is not absolute starts at `base`.
    pub fn parse(text: &str, base: &Path) -> Result<Self, ImageError> {
        let text = text.strip_prefix("oci://").unwrap_or(text);
        let named = |rest: &str| {
            let (path, name) = split_name(rest);
            (base.join(path), name.map(str::to_owned))
        };
        let path = |form: &str| text.strip_prefix(form).filter(|rest| !rest.is_empty());
        if let Some(rest) = path("oci:") {
            let (folder, name) = named(rest);
            return Ok(Self::Layout { folder, name });
        }
        if let Some(rest) = path("oci-archive:") {
            let (file, name) = named(rest);
            return Ok(Self::OciArchive { file, name });
        }
        if let Some(rest) = path("docker-archive:") {
            return Ok(Self::DockerArchive {
                file: base.join(rest),
            });
        }
        text.parse().map(Self::Registry).map_err(|error| {
            let fault = Fault::Reference(format!("{error}"));
            ImageError::new("read the reference", text, fault)
        })
    }
}

/// The path, and what follows its last `:` unless that is a part of the path.
fn split_name(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((path, name)) if !path.is_empty() && !name.is_empty() && !name.contains('/') => {
            (path, Some(name))
        }
        Some(_) | None => (text, None),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (form, path, name) = match self {
            Self::Registry(reference) => return out.write_str(reference.as_str()),
            Self::Layout { folder, name } => ("oci", folder, name.as_deref()),
            Self::OciArchive { file, name } => ("oci-archive", file, name.as_deref()),
            Self::DockerArchive { file } => ("docker-archive", file, None),
        };
        write!(out, "{form}:{}", path.display())?;
        name.map_or(Ok(()), |name| write!(out, ":{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let found = Origin::parse(text, Path::new("/base"));
        let found = found.map_or_else(|error| error.to_string(), |origin| format!("{origin}"));
        assert_eq!(found, want, "{text}");
    }

    #[test]
    fn a_reference_names_one_of_four_places() {
        check("r.example/a:1", "r.example/a:1");
        check("oci://r.example/a:1", "r.example/a:1");
        check("oci:notes", "oci:/base/notes");
        check("oci:notes:1.2", "oci:/base/notes:1.2");
        check("oci:/a:b/notes", "oci:/a:b/notes");
        check("oci:/a:b/notes:c", "oci:/a:b/notes:c");
        check("oci-archive:../n.tar:x", "oci-archive:/base/../n.tar:x");
        check("docker-archive:/n:1.tar", "docker-archive:/n:1.tar");
        check(
            "notes:1",
            "read the reference `notes:1`: it names no registry, and tools differ in which one \
             they take then; write it as the documentation of `image` shows",
        );
        check(
            "oci:",
            "read the reference `oci:`: it names no registry, and tools differ in which one \
             they take then; write it as the documentation of `image` shows",
        );
    }
}
