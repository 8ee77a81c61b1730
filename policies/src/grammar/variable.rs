//! The table that a variable's value may be.

use super::{Form, Key, Section, Takes};
use crate::fault::FaultCode;

/// The most variables.
pub(crate) const VARIABLES_MAX: usize = 1024;

pub(crate) const HOST: Key = Key::new(
    "host",
    Takes::Text(Form::Variable),
    "TZ = { host = \"TZ\" }",
    "The variable of this host whose value is passed on.",
)
.also(&["from", "name", "env"])
.refused(
    "TOKEN = { host = \"LD_PRELOAD\" }",
    FaultCode::RefusedVariable,
);

pub(crate) const SECRET: Key = Key::new(
    "secret",
    Takes::Text(Form::Name),
    "TOKEN = { secret = \"github\" }",
    "The secret, by the name that it has in brig's store, whose value is passed.",
)
.also(&["keyring", "password"])
.refused("TOKEN = { secret = \"My Key\" }", FaultCode::InvalidName);

pub(crate) const AS: Key = Key::new(
    "as",
    Takes::Word(&["env", "file"]),
    "KEY_FILE = { secret = \"key\", as = \"file\" }",
    "Whether the variable holds the secret, or the path of a file that does.",
)
.refused(
    "KEY = { host = \"KEY\", as = \"file\" }",
    FaultCode::Contradiction,
)
.unless("`env`");

pub(crate) const SECTION: Section = Section {
    title: "a variable's value",
    keys: &[HOST, SECRET, AS],
    one_of: &[HOST, SECRET],
    whole: &[],
};
