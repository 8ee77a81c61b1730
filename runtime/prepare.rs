//! From a manifest's path to a plan: every stop of the one path that has no effect on a server.

use crate::engine::{self, Chosen, Named};
use crate::exit::Exit;
use crate::images;
use crate::launch::{FileIdentity, GroupParents};
use crate::places::{followed, places};
use crate::probe::{self, UnpackedImage};
use crate::report::{Item, Refused};
use crate::settings::{self, Outward};
use brig_images::component::{Component, Form};
use brig_images::store::Root;
use brig_policies::{
    Ceiling, Consent, Lowered, Narrowed, Package, Places, Policy, Settings, Source,
};
use brig_sandbox::cell::Mount;
use brig_sandbox::engine::Maker;
use brig_sandbox::facts::{Artifact, HostFacts};
use brig_sandbox::plan::{self, COMPONENT_BYTES_MAX, Plan, Unplannable};
use std::collections::BTreeMap;
use std::path::Path;

/// A manifest that was read and whose rights are checked.
#[derive(Debug)]
pub struct Checked {
    /// The manifest's path as given, and its text.
    pub manifest: (String, String),
    /// Its rights, under the ceiling of the settings.
    pub policy: Policy,
    /// The places that it speaks of.
    pub places: Places,
    /// The limits whose defaults the settings made lower.
    pub lowered: Vec<Lowered>,
    /// The ceiling of the settings, where there are some.
    pub ceiling: Option<Ceiling>,
    /// The engine for containers, where somebody named one.
    pub engine: Named,
    /// Whether the settings let a server start unasked.
    pub consent: Consent,
    /// How this host reaches others.
    pub outward: Outward,
}

impl Checked {
    /// The same with the engine of the command line, where it names one.
    #[must_use]
    pub fn under(mut self, asked: Option<&str>) -> Self {
        if let Some(name) = asked {
            self.engine = Named::Asked(name.to_owned());
        }
        self
    }
}

/// A decided sandbox with what was decided from.
#[derive(Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The host.
    pub facts: HostFacts,
    /// Where the cell's control group can be made.
    pub(crate) groups: GroupParents,
    /// Which file each source of the cell was when it was decided on.
    pub(crate) sources: BTreeMap<String, FileIdentity>,
    /// The WebAssembly, where that is what runs.
    pub component: Option<Component>,
    /// Keeps the image's files where they are, where an image runs.
    pub(crate) lease: Option<Root>,
    /// What carries the plan out, where it is a container's.
    pub(crate) chosen: Chosen,
    /// The image as a daemon has it.
    pub(crate) image: String,
    /// The manifest's path as given, and its text.
    pub manifest: (String, String),
}

/// Reads a manifest and resolves it under the ceiling of this host's settings.
pub fn check(manifest: &Path, project: Option<&Path>) -> Result<Checked, Refused> {
    let (path, text, places) = read(manifest, project)?;
    check_here(path, text, places)
}

/// The same of a text that is to stand where the manifest is.
pub(crate) fn check_instead(
    manifest: &Path,
    text: String,
    project: Option<&Path>,
) -> Result<Checked, Refused> {
    let (path, _, places) = read(manifest, project)?;
    check_here(path, text, places)
}

fn check_here(path: String, text: String, mut places: Places) -> Result<Checked, Refused> {
    let found = settings::find()?;
    let settings = found.as_ref().map(|found| &found.settings);
    // A server that could read these would have every secret.
    places
        .own_folders
        .extend(settings::files_of_secrets(settings));
    let engine = settings.and_then(|settings| settings.engine());
    let engine = engine.map_or(Named::Nobody, |name| Named::Settings(name.to_owned()));
    let consent = settings.map_or(Consent::Asked, Settings::consent);
    let outward = found.as_ref().map(|found| found.outward.clone());
    let outward = outward.unwrap_or_else(Outward::usual);
    let ceiling = found.map(|found| found.ceiling(&places));
    let checked = checked(path, text, places, ceiling)?;
    Ok(Checked {
        engine,
        consent,
        outward,
        ..checked
    })
}

/// Reads and resolves a manifest by itself: what it asks for on a host without settings.
pub fn check_alone(manifest: &Path, project: Option<&Path>) -> Result<Checked, Refused> {
    let (path, text, places) = read(manifest, project)?;
    checked(path, text, places, None)
}

