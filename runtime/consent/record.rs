//! One approval, as it is kept.

use super::{Asked, Subject};
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

/// The form of an approval that this release writes and reads.
const FORM: u32 = 1;

/// One approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Record {
    approval: u32,
    /// What people call the server.
    pub(crate) server: String,
    /// The manifest's canonical path.
    pub(crate) manifest: String,
    /// The project, where the manifest speaks of one.
    pub(crate) project: Option<String>,
    says: String,
    plan: String,
    lock: Option<String>,
    /// When it was approved, in milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// How: on a `terminal`, or by `digest`.
    pub(crate) how: String,
    /// The manifest's text, to tell the next time what changed.
    pub(crate) text: String,
}

impl Record {
    /// The approval of a start, now.
    pub(super) fn of(asked: &Asked, how: &str) -> Self {
        let subject = asked.subject();
        Self {
            approval: FORM,
            server: asked.policy.name().as_str().to_owned(),
            manifest: subject.manifest.clone(),
            project: subject.project.clone(),
            says: subject.says.to_string(),
            plan: subject.plan.clone(),
            lock: subject.lock.as_ref().map(ToString::to_string),
            at_ms: now_ms(),
            how: how.to_owned(),
            text: asked.planned.manifest.1.clone(),
        }
    }

    /// What was approved; none where this release cannot read it.
    pub(crate) fn subject(&self) -> Option<Subject> {
        if self.approval != FORM {
            return None;
        }
        let lock = match &self.lock {
            Some(lock) => Some(lock.parse().ok()?),
            None => None,
        };
        Some(Subject {
            manifest: self.manifest.clone(),
            project: self.project.clone(),
            says: self.says.parse().ok()?,
            plan: self.plan.clone(),
            lock,
        })
    }
}

/// Milliseconds since 1970; 0 where the clock is set before.
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
