//! Each part beside what one would use in its place, in one run: `cargo bench -p parts [NAME]`.
//!
//! Nothing here holds a part to a time of its own; `benches/budgets.py` compares rows of one run.
#![expect(
    clippy::expect_used,
    reason = "what cannot be set up cannot be measured either"
)]

mod frames;
mod layers;
mod manifests;
mod network;
mod relay;
mod rules;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    manifests::measure(&mut criterion);
    frames::measure(&mut criterion);
    rules::measure(&mut criterion);
    network::measure(&mut criterion);
    layers::measure(&mut criterion);
    relay::measure(&mut criterion);
    criterion.final_summary();
}
