//! A server that uses all of the protocol (`tests/peers/fixture_*.mjs`: questions of every kind,
//! progress, cancellation, logs, subscriptions, tasks) with each SDK as its client. With every
//! right over the client its transcript is that of the server bare; one right less changes what
//! that right is about and nothing else.

use crate::clients::{Sdk, run, whole};
use crate::harness::{ASKS_ANYTHING, Scratch, part, repository, tool};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{fs, thread};

fn node() -> PathBuf {
    let node = fs::canonicalize(tool("node")).unwrap();
    assert!(
        node.starts_with("/usr"),
        "MISSING PART: node of the system (scripts/parts installs it)"
    );
    node
}

fn bare(era: &str) -> [OsString; 2] {
    let script = repository().join(format!("tests/peers/fixture_{era}.mjs"));
    [node().into(), script.into()]
}

/// The server under brig, with these rights over its client.
fn walled(scratch: &Scratch, era: &str, rights: &str) -> [OsString; 6] {
    let grant = |host: &Path, at: &str| {
        let host = host.display();
        format!("[[files]]\nhost = \"{host}\"\nat = \"/{at}\"\n")
    };
    let text = format!(
        "brig = 1\n[server]\nname = \"fixture\"\n\
         command = [\"{}\", \"/tests/peers/fixture_{era}.mjs\"]\n{}{}{rights}",
        node().display(),
        grant(&repository().join("tests/peers"), "tests/peers"),
        grant(&part("node"), "target/parts/node"),
    );
    // By the thread: more than one of them may write one.
    let name = format!("{era}-{:?}.toml", thread::current().id());
    run(scratch.write(name, text))
}

/// All granted: brig makes no difference.
#[track_caller]
fn same(sdk: &Sdk, era: &str) {
    let scratch = Scratch::new();
    let words = walled(&scratch, era, ASKS_ANYTHING);
    let (walled, bare) = thread::scope(|scope| {
        let walled = scope.spawn(|| sdk.transcript(era, &words));
        let bare = scope.spawn(|| sdk.transcript(era, &bare(era)));
        (walled.join().unwrap(), bare.join().unwrap())
    });
    whole(&bare);
    // Each kind of question was asked.
    for method in ["sampling/createMessage", "elicitation/create", "roots/list"] {
        assert!(questions(&bare, |asked| asked["method"] != method).len() < asked(&bare).len());
    }
    for list in ["steps", "asked", "stray", "ends"] {
        assert_eq!(walled[list], bare[list], "{list} {era}");
    }
    assert_eq!(walled, bare, "{era}");
}

fn asked(transcript: &Value) -> &Vec<Value> {
    transcript["asked"].as_array().unwrap()
}

/// What the client was asked, as far as it is wanted.
fn questions(transcript: &Value, is_wanted: impl Fn(&Value) -> bool) -> Vec<&Value> {
    asked(transcript)
        .iter()
        .filter(|asked| is_wanted(asked))
        .collect()
}

#[test]
fn everything_of_python_sdk_1() {
    same(&Sdk::python("python-1"), "legacy");
}

#[test]
fn everything_of_python_sdk_2_legacy() {
    same(&Sdk::python("python-2"), "legacy");
}

#[test]
fn everything_of_python_sdk_2_modern() {
    same(&Sdk::python("python-2"), "modern");
}

#[test]
fn everything_of_typescript_sdk_1() {
    same(&Sdk::node("ts_client_v1.mjs"), "legacy");
}

#[test]
fn everything_of_typescript_sdk_2_legacy() {
    same(&Sdk::node("ts_client_v2.mjs"), "legacy");
}

#[test]
fn everything_of_typescript_sdk_2_modern() {
    same(&Sdk::node("ts_client_v2.mjs"), "modern");
}

/// One right over the client: what a session without it has less of.
struct Right {
    name: &'static str,
    /// Where it stands among what the client says that it can do.
    capability: Option<&'static str>,
    /// The steps in which the server asks by it, in each era. It asks without a look at what the
    /// client can do, and has to be refused.
    legacy: &'static [&'static str],
    modern: &'static [&'static str],
    is_question: fn(&Value) -> bool,
    notifies: &'static str,
}

