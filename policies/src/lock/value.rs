//! JSON, read so that no two readers could take it differently, and in the order of its names.
//!
//! What a server says of a tool is shown to a person, hashed, and read by a client and a model. A
//! name that stands twice would let these see different texts, so it is refused and not resolved.
//! Numbers keep all their digits.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

/// How deep a value may nest. Schemas in use stay below 30; each level costs a frame of the stack.
pub(super) const DEPTH_MAX: usize = 128;

/// The most digits of an exponent: a longer one is no number that any reader holds.
const EXPONENT_DIGITS_MAX: usize = 6;

/// A JSON value. Equal values have the same members, in whatever order and spelling they came.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Null,
    Flag(bool),
    /// In its shortest exact spelling.
    Number(String),
    Text(String),
    List(Vec<Value>),
    Object(BTreeMap<String, Value>),
}

/// Why a text is not a JSON value that reads in one way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidJson {
    /// It breaks JSON's grammar here, counted in bytes.
    #[error("it is no JSON at byte {0}")]
    Syntax(usize),
    /// A string has half of a character (a lone surrogate) here, counted in bytes.
    #[error("it has half a character at byte {0}")]
    HalfCharacter(usize),
    /// An object has this name twice.
    #[error("it has {0:?} twice")]
    Twice(String),
    /// It nests deeper than 128 levels.
    #[error("it nests deeper than {DEPTH_MAX} levels")]
    TooDeep,
}

impl Value {
    /// Reads one value, with nothing but blanks around it.
    pub(super) fn read(text: &str) -> Result<Self, InvalidJson> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.skip_blanks();
        if reader.at == text.len() {
            Ok(value)
        } else {
            Err(reader.syntax())
        }
    }
}

/// A place in a text, which only moves forward and stands between characters.
struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn syntax(&self) -> InvalidJson {
        InvalidJson::Syntax(self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes this byte if it is the next one after blanks.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_blanks();
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn want(&mut self, byte: u8) -> Result<(), InvalidJson> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.syntax())
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, InvalidJson> {
        if depth > DEPTH_MAX {
            return Err(InvalidJson::TooDeep);
        }
        self.skip_blanks();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(_) | None => self.word(),
        }
    }

    fn word(&mut self) -> Result<Value, InvalidJson> {
        let words = [
            ("true", Value::Flag(true)),
            ("false", Value::Flag(false)),
            ("null", Value::Null),
        ];
        let rest = &self.text[self.at..];
        for (word, value) in words {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.syntax())
    }

    fn object(&mut self, depth: usize) -> Result<Value, InvalidJson> {
        self.want(b'{')?;
        let mut members = BTreeMap::new();
        if self.take(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'"') {
                return Err(self.syntax());
            }
            let name = self.string()?;
            self.want(b':')?;
            let value = self.value(depth + 1)?;
            if members.contains_key(&name) {
                return Err(InvalidJson::Twice(name));
            }
            members.insert(name, value);
            if !self.take(b',') {
                self.want(b'}')?;
                return Ok(Value::Object(members));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, InvalidJson> {
        self.want(b'[')?;
        let mut elements = Vec::new();
        if self.take(b']') {
            return Ok(Value::List(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            if !self.take(b',') {
                self.want(b']')?;
                return Ok(Value::List(elements));
            }
        }
    }

    fn string(&mut self) -> Result<String, InvalidJson> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest
                .find(|letter: char| letter == '"' || letter == '\\' || letter < ' ')
                .unwrap_or(rest.len());
            text.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escape()?),
                Some(_) | None => return Err(self.syntax()),
            }
        }
    }

    fn escape(&mut self) -> Result<char, InvalidJson> {
        let start = self.at;
        self.at += 1;
        let letter = match self.peek().ok_or_else(|| self.syntax())? {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            other @ (b'"' | b'\\' | b'/') => char::from(other),
            b'u' => return self.unicode(start),
            _ => return Err(self.syntax()),
        };
        self.at += 1;
        Ok(letter)
    }

    fn unicode(&mut self, start: usize) -> Result<char, InvalidJson> {
        let first = self.unit()?;
        let half = InvalidJson::HalfCharacter(start);
        let code = match first {
            0xD800..=0xDBFF => {
                if !self.text[self.at..].starts_with("\\u") {
                    return Err(half);
                }
                self.at += 1;
                let second = self.unit()?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return Err(half);
                }
                0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)
            }
            other => other,
        };
        char::from_u32(code).ok_or(half)
    }

    /// The four digits after `u`, at which this stands.
    fn unit(&mut self) -> Result<u32, InvalidJson> {
        self.at += 1;
        let digits = self.text.get(self.at..self.at + 4);
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let unit = unit.ok_or_else(|| self.syntax())?;
        self.at += 4;
        Ok(unit)
    }

    fn number(&mut self) -> Result<String, InvalidJson> {
        let is_negative = self.peek() == Some(b'-');
        self.at += usize::from(is_negative);
        let whole = self.digits();
        if whole.is_empty() || (whole.len() > 1 && whole.starts_with('0')) {
            return Err(self.syntax());
        }
        let whole = whole.to_owned();
        let mut fraction = String::new();
        if self.peek() == Some(b'.') {
            self.at += 1;
            fraction.push_str(self.digits());
            if fraction.is_empty() {
                return Err(self.syntax());
            }
        }
        let exponent = self.exponent()?;
        Ok(shortest(is_negative, &whole, &fraction, exponent))
    }

    fn exponent(&mut self) -> Result<i64, InvalidJson> {
        if !matches!(self.peek(), Some(b'e' | b'E')) {
            return Ok(0);
        }
        self.at += 1;
        let sign = self.peek();
        self.at += usize::from(matches!(sign, Some(b'+' | b'-')));
        let digits = self.digits();
        let significant = digits.trim_start_matches('0');
        if digits.is_empty() || significant.len() > EXPONENT_DIGITS_MAX {
            return Err(self.syntax());
        }
        let size: i64 = significant.parse().unwrap_or(0);
        Ok(if sign == Some(b'-') { -size } else { size })
    }

    fn digits(&mut self) -> &str {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }
}

