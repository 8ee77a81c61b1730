//! Names of hosts.

use alloc::borrow::{Cow, ToOwned as _};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};

use crate::fault::FaultCode;
use crate::manifest::Teach;
use crate::wording::{Quoted, hidden};

/// The longest name and the longest label that DNS has.
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// A host's name as it is asked for: lower-case ASCII labels with a dot between them, and nothing
/// below `localhost`.
///
/// Letters beyond ASCII stand in it as `xn--` labels. That is also how a manifest writes them,
/// since two names that look alike then do not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostName(String);

impl HostName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it ends in the other name and has more labels.
    pub fn is_below(&self, other: &Self) -> bool {
        self.0
            .strip_suffix(&other.0)
            .is_some_and(|rest| rest.ends_with('.'))
    }

    /// The name in its own letters, where it has any beyond ASCII.
    pub fn in_letters(&self) -> Option<String> {
        let (letters, done) =
            Uts46::new().to_unicode(self.0.as_bytes(), AsciiDenyList::STD3, Hyphens::Allow);
        done.is_ok()
            .then(|| letters.into_owned())
            .filter(|letters| *letters != self.0)
    }

    /// The letters of it that look like others, in their order.
    pub fn look_alikes(&self) -> Vec<LookAlike> {
        self.in_letters()
            .map(|letters| look_alikes(&letters))
            .unwrap_or_default()
    }
}

/// A letter beyond ASCII that most readers take for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookAlike {
    /// The letter.
    pub letter: char,
    /// What it is taken for.
    pub taken_for: char,
}

/// Letters that usual fonts draw like ASCII ones.
const LOOK_ALIKES: &[(&str, char)] = &[
    ("аɑα", 'a'),
    ("ЬƄ", 'b'),
    ("сϲⅽ", 'c'),
    ("ԁⅾ", 'd'),
    ("еҽ", 'e'),
    ("ɡց", 'g'),
    ("һհ", 'h'),
    ("іıⅰι", 'i'),
    ("јϳ", 'j'),
    ("κк", 'k'),
    ("ӏⅼ", 'l'),
    ("ոп", 'n'),
    ("оοօ", 'o'),
    ("рρ", 'p'),
    ("ԛգ", 'q'),
    ("гᴦ", 'r'),
    ("ѕ", 's'),
    ("т", 't'),
    ("սυ", 'u'),
    ("ѵν", 'v'),
    ("ѡԝա", 'w'),
    ("хχ", 'x'),
    ("уүγ", 'y'),
    ("ᴢ", 'z'),
    ("‐‑‒–—", '-'),
];

fn look_alikes(text: &str) -> Vec<LookAlike> {
    let alike = |letter| {
        let (_, taken_for) = LOOK_ALIKES
            .iter()
            .find(|(letters, _)| letters.contains(letter))?;
        Some(LookAlike {
            letter,
            taken_for: *taken_for,
        })
    };
    text.chars().filter_map(alike).collect()
}

impl fmt::Display for HostName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for HostName {
    type Err = InvalidHostName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(InvalidHostName::Empty);
        }
        if let Some(letter) = hidden(text) {
            return Err(InvalidHostName::Hidden(letter));
        }
        if let Some(bare) = within_url(text) {
            return Err(InvalidHostName::Url(bare.to_owned()));
        }
        if text.contains('*') {
            return Err(InvalidHostName::Wildcard);
        }
        if let Some(rest) = text.strip_prefix('.') {
            return Err(InvalidHostName::LeadingDot(rest.to_owned()));
        }
        if !text.is_ascii() {
            return Err(beyond_ascii(text));
        }
        let spelling = text.trim_end_matches('.').to_ascii_lowercase();
        if spelling != text {
            return Err(InvalidHostName::Spelling(spelling));
        }
        check_labels(text)?;
        if text == "localhost" || text.ends_with(".localhost") {
            return Err(InvalidHostName::Loopback);
        }
        if text.split('.').any(|label| label.starts_with("xn--")) && !is_settled(text) {
            return Err(InvalidHostName::Punycode);
        }
        Ok(Self(text.to_owned()))
    }
}

