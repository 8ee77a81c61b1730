//! A policy in words, and in its normal form.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use brig_policies::{Explanation, Places, Policy, check, explain, schema};
use serde_json::Value;

fn places() -> Places {
    Places {
        home: Some("/home/me".into()),
        project: Some("/home/me/src/app".into()),
        manifest_folder: "/home/me/manifests".into(),
        own_folders: Vec::new(),
        manifest_path: "/home/me/manifests/notes.toml".into(),
    }
}

fn policy(body: &str) -> Policy {
    let text = format!("brig = 1\n[server]\nname = \"x\"\ncomponent = \"x.wasm\"\n{body}");
    check(&text, &places()).unwrap_or_else(|faults| unreachable!("{faults}\n{text}"))
}

fn shown(explanation: &Explanation) -> String {
    let mut out = String::new();
    for right in &explanation.rights {
        let danger = format!("{:?}", right.danger).to_lowercase();
        writeln!(out, "{danger}: it can {}. {}", right.can, right.means).unwrap();
    }
    for together in &explanation.together {
        writeln!(out, "{}: {}", together.name, together.means).unwrap();
    }
    for impossible in &explanation.impossible {
        writeln!(out, "it cannot {impossible}").unwrap();
    }
    out
}

#[track_caller]
fn check_words(body: &str, want: &str) {
    assert_eq!(shown(&explain(&policy(body))), want);
}

const LIMITS: &str = "low: it can use 256MiB of memory, 1.0 processors, 64 processes, 64MiB \
    in `/tmp`, and 1m for a call. Beyond that it is held or ended.\n";

/// Without a right of `[client]`.
const UNASKED: &str = "it cannot have the client ask you anything\n\
    it cannot learn which folders the client works in\n";

const NEVER: &str = "it cannot see your other variables, secrets and open files\n\
    it cannot see or signal a process of this host, or go on after its client\n\
    it cannot gain a capability or another user's rights\n";

#[test]
fn without_rights_there_is_little_to_say() {
    check_words(
        "",
        &format!(
            "{LIMITS}it cannot reach any network, nor this host's own ports\n\
             it cannot see any file of this host that its program does not need\n\
             it cannot change any file of this host\n\
             it cannot use the client's model\n{UNASKED}{NEVER}"
        ),
    );
}

#[test]
fn the_most_dangerous_comes_first_and_combinations_are_named() {
    let body = "[[files]]\nhost = \"~/notes\"\nat = \"/notes\"\n\
        [[network]]\nhost = \"localhost\"\nports = [5432]\nprotocol = \"tcp\"\n\
        [[network]]\nhost = \"xn--pi-6kc.example.com\"\nports = [443]\n\
        [env]\nTOKEN = { secret = \"github\" }\n";
    check_words(
        body,
        &format!(
            "severe: it can reach this host itself, port 5432. Programs of this host listen there \
             and often trust whoever reaches them: databases, browsers, development servers. \
             brig does not look at what is said there.\n\
             high: it can reach xn--pi-6kc.example.com (which is shown as `аpi.example.com`), \
             port 443. It can send there what it knows, and do what it is told from there. It is \
             not the name that it looks like: U+0430 looks like `a`.\n\
             high: it can see the secret `github` in the variable `TOKEN`. It can do all that the \
             secret allows, as you. Every program that it starts inherits it; outside, root and \
             your own programs could read it in /proc.\n\
             medium: it can read everything in `/home/me/notes`, which it finds at `/notes`. It \
             may tell the client, and so the model, all that stands there.\n\
             {LIMITS}\
             reads-and-sends: It can send everything in `/home/me/notes` and the secret `github` \
             to xn--pi-6kc.example.com (which is shown as `аpi.example.com`) and this host \
             itself.\n\
             it cannot reach anybody else on the network\n\
             it cannot see any other file of this host that its program does not need\n\
             it cannot change any file of this host\n\
             it cannot use the client's model\n{UNASKED}{NEVER}"
        ),
    );
}

#[track_caller]
fn check_together(body: &str, want: &[&str]) {
    let names: Vec<&str> = explain(&policy(body))
        .together
        .iter()
        .map(|it| it.name)
        .collect();
    assert_eq!(names, want, "{body}");
}

#[test]
fn rights_are_dangerous_together() {
    let network = "[[network]]\nhost = \"example.com\"\nports = [443]\n";
    let write = "[[files]]\nhost = \"~/app\"\naccess = \"write\"\n";
    let hooks = "[[files]]\nhost = \"~/app/.git/hooks\"\nat = \"/h\"\naccess = \"write\"\n";
    check_together(network, &[]);
    check_together(write, &[]);
    check_together("[[files]]\nhost = \"~/.git\"\nat = \"/h\"\n", &[]);
    check_together(hooks, &["writes-what-the-host-runs"]);
    let named = "[[files]]\nhost = \"~/app/.envrc\"\naccess = \"write\"\n";
    check_together(&format!("{write}{named}"), &["writes-what-the-host-runs"]);
    check_together(&format!("{write}{network}"), &["reads-and-sends"]);
    let runs = format!("{write}exec = true\n");
    check_together(&runs, &[]);
    check_together(
        &format!("{runs}{network}"),
        &["reads-and-sends", "fetches-and-runs"],
    );
    let asks = format!("{network}[client]\nsampling = true\n");
    check_together(&asks, &["steers-and-sends"]);
    check_together("[env]\nA = { host = \"X\" }\n", &[]);
    check_together(
        &format!("{network}[env]\nA = {{ host = \"X\" }}\n"),
        &["reads-and-sends"],
    );
    check_together(&format!("{network}[env]\nTZ = {{ host = \"TZ\" }}\n"), &[]);
}

