#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

/// How a machine scatters what it measures, around 10.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Even,
    Skewed,
    /// Now and then something else runs.
    Spiked,
    /// Two states, such as two processors of different caches.
    Bimodal,
    /// It becomes slower all the time, for all rows alike.
    Drifting,
}

const MOODS: [Mood; 5] = [
    Mood::Even,
    Mood::Skewed,
    Mood::Spiked,
    Mood::Bimodal,
    Mood::Drifting,
];
const SEEDS: u64 = 100;

fn unit(generator: &mut Generator) -> f64 {
    real(generator.below(1 << 40)) / real(1 << 40)
}

/// About normal: mean 0, deviation 1.
fn normal(generator: &mut Generator) -> f64 {
    (0..12).map(|_| unit(generator)).sum::<f64>() - 6.0
}

fn value(generator: &mut Generator, mood: Mood, round: usize) -> f64 {
    let noise = normal(generator);
    match mood {
        Mood::Skewed => 9.0 + noise.exp(),
        Mood::Spiked if generator.below(20) == 0 => 60.0 + noise,
        Mood::Even | Mood::Spiked => 10.0 + noise,
        Mood::Bimodal if generator.below(2) == 0 => 7.0 + noise / 4.0,
        Mood::Bimodal => 13.0 + noise / 4.0,
        Mood::Drifting => 10.0 + noise / 4.0 + real(round),
    }
}

/// `rows` rows in `rounds` interleaved rounds of `each` values, all of the same thing.
fn alike(seed: u64, mood: Mood, rows: usize, rounds: usize, each: usize) -> Vec<Vec<Vec<f64>>> {
    let mut generator = Generator::new(seed * 7919 + 1);
    let mut found = vec![Vec::new(); rows];
    for round in 0..rounds {
        for row in &mut found {
            row.push(
                (0..each)
                    .map(|_| value(&mut generator, mood, round))
                    .collect(),
            );
        }
    }
    found
}

fn slowed(rounds: &[Vec<f64>], by: f64) -> Sorted {
    let rounds: Vec<Vec<f64>> = rounds
        .iter()
        .map(|values| values.iter().map(|value| value + by).collect())
        .collect();
    Sorted::new(&rounds)
}

fn between(one: &Sorted, other: &Sorted, scale: Scale) -> (Estimate, usize) {
    difference(one, other, 0.5, scale, Rounds::Interleaved).unwrap()
}

#[track_caller]
fn check(values: &[f64], share: f64, want: f64) {
    let found = Sorted::new(&[values.to_vec()]).quantile(share).unwrap();
    assert!((found - want).abs() < 1e-12, "{found} and not {want}");
}

#[test]
fn quantiles_are_those_of_the_seventh_definition() {
    check(&[3.0], 0.5, 3.0);
    check(&[4.0, 1.0], 0.5, 2.5);
    check(&[9.0, 1.0, 5.0], 0.5, 5.0);
    check(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.9, 4.6);
    check(&[1.0, 2.0, 3.0, 4.0], 0.0, 1.0);
    check(&[1.0, 2.0, 3.0, 4.0], 1.0, 4.0);
    assert_eq!(Sorted::new(&[Vec::new()]).quantile(0.5), None);
    assert_eq!(Sorted::new(&[]).quantile(0.5), None);
}

#[test]
fn a_round_taken_twice_counts_as_two() {
    let row = Sorted::new(&[vec![1.0, 2.0], vec![10.0], vec![20.0]]);
    let plain = Sorted::new(&[vec![1.0, 2.0, 1.0, 2.0, 20.0]]);
    for share in [0.0, 0.3, 0.5, 0.62, 0.9, 1.0] {
        assert_eq!(row.drawn(&[2, 0, 1], share), plain.quantile(share));
    }
    assert_eq!(row.drawn(&[0, 0, 0], 0.5), None);
}

#[test]
fn the_same_samples_give_the_same_interval() {
    let rows = alike(3, Mood::Skewed, 1, 20, 3);
    let row = Sorted::new(&rows[0]);
    assert_eq!(estimate(&row, 0.5), estimate(&row, 0.5));
}

/// What was found of how many tries.
#[track_caller]
fn at_most(most: usize, found: usize, of: impl std::fmt::Debug) {
    assert!(found <= most, "{found} of {SEEDS}, {of:?}");
}

#[test]
fn an_interval_holds_the_true_median() {
    for (rounds, each) in [(ROUNDS_MIN, 1), (30, 1), (10, 20)] {
        let outside = (0..SEEDS).filter(|seed| {
            let rows = alike(*seed, Mood::Even, 1, rounds, each);
            let found = estimate(&Sorted::new(&rows[0]), 0.5).unwrap();
            found.low > 10.0 || found.high < 10.0
        });
        at_most(5, outside.count(), (rounds, each));
    }
}

#[test]
fn the_same_thing_measured_twice_differs_in_at_most_one_of_twenty_tries() {
    let all = MOODS.map(|mood| [(mood, ROUNDS_MIN, 1), (mood, 20, 1)]);
    let added = all.concat().into_iter().chain([(Mood::Even, 10, 4)]);
    let added = added.map(|shape| (Scale::Added, shape));
    let cases = added.chain([(Scale::Ratio, (Mood::Skewed, 20, 1))]);
    for (scale, (mood, rounds, each)) in cases {
        let claimed = (0..SEEDS).filter(|seed| {
            let rows = alike(*seed, mood, 2, rounds, each);
            let [one, other] = [0, 1].map(|row: usize| Sorted::new(&rows[row]));
            let (found, known) = between(&one, &other, scale);
            judge(found, scale, known, 0.0, 0.0) == Verdict::Differs
        });
        at_most(5, claimed.count(), (mood, rounds, each, scale));
    }
}

