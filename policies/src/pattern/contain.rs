//! Whether every text that a pattern matches is matched by one of some others.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

/// The most states that are looked at. Patterns are short and few, so almost every question ends
/// long before; one that does not could otherwise take for ever.
const STATES_MAX: usize = 20_000;

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Containment {
    /// Every text is.
    Whole,
    /// Some text is not.
    Partial,
    /// There were too many ways to look at.
    Unknown,
}

/// Places in patterns that may be reached by one text: pattern and offset, sorted.
type Places = BTreeSet<(usize, usize)>;

/// Decides by walking all patterns at once, one character at a time: a text that ends in the one
/// and in none of the others proves the answer to be no. Characters that stand in no pattern all
/// lead the same way, so one of them is tried for all.
pub(crate) fn contained<'p>(inner: &str, outer: impl IntoIterator<Item = &'p str>) -> Containment {
    let mut patterns: Vec<Vec<char>> = alloc::vec![inner.chars().collect()];
    patterns.extend(outer.into_iter().map(|pattern| pattern.chars().collect()));
    let letters = letters(&patterns);
    let start: Places = (0..patterns.len()).map(|pattern| (pattern, 0)).collect();
    let start = closed(start, &patterns);
    let mut seen: BTreeSet<Places> = BTreeSet::new();
    let mut queue: VecDeque<Places> = VecDeque::new();
    seen.insert(start.clone());
    queue.push_back(start);
    while let Some(places) = queue.pop_front() {
        let mut ended = places
            .iter()
            .filter(|(pattern, at)| *at == patterns[*pattern].len())
            .map(|(pattern, _)| *pattern);
        // Sorted, so the one comes first if it ends here at all.
        if ended.next() == Some(0) && ended.next().is_none() {
            return Containment::Partial;
        }
        for letter in &letters {
            let next = closed(stepped(&places, *letter, &patterns), &patterns);
            // Without a place in the one, no longer text can be matched by it.
            if next.iter().any(|(pattern, _)| *pattern == 0) && seen.insert(next.clone()) {
                if seen.len() > STATES_MAX {
                    return Containment::Unknown;
                }
                queue.push_back(next);
            }
        }
    }
    Containment::Whole
}

/// Whether some text is matched by both.
pub(crate) fn overlap(one: &str, other: &str) -> bool {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    // For each end of the other, whether it and the end of the one that is looked at overlap.
    let mut below: Vec<bool> = Vec::new();
    for at in (0..=one.len()).rev() {
        let mut row = alloc::vec![false; other.len() + 1];
        for to in (0..=other.len()).rev() {
            row[to] = match (one.get(at), other.get(to)) {
                (None, None) => true,
                (Some('*'), _) => below[to] || (to < other.len() && row[to + 1]),
                (_, Some('*')) => row[to + 1] || (at < one.len() && below[to]),
                (Some(own), Some(letter)) => own == letter && below[to + 1],
                (Some(_), None) | (None, Some(_)) => false,
            };
        }
        below = row;
    }
    below.first().copied().unwrap_or(false)
}

/// Each character of a pattern, and one that is in none.
fn letters(patterns: &[Vec<char>]) -> BTreeSet<char> {
    let mut letters: BTreeSet<char> = patterns.iter().flatten().copied().collect();
    letters.remove(&'*');
    let other = (' '..=char::MAX).find(|letter| *letter != '*' && !letters.contains(letter));
    letters.extend(other);
    letters
}

/// Every place that is also reached because a `*` may stand for nothing.
fn closed(places: Places, patterns: &[Vec<char>]) -> Places {
    let mut closed = places.clone();
    for (pattern, mut at) in places {
        while patterns[pattern].get(at) == Some(&'*') {
            at += 1;
            closed.insert((pattern, at));
        }
    }
    closed
}

fn stepped(places: &Places, letter: char, patterns: &[Vec<char>]) -> Places {
    let step = |(pattern, at): &(usize, usize)| match patterns[*pattern].get(*at) {
        Some('*') => Some((*pattern, *at)),
        Some(own) if *own == letter => Some((*pattern, at + 1)),
        Some(_) | None => None,
    };
    places.iter().filter_map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(inner: &str, outer: &[&str], want: Containment) {
        let got = contained(inner, outer.iter().copied());
        assert_eq!(got, want, "{inner} in {outer:?}");
    }

    #[track_caller]
    fn check_overlap(one: &str, other: &str, want: bool) {
        assert_eq!(overlap(one, other), want, "{one} and {other}");
        assert_eq!(overlap(other, one), want, "{other} and {one}");
    }

    #[test]
    fn patterns_overlap_in_a_text_of_both() {
        check_overlap("get_*", "*_a", true);
        check_overlap("get_*", "list_*", false);
        check_overlap("*", "x", true);
        check_overlap("a*b", "*c*", true);
        check_overlap("a", "a", true);
        check_overlap("a", "b", false);
        check_overlap("a*", "", false);
        check_overlap("*", "", true);
        check_overlap("a*a", "a", false);
    }

    #[test]
    fn a_pattern_is_contained_in_a_wider_one() {
        use Containment::{Partial, Whole};
        check("get_*", &["get_*"], Whole);
        check("get_a*", &["get_*"], Whole);
        check("get_a", &["get_*"], Whole);
        check("get_*", &["get_a*"], Partial);
        check("get_*", &["*_*"], Whole);
        check("*", &["a*", "*"], Whole);
        check("*", &["a*", "b*"], Partial);
        check("*", &[], Partial);
        check("a*b", &["a*", "x"], Whole);
        check("a*b", &["*c*b", "a*"], Whole);
        check("*a*", &["*b*"], Partial);
        check("a**b", &["a*b"], Whole);
        // Neither of the two alone.
        check("ab", &["a", "b"], Partial);
        check("x*x", &["x*x*x", "xx"], Partial);
    }
}
