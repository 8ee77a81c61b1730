//! What samples carry: quantiles with their intervals, differences, and whether one may be claimed.
//!
//! Rows are measured in interleaved rounds. What lies within one round shares the machine's mood,
//! so the round is what is drawn anew, with all its values, and for two rows of one run it is the
//! same round in both (a paired cluster bootstrap, percentile intervals; Efron and Tibshirani, "An
//! Introduction to the Bootstrap", 1993, chapters 8 and 13). So drift that both rows had does not
//! count as their difference, and a thousand calls of one bad second do not count a thousand times.
//! Intervals of few rounds are made wider, by as much as Student's distribution is wider than the
//! normal one (Hesterberg, "What Teachers Should Know About the Bootstrap", 2015, section 5.3).
//!
//! An interval is one of [`CONFIDENCE`]. A difference is claimed where its interval leaves "none"
//! out, it is more than two rows of the same thing differ by (the A/A row), and there are
//! [`ROUNDS_MIN`] rounds: a report has a hundred of them, and of as many intervals of 95 % five
//! would lie.

mod generator;

use generator::Generator;
use serde::Serialize;

/// How often an interval holds the true value, in the long run.
pub const CONFIDENCE: f64 = 0.99;

/// The fewest rounds of which a difference is claimed. The median of fewer lies outside of all of
/// them too often for [`CONFIDENCE`]: in 2 of 2^n cases.
pub const ROUNDS_MIN: usize = 8;

/// How often rounds are drawn anew. Of many rounds, 20 outcomes lie beyond each end of an interval.
const DRAWS: usize = 4000;

/// By at least so many rounds, the share of outcomes beyond each end of an interval of
/// [`CONFIDENCE`]: what the normal distribution has beyond `sqrt(n / (n - 1))` times Student's
/// quantile. Of fewer rounds, no outcome lies beyond.
const BEYOND: [(usize, f64); 9] = [
    (200, 0.0045),
    (100, 0.0041),
    (60, 0.0036),
    (30, 0.0025),
    (20, 0.0017),
    (15, 0.0010),
    (12, 0.0006),
    (10, 0.0003),
    (ROUNDS_MIN, 0.00009),
];

/// One of so many outcomes for two rows of the same thing lies beyond each end of their noise.
const NOISE_BEYOND: usize = 20;

/// Where each row of draws starts. It is the same for all, so that all rows share their draws.
const SEED: u64 = 0x6272_6967;

/// The values of one row, in order, each with its round.
#[derive(Clone, Debug, PartialEq)]
pub struct Sorted {
    values: Vec<(f64, usize)>,
    /// How many values each round has.
    counts: Vec<usize>,
}

impl Sorted {
    /// Of the values of each round, of which some may have none.
    pub fn new(rounds: &[Vec<f64>]) -> Self {
        let tagged = rounds.iter().enumerate();
        let mut values: Vec<(f64, usize)> = tagged
            .flat_map(|(round, values)| values.iter().map(move |value| (*value, round)))
            .collect();
        values.sort_by(|one, other| one.0.total_cmp(&other.0));
        let counts = rounds.iter().map(Vec::len).collect();
        Self { values, counts }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Smallest first.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.values.iter().map(|(value, _)| *value)
    }

    /// The rounds that have a value.
    pub fn measured(&self) -> Vec<usize> {
        let counts = self.counts.iter().enumerate();
        counts
            .filter(|(_, count)| **count > 0)
            .map(|(round, _)| round)
            .collect()
    }

    /// The value below which `share` (0 to 1) of them lie, between two of them in proportion
    /// (Hyndman and Fan's seventh definition, 1996); none where there are no values.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        self.drawn(&vec![1; self.counts.len()], share)
    }

    /// The same, each round taken as often as is said.
    fn drawn(&self, times: &[usize], share: f64) -> Option<f64> {
        let each = self.counts.iter().zip(times);
        let total: usize = each.map(|(count, times)| count * times).sum();
        let place = real(total.checked_sub(1)?) * share.clamp(0.0, 1.0);
        let (below, part) = (floor(place), place.fract());
        let mut seen = 0;
        let mut low = None;
        for (value, round) in &self.values {
            seen += times[*round];
            if low.is_none() && seen > below {
                low = Some(*value);
            }
            if let Some(low) = low
                && (part == 0.0 || seen > below + 1)
            {
                return Some(low + (*value - low) * part);
            }
        }
        low
    }
}

