//! Whether the user of this machine approved that a server starts like this.
//!
//! A manifest and a lock may come from anywhere, so neither is consent. What is approved is one
//! start as it was decided: this manifest at this place, what it says, the plan that it comes to,
//! its lock, and the project where it speaks of one. All of it has one digest, by which it is
//! approved and looked up; when any of it changes, so does the digest, and the user is asked anew.

mod record;
mod screen;
pub(crate) mod store;
mod terminal;

use crate::exit::Exit;
use crate::lock::{self, FoundLock};
use crate::prepare::{Checked, Planned, check, check_instead, decide};
use crate::report::Refused;
use brig_policies::{
    Consent, Digest, Lock, Lowered, Places, Policy, Tools, manifest_digest, names_project,
};
use brig_sandbox::cell::Mount;
use brig_sandbox::plan::Plan;
use std::io::IsTerminal as _;
use std::path::Path;

pub(crate) use record::Record;
pub(crate) use screen::{date, screen};
pub(crate) use store::Store;
pub(crate) use terminal::{Answer, Terminal};

/// That a start was approved. Whatever starts a server asks for one, and only [`Asked`] makes it.
#[derive(Debug)]
pub(crate) struct Approved(());

/// A start as the command line asks for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start<'a> {
    /// The manifest.
    pub(crate) manifest: &'a Path,
    /// What `{project}` stands for.
    pub(crate) project: Option<&'a Path>,
    /// The engine for containers, where one is named.
    pub(crate) engine: Option<&'a str>,
}

/// How a start may be approved.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By<'d> {
    /// By what was approved before, or by the user on the terminal.
    User,
    /// By the digest that whoever starts it gives.
    Digest(&'d str),
}

/// Everything that a person is asked about before a server starts.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) planned: Planned,
    pub(crate) policy: Policy,
    pub(crate) lowered: Vec<Lowered>,
    pub(crate) lock: Option<FoundLock>,
    pub(crate) places: Places,
    /// The engine that the command line names.
    engine: Option<String>,
    consent: Consent,
    subject: Subject,
}

/// What is approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The manifest's canonical path.
    pub(crate) manifest: String,
    /// The project, where the manifest speaks of one.
    pub(crate) project: Option<String>,
    /// What the manifest says.
    pub(crate) says: Digest,
    /// What it comes to on this machine.
    pub(crate) plan: String,
    /// The lock's text, where there is one.
    pub(crate) lock: Option<Digest>,
}