/// The most digits before the point that are written out, and the most zeros after it: as
/// ECMAScript has it, so that the spelling is what most servers write.
const PLAIN_DIGITS_MAX: i64 = 21;
const PLAIN_ZEROS_MAX: i64 = 5;

/// One spelling for each number, and exact: `1`, `1.0` and `10e-1` are one. JSON Schema holds them
/// equal, and libraries write one for another.
fn shortest(is_negative: bool, whole: &str, fraction: &str, exponent: i64) -> String {
    let digits = format!("{whole}{fraction}");
    let started = digits.trim_start_matches('0');
    let significant = started.trim_end_matches('0');
    if significant.is_empty() {
        return "0".to_owned();
    }
    // Where the point stands, counted from the first significant digit.
    let point = length(started) - length(fraction) + exponent;
    let mut out = String::from(if is_negative { "-" } else { "" });
    let count = length(significant);
    if (1..=PLAIN_DIGITS_MAX).contains(&point) {
        let (before, after) = split(significant, point);
        out.push_str(before);
        (count..point).for_each(|_| out.push('0'));
        if !after.is_empty() {
            out.push('.');
            out.push_str(after);
        }
    } else if (-PLAIN_ZEROS_MAX..=0).contains(&point) {
        out.push_str("0.");
        (point..0).for_each(|_| out.push('0'));
        out.push_str(significant);
    } else {
        let (first, after) = split(significant, 1);
        out.push_str(first);
        if !after.is_empty() {
            out.push('.');
            out.push_str(after);
        }
        // Writing to a String cannot fail.
        let _ = write!(out, "e{}", point - 1);
    }
    out
}

/// No text has more bytes than this type counts.
fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

/// Digits, cut after so many of them or at their end.
fn split(digits: &str, at: i64) -> (&str, &str) {
    let at = usize::try_from(at).unwrap_or(0).min(digits.len());
    digits.split_at(at)
}

#[cfg(test)]
mod tests;
