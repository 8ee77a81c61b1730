//! `[[secrets]]`: where the values of secrets come from.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::str::FromStr;

use crate::fault::{FaultCode, Findings, Told};
use crate::grammar::secrets::{
    COMMAND, FILE, IDENTITY, KEYRING, NAMES, NAMES_MAX, NEWLINE, PLACES, SECTION, SOURCES_MAX,
    VARIABLE,
};
use crate::grammar::{Key, settings::SECRETS};
use crate::manifest::entries::{Entries, Found, flag, parsed, tell_wrong_type};
use crate::manifest::lists::{OneOf, list, one_of, tables, word};
use crate::manifest::server::read_args;
use crate::manifest::{Entry, Teach, Written};
use crate::name::{EnvName, SecretName};
use crate::path::{InvalidPath, Location};
use crate::places::Places;

/// A place that secrets come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSource {
    place: SecretPlace,
    names: Option<Vec<SecretName>>,
}

/// Which place it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretPlace {
    /// The desktop's keyring.
    Keyring,
    /// A file that is encrypted with age.
    File {
        /// The file: it starts at `/` or `~`.
        path: OwnFile,
        /// The identity that opens it; none where brig's own does.
        identity: Option<OwnFile>,
    },
    /// A program that writes the value to its standard output.
    Command {
        /// The program and its arguments, in which `{secret}` stands for the name.
        words: Vec<String>,
        /// What becomes of a newline at the end.
        newline: SecretNewline,
    },
    /// A variable of brig's own environment.
    Variable(EnvName),
}

/// What becomes of one newline at the end of what a program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretNewline {
    /// It is part of the value.
    Kept,
    /// It is not.
    Cut,
}

impl SecretSource {
    /// Which place it is.
    pub fn place(&self) -> &SecretPlace {
        &self.place
    }

    /// Whether it is asked for the secret of this name.
    pub fn is_asked_for(&self, name: &SecretName) -> bool {
        self.names.as_ref().is_none_or(|names| names.contains(name))
    }

    /// The only secrets that it is asked for; none where it is asked for every one.
    pub fn names(&self) -> Option<&[SecretName]> {
        self.names.as_deref()
    }
}

pub(super) fn read(
    top: &Entries<'_>,
    findings: &mut Findings,
) -> Result<Option<Vec<SecretSource>>, Told> {
    if top.get(&SECRETS).is_none() {
        return Ok(None);
    }
    let entries = tables(top, &SECRETS, SOURCES_MAX, &SECTION, findings);
    let read: Vec<_> = entries.iter().map(|one| read_one(one, findings)).collect();
    if read.is_empty()
        && let Some(told) = findings.recovering()
    {
        return Err(told);
    }
    read.into_iter().collect::<Result<_, _>>().map(Some)
}

fn read_one(entries: &Entries<'_>, findings: &mut Findings) -> Result<SecretSource, Told> {
    let names = entries.optional(&NAMES, findings, |found, key, findings| {
        list::<SecretName>(found, key, 1, NAMES_MAX, findings)
    });
    let place = read_place(entries, findings);
    let names = names?.map(|written| written.value);
    let place = place?;
    if matches!(place, SecretPlace::Variable(_)) && names.as_ref().map(Vec::len) != Some(1) {
        let message =
            "a variable has one secret's value, and `names` does not say whose".to_owned();
        let help = "write `names = [\"NAME\"]` beside it, with one name".to_owned();
        return Err(findings.tell(FaultCode::MissingKey, entries.header(), message, help));
    }
    Ok(SecretSource { place, names })
}

/// The place of an entry.
const PLACE: OneOf = OneOf {
    keys: PLACES,
    nothing: "where secrets come from",
    entry: SECTION.title,
};

