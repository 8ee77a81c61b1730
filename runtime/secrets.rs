//! Values of secrets: where they are looked for, and how a server gets them.
//!
//! Places are opened by other processes ([`reader`]), so that the supervisor holds the values that
//! its server gets and no others, and nothing of what took to find them.

mod file;
mod keyring;
pub(crate) mod place;
mod program;
pub(crate) mod reader;

use crate::exit::Exit;
use crate::launch::Given;
use crate::report::Refused;
use brig_policies::SecretName;
use brig_sandbox::cell::SECRETS_BYTES_MAX;
use brig_sandbox::component::GUEST_VARIABLE;
use brig_sandbox::plan::{Isolation, Plan, Value, secret_path};
use place::Places;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use thiserror::Error;
use zeroize::Zeroizing;

/// The shortest secret, in bytes. What is shorter stands in every other line of a log, and could
/// not be masked there.
pub(crate) const BYTES_MIN: usize = 4;
/// The longest, in bytes: as much as all secrets of one server together.
#[expect(clippy::cast_possible_truncation, reason = "it is some thousands")]
pub(crate) const BYTES_MAX: usize = SECRETS_BYTES_MAX as usize;

/// A secret's value. It cannot be printed, copied or serialised, and is overwritten when it is not
/// needed any more.
pub(crate) struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// A value, if it is one that can be passed on and masked.
    pub(crate) fn new(bytes: Zeroizing<Vec<u8>>) -> Result<Self, SecretError> {
        match bytes.len() {
            0..BYTES_MIN => Err(SecretError::Short),
            BYTES_MIN..=BYTES_MAX => Ok(Self(bytes)),
            _ => Err(SecretError::Long),
        }
    }

    /// The value, for whoever passes it on or looks for it in a log.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret")
    }
}

