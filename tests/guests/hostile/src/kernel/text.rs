//! Reading a line of a script, character by character.

use std::iter::Peekable;
use std::str::Chars;

/// The rest of a line.
pub(super) struct Text<'a>(Peekable<Chars<'a>>);

impl<'a> Text<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        Self(line.chars().peekable())
    }

    /// The next character that is no blank.
    pub(super) fn peek(&mut self) -> Option<char> {
        while self.0.next_if(char::is_ascii_whitespace).is_some() {}
        self.0.peek().copied()
    }

    /// Takes a character, if it is the next one.
    pub(super) fn take(&mut self, wanted: char) -> bool {
        self.peek() == Some(wanted) && self.0.next().is_some()
    }

    /// Takes the `=` that gives a name, and leaves the one of `=>`.
    pub(super) fn take_naming(&mut self) -> bool {
        let names = self.peek() == Some('=') && self.0.clone().nth(1) != Some('>');
        names && self.take('=')
    }

    /// The same as `take`, where no blank may stand before it.
    pub(super) fn take_at_once(&mut self, wanted: char) -> bool {
        self.0.next_if_eq(&wanted).is_some()
    }

    /// Letters, digits and `_`, with `-` at the start; empty where none is next.
    pub(super) fn word(&mut self) -> String {
        let mut word = String::new();
        if self.take('-') {
            word.push('-');
        }
        let in_word = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        while let Some(c) = self.0.next_if(in_word) {
            word.push(c);
        }
        word
    }

    /// What stands between two quotes, of which the first was taken. `None` without the second.
    pub(super) fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            match self.0.next()? {
                '"' => return Some(bytes),
                '\\' => bytes.push(self.escaped()?),
                other => bytes.extend(other.to_string().bytes()),
            }
        }
    }

    fn escaped(&mut self) -> Option<u8> {
        match self.0.next()? {
            '0' => Some(0),
            'n' => Some(b'\n'),
            'x' => {
                let (high, low) = (self.0.next()?.to_digit(16)?, self.0.next()?.to_digit(16)?);
                u8::try_from(high * 16 + low).ok()
            }
            other => u8::try_from(other).ok(),
        }
    }
}
