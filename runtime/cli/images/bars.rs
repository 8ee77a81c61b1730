//! How far a pull is, on a terminal.

use brig_images::digest::Digest;
use brig_images::pull::{Progress, Step};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// One bar for each part that is on its way.
pub(super) struct Bars {
    all: MultiProgress,
    parts: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Bars {
    pub(super) fn new() -> Self {
        Self {
            all: MultiProgress::new(),
            parts: Mutex::new(BTreeMap::new()),
        }
    }

    /// Takes all bars away: what follows on the terminal is the result.
    pub(super) fn end(&self) {
        // A terminal that is gone shows nothing that could stay.
        let _ = self.all.clear();
    }

    fn bar(&self, digest: &Digest, bytes: u64) -> ProgressBar {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let name = digest.to_string();
        let made = parts.entry(name.clone()).or_insert_with(|| {
            let bar = self.all.add(ProgressBar::new(bytes));
            let style = ProgressStyle::with_template(
                "  {prefix} {wide_bar} {bytes:>10} of {total_bytes:>10}",
            );
            if let Ok(style) = style {
                bar.set_style(style);
            }
            bar.set_prefix(name.chars().skip(7).take(12).collect::<String>());
            bar
        });
        made.clone()
    }
}

impl Progress for Bars {
    fn step(&self, step: Step<'_>) {
        match step {
            Step::Found(_) | Step::Present(_) => {}
            Step::Part {
                digest,
                done_bytes,
                bytes,
            } => self.bar(digest, bytes).set_position(done_bytes),
            Step::Verified(digest) => {
                let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(bar) = parts.get(&digest.to_string()) {
                    bar.finish();
                }
            }
        }
    }
}