/// Resolves a text by itself, as if it stood where the manifest is.
pub fn check_text(
    manifest: &Path,
    text: String,
    project: Option<&Path>,
) -> Result<Checked, Refused> {
    let path = manifest.display().to_string();
    let places = places(manifest, project).map_err(|e| {
        let message = format!("cannot {e}");
        Refused::one(Exit::Manifest, "manifest-unreadable", message, "")
    })?;
    checked(path, text, places, None)
}

fn read(manifest: &Path, project: Option<&Path>) -> Result<(String, String, Places), Refused> {
    let path = manifest.display().to_string();
    let unreadable = |message: String| {
        Refused::one(
            Exit::Manifest,
            "manifest-unreadable",
            message,
            "name a manifest, a TOML file",
        )
    };
    let places = places(manifest, project).map_err(|e| unreadable(format!("cannot {e}")))?;
    let text = std::fs::read_to_string(manifest)
        .map_err(|e| unreadable(format!("cannot read `{path}`: {e}")))?;
    Ok((path, text, places))
}

fn checked(
    path: String,
    text: String,
    places: Places,
    ceiling: Option<Ceiling>,
) -> Result<Checked, Refused> {
    let resolved = match &ceiling {
        Some(ceiling) => brig_policies::check_under(&text, &places, ceiling),
        None => brig_policies::check(&text, &places).map(|policy| Narrowed {
            policy,
            lowered: Vec::new(),
        }),
    };
    match resolved {
        Ok(Narrowed { policy, lowered }) => Ok(Checked {
            manifest: (path, text),
            policy,
            places,
            lowered,
            ceiling,
            engine: Named::Nobody,
            consent: Consent::Asked,
            outward: Outward::usual(),
        }),
        Err(faults) => Err(Refused::faults(faults, &path, &text)),
    }
}

/// Looks at the host and the artifact, and decides.
pub fn decide(checked: Checked) -> Result<Planned, Refused> {
    let Checked {
        manifest,
        policy,
        places,
        lowered: _,
        ceiling,
        engine,
        consent: _,
        outward,
    } = checked;
    if let Some(faults) = policy.not_enforceable_in(&manifest.1) {
        return Err(Refused::faults(faults, &manifest.0, &manifest.1));
    }
    let held = match policy.source() {
        Source::Package(Package::Image(image)) => Some(images::held(image)?),
        Source::Package(_) | Source::Component(_) | Source::Command { .. } => None,
    };
    let parts = held.as_ref().map(|held| held.parts.clone());
    let (image, lease) = held.map(|held| (held.image, held.lease)).unzip();
    let (mut facts, groups) = facts(&policy, image, outward)?;
    let chosen = chosen(&policy, &engine, &mut facts)?;
    let led = |path: &str| Some(facts.sources.get(path)?.canonical.clone());
    let beyond = ceiling.and_then(|ceiling| ceiling.led_beyond(&policy, &manifest.1, &led));
    if let Some(faults) = beyond {
        return Err(Refused::faults(faults, &manifest.0, &manifest.1));
    }
    let places = followed(&places);
    let (decided, component) = match policy.source() {
        Source::Component(path) => {
            let component = Component::read(Path::new(path.as_str()), COMPONENT_BYTES_MAX)
                .map_err(|error| images::no_component(&error))?;
            let artifact = artifact(path.as_str(), &component);
            let decided = plan::component(&policy, &places, &facts, &artifact);
            (decided, Some(component))
        }
        Source::Package(Package::Component(reference)) => {
            let name = format!("oci://{reference}");
            let component = images::component(reference, &name)?;
            let artifact = artifact(&name, &component);
            let decided = plan::component(&policy, &places, &facts, &artifact);
            (decided, Some(component))
        }
        Source::Command { .. } | Source::Package(_) => {
            (plan::container(&policy, &places, &facts), None)
        }
    };
    let plan = decided.map_err(|reasons| unplannable(reasons, manifest.clone()))?;
    let in_engine = parts.map(|parts| engine::image_in(&chosen, &parts));
    let image = in_engine.transpose()?.unwrap_or_default();
    Ok(Planned {
        chosen,
        image,
        sources: sources(&plan)?,
        plan,
        facts,
        groups,
        component,
        lease,
        manifest,
    })
}

