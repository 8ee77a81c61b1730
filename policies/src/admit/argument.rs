//! Whether an argument is what a rule says that it must be.
//!
//! | condition | what it is met by |
//! |---|---|
//! | `equals` a text | that text, in the same case, however it is escaped |
//! | `equals` a number | each way to write it: `1`, `1.0`, `1e0`; 2^53 + 1 is not 2^53 |
//! | `equals` a flag | that word; `1`, `"true"` and a list are others |
//! | `matches` | a text that matches whole; a list of one or more such texts |
//! | `within` | an absolute path that is the folder or below it by its names; a list of such |
//! | `max` | a number that is not larger; a text is no number |
//!
//! Numbers are compared by value and digit by digit, as JSON Schema and not as JavaScript has it.
//! What is absent meets nothing, `null` and half a surrogate pair neither. Lists count only where
//! the condition is about each text of its own: `[false]` is no `false`, and true to a server that
//! asks whether there is a value.
//!
//! `within` goes by names alone, since only the cell knows where links lead: `.`, doubled slashes
//! and one at the end are passed over; a relative path, `..` and NUL are refused. `/notes/../x`
//! names one folder before a link is followed and another one after, so it is within nothing.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::RefusalCode;
use crate::pattern::Pointer;
use crate::policy::{Condition, Scalar};
use crate::strict::{Parts, Value};
use crate::wording::Quoted;

/// A rule about one argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    pointer: Pointer,
    /// The pointer's names, so that no call takes it apart again.
    names: Vec<String>,
    condition: Condition,
}

impl Check {
    pub(super) fn new(pointer: Pointer, condition: Condition) -> Self {
        Self {
            names: pointer.names().collect(),
            pointer,
            condition,
        }
    }

    pub(super) fn pointer(&self) -> &Pointer {
        &self.pointer
    }

    pub(super) fn condition(&self) -> &Condition {
        &self.condition
    }

    /// Whether the arguments have what they must; if not, why, and what would do.
    pub(super) fn hold<'r>(
        &'r self,
        arguments: &mut Arguments<'_, 'r>,
    ) -> Result<(), (RefusalCode, String)> {
        let found = arguments.at(&self.names);
        let code = match found {
            Some(value) if is_met(&self.condition, value) => return Ok(()),
            Some(_) => RefusalCode::ArgumentNotAllowed,
            None => RefusalCode::ArgumentMissing,
        };
        let missing = if found.is_none() {
            "is missing and "
        } else {
            ""
        };
        let pointer = Quoted(self.pointer.as_str());
        let words = self.words();
        Err((
            code,
            format!("the argument {pointer} {missing}has to {words}"),
        ))
    }

    /// What the argument has to be, after "has to".
    pub(super) fn words(&self) -> String {
        match &self.condition {
            Condition::Equals(value) => format!("be {}", crate::widen::scalar(value)),
            Condition::Matches(pattern) => format!("match {}", Quoted(pattern.as_str())),
            Condition::Within(path) => format!("lie within {}, without `..`", Quoted(path)),
            Condition::Max(most) => format!("be a number of at most {most}"),
        }
    }
}

/// A call's arguments, each part of which is taken apart once, however many rules are about it.
pub(super) struct Arguments<'a, 'r> {
    whole: Option<Value<'a>>,
    opened: BTreeMap<&'r [String], Parts<'a>>,
}

impl<'a, 'r> Arguments<'a, 'r> {
    pub(super) fn new(whole: Option<Value<'a>>) -> Self {
        Self {
            whole,
            opened: BTreeMap::new(),
        }
    }