/// Why there is no value. Reads after "cannot".
#[derive(Debug, Error)]
pub(crate) enum SecretError {
    /// Fewer than [`BYTES_MIN`] bytes.
    #[error("use it: it is shorter than {BYTES_MIN} bytes, and could not be masked in a log")]
    Short,
    /// More than [`BYTES_MAX`] bytes.
    #[error("use it: it is longer than {BYTES_MAX} bytes")]
    Long,
    /// There is no keyring on this host, or none that answers.
    #[error("ask the keyring: {0}")]
    NoKeyring(String),
    /// The keyring refused.
    #[error("ask the keyring: {0}")]
    Keyring(String),
    /// A file cannot be read or written.
    #[error("{what} `{path}`: {source}")]
    File {
        /// Open, read or write.
        what: &'static str,
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Others could have written it, or can read the key in it.
    #[error("trust `{path}`: it is open to others (user {owner}, mode {mode:o})")]
    Open {
        /// The file.
        path: String,
        /// Whose it is.
        owner: u32,
        /// Its permissions.
        mode: u32,
    },
    /// It cannot be decrypted, or is not what brig wrote.
    #[error("open `{path}`: {reason}")]
    Closed {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// A program failed.
    #[error("ask `{program}`: {reason}")]
    Program {
        /// Its name.
        program: String,
        /// Why.
        reason: String,
    },
    /// What a reader told.
    #[error("{message}")]
    Told {
        /// As it reads after "cannot".
        message: String,
        /// What to do about it.
        help: String,
    },
    /// No place can be written to.
    #[error("keep it: {0}")]
    NoPlace(String),
}

impl SecretError {
    /// What to do about it.
    fn help(&self) -> String {
        match self {
            Self::Short | Self::Long => "`brig secret set` writes another".to_owned(),
            Self::NoKeyring(_) => "start a keyring, or name another place under `[[secrets]]` in \
                                   the settings; README describes them"
                .to_owned(),
            Self::Keyring(_) => "unlock the keyring; `brig secret test` asks it again".to_owned(),
            Self::File { path, .. } => format!("make `{path}` a file that you can use"),
            Self::Open { path, .. } => format!("`chmod 600 {path}`, as its owner"),
            Self::Closed { .. } => {
                "the identity has to be the one that it was encrypted for".to_owned()
            }
            Self::Program { .. } => {
                "run it by hand; `[[secrets]]` in the settings says what is run".to_owned()
            }
            Self::Told { help, .. } => help.clone(),
            Self::NoPlace(_) => {
                "list `keyring` or `file` under `[[secrets]]` in the settings".to_owned()
            }
        }
    }

    /// As a refusal, of the secret of this name where it is about one.
    pub(crate) fn refused(&self, name: Option<&str>) -> Refused {
        let message = match name {
            Some(name) => format!("the secret `{name}`: cannot {self}"),
            None => format!("cannot {self}"),
        };
        Refused::one(Exit::Secret, "secret-unreadable", message, &self.help())
    }
}

/// The secrets of one server, by name.
pub(crate) type Found = BTreeMap<String, Secret>;

/// Looks for every secret of a plan. All that are missing are told at once.
pub(crate) fn find(plan: &Plan) -> Result<Found, Refused> {
    let mut found = Found::new();
    let names: Vec<&String> = plan.environment.values().filter_map(named).collect();
    if names.is_empty() {
        return Ok(found);
    }
    let places = Places::of_settings()?;
    let mut missing = Vec::new();
    for name in names {
        if found.contains_key(name) || missing.contains(name) {
            continue;
        }
        match places.find(&parsed(name)?) {
            Ok(Some((secret, _))) => {
                found.insert(name.clone(), secret);
            }
            Ok(None) => missing.push(name.clone()),
            Err(error) => return Err(error.refused(Some(name))),
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    Err(absent(&missing, &places))
}

fn named(value: &Value) -> Option<&String> {
    match value {
        Value::Secret(name) | Value::SecretFile(name) => Some(name),
        Value::Literal(_) | Value::Host(_) => None,
    }
}

/// A plan's names were a manifest's.
fn parsed(name: &str) -> Result<SecretName, Refused> {
    name.parse()
        .map_err(|error: brig_policies::InvalidSecretName| {
            let message = format!("`{name}` is no secret's name: {error}");
            Refused::one(Exit::Failure, "secret-unreadable", message, "")
        })
}

/// Refuses for secrets that no place has.
pub(crate) fn absent(names: &[String], places: &Places) -> Refused {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let what = if let [name] = quoted.as_slice() {
        format!("the secret {name} is not there")
    } else {
        format!("the secrets {} are not there", quoted.join(", "))
    };
    let message = format!("{what}; asked for it: {}", places.listed());
    let sets: Vec<String> = names
        .iter()
        .map(|name| format!("`brig secret set {name}`"))
        .collect();
    let help = format!("{} keeps the value", sets.join(", then "));
    Refused::one(Exit::Secret, "secret-missing", message, &help)
}

/// What init is given: each variable of the plan that passes a secret, and each file once.
pub(crate) fn given(plan: &Plan, found: &Found) -> Result<Given, Refused> {
    let is_component = matches!(plan.isolation, Isolation::Component(_));
    let mut given = Given::with_room(2 * BYTES_MAX);
    let mut bytes = 0;
    let mut files = Vec::new();
    for (variable, value) in &plan.environment {
        let Some((name, secret)) = named(value).and_then(|name| found.get_key_value(name)) else {
            continue;
        };
        let text = secret.expose();
        match value {
            Value::Secret(_) => {
                fits_variable(name, text, is_component)?;
                let variable = if is_component {
                    format!("{GUEST_VARIABLE}{variable}")
                } else {
                    variable.clone()
                };
                given.variable(&variable, text);
            }
            Value::SecretFile(_) if files.contains(&name) => continue,
            Value::SecretFile(_) => {
                given.file(&secret_path(name), text);
                files.push(name);
            }
            Value::Literal(_) | Value::Host(_) => continue,
        }
        bytes += text.len();
    }
    if bytes > BYTES_MAX {
        let message = format!("the server's secrets are {bytes} bytes together");
        let help = format!("{BYTES_MAX} bytes is the most that a server gets");
        return Err(Refused::one(Exit::Secret, "secret-unfit", message, &help));
    }
    Ok(given)
}

/// A variable ends at its first NUL, and a component's is text.
fn fits_variable(name: &str, value: &[u8], is_component: bool) -> Result<(), Refused> {
    let why = if value.contains(&0) {
        "has a NUL, at which a variable ends"
    } else if is_component && std::str::from_utf8(value).is_err() {
        "is not UTF-8, as a component's variables are"
    } else {
        return Ok(());
    };
    let message = format!("the secret `{name}` {why}");
    let help = "write `as = \"file\"` beside it";
    Err(Refused::one(Exit::Secret, "secret-unfit", message, help))
}
