//! `brig secret`: values are kept, listed by name, removed and looked for, and never printed.

use super::arguments::{SecretCommand, SetSecret};
use super::print;
use crate::consent::Terminal;
use crate::exit::Exit;
use crate::log::escape;
use crate::report::Refused;
use crate::secrets::place::Places;
use crate::secrets::{BYTES_MAX, Secret, SecretError, absent};
use brig_policies::{InvalidSecretName, SecretName};
use serde_json::json;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Read as _};
use zeroize::Zeroizing;

pub(super) fn secret(given: &SecretCommand) -> Result<Exit, Refused> {
    match given {
        SecretCommand::Set(given) => set(given),
        SecretCommand::Ls { json } => list(*json),
        SecretCommand::Rm { names } => remove(names),
        SecretCommand::Test { names, json } => test(names, *json),
    }
}

fn set(given: &SetSecret) -> Result<Exit, Refused> {
    let name = parsed(&given.name)?;
    let about = |error: SecretError| error.refused(Some(name.as_str()));
    let places = Places::of_settings()?;
    let kind = given.place.map(|place| place.word());
    // Before the value is asked for.
    let place = places.to_keep(&name, kind).map_err(about)?;
    let value = value(&name)?;
    let secret = Secret::new(value).map_err(about)?;
    place.set(&name, &secret).map_err(about)?;
    let mut told = format!(
        "`{name}` is kept in {}: {}\n",
        escape(place.shown().as_bytes()),
        size(&secret)
    );
    let found = places.find(&name).map_err(about)?;
    if let Some((_, first)) = found.filter(|(first, _)| first.expose() != secret.expose()) {
        // Writing to a String cannot fail.
        let _ = writeln!(
            told,
            "but {} has another value, and comes first",
            escape(first.shown().as_bytes())
        );
    }
    print(&told)
}

fn value(name: &SecretName) -> Result<Zeroizing<Vec<u8>>, Refused> {
    let refused = |message: String, help: &str| {
        Refused::one(Exit::Secret, "secret-unreadable", message, help)
    };
    let input = std::io::stdin();
    if !input.is_terminal() {
        let mut value = Zeroizing::new(Vec::with_capacity(BYTES_MAX + 2));
        let read = input
            .lock()
            .take(BYTES_MAX as u64 + 1)
            .read_to_end(&mut value);
        read.map_err(|error| refused(format!("cannot read the value: {error}"), ""))?;
        return Ok(value);
    }
    let mut terminal = Terminal::open().ok_or_else(|| {
        let help = "write the value to its standard input";
        refused("there is no terminal to ask at".to_owned(), help)
    })?;
    let asked = terminal.ask_hidden(&format!("Value of `{name}` (it is not shown): "), BYTES_MAX);
    match asked {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(refused("nothing was kept".to_owned(), "")),
        Err(error) => Err(refused(format!("cannot ask for the value: {error}"), "")),
    }
}

fn list(json: bool) -> Result<Exit, Refused> {
    let places = Places::of_settings()?;
    let mut rows = Vec::new();
    for place in places.all() {
        let names = place.names().map_err(|error| error.refused(None))?;
        rows.push((place, names));
    }
    if json {
        let rows = rows.iter().map(|(place, names)| {
            json!({ "place": place.kind(), "is": place.shown(), "secrets": names })
        });
        return print(&format!("{:#}\n", rows.collect::<serde_json::Value>()));
    }
    let mut out = String::new();
    for (place, names) in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", escape(place.shown().as_bytes()));
        for name in &names {
            let _ = writeln!(out, "  {}", escape(name.as_bytes()));
        }
        if names.is_empty() {
            let _ = writeln!(out, "  (none that it tells)");
        }
    }
    print(&out)
}

fn remove(names: &[String]) -> Result<Exit, Refused> {
    let names: Vec<SecretName> = names
        .iter()
        .map(|name| parsed(name))
        .collect::<Result<_, _>>()?;
    let places = Places::of_settings()?;
    let mut missing = Vec::new();
    for name in &names {
        let mut was_there = false;
        for place in places.all() {
            was_there |= place
                .remove(name)
                .map_err(|error| error.refused(Some(name.as_str())))?;
        }
        if !was_there {
            missing.push(name.to_string());
        }
    }
    if missing.is_empty() {
        return Ok(Exit::Success);
    }
    Err(absent(&missing, &places))
}

fn test(names: &[String], json: bool) -> Result<Exit, Refused> {
    let places = Places::of_settings()?;
    let (mut rows, mut missing) = (Vec::new(), Vec::new());
    for name in names {
        let name = parsed(name)?;
        let found = places
            .find(&name)
            .map_err(|error| error.refused(Some(name.as_str())))?;
        match found {
            Some((secret, place)) => rows.push((name, secret, place)),
            None => missing.push(name.to_string()),
        }
    }
    if !missing.is_empty() {
        return Err(absent(&missing, &places));
    }
    if json {
        let rows = rows.iter().map(|(name, secret, place)| {
            let value = secret.expose();
            json!({
                "secret": name.as_str(), "place": place.kind(), "is": place.shown(),
                "bytes": value.len(), "ends-with-newline": value.last() == Some(&b'\n'),
            })
        });
        return print(&format!("{:#}\n", rows.collect::<serde_json::Value>()));
    }
    let lines = rows.iter().map(|(name, secret, place)| {
        let place = escape(place.shown().as_bytes());
        format!("`{name}` is in {place}: {}\n", size(secret))
    });
    print(&lines.collect::<String>())
}

/// What may be told of a value. A newline at its end is in the way more often than not.
fn size(secret: &Secret) -> String {
    let value = secret.expose();
    let newline = if value.last() == Some(&b'\n') {
        ", the last of them a newline"
    } else {
        ""
    };
    format!("{} bytes{newline}", value.len())
}

fn parsed(name: &str) -> Result<SecretName, Refused> {
    name.parse().map_err(|error: InvalidSecretName| {
        let message = format!("`{}` is no secret's name: {error}", escape(name.as_bytes()));
        let help = "use 1 to 64 of a-z, 0-9, `-`, `_` and `.`";
        Refused::one(Exit::Usage, "invalid-name", message, help)
    })
}
