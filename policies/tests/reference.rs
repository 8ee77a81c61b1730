//! The reference is what the reader does, and the file is the reference.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use brig_policies::{FaultCode, Places, check, examples, reference, reference_of, schema};

fn places() -> Places {
    Places {
        home: Some("/home/me".into()),
        project: None,
        manifest_folder: "/home/me/manifests".into(),
        own_folders: Vec::new(),
        manifest_path: "/home/me/manifests/notes.toml".into(),
    }
}

#[test]
fn the_file_is_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference.md");
    let made = reference();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, made).unwrap();
        return;
    }
    assert_eq!(
        made,
        fs::read_to_string(path).unwrap(),
        "UPDATE=1 rewrites it"
    );
}

#[test]
fn each_example_is_accepted_and_each_refused_one_has_its_fault_alone() {
    let mut wrong = Vec::new();
    for example in examples() {
        let accepted = example.accepted.as_ref().map(|text| check(text, &places()));
        if let Some(Err(faults)) = accepted {
            wrong.push(format!("{} is refused: {faults}", example.path));
        }
        let faults = check(&example.refused, &places()).err();
        let codes: Vec<FaultCode> = faults.iter().flatten().map(|fault| fault.code).collect();
        if codes != [example.code] {
            let text = &example.refused;
            wrong.push(format!("{}: {codes:?}\n{text}", example.path));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The keys of the schema, which is made of the same tables by another way.
fn keys(schema: &serde_json::Value, path: &str, found: &mut Vec<String>) {
    let tables = [schema, &schema["items"]];
    for (name, key) in tables
        .into_iter()
        .filter_map(|t| t["properties"].as_object())
        .flatten()
    {
        let path = format!("{path}{name}");
        keys(key, &format!("{path}."), found);
        let variables = &key["additionalProperties"]["anyOf"][1];
        keys(variables, &format!("{path}."), found);
        found.push(path);
    }
}

#[test]
fn every_key_of_the_schema_has_an_entry_with_all_its_parts() {
    let mut all = Vec::new();
    keys(&serde_json::to_value(schema()).unwrap(), "", &mut all);
    assert!(all.len() > 40, "{all:?}");
    for path in &all {
        let entry = reference_of(path).unwrap();
        // A section's chapter has the parts of its keys.
        for part in ["- Takes ", "- Enforced: ", "- Example: `", "- Refused: `"] {
            assert!(entry.contains(part), "{path} has no {part}: {entry}");
        }
        assert!(!entry.contains("Unless written: ."), "{entry}");
        assert!(
            examples().iter().any(|example| example.path == *path),
            "{path}"
        );
    }
    assert_eq!(reference_of("files.nothing"), None);
    assert_eq!(reference_of(""), None);
}
