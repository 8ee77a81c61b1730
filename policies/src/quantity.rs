//! Amounts with units: sizes, durations and shares of processors.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use crate::fault::FaultCode;
use crate::manifest::{Teach, Written};

/// A size in bytes, written as a whole number of `KiB`, `MiB` or `GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size(pub(crate) u64);

/// A duration in milliseconds, written as a whole number of `ms`, `s` or `m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Period(pub(crate) u64);

/// Thousandths of a processor, written as a number with at most three decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cpus(pub(crate) u32);

/// A number of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Count(pub(crate) u32);

/// The units, each with its worth; the largest last.
pub(crate) const SIZE_UNITS: &[(&str, u64)] =
    &[("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
pub(crate) const PERIOD_UNITS: &[(&str, u64)] = &[("ms", 1), ("s", 1000), ("m", 60_000)];

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidAmount {
    /// It does not start with a whole number.
    #[error("it does not start with a whole number")]
    Number,
    /// Nothing, or nothing known, follows the number.
    #[error("it has no unit that brig knows")]
    Unit,
    /// A unit that some read as a thousand and others as 1024.
    #[error("its unit is 1000 to some and 1024 to others")]
    Ambiguous,
    /// More than 64 bits.
    #[error("it is too large to count")]
    Overflow,
}

/// Splits an amount into its number and its unit, and multiplies.
fn amount(text: &str, units: &[(&str, u64)]) -> Result<u64, InvalidAmount> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() || unit.starts_with('.') {
        return Err(InvalidAmount::Number);
    }
    let Some((_, worth)) = units.iter().find(|(name, _)| *name == unit) else {
        return Err(match unit {
            "K" | "M" | "G" | "k" | "g" | "KB" | "MB" | "GB" | "kB" | "kb" | "mb" | "gb" => {
                InvalidAmount::Ambiguous
            }
            _ => InvalidAmount::Unit,
        });
    };
    let number: u64 = number.parse().map_err(|_| InvalidAmount::Overflow)?;
    number.checked_mul(*worth).ok_or(InvalidAmount::Overflow)
}

/// Writes an amount in the largest unit that leaves it whole.
fn show(out: &mut fmt::Formatter<'_>, amount: u64, units: &[(&str, u64)]) -> fmt::Result {
    for (unit, worth) in units.iter().rev() {
        if amount >= *worth && amount.is_multiple_of(*worth) {
            return write!(out, "{}{unit}", amount / worth);
        }
    }
    write!(out, "{amount}")
}

/// Why a text is not a [`Size`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidSize(InvalidAmount);

impl FromStr for Size {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        amount(text, SIZE_UNITS).map(Self).map_err(InvalidSize)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(out, self.0, SIZE_UNITS)
    }
}

impl Teach for InvalidSize {
    fn code(&self) -> FaultCode {
        FaultCode::InvalidSize
    }

    fn help(&self) -> String {
        "write a whole number with `KiB`, `MiB` or `GiB` right after it, such as `256MiB`"
            .to_owned()
    }
}

impl Written for Size {
    const WHAT: &'static str = "a size";
}

/// Why a text is not a [`Period`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidPeriod(InvalidAmount);

impl FromStr for Period {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        amount(text, PERIOD_UNITS)
            .map(Self)
            .map_err(|error| match error {
                InvalidAmount::Ambiguous => InvalidAmount::Unit,
                InvalidAmount::Number | InvalidAmount::Unit | InvalidAmount::Overflow => error,
            })
            .map_err(InvalidPeriod)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(out, self.0, PERIOD_UNITS)
    }
}

impl Teach for InvalidPeriod {
    fn code(&self) -> FaultCode {
        FaultCode::InvalidDuration
    }

    fn help(&self) -> String {
        "write a whole number with `ms`, `s` or `m` right after it, such as `30s`".to_owned()
    }
}

impl Written for Period {
    const WHAT: &'static str = "a duration";
}

/// Why a number is not [`Cpus`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidCpus {
    /// Not digits with a point among them.
    #[error("it is not a plain decimal number")]
    Form,
    /// Finer than the kernel counts.
    #[error("it has more than three decimals")]
    Precision,
    /// More than 32 bits.
    #[error("it is too large to count")]
    Overflow,
}