/// A value and where the true one lies by [`CONFIDENCE`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Of the samples as they are.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

impl Estimate {
    /// Of samples of so many rounds, and of what came of drawing them anew.
    fn of(value: f64, rounds: usize, mut outcomes: Vec<f64>) -> Self {
        outcomes.sort_by(f64::total_cmp);
        let share = BEYOND.iter().find(|(least, _)| rounds >= *least);
        let beyond = floor(real(outcomes.len()) * share.map_or(0.0, |(_, share)| *share));
        let last = outcomes.len().saturating_sub(1);
        let at = |place: usize| outcomes.get(place).copied().unwrap_or(value);
        let (low, high) = (at(beyond), at(last.saturating_sub(beyond)));
        Self { value, low, high }
    }
}

/// How two rows are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// What one has more than the other; none is 0.
    Added,
    /// How many times the other it is; none is 1.
    Ratio,
}

impl Scale {
    fn between(self, one: f64, other: f64) -> Option<f64> {
        match self {
            Self::Added => Some(one - other),
            Self::Ratio => (other > 0.0).then(|| one / other),
        }
    }

    fn leaves_none_out(self, of: Estimate) -> bool {
        let none = match self {
            Self::Added => 0.0,
            Self::Ratio => 1.0,
        };
        of.low > none || of.high < none
    }
}

/// What two rows share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounds {
    /// They were measured in the same rounds, one beside the other.
    Interleaved,
    /// Each was measured by itself: two machines, or two days.
    Apart,
}

/// A row's quantile with its interval; none where there are no values.
pub fn estimate(row: &Sorted, share: f64) -> Option<Estimate> {
    let value = row.quantile(share)?;
    let measured = row.measured();
    let mut generator = Generator::new(SEED);
    let mut times = vec![0; row.counts.len()];
    let outcomes = (0..DRAWS).filter_map(|_| {
        draw(&mut generator, &measured, &mut times);
        row.drawn(&times, share)
    });
    Some(Estimate::of(value, measured.len(), outcomes.collect()))
}

/// How the quantiles of two rows differ, and by how many rounds that is known; none where a row
/// has no values, or where a ratio has nothing to be one of. Interleaved rows are compared by the
/// rounds that both have.
pub fn difference(
    one: &Sorted,
    other: &Sorted,
    share: f64,
    scale: Scale,
    rounds: Rounds,
) -> Option<(Estimate, usize)> {
    let drawn = draws(one, other, share, scale, rounds)?;
    let estimate = Estimate::of(drawn.value, drawn.rounds, drawn.outcomes);
    Some((estimate, drawn.rounds))
}

/// How much more the first rows of these pairs have than the second in all, by their medians in the
/// rounds that all of them have; none where a row has no values.
pub fn sum_of_differences(pairs: &[(Sorted, Sorted)]) -> Option<(Estimate, usize)> {
    let rows = || pairs.iter().flat_map(|(one, other)| [one, other]);
    let mut shared = rows().next()?.measured();
    for row in rows() {
        let measured = row.measured();
        shared.retain(|round| measured.binary_search(round).is_ok());
    }
    let length = rows().map(|row| row.counts.len()).max()?;
    let sum = |times: &[usize]| {
        let median = |row: &Sorted| row.drawn(times.get(..row.counts.len())?, 0.5);
        let differences = pairs
            .iter()
            .map(|(one, other)| Some(median(one)? - median(other)?));
        differences.sum::<Option<f64>>()
    };
    let mut times = vec![0; length];
    mark(&shared, &mut times);
    let value = sum(&times)?;
    let mut generator = Generator::new(SEED);
    let outcomes = (0..DRAWS).filter_map(|_| {
        draw(&mut generator, &shared, &mut times);
        sum(&times)
    });
    let estimate = Estimate::of(value, shared.len(), outcomes.collect());
    Some((estimate, shared.len()))
}

