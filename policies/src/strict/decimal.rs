//! Numbers of JSON, compared without a digit lost.

use alloc::string::{String, ToString as _};
use core::cmp::Ordering;

/// A number as `0.DIGITS` times ten to the `point`, without a zero at either end of the digits.
struct Decimal {
    /// −1, 0 or 1.
    sign: i8,
    digits: String,
    point: i64,
}

/// How the text of a number compares with a whole number. `None` where the text is no number.
pub(super) fn compare(number: &str, whole: i64) -> Option<Ordering> {
    let (one, other) = (Decimal::read(number)?, Decimal::read(&whole.to_string())?);
    let by_size = || (one.point, &one.digits).cmp(&(other.point, &other.digits));
    Some(one.sign.cmp(&other.sign).then_with(|| match one.sign {
        0 => Ordering::Equal,
        -1 => by_size().reverse(),
        _ => by_size(),
    }))
}

impl Decimal {
    fn read(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let all = [whole, fraction].concat();
        if whole.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = all.trim_start_matches('0');
        let zeros = i64::try_from(all.len() - digits.len()).ok()?;
        let places = i64::try_from(whole.len()).ok()?;
        let digits = digits.trim_end_matches('0');
        Some(Self {
            sign: match (digits.is_empty(), negative) {
                (true, _) => 0,
                (false, true) => -1,
                (false, false) => 1,
            },
            digits: digits.to_string(),
            point: exponent.saturating_add(places - zeros),
        })
    }
}

/// An exponent that 64 bits cannot hold is as good as one that they just can: no text has digits
/// enough to make up for it.
fn read_exponent(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let size: i64 = digits.parse().unwrap_or(i64::MAX);
    Some(if negative { -size } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(number: &str, whole: i64, want: Option<Ordering>) {
        assert_eq!(compare(number, whole), want, "{number} and {whole}");
    }

    #[test]
    fn numbers_compare_by_value() {
        use Ordering::{Equal, Greater, Less};
        check("12", 12, Some(Equal));
        check("12", 123, Some(Less));
        check("120", 12, Some(Greater));
        check("0.0012e4", 12, Some(Equal));
        check("1200e-2", 12, Some(Equal));
        check("9", 10, Some(Less));
        check("-9", -10, Some(Greater));
        check("-12", 12, Some(Less));
        check("1e-400", 0, Some(Greater));
        check("-1e-400", 0, Some(Less));
        check("0e400", 0, Some(Equal));
        check("1e9223372036854775808", i64::MAX, Some(Greater));
        check("1e-9223372036854775808", 1, Some(Less));
        check("9223372036854775807", i64::MAX, Some(Equal));
        check("9223372036854775808", i64::MAX, Some(Greater));
        for none in [
            "", "-", "1.", ".1", "1e", "1e+", "x", "1x", "0x1", "--1", "1.2.3", "1e1.0",
        ] {
            check(none, 1, None);
        }
    }
}
