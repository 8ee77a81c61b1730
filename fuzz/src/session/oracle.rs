//! What must not pass under rules, told by a reader that takes every reading of a message there is:
//! all of several equal keys, and keys in every case.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The rules of a course that has some. They say the same as [`may_be_called`].
pub(super) const RULES: &str = r#"
[tools]
allow = ["a*", "b"]
[[tools.rule]]
tool = "b"
argument = "/p"
within = "/n"
[[tools.limit]]
tool = "a*"
concurrency = 2
[resources]
allow = []
[client]
elicitation = true
"#;

/// Whether a tool may be called and seen.
fn may_be_called(name: &str) -> bool {
    name == "b" || name.starts_with('a')
}

/// A value of JSON with all members of its objects.
enum Loose {
    Object(Vec<(String, Loose)>),
    List(Vec<Loose>),
    Text(String),
    Other,
}

/// What the server is told calls no tool that may not be called, by any reading.
pub(super) fn assert_calls_what_it_may(line: &[u8]) {
    each_message(line, |message| {
        let methods = message.all("method");
        let calls = methods.iter().any(|it| it.is_text("tools/call"));
        for params in message.all("params").iter().filter(|_| calls) {
            for name in params.all("name") {
                let Loose::Text(name) = name else {
                    panic!("a name is no text: {}", shown(line));
                };
                assert!(may_be_called(name), "{}", shown(line));
            }
        }
        let named = |params: &&Loose| !params.all("name").is_empty();
        assert!(
            !calls || message.all("params").iter().any(named),
            "a call of nothing: {}",
            shown(line)
        );
    });
}

/// What the client is told asks for nothing that the server was not granted, by any reading.
pub(super) fn assert_asks_what_it_may(line: &[u8]) {
    each_message(line, |message| {
        let mut askers = vec![message];
        for result in message.all("result") {
            for requests in result.all("inputRequests") {
                if let Loose::Object(requests) = requests {
                    askers.extend(requests.iter().map(|(_, request)| request));
                }
            }
        }
        for asker in askers {
            for method in asker.all("method") {
                for denied in [
                    "sampling/createMessage",
                    "roots/list",
                    "notifications/message",
                ] {
                    assert!(!method.is_text(denied), "{}", shown(line));
                }
            }
        }
    });
}

/// A page of the list of tools shows none that may not be called, by any reading.
pub(super) fn assert_shows_what_it_may(line: &[u8]) {
    each_message(line, |message| {
        for result in message.all("result") {
            for tools in result.all("tools") {
                let Loose::List(tools) = tools else {
                    panic!("tools are no list: {}", shown(line));
                };
                for name in tools.iter().flat_map(|tool| tool.all("name")) {
                    let allowed = matches!(name, Loose::Text(name) if may_be_called(name));
                    assert!(allowed, "{}", shown(line));
                }
            }
        }
    });
}

/// Whether a text is what is left of another once something was taken out of it.
pub(super) fn is_rest(rest: &[u8], whole: &[u8]) -> bool {
    let rest = String::from_utf8_lossy(rest)
        .replace("\"cacheScope\":\"private\",", "")
        .replace("private", "");
    let mut whole = whole.iter();
    rest.bytes().all(|byte| whole.any(|other| *other == byte))
}

fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

/// What no reader of strings can hold (half a surrogate pair) is left out.
fn each_message(line: &[u8], mut see: impl FnMut(&Loose)) {
    match serde_json::from_slice(line) {
        Ok(Loose::List(batch)) => batch.iter().for_each(see),
        Ok(message) => see(&message),
        Err(_) => {}
    }
}

impl Loose {
    /// Every value that a key has, in whatever case.
    fn all(&self, key: &str) -> Vec<&Self> {
        let Self::Object(members) = self else {
            return Vec::new();
        };
        let fold = |text: &str| text.to_uppercase().to_lowercase();
        let is = |name: &str| fold(name) == fold(key);
        let found = members.iter().filter(|(name, _)| is(name));
        found.map(|(_, value)| value).collect()
    }

    fn is_text(&self, text: &str) -> bool {
        matches!(self, Self::Text(own) if own.eq_ignore_ascii_case(text))
    }
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<Loose, E> {
        Ok(Loose::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Loose, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Loose::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Loose, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            elements.push(element);
        }
        Ok(Loose::List(elements))
    }

    fn visit_unit<E>(self) -> Result<Loose, E> {
        Ok(Loose::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Loose, E> {
        Ok(Loose::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Loose, E> {
        Ok(Loose::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Loose, E> {
        Ok(Loose::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Loose, E> {
        Ok(Loose::Other)
    }
}
