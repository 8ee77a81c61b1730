//! A script of system calls: one a line, with its arguments as data.

use super::memory::Memory;
use super::names;
use super::raw;
use super::text::Text;
use std::collections::BTreeMap;

/// A script while it runs: the buffers that its calls point to, and what they answered.
#[derive(Debug, Default)]
pub(super) struct Script {
    memory: Memory,
    results: BTreeMap<String, usize>,
    /// Where the kernel may write, of the line that is being read.
    outs: Vec<usize>,
}

/// Why a script did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stopped {
    /// The kernel said no.
    #[error("line {line}: {call}: {answer}")]
    Refused {
        line: usize,
        call: String,
        answer: String,
    },
    /// It is no script.
    #[error("line {0} of the script cannot be read: {1}")]
    Unreadable(usize, String),
}

/// What is wrong with a line.
type Parsed<T> = Result<T, String>;

/// A line: what it does, and what the result is called.
struct Statement {
    name: String,
    does: Deed,
}

enum Deed {
    Show(usize),
    Name(usize),
    Call(Call),
}

/// A call, ready to be made.
struct Call {
    name: String,
    number: i64,
    arguments: [usize; 6],
    expected: Option<Expected>,
    /// A refusal is no end.
    may_fail: bool,
    times: usize,
    /// Where the kernel may write.
    outs: Vec<usize>,
}

/// What a line says that the kernel answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Value(usize),
    Error(i32),
}

impl Call {
    /// What the kernel answered, or the words of an answer that was not expected.
    fn make(&self) -> Result<usize, String> {
        let mut answered = Ok(0);
        for _ in 0..self.times {
            answered = raw::call(self.number, self.arguments);
            if answered.is_err() {
                break;
            }
        }
        match (answered, self.expected) {
            (Ok(value), None) => Ok(value),
            (Ok(value), Some(expected)) if expected == Expected::Value(value) => Ok(value),
            (Ok(value), Some(_)) => Err(format!("answered {value}")),
            (Err(error), Some(expected)) if expected == Expected::Error(error) => Ok(0),
            (Err(error), _) if self.may_fail => Ok(isize::try_from(error)
                .map_or(0, isize::wrapping_neg)
                .cast_unsigned()),
            (Err(error), _) => Err(names::error(error)),
        }
    }

    /// The answer in words, with what the kernel wrote.
    fn told(&self, value: usize, memory: &Memory) -> String {
        let answer = match self.expected {
            Some(Expected::Error(error)) => names::error(error),
            Some(Expected::Value(_)) | None => value.to_string(),
        };
        let shown = self.outs.iter().map(|out| memory.show(*out));
        let shown: Vec<String> = shown.filter(|shown| !shown.is_empty()).collect();
        format!("{} answered {answer} {}", self.name, shown.join(" "))
    }
}

