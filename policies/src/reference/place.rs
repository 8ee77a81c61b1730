//! Where an image or a component is fetched from.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString as _};
use core::fmt;
use core::str::FromStr;

use super::{ImageReference, InvalidImageReference};
use crate::fault::FaultCode;
use crate::manifest::{Teach, Written};
use crate::path::{HostPath, InvalidPath, Location};
use crate::wording::hidden;

/// A container image, and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSource {
    text: String,
    place: ImagePlace,
}

/// Where an image lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImagePlace {
    /// In a registry.
    Registry(ImageReference),
    /// On this host.
    File {
        /// In which form.
        form: ImageForm,
        /// The folder or file; its links are not followed yet.
        path: HostPath,
        /// The image's name there, needed where several lie in it.
        name: Option<String>,
    },
}

/// How images are kept in files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageForm {
    /// A folder in the layout of OCI.
    Layout,
    /// A tar of such a folder.
    OciArchive,
    /// What `docker save` writes.
    DockerArchive,
}

impl ImageForm {
    const ALL: [Self; 3] = [Self::Layout, Self::OciArchive, Self::DockerArchive];

    /// The word before the path, as skopeo has it too.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Layout => "oci",
            Self::OciArchive => "oci-archive",
            Self::DockerArchive => "docker-archive",
        }
    }
}

impl ImageSource {
    /// An image in a file; a path with a `:` would be read as a shorter path and a name.
    pub(crate) fn file(form: ImageForm, path: HostPath, name: Option<String>) -> Option<Self> {
        if path.as_str().contains(':') {
            return None;
        }
        let colon = if name.is_some() { ":" } else { "" };
        let text = format!(
            "{}:{path}{colon}{}",
            form.word(),
            name.as_deref().unwrap_or_default()
        );
        let place = ImagePlace::File { form, path, name };
        Some(Self { text, place })
    }

    /// The whole as text, with the absolute path of a file.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it lies.
    pub fn place(&self) -> &ImagePlace {
        &self.place
    }

    /// The digest, if one is written: then it always is the same image.
    pub fn digest(&self) -> Option<&str> {
        match &self.place {
            ImagePlace::Registry(reference) => reference.digest(),
            ImagePlace::File { .. } => None,
        }
    }
}

impl From<ImageReference> for ImageSource {
    fn from(reference: ImageReference) -> Self {
        Self {
            text: reference.to_string(),
            place: ImagePlace::Registry(reference),
        }
    }
}

impl fmt::Display for ImageSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// An image as a manifest writes it.
#[derive(Clone, Debug)]
pub(crate) enum WrittenImage {
    Registry(ImageReference),
    File {
        form: ImageForm,
        path: Location,
        name: Option<String>,
    },
}

/// Why a text is no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidImage {
    #[error("{0}")]
    Reference(#[from] InvalidImageReference),
    #[error("{0}")]
    Path(#[from] InvalidPath),
    #[error("the name after the path is not one")]
    Name,
}

const NAME_BYTES_MAX: usize = 128;

impl FromStr for WrittenImage {
    type Err = InvalidImage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = ImageForm::ALL.into_iter().find_map(|form| {
            let rest = text.strip_prefix(form.word())?.strip_prefix(':')?;
            Some((form, rest))
        });
        let Some((form, rest)) = form.filter(|_| !text.starts_with(ARTIFACT)) else {
            return Ok(Self::Registry(text.parse()?));
        };
        let (path, name) = match rest.split_once(':') {
            Some((path, name)) => (path, Some(name)),
            None => (rest, None),
        };
        if let Some(letter) = hidden(text) {
            return Err(InvalidPath::Hidden(letter).into());
        }
        let path = path.parse()?;
        if !name.is_none_or(is_name) {
            return Err(InvalidImage::Name);
        }
        let name = name.map(ToOwned::to_owned);
        Ok(Self::File { form, path, name })
    }
}

fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._/:@+-".contains(&b))
}

impl Teach for InvalidImage {
    fn code(&self) -> FaultCode {
        match self {
            Self::Reference(error) => error.code(),
            Self::Path(error) => error.code(),
            Self::Name => FaultCode::InvalidReference,
        }
    }

