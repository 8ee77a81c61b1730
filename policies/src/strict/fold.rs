//! Which keys some readers take for one.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::Unclear;
use super::text::shown;

/// A key with its case taken away: each character in upper case, and that in lower case. By way of
/// upper case more characters become one than by Unicode's folding alone (`ſ` is `s`, `ı` is `i`),
/// and so it covers readers that compare in either.
fn folded(key: &str) -> Cow<'_, str> {
    let is_folded = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    if key.bytes().all(is_folded) {
        return Cow::Borrowed(key);
    }
    let upper = key.chars().flat_map(char::to_uppercase);
    Cow::Owned(upper.flat_map(char::to_lowercase).collect())
}

/// Whether two keys are the same to a reader that ignores case.
pub fn same_letters(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return one.eq_ignore_ascii_case(other);
    }
    // No character folds to less than a third of its bytes, so a key that somebody made long is not
    // folded to be compared with a short one.
    if one.len().abs_diff(other.len()) > 3 * one.len().min(other.len()) {
        return false;
    }
    folded(one) == folded(other)
}

/// Refuses keys that are equal, or equal but for case.
pub(super) fn distinct<'k>(keys: impl Iterator<Item = &'k str>) -> Result<(), Unclear> {
    let mut keys: Vec<Cow<'_, str>> = keys.map(folded).collect();
    keys.sort_unstable();
    let twice = keys.windows(2).find_map(|pair| match pair {
        [one, other] if one == other => Some(one),
        _ => None,
    });
    twice.map_or(Ok(()), |key| Err(Unclear::Twice(shown(key))))
}

/// Refuses a key that is one of these but for its case.
pub(super) fn variant(key: &str, reserved: &[&'static str]) -> Result<(), Unclear> {
    for name in reserved {
        if key != *name && same_letters(key, name) {
            return Err(Unclear::Variant(shown(key), name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: &str, other: &str, same: bool) {
        assert_eq!(same_letters(one, other), same, "{one} and {other}");
        assert_eq!(same_letters(other, one), same, "{other} and {one}");
    }

    #[test]
    fn case_is_taken_away_by_every_way_that_readers_know() {
        check("name", "name", true);
        check("name", "NaMe", true);
        check("name", "nаme", false);
        check("path", "paths", false);
        // Go's reader takes the long s and the sign for kelvin for letters of ASCII.
        check("results", "reſultſ", true);
        check("key", "\u{212a}ey", true);
        // Upper case brings these together, lower case alone does not.
        check("id", "\u{131}d", true);
        check("straße", "STRASSE", true);
        check("σ", "ς", true);
        check("é", "É", true);
        // Two spellings of one letter are two keys to every reader that is known.
        check("é", "e\u{301}", false);
        check("", "", true);
        check("kkk", "\u{212a}\u{212a}\u{212a}", true);
        check("name", &"é".repeat(1000), false);
    }

    #[test]
    fn a_folded_key_is_a_string_of_its_own_only_where_it_differs() {
        assert!(matches!(folded("_meta"), Cow::Borrowed(_)));
        assert_eq!(folded("Ab"), Cow::<str>::Owned("ab".into()));
    }
}
