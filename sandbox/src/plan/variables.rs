//! The variables of a server.

use crate::cell::SECRETS_FOLDER;
use brig_policies::{EnvValue, Policy, SecretForm};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The value of one variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// As written in the manifest.
    Literal(String),
    /// The host's variable of that name, where it is set.
    Host(String),
    /// The secret of that name. The value is in no plan: init gets it with its orders.
    Secret(String),
    /// The path of a file with the secret of that name.
    SecretFile(String),
}

/// Where a secret appears as a file in the cell.
pub fn secret_path(secret: &str) -> String {
    format!("{SECRETS_FOLDER}/{secret}")
}

/// The variables of a policy, the secrets among them.
pub(super) fn environment(policy: &Policy) -> BTreeMap<String, Value> {
    let value = |value: &EnvValue| match value {
        EnvValue::Literal(text) => Value::Literal(text.clone()),
        EnvValue::Host(name) => Value::Host(name.as_str().to_owned()),
    };
    let plain = policy.env().iter();
    let plain = plain.map(|(name, v)| (name.as_str().to_owned(), value(v)));
    let secrets = policy.secrets().iter().map(|(name, grant)| {
        let secret = grant.secret().as_str().to_owned();
        let value = match grant.form() {
            SecretForm::Env => Value::Secret(secret),
            SecretForm::File => Value::SecretFile(secret),
        };
        (name.as_str().to_owned(), value)
    });
    plain.chain(secrets).collect()
}
