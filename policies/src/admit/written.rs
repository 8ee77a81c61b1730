//! Rules as plain data, for a plan and its digest: what they say, and not where they are written.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::argument::Check;
use super::checks::Checks;
use super::patterns::Patterns;
use super::{Limit, Place, Rule, Rules};
use crate::pattern::{InvalidPattern, InvalidPointer, Pattern};
use crate::policy::{ClientRight, Condition, Scalar};

/// The form of [`Rules`] that is written and read.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct WrittenRules {
    /// `None` for all.
    tools: Option<BTreeSet<String>>,
    rules: Vec<WrittenRule>,
    limits: Vec<WrittenLimit>,
    resources: Option<BTreeSet<String>>,
    prompts: Option<BTreeSet<String>>,
    client: BTreeSet<String>,
}

#[derive(Serialize, Deserialize)]
struct WrittenRule {
    tool: String,
    argument: String,
    #[serde(flatten)]
    condition: WrittenCondition,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WrittenCondition {
    Equals(WrittenScalar),
    Matches(String),
    Within(String),
    Max(i64),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenScalar {
    Flag(bool),
    Whole(i64),
    Text(String),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WrittenLimit {
    tool: String,
    calls_per_minute: Option<u32>,
    concurrency: Option<u32>,
    result_bytes: Option<u64>,
}

/// Why a written form is none of rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidRules {
    /// Not a pattern.
    #[error("a pattern is none: {0}")]
    Pattern(#[from] InvalidPattern),
    /// Not a pointer.
    #[error("a pointer is none: {0}")]
    Pointer(#[from] InvalidPointer),
    /// Not a right over a client.
    #[error("\"{0}\" is no right over a client")]
    Right(String),
}

impl From<Rules> for WrittenRules {
    fn from(rules: Rules) -> Self {
        let texts = |patterns: &Option<Patterns>| patterns.as_ref().map(Patterns::texts);
        Self {
            tools: texts(&rules.tools),
            rules: rules.checks.iter().map(write_rule).collect(),
            limits: rules.limits.iter().map(write_limit).collect(),
            resources: texts(&rules.resources),
            prompts: texts(&rules.prompts),
            client: rules.client.iter().map(|it| it.as_str().into()).collect(),
        }
    }
}

fn write_rule(rule: &Rule) -> WrittenRule {
    WrittenRule {
        tool: rule.tool.to_string(),
        argument: rule.check.pointer().to_string(),
        condition: match rule.check.condition() {
            Condition::Equals(Scalar::Text(text)) => {
                WrittenCondition::Equals(WrittenScalar::Text(text.clone()))
            }
            Condition::Equals(Scalar::Whole(whole)) => {
                WrittenCondition::Equals(WrittenScalar::Whole(*whole))
            }
            Condition::Equals(Scalar::Flag(flag)) => {
                WrittenCondition::Equals(WrittenScalar::Flag(*flag))
            }
            Condition::Matches(pattern) => WrittenCondition::Matches(pattern.to_string()),
            Condition::Within(path) => WrittenCondition::Within(path.clone()),
            Condition::Max(most) => WrittenCondition::Max(*most),
        },
    }
}

fn write_limit(limit: &Limit) -> WrittenLimit {
    WrittenLimit {
        tool: limit.tool.to_string(),
        calls_per_minute: limit.calls_per_minute,
        concurrency: limit.concurrency,
        result_bytes: limit.result_bytes,
    }
}

impl TryFrom<WrittenRules> for Rules {
    type Error = InvalidRules;

    fn try_from(written: WrittenRules) -> Result<Self, Self::Error> {
        let unplaced = || Place::of(None);
        Ok(Self {
            tools: read_patterns(written.tools)?,
            tools_place: unplaced(),
            checks: Checks::new(
                written
                    .rules
                    .into_iter()
                    .map(read_rule)
                    .collect::<Result<Vec<_>, _>>()?,
            ),
            limits: written
                .limits
                .iter()
                .map(read_limit)
                .collect::<Result<_, _>>()?,
            resources: read_patterns(written.resources)?,
            resources_place: unplaced(),
            prompts: read_patterns(written.prompts)?,
            prompts_place: unplaced(),
            client: written
                .client
                .into_iter()
                .map(read_right)
                .collect::<Result<_, _>>()?,
        })
    }
}

fn read_patterns(texts: Option<BTreeSet<String>>) -> Result<Option<Patterns>, InvalidRules> {
    let Some(texts) = texts else { return Ok(None) };
    let patterns: Vec<Pattern> = texts
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()?;
    Ok(Some(Patterns::new(patterns)))
}

fn read_rule(written: WrittenRule) -> Result<Rule, InvalidRules> {
    let condition = match written.condition {
        WrittenCondition::Equals(WrittenScalar::Text(text)) => {
            Condition::Equals(Scalar::Text(text))
        }
        WrittenCondition::Equals(WrittenScalar::Whole(whole)) => {
            Condition::Equals(Scalar::Whole(whole))
        }
        WrittenCondition::Equals(WrittenScalar::Flag(flag)) => {
            Condition::Equals(Scalar::Flag(flag))
        }
        WrittenCondition::Matches(pattern) => Condition::Matches(pattern.parse()?),
        WrittenCondition::Within(path) => Condition::Within(path),
        WrittenCondition::Max(most) => Condition::Max(most),
    };
    Ok(Rule {
        tool: written.tool.parse()?,
        check: Check::new(written.argument.parse()?, condition),
        place: Place::of(None),
    })
}

fn read_limit(written: &WrittenLimit) -> Result<Limit, InvalidRules> {
    Ok(Limit {
        tool: written.tool.parse()?,
        calls_per_minute: written.calls_per_minute,
        concurrency: written.concurrency,
        result_bytes: written.result_bytes,
        place: Place::of(None),
    })
}

fn read_right(name: String) -> Result<ClientRight, InvalidRules> {
    let mut rights = ClientRight::ALL.iter().copied();
    let right = rights.find(|right| right.as_str() == name);
    right.ok_or(InvalidRules::Right(name))
}
