//! Which engines for containers are on this host.

use crate::engine::{Chosen, Named, Way, choose, of_name, version_of};
use crate::log::escape;
use crate::settings::find;
use brig_sandbox::engine::Engine;
use brig_sandbox::facts::HostFacts;
use serde::Serialize;

/// One engine.
#[derive(Serialize)]
pub(super) struct Found {
    pub(super) engine: &'static str,
    /// Whether it is there and answers.
    pub(super) usable: bool,
    /// What it is, or why it is not.
    #[serde(rename = "found")]
    pub(super) told: String,
    /// What helps where it is not.
    pub(super) remedy: String,
    /// What is publicly known against its version.
    pub(super) advisories: Vec<String>,
}

/// All engines but brig's own cell, which the rest of the findings are about.
pub(super) fn engines() -> Vec<Found> {
    let others = Engine::ALL
        .into_iter()
        .filter(|engine| *engine != Engine::Native);
    others.map(look).collect()
}

fn look(engine: Engine) -> Found {
    match of_name(engine.name()) {
        Ok(chosen) => Found {
            engine: engine.name(),
            usable: true,
            told: told(&chosen),
            remedy: String::new(),
            advisories: chosen.told_advisories(),
        },
        Err(refused) => {
            let (message, help) = refused.brief();
            Found {
                engine: engine.name(),
                usable: false,
                told: message,
                remedy: help,
                advisories: Vec::new(),
            }
        }
    }
}

fn told(chosen: &Chosen) -> String {
    match &chosen.way {
        Way::Own => String::new(),
        Way::Program(program) => {
            let version = version_of(program).map_or_else(
                || "of no known version".to_owned(),
                |(name, version)| format!("{name} {version}"),
            );
            escape(format!("{} ({version})", program.display()).as_bytes())
        }
        Way::Socket(socket, _) => {
            let version = chosen.version.as_deref().unwrap_or("of no known version");
            let rootless = if chosen.facts.rootless {
                ", without root's rights"
            } else {
                ""
            };
            escape(format!("{version} on {}{rootless}", socket.display()).as_bytes())
        }
    }
}

/// The engine that a container gets here, and why.
pub(super) fn default(facts: &HostFacts) -> String {
    let settings = find().ok().flatten();
    let named = settings.as_ref().and_then(|found| found.settings.engine());
    let named = named.map_or(Named::Nobody, |name| Named::Settings(name.to_owned()));
    let why = match &named {
        Named::Settings(_) => "by the settings".to_owned(),
        Named::Nobody | Named::Asked(_) | Named::Elsewhere(_) => "brig's own choice".to_owned(),
    };
    match choose(&named, facts) {
        Ok(chosen) => {
            let why = chosen.reason.unwrap_or(why);
            format!("{} ({why})", chosen.facts.engine)
        }
        Err(refused) => format!("none: {}", refused.brief().0),
    }
}
