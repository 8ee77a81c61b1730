//! The server that is measured: one manifest or several of it, decided as `brig run` would.

use crate::consent::{Asked, By, Start, Store, quoted};
use crate::exit::Exit;
use crate::report::Refused;
use crate::serve::environment;
use brig_sandbox::cell::{Access, Mount};
use brig_sandbox::plan::{ContainerPart, Isolation};
use std::path::{Path, PathBuf};

/// What a manifest runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A program of this host.
    Program,
    /// An image.
    Image,
    /// A component.
    Component,
}

/// One manifest of the server.
pub(super) struct Subject {
    pub(super) manifest: PathBuf,
    pub(super) project: Option<PathBuf>,
    pub(super) asked: Asked,
    pub(super) kind: Kind,
}

/// How a start is let.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Let {
    /// It was approved.
    Approved,
    /// Whoever lets the server run without walls lets it run within these.
    Digest(String),
}

impl Subject {
    /// Reads and decides it.
    pub(super) fn of(manifest: &Path, project: Option<&Path>) -> Result<Self, Refused> {
        let start = Start {
            manifest,
            project,
            engine: None,
        };
        let asked = start.asked(true)?;
        let kind = match &asked.planned.plan.isolation {
            Isolation::Component(_) => Kind::Component,
            Isolation::Container(part) if part.image.is_some() => Kind::Image,
            Isolation::Container(_) => Kind::Program,
        };
        Ok(Self {
            manifest: manifest.to_owned(),
            project: project.map(Path::to_owned),
            asked,
            kind,
        })
    }

    /// Sees that a start is approved, or asks whoever sits at the terminal.
    pub(super) fn allowed(
        &self,
        engine: Option<&str>,
        unconfined: bool,
    ) -> Result<(Asked, Let), Refused> {
        let start = Start {
            manifest: &self.manifest,
            project: self.project.as_deref(),
            engine,
        };
        let asked = start.asked(true)?;
        asked.hold()?;
        if unconfined {
            if !asked.is_asked() || Store::open()?.find(asked.subject())? {
                return Ok((asked, Let::Approved));
            }
            let digest = asked.subject().digest();
            return Ok((asked, Let::Digest(digest)));
        }
        start
            .approved(By::User, true)
            .map(|(asked, _)| (asked, Let::Approved))
    }

    /// What only a program has.
    pub(super) fn part(&self) -> Option<&ContainerPart> {
        match &self.asked.planned.plan.isolation {
            Isolation::Component(_) => None,
            Isolation::Container(part) => Some(part),
        }
    }

    /// Whether it is granted anybody.
    pub(super) fn reaches_out(&self) -> bool {
        self.asked.planned.plan.egress.is_some()
    }

    /// The program and its arguments as this host has them: paths in the cell of what is granted
    /// elsewhere are those on the host.
    pub(super) fn words_here(&self) -> Option<Vec<String>> {
        let plan = &self.asked.planned.plan;
        let here = |word: &String| {
            let inside = |mount: &Mount| {
                let (source, at, _) = grant(mount)?;
                let rest = word.strip_prefix(at)?;
                let is_path = rest.is_empty() || rest.starts_with('/');
                is_path.then(|| format!("{source}{rest}"))
            };
            let found = plan.cell.mounts.iter().find_map(inside);
            found.unwrap_or_else(|| word.clone())
        };
        let mut words = vec![self.part()?.program.clone()];
        words.extend(plan.args.iter().map(here));
        Some(words)
    }

    /// The program and its arguments as the cell has them.
    pub(super) fn words_inside(&self) -> Option<Vec<String>> {
        let mut words = vec![self.part()?.program.clone()];
        words.extend(self.asked.planned.plan.args.iter().cloned());
        Some(words)
    }

    /// Its variables. Secrets are nobody's outside of a cell: who needs one is not measured there.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        environment(&self.asked.planned.plan)
    }

    /// Granted folders and files: on the host, in the cell, and whether they are written to.
    pub(super) fn grants(&self) -> impl Iterator<Item = (&str, &str, bool)> {
        self.mounts().iter().filter_map(grant)
    }

    /// Everything that its cell shows.
    pub(super) fn mounts(&self) -> &[Mount] {
        &self.asked.planned.plan.cell.mounts
    }

    /// As a person names it.
    pub(super) fn name(&self) -> &str {
        &self.asked.planned.plan.server
    }
}

fn grant(mount: &Mount) -> Option<(&str, &str, bool)> {
    let Mount::Grant {
        source, at, access, ..
    } = mount
    else {
        return None;
    };
    Some((source, at, *access == Access::Write))
}

/// Manifests of several servers cannot be in one report.
pub(super) fn same_server(subjects: &[Subject]) -> Result<(), Refused> {
    let Some((first, others)) = subjects.split_first() else {
        return Ok(());
    };
    for other in others {
        if other.name() != first.name() {
            let message = format!(
                "`{}` is `{}`, and `{}` is `{}`: one report is of one server",
                first.manifest.display(),
                first.name(),
                other.manifest.display(),
                other.name()
            );
            let help = format!(
                "run `brig bench {}` by itself",
                quoted(&other.manifest.display().to_string())
            );
            return Err(Refused::one(Exit::Usage, "bench-servers", message, &help));
        }
    }
    Ok(())
}
