//! The walk through a text of JSON.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::{ELEMENTS_MAX, KEY_BYTES_MAX, KEYS_MAX, Unclear, fold, text};

/// One member of an object.
#[derive(Clone, Debug)]
pub(super) struct Member<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) value: &'a str,
    /// From the key's first quote to the end of the value.
    pub(super) whole: &'a str,
}

/// A place in a text.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// How many keys were read.
    keys: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            keys: 0,
        }
    }

    /// The members of the object that starts here, their values unread.
    pub(super) fn members(&mut self) -> Result<Vec<Member<'a>>, Unclear> {
        let mut members = Vec::new();
        self.each_member(|reader, start, key| {
            let value = reader.skip()?;
            let whole = reader.slice(start, reader.at)?;
            members.push(Member { key, value, whole });
            Ok(())
        })?;
        Ok(members)
    }

    /// The elements of the array that starts here, unread.
    pub(super) fn elements(&mut self) -> Result<Vec<&'a str>, Unclear> {
        let mut elements = Vec::new();
        self.each_element(|reader| {
            if elements.len() == ELEMENTS_MAX {
                return Err(Unclear::ManyElements);
            }
            elements.push(reader.skip()?);
            Ok(())
        })?;
        Ok(elements)
    }

    /// Whether a key of the object that starts here is of this kind.
    pub(super) fn any_key(&mut self, is: impl Fn(&str) -> bool) -> bool {
        let mut found = false;
        let read = self.each_member(|reader, _, key| {
            found |= is(&key);
            reader.skip().map(|_| ())
        });
        // What cannot be read to its end may hold it.
        found || read.is_err()
    }

    /// Reads the value that starts here to its full depth.
    pub(super) fn clear(&mut self, depth_left: usize) -> Result<(), Unclear> {
        self.white();
        match self.byte() {
            Some(b'{') => {
                let depth_left = depth_left.checked_sub(1).ok_or(Unclear::Deep)?;
                let mut keys = Vec::new();
                self.each_member(|reader, _, key| {
                    keys.push(key);
                    reader.clear(depth_left)
                })?;
                fold::distinct(keys.iter().map(Cow::as_ref))
            }
            Some(b'[') => {
                let depth_left = depth_left.checked_sub(1).ok_or(Unclear::Deep)?;
                self.each_element(|reader| reader.clear(depth_left))
            }
            Some(_) | None => self.skip().map(|_| ()),
        }
    }

    fn each_member(
        &mut self,
        mut each: impl FnMut(&mut Self, usize, Cow<'a, str>) -> Result<(), Unclear>,
    ) -> Result<(), Unclear> {
        self.each_part(b'{', b'}', |reader| {
            let start = reader.at;
            let raw = reader.string()?;
            let key = text::unescaped(raw).ok_or(Unclear::HalfKey)?;
            if key.len() > KEY_BYTES_MAX {
                return Err(Unclear::LongKey);
            }
            reader.keys += 1;
            if reader.keys > KEYS_MAX {
                return Err(Unclear::ManyKeys);
            }
            reader.white();
            reader.expect(b':')?;
            reader.white();
            each(reader, start, key)
        })
    }

    fn each_element(
        &mut self,
        each: impl FnMut(&mut Self) -> Result<(), Unclear>,
    ) -> Result<(), Unclear> {
        self.each_part(b'[', b']', each)
    }

    /// What stands between two brackets, parted by commas.
    fn each_part(
        &mut self,
        open: u8,
        close: u8,
        mut each: impl FnMut(&mut Self) -> Result<(), Unclear>,
    ) -> Result<(), Unclear> {
        self.white();
        self.expect(open)?;
        self.white();
        if self.byte() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        loop {
            each(self)?;
            self.white();
            match self.byte() {
                Some(b',') => self.at += 1,
                Some(byte) if byte == close => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) | None => return Err(Unclear::Broken),
            }
            self.white();
        }
    }

    /// The value that starts here, passed over.
    fn skip(&mut self) -> Result<&'a str, Unclear> {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.byte().ok_or(Unclear::Broken)? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1).ok_or(Unclear::Broken)?;
                    self.at += 1;
                }
                b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => {
                    return Err(Unclear::Broken);
                }
                b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => {
                    self.at += 1;
                    continue;
                }
                _ => self.scalar(),
            }
            if depth == 0 {
                return self.slice(start, self.at);
            }
        }
    }

    /// A number or a word.
    fn scalar(&mut self) {
        let rest = self.rest();
        let ends = |byte: &u8| matches!(byte, b',' | b':' | b'{' | b'}' | b'[' | b']' | b'"');
        let length = rest
            .iter()
            .position(|byte| ends(byte) || byte.is_ascii_whitespace());
        self.at += length.unwrap_or(rest.len());
    }

    /// A string with its quotes. The next quote is searched by `find`, which looks at many bytes at
    /// once: strings are most of what passes.
    fn string(&mut self) -> Result<&'a str, Unclear> {
        let start = self.at;
        self.expect(b'"')?;
        let inside = self.at;
        loop {
            let rest = self.text.get(self.at..).ok_or(Unclear::Broken)?;
            self.at += rest.find('"').ok_or(Unclear::Broken)? + 1;
            let before = self.text.as_bytes().get(inside..self.at - 1);
            let slashes = before.unwrap_or_default().iter().rev();
            let slashes = slashes.take_while(|byte| **byte == b'\\').count();
            if slashes.is_multiple_of(2) {
                return self.slice(start, self.at);
            }
        }
    }

    fn white(&mut self) {
        let rest = self.rest();
        let is_white = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += rest.iter().take_while(is_white).count();
    }

    fn expect(&mut self, byte: u8) -> Result<(), Unclear> {
        if self.byte() != Some(byte) {
            return Err(Unclear::Broken);
        }
        self.at += 1;
        Ok(())
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn slice(&self, from: usize, to: usize) -> Result<&'a str, Unclear> {
        self.text.get(from..to).ok_or(Unclear::Broken)
    }
}
