//! What an image asks for, and what it gets. An image is the word of whoever built it: a wish like
//! any other, and each part is granted or not by one function here.
//!
//! The wishes are those of the image configuration (OCI image specification, config.md).

use crate::cell::{GrantKind, within};
use crate::plan::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The configuration of an image, as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// `User`: a name or number, and a group after a colon.
    pub user: Option<String>,
    /// `WorkingDir`.
    pub directory: Option<String>,
    /// `Env`, in its order.
    pub env: Vec<(String, String)>,
    /// `Entrypoint`.
    pub entrypoint: Vec<String>,
    /// `Cmd`.
    pub cmd: Vec<String>,
    /// `Volumes`.
    pub volumes: Vec<String>,
    /// `ExposedPorts`.
    pub ports: Vec<String>,
    /// `Healthcheck` is there.
    pub health: bool,
    /// `StopSignal`.
    pub stop_signal: Option<String>,
    /// How many `OnBuild` instructions are left over.
    pub on_build: usize,
}

/// An image that lies unpacked on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// As the manifest names it.
    pub reference: String,
    /// Its manifest's digest.
    pub digest: String,
    /// Canonical path of the folder in which it is unpacked.
    pub root: String,
    /// Its configuration.
    pub wish: Wish,
    /// Its `/etc/passwd` and `/etc/group`, where it has them.
    pub accounts: [Option<String>; 2],
    /// Where its program lies in it, found on the path that [`search_path`] tells.
    pub program: Option<String>,
    /// What lies at its top, links left out, by names that are text.
    pub top: BTreeMap<String, GrantKind>,
    /// The same of each of its folders on the way to a grant, by path.
    #[serde(default)]
    pub beside: BTreeMap<String, BTreeMap<String, GrantKind>>,
    /// Whether its working directory is there.
    pub has_directory: bool,
    /// What stands at a path of the image that the cell wants for something else: each is no
    /// directory. The paths are those of the grants and of brig's own places, and all above them.
    pub stands: BTreeMap<String, Stands>,
}

/// Something in an image that is no directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stands {
    /// A file.
    File,
    /// A symbolic link, with where it leads.
    Link(String),
    /// A directory. It is told of a grant's own place alone.
    Directory,
}

/// One wish and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The wish, in the words of a Dockerfile.
    pub asks: String,
    /// What it gets.
    pub gets: String,
}

/// Where programs are looked for unless the image or the manifest says so.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Variables by which the loader runs other code than the program's (ld.so(8)).
const LOADER: &str = "LD_";
/// SIGTERM (signal(7)).
pub const SIGTERM: u8 = 15;

/// The program and its arguments: the entry point, then the manifest's `args`, or `CMD` where the
/// manifest has none. `None` where all three are empty.
pub fn arguments(wish: &Wish, args: &[String]) -> Option<Vec<String>> {
    let rest = if args.is_empty() { &wish.cmd } else { args };
    let all: Vec<String> = wish.entrypoint.iter().chain(rest).cloned().collect();
    (!all.is_empty()).then_some(all)
}

/// The path on which a program without a slash is looked for.
pub fn search_path<'a>(wish: &'a Wish, manifests: Option<&'a str>) -> &'a str {
    let wished = || {
        let mut of_image = wish.env.iter().rev();
        of_image.find(|(name, _)| name == "PATH")
    };
    manifests
        .or_else(|| wished().map(|(_, value)| value.as_str()))
        .unwrap_or(PATH)
}

/// The folder in which the program starts, absolute.
pub fn directory(wish: &Wish) -> String {
    match wish.directory.as_deref() {
        None | Some("") => "/".to_owned(),
        Some(path) => clean(path),
    }
}

/// A path without `.`, `..`, and doubled slashes, as if it began at the root.
pub fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The whole environment: the image's, over it the manifest's, and what no program can do without.
pub fn environment(
    wish: &Wish,
    accounts: &[Option<String>; 2],
    manifests: BTreeMap<String, Value>,
) -> BTreeMap<String, Value> {
    let literal = |text: &str| Value::Literal(text.to_owned());
    let mut environment = BTreeMap::from([
        ("PATH".to_owned(), literal(PATH)),
        ("HOME".to_owned(), literal(&home(wish, accounts))),
    ]);
    let kept = wish.env.iter().filter(|(name, _)| is_kept(name));
    environment.extend(kept.map(|(name, value)| (name.clone(), literal(value))));
    environment.extend(manifests);
    environment
}

