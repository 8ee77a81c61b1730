//! Settings as data, policies under a ceiling, and the algebra that a ceiling only narrows.
//!
//! `testdata/settings/<case>.toml` has in `<case>.expected` what it sets, or its faults.
//! `testdata/ceiling/<case>.toml` is a manifest that is checked under `<case>.settings`. `UPDATE=1`
//! rewrites what is expected.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use brig_policies::{
    Ceiling, FaultCode, Faults, Places, Policy, check, check_under, read_settings, settings_schema,
    widen,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use toml::de::DeTable;

const PATH: &str = "/home/me/.config/brig/config.toml";

/// The fewest cases of each kind.
const CASES_MIN: usize = 20;

fn places() -> Places {
    Places {
        home: Some("/home/me".into()),
        project: Some("/home/me/src/app".into()),
        manifest_folder: "/home/me/manifests".into(),
        own_folders: vec!["/home/me/.config/brig".into()],
        manifest_path: "/home/me/manifests/notes.toml".into(),
    }
}

fn cases(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(folder);
    let entries = fs::read_dir(folder).unwrap();
    let mut cases: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    cases.sort();
    assert!(cases.len() >= CASES_MIN, "only {} cases", cases.len());
    cases
}

#[track_caller]
fn check_expected(case: &Path, got: &str) {
    let expected = case.with_extension("expected");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(expected, got).unwrap();
        return;
    }
    let want = fs::read_to_string(&expected).unwrap_or_default();
    let case = case.display();
    assert_eq!(got, want, "{case} (UPDATE=1 rewrites what is expected)");
}

fn marked(text: &str, faults: &Faults) -> String {
    let mut out = String::new();
    for fault in faults {
        let marked = &text[fault.span.clone()];
        writeln!(out, "{}:{} {}", fault.line, fault.column, fault.code).unwrap();
        writeln!(out, "  marked {marked:?}").unwrap();
        writeln!(out, "  {}", fault.message).unwrap();
        writeln!(out, "  help: {}", fault.help).unwrap();
    }
    out
}

fn ceiling(text: &str) -> Ceiling {
    let settings = read_settings(text);
    let settings = settings.unwrap_or_else(|faults| unreachable!("{faults}\n{text}"));
    settings.ceiling(PATH, &places())
}

#[test]
fn settings_set_what_is_expected_or_have_the_expected_faults() {
    for case in cases("settings") {
        let text = fs::read_to_string(&case).unwrap();
        let got = match read_settings(&text) {
            Err(faults) => marked(&text, &faults),
            Ok(settings) => {
                let bounds = settings.ceiling(PATH, &places()).bounds();
                let lines = bounds.iter().map(|bound| {
                    let (key, most, line) = (bound.key, &bound.most, bound.line);
                    format!("{key} {most:?}, line {line}\n")
                });
                let engine = settings.engine().map(|name| format!("engine {name}\n"));
                let engine = engine.unwrap_or_default();
                let consent = settings.consent();
                let secrets = settings.secrets().unwrap_or_default().iter();
                let secrets = secrets.map(|source| format!("{source:?}\n"));
                let reach = settings.reach();
                let reach = (!reach.is_empty()).then(|| format!("{reach:?}\n"));
                let lines: String = secrets.chain(reach).chain(lines).collect();
                format!("sets\nconsent {consent:?}\n{engine}{lines}")
            }
        };
        check_expected(&case, &got);
    }
}

#[test]
fn manifests_under_a_ceiling() {
    for case in cases("ceiling") {
        let text = fs::read_to_string(&case).unwrap();
        let settings = fs::read_to_string(case.with_extension("settings")).unwrap();
        let without = check(&text, &places());
        let got = match check_under(&text, &places(), &ceiling(&settings)) {
            Err(faults) => marked(&text, &faults),
            Ok(narrowed) => {
                let without = without.unwrap();
                assert!(widen(&without, &narrowed.policy).widened.is_empty());
                let mut out = String::from("passes\n");
                for lowered in &narrowed.lowered {
                    let (key, from, to) = (lowered.key, &lowered.from, &lowered.to);
                    writeln!(out, "{key} {to} and not {from}, line {}", lowered.line).unwrap();
                }
                out
            }
        };
        check_expected(&case, &got);
    }
}

