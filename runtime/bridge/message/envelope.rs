//! How serde fills an envelope: keys are compared where they stand, values stay raw text, nothing
//! is copied.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::super::id::{Id, InvalidId, text};
use super::{BATCH_LENGTH_MAX, Fault, Key, Message};

/// An object's outermost keys, each with its raw value.
#[derive(Debug, Default)]
pub(super) struct Envelope<'a> {
    id: Option<&'a str>,
    method: Option<&'a str>,
    params: Option<&'a str>,
    result: Option<&'a str>,
    error: Option<&'a str>,
    seen: u8,
    ambiguous: Option<Key>,
}

impl<'a> Envelope<'a> {
    /// Whether it would ask for something rather than answer.
    pub(super) fn asks(&self) -> bool {
        self.method.is_some()
    }

    fn put(&mut self, key: Key, value: &'a str) {
        if self.has(key) {
            self.refuse(key);
        }
        self.seen |= key.bit();
        match key {
            Key::Id => self.id = Some(value),
            Key::Method => self.method = Some(value),
            Key::Params => self.params = Some(value),
            Key::Result => self.result = Some(value),
            Key::Error => self.error = Some(value),
            Key::Jsonrpc => {}
        }
    }

    /// Two ids are the worst of it, since then nobody can be answered; else the first fault is
    /// named.
    fn refuse(&mut self, key: Key) {
        if key == Key::Id || self.ambiguous.is_none() {
            self.ambiguous = Some(key);
        }
    }

    fn has(&self, key: Key) -> bool {
        self.seen & key.bit() != 0
    }

    pub(super) fn id(&self) -> Option<Id> {
        if self.ambiguous == Some(Key::Id) {
            return None;
        }
        self.id.and_then(|raw| Id::read(raw).ok())
    }

    pub(super) fn into_message(self) -> Result<Message<'a>, Fault> {
        if let Some(key) = self.ambiguous {
            return Err(Fault::Ambiguous(key));
        }
        let (result, error) = (self.has(Key::Result), self.has(Key::Error));
        match self.method {
            Some(_) if result => Err(Fault::Ambiguous(Key::Result)),
            Some(_) if error => Err(Fault::Ambiguous(Key::Error)),
            Some(method) => self.asking(method),
            None if result && error => Err(Fault::Ambiguous(Key::Error)),
            None if result || error => self.answering(error),
            None => Err(Fault::NotMessage),
        }
    }

    fn asking(self, method: &'a str) -> Result<Message<'a>, Fault> {
        let method = text(method).ok_or(Fault::Ambiguous(Key::Method))?;
        let params = self.params;
        match self.id {
            None => Ok(Message::Notification { method, params }),
            // A null id makes a request to some readers and a notification to others.
            Some(raw) => match Id::read(raw) {
                Ok(id) => Ok(Message::Request { id, method, params }),
                Err(InvalidId::Kind | InvalidId::TooLong) => Err(Fault::Ambiguous(Key::Id)),
            },
        }
    }

    fn answering(self, error: bool) -> Result<Message<'a>, Fault> {
        match self.id {
            None | Some("null") if error => Ok(Message::ErrorForNone),
            None => Err(Fault::NotMessage),
            Some(raw) => match Id::read(raw) {
                Ok(id) => Ok(Message::Answer {
                    id,
                    result: self.result,
                    error: self.error,
                }),
                Err(InvalidId::Kind | InvalidId::TooLong) => Err(Fault::Ambiguous(Key::Id)),
            },
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Envelope<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(name) = map.next_key()? {
            match name {
                Name::Exact(key) => envelope.put(key, map.next_value::<&'de RawValue>()?.get()),
                Name::Variant(key) => {
                    envelope.refuse(key);
                    map.next_value::<IgnoredAny>()?;
                }
                Name::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(envelope)
    }
}

/// A key of an object, compared where it stands so that none is copied.
enum Name {
    Exact(Key),
    /// Equal to the key for readers that ignore case, as Go's do.
    Variant(Key),
    Other,
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Name, E> {
        if let Some(key) = Key::ALL.into_iter().find(|key| key.name() == name) {
            return Ok(Name::Exact(key));
        }
        let variant = Key::ALL
            .into_iter()
            .find(|key| folded(name).eq(key.name().chars()));
        Ok(variant.map_or(Name::Other, Name::Variant))
    }
}

/// The characters with case taken away, as Unicode's simple folding does for those that fold to
/// ASCII.
fn folded(name: &str) -> impl Iterator<Item = char> {
    name.chars().map(|c| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    })
}

/// The elements of a batch as raw text, refused where there are more than [`BATCH_LENGTH_MAX`].
pub(super) struct Elements<'a>(pub(super) Vec<&'a str>);

impl<'de: 'a, 'a> Deserialize<'de> for Elements<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ElementsVisitor)
    }
}

struct ElementsVisitor;

impl<'de> Visitor<'de> for ElementsVisitor {
    type Value = Elements<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {BATCH_LENGTH_MAX} messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(raw) = seq.next_element::<&'de RawValue>()? {
            if elements.len() == BATCH_LENGTH_MAX {
                return Err(serde::de::Error::invalid_length(
                    BATCH_LENGTH_MAX + 1,
                    &self,
                ));
            }
            elements.push(raw.get());
        }
        Ok(Elements(elements))
    }
}
