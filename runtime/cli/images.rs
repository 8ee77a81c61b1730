//! `brig pull` and `brig images`: what of others' content is on this host.

mod bars;

use super::print;
use crate::engine::{Chosen, of_name};
use crate::exit::Exit;
use crate::images::{fetch, load, origin, refused, store};
use crate::log::escape;
use crate::prepare::check_alone;
use crate::report::Refused;
use crate::settings::find;
use brig_images::origin::Origin;
use brig_images::pull::{Progress, Pulled, Unseen};
use brig_images::store::{Finding, Listed, Removed, Store};
use brig_images::tree::tree_digest;
use brig_policies::{Package, Source};
use brig_sandbox::engine::Maker;
use clap::{Args, Subcommand};
use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::Path;

/// What is to be pulled.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  brig pull brig.toml                            the image that a manifest names
  brig pull ghcr.io/github/github-mcp-server:v0.19.1
  brig pull oci:layout-folder docker-archive:image.tar
  brig pull --engine docker brig.toml            and into dockerd, which runs it from there

A server runs from what was pulled, and from nothing newer: pull again to let a tag lead to what it
means by then. Logins are those of `docker login` and `podman login`. Progress goes to standard
error, where that is a terminal.")]
pub(super) struct Pull {
    /// Manifests, and names of images or components
    #[arg(required = true, value_name = "WHAT")]
    what: Vec<String>,
    /// Load the images into this engine too, which keeps images of its own: docker or podman. The
    /// settings' own choice without it
    #[arg(long, value_name = "ENGINE")]
    engine: Option<String>,
    /// Print as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// What is to be done with what was pulled.
#[derive(Debug, Subcommand)]
pub(super) enum Images {
    /// List what was pulled
    Ls {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove images by their names, with all that no other one needs
    Rm {
        /// Names, as `brig images ls` tells them
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove what no name leads to, and pulls that were broken off
    Prune {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Read all of it, and tell what is not what was pulled
    Verify {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
}

impl Images {
    pub(super) fn json(&self) -> bool {
        match self {
            Self::Ls { json }
            | Self::Rm { json, .. }
            | Self::Prune { json }
            | Self::Verify { json } => *json,
        }
    }
}

pub(super) fn pull(asked: &Pull) -> Result<Exit, Refused> {
    let (store, folder) = store()?;
    let chosen = engine(asked.engine.as_deref())?;
    let mut all = Vec::new();
    for what in &asked.what {
        let origin = named(what)?;
        let pulled = if std::io::stderr().is_terminal() {
            let bars = bars::Bars::new();
            let pulled = fetch(&store, &origin, &bars);
            bars.end();
            pulled?
        } else {
            fetch(&store, &origin, &Unseen as &dyn Progress)?
        };
        if let Some(chosen) = chosen.as_ref().filter(|_| pulled.image.content.is_image()) {
            load(&store, &folder, &pulled.image, chosen)?;
        }
        if !asked.json {
            print(&told(&origin.to_string(), &pulled))?;
            print(&wish(&store, &pulled)?)?;
        }
        all.push(serde_json::json!({ "name": origin.to_string(), "pulled": pulled }));
    }
    if asked.json {
        let all = serde_json::Value::from(all);
        return print(&format!("{all:#}\n"));
    }
    Ok(Exit::Success)
}

/// The daemon that keeps images of its own, if one was chosen.
fn engine(asked: Option<&str>) -> Result<Option<Chosen>, Refused> {
    let settings = find()?;
    let of_settings = settings.as_ref().and_then(|found| found.settings.engine());
    let Some(name) = asked.or(of_settings) else {
        return Ok(None);
    };
    let chosen = of_name(name)?;
    Ok((chosen.facts.engine.maker() == Maker::Daemon).then_some(chosen))
}

/// What a manifest names, or a person.
fn named(what: &str) -> Result<Origin, Refused> {
    let path = Path::new(what);
    if !path.is_file() {
        // Absolute, so that it is the same image for a manifest that names it.
        let here = std::env::current_dir().map_err(|error| {
            let message = format!("cannot tell the current folder: {error}");
            Refused::one(Exit::Failure, "no-current-folder", message, "")
        })?;
        return origin(what, &here);
    }
    // The place of the pull is the host's, and no right of the server's.
    let checked = check_alone(path, None)?;
    match checked.policy.source() {
        Source::Package(Package::Image(image)) => Ok(image.into()),
        Source::Package(Package::Component(reference)) => Ok(Origin::Registry(reference.clone())),
        Source::Package(_) | Source::Component(_) | Source::Command { .. } => {
            let message = format!(
                "`{}` names nothing that can be pulled",
                escape(what.as_bytes())
            );
            let help =
                "a manifest with `image` or `component = \"oci://…\"` does, and so does a name";
            Err(Refused::one(
                Exit::Artifact,
                "nothing-to-pull",
                message,
                help,
            ))
        }
    }
}

/// What a component's author would like it to be allowed. It is shown, and grants nothing.
fn wish(store: &Store, pulled: &Pulled) -> Result<String, Refused> {
    if pulled.image.content.is_image() {
        return Ok(String::new());
    }
    let artifact = store.artifact(&pulled.image);
    let artifact = artifact.map_err(|error| refused(&error))?;
    let Some(wish) = artifact.wish else {
        return Ok(String::new());
    };
    let mut text = "  its author would like this, none of which it gets by that:\n".to_owned();
    for line in wish.text.lines() {
        let _ = writeln!(text, "    {}", escape(line.as_bytes()));
    }
    Ok(text)
}

fn told(name: &str, pulled: &Pulled) -> String {
    let name = escape(name.as_bytes());
    let mut text = format!("{name}\n  {}\n", pulled.image.named);
    if let Some(before) = pulled.moved_from() {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "  before, the same name led to {before}");
    }
    let parts = pulled.image.layers().len();
    let bytes = size(pulled.image.content.bytes());
    let _ = writeln!(text, "  {bytes} in {parts} layers");
    text
}

pub(super) fn images(asked: &Images) -> Result<Exit, Refused> {
    let (store, _) = store()?;
    match asked {
        Images::Ls { json } => list(&store, *json),
        Images::Rm { names, json } => {
            let mut all = Removed::default();
            for name in names {
                let removed = store.remove(name).map_err(|error| refused(&error))?;
                all.contents += removed.contents;
                all.roots += removed.roots;
                all.bytes += removed.bytes;
                all.in_use += removed.in_use;
            }
            gone(&all, *json)
        }
        Images::Prune { json } => gone(&store.prune().map_err(|error| refused(&error))?, *json),
        Images::Verify { json } => verify(&store, *json),
    }
}

fn list(store: &Store, json: bool) -> Result<Exit, Refused> {
    let listed = store.list().map_err(|error| refused(&error))?;
    if json {
        let value = serde_json::json!(listed);
        return print(&format!("{value:#}\n"));
    }
    let mut text = String::new();
    for one in &listed {
        let _ = writeln!(
            text,
            "{}\n  {}{}",
            escape(one.name.as_bytes()),
            one.named,
            details(one)
        );
    }
    print(&text)
}

fn details(one: &Listed) -> String {
    let kind = if one.is_image { "image" } else { "component" };
    let mut text = format!("\n  {kind}, {} pulled", size(one.bytes));
    if let Some(bytes) = one.root_bytes {
        let _ = write!(text, ", {} unpacked", size(bytes));
    }
    if one.in_use {
        text.push_str(", a server runs from it");
    }
    text
}

fn gone(removed: &Removed, json: bool) -> Result<Exit, Refused> {
    if json {
        let value = serde_json::json!(removed);
        return print(&format!("{value:#}\n"));
    }
    let Removed {
        contents,
        roots,
        bytes,
        in_use,
    } = removed;
    let mut text = format!(
        "removed {contents} parts and {roots} unpacked images, {}\n",
        size(*bytes)
    );
    if *in_use > 0 {
        let _ = writeln!(text, "{in_use} stay: servers run from them");
    }
    print(&text)
}

fn verify(store: &Store, json: bool) -> Result<Exit, Refused> {
    let digest = |root: &cap_std::fs::Dir| {
        tree_digest(root)
            .map(|digest| digest.to_string())
            .map_err(|error| error.to_string())
    };
    let looked = store.verify(digest).map_err(|error| refused(&error))?;
    let text = if json {
        format!("{:#}\n", serde_json::json!(looked))
    } else {
        let mut text = String::new();
        for finding in &looked.findings {
            let _ = writeln!(text, "{}", finding_text(finding));
        }
        let (contents, roots) = (looked.contents, looked.roots);
        let found = looked.findings.len();
        let _ = writeln!(
            text,
            "{contents} parts and {roots} unpacked images read, {found} wrong"
        );
        text
    };
    print(&text)?;
    Ok(if looked.findings.is_empty() {
        Exit::Success
    } else {
        Exit::Artifact
    })
}

fn finding_text(finding: &Finding) -> String {
    match finding {
        Finding::Changed(digest) => format!("{digest} has another content"),
        Finding::Missing { name, part } => format!("{part} of `{name}` is missing"),
        Finding::Root { manifest, what } => format!("{manifest}, unpacked: {what}"),
    }
}

fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}
