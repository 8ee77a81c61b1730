//! From values to places in per cent of a plot's width.

use crate::bench::figures::figure;
use std::fmt::Write as _;

/// What a plot's width stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Axis {
    /// Equal steps. Bars start at 0 and have it in their range.
    Linear { from: f64, to: f64 },
    /// Equal factors.
    Log { from: f64, to: f64 },
}

/// Room at both ends, in per cent, so that nothing at an end is cut.
const MARGIN: f64 = 1.5;
/// As many ticks as a phone has room for.
const TICKS_MAX: usize = 5;

impl Axis {
    /// Over all of these values and 0.
    pub(super) fn linear(values: impl Iterator<Item = f64>) -> Self {
        let (from, to) = values.fold((0.0_f64, 0.0_f64), |(from, to), value| {
            (from.min(value), to.max(value))
        });
        let to = if to > from { to } else { from + 1.0 };
        Self::Linear { from, to }
    }

    /// Over all of these values that are above 0.
    pub(super) fn log(values: impl Iterator<Item = f64>) -> Self {
        let above = values.filter(|value| *value > 0.0);
        let (from, to) = above.fold((f64::INFINITY, 0.0_f64), |(from, to), value| {
            (from.min(value), to.max(value))
        });
        let from = if from.is_finite() { from } else { 1.0 };
        // Less than a factor of two would make noise look like a cliff.
        let middle = (from * to.max(from)).sqrt();
        let (from, to) = (from.min(middle / 1.5), to.max(middle * 1.5));
        Self::Log { from, to }
    }

    /// Where a value stands, in per cent; what is outside stands at an end.
    pub(super) fn at(self, value: f64) -> f64 {
        let share = match self {
            Self::Linear { from, to } => (value - from) / (to - from),
            Self::Log { from, to } => (value.max(from) / from).ln() / (to / from).ln(),
        };
        MARGIN + share.clamp(0.0, 1.0) * (100.0 - 2.0 * MARGIN)
    }

    /// A step of 1, 2 or 5 and noughts, or powers of ten and their halves.
    fn ticks(self) -> Vec<f64> {
        match self {
            Self::Linear { from, to } => {
                let least = (to - from) / 4.0;
                let power = 10_f64.powf(least.log10().floor());
                let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
                let step = steps.into_iter().find(|step| *step >= least);
                let step = step.unwrap_or(10.0 * power);
                let first = (from / step).ceil() * step;
                let ticks = (0_u8..20).map(|at| first + f64::from(at) * step);
                ticks.take_while(|tick| *tick <= to).collect()
            }
            Self::Log { from, to } => {
                let rows: [&[f64]; 4] = [
                    &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0],
                    &[1.0, 2.0, 5.0],
                    &[1.0, 3.0],
                    &[1.0],
                ];
                let made = rows.map(|row| decades(from, to, row));
                let fits = made.iter().find(|ticks| ticks.len() <= TICKS_MAX);
                match fits {
                    Some(ticks) => ticks.clone(),
                    // Of more decades than there is room for, every second.
                    None => made[3].iter().step_by(2).copied().collect(),
                }
            }
        }
    }

    /// Lines behind a lane.
    pub(super) fn grid(self) -> String {
        let mut out = String::new();
        for tick in self.ticks() {
            let at = self.at(tick);
            let _ = write!(
                out,
                "<line class=\"grid\" x1=\"{at:.2}%\" x2=\"{at:.2}%\" y1=\"0\" y2=\"100%\"/>"
            );
        }
        out
    }

    /// The line of numbers below all lanes.
    pub(super) fn scale(self, unit: &str) -> String {
        let mut drawn = String::new();
        for tick in self.ticks() {
            let at = self.at(tick);
            let anchor = match at {
                _ if at < 6.0 => "start",
                _ if at > 94.0 => "end",
                _ => "middle",
            };
            let _ = write!(
                drawn,
                "<text x=\"{at:.2}%\" y=\"13\" text-anchor=\"{anchor}\">{}</text>",
                short(tick)
            );
        }
        let cells = format!(
            "<span class=\"lane low\"><svg aria-hidden=\"true\">{drawn}</svg></span>\
             <span class=\"unit\">{unit}</span>"
        );
        super::markup::element("div", "row axis", &cells)
    }
}

/// These steps of every power of ten that lie within.
fn decades(from: f64, to: f64, steps: &[f64]) -> Vec<f64> {
    let mut power = 10_f64.powf(from.log10().floor());
    let mut ticks = Vec::new();
    while power <= to && ticks.len() < 100 {
        let here = steps.iter().map(|step| step * power);
        ticks.extend(here.filter(|tick| (from..=to).contains(tick)));
        power *= 10.0;
    }
    ticks
}

/// A tick without the noughts that a figure has behind its point.
fn short(value: f64) -> String {
    let text = figure(value);
    if text.contains('.') {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(axis: Axis, want: &[f64]) {
        let ticks = axis.ticks();
        assert_eq!(ticks.len(), want.len(), "{ticks:?}");
        for (tick, want) in ticks.iter().zip(want) {
            assert!(
                (tick - want).abs() < 1e-9 * want.abs().max(1.0),
                "{ticks:?}"
            );
            assert!((0.0..=100.0).contains(&axis.at(*tick)));
        }
    }

    #[test]
    fn ticks_are_round_and_few() {
        let linear = |values: [f64; 2]| Axis::linear(values.into_iter());
        check(linear([3.0, 17.0]), &[0.0, 5.0, 10.0, 15.0]);
        check(linear([-2.0, 6.0]), &[-2.0, 0.0, 2.0, 4.0, 6.0]);
        check(linear([0.0, 0.0]), &[0.0, 0.5, 1.0]);
        let log = |values: [f64; 2]| Axis::log(values.into_iter());
        check(log([4.0, 40.0]), &[5.0, 10.0, 20.0]);
        check(log([280.0, 1100.0]), &[300.0, 400.0, 500.0, 700.0, 1000.0]);
        check(log([4.0, 900.0]), &[10.0, 30.0, 100.0, 300.0]);
        check(log([0.5, 2e5]), &[1.0, 1e2, 1e4]);
        assert!(log([0.0, 0.0]).ticks().len() <= TICKS_MAX);
    }

    #[test]
    fn places_are_within_the_plot() {
        let axis = Axis::linear([0.0, 10.0].into_iter());
        assert!((axis.at(5.0) - 50.0).abs() < 1e-9);
        assert!((axis.at(99.0) - 98.5).abs() < 1e-9);
        let axis = Axis::log([1.0, 100.0].into_iter());
        assert!((axis.at(10.0) - 50.0).abs() < 1e-9);
        assert!((axis.at(0.0) - 1.5).abs() < 1e-9);
    }
}