/// The share by which the same thing differs from itself, by two rows of it (A/A): how far 9 of 10
/// outcomes for the ratio of their medians are from 1 on either side. 0.05 is 5 % more, or as many
/// times less. None where a row has no values.
///
/// It is less than an interval, since a row has to pass its own interval as well: the far ends of
/// both would hide from people what both rows together know.
pub fn noise(one: &Sorted, other: &Sorted) -> Option<f64> {
    let drawn = draws(one, other, 0.5, Scale::Ratio, Rounds::Interleaved)?;
    let mut outcomes = drawn.outcomes;
    outcomes.sort_by(f64::total_cmp);
    let beyond = outcomes.len() / NOISE_BEYOND;
    let ends = [outcomes.get(beyond), outcomes.iter().rev().nth(beyond)];
    let ends = ends.into_iter().flatten().map(|ratio| distance(*ratio));
    Some(ends.fold(distance(drawn.value), f64::max).exp_m1())
}

/// What came of comparing two rows, and of drawing their rounds anew.
struct Draws {
    value: f64,
    rounds: usize,
    outcomes: Vec<f64>,
}

fn draws(one: &Sorted, other: &Sorted, share: f64, scale: Scale, shared: Rounds) -> Option<Draws> {
    let (mut first, mut second) = (one.measured(), other.measured());
    if shared == Rounds::Interleaved {
        first.retain(|round| second.binary_search(round).is_ok());
        second.clone_from(&first);
    }
    let mut times = (vec![0; one.counts.len()], vec![0; other.counts.len()]);
    mark(&first, &mut times.0);
    mark(&second, &mut times.1);
    let both = |times: &(Vec<usize>, Vec<usize>)| {
        scale.between(one.drawn(&times.0, share)?, other.drawn(&times.1, share)?)
    };
    let value = both(&times)?;
    let mut generator = Generator::new(SEED);
    let outcomes = (0..DRAWS).filter_map(|_| {
        draw(&mut generator, &first, &mut times.0);
        match shared {
            Rounds::Interleaved => {
                times.1.fill(0);
                let length = times.0.len().min(times.1.len());
                times.1[..length].copy_from_slice(&times.0[..length]);
            }
            Rounds::Apart => draw(&mut generator, &second, &mut times.1),
        }
        both(&times)
    });
    Some(Draws {
        value,
        outcomes: outcomes.collect(),
        rounds: first.len().min(second.len()),
    })
}

/// Draws as many rounds as there are, of which some come more than once and some not at all.
fn draw(generator: &mut Generator, rounds: &[usize], times: &mut [usize]) {
    times.fill(0);
    for _ in rounds {
        if let Some(round) = rounds.get(generator.below(rounds.len())) {
            times[*round] += 1;
        }
    }
}

fn mark(rounds: &[usize], times: &mut [usize]) {
    for round in rounds {
        times[*round] = 1;
    }
}

/// Whether two rows differ, as far as their samples tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// They do, and by what the interval says.
    Differs,
    /// The samples carry no difference. There may be one that is smaller than the interval.
    NotShown,
    /// They differ by no more than the same thing does that is measured twice.
    WithinNoise,
    /// Fewer rounds than [`ROUNDS_MIN`].
    TooFewRounds,
}

/// Judges a difference that is known by so many rounds. `noise` is the share of `other`, the
/// median of the row that is compared with, by which the same thing may differ from itself; 0 where
/// nothing was measured twice.
pub fn judge(of: Estimate, scale: Scale, rounds: usize, noise: f64, other: f64) -> Verdict {
    let far = match scale {
        Scale::Added => of.value.abs() > noise * other,
        Scale::Ratio => distance(of.value) > noise.ln_1p(),
    };
    if rounds < ROUNDS_MIN {
        Verdict::TooFewRounds
    } else if !scale.leaves_none_out(of) {
        Verdict::NotShown
    } else if far {
        Verdict::Differs
    } else {
        Verdict::WithinNoise
    }
}

/// How far a ratio is from 1; a half is as far as a double.
fn distance(ratio: f64) -> f64 {
    if ratio > 0.0 {
        ratio.ln().abs()
    } else {
        f64::INFINITY
    }
}

/// A count as a number. Counts of samples are far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "see above")]
pub(super) fn real(count: usize) -> f64 {
    count as f64
}

/// The whole part of a place in a row of samples.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is the whole part, of what is not below 0; a cast of Rust's ends at the bounds"
)]
pub(super) fn floor(place: f64) -> usize {
    place as usize
}

#[cfg(test)]
mod tests;
