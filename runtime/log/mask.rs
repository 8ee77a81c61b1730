//! Secrets in what people read: a server that prints one, in its log or by a name that it chose,
//! does not put it into anybody's terminal or log file.
//!
//! It keeps accidents out, and is no wall: a server that wants to can spell its secret otherwise.

use crate::secrets::Found;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use std::borrow::Cow;
use zeroize::Zeroizing;

/// The shortest line of a secret of several lines that is hidden by itself: `-----` alone says
/// nothing, and would be hidden everywhere.
const LINE_BYTES_MIN: usize = 8;

/// The forms of a session's secrets, the longest first.
#[derive(Default)]
pub(super) struct Mask {
    forms: Vec<(Zeroizing<Vec<u8>>, String)>,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Mask of {} forms", self.forms.len())
    }
}

impl Mask {
    /// Each secret as it is, as JSON and in base64 (RFC 4648) write it, and each of its lines.
    pub(super) fn of(secrets: &Found) -> Self {
        let mut forms = Vec::new();
        for (name, secret) in secrets {
            let stands = format!("[secret {name}]");
            for form in forms_of(secret.expose()) {
                forms.push((Zeroizing::new(form), stands.clone()));
            }
        }
        forms.sort_by(|(one, _), (other, _)| other.len().cmp(&one.len()).then(one.cmp(other)));
        forms.dedup_by(|(one, _), (other, _)| one == other);
        Self { forms }
    }

    /// Bytes of the longest form.
    pub(super) fn longest(&self) -> usize {
        self.forms.first().map_or(0, |(form, _)| form.len())
    }

    /// The text with a name in the place of each secret.
    pub(super) fn hide<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let mut text = Cow::Borrowed(text);
        for (form, stands) in &self.forms {
            if let Some(hidden) = replaced(&text, form, stands.as_bytes()) {
                text = Cow::Owned(hidden);
            }
        }
        text
    }
}

fn forms_of(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![value.to_vec(), value.trim_ascii().to_vec()];
    let lines = value.split(|byte| matches!(byte, b'\n' | b'\r'));
    let lines = lines.filter(|line| line.len() >= LINE_BYTES_MIN);
    forms.extend(lines.map(<[u8]>::to_vec));
    let text = std::str::from_utf8(value).ok();
    if let Some(json) = text.and_then(|text| serde_json::to_string(text).ok()) {
        forms.push(json.trim_matches('"').as_bytes().to_vec());
    }
    // Of whole groups alone: the last digits depend on what follows.
    for start in 0..3 {
        let part = value.get(start..).unwrap_or_default();
        let part = part.get(..part.len() - part.len() % 3).unwrap_or_default();
        if part.len() >= LINE_BYTES_MIN {
            forms.push(STANDARD.encode(part).into_bytes());
            forms.push(URL_SAFE.encode(part).into_bytes());
        }
    }
    forms.retain(|form| form.len() >= crate::secrets::BYTES_MIN);
    forms
}

fn replaced(text: &[u8], form: &[u8], stands: &[u8]) -> Option<Vec<u8>> {
    let mut at = find(text, form)?;
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        out.extend_from_slice(stands);
        rest = rest.get(at + form.len()..).unwrap_or_default();
        match find(rest, form) {
            Some(next) => at = next,
            None => break,
        }
    }
    out.extend_from_slice(rest);
    Some(out)
}

fn find(text: &[u8], form: &[u8]) -> Option<usize> {
    text.windows(form.len()).position(|window| window == form)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::secrets::Secret;

    fn mask(values: &[(&str, &[u8])]) -> Mask {
        let secret = |value: &[u8]| Secret::new(Zeroizing::new(value.to_vec())).unwrap();
        let found = values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), secret(value)));
        Mask::of(&found.collect())
    }

    #[track_caller]
    fn check(value: &[u8], text: &str, want: &str) {
        let hidden = mask(&[("key", value)]).hide(text.as_bytes()).into_owned();
        assert_eq!(String::from_utf8(hidden).unwrap(), want);
    }

    #[test]
    fn a_secret_is_hidden_in_the_forms_that_accidents_have() {
        check(b"s3cret", "no secret", "no secret");
        check(b"s3cret", "s3crets3cret.", "[secret key][secret key].");
        check(b"s3cret\n", "got s3cret\r", "got [secret key]\r");
        check(
            b"pass\"word\\1",
            r#"{"k":"pass\"word\\1"}"#,
            r#"{"k":"[secret key]"}"#,
        );
        let pem = b"-----BEGIN-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END-----\n";
        check(pem, "MIIEvQIBADANBg", "[secret key]");
        check(pem, "kqhkiG9w0BAQEF tail", "[secret key] tail");
        check(
            b"user:s3cret-token",
            "Basic dXNlcjpzM2NyZXQtdG9rZW4=",
            "Basic [secret key]ZW4=",
        );
        // Behind another beginning of the text that was encoded.
        check(
            b"s3cret-token-of-mine",
            "dXNlcjpzM2NyZXQtdG9rZW4tb2YtbWluZQ==",
            "dXNlcjpz[secret key]ZQ==",
        );
    }

    #[test]
    fn the_longer_of_two_is_hidden_first() {
        let mask = mask(&[("one", b"token"), ("two", b"token-and-more")]);
        let hidden = mask.hide(b"token-and-more token").into_owned();
        assert_eq!(hidden, b"[secret two] [secret one]");
    }
}