impl Script {
    /// Runs a script to its end, and gives what its last line answered.
    pub(super) fn run(text: &str) -> Result<String, Stopped> {
        let mut script = Self::default();
        let mut last = String::new();
        for (line, at) in text.lines().zip(1..) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            last = script.line(line, at)?;
        }
        Ok(last)
    }

    fn line(&mut self, line: &str, at: usize) -> Result<String, Stopped> {
        let unreadable = |why: String| Stopped::Unreadable(at, why);
        let statement = self.read(line).map_err(unreadable)?;
        let (result, answer) = match statement.does {
            Deed::Show(address) => return Ok(self.memory.show(address)),
            Deed::Name(value) => (value, String::new()),
            Deed::Call(call) => {
                let refused = |answer| Stopped::Refused {
                    line: at,
                    call: call.name.clone(),
                    answer,
                };
                let value = call.make().map_err(refused)?;
                (value, call.told(value, &self.memory))
            }
        };
        self.results.insert(statement.name, result);
        Ok(answer)
    }

    fn read(&mut self, line: &str) -> Parsed<Statement> {
        let mut text = Text::new(line);
        let (mut name, mut may_fail, mut times) = (String::new(), false, 1);
        loop {
            if !text.peek().is_some_and(|next| next.is_ascii_alphabetic()) {
                let does = Deed::Name(self.value(&mut text)?);
                return Ok(Statement { name, does });
            }
            let word = text.word();
            match word.as_str() {
                "show" => {
                    let does = Deed::Show(self.value(&mut text)?);
                    return Ok(Statement { name, does });
                }
                "try" => may_fail = true,
                "repeat" => times = self.value(&mut text)?,
                _ if text.take_naming() => name = word,
                _ => {
                    let number = names::call(&word);
                    let number = number.ok_or_else(|| format!("there is no call `{word}`"))?;
                    self.outs.clear();
                    let (arguments, expected) = self.arguments(&mut text)?;
                    let does = Deed::Call(Call {
                        name: word,
                        number,
                        arguments,
                        expected,
                        may_fail,
                        times,
                        outs: std::mem::take(&mut self.outs),
                    });
                    return Ok(Statement { name, does });
                }
            }
        }
    }

    fn arguments(&mut self, text: &mut Text<'_>) -> Parsed<([usize; 6], Option<Expected>)> {
        let mut arguments = [0; 6];
        let mut places = arguments.iter_mut();
        loop {
            match text.peek() {
                None => return Ok((arguments, None)),
                Some('=') => return Ok((arguments, Some(self.expected(text)?))),
                Some(_) => {
                    let place = places.next().ok_or("a call has six arguments")?;
                    *place = self.value(text)?;
                }
            }
        }
    }

    fn expected(&mut self, text: &mut Text<'_>) -> Parsed<Expected> {
        if !(text.take('=') && text.take_at_once('>')) {
            return Err("`=>` was expected".into());
        }
        if text.peek() == Some('$') {
            return Ok(Expected::Value(self.value(text)?));
        }
        let word = text.word();
        match names::error_number(&word) {
            Some(error) => Ok(Expected::Error(error)),
            None => Ok(Expected::Value(number(&word)?)),
        }
    }

    fn value(&mut self, text: &mut Text<'_>) -> Parsed<usize> {
        if text.take('"') {
            let mut bytes = text.quoted().ok_or("a quote has no end")?;
            bytes.push(0);
            return Ok(self.memory.keep(bytes));
        }
        if text.take('[') {
            let bytes = self.packed(text)?;
            return Ok(self.memory.keep(bytes));
        }
        if text.take('$') {
            return self.named(text);
        }
        let word = text.word();
        if text.take_at_once('@') {
            let address = self.named(text)?;
            let loaded = width(&word).and_then(|bytes| self.memory.load(address, bytes));
            return loaded.ok_or_else(|| format!("there is no `{word}` at this address"));
        }
        if word == "out" && text.take_at_once(':') {
            let bytes = number(&text.word())?;
            let out = self.memory.keep(vec![0; bytes]);
            self.outs.push(out);
            return Ok(out);
        }
        let mut value = number(&word)?;
        while text.take_at_once('|') {
            value |= number(&text.word())?;
        }
        Ok(value)
    }

    /// What a name stands for, and a distance from it.
    fn named(&mut self, text: &mut Text<'_>) -> Parsed<usize> {
        let name = text.word();
        let value = self.results.get(&name);
        let value = *value.ok_or_else(|| format!("nothing is called `{name}`"))?;
        if text.take_at_once('+') {
            return Ok(value.wrapping_add(number(&text.word())?));
        }
        Ok(value)
    }

    /// A structure, part by part, after its `[`.
    fn packed(&mut self, text: &mut Text<'_>) -> Parsed<Vec<u8>> {
        let mut bytes = Vec::new();
        while !text.take(']') {
            if text.take('"') {
                bytes.extend(text.quoted().ok_or("a quote has no end")?);
                continue;
            }
            let word = text.word();
            if !text.take_at_once(':') {
                return Err(format!(
                    "a part of a structure begins with its kind, not `{word}`"
                ));
            }
            let value = self.value(text)?;
            match (word.as_str(), width(&word)) {
                ("zero", _) => bytes.resize(bytes.len() + value, 0),
                ("be16", _) => bytes.extend(value.to_be_bytes().iter().skip(6)),
                (_, Some(width)) => bytes.extend(value.to_le_bytes().iter().take(width)),
                (_, None) => return Err(format!("there is no kind `{word}`")),
            }
        }
        Ok(bytes)
    }
}

fn width(kind: &str) -> Option<usize> {
    match kind {
        "u8" => Some(1),
        "u16" => Some(2),
        "u32" => Some(4),
        "u64" => Some(8),
        _ => None,
    }
}

/// A number in any of three bases, or one that has a name.
fn number(word: &str) -> Parsed<usize> {
    let read = match word.get(..2) {
        Some("0x") => usize::from_str_radix(&word[2..], 16).ok(),
        Some("0o") => usize::from_str_radix(&word[2..], 8).ok(),
        Some(_) | None => word
            .parse::<i64>()
            .ok()
            .or_else(|| names::constant(word))
            .and_then(|value| isize::try_from(value).ok())
            .map(isize::cast_unsigned),
    };
    read.ok_or_else(|| format!("`{word}` is no number"))
}
