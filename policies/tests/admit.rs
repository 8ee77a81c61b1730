//! What the rules of a manifest let pass: by example, and what holds for all of them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;

use brig_policies::strict::{Object, Unclear, Value};
use brig_policies::{ClientRight, Places, RefusalCode, Refused, Rules, Usage, Withheld, check};
use proptest::prelude::*;

fn places() -> Places {
    Places {
        home: Some("/home/me".into()),
        project: None,
        manifest_folder: "/home/me/manifests".into(),
        own_folders: Vec::new(),
        manifest_path: "/home/me/manifests/notes.toml".into(),
    }
}

fn text(body: &str) -> String {
    format!("brig = 1\n[server]\nname = \"x\"\ncomponent = \"x.wasm\"\n{body}")
}

fn rules(body: &str) -> Rules {
    let text = text(body);
    let policy = check(&text, &places());
    Rules::new(&policy.unwrap_or_else(|faults| unreachable!("{faults}\n{text}")))
}

/// What became of a question: "passes", the code and the key that would let it pass, or why it is
/// unclear.
fn told<T>(answer: Result<T, Withheld>) -> String {
    match answer {
        Ok(_) => "passes".to_owned(),
        Err(Withheld::Refused(refused)) => {
            format!("{} by {}", refused.code().as_str(), refused.key())
        }
        Err(Withheld::Unclear(unclear)) => unclear.to_string(),
    }
}

const NOTES: &str = r#"
[tools]
allow = ["list_*", "get_*", "fs/read.text", "put"]
[[tools.rule]]
tool = "get_*"
argument = "/path"
within = "/notes"
[[tools.rule]]
tool = "get_all"
argument = "/options/limits/0"
max = 10
[[tools.rule]]
tool = "put"
argument = "/a~1b"
equals = "main"
"#;

#[track_caller]
fn check_call(body: &str, name: &str, arguments: &str, want: &str) {
    let arguments = (!arguments.is_empty()).then(|| Value::new(arguments));
    let got = told(rules(body).admit_call(name, arguments));
    assert_eq!(got, want, "{name} {arguments:?}");
}

