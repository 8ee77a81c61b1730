//! A place that secrets come from, in the settings.

use super::{Form, Key, Section, Takes, server};
use crate::fault::FaultCode;

/// The most places.
pub(crate) const SOURCES_MAX: usize = 16;
/// The most names that one place is kept to.
pub(crate) const NAMES_MAX: usize = 256;

pub(crate) const KEYRING: Key = Key::new(
    "keyring",
    Takes::Flag,
    "keyring = true",
    "The keyring of the desktop, over its Secret Service.",
)
.also(&["secret-service", "keychain", "libsecret", "kwallet"])
.refused("keyring = \"login\"", FaultCode::WrongType);

pub(crate) const FILE: Key = Key::new(
    "file",
    Takes::Text(Form::OwnFile),
    "file = \"~/secrets.age\"",
    "A file that is encrypted with age, as `brig secret set` writes it.",
)
.also(&["path", "age"])
.refused("file = \"{project}/secrets.age\"", FaultCode::InvalidPath);

pub(crate) const IDENTITY: Key = Key::new(
    "identity",
    Takes::Text(Form::OwnFile),
    "identity = \"~/key.txt\"",
    "The age identity that opens the file, as `age-keygen` writes one.",
)
.also(&["key", "key-file"])
.refused("identity = \"key.txt\"", FaultCode::InvalidPath)
.unless("`identity.txt` in the folder of the settings, which brig makes");

pub(crate) const COMMAND: Key = Key::new(
    "command",
    Takes::Command(server::ARGS_MAX),
    "command = [\"pass\", \"show\", \"mcp/{secret}\"]",
    "A program that writes the value to its standard output; `{secret}` stands for the name.",
)
.also(&["exec", "run", "program"])
.refused("command = \"pass show\"", FaultCode::WrongType);

pub(crate) const VARIABLE: Key = Key::new(
    "variable",
    Takes::Text(Form::Variable),
    "variable = \"GITHUB_TOKEN\"",
    "A variable of brig's own environment that has the value; it goes with `names`.",
)
.also(&["env", "host"])
.refused("variable = \"MY TOKEN\"", FaultCode::InvalidName);

pub(crate) const NAMES: Key = Key::new(
    "names",
    Takes::Texts(Form::Name, 1, NAMES_MAX),
    "names = [\"github\"]",
    "The only secrets that it is asked for.",
)
.also(&["name", "secrets", "only", "for", "secret"])
.refused("names = []", FaultCode::MissingKey)
.unless("every secret");

pub(crate) const NEWLINE: Key = Key::new(
    "newline",
    Takes::Word(&["keep", "cut"]),
    "newline = \"cut\"",
    "Whether one newline at the end of what a command writes belongs to the value.",
)
.also(&["trim", "strip"])
.refused("newline = \"trim\"", FaultCode::UnknownValue)
.unless("`keep`");

/// The keys that say which place it is, of which there is exactly one.
pub(crate) const PLACES: &[Key] = &[KEYRING, FILE, COMMAND, VARIABLE];

pub(crate) const SECTION: Section = Section {
    title: "[[secrets]]",
    keys: &[KEYRING, FILE, IDENTITY, COMMAND, VARIABLE, NAMES, NEWLINE],
    one_of: PLACES,
    whole: &["keyring = true"],
};
