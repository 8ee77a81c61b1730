//! Holding a server to its lock while a session lasts.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Lock;
use super::compare::Found;
use super::hash::Digest;
use super::lines::Extent;
use super::tool::{InvalidTool, Tool};
use super::visible::{visible, visible_name};

/// How many tools of one session are told of with all that differs. A server could otherwise
/// describe a tool anew without end, and fill a log.
const TOLD_MAX: usize = 32;

/// The lock of a session, and what was seen of the server since.
///
/// It decides and does nothing: whoever reads a `tools/list` result asks it about each tool, and
/// whoever is given a `tools/call` asks it about the name. Which era a variant was seen in makes no
/// difference here: its text was reviewed.
#[derive(Clone, Debug)]
pub struct Watch {
    lock: Lock,
    /// Tools of the lock whose last description was none of their variants. At most as many as the
    /// lock has.
    changed: BTreeSet<String>,
    told: BTreeSet<Digest>,
}

/// What is to become of one tool of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is as it was reviewed, and passes as it is.
    Reviewed,
    /// The client must not see it.
    Unreviewed {
        /// Why, for a client's user and for a journal.
        why: Drift,
        /// Its name as the server wrote it, where it has one.
        name: Option<String>,
        /// Lines for the person who runs the server, told once for each text; empty after that. No
        /// line holds a character that could not be seen.
        told: Vec<String>,
    },
}

/// Why a tool is withheld, and a call of it refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Drift {
    /// No tool of this name was reviewed.
    #[error("it was not reviewed")]
    New,
    /// It is described in another way than when it was reviewed.
    #[error("it changed since it was reviewed")]
    Changed,
    /// Its description reads in more than one way, or in none.
    #[error("its description cannot be reviewed")]
    Unreadable,
}

impl Watch {
    /// At the start of a session.
    pub fn new(lock: Lock) -> Self {
        Self {
            lock,
            changed: BTreeSet::new(),
            told: BTreeSet::new(),
        }
    }

    /// Judges one element of the `tools` of a `tools/list` result, by its raw text.
    pub fn judge(&mut self, text: &str) -> Judgement {
        let tool = match Tool::read(text) {
            Ok(tool) => tool,
            Err(error) => return self.unreadable(text, &error),
        };
        let (why, found) = match self.lock.judge(&tool) {
            Ok(()) => {
                self.changed.remove(tool.name());
                return Judgement::Reviewed;
            }
            Err(found @ Found::Changed { .. }) => (Drift::Changed, found),
            Err(found @ (Found::New { .. } | Found::Gone { .. })) => (Drift::New, found),
        };
        if why == Drift::Changed {
            self.changed.insert(tool.name().to_owned());
        }
        let told = self.tell(tool.digest(), || found.lines(Extent::Short));
        let name = Some(tool.name().to_owned());
        Judgement::Unreviewed { why, name, told }
    }

    /// Whether a client may call a tool of this name: one that was reviewed, and that the server
    /// has not described in another way since.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn admit(&self, name: &str) -> Result<(), Drift> {
        if self.lock.variants(name).is_empty() {
            Err(Drift::New)
        } else if self.changed.contains(name) {
            Err(Drift::Changed)
        } else {
            Ok(())
        }
    }

    /// A tool whose name can be told all the same is not called by it either.
    fn unreadable(&mut self, text: &str, error: &InvalidTool) -> Judgement {
        let name = Tool::name_of(text);
        let known = name
            .iter()
            .find(|name| !self.lock.variants(name).is_empty());
        self.changed.extend(known.cloned());
        let named = name
            .as_ref()
            .map(|name| format!(" `{}`", visible_name(name)));
        let named = named.unwrap_or_default();
        let line = visible(&format!("a tool{named} cannot be reviewed: {error}"));
        let told = self.tell(Digest::of(text.as_bytes()), || Vec::from([line]));
        let why = Drift::Unreadable;
        Judgement::Unreviewed { why, name, told }
    }

    fn tell(&mut self, what: Digest, lines: impl FnOnce() -> Vec<String>) -> Vec<String> {
        if self.told.len() > TOLD_MAX || !self.told.insert(what) {
            return Vec::new();
        }
        if self.told.len() > TOLD_MAX {
            let line = "more tools are not as they were reviewed; `brig lock --check` tells all";
            return Vec::from([line.to_owned()]);
        }
        lines()
    }
}
