//! What is taken out of a message. All else stays byte for byte: no message is written anew.

use brig_policies::strict::{Object, Unclear, Value};
use std::ops::Range;

/// Cuts in one text, in any order; none may lie in another.
#[derive(Debug)]
pub(crate) struct Cuts<'a> {
    whole: &'a str,
    cuts: Vec<(Range<usize>, &'static str)>,
}

impl<'a> Cuts<'a> {
    /// No cut yet.
    pub(crate) fn new(whole: &'a str) -> Self {
        Self {
            whole,
            cuts: Vec::new(),
        }
    }

    /// Whether nothing is taken out.
    pub(crate) fn is_empty(&self) -> bool {
        self.cuts.is_empty()
    }

    /// Takes members out of an object.
    pub(crate) fn members(
        &mut self,
        object: &Object<'a>,
        is_cut: impl Fn(&str) -> bool,
    ) -> Result<(), Unclear> {
        let spelled = object.spelled();
        let parts: Vec<(&str, bool)> = spelled.map(|(key, whole)| (whole, is_cut(key))).collect();
        self.parts(&parts)
    }

    /// Takes parts of a list or an object out, each with one of the commas beside it. `parts` has
    /// all of them in their order, and whether each goes.
    pub(crate) fn parts(&mut self, parts: &[(&'a str, bool)]) -> Result<(), Unclear> {
        let mut kept_end = None;
        let mut gone: Option<Range<usize>> = None;
        for (part, goes) in parts {
            let at = self.place(part)?;
            match (goes, gone.take()) {
                (true, None) => gone = Some(at),
                (true, Some(before)) => gone = Some(before.start..at.end),
                // With the comma and the white space before what stays.
                (false, Some(before)) => {
                    self.cuts.push((before.start..at.start, ""));
                    kept_end = Some(at.end);
                }
                (false, None) => kept_end = Some(at.end),
            }
        }
        // The last ones go with the comma before them, if there is something before it.
        if let Some(last) = gone {
            self.cuts
                .push((kept_end.unwrap_or(last.start)..last.end, ""));
        }
        Ok(())
    }

    /// Puts another text in a value's place.
    pub(crate) fn replace(&mut self, value: Value<'a>, with: &'static str) -> Result<(), Unclear> {
        let at = self.place(value.raw())?;
        self.cuts.push((at, with));
        Ok(())
    }

    /// Puts a text before a part.
    pub(crate) fn insert(&mut self, before: &'a str, text: &'static str) -> Result<(), Unclear> {
        let start = self.place(before)?.start;
        self.cuts.push((start..start, text));
        Ok(())
    }

    /// The text without what was taken out; `None` if nothing was.
    pub(crate) fn apply(mut self) -> Option<String> {
        if self.cuts.is_empty() {
            return None;
        }
        self.cuts.sort_by_key(|(at, _)| (at.start, at.end));
        let mut out = String::with_capacity(self.whole.len());
        let mut from = 0;
        for (at, with) in self.cuts {
            out.push_str(self.whole.get(from..at.start).unwrap_or_default());
            out.push_str(with);
            from = at.end;
        }
        out.push_str(self.whole.get(from..).unwrap_or_default());
        Some(out)
    }

    /// Where a piece of the text stands in it. What is no piece of it is refused.
    fn place(&self, part: &str) -> Result<Range<usize>, Unclear> {
        let start = part.as_ptr().addr().checked_sub(self.whole.as_ptr().addr());
        let start = start.ok_or(Unclear::Broken)?;
        let at = start..start + part.len();
        let is_piece = self.whole.get(at.clone()).is_some();
        if is_piece {
            Ok(at)
        } else {
            Err(Unclear::Broken)
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[track_caller]
    fn check(text: &str, gone: &[&str], want: &str) {
        let object = Object::read(Value::new(text), "x", &[]).unwrap();
        let mut cuts = Cuts::new(text);
        cuts.members(&object, |key| gone.contains(&key)).unwrap();
        let got = cuts.apply();
        assert_eq!(got.as_deref().unwrap_or(text), want, "{gone:?}");
        assert_eq!(got.is_none(), gone.is_empty());
        serde_json::from_str::<serde_json::Value>(want).unwrap();
    }

    #[test]
    fn what_stays_keeps_its_bytes() {
        let text = "{ \"a\" : 1 ,\t\"b\":[2] , \"c\": {} }";
        check(text, &[], text);
        check(text, &["a"], "{ \"b\":[2] , \"c\": {} }");
        check(text, &["b"], "{ \"a\" : 1 ,\t\"c\": {} }");
        check(text, &["c"], "{ \"a\" : 1 ,\t\"b\":[2] }");
        check(text, &["a", "b"], "{ \"c\": {} }");
        check(text, &["b", "c"], "{ \"a\" : 1 }");
        check(text, &["a", "c"], "{ \"b\":[2] }");
        check(text, &["a", "b", "c"], "{  }");
        check("{\"a\":1}", &["a"], "{}");
    }

    #[test]
    fn a_piece_of_another_text_is_refused() {
        let text = String::from("{\"a\":1}");
        let other = text.clone();
        let mut cuts = Cuts::new(&text);
        assert_eq!(cuts.replace(Value::new(&other), "x"), Err(Unclear::Broken));
        let mut cuts = Cuts::new(&text[..3]);
        assert_eq!(cuts.insert(&text[4..], "x"), Err(Unclear::Broken));
    }

    #[test]
    fn texts_are_put_in_and_in_place() {
        let text = "{\"a\":1,\"b\":2}";
        let object = Object::read(Value::new(text), "x", &[]).unwrap();
        let mut cuts = Cuts::new(text);
        cuts.replace(object.get("b").unwrap(), "\"x\"").unwrap();
        let (_, first) = object.spelled().next().unwrap();
        cuts.insert(first, "\"c\":3,").unwrap();
        assert!(!cuts.is_empty());
        assert_eq!(cuts.apply().unwrap(), "{\"c\":3,\"a\":1,\"b\":\"x\"}");
    }
}