/// The one place of an entry. Whatever is written is read, so that all faults are told.
fn read_place(entries: &Entries<'_>, findings: &mut Findings) -> Result<SecretPlace, Told> {
    let identity = entries.optional(&IDENTITY, findings, parsed::<OwnFile>);
    let newline = entries.optional(&NEWLINE, findings, |found, key, findings| {
        let words = [("keep", SecretNewline::Kept), ("cut", SecretNewline::Cut)];
        word(found, key, &words, "what becomes of a newline", findings)
    });
    let (name, place) = one_of(entries, &PLACE, findings, place)?;
    goes_with(entries, &IDENTITY, &identity, FILE.name, name, findings)?;
    goes_with(entries, &NEWLINE, &newline, COMMAND.name, name, findings)?;
    let (given, cut) = (identity?, newline?);
    Ok(match place? {
        SecretPlace::File { path, identity: _ } => SecretPlace::File {
            path,
            identity: given.map(|written| written.value),
        },
        SecretPlace::Command { words, newline: _ } => SecretPlace::Command {
            words,
            newline: cut.map_or(SecretNewline::Kept, |written| written.value),
        },
        other @ (SecretPlace::Keyring | SecretPlace::Variable(_)) => other,
    })
}

/// A key that says something of one place stands beside no other.
fn goes_with<T>(
    entries: &Entries<'_>,
    key: &Key,
    written: &Entry<T>,
    with: &str,
    place: &str,
    findings: &mut Findings,
) -> Result<(), Told> {
    match (written, entries.span_of(key)) {
        (Ok(Some(_)), Some(span)) if with != place => {
            let message = format!("`{}` goes with `{with}`, and this is `{place}`", key.name);
            let help = "leave it out".to_owned();
            Err(findings.tell(FaultCode::Contradiction, span, message, help))
        }
        (Ok(_) | Err(_), _) => Ok(()),
    }
}

fn place(found: Found<'_>, key: &Key, findings: &mut Findings) -> Result<SecretPlace, Told> {
    match key.name {
        name if name == KEYRING.name => {
            if flag(found, key, findings)? {
                return Ok(SecretPlace::Keyring);
            }
            let message = "`keyring = false` is no place".to_owned();
            let help = "leave the entry out: a place that is not listed is not asked";
            let code = FaultCode::Contradiction;
            Err(findings.tell(code, found.span(), message, help.to_owned()))
        }
        name if name == FILE.name => Ok(SecretPlace::File {
            path: parsed::<OwnFile>(found, key, findings)?,
            identity: None,
        }),
        name if name == VARIABLE.name => {
            parsed::<EnvName>(found, key, findings).map(SecretPlace::Variable)
        }
        _ => {
            let words = read_args(found, key, findings)?;
            if words.first().is_none_or(String::is_empty) {
                let takes = "the program and its arguments";
                return Err(tell_wrong_type(found, key, takes, findings));
            }
            Ok(SecretPlace::Command {
                words,
                newline: SecretNewline::Kept,
            })
        }
    }
}

/// A file that whoever sets this host up chooses: an absolute path, or one that starts at `~`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnFile {
    written: String,
    location: Location,
}

impl OwnFile {
    /// As it is written.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The path; none where `~` stands for nothing.
    pub fn place(&self, home: Option<&str>) -> Option<String> {
        let places = Places {
            home: home.map(str::to_owned),
            project: None,
            manifest_folder: String::new(),
            own_folders: Vec::new(),
            manifest_path: String::new(),
        };
        let path = self.location.place(&places).ok()?;
        Some(path.as_str().to_owned())
    }
}

/// Why a text is not an [`OwnFile`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOwnFile {
    /// Not a path.
    #[error(transparent)]
    Path(#[from] InvalidPath),
    /// It depends on the manifest or the project.
    #[error("it depends on which manifest or project is run, and so would be theirs to choose")]
    Theirs,
}

impl FromStr for OwnFile {
    type Err = InvalidOwnFile;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let location: Location = text.parse()?;
        if text.starts_with('{') {
            return Err(InvalidOwnFile::Theirs);
        }
        if !location.is_anchored() {
            return Err(InvalidPath::NotAbsolute.into());
        }
        let written = text.to_owned();
        Ok(Self { written, location })
    }
}

impl Teach for InvalidOwnFile {
    fn code(&self) -> FaultCode {
        match self {
            Self::Path(error) => error.code(),
            Self::Theirs => FaultCode::InvalidPath,
        }
    }

    fn help(&self) -> String {
        const STARTS: &str = "start it with `/` or `~`";
        match self {
            Self::Theirs
            | Self::Path(
                InvalidPath::NotAbsolute | InvalidPath::Variable | InvalidPath::Placeholder,
            ) => STARTS.to_owned(),
            Self::Path(error) => error.help(),
        }
    }
}

impl Written for OwnFile {
    const WHAT: &'static str = "a file of this host";
}
