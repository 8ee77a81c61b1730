#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::bench::findings::tests::grown;
use crate::bench::samples::Samples;

fn of(changed: impl FnOnce(&mut crate::bench::samples::Record)) -> Report {
    let mut record = grown();
    changed(&mut record);
    Report::new(vec![Samples::new(record).unwrap()])
}

#[track_caller]
fn check(report: &Report, wants: &[&str]) {
    let text = text(report);
    for want in wants {
        assert!(text.contains(want), "{want}\nis not in\n{text}");
    }
    let long = text.lines().filter(|line| line.chars().count() > 140);
    assert_eq!(long.count(), 0, "{text}");
}

#[test]
fn each_row_has_its_line() {
    check(
        &of(|_| ()),
        &[
            "server-everything, 2026-11-30 00:53 UTC\n",
            "  brig bench everything.toml --rounds 2\n",
            "start to first reply, warm, ms, less is better\n",
            "\n  bare again ",
            "no difference shown [",
            "FAILED in round 2: it ended without a reply\n",
            "\nnot here: docker plain: no dockerd here\n",
            "the same thing measured twice differs by up to",
            "\nprice of each wall, start to first reply, warm, ms\n",
        ],
    );
}

#[test]
fn a_machine_that_was_busy_is_told() {
    let restless = of(|record| {
        record.rows[1].series[0]
            .rounds
            .iter_mut()
            .flatten()
            .for_each(|value| *value += 1.0);
    });
    check(
        &restless,
        &["restless: the same thing measured twice differs"],
    );
}

#[test]
fn runs_of_one_title_are_told_apart() {
    let samples = [grown(), grown()].map(|record| Samples::new(record).unwrap());
    let text = text(&Report::new(samples.to_vec()));
    let want = "`server-everything (run 2)` beside `server-everything (run 1)`, ms\n";
    assert!(text.contains(want), "{text}");
}

#[test]
fn programs_get_all_of_it() {
    let report = of(|_| ());
    let value: serde_json::Value = serde_json::from_str(&json(&report).unwrap()).unwrap();
    let rows = value["runs"][0]["measures"][0]["rows"].as_array().unwrap();
    let outcomes: Vec<&str> = rows
        .iter()
        .map(|row| row["outcome"]["is"].as_str().unwrap())
        .collect();
    let measured = "measured";
    assert_eq!(outcomes, [measured, measured, measured, measured, "failed"]);
    assert_eq!(rows[2]["outcome"]["difference"]["verdict"], "differs");
}
