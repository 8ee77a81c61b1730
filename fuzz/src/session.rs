//! Sessions: whatever both sides write, and in whatever order things happen.
//!
//! The input is a script, one step a line, so that a script can be read and written by hand:
//!
//! | line | what happens |
//! |---|---|
//! | `c` and text | the client writes it, and a line end |
//! | `s` and text | the server does |
//! | `C`, `S` and text | the same without a line end |
//! | `w` and a number | so many milliseconds pass |
//! | `!` and a letter | an end or a start, see [`Course::change`] |
//!
//! A first line `r` puts the whole under rules; without it everything is granted and nothing
//! narrowed.

mod course;
mod oracle;

use course::Course;

/// Steps of a script at most: an input of nothing but line ends says no more by its end.
const STEPS_MAX: usize = 200;

/// Checks one script.
pub fn check(script: &[u8]) {
    let (is_narrowed, script) = match script.strip_prefix(b"r\n") {
        Some(script) => (true, script),
        None => (false, script),
    };
    let mut course = Course::new(is_narrowed);
    for step in script.split(|byte| *byte == b'\n').take(STEPS_MAX) {
        let Some((kind, text)) = step.split_first() else {
            continue;
        };
        match kind {
            b'c' => course.client_writes(&[text, b"\n"].concat()),
            b'C' => course.client_writes(text),
            b's' => course.server_writes(&[text, b"\n"].concat()),
            b'S' => course.server_writes(text),
            b'w' => course.wait(number(text)),
            b'!' => course.change(text.first().copied().unwrap_or_default()),
            _ => {}
        }
    }
    course.end();
}

/// The number that a text starts with, at most 65,535.
fn number(text: &[u8]) -> u64 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).take(5);
    let number = digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
    number.min(u64::from(u16::MAX))
}
