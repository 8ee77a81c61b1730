//! The requests of an HTTP connection: only those pass that ask for the granted host.

use brig_sandbox::egress::host::{Progress, Reader, Requests};

use crate::egress::{NAME, permitted};

/// Checks one client's stream; the first byte says how it is cut.
pub fn check(bytes: &[u8]) {
    let Some((most, stream)) = bytes.split_first() else {
        return;
    };
    let (fine, end) = passed(stream, 1);
    for most in [usize::from(*most).max(2), usize::MAX] {
        let (coarse, coarse_end) = passed(stream, most);
        assert_eq!(coarse_end, end, "it depends on the cuts");
        assert!(fine.starts_with(&coarse));
        assert!(end.is_some() || coarse == fine);
    }
    let mut came = stream.iter();
    let is_left = fine.iter().all(|byte| came.any(|one| one == byte));
    let offers = stream
        .windows(3)
        .any(|word| word.eq_ignore_ascii_case(b"h2c"));
    assert!(is_left, "other bytes than came");
    assert!(offers || stream.starts_with(&fine), "less than came");
    if let Ok(Progress::Whole { head_bytes, .. }) = Reader::default().push(&fine) {
        check_head(&fine[..head_bytes]);
    } else {
        assert!(fine.is_empty(), "less than a head passes");
    }
}

/// What passes, and what ends it.
fn passed(stream: &[u8], most: usize) -> (Vec<u8>, Option<String>) {
    let permit = permitted(80);
    let (mut requests, mut passed) = (Requests::default(), Vec::new());
    for part in stream.chunks(most) {
        if let Err(refused) = requests.push(&permit, part, &mut passed) {
            return (passed, Some(refused.to_string()));
        }
    }
    (passed, None)
}

/// The most indulgent server that there is finds no other host either: it takes any end of a line,
/// any blanks, and each of the lines that say a host.
fn check_head(head: &[u8]) {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    let mut found = 0;
    for line in text.split(['\r', '\n', '\0']) {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let whole = name.trim();
        assert!(
            whole != "upgrade" || value.trim() == "websocket",
            "{line:?}"
        );
        if whole == "host" {
            let value = value.trim();
            assert!(value == NAME || value == format!("{NAME}:80"), "{line:?}");
            found += 1;
        }
    }
    assert_eq!(found, 1, "{text:?}");
    let target = text.split_whitespace().nth(1).unwrap_or_default();
    if let Some((_, rest)) = target
        .split_once("://")
        .filter(|_| !target.starts_with('/'))
    {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        assert!(host == NAME || host == format!("{NAME}:80"), "{target}");
    }
}
