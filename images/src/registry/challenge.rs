//! `WWW-Authenticate`: how a registry wants to know who pulls.

use std::collections::BTreeMap;

/// One way to log in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    /// In lower case.
    pub(super) scheme: String,
    /// By their names in lower case; of two of one name the first.
    pub(super) values: BTreeMap<String, String>,
}

/// All ways that a header offers. What is malformed ends the reading.
pub(super) fn read(header: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            return found;
        }
        let word = word.to_ascii_lowercase();
        let after = after.trim_start_matches([' ', '\t']);
        let Some(value) = after.strip_prefix('=') else {
            found.push(Challenge {
                scheme: word,
                values: BTreeMap::new(),
            });
            rest = after;
            continue;
        };
        let Some((value, after)) = value_of(value.trim_start_matches([' ', '\t'])) else {
            return found;
        };
        if let Some(challenge) = found.last_mut() {
            challenge.values.entry(word).or_insert(value);
        }
        rest = after;
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/".contains(c)
}

/// A word, or a text between quotes, in which a backslash takes the next letter as it is.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
        return Some((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(letters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, want: &[(&str, &[(&str, &str)])]) {
        let found = read(header);
        let found: Vec<(&str, Vec<(&str, &str)>)> = found
            .iter()
            .map(|one| {
                let values = one.values.iter();
                let values = values.map(|(name, value)| (name.as_str(), value.as_str()));
                (one.scheme.as_str(), values.collect())
            })
            .collect();
        let want: Vec<(&str, Vec<(&str, &str)>)> = want
            .iter()
            .map(|(scheme, values)| (*scheme, values.to_vec()))
            .collect();
        assert_eq!(found, want, "{header}");
    }

    #[test]
    fn a_header_offers_several_ways() {
        check(
            r#"Bearer realm="https://a.example/t",service="s, x",scope=a"#,
            &[(
                "bearer",
                &[
                    ("realm", "https://a.example/t"),
                    ("scope", "a"),
                    ("service", "s, x"),
                ],
            )],
        );
        check(
            r#"Basic realm="a \"b\"", Bearer realm=x"#,
            &[
                ("basic", &[("realm", "a \"b\"")]),
                ("bearer", &[("realm", "x")]),
            ],
        );
        check("Negotiate", &[("negotiate", &[])]);
        check(r#"Bearer realm="x"#, &[("bearer", &[])]);
        check("=x", &[]);
        check("", &[]);
    }
}
