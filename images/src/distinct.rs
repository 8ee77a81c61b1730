//! JSON in which no object has a key twice.
//!
//! Readers differ in which of two they take, so that one of them could check what another obeys.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;

/// Reads all of a document, and refuses a second key of one name wherever it stands. How deep it
/// nests is bounded by serde_json.
pub(crate) fn check(bytes: &[u8]) -> Result<(), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Distinct.deserialize(&mut reader)?;
    reader.end()
}

#[derive(Clone, Copy)]
struct Distinct;

impl<'de> DeserializeSeed<'de> for Distinct {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Distinct {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut keys = BTreeSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if keys.contains(&key) {
                return Err(A::Error::custom(format_args!(
                    "the key {key:?} stands twice"
                )));
            }
            keys.insert(key);
            entries.next_value_seed(self)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #[track_caller]
    fn test(text: &str, want: Result<(), &str>) {
        let found = super::check(text.as_bytes()).map_err(|error| error.to_string());
        match (&found, want) {
            (Ok(()), Ok(())) => {}
            (Err(found), Err(want)) => assert!(found.contains(want), "{found}"),
            (found, want) => assert_eq!(found, &want.map_err(str::to_owned), "{text}"),
        }
    }

    #[test]
    fn no_key_stands_twice() {
        test(r#"{"a": 1, "b": [{"a": -1.5}, null, true, "x"]}"#, Ok(()));
        test(r#"{"a": 1, "a": 1}"#, Err("stands twice"));
        test(r#"[{"b": {"c": 1, "\u0063": 2}}]"#, Err("stands twice"));
        test(&"[".repeat(200), Err("recursion"));
        test("{} {}", Err("trailing"));
        test("{", Err("EOF"));
    }
}
