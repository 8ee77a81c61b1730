//! The places that secrets come from, in the order of the settings.

use super::file::SecretFile;
use super::program::run;
use super::{BYTES_MAX, Secret, SecretError, keyring, reader};
use crate::places::{home_text, identity_path, secrets_path};
use crate::report::Refused;
use crate::settings;
use brig_policies::{OwnFile, SecretName, SecretNewline, SecretPlace, SecretSource, Settings};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long a place may take. A keyring may ask its user for a password meanwhile.
const PATIENCE: Duration = Duration::from_mins(1);
/// Bytes of a program's own words that are told where it fails.
const WORDS_BYTES_MAX: usize = 300;
/// What stands for the secret's name in a command.
const NAME: &str = "{secret}";

/// Where secrets are looked for.
#[derive(Debug)]
pub(crate) struct Places {
    places: Vec<Place>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Place {
    kind: Kind,
    source: Option<SecretSource>,
}

#[derive(Debug)]
enum Kind {
    Keyring {
        /// Whether it may be absent: nobody named it.
        unasked: bool,
    },
    File {
        path: PathBuf,
        identity: PathBuf,
    },
    Command {
        words: Vec<String>,
        newline: SecretNewline,
    },
    Variable(String),
}

impl Places {
    /// As this user's settings have them.
    pub(crate) fn of_settings() -> Result<Self, Refused> {
        let found = settings::find()?;
        Self::of(found.as_ref().map(|found| &found.settings)).map_err(|error| error.refused(None))
    }

    /// As these settings have them.
    pub(crate) fn of(settings: Option<&Settings>) -> Result<Self, SecretError> {
        let places = if let Some(sources) = settings.and_then(Settings::secrets) {
            sources.iter().map(Place::of).collect::<Result<_, _>>()?
        } else {
            let keyring = Kind::Keyring { unasked: true };
            let own = [keyring, own_file(None, None)?];
            own.map(|kind| Place { kind, source: None }).into()
        };
        Ok(Self { places })
    }

    /// The first value of this name, and where it was. A place that fails is not passed over: what
    /// comes after it could be another secret.
    pub(crate) fn find(&self, name: &SecretName) -> Result<Option<(Secret, &Place)>, SecretError> {
        for place in self
            .places
            .iter()
            .filter(|place| place.has_to_do_with(name))
        {
            if let Some(secret) = place.find(name)? {
                return Ok(Some((secret, place)));
            }
        }
        Ok(None)
    }

    /// The first that can keep secrets, or the first of this kind.
    pub(crate) fn to_keep(
        &self,
        name: &SecretName,
        kind: Option<&str>,
    ) -> Result<&Place, SecretError> {
        let mut fitting = self.places.iter().filter(|place| {
            place.keeps()
                && kind.is_none_or(|kind| place.kind() == kind)
                && place.has_to_do_with(name)
        });
        let found = fitting.find(|place| place.is_there());
        found.ok_or_else(|| SecretError::NoPlace(format!("{} keeps nothing new", self.listed())))
    }

    /// All of them, in order.
    pub(crate) fn all(&self) -> &[Place] {
        &self.places
    }

    /// As a message lists them.
    pub(crate) fn listed(&self) -> String {
        let names: Vec<String> = self.places.iter().map(Place::shown).collect();
        names.join(", then ")
    }
}

impl Place {
    fn of(source: &SecretSource) -> Result<Self, SecretError> {
        let kind = match source.place() {
            SecretPlace::Keyring => Kind::Keyring { unasked: false },
            SecretPlace::File { path, identity } => own_file(Some(path), identity.as_ref())?,
            SecretPlace::Command { words, newline } => Kind::Command {
                words: words.clone(),
                newline: *newline,
            },
            SecretPlace::Variable(name) => Kind::Variable(name.as_str().to_owned()),
        };
        let source = Some(source.clone());
        Ok(Self { kind, source })
    }

