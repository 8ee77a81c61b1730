//! How often tools were called, for the limits that count.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec::Vec;

use super::{Limit, Permit, RefusalCode, Refused, Rules};
use crate::strict::shown;

const MINUTE_MS: u64 = 60_000;

/// What was used of each limit in one session.
///
/// A limit remembers the times of at most as many calls as it allows in a minute, 8 bytes each.
#[derive(Clone, Debug)]
pub struct Usage {
    kept: Vec<Kept>,
}

/// What one limit remembers.
#[derive(Clone, Debug, Default)]
struct Kept {
    /// When the calls of the last minute were made, oldest first.
    times_ms: VecDeque<u64>,
    /// How many wait for their answers.
    open: u32,
}

/// The room that a call takes up until it has its answer.
#[must_use = "it is to be given back once the call is over"]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slot(Vec<usize>);

impl Usage {
    /// Nothing was called yet.
    pub fn new(rules: &Rules) -> Self {
        let kept = rules.limits.iter().map(|_| Kept::default());
        Self {
            kept: kept.collect(),
        }
    }

    /// Counts a call towards each limit that its permit names, or towards none where one of them
    /// is used up. `now_ms` is any clock that never goes back.
    pub fn take(
        &mut self,
        rules: &Rules,
        permit: &Permit,
        name: &str,
        now_ms: u64,
    ) -> Result<Slot, Refused> {
        for at in &permit.limits {
            if let (Some(limit), Some(kept)) = (rules.limits.get(*at), self.kept.get_mut(*at)) {
                kept.has_room(limit, name, now_ms)?;
            }
        }
        for at in &permit.limits {
            if let (Some(limit), Some(kept)) = (rules.limits.get(*at), self.kept.get_mut(*at)) {
                kept.open += 1;
                if limit.calls_per_minute.is_some() {
                    kept.times_ms.push_back(now_ms);
                }
            }
        }
        Ok(Slot(permit.limits.clone()))
    }

    /// A call is over.
    pub fn give_back(&mut self, slot: Slot) {
        for at in slot.0 {
            if let Some(kept) = self.kept.get_mut(at) {
                kept.open = kept.open.saturating_sub(1);
            }
        }
    }
}

impl Kept {
    fn has_room(&mut self, limit: &Limit, name: &str, now_ms: u64) -> Result<(), Refused> {
        let is_past = |time_ms: &u64| time_ms.saturating_add(MINUTE_MS) <= now_ms;
        while self.times_ms.front().is_some_and(is_past) {
            self.times_ms.pop_front();
        }
        let place = ("tools.limit", &limit.place);
        let refuse = |code, reason| Err(Refused::new(code, place, name, reason));
        let made = self.times_ms.len();
        let most = limit
            .calls_per_minute
            .and_then(|most| usize::try_from(most).ok());
        if let (Some(most), Some(oldest_ms)) = (most, self.times_ms.front())
            && made >= most
        {
            let wait_ms = oldest_ms.saturating_add(MINUTE_MS).saturating_sub(now_ms);
            let wait = wait_ms.div_ceil(1000);
            let reason = format!(
                "tools such as \"{}\" may be called {most} times in a minute; call it again in \
                 {wait} seconds",
                shown(name)
            );
            return refuse(RefusalCode::RateLimited, reason);
        }
        match limit.concurrency {
            Some(most) if self.open >= most => {
                let reason = format!(
                    "tools such as \"{}\" may have {most} calls in flight; call it again once one \
                     of them has its answer",
                    shown(name)
                );
                refuse(RefusalCode::TooManyAtOnce, reason)
            }
            Some(_) | None => Ok(()),
        }
    }
}
