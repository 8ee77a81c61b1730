#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

/// The record that this module's documentation shows.
pub(in crate::bench) fn shown() -> Record {
    let source = include_str!("../samples.rs");
    let lines = source
        .lines()
        .skip_while(|line| *line != "//! ```json")
        .skip(1);
    let lines = lines.take_while(|line| *line != "//! ```");
    let text: Vec<&str> = lines.filter_map(|line| line.strip_prefix("//! ")).collect();
    serde_json::from_str(&text.join("\n")).unwrap()
}

#[test]
fn what_is_written_is_read() {
    let samples = Samples::new(shown()).unwrap();
    assert_eq!(Samples::read(&samples.write().unwrap()).unwrap(), samples);
}

#[track_caller]
fn check(change: impl FnOnce(&mut Record), want: &str) {
    let mut record = shown();
    change(&mut record);
    let error = Samples::new(record).unwrap_err().to_string();
    assert_eq!(error, want);
}

#[test]
fn a_breach_is_told_with_its_place() {
    check(
        |record| record.form = 2,
        "use samples: `brig-bench` is 2, and this brig reads 1",
    );
    check(
        |record| record.title.clear(),
        "use samples: `title` has 0 characters, of 1 to 1000",
    );
    check(
        |record| record.rounds = 3,
        "use samples: `rows[0].series[0]` has 2 rounds, and the benchmark 3",
    );
    check(
        |record| record.rounds = 0,
        "use samples: `rounds` counts 0, of 1 to 10000",
    );
    check(
        |record| record.rows[1].name = "bare".into(),
        "use samples: `rows[1].name` is another row's too",
    );
    check(
        |record| record.rows[1].name = "bare\u{202e}".into(),
        "use samples: `rows[1].name` has a character that is not shown as it is",
    );
    check(
        |record| record.baseline = "other".into(),
        "use samples: `baseline` names no row",
    );
    check(
        |record| record.rows[0].series[1].rounds[1][0] = -1.0,
        "use samples: `rows[0].series[1].rounds[1]` is -1, which nothing measures",
    );
    check(
        |record| record.rows[0].series[1].measure = Measure::StartWarm,
        "use samples: `rows[0].series[1]` has the measure of another series",
    );
    check(
        |record| record.rows[2].series[0].rounds = vec![vec![], vec![]],
        "use samples: `rows[2].series[0]` has no value, and did not fail",
    );
    check(
        |record| record.rows[4].series[0].rounds.push(vec![1.0]),
        "use samples: `rows[4].series[0]` failed and has every round all the same",
    );
    check(
        |record| record.rows[0].absent = Some("no".into()),
        "use samples: `rows[0]` is absent and has samples all the same",
    );
    check(
        |record| {
            record.rows[1].role = Role::Again {
                of: "bare again".into(),
            }
        },
        "use samples: `rows[1].role` leads to `bare again`, which is no other row",
    );
    check(
        |record| record.machine.load_after[2] = f64::NAN,
        "use samples: `machine.load-after` is NaN, which nothing measures",
    );
}

#[test]
fn what_is_not_known_is_refused() {
    let text = Samples::new(shown()).unwrap().write().unwrap();
    for (from, to) in [
        ("\"taken\"", "\"took\""),
        ("\"call\"", "\"calls\""),
        ("\"is\":\"again\"", "\"is\":\"once\""),
        ("\"of\":\"bare\"", "\"of\":\"bare\",\"wall\":\"x\""),
        ("\"failed\":null", "\"failed\":null,\"more\":1"),
        ("5.1", "1e999"),
    ] {
        assert!(text.contains(from), "{from}");
        let error = Samples::read(&text.replacen(from, to, 1)).unwrap_err();
        assert!(matches!(error, SamplesError::Form(_)), "{to}: {error}");
    }
}
