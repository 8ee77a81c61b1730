//! One spelling for keys and values.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::lines::upto;

/// A dotted key without blanks around its dots, and without quotes that it does not need.
pub(super) fn key(text: &str) -> String {
    let parts = cut(text, '.');
    let parts: Vec<String> = parts.into_iter().map(name).collect();
    parts.join(".")
}

fn name(text: &str) -> String {
    let bare = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    let inner = ["\"", "'"].iter().find_map(|quote| {
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inner.is_empty() && inner.chars().all(bare)).then_some(inner)
    });
    inner.unwrap_or(text).to_owned()
}

/// A value on one line in its one spelling; one of several lines as it stands.
pub(super) fn value(text: &str) -> String {
    if text.contains('\n') {
        return text.to_owned();
    }
    if let Some(inner) = within(text, '[', ']') {
        let elements: Vec<String> = cut(inner, ',').into_iter().map(value).collect();
        return format!("[{}]", elements.join(", "));
    }
    if let Some(inner) = within(text, '{', '}') {
        let pairs: Vec<String> = cut(inner, ',').into_iter().map(pair).collect();
        if pairs.is_empty() {
            return "{}".to_owned();
        }
        return format!("{{ {} }}", pairs.join(", "));
    }
    quoted(text).unwrap_or_else(|| text.to_owned())
}

fn pair(text: &str) -> String {
    let equals = upto(text, |rest| rest.starts_with('='));
    let after = text.get(equals + 1..).unwrap_or_default();
    format!("{} = {}", key(text[..equals].trim()), value(after.trim()))
}

fn within(text: &str, open: char, close: char) -> Option<&str> {
    text.strip_prefix(open)?.strip_suffix(close)
}

/// A literal string as a basic one, where both are spelt alike.
fn quoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    let is_plain = !text.starts_with("''") && !inner.contains(['"', '\\', '\t']);
    is_plain.then(|| format!("\"{inner}\""))
}

/// Cuts at a sign outside strings and brackets; what is empty at the end is dropped.
fn cut(text: &str, sign: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let mut depth = 0_usize;
        let end = upto(rest, |rest| {
            match rest.as_bytes().first() {
                Some(b'[' | b'{') => depth += 1,
                Some(b']' | b'}') => depth = depth.saturating_sub(1),
                Some(_) | None => {}
            }
            depth == 0 && rest.starts_with(sign)
        });
        let part = rest[..end].trim();
        if !part.is_empty() {
            parts.push(part);
        }
        match rest.get(end + 1..) {
            Some(after) => rest = after,
            None => return parts,
        }
    }
}
