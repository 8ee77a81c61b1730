//! `brig explain`: the rights of a manifest in plain words, at most a screen for most servers.

use super::arguments::Of;
use super::print;
use crate::exit::Exit;
use crate::log::escape;
use crate::prepare::{check, decide};
use crate::report::Refused;
use brig_policies::{Explanation, Lowered, Right, explain as words};
use serde_json::json;
use std::fmt::Write as _;

/// The columns of a screen. A terminal that is narrower breaks the lines itself.
const COLUMNS: usize = 100;

/// The rights, and what holds the rest here.
pub(super) fn explain(of: &Of) -> Result<Exit, Refused> {
    let checked = check(&of.manifest, of.project.as_deref())?;
    let checked = checked.under(of.engine.engine.as_deref());
    let explanation = words(&checked.policy);
    let name = checked.policy.name().as_str().to_owned();
    let lowered = checked.lowered.clone();
    let planned = decide(checked);
    let held = planned.as_ref().map(|planned| &planned.plan.held);
    if of.json {
        let refused = held.err().map(|refused| refused.brief().0);
        let value = json!({
            "explanation": explanation, "lowered": lowered, "held": held.ok(), "refused": refused,
        });
        return print(&format!("{value:#}\n"));
    }
    let mut out = told(&name, &explanation);
    narrowed(&lowered, &mut out);
    match held {
        Ok(held) => {
            let by = |held: &brig_sandbox::mechanism::Held| {
                let by: Vec<String> = held.by.iter().map(kebab).collect();
                format!("{} by {}", held.denial.name(), by.join(", "))
            };
            let held: Vec<String> = held.iter().map(by).collect();
            out.push_str("\nheld on this host\n");
            wrapped(&mut out, "  ", "  ", &held.join("; "));
        }
        Err(refused) => {
            let (reason, remedy) = refused.brief();
            out.push_str("\nit does not start on this host\n");
            wrapped(&mut out, "  ", "  ", &format!("{reason}; {remedy}"));
        }
    }
    print(&out)
}

fn told(name: &str, explanation: &Explanation) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "`{}` can", escape(name.as_bytes()));
    if explanation.rights.is_empty() {
        out.push_str("  talk to its client, and nothing else\n");
    }
    let alike =
        |one: &Right, other: &Right| (one.danger, &one.means) == (other.danger, &other.means);
    for rights in explanation.rights.chunk_by(alike) {
        for right in rights {
            let danger = format!("  {:<8} ", kebab(&right.danger));
            wrapped(&mut out, &danger, MORE, &right.can);
        }
        if let [right, ..] = rights {
            wrapped(&mut out, MEANS, MEANS, &right.means);
        }
    }
    if !explanation.together.is_empty() {
        out.push_str("\ntogether\n");
    }
    for together in &explanation.together {
        wrapped(
            &mut out,
            "  ",
            "    ",
            &format!("{}: {}", together.name, together.means),
        );
    }
    out.push_str("\nit cannot\n");
    for impossible in &explanation.impossible {
        wrapped(&mut out, "  ", "    ", impossible);
    }
    out
}

/// What nobody wrote and the settings made lower.
fn narrowed(lowered: &[Lowered], out: &mut String) {
    if !lowered.is_empty() {
        out.push_str("\nlower than unless written, by the settings of this host\n");
    }
    for lowered in lowered {
        let (key, from, to, line) = (lowered.key, &lowered.from, &lowered.to, lowered.line);
        let path = escape(lowered.path.as_bytes());
        let _ = writeln!(out, "  {key:<16} {to} and not {from}: {path} line {line}");
    }
}

/// What stands before the meaning of a right, in line with the right itself.
const MEANS: &str = "             ";

/// What stands before the rest of a right that is longer than a line.
const MORE: &str = "               ";

/// A text in lines of a screen, the first with one indent and the rest with another.
fn wrapped(out: &mut String, first: &str, rest: &str, text: &str) {
    let mut line = String::from(first);
    let mut is_empty = true;
    for word in escape(text.as_bytes()).split(' ') {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            let _ = writeln!(out, "{line}");
            line = String::from(rest);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    let _ = writeln!(out, "{line}");
}

fn kebab(name: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(name).ok();
    value
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