#[test]
fn a_call_passes_by_its_name() {
    let not_allowed = "tool-not-allowed by tools.allow";
    let check = |name: &str, arguments: &str, want: &str| {
        check_call(NOTES, name, arguments, want);
    };
    check("list_notes", "", "passes");
    check("list_", r#"{"a":1,"a":2}"#, "passes");
    check("fs/read.text", "{}", "passes");
    for other in [
        "",
        "List_notes",
        "list",
        " list_notes",
        "delete",
        "fs/read_text",
        "lіst_x",
        "get",
        "*",
        "put ",
        "put\0",
    ] {
        check(other, "{}", not_allowed);
    }
}

#[test]
fn a_call_passes_by_every_rule_about_it() {
    let not_so = "argument-not-allowed by tools.rule";
    let missing = "argument-missing by tools.rule";
    let check = |name: &str, arguments: &str, want: &str| {
        check_call(NOTES, name, arguments, want);
    };
    check("get_note", r#"{"path":"/notes/a"}"#, "passes");
    check("get_note", r#"{"path":"/etc/passwd"}"#, not_so);
    check("get_note", r#"{"Path":"/notes/a"}"#, missing);
    for empty in [
        "",
        "{}",
        "null",
        "[]",
        "\"path\"",
        r#"{"a":{"path":"/notes"}}"#,
    ] {
        check("get_note", empty, missing);
    }
    let path = r#""path":"/notes""#;
    check(
        "get_all",
        &format!("{{{path},\"options\":{{\"limits\":[10]}}}}"),
        "passes",
    );
    check(
        "get_all",
        &format!("{{{path},\"options\":{{\"limits\":[11]}}}}"),
        not_so,
    );
    check(
        "get_all",
        &format!("{{{path},\"options\":{{\"limits\":[]}}}}"),
        missing,
    );
    check(
        "get_all",
        &format!("{{{path},\"options\":{{\"limits\":{{\"0\":1}}}}}}"),
        "passes",
    );
    check("get_all", r#"{"options":{"limits":[1]}}"#, missing);
    check("put", r#"{"a/b":"main"}"#, "passes");
    check("put", r#"{"a~1b":"main"}"#, missing);
}

#[test]
fn what_a_rule_reads_has_to_be_clear_to_its_full_depth() {
    let twice = |key: &str| Unclear::Twice(key.into()).to_string();
    let check = |arguments: &str, want: &str| check_call(NOTES, "get_note", arguments, want);
    check(r#"{"path":"/notes","path":"/etc"}"#, &twice("path"));
    check(r#"{"path":"/etc","path":"/notes"}"#, &twice("path"));
    check(r#"{"path":"/notes","PATH":"/etc"}"#, &twice("path"));
    check(r#"{"path":"/notes","\u0070ath":"/etc"}"#, &twice("path"));
    check(r#"{"path":"/notes","x":[{"y":1,"Y":2}]}"#, &twice("y"));
    let deep = format!(
        "{{\"path\":\"/notes\",\"x\":{}{}}}",
        "[".repeat(128),
        "]".repeat(128)
    );
    check(&deep, &Unclear::Deep.to_string());
    check(
        r#"{"path":"/notes","\udc00":1}"#,
        &Unclear::HalfKey.to_string(),
    );
}

#[test]
fn without_words_about_them_all_tools_resources_and_prompts_pass() {
    let rules = rules("");
    assert!(!rules.reads_calls() && !rules.narrows_resources() && !rules.narrows_prompts());
    let twice = Value::new(r#"{"a":1,"a":2}"#);
    assert_eq!(told(rules.admit_call("anything", Some(twice))), "passes");
    assert!(rules.admit_resource("file:///../x").is_ok() && rules.admit_prompt("").is_ok());
    for right in ClientRight::ALL {
        assert!(!rules.grants(*right), "{right:?}");
    }
}

#[test]
fn rules_that_are_closed_let_nothing_pass() {
    let closed = Rules::closed();
    assert!(closed.admit_tool("a").is_err() && closed.admit_prompt("a").is_err());
    assert!(closed.admit_resource("a").is_err() && !closed.grants_all());
}

#[test]
fn resources_and_prompts_pass_by_pattern() {
    let rules = rules(
        "[resources]\nallow = [\"file:///notes/*\", \"note://today\"]\n\
         [prompts]\nallow = [\"review_*\"]\n",
    );
    let resource = |uri: &str| told(rules.admit_resource(uri).map_err(Into::into));
    let prompt = |name: &str| told(rules.admit_prompt(name).map_err(Into::into));
    assert_eq!(resource("file:///notes/a"), "passes");
    assert_eq!(resource("note://today"), "passes");
    let refused = "resource-not-allowed by resources.allow";
    for other in ["file:///notes/../x", "file:///etc", "note://today/", ""] {
        assert_eq!(resource(other), refused, "{other}");
    }
    assert_eq!(prompt("review_code"), "passes");
    assert_eq!(prompt("Review_code"), "prompt-not-allowed by prompts.allow");
}

#[test]
fn a_refusal_names_the_line_that_decided_and_says_what_would_pass() {
    let body = NOTES;
    let whole = text(body);
    let rules = rules(body);
    let place = |refused: &Refused| {
        let span = refused.span().unwrap();
        let line = whole[..span.start].matches('\n').count();
        whole.lines().nth(line).unwrap().to_owned()
    };
    let refused = rules.admit_tool("rm `-rf`\n").unwrap_err();
    assert_eq!(refused.code(), RefusalCode::ToolNotAllowed);
    let reason = r#"the tool "rm\u{20}\u{60}-rf\u{60}\u{a}" may not be called here"#;
    assert_eq!(refused.reason(), reason);
    assert!(
        place(&refused).starts_with("allow = "),
        "{}",
        place(&refused)
    );
    let arguments = Some(Value::new(r#"{"path":"/etc"}"#));
    let Withheld::Refused(refused) = rules.admit_call("get_x", arguments).unwrap_err() else {
        unreachable!("it is clear")
    };
    assert_eq!(
        refused.reason(),
        "the argument `/path` has to lie within `/notes`, without `..` in a call of the tool \
         \"get_x\""
    );
    assert_eq!(place(&refused), "[[tools.rule]]");
    let codes: std::collections::BTreeSet<&str> =
        RefusalCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(codes.len(), RefusalCode::ALL.len());
}

/// Which rights a server is granted, and what it asks; what of it passes.
#[track_caller]
fn check_ask(granted: &str, method: &str, params: &str, want: &str) {
    let rules = rules(&format!("[client]\n{granted}\n"));
    let params = (!params.is_empty()).then(|| Value::new(params));
    let got = told(rules.admit_ask(method, params));
    assert_eq!(got, want, "{granted}: {method} {params:?}");
}

#[test]
fn a_server_asks_for_what_it_was_granted() {
    let refused = |right: &str| format!("right-not-granted by client.{right}");
    for (method, right) in [
        ("sampling/createMessage", "sampling"),
        ("elicitation/create", "elicitation"),
        ("roots/list", "roots"),
    ] {
        check_ask("", method, "{}", &refused(right));
        check_ask("", method, "", &refused(right));
        check_ask(&format!("{right} = true"), method, "{}", "passes");
        check_ask("", &method.to_uppercase(), "{}", &refused(right));
    }
    check_ask("", "ping", "", "passes");
    check_ask("", "vendor/ask", r#"{"a":1,"a":2}"#, "passes");
    let (form, url) = ("elicitation = true", "elicitation-url = true");
    let both = format!("{form}\n{url}");
    let check = |granted: &str, params: &str, want: &str| {
        check_ask(granted, "elicitation/create", params, want);
    };
    check(form, r#"{"mode":"form"}"#, "passes");
    check(
        form,
        r#"{"mode":"url","url":"https://x"}"#,
        &refused("elicitation-url"),
    );
    check(form, r#"{"url":"https://x"}"#, &refused("elicitation-url"));
    check(form, r#"{"mode":"URL"}"#, &refused("elicitation-url"));
    check(form, r#"{"mode":1}"#, &Unclear::Form("mode").to_string());
    check(
        form,
        r#"{"mode":"form","mode":"url"}"#,
        &Unclear::Twice("mode".into()).to_string(),
    );
    let variant = Unclear::Variant("Mode".into(), "mode");
    check(form, r#"{"Mode":"url"}"#, &variant.to_string());
    check(form, "[]", &Unclear::Form("params").to_string());
    check(url, r#"{"mode":"url"}"#, "passes");
    check(url, r#"{"mode":"form"}"#, &refused("elicitation"));
    check(url, "{}", &refused("elicitation"));
    check(&both, r#"{"Mode":1,"mode":2}"#, "passes");
}

#[test]
fn a_server_tells_what_it_was_granted() {
    let check = |granted: &str, method: &str, params: &str, want: &str| {
        let rules = rules(&format!("[client]\n{granted}\n"));
        let got = told(rules.admit_ask(method, Some(Value::new(params))));
        assert_eq!(got, want, "{granted}: {method} {params}");
    };
    let logging = "right-not-granted by client.logging";
    check("", "notifications/message", "{}", logging);
    check("", "Notifications/Message", "{}", logging);
    check("logging = true", "notifications/message", "{}", "passes");
    let url = "right-not-granted by client.elicitation-url";
    check(
        "elicitation = true",
        "notifications/elicitation/complete",
        "{}",
        url,
    );
    check("", "notifications/progress", "{}", "passes");
    let asks = r#"{"inputRequests":{"a":{"method":"roots/list"}}}"#;
    check(
        "",
        "notifications/tasks",
        asks,
        "right-not-granted by client.roots",
    );
    check("roots = true", "notifications/tasks", asks, "passes");
    check("", "notifications/tasks", "{}", "passes");
}

#[test]
fn what_a_result_asks_is_admitted_as_a_whole() {
    let check = |granted: &str, text: &str, want: &str| {
        let rules = rules(&format!("[client]\n{granted}\n"));
        let result = Object::read(Value::new(text), "result", &["inputRequests"]);
        let got = told(
            result
                .map_err(Into::into)
                .and_then(|it| rules.admit_inputs(&it)),
        );
        assert_eq!(got, want, "{granted}: {text}");
    };
    let roots = "right-not-granted by client.roots";
    check("", "{}", "passes");
    check("", r#"{"inputRequests":{}}"#, "passes");
    let both = r#"{"inputRequests":{"a":{"method":"elicitation/create","params":{}},
        "b":{"method":"roots/list"}}}"#;
    check("elicitation = true", both, roots);
    check("elicitation = true\nroots = true", both, "passes");
    check(
        "",
        r#"{"inputRequests":{"a":{"method":"r\u006fots/list"}}}"#,
        roots,
    );
    let form = |what| Unclear::Form(what).to_string();
    check(
        "",
        r#"{"inputRequests":[{"method":"roots/list"}]}"#,
        &form("inputRequests"),
    );
    check(
        "",
        r#"{"inputRequests":{"a":{"params":{}}}}"#,
        &form("method"),
    );
    check(
        "",
        r#"{"inputRequests":{"a":null}}"#,
        &form("inputRequests"),
    );
    let variant = Unclear::Variant("InputRequests".into(), "inputRequests").to_string();
    check("", r#"{"InputRequests":{}}"#, &variant);
    let twice = Unclear::Twice("method".into()).to_string();
    check(
        "",
        r#"{"inputRequests":{"a":{"method":"x","METHOD":"roots/list"}}}"#,
        &twice,
    );
}

#[test]
fn limits_are_counted_for_all_their_tools_together() {
    let rules = rules(
        "[tools]\n\
         [[tools.limit]]\ntool = \"get_*\"\ncalls-per-minute = 3\n\
         [[tools.limit]]\ntool = \"*_slow\"\nconcurrency = 1\nresult = \"1KiB\"\n",
    );
    let mut usage = Usage::new(&rules);
    let mut take = |name: &str, now_ms| {
        let permit = rules.admit_call(name, None).unwrap();
        usage.take(&rules, &permit, name, now_ms)
    };
    let slow = take("get_slow", 0).unwrap();
    let busy = take("get_slow", 1).unwrap_err();
    assert_eq!(
        (busy.code(), busy.key()),
        (RefusalCode::TooManyAtOnce, "tools.limit")
    );
    // A call that one limit refuses counts towards no other.
    let _ = take("get_a", 10_000).unwrap();
    let _ = take("get_b", 20_000).unwrap();
    let often = take("get_c", 59_999).unwrap_err();
    assert_eq!(often.code(), RefusalCode::RateLimited);
    assert!(
        often.reason().ends_with("call it again in 1 seconds"),
        "{}",
        often.reason()
    );
    let _ = take("list", 59_999).unwrap();
    let _ = take("get_c", 60_000).unwrap();
    assert_eq!(
        take("get_c", 69_999).unwrap_err().code(),
        RefusalCode::RateLimited
    );
    assert_eq!(
        take("other_slow", 69_999).unwrap_err().code(),
        RefusalCode::TooManyAtOnce
    );
    usage.give_back(slow);
    let permit = rules.admit_call("other_slow", None).unwrap();
    assert_eq!(permit.result_bytes_max(), Some(1024));
    let _ = usage.take(&rules, &permit, "other_slow", 69_999).unwrap();
    let large = rules.refuse_result(&permit, "other_slow");
    assert_eq!(large.code(), RefusalCode::ResultTooLarge);
    assert!(
        large.reason().contains("larger than 1KiB"),
        "{}",
        large.reason()
    );
}

#[test]
fn the_smallest_bound_of_an_answer_counts() {
    let rules = rules(
        "[tools]\n[[tools.limit]]\ntool = \"*\"\nresult = \"1MiB\"\n\
         [[tools.limit]]\ntool = \"get\"\nresult = \"4KiB\"\n",
    );
    let most = |name: &str| rules.admit_call(name, None).unwrap().result_bytes_max();
    assert_eq!((most("get"), most("put")), (Some(4096), Some(1 << 20)));
}

#[test]
fn rules_are_plain_data_and_come_back_the_same() {
    let all = format!(
        "{NOTES}[[tools.rule]]\ntool = \"*\"\nargument = \"/x\"\nequals = true\n\
         [[tools.rule]]\ntool = \"*\"\nargument = \"/y\"\nequals = -3\n\
         [[tools.rule]]\ntool = \"*\"\nargument = \"/z\"\nmatches = \"a*\"\n\
         [[tools.limit]]\ntool = \"a*\"\nconcurrency = 2\n\
         [resources]\nallow = [\"b*\", \"a\"]\n[prompts]\nallow = []\n\
         [client]\nroots = true\nelicitation-url = true\n"
    );
    for body in ["", &all] {
        let rules = rules(body);
        let json = serde_json::to_string(&rules).unwrap();
        let back: Rules = serde_json::from_str(&json).unwrap();
        assert_eq!(back, rules);
        assert_eq!(serde_json::to_string(&back).unwrap(), json);
    }
    let json = serde_json::to_value(rules(&all)).unwrap();
    assert_eq!(json["resources"], serde_json::json!(["a", "b*"]));
    let rule = serde_json::json!({ "tool": "get_*", "argument": "/path", "within": "/notes" });
    assert_eq!(json["rules"][0], rule);
    assert_eq!(
        json["client"],
        serde_json::json!(["elicitation-url", "roots"])
    );
    // A line above changes where a rule stands, and nothing else.
    assert_eq!(rules(&format!("# above\n{all}")), rules(&all));
}

#[test]
fn rules_are_put_into_words() {
    let words = |body: &str| {
        let lines = rules(body).words();
        let lines: Vec<String> = lines.iter().map(|(of, is)| format!("{of}: {is}")).collect();
        lines.join("\n")
    };
    assert_eq!(
        words(""),
        "tools: all\nresources: all\nprompts: all\nclient: asked for nothing"
    );
    let body = "[tools]\nallow = [\"get_*\", \"a\"]\n\
        [[tools.rule]]\ntool = \"get_*\"\nargument = \"/n\"\nmax = 3\n\
        [[tools.limit]]\ntool = \"a\"\ncalls-per-minute = 9\nresult = \"1MiB\"\n\
        [resources]\nallow = []\n[client]\nroots = true\nlogging = true\n";
    assert_eq!(
        words(body),
        "tools: `a`, `get_*`\nrule: `get_*`: `/n` has to be a number of at most 3\n\
         limit: `a`: at most 9 calls in a minute, answers of 1MiB\nresources: none\nprompts: all\n\
         client: asked for nothing but roots, logging"
    );
}

const NAMES: &[&str] = &[
    "a", "ab", "b", "get_a", "get_b", "A", "*", "a*", "get_*", "*b", "*_*",
];
const CONDITIONS: &[&str] = &[
    "equals = \"/a\"",
    "equals = 3",
    "equals = true",
    "matches = \"/a*\"",
    "within = \"/a\"",
    "within = \"/\"",
    "max = 5",
];
const ARGUMENTS: &[&str] = &[
    "{}",
    "null",
    r#"{"p":"/a"}"#,
    r#"{"p":"/a/b"}"#,
    r#"{"p":3}"#,
    r#"{"p":3.0}"#,
    r#"{"p":9}"#,
    r#"{"p":true}"#,
    r#"{"p":["/a"]}"#,
    r#"{"p":["/a",3]}"#,
    r#"{"q":"/a"}"#,
    r#"{"p":{"q":3}}"#,
    r#"{"p":3,"P":3}"#,
    r#"{"p":3,"q":{"r":1,"r":1}}"#,
];

fn rule() -> impl Strategy<Value = String> {
    let parts = (
        0..NAMES.len(),
        prop_oneof!["/p", "/q", "/p/q", "/p/0"],
        0..CONDITIONS.len(),
    );
    parts.prop_map(|(name, pointer, condition)| {
        let (name, condition) = (NAMES[name], CONDITIONS[condition]);
        format!("[[tools.rule]]\ntool = \"{name}\"\nargument = \"{pointer}\"\n{condition}\n")
    })
}

fn limit() -> impl Strategy<Value = String> {
    (0..NAMES.len(), 1..4_u32).prop_map(|(name, most)| {
        let name = NAMES[name];
        format!("[[tools.limit]]\ntool = \"{name}\"\nconcurrency = {most}\n")
    })
}

fn allow() -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(NAMES, 0..NAMES.len())
}

/// Which of all calls pass.
fn passing(rules: &Rules) -> Vec<bool> {
    let calls = NAMES
        .iter()
        .flat_map(|name| ARGUMENTS.iter().map(move |it| (name, it)));
    let passes = |(name, arguments): (&&str, &&str)| {
        rules.admit_call(name, Some(Value::new(arguments))).is_ok()
    };
    calls.map(passes).collect()
}

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(300)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn adding_a_rule_or_a_limit_never_admits_more(
        allow in prop::option::of(allow()),
        kept in prop::collection::vec(rule(), 0..5),
        added in prop_oneof![rule(), limit()],
    ) {
        let mut body = String::from("[tools]\n");
        if let Some(allow) = allow {
            writeln!(body, "allow = {allow:?}").unwrap();
        }
        body += &kept.concat();
        let (fewer, more) = (rules(&body), rules(&(body + &added)));
        for (before, after) in passing(&fewer).into_iter().zip(passing(&more)) {
            prop_assert!(before || !after, "{added}");
        }
    }

    #[test]
    fn allowing_fewer_never_admits_more(allow in allow(), at in any::<prop::sample::Index>()) {
        prop_assume!(!allow.is_empty());
        let mut fewer = allow.clone();
        fewer.remove(at.index(fewer.len()));
        let of = |allow: &[&str]| rules(&format!("[tools]\nallow = {allow:?}\n"));
        for (before, after) in passing(&of(&allow)).into_iter().zip(passing(&of(&fewer))) {
            prop_assert!(before || !after);
        }
    }

    #[test]
    fn a_call_that_passes_meets_each_rule_alone(rules_of in prop::collection::vec(rule(), 1..5)) {
        let together = passing(&rules(&format!("[tools]\n{}", rules_of.concat())));
        let alone: Vec<Vec<bool>> = rules_of
            .iter()
            .map(|one| passing(&rules(&format!("[tools]\n{one}"))))
            .collect();
        for (at, passes) in together.into_iter().enumerate() {
            prop_assert_eq!(passes, alone.iter().all(|one| one[at]));
        }
    }

    #[test]
    fn any_arguments_are_judged_the_same_each_time(arguments in any::<String>()) {
        let rules = rules(NOTES);
        let judge = || told(rules.admit_call("get_x", Some(Value::new(&arguments))));
        prop_assert_eq!(judge(), judge());
    }
}
