//! How the settings read.

use super::print;
use crate::exit::Exit;
use crate::log::escape;
use crate::places::settings_path;
use crate::report::Refused;
use crate::secrets::place::{Place, Places as Secrets};
use crate::settings::{Found, find, look_at};
use brig_policies::{Block, Bound, Consent, HostReach, Places};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// What the settings set: this user's, or those in a file.
pub(super) fn settings(file: Option<&Path>, json: bool) -> Result<Exit, Refused> {
    let found = match file {
        Some(file) => Some(look_at(file)?),
        None => find()?,
    };
    let path = match &found {
        Some(found) => Some(found.path.clone()),
        None => settings_path().unwrap_or_default(),
    };
    let bounds = found.as_ref().map(bounds).unwrap_or_default();
    let consent = found
        .as_ref()
        .map_or(Consent::Asked, |found| found.settings.consent());
    let settings = found.as_ref().map(|found| &found.settings);
    let secrets = Secrets::of(settings).map_err(|error| error.refused(None))?;
    let is_written = settings.is_some_and(|settings| settings.secrets().is_some());
    print(&if json {
        let ceiling: Map<String, Value> = bounds.iter().map(entry).collect();
        let value = json!({
            "path": path, "exists": found.is_some(), "consent": consent.as_str(),
            "ceiling": ceiling, "secrets": secrets.all().iter().map(place).collect::<Value>(),
            "network": settings.map(|settings| reach_json(settings.reach())),
        });
        format!("{value:#}\n")
    } else {
        let mut out = text(path.as_deref(), found.is_some(), &bounds);
        if consent == Consent::NotAsked {
            out.push_str("\nservers start unasked: `consent` is `none`\n");
        }
        if let Some(settings) = settings {
            reach(settings.reach(), &mut out);
        }
        if is_written {
            out.push_str("\nsecrets come from, in this order\n");
            for place in secrets.all() {
                // Writing to a String cannot fail.
                let _ = writeln!(out, "  {}", escape(place.shown().as_bytes()));
            }
        }
        out
    })
}

/// How others are reached, where the settings say anything of it.
fn reach(reach: &HostReach, out: &mut String) {
    if reach.is_empty() {
        return;
    }
    out.push_str("\nothers are reached\n");
    // Writing to a String cannot fail, here and below.
    if let Some(proxy) = reach.proxy() {
        let _ = writeln!(out, "  by the proxy {proxy}, which looks names up");
    }
    if !reach.fake().is_empty() {
        let blocks = listed(reach.fake()).join(", ");
        let _ = writeln!(out, "  by what answers at {blocks}, which count as public");
    }
    for blocks in [reach.virtual_v4(), reach.virtual_v6()]
        .into_iter()
        .flatten()
    {
        let blocks = listed(&blocks).join(", ");
        let _ = writeln!(
            out,
            "  in cells by addresses of {blocks}, which stand for names"
        );
    }
}

fn reach_json(reach: &HostReach) -> Value {
    json!({
        "proxy": reach.proxy().map(ToString::to_string),
        "fake-addresses": listed(reach.fake()),
        "virtual-v4": reach.virtual_v4().as_deref().map(listed),
        "virtual-v6": reach.virtual_v6().as_deref().map(listed),
    })
}

fn listed(blocks: &[Block]) -> Vec<String> {
    blocks.iter().map(Block::to_string).collect()
}

fn place(place: &Place) -> Value {
    json!({ "place": place.kind(), "is": place.shown() })
}

/// What they set is shown as it is written, so no place matters.
fn bounds(found: &Found) -> Vec<Bound> {
    let nowhere = Places {
        home: None,
        project: None,
        manifest_folder: String::new(),
        own_folders: Vec::new(),
        manifest_path: String::new(),
    };
    found.settings.ceiling(&found.path, &nowhere).bounds()
}

fn entry(bound: &Bound) -> (String, Value) {
    let value = json!({ "most": bound.most, "line": bound.line });
    (bound.key.to_owned(), value)
}

fn text(path: Option<&str>, exists: bool, bounds: &[Bound]) -> String {
    let Some(path) = path else {
        return "no settings: neither XDG_CONFIG_HOME nor HOME is an absolute path\n".to_owned();
    };
    let path = escape(path.as_bytes());
    if !exists {
        return format!("no settings: there is no {path}\n");
    }
    if bounds.is_empty() {
        return format!("{path} has no faults, and sets no ceiling\n");
    }
    let mut out = format!("{path} has no faults\n\nmanifests get at most\n");
    for bound in bounds {
        let most = match bound.most.as_slice() {
            [] => "nothing".to_owned(),
            most => most.join(", "),
        };
        let most = escape(most.as_bytes());
        // Writing to a String cannot fail.
        let _ = writeln!(out, "  {:<12} {most}", bound.key);
    }
    out
}
