//! The block of 512 bytes before each entry.

use super::{TarFault, until_nul};

/// Everything in an archive is a multiple of this.
pub(super) const BLOCK: usize = 512;

/// What a header says of its entry. Owners and device numbers are not read: nothing uses them.
pub(super) struct Header {
    pub(super) path: Vec<u8>,
    pub(super) mode: u32,
    pub(super) size: u64,
    pub(super) modified: i64,
    pub(super) kind: u8,
    pub(super) link: Vec<u8>,
}

impl Header {
    pub(super) fn read(block: &[u8; BLOCK]) -> Result<Self, TarFault> {
        check_sum(block)?;
        let name = until_nul(&block[..100]);
        // The old forms have other things where the newer one has the start of long names.
        let prefix = match (&block[257..263], &block[508..512]) {
            (b"ustar\0", b"tar\0") => until_nul(&block[345..476]),
            (b"ustar\0", _) => until_nul(&block[345..500]),
            _ => Vec::new(),
        };
        let path = if prefix.is_empty() {
            name
        } else {
            [prefix, b"/".to_vec(), name].concat()
        };
        let size = number(&block[124..136])?;
        // Bits above these are of the kind, which the flag tells.
        let mode = number(&block[100..108])? & 0o7777;
        Ok(Self {
            path,
            mode: u32::try_from(mode).unwrap_or_default(),
            size: u64::try_from(size).map_err(|_| TarFault::Header("a negative size"))?,
            modified: number(&block[136..148])?,
            kind: block[156],
            link: until_nul(&block[157..257]),
        })
    }
}

/// The sum of all bytes, with its own place taken for spaces. Old writers had signed characters.
fn check_sum(block: &[u8; BLOCK]) -> Result<(), TarFault> {
    let written = number(&block[148..156])?;
    let (mut unsigned, mut signed) = (0_i64, 0_i64);
    for (at, byte) in block.iter().enumerate() {
        let byte = if (148..156).contains(&at) {
            b' '
        } else {
            *byte
        };
        unsigned += i64::from(byte);
        signed += i64::from(byte.cast_signed());
    }
    if written == unsigned || written == signed {
        Ok(())
    } else {
        Err(TarFault::Header("its sum is wrong"))
    }
}

/// A number in octal digits, or in base 256 where the first bit is set.
pub(super) fn number(field: &[u8]) -> Result<i64, TarFault> {
    const WRONG: TarFault = TarFault::Header("a number that is none");
    let Some((first, rest)) = field.split_first() else {
        return Err(WRONG);
    };
    if first & 0x80 == 0 {
        return octal(field).ok_or(WRONG);
    }
    // Two's complement, of which the first bit is the mark and the second the sign.
    let negative = first & 0x40 != 0;
    let start = i128::from(first & 0x3f) - if negative { 0x40 } else { 0 };
    let mut value = start;
    for byte in rest {
        value = value.checked_mul(256).ok_or(WRONG)? + i128::from(*byte);
    }
    i64::try_from(value).map_err(|_| WRONG)
}

fn octal(field: &[u8]) -> Option<i64> {
    let is_padding = |byte: &u8| matches!(byte, b' ' | 0);
    let start = field.iter().position(|byte| !is_padding(byte));
    let Some(start) = start else { return Some(0) };
    let digits = field[start..].split(is_padding).next()?;
    let mut value = 0_i64;
    for digit in digits {
        let digit = match digit {
            b'0'..=b'7' => i64::from(digit - b'0'),
            _ => return None,
        };
        value = value.checked_mul(8)?.checked_add(digit)?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(field: &[u8], want: Option<i64>) {
        assert_eq!(number(field).ok(), want);
    }

    #[test]
    fn numbers_are_octal_or_binary() {
        check(b"0000644\0", Some(0o644));
        check(b"   644 \0", Some(0o644));
        check(b"\0\0\0\0\0\0\0\0", Some(0));
        check(b"77777777777", Some(0o77_777_777_777));
        check(b"0000648\0", None);
        check(b"-000001\0", None);
        check(&[0x80, 0, 0, 0, 0, 0, 1, 2], Some(258));
        check(&[0xff; 8], Some(-1));
        check(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], Some(-2));
        let mut max = [0; 12];
        (max[0], max[4]) = (0x80, 0x7f);
        max[5..].fill(0xff);
        check(&max, Some(i64::MAX));
        max[4] = 0x80;
        check(&max, None);
        check(&[0xbf; 12], None);
        check(&[], None);
    }
}
