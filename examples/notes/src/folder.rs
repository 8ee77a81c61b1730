//! A folder of notes. Nothing here follows a name out of it.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

/// A folder whose `.md` files are notes.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

/// The name of a note: letters, digits, `-`, `_` and blanks, so that it cannot leave the folder.
///
/// Whoever trusts the server's manners needs this check. Its manifest does not: there is nothing
/// outside the folders to be reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name(String);

/// Why a note cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("a note's name is made of letters, digits, `-`, `_` and blanks, and `{0}` is not")]
    Name(String),
    #[error("cannot list the notes: {0}")]
    List(#[source] io::Error),
    #[error("cannot read the note `{0}`: {1}")]
    Read(Name, #[source] io::Error),
    #[error("cannot write the note `{0}`: {1}")]
    Write(Name, #[source] io::Error),
}

impl Folder {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// The names of all notes, in no order.
    pub(crate) fn names(&self) -> Result<Vec<Name>, Unusable> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(Unusable::List)? {
            let file = entry.map_err(Unusable::List)?.file_name();
            let stem = file.to_str().and_then(|file| file.strip_suffix(".md"));
            names.extend(stem.and_then(|stem| stem.parse().ok()));
        }
        Ok(names)
    }

    pub(crate) fn has(&self, name: &Name) -> bool {
        self.path(name).is_file()
    }

    pub(crate) fn read(&self, name: &Name) -> Result<String, Unusable> {
        fs::read_to_string(self.path(name)).map_err(|error| Unusable::Read(name.clone(), error))
    }

    pub(crate) fn write(&self, name: &Name, text: &str) -> Result<(), Unusable> {
        fs::write(self.path(name), text).map_err(|error| Unusable::Write(name.clone(), error))
    }

    fn path(&self, name: &Name) -> PathBuf {
        self.0.join(format!("{name}.md"))
    }
}

impl FromStr for Name {
    type Err = Unusable;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
        let good = !text.is_empty() && text.chars().all(allowed);
        if good {
            Ok(Self(text.into()))
        } else {
            Err(Unusable::Name(text.into()))
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, good: bool) {
        assert_eq!(text.parse::<Name>().is_ok(), good, "{text:?}");
    }

    #[test]
    fn a_name_cannot_leave_the_folder() {
        check("groceries", true);
        check("Zürich 2026_a-b", true);
        for text in [
            "",
            "..",
            "../secret",
            "/etc/passwd",
            "a.b",
            "a\\b",
            "a\nb",
            "a\0b",
        ] {
            check(text, false);
        }
    }
}