const RIGHTS: [Right; 5] = [
    Right {
        name: "sampling",
        capability: Some("/sampling"),
        legacy: &["asks test_sampling"],
        modern: &["asks test_input_required_result_sampling"],
        is_question: |asked| asked["method"] == "sampling/createMessage",
        notifies: "",
    },
    Right {
        name: "elicitation",
        capability: Some("/elicitation/form"),
        legacy: &[
            "asks test_elicitation",
            "asks test_elicitation_sep1034_defaults",
            "asks test_elicitation_sep1330_enums",
        ],
        modern: &[
            "asks test_input_required_result_elicitation",
            "asks test_input_required_result_request_state",
            "asks test_input_required_result_multi_round",
        ],
        is_question: |asked| {
            asked["method"] == "elicitation/create" && asked["params"]["mode"] != "url"
        },
        notifies: "",
    },
    Right {
        name: "elicitation-url",
        capability: Some("/elicitation/url"),
        legacy: &["asks test_elicitation_url"],
        modern: &["asks test_ask"],
        is_question: |asked| asked["params"]["mode"] == "url",
        // The server tells of an end only where there was a beginning.
        notifies: "notifications/elicitation/complete",
    },
    Right {
        name: "roots",
        capability: Some("/roots"),
        legacy: &["asks test_roots"],
        modern: &["asks test_input_required_result_list_roots"],
        is_question: |asked| asked["method"] == "roots/list",
        notifies: "",
    },
    Right {
        name: "logging",
        capability: None,
        legacy: &["capabilities", "logging/setLevel"],
        modern: &["capabilities", "discovered"],
        is_question: |_| false,
        notifies: "notifications/message",
    },
];

#[test]
fn one_right_less_changes_what_it_is_about_in_the_legacy_era() {
    each_right_less("legacy", |right| right.legacy);
}

#[test]
fn one_right_less_changes_what_it_is_about_in_the_modern_era() {
    each_right_less("modern", |right| right.modern);
}

fn each_right_less(era: &str, steps: fn(&Right) -> &'static [&'static str]) {
    let (scratch, sdk) = (&Scratch::new(), &Sdk::node("ts_client_v2.mjs"));
    let all = &sdk.transcript(era, &walled(scratch, era, ASKS_ANYTHING));
    for pair in RIGHTS.chunks(2) {
        thread::scope(|scope| {
            for right in pair {
                scope.spawn(move || {
                    let line = format!("{} = true\n", right.name);
                    assert!(ASKS_ANYTHING.contains(&line));
                    let rights = ASKS_ANYTHING.replace(&line, "");
                    let less = sdk.transcript(era, &walled(scratch, era, &rights));
                    without(all, &less, right, steps(right));
                });
            }
        });
    }
}

/// `less` is `all` but for what the right is about.
#[track_caller]
fn without(all: &Value, less: &Value, right: &Right, steps: &[&str]) {
    let name = right.name;
    let (before, after) = (steps_of(all), steps_of(less));
    assert_eq!(before.len(), after.len(), "{name}");
    for (before, after) in before.iter().zip(after) {
        let step = before["step"].as_str().unwrap();
        if step == "seen" {
            seen_without(before, after, right);
        } else if steps.contains(&step) {
            refused(step, after, name);
        } else {
            assert_eq!(before, after, "{name}: {step}");
        }
    }
    let kept = questions(all, |asked| !(right.is_question)(asked));
    assert_eq!(kept, asked(less).iter().collect::<Vec<_>>(), "{name}");
    let stray = all["stray"].as_array().unwrap().iter();
    let kept: Vec<_> = stray
        .filter(|stray| stray["method"] != right.notifies)
        .collect();
    let stray: Vec<_> = less["stray"].as_array().unwrap().iter().collect();
    assert_eq!(kept, stray, "{name}");
}

fn steps_of(transcript: &Value) -> &Vec<Value> {
    transcript["steps"].as_array().unwrap()
}

/// What the server saw of the client is what it sees otherwise, but for the right.
#[track_caller]
fn seen_without(all: &Value, less: &Value, right: &Right) {
    let seen = |step: &Value| -> Value {
        let text = step["result"]["content"][0]["text"].as_str();
        serde_json::from_str(text.unwrap_or_else(|| panic!("{step}"))).unwrap()
    };
    let (mut all, less) = (seen(all), seen(less));
    if let Some(capability) = right.capability {
        assert!(all.pointer(capability).is_some(), "{all}");
        let (above, key) = capability.rsplit_once('/').unwrap();
        all.pointer_mut(above)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .remove(key);
    }
    assert_eq!(less, all, "{}", right.name);
}

/// What the server asked, or the client of it, was refused for want of the right.
#[track_caller]
fn refused(step: &str, after: &Value, name: &str) {
    let granted = format!("the server may not use \"{name}\" of its client here");
    match step {
        // Of what the server offers to its client the right is left out.
        "capabilities" => assert!(after["result"].get("logging").is_none(), "{after}"),
        "discovered" => {
            let found = &after["result"];
            assert!(found["capabilities"].get("logging").is_none(), "{after}");
            assert_eq!(found["cacheScope"], json!("private"), "{after}");
        }
        _ => {
            assert!(after["error"] != Value::Null || after["result"]["isError"] == json!(true));
            assert!(after.to_string().contains("right-not-granted"), "{after}");
            let text = after.to_string().replace("\\\"", "\"");
            assert!(text.contains(&granted), "{after}");
        }
    }
}
