//! The clock that calls are timed by: it stands still while the server waits for the client.

/// Time that counts against calls. It starts at the same zero as the caller's clock and falls
/// behind it by all the time that it stood still.
#[derive(Debug, Default)]
pub(super) struct CallClock {
    behind_ms: u64,
    stopped_at_ms: Option<u64>,
    /// How many questions hold it.
    holds: usize,
}

impl CallClock {
    /// What it shows at `now_ms`.
    pub(super) fn read_ms(&self, now_ms: u64) -> u64 {
        self.stopped_at_ms
            .unwrap_or(now_ms)
            .saturating_sub(self.behind_ms)
    }

    /// When it will show `ms`; none while it stands still.
    pub(super) fn wall_ms(&self, ms: u64) -> Option<u64> {
        match self.stopped_at_ms {
            Some(_) => None,
            None => Some(ms.saturating_add(self.behind_ms)),
        }
    }

    pub(super) fn hold(&mut self, now_ms: u64) {
        self.holds += 1;
        self.stopped_at_ms.get_or_insert(now_ms);
    }

    pub(super) fn release(&mut self, now_ms: u64) {
        self.holds = self.holds.saturating_sub(1);
        if self.holds == 0
            && let Some(stopped_at_ms) = self.stopped_at_ms.take()
        {
            self.behind_ms += now_ms.saturating_sub(stopped_at_ms);
        }
    }
}