#[test]
fn what_the_a_a_row_shows_is_claimed_of_no_other() {
    for mood in MOODS {
        let claimed = (0..SEEDS).filter(|seed| {
            let rows = alike(*seed, mood, 3, 15, 1);
            let [bare, again, other] = [0, 1, 2].map(|row: usize| Sorted::new(&rows[row]));
            let of_noise = noise(&again, &bare).unwrap();
            let (found, known) = between(&other, &bare, Scale::Added);
            judge(
                found,
                Scale::Added,
                known,
                of_noise,
                bare.quantile(0.5).unwrap(),
            ) == Verdict::Differs
        });
        at_most(1, claimed.count(), mood);
    }
}

#[test]
fn a_row_slowed_by_a_known_amount_is_told_so() {
    for mood in MOODS {
        // The median of two states jumps between them, and its noise with it.
        let by = if mood == Mood::Bimodal { 20.0 } else { 5.0 };
        let (mut missed, mut outside) = (0, 0);
        for seed in 0..SEEDS {
            let rows = alike(seed, mood, 3, 20, 1);
            let [bare, again] = [0, 1].map(|row: usize| Sorted::new(&rows[row]));
            let slow = slowed(&rows[2], by);
            let of_noise = noise(&again, &bare).unwrap();
            let (found, known) = between(&slow, &bare, Scale::Added);
            let verdict = judge(
                found,
                Scale::Added,
                known,
                of_noise,
                bare.quantile(0.5).unwrap(),
            );
            missed += usize::from(verdict != Verdict::Differs);
            outside += usize::from(found.low > by || found.high < by);
        }
        at_most(5, outside, mood);
        at_most(5, missed, mood);
    }
}

#[test]
fn drift_that_both_rows_had_is_no_difference_and_hides_none() {
    let rows = alike(11, Mood::Drifting, 2, 30, 1);
    let bare = Sorted::new(&rows[0]);
    let slow = slowed(&rows[1], 3.0);
    let width = |found: Estimate| found.high - found.low;
    let (paired, known) = between(&slow, &bare, Scale::Added);
    let (apart, _) = difference(&slow, &bare, 0.5, Scale::Added, Rounds::Apart).unwrap();
    assert_eq!(
        judge(paired, Scale::Added, known, 0.0, 0.0),
        Verdict::Differs
    );
    assert!(width(paired) < width(apart) / 3.0, "{paired:?} {apart:?}");
}

#[test]
fn few_rounds_claim_nothing() {
    let rows = alike(5, Mood::Even, 1, ROUNDS_MIN - 1, 1);
    let bare = Sorted::new(&rows[0]);
    let slow = slowed(&rows[0], 1000.0);
    let (found, known) = between(&slow, &bare, Scale::Added);
    assert_eq!(
        judge(found, Scale::Added, known, 0.0, 0.0),
        Verdict::TooFewRounds
    );
}

#[test]
fn rows_are_compared_by_the_rounds_that_both_have() {
    let bare = Sorted::new(&[vec![1.0], vec![100.0], vec![1.0], vec![100.0]]);
    let other = Sorted::new(&[vec![3.0], vec![], vec![3.0], vec![]]);
    let (found, known) = between(&other, &bare, Scale::Added);
    assert_eq!(
        (found.value, found.low, found.high, known),
        (2.0, 2.0, 2.0, 2)
    );
    let never = Sorted::new(&[vec![], vec![3.0], vec![], vec![]]);
    assert_eq!(
        difference(&other, &never, 0.5, Scale::Added, Rounds::Interleaved),
        None
    );
}

#[test]
fn a_ratio_has_something_to_be_one_of() {
    let none = Sorted::new(&[vec![0.0], vec![0.0]]);
    let some = Sorted::new(&[vec![4.0], vec![4.0]]);
    assert_eq!(
        difference(&some, &none, 0.5, Scale::Ratio, Rounds::Interleaved),
        None
    );
    let (found, _) = between(&none, &some, Scale::Ratio);
    assert_eq!(
        (found.value, noise(&none, &some)),
        (0.0, Some(f64::INFINITY))
    );
}

#[test]
fn differences_are_summed_with_their_interval() {
    let mut generator = Generator::new(77);
    let whole: Vec<Vec<f64>> = (0..20)
        .map(|_| vec![20.0 + real(generator.below(100)) / 100.0])
        .collect();
    let without = |less: f64| (Sorted::new(&whole), slowed(&whole, -less));
    let (sum, rounds) = sum_of_differences(&[without(1.0), without(2.5)]).unwrap();
    assert_eq!(rounds, 20);
    assert!((sum.value - 3.5).abs() < 1e-9, "{sum:?}");
    // The same rounds are in all rows, so what they share is no width of the sum.
    assert!(sum.high - sum.low < 1e-9, "{sum:?}");
    let shorter = Sorted::new(&whole[..12]);
    let pair = (Sorted::new(&whole), shorter);
    assert_eq!(sum_of_differences(&[pair]).unwrap().1, 12);
    assert_eq!(sum_of_differences(&[]), None);
    let empty = (Sorted::new(&whole), Sorted::new(&[]));
    assert_eq!(sum_of_differences(&[empty]), None);
}
