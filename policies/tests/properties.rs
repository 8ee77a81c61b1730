//! What holds for every text and every manifest.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;

use brig_policies::{
    Faults, GuestPath, HostPath, Places, check, read, refused_source, refused_write, resolve,
};
use proptest::prelude::*;

fn places() -> Places {
    Places {
        home: Some("/home/me".into()),
        project: Some("/home/me/src/app".into()),
        manifest_folder: "/home/me/manifests".into(),
        own_folders: vec!["/home/me/.local/state/brig".into()],
        manifest_path: "/home/me/manifests/notes.toml".into(),
    }
}

/// Pieces that manifests are made of, whole and broken.
const PIECES: &[&str] = &[
    "brig = 1\n",
    "[server]\n",
    "name = \"x\"\n",
    "component = \"x.wasm\"\n",
    "args = [\"a\", 1]\n",
    "args = [\n",
    "]\n",
    "[[files]]\n",
    "[files]\n",
    "host = \"~/x\"\n",
    "host = \"/é\u{202e}\"\n",
    "at = \"/x\"\n",
    "access = write\n",
    "[env]\n",
    "A = { host = \"B\" }\n",
    "A.b = 1\n",
    "LD_X = \"\"\"\n",
    "[[network]]\n",
    "host = \"*.é.example:1\"\n",
    "host = \"10.0.0.0/8\"\n",
    "ports = [443, 0]\n",
    "addresses = [\"public\", \"::/0\"]\n",
    "ech = \"allow\"\n",
    "[[state]]\n",
    "size = \"1GiB\"\n",
    "A = { secret = \"b\", as = \"file\" }\n",
    "[tools]\n",
    "allow = [\"a*\", \"jit\"]\n",
    "[[tools.rule]]\n",
    "argument = \"/a~\"\n",
    "[client]\n",
    "roots = true\n",
    "[syscalls]\n",
    "image = \"r.example/é@sha256:\"\n",
    "npm = \"@\"\n",
    "pypi = \"[==é\"\n",
    "command = [\"\"]\n",
    "[limits]\n",
    "memory = \"1MB\"\n",
    "cpus = 1e400\n",
    "[limits.memory]\n",
    "[[limits]]\n",
    "[",
    "]",
    "\"",
    "'''",
    "{",
    "}",
    "=",
    ".",
    "#",
    "\r\n",
    "\n",
    "\\u0000",
    "\u{7f}",
    "\0",
    "é",
    "𝄞",
    " ",
];

fn pieced() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..40).prop_map(|pieces| pieces.concat())
}

/// A valid manifest with one grant per name, each with its own rights.
fn grants() -> impl Strategy<Value = Vec<(String, bool, bool)>> {
    // A prefix that no protected folder has: `~/snap` holds a browser.
    prop::collection::btree_map("work-[a-z]{1,6}", any::<(bool, bool)>(), 0..12).prop_map(
        |grants| {
            grants
                .into_iter()
                .map(|(name, (write, exec))| (name, write, exec))
                .collect()
        },
    )
}

fn manifest(grants: &[(String, bool, bool)]) -> String {
    let mut text = String::from("brig = 1\n[server]\nname = \"x\"\ncomponent = \"x.wasm\"\n");
    for (name, write, exec) in grants {
        let access = if *write { "write" } else { "read" };
        write!(
            text,
            "[[files]]\nhost = \"~/{name}\"\nat = \"/{name}-1\"\naccess = \"{access}\"\n\
             exec = {exec}\n"
        )
        .unwrap();
    }
    text
}

