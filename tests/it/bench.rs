//! `brig bench report`, through the program: several records, rows that failed, broken files, and
//! whether what it claims is so.

use crate::harness::{Scratch, brig, repository};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const ROUNDS: usize = 20;
/// How often a claim is put to the test, and how often at least it has to be right: intervals are
/// of 99 %, and the tries are the same ones each time.
const TRIES: u64 = 20;
const RIGHT_MIN: usize = 19;

/// Splitmix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bits = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap();
        f64::from(bits) / f64::from(u32::MAX)
    }

    /// A start that takes about 20 ms on a machine that becomes slower for a while, has two states,
    /// and now and then does something else: tails are heavy on one side.
    fn start(&mut self, round: usize) -> f64 {
        let slower = [0.0, 0.4, 0.9, 1.5, 1.1, 0.6, 0.2][round * 7 / ROUNDS];
        let state = if self.roll() < 0.3 { 1.2 } else { 0.0 };
        let tail = -0.4 * self.roll().max(1e-9).ln();
        let other = if self.roll() < 0.04 { 15.0 } else { 0.0 };
        20.0 + slower + state + tail + other
    }
}

/// Three rows of the same thing, the last one slowed by so many milliseconds.
fn record(title: &str, seed: u64, slowed: f64) -> Value {
    let mut dice = Dice(seed);
    let mut rows = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        for (values, by) in rows.iter_mut().zip([0.0, 0.0, slowed]) {
            values.push(vec![dice.start(round) + by]);
        }
    }
    let names = ["bare", "bare again", "brig native"];
    let rows = names.iter().zip(rows).map(|(name, rounds)| {
        let role = match *name {
            "bare again" => json!({ "is": "again", "of": "bare" }),
            _ => json!({ "is": "subject" }),
        };
        let series = json!({ "measure": "start-warm", "rounds": rounds, "failed": null });
        json!({ "name": name, "role": role, "version": null, "absent": null,
                "series": [series], "stages": [] })
    });
    let rows: Vec<Value> = rows.collect();
    json!({
        "brig-bench": 1, "title": title, "command": ["brig", "bench", "brig.toml"],
        "brig": "0.1.0", "taken": 1_796_000_000, "rounds": ROUNDS, "warm-up": 1,
        "baseline": "bare", "rows": rows,
        "machine": {
            "processor": "a model", "processors": 2, "memory-kib": 8_000_000,
            "kernel": "6.18", "system": "a system", "notes": [],
            "load-before": [0.1, 0.1, 0.1], "load-after": [0.2, 0.1, 0.1]
        }
    })
}

struct Told {
    code: Option<i32>,
    out: String,
    err: String,
}