#[test]
fn a_name_leads_where_it_is_said_to() {
    let head = "[[network]]\nhost = \"db.example.com\"\nports = [443]\naddresses = ";
    let means = |addresses: &str| {
        let explanation = explain(&policy(&format!("{head}{addresses}\n")));
        explanation.rights[0].means.clone()
    };
    assert!(!means("[\"public\"]").contains("intranet"));
    assert!(means("[\"10.1.0.0/16\"]").contains("into the intranet alone: `10.1.0.0/16`."));
    let both = means("[\"public\", \"10.1.0.0/16\", \"10.2.0.0/16\"]");
    assert!(
        both.contains("into the intranet too: `10.1.0.0/16` and `10.2.0.0/16`."),
        "{both}"
    );
}

#[test]
fn a_repository_that_is_named_keeps_its_hooks() {
    let write = "[[files]]\nhost = \"~/app\"\naccess = \"write\"\n";
    let named = |path: &str| {
        let entry = format!("[[files]]\nhost = \"~/app/{path}\"\naccess = \"write\"\n");
        shown(&explain(&policy(&format!("{write}{entry}"))))
    };
    let keeps = "it cannot change what else this host obeys unasked";
    let shut = shown(&explain(&policy(write)));
    assert!(
        shut.contains("obeys unasked in the folders that it writes, such as `.git`"),
        "{shut}"
    );
    let git = named(".git");
    assert!(
        git.contains("high: it can change `/home/me/app/.git`, but not its hooks"),
        "{git}"
    );
    assert!(
        git.contains(keeps) && !git.contains("writes-what-the-host-runs"),
        "{git}"
    );
    let hooks = named(".git/hooks");
    assert!(
        hooks.contains("severe: it can change `/home/me/app/.git/hooks`. "),
        "{hooks}"
    );
    assert!(
        hooks.contains("writes-what-the-host-runs") && hooks.contains(keeps),
        "{hooks}"
    );
    let run = "[[files]]\nhost = \"~/app/bin\"\naccess = \"write\"\n";
    let run = shown(&explain(&policy(run)));
    assert!(!run.contains("obeys unasked"), "{run}");
}

fn accepted() -> impl Iterator<Item = (String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/accept");
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let manifests = paths.filter(|path| path.extension().is_some_and(|end| end == "toml"));
    manifests.map(|path| {
        (
            path.display().to_string(),
            fs::read_to_string(path).unwrap(),
        )
    })
}

#[test]
fn every_right_is_put_into_words() {
    for (name, text) in accepted() {
        let policy = check(&text, &places()).unwrap();
        let explanation = explain(&policy);
        let count = |key: &str| {
            explanation
                .rights
                .iter()
                .filter(|right| right.key == key)
                .count()
        };
        let named: usize = policy.files().iter().map(|grant| grant.named().len()).sum();
        assert_eq!(count("files"), policy.files().len() + named, "{name}");
        assert_eq!(count("network"), policy.network().len(), "{name}");
        assert_eq!(count("state"), policy.state().len(), "{name}");
        assert_eq!(count("client"), policy.client().len(), "{name}");
        let written = [
            ("tools", policy.tools().is_some()),
            ("resources", policy.resources().is_some()),
            ("prompts", policy.prompts().is_some()),
        ];
        for (key, is_written) in written {
            assert_eq!(count(key), usize::from(is_written), "{name}");
        }
        assert_eq!(count("syscalls"), policy.syscalls().len(), "{name}");
        assert!(count("env") >= policy.secrets().len(), "{name}");
        for right in &explanation.rights {
            assert!(
                right.means.ends_with('.') && !right.can.ends_with('.'),
                "{right:?}"
            );
        }
    }
}

/// A JSON value as TOML would have it on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::Object(parts) => {
            let parts: Vec<String> = parts
                .iter()
                .map(|(name, value)| format!("{name:?} = {}", inline(value)))
                .collect();
            format!("{{ {} }}", parts.join(", "))
        }
        Value::Array(list) => {
            let list: Vec<String> = list.iter().map(inline).collect();
            format!("[{}]", list.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

#[test]
fn the_normal_form_says_the_same_and_is_a_manifest() {
    let schema = serde_json::to_value(schema()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for (name, text) in accepted() {
        let policy = check(&text, &places()).unwrap();
        let normal = serde_json::to_value(policy.normal_form()).unwrap();
        assert!(validator.is_valid(&normal), "{name}: {normal}");
        let lines = normal.as_object().unwrap().iter();
        let lines: Vec<String> = lines
            .map(|(key, value)| format!("{key} = {}\n", inline(value)))
            .collect();
        let again = check(&lines.concat(), &places());
        let again = again.unwrap_or_else(|faults| unreachable!("{name}: {faults}\n{lines:#?}"));
        // What was written and says nothing is not told apart from what was not written.
        assert_eq!(again, policy, "{name}");
    }
}
