//! Decisions while a server runs: what may pass between it and its client.
//!
//! A [`Policy`]'s words about tools, resources, prompts and the client are made into [`Rules`]
//! once, and each question is then answered by a [`Permit`] or by a [`Refused`], which names a
//! stable code and the key of the manifest that would let it pass. *Absent here:* a clock and
//! messages. Whoever asks has taken the message apart and says what time it is.

mod argument;
mod ask;
mod checks;
mod patterns;
mod refused;
mod uri;
mod usage;
mod words;
mod written;

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::pattern::{Pattern, ToolPattern};
use crate::policy::{Allowed, ClientRight, Policy, Tools};
use crate::strict::{Unclear, Value, shown};

use argument::{Arguments, Check};
use checks::Checks;
use patterns::Patterns;
pub use refused::{Place, RefusalCode, Refused};
pub use usage::{Slot, Usage};
use written::WrittenRules;

/// What may pass between one server and its client.
///
/// Two are equal when they let the same pass, wherever in a manifest that is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenRules", into = "WrittenRules")]
pub struct Rules {
    /// `None` for all tools.
    tools: Option<Patterns>,
    tools_place: Place,
    checks: Checks,
    limits: Vec<Limit>,
    resources: Option<Patterns>,
    resources_place: Place,
    prompts: Option<Patterns>,
    prompts_place: Place,
    client: BTreeSet<ClientRight>,
}

/// What an argument of some tools must be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    tool: ToolPattern,
    check: Check,
    place: Place,
}

/// What bounds the calls of some tools.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Limit {
    tool: ToolPattern,
    calls_per_minute: Option<u32>,
    concurrency: Option<u32>,
    result_bytes: Option<u64>,
    place: Place,
}

/// One act that the rules let pass. Only they make one.
#[must_use = "what was admitted is still to be done"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    /// The limits that a call counts towards, by their place among all.
    limits: Vec<usize>,
    result_bytes_max: Option<u64>,
}

impl Permit {
    const fn plain() -> Self {
        Self {
            limits: Vec::new(),
            result_bytes_max: None,
        }
    }

    /// Whether a limit counts what it admits.
    pub fn is_counted(&self) -> bool {
        !self.limits.is_empty()
    }

    /// Bytes of the answer at most; `None` where a message's own bound is all that there is.
    pub fn result_bytes_max(&self) -> Option<u64> {
        self.result_bytes_max
    }
}

/// Why something does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// The rules refuse it.
    Refused(Refused),
    /// Readers could take it differently, so no rule can decide about it.
    Unclear(Unclear),
}

impl From<Refused> for Withheld {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Unclear> for Withheld {
    fn from(unclear: Unclear) -> Self {
        Self::Unclear(unclear)
    }
}

impl Rules {
    /// The rules of a policy.
    pub fn new(policy: &Policy) -> Self {
        let tools = policy.tools();
        let allow = tools.and_then(Tools::allow);
        let rules = tools.into_iter().flat_map(Tools::rules);
        let limits = tools.into_iter().flat_map(Tools::limits);
        let (resources, prompts) = (policy.resources(), policy.prompts());
        let patterns = |allow: &BTreeSet<Pattern>| Patterns::new(allow.iter().cloned());
        Self {
            tools: allow
                .map(|allow| Patterns::new(allow.iter().map(ToolPattern::pattern).cloned())),
            tools_place: Place::of(tools.map(Tools::allow_mark)),
            checks: Checks::new(rules.map(|rule| Rule {
                tool: rule.tool().clone(),
                check: Check::new(rule.argument().clone(), rule.condition().clone()),
                place: Place::of(Some(rule.mark())),
            })),
            limits: limits
                .map(|limit| Limit {
                    tool: limit.tool().clone(),
                    calls_per_minute: limit.calls_per_minute(),
                    concurrency: limit.concurrency(),
                    result_bytes: limit.result_bytes(),
                    place: Place::of(Some(limit.mark())),
                })
                .collect(),
            resources: resources.and_then(Allowed::allow).map(patterns),
            resources_place: Place::of(resources.map(Allowed::mark)),
            prompts: prompts.and_then(Allowed::allow).map(patterns),
            prompts_place: Place::of(prompts.map(Allowed::mark)),
            client: policy.client().keys().copied().collect(),
        }
    }