#[test]
fn a_placeholder_for_nothing_holds_nothing() {
    let settings = "brig = 1\n[ceiling]\nread = [\"{project}\"]\nwrite = [\"~/desk\"]\n";
    let nowhere = Places {
        home: None,
        project: None,
        ..places()
    };
    let ceiling = read_settings(settings).unwrap().ceiling(PATH, &nowhere);
    let text = manifest("[[files]]\nhost = \"/home/me/src/app\"\n");
    let faults = check_under(&text, &nowhere, &ceiling).unwrap_err();
    let codes: Vec<FaultCode> = faults.iter().map(|fault| fault.code).collect();
    assert_eq!(codes, [FaultCode::BeyondCeiling]);
}

/// Where the links of the ceiling's folders and of a grant's source lead.
#[track_caller]
fn check_links(settings: &str, grant: &str, leads: &[(&str, &str)], want: Option<&str>) {
    let lead = |path: &str| -> Option<String> {
        let found = leads.iter().find(|(from, _)| *from == path);
        Some(found.map_or(path, |(_, to)| to).to_owned())
    };
    let ceiling = ceiling(&format!("brig = 1\n[ceiling]\n{settings}\n")).followed(&lead);
    let text = manifest(&format!("[[files]]\n{grant}\n"));
    let policy = check_under(&text, &places(), &ceiling).unwrap().policy;
    let faults = ceiling.led_beyond(&policy, &text, &lead);
    let got = faults.map(|faults| faults.iter().next().unwrap().message.clone());
    assert_eq!(got.as_deref(), want);
}

#[test]
fn links_lead_out_of_no_ceiling() {
    let read = "read = [\"~/desk\"]";
    let grant = "host = \"~/desk/notes\"";
    let notes = "/home/me/desk/notes";
    check_links(read, grant, &[], None);
    check_links(read, grant, &[(notes, "/home/me/desk/other")], None);
    check_links(
        read,
        grant,
        &[(notes, "/home/me/private")],
        Some(
            "reading `/home/me/desk/notes` (through symbolic links: `/home/me/private`) goes \
             beyond the ceiling in line 3 of `/home/me/.config/brig/config.toml`",
        ),
    );
    let moved = [("/home/me/desk", "/data/desk"), (notes, "/data/desk/notes")];
    check_links(read, grant, &moved, None);
    let elsewhere = [
        ("/home/me/desk", "/data/desk"),
        (notes, "/data/desks/notes"),
    ];
    check_links(
        read,
        grant,
        &elsewhere,
        Some(
            "reading `/home/me/desk/notes` (through symbolic links: `/data/desks/notes`) goes \
             beyond the ceiling in line 3 of `/home/me/.config/brig/config.toml`",
        ),
    );
    let dotfiles = [(PATH, "/home/me/dotfiles/brig.toml")];
    let grant = |access: &str| format!("host = \"~/dotfiles\"\naccess = \"{access}\"");
    check_links("", &grant("read"), &dotfiles, None);
    let text = manifest(&format!("[[files]]\n{}\n", grant("write")));
    let lead = |path: &str| Some(path.replace(PATH, "/home/me/dotfiles/brig.toml"));
    let ceiling = ceiling("brig = 1\n").followed(&lead);
    let faults = check_under(&text, &places(), &ceiling).unwrap_err();
    assert_eq!(
        faults.iter().next().unwrap().message,
        "`/home/me/dotfiles` cannot be granted: writing it would change the settings"
    );
}

fn manifest(body: &str) -> String {
    format!("brig = 1\n[server]\nname = \"x\"\ncomponent = \"x.wasm\"\n{body}")
}