/// Reads the digits and not a float, so that `0.1` is 100 thousandths and nothing beside it.
impl FromStr for Cpus {
    type Err = InvalidCpus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(decimals) {
            return Err(InvalidCpus::Form);
        }
        let decimals = decimals.trim_end_matches('0');
        if decimals.len() > 3 {
            return Err(InvalidCpus::Precision);
        }
        let whole: u32 = whole.parse().map_err(|_| InvalidCpus::Overflow)?;
        let milli: u32 = format!("{decimals:0<3}")
            .parse()
            .map_err(|_| InvalidCpus::Form)?;
        whole
            .checked_mul(1000)
            .and_then(|whole| whole.checked_add(milli))
            .map(Self)
            .ok_or(InvalidCpus::Overflow)
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, milli) = (self.0 / 1000, format!("{:03}", self.0 % 1000));
        let decimals = milli.trim_end_matches('0');
        write!(
            out,
            "{whole}.{}",
            if decimals.is_empty() { "0" } else { decimals }
        )
    }
}

impl Teach for InvalidCpus {
    fn code(&self) -> FaultCode {
        FaultCode::InvalidNumber
    }

    fn help(&self) -> String {
        "write a number such as `1.0` or `0.25`".to_owned()
    }
}

impl Written for Cpus {
    const WHAT: &'static str = "a share of processors";
}

/// Why a number is not a [`Count`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidCount {
    /// Not digits alone.
    #[error("it is not a plain whole number")]
    Form,
    /// More than 32 bits.
    #[error("it is too large to count")]
    Overflow,
}

impl FromStr for Count {
    type Err = InvalidCount;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidCount::Form);
        }
        text.parse().map(Self).map_err(|_| InvalidCount::Overflow)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

impl Teach for InvalidCount {
    fn code(&self) -> FaultCode {
        FaultCode::InvalidNumber
    }

    fn help(&self) -> String {
        "write a whole number such as `64`".to_owned()
    }
}

impl Written for Count {
    const WHAT: &'static str = "a count";
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;
    use alloc::string::ToString as _;

    use super::*;

    #[track_caller]
    fn check<T>(text: &str, want: Result<&str, &str>)
    where
        T: FromStr<Err: fmt::Display> + fmt::Display,
    {
        let got = text
            .parse::<T>()
            .map(|v| v.to_string())
            .map_err(|e| e.to_string());
        assert_eq!(
            got,
            want.map(ToOwned::to_owned).map_err(ToOwned::to_owned),
            "{text:?}"
        );
    }

    #[test]
    fn sizes_have_binary_units() {
        check::<Size>("256MiB", Ok("256MiB"));
        check::<Size>("1024KiB", Ok("1MiB"));
        check::<Size>("0KiB", Ok("0"));
        check::<Size>("16777215GiB", Ok("16777215GiB"));
        check::<Size>("256MB", Err("its unit is 1000 to some and 1024 to others"));
        check::<Size>("256", Err("it has no unit that brig knows"));
        check::<Size>("256 MiB", Err("it has no unit that brig knows"));
        check::<Size>("1.5GiB", Err("it does not start with a whole number"));
        check::<Size>("-1MiB", Err("it does not start with a whole number"));
        check::<Size>("99999999999GiB", Err("it is too large to count"));
        check::<Size>("99999999999999999999KiB", Err("it is too large to count"));
    }

    #[test]
    fn durations_have_units() {
        check::<Period>("30s", Ok("30s"));
        check::<Period>("120s", Ok("2m"));
        check::<Period>("1500ms", Ok("1500ms"));
        check::<Period>("2h", Err("it has no unit that brig knows"));
        check::<Period>("2M", Err("it has no unit that brig knows"));
        check::<Period>("30", Err("it has no unit that brig knows"));
        check::<Period>("1.5s", Err("it does not start with a whole number"));
    }

    #[test]
    fn processors_are_counted_exactly() {
        check::<Cpus>("1", Ok("1.0"));
        check::<Cpus>("0.1", Ok("0.1"));
        check::<Cpus>("2.125", Ok("2.125"));
        check::<Cpus>("2.1250", Ok("2.125"));
        check::<Cpus>("0.0005", Err("it has more than three decimals"));
        check::<Cpus>("1e1", Err("it is not a plain decimal number"));
        check::<Cpus>("inf", Err("it is not a plain decimal number"));
        check::<Cpus>("-1", Err("it is not a plain decimal number"));
        check::<Cpus>("99999999999999999999", Err("it is too large to count"));
    }

    #[test]
    fn counts_are_whole() {
        check::<Count>("64", Ok("64"));
        check::<Count>("-64", Err("it is not a plain whole number"));
        check::<Count>("99999999999999999999", Err("it is too large to count"));
    }
}