    /// What a pointer's names lead to.
    fn at(&mut self, names: &'r [String]) -> Option<Value<'a>> {
        let mut value = self.whole?;
        for (depth, name) in names.iter().enumerate() {
            let above = names.get(..depth).unwrap_or_default();
            let parts = self.opened.entry(above).or_insert_with(|| Parts::of(value));
            value = parts.get(name)?;
        }
        Some(value)
    }
}

fn is_met(condition: &Condition, value: Value<'_>) -> bool {
    match condition {
        Condition::Equals(Scalar::Text(text)) => value.text().is_some_and(|own| own == *text),
        Condition::Equals(Scalar::Whole(whole)) => value.compare(*whole) == Some(Ordering::Equal),
        Condition::Equals(Scalar::Flag(flag)) => {
            value.raw() == if *flag { "true" } else { "false" }
        }
        Condition::Matches(pattern) => each(value, |text| pattern.matches(text)),
        Condition::Within(folder) => each(value, |text| is_within(text, folder)),
        Condition::Max(most) => value.compare(*most).is_some_and(Ordering::is_le),
    }
}

/// Whether a text, or each text of a list that has one, is so.
fn each(value: Value<'_>, is: impl Fn(&str) -> bool) -> bool {
    let is_so = |value: &Value<'_>| value.text().is_some_and(|text| is(&text));
    match value.elements() {
        Some(elements) => !elements.is_empty() && elements.iter().all(is_so),
        None => is_so(&value),
    }
}

fn is_within(path: &str, folder: &str) -> bool {
    if !path.starts_with('/') || path.contains('\0') || names(path).any(|name| name == "..") {
        return false;
    }
    let mut own = names(path);
    names(folder).all(|name| own.next() == Some(name))
}

fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !matches!(*name, "" | "."))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[track_caller]
    fn check(condition: &Condition, met_by: &[&str], not_by: &[&str]) {
        let is = |raw: &str| is_met(condition, Value::new(raw));
        for raw in met_by {
            assert!(is(raw), "{condition:?} by {raw}");
        }
        for raw in not_by {
            assert!(!is(raw), "{condition:?} by {raw}");
        }
    }

    #[test]
    fn a_text_is_equal_to_itself_alone() {
        check(
            &Condition::Equals(Scalar::Text("main".into())),
            &[r#""main""#, r#""\u006dain""#],
            &[
                r#""Main""#,
                r#""main ""#,
                r#"["main"]"#,
                r#"{"main":1}"#,
                "main",
                "null",
                r#""mаin""#,
            ],
        );
        check(
            &Condition::Equals(Scalar::Text("1".into())),
            &[r#""1""#],
            &["1"],
        );
    }

    #[test]
    fn a_number_is_equal_by_value() {
        check(
            &Condition::Equals(Scalar::Whole(1)),
            &[
                "1",
                "1.0",
                "1e0",
                "10E-1",
                "0.1e+1",
                "1.000000000000000000000",
            ],
            &[
                r#""1""#,
                "true",
                "[1]",
                "1.0000000000000000000001",
                "-1",
                "0.9999999999999999999",
                "null",
                "1e1",
            ],
        );
        check(
            &Condition::Equals(Scalar::Whole(9_007_199_254_740_993)),
            &["9007199254740993", "9007199254740993.0"],
            &[
                "9007199254740992",
                "9.007199254740993e15x",
                "9007199254740994",
            ],
        );
        check(
            &Condition::Equals(Scalar::Whole(0)),
            &["0", "-0", "0.0", "0e99"],
            &["1e-99", "[0]"],
        );
    }

    #[test]
    fn a_flag_is_a_word_and_no_truth() {
        let flag = |flag| Condition::Equals(Scalar::Flag(flag));
        check(
            &flag(false),
            &["false"],
            &["[false]", "0", "null", "\"\"", "\"false\"", "true"],
        );
        check(&flag(true), &["true"], &["1", "\"true\"", "[true]"]);
    }

    #[test]
    fn a_pattern_is_about_each_text() {
        check(
            &Condition::Matches("docs-*".parse().unwrap()),
            &[r#""docs-""#, r#""docs-a/b.c""#, r#"["docs-a","docs-b"]"#],
            &[
                r#""Docs-a""#,
                r#""a docs-b""#,
                "[]",
                r#"["docs-a","x"]"#,
                r#"["docs-a",1]"#,
                r#"[["docs-a"]]"#,
                r#"{"docs-a":1}"#,
                r#""docs-\ud800""#,
                "1",
                "null",
            ],
        );
    }

    #[test]
    fn a_path_is_within_by_its_names() {
        check(
            &Condition::Within("/notes".into()),
            &[
                r#""/notes""#,
                r#""/notes/""#,
                r#""/notes/a""#,
                r#""//notes///a//""#,
                r#""/./notes/./a""#,
                r#""\/notes\/a""#,
                r#""/notes/..a""#,
                r#""/notes/...""#,
                r#"["/notes/a","/notes"]"#,
                r#""/notes/\n""#,
            ],
            &[
                r#""/""#,
                r#""/note""#,
                r#""/notesx""#,
                r#""/Notes/a""#,
                r#""notes/a""#,
                r#""""#,
                r#""./notes""#,
                r#""/notes/../etc""#,
                r#""/notes/..""#,
                r#""/notes/a/../b""#,
                r#""/x/../notes/a""#,
                r#""/notes/\u002e./x""#,
                r#""/notes/a\u0000""#,
                r#""~/notes""#,
                r#""file:///notes/a""#,
                r#""\\notes\\a""#,
                r#""/notes\\..\\a/../../x""#,
                "[]",
                r#"["/notes/a","/etc"]"#,
                "1",
                "null",
                r#"{"/notes":1}"#,
                r#"" /notes""#,
            ],
        );
        check(
            &Condition::Within("/".into()),
            &[r#""/""#, r#""/etc""#],
            &[r#""etc""#, r#""/..""#],
        );
    }

    #[test]
    fn a_bound_is_a_bound_for_every_digit() {
        check(
            &Condition::Max(100),
            &[
                "100",
                "1e2",
                "100.0",
                "99.99999999999999999999999999",
                "-1e999999999999",
                "0",
            ],
            &[
                "100.00000000000000000000000001",
                "101",
                "1e3",
                "1e99999999999999999999999999",
                r#""1""#,
                "true",
                "[1]",
                "null",
                "18446744073709551716",
            ],
        );
        check(
            &Condition::Max(i64::MIN),
            &["-9223372036854775808", "-1e19"],
            &["-9223372036854775807"],
        );
    }
}
