//! How much a text can say.

use alloc::collections::BTreeMap;

/// What any name says besides its letters' order: that it was asked for at all, its length, and
/// which letters it has.
const BITS_MIN: u32 = 16;
/// Bits of the fraction of a logarithm.
const FRACTION: u32 = 10;

/// Bits that a text can say, at most 5 or so for each byte: Shannon's entropy of its bytes' counts
/// over its length, rounded up, and a constant for what that leaves out. It is the same on every
/// machine, since no floating point is in it. Texts of more than 65535 bytes count as of so many.
pub fn bits(text: &[u8]) -> u32 {
    let text = &text[..text.len().min(usize::from(u16::MAX))];
    let mut counts: BTreeMap<u8, u32> = BTreeMap::new();
    for byte in text {
        *counts.entry(*byte).or_default() += 1;
    }
    let weight = |count: u32| u64::from(count) * u64::from(logarithm(count));
    let length: u32 = counts.values().sum();
    let parts: u64 = counts.values().map(|count| weight(*count)).sum();
    let said = weight(length).saturating_sub(parts).div_ceil(1 << FRACTION);
    u32::try_from(said).unwrap_or(u32::MAX - BITS_MIN) + BITS_MIN
}

/// The logarithm to base 2, with [`FRACTION`] bits of fraction, by squaring; 0 for 0.
fn logarithm(number: u32) -> u32 {
    let Some(whole) = number.checked_ilog2() else {
        return 0;
    };
    // From 1 to 2, with 31 bits of fraction.
    let mut rest = u64::from(number) << (31 - whole);
    let mut fraction = 0;
    for _ in 0..FRACTION {
        rest = (rest * rest) >> 31;
        fraction <<= 1;
        if rest >= 1 << 32 {
            rest >>= 1;
            fraction |= 1;
        }
    }
    (whole << FRACTION) | fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, least: u32, most: u32) {
        let bits = bits(text.as_bytes());
        assert!((least..=most).contains(&bits), "{text}: {bits}");
    }

    #[test]
    fn names_say_less_than_messages() {
        check("", 16, 16);
        check("aaaaaaaaaaaaaaaa", 16, 16);
        check("ab", 18, 18);
        check("abcd", 24, 24);
        check("www", 16, 16);
        check("objects-origin", 60, 70);
        check("d111111abcdef8", 50, 60);
        check("my-project-git-feature-branch-team", 130, 170);
        check("550e8400-e29b-41d4-a716-446655440000", 120, 150);
        check("da39a3ee5e6b4b0d3255bfef95601890afd80709", 160, 176);
        check(
            "mzxw6ytboi5gs3djmrswc5dfonvxkytdnbqxgzlsm5xw4zlrn",
            210,
            260,
        );
    }

    #[test]
    fn logarithms_are_right() {
        assert_eq!(logarithm(0), 0);
        assert_eq!(logarithm(1), 0);
        assert_eq!(logarithm(1024), 10 << FRACTION);
        // 1.584962… × 1024 = 1623.001…
        assert_eq!(logarithm(3), 1623);
    }
}