const FOLDERS: &[&str] = &["/srv", "/srv/a", "/srv/a/b", "/srv/ab", "/var/c"];
const HOSTS: &[&str] = &[
    "a.example.com",
    "*.example.com",
    "*.a.example.com",
    "10.0.0.0/8",
    "10.0.0.0/9",
    "10.128.0.0/9",
    "10.200.0.1",
    "192.168.1.0/24",
    "localhost",
];
const RIGHTS: &[&str] = &[
    "sampling",
    "elicitation",
    "elicitation-url",
    "roots",
    "logging",
];
const GROUPS: &[&str] = &["jit", "io-uring", "numa"];

/// Rights of a manifest, or the most of a ceiling: the same things, asked for or let pass.
#[derive(Clone, Debug)]
struct Wish {
    memory_mib: Option<u32>,
    processes: Option<u32>,
    call_s: Option<u32>,
    read: Vec<&'static str>,
    write: Vec<&'static str>,
    network: Vec<&'static str>,
    client: Vec<&'static str>,
    syscalls: Vec<&'static str>,
}

/// At most so many of each list: with many, hardly any wish would be under any ceiling.
fn wish(most: usize) -> impl Strategy<Value = Wish> {
    let some =
        move |of: &'static [&'static str]| prop::sample::subsequence(of, 0..=most.min(of.len()));
    let limits = (
        prop::option::of(16..1024_u32),
        prop::option::of(1..256_u32),
        prop::option::of(1..300_u32),
    );
    let lists = (
        some(FOLDERS),
        some(FOLDERS),
        some(HOSTS),
        some(RIGHTS),
        some(GROUPS),
    );
    (limits, lists).prop_map(|(limits, lists)| Wish {
        memory_mib: limits.0,
        processes: limits.1,
        call_s: limits.2,
        read: lists.0,
        write: lists.1,
        network: lists.2,
        client: lists.3,
        syscalls: lists.4,
    })
}

fn limits_of(wish: &Wish) -> String {
    let mut out = String::new();
    if let Some(mib) = wish.memory_mib {
        writeln!(out, "memory = \"{mib}MiB\"").unwrap();
    }
    if let Some(count) = wish.processes {
        writeln!(out, "processes = {count}").unwrap();
    }
    if let Some(seconds) = wish.call_s {
        writeln!(out, "call = \"{seconds}s\"").unwrap();
    }
    out
}

/// As a manifest; each grant at a place of its own, so that none of them contradicts another.
fn asked(wish: &Wish) -> String {
    let mut body = String::new();
    let files = wish.read.iter().map(|host| (host, "read"));
    let files = files.chain(wish.write.iter().map(|host| (host, "write")));
    for (count, (host, access)) in files.enumerate() {
        let at = format!("/at/{count}");
        writeln!(
            body,
            "[[files]]\nhost = \"{host}\"\nat = \"{at}\"\naccess = \"{access}\""
        )
        .unwrap();
    }
    for host in &wish.network {
        writeln!(body, "[[network]]\nhost = \"{host}\"\nports = [443]").unwrap();
    }
    body.push_str("[client]\n");
    for right in &wish.client {
        writeln!(body, "{right} = true").unwrap();
    }
    writeln!(body, "[limits]\n{}", limits_of(wish)).unwrap();
    writeln!(body, "[syscalls]\nallow = {:?}", wish.syscalls).unwrap();
    manifest(&body)
}

/// As settings; a limit that is not written has its default as its ceiling, and then both mean the
/// same.
fn allowed(wish: &Wish) -> Ceiling {
    let whole = Wish {
        memory_mib: wish.memory_mib.or(Some(256)),
        processes: wish.processes.or(Some(64)),
        call_s: wish.call_s.or(Some(60)),
        ..wish.clone()
    };
    ceiling(&format!(
        "brig = 1\n[ceiling]\n{}read = {:?}\nwrite = {:?}\nnetwork = {:?}\nclient = {:?}\n\
         syscalls = {:?}\n",
        limits_of(&whole),
        wish.read,
        wish.write,
        wish.network,
        wish.client,
        wish.syscalls,
    ))
}

