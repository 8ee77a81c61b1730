//! Extended headers: `LENGTH KEY=VALUE` lines, which say what a plain header cannot.

use super::TarFault;
use super::sparse::Written;

/// Where the names of extended attributes follow.
const ATTRIBUTE: &[u8] = b"SCHILY.xattr.";

/// What one extended header says.
#[derive(Debug, Default)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) modified: Option<(i64, u32)>,
    pub(super) attributes: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) sparse: Option<Written>,
}

impl Pax {
    pub(super) fn read(mut rest: &[u8]) -> Result<Self, TarFault> {
        let mut pax = Self::default();
        while !rest.is_empty() {
            let (key, value, after) = record(rest).ok_or(TarFault::Header("a broken record"))?;
            pax.take(key, value)?;
            rest = after;
        }
        Ok(pax)
    }

    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), TarFault> {
        // An empty value takes an earlier one back.
        let some = (!value.is_empty()).then_some(value);
        match key {
            b"path" => self.path = some.map(name).transpose()?,
            b"linkpath" => self.link = some.map(name).transpose()?,
            b"size" => self.size = some.map(decimal).transpose()?,
            b"mtime" => self.modified = some.map(time).transpose()?,
            _ => {
                if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                    self.sparse.get_or_insert_default().take(key, value)?;
                } else if let Some(key) = key.strip_prefix(ATTRIBUTE) {
                    self.attributes.retain(|(name, _)| name != key);
                    self.attributes.push((key.to_vec(), value.to_vec()));
                }
            }
        }
        Ok(())
    }
}

/// Takes the first record off: its key, its value, and what follows.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(&bytes[..space]).ok()?).ok()?;
    let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    let (key, value) = (&record[..equals], &record[equals + 1..]);
    let fine = !key.is_empty() && !key.contains(&0);
    fine.then_some((key, value, &bytes[length..]))
}

/// A name must not say one thing to C and another to everybody else.
pub(super) fn name(value: &[u8]) -> Result<Vec<u8>, TarFault> {
    if value.contains(&0) {
        return Err(TarFault::Header("a name with a zero byte"));
    }
    Ok(value.to_vec())
}

pub(super) fn decimal(value: &[u8]) -> Result<u64, TarFault> {
    const WRONG: TarFault = TarFault::Header("a number that is none");
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(WRONG);
    }
    let text = std::str::from_utf8(value).map_err(|_| WRONG)?;
    let number: u64 = text.parse().map_err(|_| WRONG)?;
    // What does not fit a file's offset is no size.
    if i64::try_from(number).is_err() {
        return Err(WRONG);
    }
    Ok(number)
}

/// Seconds, with a fraction of which nine digits count.
fn time(value: &[u8]) -> Result<(i64, u32), TarFault> {
    let (negative, value) = match value.strip_prefix(b"-") {
        Some(value) => (true, value),
        None => (false, value),
    };
    let dot = value.iter().position(|byte| *byte == b'.');
    let (seconds, fraction) = match dot {
        Some(dot) => (&value[..dot], &value[dot + 1..]),
        None => (value, &b""[..]),
    };
    let seconds = decimal(seconds)?.cast_signed();
    if !fraction.iter().all(u8::is_ascii_digit) {
        return Err(TarFault::Header("a time that is none"));
    }
    let digits = fraction.iter().chain(std::iter::repeat(&b'0')).take(9);
    let nanoseconds = digits.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    Ok(match (negative, nanoseconds) {
        (false, _) => (seconds, nanoseconds),
        (true, 0) => (-seconds, 0),
        (true, _) => (-seconds - 1, 1_000_000_000 - nanoseconds),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], want: Option<&[u8]>) {
        let pax = Pax::read(bytes);
        assert_eq!(pax.ok().map(|pax| pax.path.unwrap()).as_deref(), want);
    }

    #[test]
    fn records_are_whole() {
        check(b"10 path=a\n", Some(b"a"));
        check(b"10 path=a\n10 path=b\n", Some(b"b"));
        check(b"11 path=a\n\n", Some(b"a\n"));
        check(b"12 path=a=b\n", Some(b"a=b"));
        check(b"10 path=\xff\n", Some(b"\xff"));
        for broken in [
            &b"8 path=a\n"[..],
            b"99 path=a\n",
            b"path=a\n",
            b"0 path=a\n",
            b"-1 path=a\n",
            b"10 path\0a\n",
            b"10 path=\0\n",
            b"4 =\n",
            b"18446744073709551616 path=a\n",
        ] {
            check(broken, None);
        }
    }

    #[track_caller]
    fn check_time(value: &[u8], want: Option<(i64, u32)>) {
        assert_eq!(time(value).ok(), want);
    }

    #[test]
    fn times_have_fractions() {
        check_time(b"12", Some((12, 0)));
        check_time(b"12.5", Some((12, 500_000_000)));
        check_time(b"12.0000000019", Some((12, 1)));
        check_time(b"-1.25", Some((-2, 750_000_000)));
        check_time(b"-3", Some((-3, 0)));
        check_time(b"1.x", None);
        check_time(b".5", None);
        check_time(b"9223372036854775808", None);
    }
}