fn is_kept(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(LOADER)
}

/// Programs look into the home of the user for which the image was made. Nothing else may be
/// written, so without one it is where they can.
fn home(wish: &Wish, accounts: &[Option<String>; 2]) -> String {
    let named = wish.user.as_deref().and_then(|user| user.split(':').next());
    let home = named
        .filter(|name| !matches!(*name, "" | "0" | "root"))
        .and_then(|user| {
            let lines = accounts[0].as_deref()?.lines();
            let mut accounts = lines.map(|line| line.split(':').collect::<Vec<&str>>());
            let own = accounts
                .find(|fields| fields.len() >= 6 && (fields[0] == user || fields[2] == user))?;
            own.get(5)
                .filter(|home| home.starts_with('/'))
                .map(|home| clean(home))
        });
    home.filter(|home| home != "/")
        .unwrap_or_else(|| "/tmp".to_owned())
}

/// The signal that asks the program to end: the one of `STOPSIGNAL`, by number or name.
pub fn stop_signal(wish: &Wish) -> u8 {
    let named = wish.stop_signal.as_deref().and_then(signal);
    named
        .filter(|number| !matches!(number, 9 | 19))
        .unwrap_or(SIGTERM)
}

fn signal(text: &str) -> Option<u8> {
    if let Ok(number) = text.parse::<u8>() {
        return (1..=64).contains(&number).then_some(number);
    }
    let name = text.to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    if let Some(more) = name.strip_prefix("RTMIN+") {
        return more
            .parse::<u8>()
            .ok()
            .filter(|more| *more <= 30)
            .map(|more| 34 + more);
    }
    let known = SIGNALS.iter().find(|(known, _)| *known == name)?;
    Some(known.1)
}

/// signal(7), with the numbers that x86 and ARM share.
const SIGNALS: &[(&str, u8)] = &[
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("KILL", 9),
    ("USR1", 10),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("CONT", 18),
    ("STOP", 19),
    ("WINCH", 28),
    ("PWR", 30),
];

/// Every wish of the image with what became of it, for those who review a plan.
pub fn answers(wish: &Wish, granted: &[&str], inside: u32) -> Vec<Answered> {
    let mut all = Vec::new();
    let mut tell = |asks: String, gets: String| all.push(Answered { asks, gets });
    if let Some(user) = wish.user.as_deref().filter(|user| !user.is_empty()) {
        tell(
            format!("USER {user}"),
            format!("runs as {inside}, as every server does"),
        );
    }
    if let Some(path) = wish.directory.as_deref().filter(|path| !path.is_empty()) {
        tell(
            format!("WORKDIR {path}"),
            format!("starts in {}", directory(wish)),
        );
    }
    for (name, value) in &wish.env {
        if !is_kept(name) {
            let why = "left out: the loader would run other code by it";
            tell(format!("ENV {name}={value}"), why.to_owned());
        }
    }
    for volume in &wish.volumes {
        let at = clean(volume);
        let covered = granted.iter().any(|grant| within(&at, grant));
        let gets = if covered {
            "what the manifest grants there".to_owned()
        } else {
            format!("read-only: a `[[files]]` entry with `at = \"{at}\"` would grant it")
        };
        tell(format!("VOLUME {volume}"), gets);
    }
    for port in &wish.ports {
        tell(
            format!("EXPOSE {port}"),
            "nothing: the client speaks over stdio".to_owned(),
        );
    }
    if wish.health {
        tell(
            "HEALTHCHECK".to_owned(),
            "nothing: the bridge sees whether it answers".to_owned(),
        );
    }
    if let Some(named) = &wish.stop_signal {
        let gets = match stop_signal(wish) {
            SIGTERM if signal(named) != Some(SIGTERM) => {
                "SIGTERM: it is no signal that a program can act on".to_owned()
            }
            number => format!("signal {number}, once its input has ended"),
        };
        tell(format!("STOPSIGNAL {named}"), gets);
    }
    if wish.on_build > 0 {
        tell(
            format!("ONBUILD, {} times", wish.on_build),
            "nothing: it is for builds".to_owned(),
        );
    }
    all
}

#[cfg(test)]
mod tests;
