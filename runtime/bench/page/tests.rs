#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::bench::findings::tests::{grown, series};
use crate::bench::samples::{Samples, Stage, Whose};
use crate::bench::shown::unit;

fn of(changed: impl FnOnce(&mut Record)) -> String {
    let mut record = grown();
    for (seed, measure) in (30..).zip(Measure::ALL) {
        let bare = &mut record.rows[0];
        if bare.series(measure).is_none() {
            bare.series.push(series(measure, 7.0, seed));
        }
    }
    changed(&mut record);
    page(&Report::new(vec![Samples::new(record).unwrap()]))
}

#[track_caller]
fn check(page: &str, wants: &[&str]) {
    for want in wants {
        assert!(page.contains(want), "{want}\nis not in\n{page}");
    }
}

#[test]
fn every_measure_and_every_row_is_shown() {
    let page = of(|_| ());
    for measure in Measure::ALL {
        check(
            &page,
            &[&format!(
                "<h3>{}<small>{}, {}</small>",
                measure.title(),
                unit(measure),
                better(measure.scale())
            )],
        );
    }
    check(
        &page,
        &[
            "<span class=\"name brigs\">brig native</span>",
            "<h3>what brig adds to a start<small>ms, less is better</small>",
            "<span class=\"value\">6.90 + 5.25</span>",
            "<title>decide: ",
            "<h2>The price of each wall</h2>",
            "<span class=\"name\">namespaces</span>",
            "<div class=\"row failed\"><span class=\"name\">landlock</span>\n<span class=\"why\">\
             not measured; without landlock failed in round 2: it ended without a reply</span>",
            "<td colspan=\"5\" class=\"absent\">not here: no dockerd here</td>",
            "differs by up to ",
        ],
    );
}

#[test]
fn a_row_that_failed_is_shown_as_failed() {
    let page = of(|record| {
        let failure = record.rows[4].series[0].failed.clone();
        let native = &mut record.rows[2].series[0];
        native.failed = failure;
        native.rounds.truncate(19);
    });
    let why = "failed in round 2: it ended without a reply";
    check(
        &page,
        &[
            &format!("<span class=\"name\">brig native</span>\n<span class=\"why\">{why}</span>"),
            &format!("<th>brig native</th>\n<td colspan=\"7\" class=\"why\">{why}</td>"),
            "<li>brig native failed in round 2 (start to first reply, warm): ",
        ],
    );
}

/// Tags that nothing is inside of.
const EMPTY: [&str; 4] = ["!doctype", "meta", "line", "rect"];

/// Every tag that is opened is closed, in order.
#[track_caller]
fn is_nested(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap();
        let name = tag.split([' ', '/']).find(|part| !part.is_empty()).unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
        } else if !tag.ends_with('/') && !EMPTY[..2].contains(&name) {
            open.push(name);
        } else {
            assert!(EMPTY.contains(&name) || name == "circle", "{tag}");
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn the_page_is_whole_and_loads_nothing() {
    let page = of(|_| ());
    is_nested(&page);
    for outside in ["http:", "https:", "url(", "@import", "src=", "href="] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(is_page(&page) && !is_page("<!doctype html>\n<title>Mine</title>"));
}

#[test]
fn no_name_becomes_markup() {
    let hostile = "<script>alert('1')</script>\"&";
    let page = of(|record| {
        record.title = hostile.into();
        record.command = vec![hostile.into()];
        record.machine.notes = vec![hostile.into()];
        record.rows[2].name = hostile.into();
        record.rows[2].stages = vec![Stage {
            name: hostile.into(),
            whose: Whose::Brig,
            ms: vec![1.0],
        }];
        record.rows[3].role = Role::Added {
            wall: hostile.into(),
            after: hostile.into(),
        };
        record.rows[4].role = Role::Again { of: hostile.into() };
        record.rows[5].absent = Some(hostile.into());
        // A row of whose difference a sentence is made.
        record.rows[1].name = "brig's <b>".into();
        if let Some(failure) = &mut record.rows[4].series[0].failed {
            failure.why = hostile.into();
        }
    });
    is_nested(&page);
    assert!(!page.contains("<script") && !page.contains("')"));
    check(
        &page,
        &["&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;"],
    );
}

#[test]
fn later_runs_stand_beside_the_first() {
    let (first, mut second) = (grown(), grown());
    second.title = "another machine".into();
    let samples = [first, second].map(|record| Samples::new(record).unwrap());
    let page = page(&Report::new(samples.to_vec()));
    is_nested(&page);
    check(
        &page,
        &[
            "<h2>Beside server-everything</h2>",
            "<a href=\"#run-1\">another machine</a>",
            "<details open><summary>start to first reply, warm, ms</summary>",
            "<th></th>\n<th>another machine</th>",
            "<th>bare</th>\n<td>no difference shown [",
        ],
    );
}

/// What is told of brig's row, by how much longer or shorter than bare it takes.
#[track_caller]
fn told(middle: f64, want: &str) {
    let page = of(|record| {
        record.rows[2].series = vec![series(Measure::StartWarm, middle, 3)];
    });
    check(&page, &[want]);
}

#[test]
fn a_page_says_in_words_what_brig_costs() {
    told(12.5, "<li><strong>brig native adds 7.");
    told(1.5, "<li><strong>brig native saves 3.");
    told(
        5.0,
        "<li><strong>brig native</strong>: no difference shown [",
    );
    let page = of(|_| ());
    check(
        &page,
        &[
            " ms</strong> [6.",
            "] to a start, which takes 5.",
            " ms bare. ",
            "<tr class=\"brigs\"><th><span class=\"name\">brig native</span></th>\n<td>+7.",
            "<span class=\"name\">bare again</span></th>\n<td class=\"unclaimed\">none</td>",
        ],
    );
    let rates = of(|record| {
        for (row, middle) in [(0, 20.0), (1, 20.0), (2, 10.0)] {
            record.rows[row].series = vec![series(Measure::Egress, middle, 1)];
        }
    });
    check(
        &rates,
        &[
            "<strong>brig native carries 0.",
            "as much through a granted connection, which carries ",
        ],
    );
}

#[test]
fn a_row_that_failed_is_failed_at_a_glance() {
    let page = of(|record| {
        let (wall, from) = ("namespaces".into(), "brig native".into());
        record.rows[4].role = Role::LeftOut { wall, from };
    });
    check(&page, &["<span class=\"broke\">failed</span>"]);
    let failed = of(|record| {
        let failure = record.rows[4].series[0].failed.clone();
        let native = &mut record.rows[2].series[0];
        native.failed = failure;
        native.rounds.truncate(19);
    });
    check(&failed, &["<td class=\"why\">failed</td>"]);
    assert!(!failed.contains("<strong>brig native"), "{failed}");
}
