//! The lock of a session: tools are seen and called only as they were reviewed.

use brig_policies::{Judgement, Refused, Watch};

/// Holds the tools of one session to its lock.
#[derive(Debug)]
pub(crate) struct Review {
    watch: Watch,
    /// Whether the session ends once a tool is not as it was reviewed.
    is_strict: bool,
    has_drifted: bool,
    told: Vec<String>,
    withheld: Vec<Refused>,
}

impl Review {
    /// At the start of a session.
    pub(crate) fn new(watch: Watch, is_strict: bool) -> Self {
        Self {
            watch,
            is_strict,
            has_drifted: false,
            told: Vec::new(),
            withheld: Vec::new(),
        }
    }

    /// Whether a client may see this element of a list.
    pub(super) fn admits(&mut self, element: &str) -> bool {
        match self.watch.judge(element) {
            Judgement::Reviewed => true,
            Judgement::Unreviewed { why, name, told } => {
                let name = name.unwrap_or_default();
                self.withheld.push(Refused::of_drift(why, &name));
                self.has_drifted = true;
                self.told.extend(told);
                false
            }
        }
    }

    /// Whether a client may call a tool of this name.
    pub(super) fn admit(&self, tool: &str) -> Result<(), Refused> {
        let drift = self.watch.admit(tool);
        drift.map_err(|drift| Refused::of_drift(drift, tool))
    }

    /// What is to be told and was not yet.
    pub(super) fn take_told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }

    /// What was kept from the client since this was asked last.
    pub(super) fn take_withheld(&mut self) -> Vec<Refused> {
        std::mem::take(&mut self.withheld)
    }

    /// Whether the session is to end.
    pub(super) fn breaks_off(&self) -> bool {
        self.is_strict && self.has_drifted
    }
}