fn check_labels(text: &str) -> Result<(), InvalidHostName> {
    let allowed = |letter: &char| matches!(letter, 'a'..='z' | '0'..='9' | '-' | '.');
    if let Some(letter) = text.chars().find(|letter| !allowed(letter)) {
        return Err(InvalidHostName::Character(letter));
    }
    let fits = |label: &str| {
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() > NAME_BYTES_MAX || !text.split('.').all(fits) {
        return Err(InvalidHostName::Label);
    }
    Ok(())
}

/// Whether the name is what its own letters are asked for as.
fn is_settled(text: &str) -> bool {
    to_ascii(text).is_some_and(|ascii| ascii == text)
}

fn to_ascii(text: &str) -> Option<Cow<'_, str>> {
    Uts46::new()
        .to_ascii(
            text.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::Verify,
        )
        .ok()
}

/// The letters that a message names; more would not be read.
const LETTERS_NAMED: usize = 3;

fn beyond_ascii(text: &str) -> InvalidHostName {
    let named = |letter: char| {
        let alike = look_alikes(letter.encode_utf8(&mut [0; 4])).pop();
        let alike = alike.map(|alike| format!(", which looks like `{}`", alike.taken_for));
        let number = u32::from(letter);
        format!("`{letter}` (U+{number:04X}{})", alike.unwrap_or_default())
    };
    let letters = text.chars().filter(|letter| !letter.is_ascii());
    let letters: Vec<String> = letters.take(LETTERS_NAMED).map(named).collect();
    InvalidHostName::BeyondAscii {
        letters: letters.join(" and "),
        ascii: to_ascii(text).map(|ascii| ascii.to_string()),
    }
}

/// The host of something that is more than a name: a scheme, a port, a path, a user.
fn within_url(text: &str) -> Option<&str> {
    if !text.contains([':', '/', '@', '?']) {
        return None;
    }
    let after = text.split_once("://").map_or(text, |(_, after)| after);
    let upto = after.split(['/', '?', '#']).next().unwrap_or(after);
    let upto = upto.rsplit_once('@').map_or(upto, |(_, host)| host);
    Some(upto.split_once(':').map_or(upto, |(host, _)| host))
}

/// Why a text is not a [`HostName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHostName {
    /// There is no character.
    #[error("it is empty")]
    Empty,
    /// It has a character that cannot be seen.
    #[error("it has the hidden character {0:?}")]
    Hidden(char),
    /// It has a scheme, a port or a path around this name.
    #[error("it is more than a name")]
    Url(String),
    /// A `*` elsewhere than alone at the start.
    #[error("it has a `*` that is not a whole first label before a dot")]
    Wildcard,
    /// It starts with a dot, as a suffix does elsewhere; this follows.
    #[error("it starts with a dot")]
    LeadingDot(String),
    /// Letters beyond ASCII, and what the name is asked for as.
    #[error("it has letters beyond ASCII: {letters}")]
    BeyondAscii {
        /// The first of them, described.
        letters: String,
        /// The name in ASCII, if it is one.
        ascii: Option<String>,
    },
    /// It has capitals or a dot at its end; this is its one spelling.
    #[error("it is not in its one spelling")]
    Spelling(String),
    /// A character that no host's name has.
    #[error("it has {0:?}")]
    Character(char),
    /// An empty or overlong label, or one that starts or ends with a dash.
    #[error(
        "a label is empty, longer than {LABEL_BYTES_MAX}, or has `-` at an end, or the whole is \
         longer than {NAME_BYTES_MAX}"
    )]
    Label,
    /// A name of this host itself.
    #[error("every name below `localhost` is this host")]
    Loopback,
    /// An `xn--` label that stands for no letters, or for letters that are written otherwise.
    #[error("an `xn--` label in it stands for no name")]
    Punycode,
}

impl Teach for InvalidHostName {
    fn code(&self) -> FaultCode {
        match self {
            Self::Hidden(_) => FaultCode::HiddenCharacter,
            Self::Empty
            | Self::Url(_)
            | Self::Wildcard
            | Self::LeadingDot(_)
            | Self::BeyondAscii { .. }
            | Self::Spelling(_)
            | Self::Character(_)
            | Self::Label
            | Self::Loopback
            | Self::Punycode => FaultCode::InvalidHost,
        }
    }

