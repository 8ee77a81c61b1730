//! From JSON to a config: the shape first, then what each value means.

use super::{CONFIG_BYTES_MAX, Check, ConfigError, Healthcheck, Id, ImageConfig, User, Variable};
use serde::{Deserialize, de::IgnoredAny};
use std::collections::{BTreeMap, BTreeSet};

/// What of the JSON counts. Keys that are not here mean nothing to a container.
#[derive(Deserialize)]
struct Written {
    architecture: Option<Text>,
    variant: Option<Text>,
    os: Option<Text>,
    rootfs: WrittenRoot,
    config: Option<WrittenConfig>,
}

#[derive(Deserialize)]
struct WrittenRoot {
    #[serde(rename = "type")]
    kind: Text,
    diff_ids: Option<Vec<Text>>,
}

#[derive(Default, Deserialize)]
#[expect(
    clippy::zero_sized_map_values,
    reason = "a set is written as the keys of an object"
)]
#[serde(rename_all = "PascalCase")]
struct WrittenConfig {
    user: Option<Text>,
    working_dir: Option<Text>,
    env: Option<Vec<Text>>,
    entrypoint: Option<Words>,
    cmd: Option<Words>,
    shell: Option<Words>,
    volumes: Option<BTreeMap<Text, IgnoredAny>>,
    exposed_ports: Option<BTreeMap<Text, IgnoredAny>>,
    labels: Option<BTreeMap<Text, Text>>,
    stop_signal: Option<Text>,
    healthcheck: Option<WrittenCheck>,
    on_build: Option<Vec<Text>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WrittenCheck {
    test: Option<Vec<Text>>,
    interval: Option<u64>,
    timeout: Option<u64>,
    start_period: Option<u64>,
    retries: Option<u64>,
}

/// Old writers have one word where others have a list with one word.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    One(Text),
    Many(Vec<Text>),
}

impl Words {
    fn list(words: Option<Self>) -> Vec<String> {
        match words {
            None => Vec::new(),
            Some(Self::One(word)) => vec![word.0],
            Some(Self::Many(words)) => list(Some(words)),
        }
    }
}

/// A text without a zero byte: no word, variable or path can have one, and would be cut there.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(try_from = "String")]
struct Text(String);

impl TryFrom<String> for Text {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.contains('\0') {
            return Err("a text has a zero byte");
        }
        Ok(Self(text))
    }
}

pub(super) fn config(bytes: &[u8]) -> Result<ImageConfig, ConfigError> {
    if bytes.len() > CONFIG_BYTES_MAX {
        return Err(ConfigError::TooLarge);
    }
    let written: Written = serde_json::from_slice(bytes).map_err(ConfigError::Json)?;
    if written.rootfs.kind.0 != "layers" {
        return Err(wrong(
            "rootfs.type",
            &written.rootfs.kind.0,
            "is not `layers`",
        ));
    }
    let diff_ids = list(written.rootfs.diff_ids);
    let diff_id = |text: &String| {
        let parsed = text.parse();
        parsed.map_err(|_| wrong("rootfs.diff_ids", text, "is no SHA-256 digest"))
    };
    let wishes = written.config.unwrap_or_default();
    let labels = wishes.labels.unwrap_or_default().into_iter();
    Ok(ImageConfig {
        architecture: given("architecture", written.architecture)?,
        variant: some(written.variant),
        os: given("os", written.os)?,
        diff_ids: diff_ids.iter().map(diff_id).collect::<Result<_, _>>()?,
        user: some(wishes.user).as_deref().map(user).transpose()?,
        working_dir: some(wishes.working_dir),
        env: variables(list(wishes.env))?,
        entrypoint: Words::list(wishes.entrypoint),
        cmd: Words::list(wishes.cmd),
        shell: Words::list(wishes.shell),
        volumes: keys(wishes.volumes),
        exposed_ports: keys(wishes.exposed_ports),
        labels: labels.map(|(name, value)| (name.0, value.0)).collect(),
        stop_signal: some(wishes.stop_signal),
        healthcheck: wishes.healthcheck.map(healthcheck).transpose()?,
        on_build: list(wishes.on_build),
    })
}

/// Writers leave a text out, or write none.
fn some(text: Option<Text>) -> Option<String> {
    text.map(|text| text.0).filter(|text| !text.is_empty())
}

fn list(texts: Option<Vec<Text>>) -> Vec<String> {
    texts
        .unwrap_or_default()
        .into_iter()
        .map(|text| text.0)
        .collect()
}

#[expect(
    clippy::zero_sized_map_values,
    reason = "a set is written as the keys of an object"
)]
fn keys(set: Option<BTreeMap<Text, IgnoredAny>>) -> BTreeSet<String> {
    set.unwrap_or_default()
        .into_keys()
        .map(|text| text.0)
        .collect()
}

fn given(key: &'static str, text: Option<Text>) -> Result<String, ConfigError> {
    some(text).ok_or_else(|| wrong(key, "", "is needed"))
}

/// `USER` or `USER:GROUP`.
fn user(text: &str) -> Result<User, ConfigError> {
    let id = |part: &str| {
        if part.is_empty() {
            return Err(wrong("config.User", text, "has an empty part"));
        }
        if !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Id::Name(part.to_owned()));
        }
        let number = part.parse().ok();
        // The largest number stands for "leave it as it is" in the calls that take one.
        let number = number.filter(|number| *number != u32::MAX);
        let number = number.ok_or_else(|| wrong("config.User", text, "has too large a number"))?;
        Ok(Id::Number(number))
    };
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    Ok(User {
        user: id(user)?,
        group: group.map(id).transpose()?,
    })
}

fn variables(written: Vec<String>) -> Result<Vec<Variable>, ConfigError> {
    let variable = |text: String| match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok(Variable {
            name: name.to_owned(),
            value: value.to_owned(),
        }),
        Some(_) | None => Err(wrong("config.Env", &text, "is not `NAME=VALUE`")),
    };
    written.into_iter().map(variable).collect()
}

fn healthcheck(written: WrittenCheck) -> Result<Healthcheck, ConfigError> {
    let test = list(written.test);
    let check = match test.split_first() {
        None => Check::Inherited,
        Some((kind, words)) => match (kind.as_str(), words) {
            ("NONE", []) => Check::Off,
            ("CMD", [_, ..]) => Check::Exec(words.to_vec()),
            ("CMD-SHELL", [script]) => Check::Shell(script.clone()),
            _ => {
                return Err(wrong(
                    "config.Healthcheck.Test",
                    kind,
                    "starts no known check",
                ));
            }
        },
    };
    Ok(Healthcheck {
        check,
        interval_ns: written.interval.unwrap_or_default(),
        timeout_ns: written.timeout.unwrap_or_default(),
        start_period_ns: written.start_period.unwrap_or_default(),
        retries: written.retries.unwrap_or_default(),
    })
}

/// Characters of a value that a message has.
const SHOWN_CHARS_MAX: usize = 100;

fn wrong(key: &'static str, value: &str, what: &'static str) -> ConfigError {
    ConfigError::Value {
        key,
        value: value.chars().take(SHOWN_CHARS_MAX).collect(),
        what,
    }
}