    /// Rules that let nothing pass: no tool, no resource, no prompt, and no right over the client.
    pub fn closed() -> Self {
        let none = || Some(Patterns::new([]));
        Self {
            tools: none(),
            tools_place: Place::of(None),
            checks: Checks::new([]),
            limits: Vec::new(),
            resources: none(),
            resources_place: Place::of(None),
            prompts: none(),
            prompts_place: Place::of(None),
            client: BTreeSet::new(),
        }
    }

    /// Whether any rule reads the lists of tools.
    pub fn narrows_tools(&self) -> bool {
        self.tools.is_some()
    }

    /// Whether any rule reads calls.
    pub fn reads_calls(&self) -> bool {
        self.tools.is_some() || !self.checks.is_empty() || !self.limits.is_empty()
    }

    /// Whether any rule reads what is said about resources.
    pub fn narrows_resources(&self) -> bool {
        self.resources.is_some()
    }

    /// Whether any rule reads what is said about prompts.
    pub fn narrows_prompts(&self) -> bool {
        self.prompts.is_some()
    }

    /// Whether a tool may be seen.
    pub fn admit_tool(&self, name: &str) -> Result<Permit, Refused> {
        if self.tools.as_ref().is_none_or(|tools| tools.hold(name)) {
            return Ok(Permit::plain());
        }
        let reason = format!("the tool \"{}\" may not be called here", shown(name));
        let code = RefusalCode::ToolNotAllowed;
        Err(Refused::new(
            code,
            ("tools.allow", &self.tools_place),
            name,
            reason,
        ))
    }

    /// Whether a call may be made. Rules about its tool read `arguments` to their full depth; where
    /// there are none, they stay unread.
    pub fn admit_call(&self, name: &str, arguments: Option<Value<'_>>) -> Result<Permit, Withheld> {
        let mut permit = self.admit_tool(name)?;
        let rules = self.checks.about(name);
        if let Some(arguments) = arguments.filter(|_| !rules.is_empty()) {
            arguments.clear()?;
        }
        let mut arguments = Arguments::new(arguments);
        for rule in rules {
            rule.check.hold(&mut arguments).map_err(|(code, what)| {
                let reason = format!("{what} in a call of the tool \"{}\"", shown(name));
                Refused::new(code, ("tools.rule", &rule.place), name, reason)
            })?;
        }
        for (at, limit) in self.limits.iter().enumerate() {
            if limit.tool.matches(name) {
                permit.limits.push(at);
                let most = permit
                    .result_bytes_max
                    .into_iter()
                    .chain(limit.result_bytes);
                permit.result_bytes_max = most.min();
            }
        }
        Ok(permit)
    }

    /// What to say of an answer that is larger than its permit allows.
    pub fn refuse_result(&self, permit: &Permit, name: &str) -> Refused {
        let most = permit.result_bytes_max.unwrap_or_default();
        let limits = permit.limits.iter().filter_map(|at| self.limits.get(*at));
        let limit = limits.into_iter().find(|it| it.result_bytes == Some(most));
        let tool = shown(name);
        let size = crate::quantity::Size(most);
        let reason =
            format!("the answer of the tool \"{tool}\" is larger than {size}; ask for less");
        let place = limit.map_or(&self.tools_place, |limit| &limit.place);
        Refused::new(
            RefusalCode::ResultTooLarge,
            ("tools.limit", place),
            name,
            reason,
        )
    }

    /// Whether a resource may be seen, read and watched. What [`uri`] says of dots holds.
    pub fn admit_resource(&self, uri: &str) -> Result<Permit, Refused> {
        if self.resources.as_ref().is_none_or(|it| uri::hold(it, uri)) {
            return Ok(Permit::plain());
        }
        let reason = format!("the resource \"{}\" may not be read here", shown(uri));
        let code = RefusalCode::ResourceNotAllowed;
        let place = &self.resources_place;
        Err(Refused::new(code, ("resources.allow", place), uri, reason))
    }

    /// Whether a prompt may be seen and used.
    pub fn admit_prompt(&self, name: &str) -> Result<Permit, Refused> {
        if self.prompts.as_ref().is_none_or(|it| it.hold(name)) {
            return Ok(Permit::plain());
        }
        let reason = format!("the prompt \"{}\" may not be used here", shown(name));
        let code = RefusalCode::PromptNotAllowed;
        let place = &self.prompts_place;
        Err(Refused::new(code, ("prompts.allow", place), name, reason))
    }
}
