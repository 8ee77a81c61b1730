//! Numbers and times as people read them.

use super::statistics::Scale;
use crate::consent::date;

/// Three figures, or all before the point, in groups of three where there are more than four.
pub(super) fn figure(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        _ if size >= 99.95 || size == 0.0 => 0,
        _ if size >= 9.995 => 1,
        _ if size >= 0.9995 => 2,
        _ => 3,
    };
    let plain = format!("{value:.decimals$}");
    if size < 9_999.5 {
        return plain;
    }
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", plain.as_str()),
    };
    let places = digits.chars().enumerate();
    let grouped: String = places
        .flat_map(|(at, digit)| {
            let comma = at > 0 && (digits.len() - at) % 3 == 0;
            comma.then_some(',').into_iter().chain([digit])
        })
        .collect();
    format!("{sign}{grouped}")
}

/// A difference, with its sign or as a factor.
pub(super) fn compared(value: f64, scale: Scale) -> String {
    match scale {
        Scale::Added if value > 0.0 => format!("+{}", figure(value)),
        Scale::Added => figure(value),
        Scale::Ratio => format!("{} x", figure(value)),
    }
}

/// Seconds since 1970 as a day and a time of UTC.
pub(super) fn moment(seconds: u64) -> String {
    let (hour, minute) = (seconds / 3600 % 24, seconds / 60 % 60);
    format!("{} {hour:02}:{minute:02} UTC", date(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: &str, want: &str) {
        assert_eq!(found, want);
    }

    #[test]
    fn numbers_have_three_figures() {
        check(&figure(0.0), "0");
        check(&figure(0.012_34), "0.012");
        check(&figure(1.234), "1.23");
        check(&figure(9.996), "10.0");
        check(&figure(99.96), "100");
        check(&figure(-1234.4), "-1234");
        check(&figure(12_345.6), "12,346");
        check(&figure(-1_234_567.0), "-1,234,567");
        check(&compared(1.5, Scale::Added), "+1.50");
        check(&compared(-1.5, Scale::Added), "-1.50");
        check(&compared(0.5, Scale::Ratio), "0.500 x");
    }

    #[test]
    fn moments_are_those_of_the_calendar() {
        check(&moment(0), "1970-01-01 00:00 UTC");
        check(&moment(951_782_399), "2000-02-28 23:59 UTC");
        check(&moment(951_782_400), "2000-02-29 00:00 UTC");
        check(&moment(1_796_000_000), "2026-11-30 00:53 UTC");
        check(&moment(4_102_444_799), "2099-12-31 23:59 UTC");
    }
}