fn policy(text: &str) -> Policy {
    check(text, &places()).unwrap_or_else(|faults| unreachable!("{faults}\n{text}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// `widen` is the oracle: it compares rights, and knows nothing of ceilings. Only a default is
    /// lowered, and only what no default made wider is refused.
    #[test]
    fn what_passes_is_what_the_ceiling_would_grant(most in wish(9), wish in wish(1)) {
        let (text, ceiling) = (asked(&wish), allowed(&most));
        let (alone, bound) = (policy(&text), policy(&asked(&most)));
        match check_under(&text, &places(), &ceiling) {
            Ok(narrowed) => {
                prop_assert!(widen(&alone, &narrowed.policy).widened.is_empty());
                let beyond = widen(&bound, &narrowed.policy).widened;
                prop_assert!(beyond.is_empty(), "{beyond:?}");
                let same = widen(&alone, &narrowed.policy);
                let keys = |changes: &[brig_policies::Change]| {
                    changes.iter().all(|change| change.key == "limits")
                };
                prop_assert!(keys(&same.narrowed) && same.other.is_empty());
                prop_assert_eq!(same.narrowed.len(), narrowed.lowered.len());
            }
            Err(faults) => {
                prop_assert!(faults.iter().all(|fault| fault.code == FaultCode::BeyondCeiling));
                prop_assert!(!widen(&bound, &alone).widened.is_empty(), "{faults}");
            }
        }
    }

    /// Twice is once, and a ceiling lets its own manifest pass.
    #[test]
    fn a_ceiling_lets_itself_pass(most in wish(9)) {
        let narrowed = check_under(&asked(&most), &places(), &allowed(&most));
        let narrowed = narrowed.unwrap_or_else(|faults| unreachable!("{faults}"));
        prop_assert!(narrowed.lowered.is_empty());
        prop_assert_eq!(narrowed.policy, policy(&asked(&most)));
    }

    /// Without a ceiling nothing changes.
    #[test]
    fn settings_without_a_ceiling_change_nothing(wish in wish(9)) {
        let text = asked(&wish);
        let narrowed = check_under(&text, &places(), &ceiling("brig = 1\n")).unwrap();
        prop_assert_eq!(narrowed.policy, policy(&text));
        prop_assert!(narrowed.lowered.is_empty());
    }
}

#[test]
fn the_schema_and_the_reader_agree() {
    let schema = serde_json::to_value(settings_schema()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let good = &schema["properties"]["ceiling"]["properties"];
    assert!(good["memory"].get("default").is_none(), "{good:#}");
    for case in cases("settings") {
        let text = fs::read_to_string(&case).unwrap();
        let Ok(table) = DeTable::parse(&text) else {
            continue;
        };
        let instance = json_of(&toml::de::DeValue::Table(table.into_inner()));
        let faults = read_settings(&text).err();
        let is_beyond = faults.iter().flatten().all(|fault| {
            // As for manifests: what a pattern cannot say.
            matches!(
                fault.code,
                FaultCode::HiddenCharacter | FaultCode::TooLong | FaultCode::RefusedDestination
            )
        });
        let is_valid = validator.is_valid(&instance);
        assert!(is_valid == is_beyond, "{}: {is_valid}", case.display());
    }
}

fn json_of(value: &toml::de::DeValue<'_>) -> Value {
    use toml::de::DeValue;
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(whole) => i64::from_str_radix(whole.as_str(), whole.radix())
            .map_or_else(|_| json!(1e30), Value::from),
        DeValue::Float(number) => json!(number.as_str().parse::<f64>().ok()),
        DeValue::Boolean(flag) => json!(flag),
        DeValue::Datetime(_) => Value::Null,
        DeValue::Array(list) => list.iter().map(|value| json_of(value.get_ref())).collect(),
        DeValue::Table(table) => {
            let parts = table.iter();
            let parts =
                parts.map(|(name, value)| (name.get_ref().to_string(), json_of(value.get_ref())));
            Value::Object(parts.collect())
        }
    }
}