fn assert_placed(text: &str, faults: &Faults) -> Result<(), TestCaseError> {
    let mut last = 0;
    prop_assert!(faults.iter().next().is_some());
    for fault in faults {
        prop_assert!(fault.span.start >= last, "out of order");
        last = fault.span.start;
        prop_assert!(
            text.get(fault.span.clone()).is_some(),
            "{:?} in {text:?}",
            fault.span
        );
        let before = &text[..fault.span.start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        prop_assert_eq!(fault.line, before.matches('\n').count() + 1);
        prop_assert_eq!(fault.column, before[line_start..].chars().count() + 1);
        prop_assert!(
            !fault.message.chars().any(char::is_control),
            "{}",
            fault.message
        );
        prop_assert!(!fault.help.is_empty());
    }
    Ok(())
}

/// One text through all three doors.
fn assert_told(text: &str) -> Result<(), TestCaseError> {
    let whole = check(text, &places());
    prop_assert_eq!(&whole, &check(text, &places()), "not deterministic");
    if let Err(faults) = &whole {
        assert_placed(text, faults)?;
    }
    let is_toml = toml::de::DeTable::parse(text).is_ok();
    prop_assert!(is_toml || whole.is_err(), "what is not TOML passes");
    match read(text) {
        Ok(manifest) => {
            let policy = resolve(&manifest, &places());
            prop_assert_eq!(&policy, &resolve(&manifest, &places()), "not idempotent");
            prop_assert_eq!(policy, whole);
        }
        Err(faults) => {
            assert_placed(text, &faults)?;
            prop_assert!(whole.is_err(), "reading tells of what checking lets pass");
        }
    }
    Ok(())
}

/// More cases than usual, since each is cheap; failures are told with their input and not kept.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(2000)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_text_is_read_or_told_of(text in any::<String>()) {
        assert_told(&text)?;
    }

    #[test]
    fn any_pieces_are_read_or_told_of(text in pieced()) {
        assert_told(&text)?;
    }

    #[test]
    fn a_manifest_with_a_hole_is_read_or_told_of(
        grants in grants(),
        from in any::<prop::sample::Index>(),
        with in prop::sample::select(PIECES),
    ) {
        let text = manifest(&grants);
        let at = from.index(text.len());
        assert_told(&format!("{}{with}{}", &text[..at], &text[at + 1..]))?;
    }

    #[test]
    fn adding_a_grant_changes_no_other_right(grants in grants()) {
        let Some((_, fewer)) = grants.split_last() else { return Ok(()) };
        let before = check(&manifest(fewer), &places()).unwrap();
        let after = check(&manifest(&grants), &places()).unwrap();
        prop_assert_eq!(after.files().len(), before.files().len() + 1);
        for grant in before.files() {
            prop_assert!(after.files().contains(grant));
        }
        prop_assert_eq!(after.env(), before.env());
        prop_assert_eq!(after.limits(), before.limits());
        prop_assert_eq!(after.args(), before.args());
    }

    #[test]
    fn the_order_of_grants_is_no_matter(mut grants in grants()) {
        let before = check(&manifest(&grants), &places());
        grants.reverse();
        prop_assert_eq!(check(&manifest(&grants), &places()), before);
    }

    #[test]
    fn a_path_reads_as_it_is_shown(text in "(/|\\.|\\.\\.|[a-zé ]|\n){0,12}") {
        if let Ok(path) = text.parse::<HostPath>() {
            prop_assert_eq!(path.as_str().parse::<HostPath>(), Ok(path.clone()));
        }
        if let Ok(path) = text.parse::<GuestPath>() {
            prop_assert_eq!(path.as_str(), text);
        }
    }

    #[test]
    fn what_contains_a_refused_place_is_refused(
        place in prop::sample::select(&[
            "/home/me/.ssh/id_rsa", "/home/me/.config/gcloud/x", "/proc/1/root", "/dev/shm/x",
            "/home/me/.claude.json", "/home/me/.local/state/brig/approved/x", "/etc/shadow",
            "/var/lib/docker/x", "/root/.aws", "/home/other/.gnupg", "/run/user/1000/bus",
        ][..]),
        upto in 1_usize..8,
    ) {
        let names: Vec<&str> = place.split('/').skip(1).take(upto).collect();
        let path = format!("/{}", names.join("/"));
        prop_assert!(refused_source(&path, &places()).is_some(), "{path}");
    }

    #[test]
    fn no_path_makes_the_refusals_panic(path in any::<String>()) {
        let refused = refused_source(&path, &places());
        if !path.starts_with('/') {
            prop_assert!(refused.is_some());
        }
        refused_write(&path, &places());
    }
}
