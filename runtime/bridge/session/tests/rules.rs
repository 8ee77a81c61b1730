//! Rules, and ways to get past them: every case in both eras, as data.

use super::*;

mod calls;
mod limits;
mod replies;
mod requests;
mod smuggling;

/// What the cases are played under.
const RULES: &str = r#"
[tools]
allow = ["list_*", "get_*", "fs/read.text", "put"]
[[tools.rule]]
tool = "get_*"
argument = "/path"
within = "/notes"
[[tools.rule]]
tool = "put"
argument = "/n"
max = 10
[[tools.rule]]
tool = "put"
argument = "/dry"
equals = true
[resources]
allow = ["file:///notes/*"]
[prompts]
allow = ["review_*"]
[client]
elicitation = true
"#;

/// One era of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Era {
    Legacy,
    Modern,
}

/// How a connection begins in each era; nothing of it is read by a rule.
const LEGACY: &[&str] = &[
    r#"c> {"jsonrpc":"2.0","id":"hello","method":"initialize","params":{"capabilities":{}}}"#,
    r#"s> {"jsonrpc":"2.0","id":"hello","result":{"capabilities":{"tools":{}}}}"#,
    r#"c> {"jsonrpc":"2.0","method":"notifications/initialized"}"#,
];
const MODERN: &[&str] = &[
    r#"c> {"jsonrpc":"2.0","id":"hello","method":"server/discover","params":{{meta}}}"#,
    r#"s> {"jsonrpc":"2.0","id":"hello","result":{"resultType":"complete","capabilities":{}}}"#,
];

/// What each request of the modern era has among its parameters.
const META: &str = concat!(
    r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
    r#""io.modelcontextprotocol/clientCapabilities":{}}"#
);

impl Era {
    const ALL: [Self; 2] = [Self::Legacy, Self::Modern];

    /// A line of a case in this era: `{m}` is what its parameters start with, `{meta}` is that
    /// alone, `{era}` is the kind of a result of brig's.
    fn spell(self, line: &str) -> String {
        let (first, alone, era) = match self {
            Self::Legacy => (String::new(), "", "legacy"),
            Self::Modern => (format!("{META},"), META, "complete"),
        };
        line.replace("{m}", &first)
            .replace("{meta}", alone)
            .replace("{era}", era)
    }

    fn begun(self, rules_of: &str) -> Player {
        let mut player = Player::new(rules(rules_of));
        let lines = match self {
            Self::Legacy => LEGACY,
            Self::Modern => MODERN,
        };
        for line in lines {
            player.play(&self.spell(line));
        }
        let notes = player.told.iter().filter(|line| line.starts_with("note"));
        assert_eq!(notes.count(), 0, "{:?}", player.told);
        player.told.clear();
        player
    }
}

/// Plays a case in both eras, without what people are told. A line `c=` or `s=` is what passes from
/// that side byte for byte, and a line that starts with `...` goes on with the one before it.
#[track_caller]
fn check_case(rules: &str, what: &str, script: &str) {
    for era in Era::ALL {
        let want: Vec<String> = joined(script)
            .iter()
            .flat_map(|line| match line.split_once("= ") {
                Some(("c", text)) => vec![format!("c> {text}"), format!("s< {text}")],
                Some(("s", text)) => vec![format!("s> {text}"), format!("c< {text}")],
                _ => vec![line.clone()],
            })
            .map(|line| era.spell(&line))
            .collect();
        let mut player = era.begun(rules);
        for line in &want {
            player.play(line);
        }
        let told = player.told.into_iter();
        let told: Vec<String> = told.filter(|line| !line.starts_with("note ")).collect();
        assert_eq!(told.join("\n"), want.join("\n"), "{what} ({era:?})");
    }
}

fn joined(script: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in script.lines().map(str::trim).filter(|it| !it.is_empty()) {
        match (line.strip_prefix("..."), lines.last_mut()) {
            (Some(rest), Some(last)) => last.push_str(rest),
            (Some(_), None) | (None, _) => lines.push(line.to_owned()),
        }
    }
    lines
}

/// A call of a tool, and what becomes of it: nothing said is that it passes.
#[track_caller]
fn check_call(name: &str, arguments: &str, refused: &str) {
    let params = format!(r#"{{{{m}}"name":{name},"arguments":{arguments}}}"#);
    let line = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
    let script = match refused {
        "" => format!("c= {line}"),
        "ambiguous-message" => format!("c> {line}\nc! 1 ambiguous-message"),
        refused => format!("c> {line}\nc? 1 {refused} {{era}}"),
    };
    check_case(RULES, &format!("{name} {arguments}"), &script);
}

#[test]
fn there_are_enough_cases() {
    let cases =
        calls::NAMES.len() + calls::ARGUMENTS.len() + requests::CASES.len() + replies::CASES.len();
    assert!(cases >= 60, "{cases}");
}
