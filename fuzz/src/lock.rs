//! Locks, and tools as servers describe them: what is written shows all that was said, and what is
//! locked is all that passes.

use brig_policies::{
    Digest, Drift, Era, Judgement, Lock, Tool, Watch, manifest_digest, names_project, read_lock,
};
use serde_json::Value;

use crate::is_harmful;
use crate::manifest::check_faults;

/// Checks one text as a lock, as a tool and as a manifest.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match read_lock(text) {
        Ok(lock) => check_lock(&lock),
        Err(faults) => check_faults(text, &faults),
    }
    let nothing = Lock::new(Digest::of(b""), None, [(Era::Legacy, Vec::new())]);
    match Tool::read(text) {
        Ok(tool) => check_tool(text, &tool, &nothing),
        Err(_) => check_unreadable(text, &nothing),
    }
    let digest = manifest_digest(text);
    assert_eq!(digest, manifest_digest(text));
    if digest.is_ok() {
        names_project(text);
    }
}

fn check_lock(lock: &Lock) {
    let text = lock.to_text();
    let harmless = |letter: char| letter == '\n' || !is_harmful(letter);
    assert!(text.chars().all(harmless), "{text:?}");
    let again = read_lock(&text);
    assert_eq!(again.as_ref(), Ok(lock), "{text}");
    assert_eq!(again.map(|again| again.to_text()), Ok(text));
    assert!(lock.compare(lock).is_empty());
    assert_eq!(&lock.clone().beside(lock), lock);
}

fn check_tool(text: &str, tool: &Tool, nothing: &Lock) {
    let value: Value = serde_json::from_str(text).expect("a tool is JSON");
    assert_eq!(value["name"].as_str(), Some(tool.name()));
    assert!(tool.differences(tool).is_empty());
    // In the order and the spelling of a library, which keeps no number beyond 64 bits.
    let again = Tool::read(&value.to_string());
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count() < 15;
    if digits(text) {
        assert_eq!(again.as_ref(), Ok(tool));
    }
    let lock = Lock::new(
        Digest::of(text.as_bytes()),
        None,
        [(Era::Modern, vec![tool.clone()])],
    );
    check_lock(&lock);
    let mut watch = Watch::new(lock);
    assert_eq!(watch.judge(text), Judgement::Reviewed);
    assert_eq!(watch.admit(tool.name()), Ok(()));
    let told = told(Watch::new(nothing.clone()), text, Drift::New);
    assert!(told > 0, "a new tool is told of");
}

fn check_unreadable(text: &str, nothing: &Lock) {
    told(Watch::new(nothing.clone()), text, Drift::Unreadable);
}

/// What does not pass is told of once, in words that no terminal obeys.
fn told(mut watch: Watch, text: &str, drift: Drift) -> usize {
    let Judgement::Unreviewed { why, name, told } = watch.judge(text) else {
        panic!("what nobody reviewed passes");
    };
    assert_eq!(why, drift);
    for line in &told {
        assert!(!line.contains(is_harmful), "{line:?}");
    }
    let again = watch.judge(text);
    assert_eq!(
        again,
        Judgement::Unreviewed {
            why,
            name,
            told: Vec::new()
        }
    );
    told.len()
}