fn report(arguments: &[&str], files: &[&Path]) -> Told {
    let mut command = brig();
    command
        .args(["bench", "report"])
        .args(arguments)
        .args(files);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Told {
        code: output.status.code(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

#[track_caller]
fn check(told: &Told, code: i32, out: &[&str], err: &[&str]) {
    let (found, errors) = (&told.out, &told.err);
    assert_eq!(told.code, Some(code), "{found}{errors}");
    for want in out {
        assert!(found.contains(want), "{found} lacks {want:?}");
    }
    for want in err {
        // A terminal's lines are broken where they are full.
        let errors: Vec<&str> = errors.split_whitespace().filter(|it| *it != "│").collect();
        let errors = errors.join(" ");
        assert!(errors.contains(want), "{errors} lacks {want:?}");
    }
    assert!(code == 0 || found.is_empty(), "{found}");
}

#[test]
fn a_later_record_stands_beside_the_first() {
    let scratch = Scratch::new();
    let before = scratch.write("before.json", record("before", 1, 0.0).to_string());
    let after = scratch.write("after.json", record("after", 2, 30.0).to_string());
    let page = scratch.join("page.html");
    let html = ["--html", page.to_str().unwrap()];
    let text = report(&html, &[&before, &after]);
    let head = "start to first reply, warm, `after` beside `before`, ms\n";
    check(&text, 0, &[head], &[]);
    let (_, beside) = text.out.split_once(head).unwrap();
    let lines: Vec<&str> = beside.lines().collect();
    assert_eq!(lines.len(), 3, "{beside}");
    assert!(lines[0].starts_with("  bare "), "{beside}");
    assert!(lines[0].contains("no difference shown ["), "{beside}");
    assert!(lines[2].contains("brig native"), "{beside}");
    assert!(
        lines[2].contains(" +30.") || lines[2].contains(" +29."),
        "{beside}"
    );
    // The page is of the same two, and takes the place of an older one.
    let made = std::fs::read_to_string(&page).unwrap();
    assert!(made.contains("<h2>Beside before</h2>"), "{made}");
    check(&report(&html, &[&before]), 0, &["brig native"], &[]);
    let made = std::fs::read_to_string(&page).unwrap();
    assert!(!made.contains("<h2>Beside"), "{made}");
    // What is told of them is the same each time, and for programs as well.
    assert_eq!(report(&[], &[&before, &after]).out, text.out);
    let found = report(&["--json"], &[&before, &after]);
    let found: Value = serde_json::from_str(&found.out).unwrap();
    let native = &found["comparisons"][2]["compared"];
    assert_eq!(native["verdict"], "differs", "{found}");
    assert!(found["comparisons"][0]["compared"]["verdict"] != "differs");
}

#[test]
fn a_row_that_failed_is_told_as_failed_everywhere() {
    let scratch = Scratch::new();
    let mut record = record("failing", 1, 30.0);
    let why = "it ended without a reply";
    let series = &mut record["rows"][2]["series"][0];
    series["failed"] = json!({ "round": 3, "why": why });
    series["rounds"].as_array_mut().unwrap().truncate(2);
    let file = scratch.write("failing.json", record.to_string());
    let page = scratch.join("page.html");
    let told = report(&["--html", page.to_str().unwrap()], &[&file]);
    let failed = format!("FAILED in round 3: {why}\n");
    check(&told, 0, &["  brig native ", &failed], &[]);
    assert!(!told.out.contains("+30."), "{}", told.out);
    let page = std::fs::read_to_string(page).unwrap();
    for want in [
        format!("brig native</span>\n<span class=\"why\">failed in round 3: {why}</span>"),
        "<td class=\"why\">failed</td>".to_owned(),
    ] {
        assert!(page.contains(&want), "{page} lacks {want}");
    }
    let found = report(&["--json"], &[&file]);
    let found: Value = serde_json::from_str(&found.out).unwrap();
    let outcome = &found["runs"][0]["measures"][0]["rows"][2]["outcome"];
    let want = json!({ "is": "failed", "round": 3, "why": why });
    assert_eq!(*outcome, want);
}

/// One file that is no record, and what is told of it alone: one error with its place.
#[track_caller]
fn refused(scratch: &Scratch, bytes: &[u8], want: &str) {
    let right = scratch.write("right.json", record("right", 1, 0.0).to_string());
    let broken = scratch.write("broken.json", bytes);
    let page = scratch.join("none.html");
    let html = ["--html", page.to_str().unwrap()];
    let told = report(&html, &[&right, &broken]);
    check(&told, 1, &[], &["broken.json", want]);
    assert!(!page.exists());
    let mut command = brig();
    let output = command
        .args(["bench", "report", "--json"])
        .arg(&broken)
        .output()
        .unwrap();
    let items: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(items.as_array().unwrap().len(), 1, "{items}");
}

#[test]
fn a_broken_file_is_one_error_with_its_place() {
    let scratch = Scratch::new();
    let good = record("good", 1, 0.0).to_string();
    refused(&scratch, &good.as_bytes()[..900], "column 900");
    refused(&scratch, b"{}", "missing field");
    refused(
        &scratch,
        b"{\"title\": \"\xff\"}",
        "byte 11 begins no character",
    );
    let mut wrong = record("wrong", 1, 0.0);
    wrong["rows"][1]["series"][0]["rounds"][4] = json!([-1.0]);
    let wrong = wrong.to_string();
    refused(
        &scratch,
        wrong.as_bytes(),
        "`rows[1].series[0].rounds[4]` is -1",
    );
    let long = vec![b' '; (64 << 20) + 1];
    refused(&scratch, &long, "longer than 67108864 bytes");
    let absent = scratch.join("absent.json");
    check(
        &report(&[], &[&absent]),
        1,
        &[],
        &["absent.json", "No such file"],
    );
    check(&report(&[], &[]), 2, &[], &["<FILE>"]);
}

#[test]
fn a_page_takes_no_other_file_s_place() {
    let scratch = Scratch::new();
    let file = scratch.write("run.json", record("run", 1, 0.0).to_string());
    let kept = scratch.write("notes.html", "<!doctype html>\n<title>Mine</title>\n");
    let link = scratch.join("link.html");
    std::os::unix::fs::symlink(&kept, &link).unwrap();
    for path in [&kept, &link, &file, &scratch.path().to_owned()] {
        let before = std::fs::read(path).ok();
        let told = report(&["--html", path.to_str().unwrap()], &[&file]);
        check(&told, 1, &[], &["is there and is no page of brig's"]);
        assert_eq!(std::fs::read(path).ok(), before);
    }
    assert!(link.is_symlink());
    let nowhere = scratch.join("none/page.html");
    let told = report(&["--html", nowhere.to_str().unwrap()], &[&file]);
    check(&told, 1, &[], &["none/page.html"]);
    // An empty file has nothing that could be lost.
    let empty = scratch.write("empty.html", "");
    let told = report(&["--html", empty.to_str().unwrap()], &[&file]);
    check(&told, 0, &["brig native"], &[]);
    assert!(
        std::fs::read_to_string(empty)
            .unwrap()
            .ends_with("</html>\n")
    );
}

/// What is claimed of the last row beside the first, in each try.
fn tries(slowed: f64) -> Vec<Value> {
    let scratch = Scratch::new();
    let write = |seed: u64| {
        let record = record("try", seed * 7919 + 1, slowed);
        scratch.write(format!("{seed}.json"), record.to_string())
    };
    let files: Vec<PathBuf> = (0..TRIES).map(write).collect();
    let each = files.iter().map(|file| {
        let found = report(&["--json"], &[file]);
        let found: Value = serde_json::from_str(&found.out).unwrap();
        found["runs"][0]["measures"][0]["rows"][2]["outcome"]["difference"].clone()
    });
    each.collect()
}

#[track_caller]
fn mostly(tries: &[Value], is_right: impl Fn(&Value) -> bool) {
    let right = tries.iter().filter(|one| is_right(one)).count();
    assert!(right >= RIGHT_MIN, "{right} of {TRIES}: {tries:#?}");
}

#[test]
fn the_same_thing_does_not_differ_from_itself() {
    mostly(&tries(0.0), |one| {
        one["verdict"] != "differs" && one["by"]["value"].is_number()
    });
}

#[test]
fn what_is_slower_is_told_to_be_so_by_as_much() {
    for by in [4.0, 12.0] {
        mostly(&tries(by), |one| {
            let [low, high] = ["low", "high"].map(|end| one["by"][end].as_f64().unwrap());
            one["verdict"] == "differs" && (low..=high).contains(&by)
        });
    }
}

/// What a start and a call of the slow server take longer, in milliseconds.
const SLOWER: [u32; 2] = [40, 3];
/// By how much more than that it may: a busy machine takes its time as well.
const BEYOND: f64 = 0.15;
const TRIES_BESIDE_OTHERS: usize = 3;

/// Real processes: a server beside itself when it sleeps before its first reply and in each call.
/// What was found, and how it was told.
fn slept(scratch: &Scratch, samples: &Path) -> (Value, Vec<u8>) {
    let server = repository().join("tests/peers/slow.py");
    let command = |[start, call]: [u32; 2]| {
        let server = server.to_str().unwrap();
        [
            String::from("/usr/bin/python3"),
            server.into(),
            start.to_string(),
            call.to_string(),
        ]
    };
    let words = serde_json::to_string(&command([0, 0])).unwrap();
    let manifest = format!("brig = 1\n[server]\nname = \"slow\"\ncommand = {words}\n");
    let manifest = scratch.write("slow.toml", manifest);
    let mut measured = brig();
    measured.args([
        "bench",
        "--unconfined",
        "--quick",
        "--only",
        "bare",
        "--only",
        "slow",
    ]);
    measured.arg(format!("--with=slow={}", command(SLOWER).join(" ")));
    measured
        .arg("--samples")
        .arg(samples)
        .arg("--json")
        .arg(&manifest);
    let output = measured.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    (found, output.stdout)
}

/// What is wrong with what was measured, if anything.
fn wrong(found: &Value) -> Option<String> {
    for (measure, by) in [
        ("start-warm", f64::from(SLOWER[0])),
        ("call", f64::from(SLOWER[1]) * 1000.0),
    ] {
        let tables = found["runs"][0]["measures"].as_array().unwrap();
        let table = tables.iter().find(|table| table["measure"] == measure);
        let rows = table.unwrap()["rows"].as_array().unwrap();
        let row = |name: &str| rows.iter().find(|row| row["row"] == name);
        let of = &row("slow").unwrap()["outcome"]["difference"];
        let [low, high] = ["low", "high"].map(|end| of["by"][end].as_f64().unwrap());
        // The same thing twice: by far less than what is to be found.
        let again = &row("bare again").unwrap()["outcome"]["difference"]["by"]["value"];
        let is_right = of["verdict"] == "differs"
            && low <= by * (1.0 + BEYOND)
            && high >= by
            && again.as_f64().unwrap().abs() < by / 4.0;
        if !is_right {
            return Some(format!("{measure}: {rows:#?}"));
        }
    }
    None
}

#[test]
fn a_server_that_sleeps_is_measured_to_be_slower_by_as_much() {
    let scratch = Scratch::new();
    let samples = scratch.join("samples.json");
    // Other tests run beside it, and one of them may take a processor for all of a try.
    let mut tries = (0..TRIES_BESIDE_OTHERS).map(|_| {
        let (found, told) = slept(&scratch, &samples);
        (wrong(&found), told)
    });
    let mut faults = Vec::new();
    let told = tries.find_map(|(fault, told)| match fault {
        None => Some(told),
        Some(fault) => {
            faults.push(fault);
            None
        }
    });
    let told = told.unwrap_or_else(|| panic!("{faults:#?}"));
    // What was measured tells the same again.
    assert_eq!(report(&["--json"], &[&samples]).out.as_bytes(), told);
}

/// What a person gets who has brig and nothing else: its own example, in each cell and beside
/// wasmtime without one.
#[test]
fn an_example_is_measured_in_every_row() {
    let output = brig()
        .args([
            "bench", "--quick", "--rounds", "1", "--count", "2", "--json",
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let run = &found["runs"][0];
    let of_start = run["measures"].as_array().unwrap();
    let of_start = of_start.iter().find(|it| it["measure"] == "start-warm");
    let rows = of_start.unwrap()["rows"].as_array().unwrap();
    let names: Vec<&str> = rows
        .iter()
        .map(|row| row["row"].as_str().unwrap())
        .collect();
    let want = [
        "embedding",
        "embedding again",
        "brig component",
        "brig component, narrow cell",
    ];
    assert_eq!(names, want, "{run:#}");
    for table in run["measures"].as_array().unwrap() {
        for row in table["rows"].as_array().unwrap() {
            assert_eq!(row["outcome"]["is"], "measured", "{row:#}");
        }
    }
}

/// A server that takes one call at a time and ends at two, as some lose what comes too fast.
const ONE_AT_A_TIME: &str = r#"
import json, os
rest = b""
while piece := os.read(0, 65536):
    *lines, rest = (rest + piece).split(b"\n")
    asked = [one for one in map(json.loads, lines) if "id" in one]
    if len(asked) > 1:
        raise SystemExit
    for one in asked:
        result = {}
        if one["method"] == "initialize":
            result = {"protocolVersion": one["params"]["protocolVersion"], "capabilities": {},
                      "serverInfo": {"name": "one", "version": "1"}}
        answer = json.dumps({"jsonrpc": "2.0", "id": one["id"], "result": result})
        os.write(1, answer.encode() + b"\n")
"#;

/// What fails of a row is told as failed, and the rest is measured all the same.
#[test]
fn a_measure_that_fails_takes_no_other_with_it() {
    let scratch = Scratch::new();
    let program = scratch.write("one.py", ONE_AT_A_TIME);
    let words = ["/usr/bin/python3", program.to_str().unwrap()];
    let words = serde_json::to_string(&words).unwrap();
    let manifest = format!("brig = 1\n[server]\nname = \"one\"\ncommand = {words}\n");
    let manifest = scratch.write("one.toml", manifest);
    let mut measured = brig();
    measured.args(["bench", "--unconfined", "--rounds", "2", "--count", "2"]);
    measured.args(["--only", "bare", "--json"]).arg(&manifest);
    let output = measured.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let tables = found["runs"][0]["measures"].as_array().unwrap();
    let names: Vec<&str> = tables
        .iter()
        .map(|table| table["measure"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "start-warm",
            "call",
            "pipelined",
            "processor",
            "memory",
            "density"
        ]
    );
    for table in tables {
        for row in table["rows"].as_array().unwrap() {
            let outcome = &row["outcome"];
            if table["measure"] == "pipelined" {
                assert_eq!(outcome["is"], "failed", "{row:#}");
                assert_eq!(outcome["round"], 0, "{row:#}");
                let why = outcome["why"].as_str().unwrap();
                assert!(why.contains("were not answered: it ended"), "{why}");
            } else {
                assert_eq!(outcome["is"], "measured", "{table:#}");
            }
        }
    }
}

/// Whoever ends a benchmark has nothing of it left: no server, no folder, no record.
#[test]
fn an_interrupted_benchmark_leaves_nothing() {
    let scratch = Scratch::new();
    let server = repository().join("tests/peers/slow.py");
    let mark = format!("mark of {}", scratch.path().display());
    let words = [
        "/usr/bin/python3",
        server.to_str().unwrap(),
        "0",
        "1",
        &mark,
    ];
    let words = serde_json::to_string(&words).unwrap();
    let manifest = format!("brig = 1\n[server]\nname = \"slow\"\ncommand = {words}\n");
    let manifest = scratch.write("slow.toml", manifest);
    let samples = scratch.join("samples.json");
    let temporary = scratch.join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let mut measured = brig();
    measured.args([
        "bench",
        "--unconfined",
        "--rounds",
        "1000",
        "--only",
        "bare",
    ]);
    measured.arg("--samples").arg(&samples).arg(&manifest);
    measured.env("TMPDIR", &temporary);
    measured.stdout(std::process::Stdio::piped());
    measured.stderr(std::process::Stdio::piped());
    let process = measured.spawn().unwrap();
    let running = || !crate::harness::with_words(&mark).is_empty();
    let until = std::time::Instant::now() + crate::harness::patience();
    while !running() {
        assert!(std::time::Instant::now() < until, "it starts nothing");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let id = rustix::process::Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let output = process.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("the benchmark was interrupted"), "{errors}");
    assert!(!running(), "its server runs on");
    assert!(!samples.exists());
    let left: Vec<_> = std::fs::read_dir(&temporary).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
