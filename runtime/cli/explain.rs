//! `brig explain`: the rights of a manifest in plain words, at most a screen for most servers.

use super::arguments::Of;
use super::print;
use crate::exit::Exit;
use crate::prepare::{check, decide};
use crate::report::Refused;
use crate::screen::{kebab, narrowed, rights, wrapped};
use brig_policies::explain as words;
use serde_json::json;

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
    let mut out = String::new();
    rights(&name, &explanation, &mut out);
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
