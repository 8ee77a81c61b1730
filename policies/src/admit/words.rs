//! Rules in words, for whoever looks at a plan.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::patterns::Patterns;
use super::{Limit, Rule, Rules};
use crate::policy::ClientRight;
use crate::quantity::Size;
use crate::wording::Quoted;

impl Rules {
    /// Each rule on a line of its own, after a word for what it is about.
    pub fn words(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::from([("tools", all_or(self.tools.as_ref()))]);
        lines.extend(self.checks.iter().map(|rule| ("rule", rule_words(rule))));
        lines.extend(
            self.limits
                .iter()
                .map(|limit| ("limit", limit_words(limit))),
        );
        lines.push(("resources", all_or(self.resources.as_ref())));
        lines.push(("prompts", all_or(self.prompts.as_ref())));
        let rights: Vec<&str> = self.client.iter().map(|right| right.as_str()).collect();
        let asked = match rights.as_slice() {
            [] => "asked for nothing".to_string(),
            rights if rights.len() == ClientRight::ALL.len() => "asked for anything".to_string(),
            rights => format!("asked for nothing but {}", rights.join(", ")),
        };
        lines.push(("client", asked));
        lines
    }
}

fn all_or(patterns: Option<&Patterns>) -> String {
    let Some(patterns) = patterns else {
        return "all".to_string();
    };
    let texts = patterns.texts();
    if texts.is_empty() {
        return "none".to_string();
    }
    let texts: Vec<String> = texts.iter().map(|it| Quoted(it).to_string()).collect();
    texts.join(", ")
}

fn rule_words(rule: &Rule) -> String {
    let (tool, argument) = (Quoted(rule.tool.as_str()), rule.check.pointer());
    let (argument, words) = (Quoted(argument.as_str()), rule.check.words());
    format!("{tool}: {argument} has to {words}")
}

fn limit_words(limit: &Limit) -> String {
    let bounds = [
        limit
            .calls_per_minute
            .map(|most| format!("{most} calls in a minute")),
        limit.concurrency.map(|most| format!("{most} at once")),
        limit
            .result_bytes
            .map(|most| format!("answers of {}", Size(most))),
    ];
    let bounds: Vec<String> = bounds.into_iter().flatten().collect();
    let tool = Quoted(limit.tool.as_str());
    format!("{tool}: at most {}", bounds.join(", "))
}