    fn help(&self) -> String {
        let help = match self {
            Self::Empty => "write the name of the peer, such as `api.example.com`",
            Self::Hidden(_) => "type the name anew",
            Self::Url(host) => {
                let host = Quoted(if host.is_empty() { "example.com" } else { host });
                return format!("write {host} alone; a port goes under `ports`");
            }
            Self::Wildcard => {
                "write `*.example.com` for all names below one; there is no way to write any host"
            }
            Self::LeadingDot(rest) => return format!("write {}", Quoted(&format!("*.{rest}"))),
            Self::BeyondAscii {
                letters: _,
                ascii: Some(ascii),
            } => {
                let ascii = Quoted(ascii);
                return format!("if that is the name you mean, write {ascii}");
            }
            Self::BeyondAscii {
                letters: _,
                ascii: None,
            } => "write the name in ASCII, with `xn--` labels",
            Self::Spelling(spelling) => return format!("write {}", Quoted(spelling)),
            Self::Character(_) => "use a-z, 0-9, `-`, and dots between the labels",
            Self::Label => "write labels of 1 to 63 characters with one dot between them",
            Self::Loopback => "write `localhost`",
            Self::Punycode => "copy the name from where it is known to work",
        };
        help.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: Result<(), InvalidHostName>) {
        assert_eq!((text, text.parse::<HostName>().map(|_| ())), (text, want));
    }

    #[test]
    fn a_name_has_one_spelling() {
        let spelling = |text: &str| Err(InvalidHostName::Spelling(text.to_owned()));
        check("api.github.com", Ok(()));
        check("db", Ok(()));
        check("a--b.example", Ok(()));
        check("xn--gre-6ka8i.example", Ok(()));
        check("API.example.com", spelling("api.example.com"));
        check("example.com.", spelling("example.com"));
        check("a_b.example", Err(InvalidHostName::Character('_')));
        check("a..example", Err(InvalidHostName::Label));
        check("-a.example", Err(InvalidHostName::Label));
        check(&"a".repeat(64), Err(InvalidHostName::Label));
        check("", Err(InvalidHostName::Empty));
        check("a.*.example", Err(InvalidHostName::Wildcard));
        let dotted = InvalidHostName::LeadingDot("example.com".to_owned());
        check(".example.com", Err(dotted));
        let url = InvalidHostName::Url("example.com".to_owned());
        check("https://u@example.com:1/x", Err(url));
        check("db.localhost", Err(InvalidHostName::Loopback));
        check("xn--zzzzzzzzzzzz.example", Err(InvalidHostName::Punycode));
        check("xn--example.com", Err(InvalidHostName::Punycode));
        check("a\u{202e}b", Err(InvalidHostName::Hidden('\u{202e}')));
    }

    #[track_caller]
    fn check_letters(text: &str, said: &str, help: &str, taken_for: &str) {
        let Err(error) = text.parse::<HostName>() else {
            unreachable!("{text} is a name");
        };
        assert_eq!(error.to_string(), said);
        assert_eq!(error.help(), help);
        let ascii = to_ascii(text).map(Cow::into_owned);
        let name = HostName(ascii.unwrap_or_default());
        assert_eq!(name.in_letters().as_deref(), Some(text));
        let alike: String = name.look_alikes().iter().map(|it| it.taken_for).collect();
        assert_eq!(alike, taken_for);
    }

    #[test]
    fn letters_beyond_ascii_are_shown() {
        check_letters(
            "аpi.github.com",
            "it has letters beyond ASCII: `а` (U+0430, which looks like `a`)",
            "if that is the name you mean, write `xn--pi-6kc.github.com`",
            "a",
        );
        check_letters(
            "größe.example",
            "it has letters beyond ASCII: `ö` (U+00F6) and `ß` (U+00DF)",
            "if that is the name you mean, write `xn--gre-6ka8i.example`",
            "",
        );
    }

    #[track_caller]
    fn check_below(name: &str, other: &str, want: bool) {
        let (name, other) = (HostName(name.to_owned()), HostName(other.to_owned()));
        assert_eq!(name.is_below(&other), want, "{name} below {other}");
    }

    #[test]
    fn a_name_lies_below_another_by_whole_labels() {
        check_below("a.example.com", "example.com", true);
        check_below("example.com", "example.com", false);
        check_below("notexample.com", "example.com", false);
    }
}
