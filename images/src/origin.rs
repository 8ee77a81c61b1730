//! Where an image comes from, by what a manifest or a person writes.

use crate::fault::{Fault, ImageError};
use brig_policies::{ImageForm, ImagePlace, ImageReference, ImageSource};
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
    /// What `docker save` writes.
    DockerArchive {
        /// The tar.
        file: PathBuf,
        /// The image's tag in it, needed where it holds several.
        name: Option<String>,
    },
}

impl Origin {
    /// From text as `image = "…"` has it, or `component = "oci://…"`. A path ends at the first
    /// `:`, and starts at `base` unless it is absolute.
    pub fn parse(text: &str, base: &Path) -> Result<Self, ImageError> {
        let reference = text.strip_prefix("oci://");
        let forms = [
            ImageForm::Layout,
            ImageForm::OciArchive,
            ImageForm::DockerArchive,
        ];
        let file = forms.into_iter().find_map(|form| {
            let rest = text.strip_prefix(form.word())?.strip_prefix(':')?;
            Some((form, rest))
        });
        if let (None, Some((form, rest))) = (reference, file) {
            let (path, name) = match rest.split_once(':') {
                Some((path, name)) => (path, Some(name)),
                None => (rest, None),
            };
            if path.is_empty() || name.is_some_and(str::is_empty) {
                let fault = Fault::Reference("a path or a name in it is empty".to_owned());
                return Err(ImageError::new("read the reference", text, fault));
            }
            return Ok(Self::file(form, base.join(path), name));
        }
        let reference = reference.unwrap_or(text).parse();
        reference.map(Self::Registry).map_err(|error| {
            let fault = Fault::Reference(format!("{error}"));
            ImageError::new("read the reference", text, fault)
        })
    }

    fn file(form: ImageForm, file: PathBuf, name: Option<&str>) -> Self {
        let name = name.map(str::to_owned);
        match form {
            ImageForm::Layout => Self::Layout { folder: file, name },
            ImageForm::OciArchive => Self::OciArchive { file, name },
            ImageForm::DockerArchive => Self::DockerArchive { file, name },
        }
    }
}

impl From<&ImageSource> for Origin {
    fn from(source: &ImageSource) -> Self {
        match source.place() {
            ImagePlace::Registry(reference) => Self::Registry(reference.clone()),
            ImagePlace::File { form, path, name } => {
                Self::file(*form, PathBuf::from(path.as_str()), name.as_deref())
            }
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (form, path, name) = match self {
            Self::Registry(reference) => return out.write_str(reference.as_str()),
            Self::Layout { folder, name } => ("oci", folder, name.as_deref()),
            Self::OciArchive { file, name } => ("oci-archive", file, name.as_deref()),
            Self::DockerArchive { file, name } => ("docker-archive", file, name.as_deref()),
        };
        write!(out, "{form}:{}", path.display())?;
        name.map_or(Ok(()), |name| write!(out, ":{name}"))
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test fails by panicking"
    )]
    use super::*;
    use brig_policies::{Package, Places, Source};

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
        check("oci:a:r.example/b:1", "oci:/base/a:r.example/b:1");
        check("oci-archive:../n.tar:x", "oci-archive:/base/../n.tar:x");
        check("docker-archive:/n.tar:a:1", "docker-archive:/n.tar:a:1");
        check(
            "notes:1",
            "read the reference `notes:1`: it names no registry, and tools differ in which one \
             they take then; write it as the documentation of `image` shows",
        );
        for empty in ["oci:", "oci::x", "oci:a:"] {
            let want = format!("read the reference `{empty}`: a path or a name in it is empty");
            let found = Origin::parse(empty, Path::new("/base")).unwrap_err();
            assert!(found.to_string().starts_with(&want), "{found}");
        }
    }

    #[test]
    fn a_manifest_and_its_text_name_the_same() {
        let text = "brig = 1\n[server]\nname = \"x\"\nimage = \"oci:{config}/a:b/c:1\"\n";
        let places = Places {
            home: None,
            project: None,
            manifest_folder: "/m".to_owned(),
            own_folders: Vec::new(),
            manifest_path: "/m/brig.toml".to_owned(),
        };
        let policy = brig_policies::check(text, &places).unwrap();
        let Source::Package(Package::Image(image)) = policy.source() else {
            panic!("{:?}", policy.source());
        };
        let origin = Origin::from(image);
        assert_eq!(origin.to_string(), "oci:/m/a:b/c:1");
        assert_eq!(
            Origin::parse(image.as_str(), Path::new("/x")).unwrap(),
            origin
        );
    }
}