    fn help(&self) -> String {
        match self {
            Self::Reference(error) => error.help(),
            Self::Path(error) => error.help(),
            Self::Name => "a name is 1 to 128 letters, digits, and `.`, `_`, `/`, `:`, `@`, `+`, \
                           `-`; the path ends at the first `:`"
                .to_owned(),
        }
    }
}

impl Written for WrittenImage {
    const WHAT: &'static str = "a container image";
}

/// What a component in a registry starts with, which tells it from a path.
pub(crate) const ARTIFACT: &str = "oci://";

/// A component in a registry, as a manifest writes it.
#[derive(Clone, Debug)]
pub(crate) struct WrittenArtifact(pub(crate) ImageReference);

/// Why a text is no component in a registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidArtifact(InvalidImageReference);

impl FromStr for WrittenArtifact {
    type Err = InvalidArtifact;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let reference = text.strip_prefix(ARTIFACT).unwrap_or(text);
        reference.parse().map(Self).map_err(InvalidArtifact)
    }
}

impl Teach for InvalidArtifact {
    fn code(&self) -> FaultCode {
        self.0.code()
    }

    fn help(&self) -> String {
        let help = self.0.help();
        // What is proposed stands between backquotes, without what tells it from a path.
        match &self.0 {
            InvalidImageReference::Scheme(_)
            | InvalidImageReference::NoRegistry
            | InvalidImageReference::Unversioned(_) => {
                help.replacen('`', &format!("`{ARTIFACT}"), 1)
            }
            InvalidImageReference::Hidden(_)
            | InvalidImageReference::Name
            | InvalidImageReference::Tag
            | InvalidImageReference::Digest => help,
        }
    }
}

impl Written for WrittenArtifact {
    const WHAT: &'static str = "a component in a registry";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Result<&str, InvalidImage>) {
        let found = text.parse::<WrittenImage>().map(|image| match image {
            WrittenImage::Registry(reference) => reference.to_string(),
            WrittenImage::File { form, name, .. } => format!("{} {name:?}", form.word()),
        });
        assert_eq!(found, want.map(ToOwned::to_owned), "{text}");
    }

    #[test]
    fn a_path_with_a_colon_has_no_text() {
        let file = |path: &str, name: Option<&str>| {
            let name = name.map(ToOwned::to_owned);
            let source = ImageSource::file(ImageForm::Layout, path.parse().ok()?, name)?;
            Some(source.to_string())
        };
        assert_eq!(file("/a", None).as_deref(), Some("oci:/a"));
        assert_eq!(file("/a", Some("b:c")).as_deref(), Some("oci:/a:b:c"));
        assert_eq!(file("/a:b/c", None), None);
    }

    #[test]
    fn a_word_before_the_path_tells_the_form() {
        let no_registry = InvalidImage::Reference(InvalidImageReference::NoRegistry);
        check("r.example/a:1", Ok("r.example/a:1"));
        check("oci:notes", Ok("oci None"));
        check("oci:~/notes:1.2", Ok("oci Some(\"1.2\")"));
        check("oci:a:r.example/b:1", Ok("oci Some(\"r.example/b:1\")"));
        check("oci-archive:/a.tar", Ok("oci-archive None"));
        check("docker-archive:../a.tar", Ok("docker-archive None"));
        check("oci:", Err(InvalidImage::Path(InvalidPath::Empty)));
        check("oci::1", Err(InvalidImage::Path(InvalidPath::Empty)));
        check("oci:a/../b", Err(InvalidImage::Path(InvalidPath::Parent)));
        check(
            "oci:$HOME/a",
            Err(InvalidImage::Path(InvalidPath::Variable)),
        );
        check("oci:a:", Err(InvalidImage::Name));
        check("oci:a:b c", Err(InvalidImage::Name));
        check("oci", Err(no_registry));
        check(
            "oci://r.example/a:1",
            Err(InvalidImage::Reference(InvalidImageReference::Scheme(
                "r.example/a:1".to_owned(),
            ))),
        );
    }
}
