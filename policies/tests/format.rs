//! The formatter keeps meaning and comments, and has nothing to do twice.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use brig_policies::{Places, check, format};
use proptest::prelude::*;

fn places() -> Places {
    Places {
        home: Some("/home/me".into()),
        project: Some("/home/me/src/app".into()),
        manifest_folder: "/home/me/manifests".into(),
        own_folders: Vec::new(),
        manifest_path: "/home/me/manifests/notes.toml".into(),
    }
}

#[track_caller]
fn check_format(text: &str, want: &str) {
    assert_eq!(format(text).unwrap(), want);
    assert_eq!(format(want).unwrap(), want, "a second time");
}

#[test]
fn sections_and_keys_come_in_the_order_of_the_grammar() {
    check_format(
        "# The notes of our team.\n\nbrig=1\n[limits]   # little\ncall = '20s'\nmemory=\"64MiB\"\n\
         \n\n# where they are\n[[ files ]]\naccess=\"write\"   # they are edited\n\
         # as the model knows it\nat = \"/notes\"\n\n\nhost='~/notes'\n[server]\n\
         args = [ 'a' ,\"b#c\", ]\ncomponent = \"x.wasm\"\n\"name\" = \"notes\"\n\n# the end\n",
        "# The notes of our team.\nbrig = 1\n\n[server]\nname = \"notes\"\n\
         component = \"x.wasm\"\nargs = [\"a\", \"b#c\"]\n\n# the end\n\n\
         # where they are\n[[files]]\nhost = \"~/notes\"\n\
         # as the model knows it\nat = \"/notes\"\naccess = \"write\"  # they are edited\n\n\
         [limits]  # little\nmemory = \"64MiB\"\ncall = \"20s\"\n",
    );
}

#[test]
fn values_of_several_lines_and_odd_quotes_stay() {
    let text = "brig = 1\n\n[server]\nname = \"x\"\ncomponent = \"x.wasm\"\n\
        args = [\n  \"a\", # one\n  \
        \"]\",\n]\n\n[env]\nB = { host = \"X\" }\nA = \"\"\"\nline # none\n\"\"\"\"\"\nC = 'a\\b'\n\
        D = \"\\\"#\"\n";
    check_format(text, text);
}

fn comments(text: &str) -> Vec<String> {
    let mut comments: Vec<String> = text
        .lines()
        .filter_map(|line| Some(line.split_once("#!")?.1.trim_end().to_owned()))
        .collect();
    comments.sort();
    comments
}

fn assert_kept(text: &str) -> Result<(), TestCaseError> {
    let formatted = format(text).map_err(|faults| TestCaseError::fail(faults.to_string()))?;
    prop_assert_eq!(
        check(&formatted, &places()),
        check(text, &places()),
        "{}",
        formatted
    );
    prop_assert_eq!(format(&formatted).unwrap(), formatted.clone());
    prop_assert_eq!(comments(&formatted), comments(text), "{}", formatted);
    Ok(())
}

#[test]
fn every_accepted_case_keeps_its_meaning() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/accept");
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    for path in paths.filter(|path| path.extension().is_some_and(|end| end == "toml")) {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.display();
        assert!(
            assert_kept(&text).is_ok(),
            "{name}: {:?}",
            assert_kept(&text)
        );
    }
}

/// Parts of a manifest that go together in any order.
const PARTS: &[&str] = &[
    "[limits]\ncall='20s'\n memory = \"64MiB\" #! m\n",
    "[[files]]\n#! before\nat=\"/a\"\nhost = '~/a'\n",
    "[[files]] #! second\nhost = \"~/b\" \n\n#! alone\n\nat='/b#'\n",
    "[env]\n\"A\"=\"x\" #! a\nB = { host='X' , }\n",
    "#! tools\n[tools]\nallow = ['a','b*',\n #! in an array\n \"c\"]\n",
    "[client]\nroots=true\n#! last of the client\n",
    "[syscalls]\nallow=[ ]\n",
    "#! nothing follows\n\n",
    "[[network]]\nports=[443,80]\nprotocol='tcp'\n\n\nhost=\"example.com\"#! close\n",
    "[[state]]\n\tsize = '1GiB'\n\tat = \"/kept\"\n",
];

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(1000)
    })]

    #[test]
    fn meaning_and_comments_are_kept(
        parts in prop::sample::subsequence(PARTS, 0..=PARTS.len()).prop_shuffle(),
        server_at in any::<prop::sample::Index>(),
        crlf in any::<bool>(),
    ) {
        let server = "[server]\ncomponent='x.wasm' #! c\nname = \"x\"\n";
        let mut parts = parts;
        parts.insert(server_at.index(parts.len() + 1), server);
        let text = format!("#! top\nbrig=1\n{}", parts.concat());
        assert_kept(&if crlf { text.replace('\n', "\r\n") } else { text })?;
    }
}