    /// The word of the settings for it.
    pub(crate) fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Keyring { .. } => "keyring",
            Kind::File { .. } => "file",
            Kind::Command { .. } => "command",
            Kind::Variable(_) => "variable",
        }
    }

    /// As a person reads it.
    pub(crate) fn shown(&self) -> String {
        match &self.kind {
            Kind::Keyring { .. } => "the keyring".to_owned(),
            Kind::File { path, .. } => format!("`{}`", path.display()),
            Kind::Command { words, .. } => {
                format!("the command `{}`", words.first().map_or("", String::as_str))
            }
            Kind::Variable(name) => format!("the variable `{name}`"),
        }
    }

    fn keeps(&self) -> bool {
        match self.kind {
            Kind::Keyring { .. } | Kind::File { .. } => true,
            Kind::Command { .. } | Kind::Variable(_) => false,
        }
    }

    /// A keyring that nobody named may be absent.
    fn is_there(&self) -> bool {
        match self.kind {
            Kind::Keyring { unasked: true } => {
                !matches!(keyring::names(), Err(SecretError::NoKeyring(_)))
            }
            Kind::Keyring { unasked: false }
            | Kind::File { .. }
            | Kind::Command { .. }
            | Kind::Variable(_) => true,
        }
    }

    fn has_to_do_with(&self, name: &SecretName) -> bool {
        self.source
            .as_ref()
            .is_none_or(|source| source.is_asked_for(name))
    }

    /// The value, if the place has one.
    fn find(&self, name: &SecretName) -> Result<Option<Secret>, SecretError> {
        let found =
            match &self.kind {
                Kind::Keyring { unasked } => {
                    let words = ["keyring", name.as_str()].map(OsString::from);
                    match read(&words) {
                        Err(SecretError::NoKeyring(_)) if *unasked => Ok(None),
                        read => read,
                    }
                }
                Kind::File { path, identity } => {
                    let (path, identity) = (path.into(), identity.into());
                    read(&["file".into(), path, identity, name.as_str().into()])
                }
                Kind::Command { words, newline } => asked(words, name, *newline).map(Some),
                Kind::Variable(variable) => Ok(std::env::var_os(variable)
                    .map(|value| Zeroizing::new(value.into_encoded_bytes()))),
            };
        found?.map(Secret::new).transpose()
    }

    /// Keeps a value there.
    pub(crate) fn set(&self, name: &SecretName, secret: &Secret) -> Result<(), SecretError> {
        match &self.kind {
            Kind::Keyring { .. } => keyring::set(name.as_str(), secret.expose()),
            Kind::File { path, identity } => {
                SecretFile::new(path, identity).set(name.as_str(), secret.expose())
            }
            Kind::Command { .. } | Kind::Variable(_) => Err(SecretError::NoPlace(self.shown())),
        }
    }

    /// Removes a value, where it is a place that brig writes to; whether there was one.
    pub(crate) fn remove(&self, name: &SecretName) -> Result<bool, SecretError> {
        match &self.kind {
            Kind::Keyring { unasked } => match keyring::remove(name.as_str()) {
                Err(SecretError::NoKeyring(_)) if *unasked => Ok(false),
                removed => removed,
            },
            Kind::File { path, identity } => SecretFile::new(path, identity).remove(name.as_str()),
            Kind::Command { .. } | Kind::Variable(_) => Ok(false),
        }
    }

    /// The names that it has, as far as it tells: of a command and a variable those that the
    /// settings give.
    pub(crate) fn names(&self) -> Result<Vec<String>, SecretError> {
        match &self.kind {
            Kind::Keyring { unasked } => match keyring::names() {
                Err(SecretError::NoKeyring(_)) if *unasked => Ok(Vec::new()),
                names => names,
            },
            Kind::File { path, identity } => SecretFile::new(path, identity).names(),
            Kind::Command { .. } | Kind::Variable(_) => {
                let names = self.source.as_ref().and_then(SecretSource::names);
                let names = names.unwrap_or_default().iter();
                Ok(names.map(|name| name.as_str().to_owned()).collect())
            }
        }
    }
}

/// A file of the settings, or brig's own.
fn own_file(path: Option<&OwnFile>, identity: Option<&OwnFile>) -> Result<Kind, SecretError> {
    let nowhere = || SecretError::NoPlace("neither XDG_DATA_HOME nor HOME is a path".to_owned());
    let home = home_text();
    let place = |file: Option<&OwnFile>, own: Option<PathBuf>| match file {
        Some(file) => file.place(home.as_deref()).map(PathBuf::from),
        None => own,
    };
    Ok(Kind::File {
        path: place(path, secrets_path()).ok_or_else(nowhere)?,
        identity: place(identity, identity_path()).ok_or_else(nowhere)?,
    })
}

/// Has a reader read a place.
fn read(words: &[OsString]) -> Result<Option<Zeroizing<Vec<u8>>>, SecretError> {
    let mut command = Command::new("/proc/self/exe");
    command.arg(reader::ARGUMENT).args(words);
    let told = run(command, PATIENCE).map_err(|error| SecretError::NoPlace(error.to_string()))?;
    // A brig that could not begin tells no help.
    let (message, help) = match told.errors.split(|byte| *byte == 0).collect::<Vec<_>>()[..] {
        [message, help] => (words_of(message), words_of(help)),
        _ => (words_of(&told.errors), String::new()),
    };
    match told.code {
        Some(0) => Ok(Some(told.output)),
        Some(code) if code == i32::from(reader::ABSENT) => Ok(None),
        Some(code) if code == i32::from(reader::NO_KEYRING) => {
            let reason = message
                .strip_prefix("ask the keyring: ")
                .unwrap_or(&message);
            Err(SecretError::NoKeyring(reason.to_owned()))
        }
        Some(_) | None => Err(SecretError::Told { message, help }),
    }
}

/// Asks a program of the user's.
fn asked(
    words: &[String],
    name: &SecretName,
    newline: SecretNewline,
) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let mut filled = words.iter().map(|word| word.replace(NAME, name.as_str()));
    let program = filled.next().unwrap_or_default();
    let failed = |reason: String| SecretError::Program {
        program: program.clone(),
        reason,
    };
    let mut command = Command::new(&program);
    command.args(filled);
    let mut told = run(command, PATIENCE).map_err(|error| failed(error.to_string()))?;
    if told.output.len() > BYTES_MAX + 1 {
        return Err(SecretError::Long);
    }
    match told.code {
        Some(0) => {
            if newline == SecretNewline::Cut && told.output.last() == Some(&b'\n') {
                told.output.pop();
            }
            Ok(told.output)
        }
        Some(code) => Err(failed(format!(
            "it exited with {code}: {}",
            words_of(&told.errors)
        ))),
        None => Err(failed("a signal ended it".to_owned())),
    }
}

fn words_of(errors: &[u8]) -> String {
    let words = errors.get(..WORDS_BYTES_MAX).unwrap_or(errors);
    crate::log::escape(words.trim_ascii())
}
