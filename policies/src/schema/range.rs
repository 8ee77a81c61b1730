//! A pattern of the decimal numbers in a range.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

/// The numbers from the one to the other, both included, without zeros before them.
pub(super) fn between(least: u64, most: u64) -> String {
    let mut parts = Vec::new();
    let mut from = least;
    while from <= most {
        let upto = same_length_end(from, most);
        parts.extend(of_one_length(&from.to_string(), &upto.to_string()));
        match upto.checked_add(1) {
            Some(next) => from = next,
            None => break,
        }
    }
    format!("(?:{})", parts.join("|"))
}

/// The largest number that has as many digits as the one, and is not above the other.
fn same_length_end(from: u64, most: u64) -> u64 {
    let mut end: u64 = 9;
    while end < from {
        end = end.saturating_mul(10).saturating_add(9);
    }
    end.min(most)
}

/// The numbers between two of the same length: those that share the first digit of the one, all
/// between, and those that share the first digit of the other.
fn of_one_length(from: &str, upto: &str) -> Vec<String> {
    let (Some(first), Some(last)) = (digit(from), digit(upto)) else {
        return Vec::from([String::new()]);
    };
    let (rest_from, rest_upto) = (&from[1..], &upto[1..]);
    let (zeros, nines) = ("0".repeat(rest_from.len()), "9".repeat(rest_from.len()));
    let led = |lead: u32, from: &str, upto: &str| -> Vec<String> {
        let rests = of_one_length(from, upto);
        rests
            .into_iter()
            .map(|rest| format!("{lead}{rest}"))
            .collect()
    };
    if first == last {
        return led(first, rest_from, rest_upto);
    }
    let mut parts = Vec::new();
    let (mut lower, mut upper) = (first, last);
    if rest_from != zeros {
        parts.extend(led(first, rest_from, &nines));
        lower += 1;
    }
    let mut tail = Vec::new();
    if rest_upto != nines {
        tail = led(last, &zeros, rest_upto);
        upper -= 1;
    }
    if lower <= upper {
        let rest = match rest_from.len() {
            0 => String::new(),
            more => format!("[0-9]{{{more}}}"),
        };
        let first = if lower == upper {
            lower.to_string()
        } else {
            format!("[{lower}-{upper}]")
        };
        parts.push(first + &rest);
    }
    parts.extend(tail);
    parts
}

fn digit(text: &str) -> Option<u32> {
    text.chars().next()?.to_digit(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(least: u64, most: u64, want: &str) {
        assert_eq!(between(least, most), want);
    }

    #[test]
    fn a_range_is_split_by_digits() {
        check(1, 9, "(?:[1-9])");
        check(7, 7, "(?:7)");
        check(
            0,
            1024,
            "(?:[0-9]|[1-9][0-9]{1}|[1-9][0-9]{2}|10[0-1][0-9]{1}|102[0-4])",
        );
        check(
            16,
            230,
            "(?:1[6-9]|[2-9][0-9]{1}|1[0-9]{2}|2[0-2][0-9]{1}|230)",
        );
    }
}