/// What the probe finds, with what the settings say of it.
fn facts(
    policy: &Policy,
    image: Option<UnpackedImage>,
    outward: Outward,
) -> Result<(HostFacts, GroupParents), Refused> {
    let (mut facts, groups) = probe::facts(Some(policy), image)
        .map_err(|e| Refused::one(Exit::Failure, "probe-failed", format!("cannot {e}"), ""))?;
    facts.virtual_ranges = outward.ranges;
    facts.proxy = outward.proxy;
    facts.fake_addresses = outward.fake;
    Ok((facts, groups))
}

/// The engine of a container; brig's own cells are a component's.
fn chosen(policy: &Policy, named: &Named, facts: &mut HostFacts) -> Result<Chosen, Refused> {
    let is_container = match policy.source() {
        Source::Command { .. } | Source::Package(Package::Image(_)) => true,
        Source::Component(_) | Source::Package(_) => false,
    };
    if !is_container {
        return Ok(Chosen::native());
    }
    let chosen = engine::choose(named, facts)?;
    facts.engine = chosen.facts.clone();
    if chosen.facts.engine.maker() == Maker::Runtime {
        probe::with_subordinate_ids(&mut facts.caller);
    }
    Ok(chosen)
}

fn artifact(path: &str, component: &Component) -> Artifact {
    Artifact {
        path: path.to_owned(),
        digest: component.digest.clone(),
        bytes: component.bytes.len() as u64,
        form: form(component.form),
    }
}

/// Looked at now, and not when the cell is made: compiling may lie in between, and whoever can
/// replace a granted folder meanwhile must not choose another one for the server.
fn sources(plan: &Plan) -> Result<BTreeMap<String, FileIdentity>, Refused> {
    let sources = plan.cell.mounts.iter().filter_map(|mount| match mount {
        Mount::Program { source, .. }
        | Mount::Grant { source, .. }
        | Mount::Held { source, .. }
        | Mount::Kept { source, .. }
        | Mount::Image { source, .. }
        | Mount::System { source, .. }
        | Mount::Device { at: source } => Some(source.as_str()),
        Mount::Scratch { .. }
        | Mount::Secrets { .. }
        | Mount::Folder { .. }
        | Mount::Link { .. }
        | Mount::Text { .. }
        | Mount::Shown { .. }
        | Mount::Volume { .. }
        | Mount::Processes { .. } => None,
    });
    probe::identities(sources).map_err(|error| {
        let message = format!("cannot look at a granted source: {error}");
        Refused::one(Exit::Launch, "source-vanished", message, "start again")
    })
}

/// The two crates name the same two forms; neither may depend on the other.
pub(crate) fn form(form: Form) -> brig_sandbox::component::Form {
    match form {
        Form::Component => brig_sandbox::component::Form::Component,
        Form::CoreModule => brig_sandbox::component::Form::CoreModule,
    }
}

fn unplannable(reasons: Vec<Unplannable>, manifest: (String, String)) -> Refused {
    let grants = reasons
        .iter()
        .any(|reason| matches!(reason, Unplannable::Grant { .. }));
    let item = |reason: Unplannable| match reason {
        Unplannable::Unenforceable(open) => Item {
            code: "unenforceable".to_owned(),
            span: None,
            message: open.to_string(),
            help: open.remedy,
        },
        Unplannable::Program(message) => Item {
            code: "program-missing".to_owned(),
            span: None,
            message,
            help: "install it, or write its path under `command`".to_owned(),
        },
        Unplannable::Grant {
            span,
            message,
            help,
        } => Item {
            code: "grant-refused".to_owned(),
            span: Some(span),
            message,
            help,
        },
    };
    let program = reasons
        .iter()
        .any(|reason| matches!(reason, Unplannable::Program(_)));
    Refused {
        shown_by: Some(format!("brig plan {}", manifest.0)),
        exit: if grants {
            Exit::Manifest
        } else if program {
            Exit::Artifact
        } else {
            Exit::Unenforceable
        },
        items: reasons.into_iter().map(item).collect(),
        manifest: Some(manifest),
    }
}