impl Subject {
    /// The digest of all of it.
    pub(crate) fn digest(&self) -> String {
        let lock = self.lock.as_ref().map(Digest::as_str);
        let parts = [
            Some("brig approval 1"),
            Some(&self.manifest),
            self.project.as_deref(),
            Some(self.says.as_str()),
            Some(&self.plan),
            lock,
        ];
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            // A length before each, so that no two rows of parts run together.
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            hasher.update(&length.to_le_bytes());
            hasher.update(part.unwrap_or_default().as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// The digest of what is approved of a plan: all of it but what stays read-only in a write grant.
/// These parts only narrow, and come and go with the files of a project; asked anew at each of
/// them, people would learn to say yes.
fn approved_part(plan: &Plan) -> String {
    let mut plan = plan.clone();
    let narrows = |mount: &Mount| matches!(mount, Mount::Held { .. } | Mount::Kept { .. });
    plan.cell.mounts.retain(|mount| !narrows(mount));
    plan.digest()
}

impl Start<'_> {
    /// Reads the manifest under the settings, with the engine of the command line.
    pub(crate) fn check(self) -> Result<Checked, Refused> {
        Ok(check(self.manifest, self.project)?.under(self.engine))
    }

    /// The same of a text that is to stand where the manifest is.
    pub(crate) fn check_instead(self, text: String) -> Result<Checked, Refused> {
        let checked = check_instead(self.manifest, text, self.project)?;
        Ok(checked.under(self.engine))
    }

    /// Decides the start, and finds what is asked about it. The lock is left out where the server
    /// is started to be looked at.
    pub(crate) fn asked(self, with_lock: bool) -> Result<Asked, Refused> {
        Asked::of(self.check()?, with_lock, self.engine)
    }

    /// Decides the start and sees that it is approved.
    pub(crate) fn approved(
        self,
        by: By<'_>,
        with_lock: bool,
    ) -> Result<(Asked, Approved), Refused> {
        let asked = self.asked(with_lock)?;
        if with_lock {
            asked.hold()?;
        }
        let approved = asked.approved(by)?;
        Ok((asked, approved))
    }
}

impl Asked {
    /// What is asked about a start of what was read.
    pub(crate) fn of(
        checked: Checked,
        with_lock: bool,
        engine: Option<&str>,
    ) -> Result<Self, Refused> {
        let (path, text) = &checked.manifest;
        let faults = |faults| Refused::faults(faults, path, text);
        let says = manifest_digest(text).map_err(faults)?;
        let project = if names_project(text) {
            checked.places.project.clone()
        } else {
            None
        };
        let lock = if with_lock {
            lock::find(&checked.places)?
        } else {
            None
        };
        let (policy, lowered) = (checked.policy.clone(), checked.lowered.clone());
        let (places, consent) = (checked.places.clone(), checked.consent);
        let planned = decide(checked)?;
        let subject = Subject {
            manifest: places.manifest_path.clone(),
            project,
            says,
            plan: approved_part(&planned.plan),
            lock: lock.as_ref().map(FoundLock::digest),
        };
        Ok(Self {
            planned,
            policy,
            lowered,
            lock,
            places,
            engine: engine.map(str::to_owned),
            consent,
            subject,
        })
    }

    /// What is approved.
    pub(crate) fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Whether this host asks at all.
    pub(crate) fn is_asked(&self) -> bool {
        match self.consent {
            Consent::Asked => true,
            Consent::NotAsked => false,
        }
    }

    /// The permit, from the digest, the store, or whoever sits at the terminal.
    fn approved(&self, by: By<'_>) -> Result<Approved, Refused> {
        if !self.is_asked() {
            self.read()?;
            return Ok(Approved(()));
        }
        if let By::Digest(digest) = by {
            return self.by_digest(digest);
        }
        let store = Store::open()?;
        // What was approved with this lock was read then.
        if store.find(&self.subject)? {
            return Ok(Approved(()));
        }
        self.read()?;
        // The screen is read where brig's errors go, and its answer given on the terminal that
        // this is: a client that has a terminal for itself keeps its servers' errors elsewhere.
        if !std::io::stderr().is_terminal() {
            return Err(self.refused(&store));
        }
        match Terminal::open() {
            Some(terminal) => self.ask(&store, terminal, "Start it, now and from now on?"),
            None => Err(self.refused(&store)),
        }
    }

    /// Holds what is about to start to its lock: another artifact does not start, and neither does
    /// a server that is to be held to one where there is none.
    pub(crate) fn hold(&self) -> Result<(), Refused> {
        if let Some(lock) = &self.lock {
            return lock.hold(&self.planned.plan);
        }
        if !self.policy.tools().is_some_and(Tools::is_strict) {
            return Ok(());
        }
        let path = self.places.lock_path();
        let message =
            format!("`[tools] strict` holds the server to a lock, and there is no `{path}`");
        let help = "`brig lock` writes it, to be reviewed";
        Err(Refused::one(Exit::Drifted, "lock-missing", message, help))
    }

    /// Reads all of the lock: nobody approves one that has faults.
    pub(crate) fn read(&self) -> Result<Option<Lock>, Refused> {
        self.lock.as_ref().map(FoundLock::whole).transpose()
    }

    /// Approves for whoever knows exactly what is approved.
    pub(crate) fn by_digest(&self, digest: &str) -> Result<Approved, Refused> {
        self.read()?;
        let own = self.subject.digest();
        if digest == own {
            return Ok(Approved(()));
        }
        let message = format!("the digest is another: this start has {own}");
        let help = format!("`{}` shows what it is", self.command());
        Err(Refused::one(
            Exit::NotApproved,
            "digest-differs",
            message,
            &help,
        ))
    }

    /// Shows everything, asks, and keeps a yes.
    pub(crate) fn ask(
        &self,
        store: &Store,
        mut terminal: Terminal,
        question: &str,
    ) -> Result<Approved, Refused> {
        match terminal.ask(&screen(self, store)?, question) {
            Answer::Yes => self.keep(store, "terminal"),
            Answer::No => {
                let message = format!("you did not approve that `{}` starts", self.policy.name());
                Err(Refused::one(Exit::NotApproved, "not-approved", message, ""))
            }
        }
    }

    /// Keeps the approval, so that the next start asks nobody.
    pub(crate) fn keep(&self, store: &Store, how: &str) -> Result<Approved, Refused> {
        self.read()?;
        let record = Record::of(self, how);
        store.keep(&record, self.lock.as_ref().map(|lock| lock.text.as_str()))?;
        Ok(Approved(()))
    }

    /// The command that approves this start, as a shell takes it.
    pub(crate) fn command(&self) -> String {
        let mut command = format!("brig approve {}", quoted(&self.subject.manifest));
        if let Some(project) = &self.places.project {
            command = format!("{command} --project {}", quoted(project));
        }
        if let Some(engine) = &self.engine {
            command = format!("{command} --engine {}", quoted(engine));
        }
        command
    }

    fn refused(&self, store: &Store) -> Refused {
        let name = self.policy.name();
        let message = match store.last(&self.subject) {
            Some(_) => format!("`{name}` is not what you approved on this machine any more"),
            None => format!("nobody on this machine has approved that `{name}` starts"),
        };
        let help = format!(
            "`{}` shows everything that it may do, and asks",
            self.command()
        );
        Refused::one(Exit::NotApproved, "not-approved", message, &help)
    }
}

/// A word of a shell's command line.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,@%".contains(c);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
