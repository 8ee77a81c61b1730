//! The desktop's keyring, over the Secret Service (freedesktop.org, Secret Service API 0.2): the
//! items that have `application` brig and `secret` a name.

use super::SecretError;
use secret_service::blocking::{Item, SecretService};
use secret_service::{EncryptionType, Error};
use std::collections::HashMap;
use zeroize::Zeroizing;

const APPLICATION: (&str, &str) = ("application", "brig");
const NAME: &str = "secret";

/// The value of this name, exactly as it was kept.
pub(super) fn get(name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, SecretError> {
    let service = service()?;
    let found = search(&service, attributes(name))?;
    let Some(item) = found.first() else {
        return Ok(None);
    };
    item.ensure_unlocked().map_err(failed)?;
    Ok(Some(Zeroizing::new(item.get_secret().map_err(failed)?)))
}

/// Keeps a value in the default collection, in the place of one of the same name.
pub(super) fn set(name: &str, value: &[u8]) -> Result<(), SecretError> {
    let service = service()?;
    let collection = service.get_default_collection().map_err(failed)?;
    collection.ensure_unlocked().map_err(failed)?;
    let label = format!("brig: {name}");
    let kind = "application/octet-stream";
    collection
        .create_item(&label, attributes(name), value, true, kind)
        .map_err(failed)?;
    Ok(())
}

/// Removes a value; whether there was one.
pub(super) fn remove(name: &str) -> Result<bool, SecretError> {
    let service = service()?;
    let found = search(&service, attributes(name))?;
    for item in &found {
        item.delete().map_err(failed)?;
    }
    Ok(!found.is_empty())
}

/// The names that it has.
pub(super) fn names() -> Result<Vec<String>, SecretError> {
    let service = service()?;
    let found = search(&service, HashMap::from([APPLICATION]))?;
    let mut names = Vec::new();
    for item in found {
        names.extend(item.get_attributes().map_err(failed)?.remove(NAME));
    }
    names.sort();
    Ok(names)
}

fn attributes(name: &str) -> HashMap<&str, &str> {
    HashMap::from([APPLICATION, (NAME, name)])
}

/// A session with the service, whose messages carry secrets encrypted.
fn service() -> Result<SecretService<'static>, SecretError> {
    SecretService::connect(EncryptionType::Dh)
        .map_err(|error| SecretError::NoKeyring(error.to_string()))
}

fn search<'s>(
    service: &'s SecretService<'s>,
    attributes: HashMap<&str, &str>,
) -> Result<Vec<Item<'s>>, SecretError> {
    let found = service.search_items(attributes).map_err(failed)?;
    Ok(found.unlocked.into_iter().chain(found.locked).collect())
}

fn failed(error: Error) -> SecretError {
    SecretError::Keyring(error.to_string())
}
