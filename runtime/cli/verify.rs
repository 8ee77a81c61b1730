//! How a verdict reads.

use crate::log::escape;
use crate::verify::{Reader, Verdict};
use std::fmt::Write as _;

/// For programs.
pub(super) fn json(verdict: &Verdict) -> String {
    let value = serde_json::json!({ "stands": verdict.stands(), "verdict": verdict });
    format!("{value:#}\n")
}

/// For people: each wall with who read it, differences marked, then what stays open.
pub(super) fn text(verdict: &Verdict) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    for wall in &verdict.walls {
        let reader = match wall.reader {
            Reader::Inside => "inside",
            Reader::Outside => "outside",
        };
        let name = escape(wall.name.as_bytes());
        if wall.stands() {
            let found = if wall.found.is_empty() {
                "none"
            } else {
                &wall.found
            };
            let found = escape(found.as_bytes());
            let _ = writeln!(out, "  ok      {reader:<8} {name:<36} {found}");
        } else {
            let (planned, found) = (
                escape(wall.planned.as_bytes()),
                escape(wall.found.as_bytes()),
            );
            let _ = writeln!(
                out,
                "  DIFFERS {reader:<8} {name:<36} {found}, planned: {planned}"
            );
        }
    }
    let _ = writeln!(out, "\nstays open");
    for residual in &verdict.residuals {
        let _ = writeln!(out, "  {:<22} {}", residual.name, residual.reason);
    }
    let different = verdict.walls.iter().filter(|wall| !wall.stands()).count();
    let count = verdict.walls.len();
    let _ = writeln!(
        out,
        "\n{count} walls read, {different} differ; plan {}",
        verdict.digest
    );
    out
}
