//! Journals: what is written of a run, what is read of it, and what would let it pass.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use brig_policies::{
    Digest, Incident, InvalidJournal, JOURNAL_BYTES_MAX, Journal, Kept, Kind, Party, RefusalCode,
    Remedy, Run, read_journal, remedy,
};
use proptest::prelude::*;

fn run() -> Run {
    Run {
        server: "notes".to_owned(),
        manifest: "/srv/nötes/brig.toml".to_owned(),
        project: None,
        text: Some(Digest::of(b"x")),
        at_ms: 1_000,
    }
}

fn incident(kind: Kind, about: &str) -> Incident {
    Incident {
        kind,
        by: Party::Client,
        about: about.to_owned(),
        why: format!("{about} may not be called here"),
        line: Some(5),
    }
}

const TOOL: Kind = Kind::Refused(RefusalCode::ToolNotAllowed);

/// Notes incidents, a millisecond apart, and gives the text.
fn written(incidents: &[Incident], end: Option<&str>) -> String {
    let (mut journal, mut text) = Journal::new(&run());
    for (incident, now_ms) in incidents.iter().zip(2_000..) {
        text.extend(journal.note(now_ms, incident));
    }
    text.extend(end.map(|how| journal.end(9_000, how)));
    text
}

fn read(text: &str) -> Kept {
    read_journal(text).unwrap_or_else(|error| unreachable!("{error}: {text}"))
}

#[test]
fn a_journal_is_lines_that_a_person_can_read() {
    let mut incidents = vec![incident(TOOL, "delete \"all\"\n\u{202e}é"); 12];
    incidents[11].by = Party::Server;
    let want = concat!(
        r#"{"journal":1,"server":"notes","manifest":"/srv/n\u00f6tes/brig.toml","#,
        r#""text":"blake3:"#,
        "{digest}",
        r#"","at-ms":1000}"#,
        "\n",
        r#"{"kind":"tool-not-allowed","by":"client","about":"delete \"all\"\u000a\u202e\u00e9","#,
        r#""why":"delete \"all\"\u000a\u202e\u00e9 may not be called here","line":5,"at-ms":2000}"#,
        "\n",
        r#"{"again":0,"count":10,"at-ms":2009}"#,
        "\n",
        r#"{"kind":"tool-not-allowed","by":"server","about":"delete \"all\"\u000a\u202e\u00e9","#,
        r#""why":"delete \"all\"\u000a\u202e\u00e9 may not be called here","line":5,"at-ms":2011}"#,
        "\n",
        r#"{"again":0,"count":11,"at-ms":2010}"#,
        "\n",
        r#"{"ended":"exited with status 0","at-ms":9000}"#,
        "\n",
    );
    let digest = Digest::of(b"x");
    let digest = digest.as_str().trim_start_matches("blake3:");
    let text = written(&incidents, Some("exited with status 0"));
    assert_eq!(text, want.replace("{digest}", digest));
    let kept = read(&text);
    assert_eq!(kept.run, run());
    assert_eq!(kept.end, Some(("exited with status 0".to_owned(), 9_000)));
    let counts: Vec<u64> = kept.entries.iter().map(|entry| entry.count).collect();
    assert_eq!(counts, [11, 1]);
    assert_eq!(kept.entries[0].incident, incidents[0]);
    assert_eq!(
        (kept.entries[0].first_ms, kept.entries[0].last_ms),
        (2_000, 2_010)
    );
}

#[test]
fn what_was_killed_while_it_was_written_is_read_to_its_last_whole_line() {
    let text = written(&[incident(TOOL, "a"), incident(TOOL, "b")], Some("x"));
    let first = text.find('\n').unwrap();
    for end in first + 1..text.len() {
        let kept = read(&text[..end]);
        let whole = text[..end].matches('\n').count();
        assert_eq!(kept.entries.len(), (whole - 1).min(2), "{end}");
        assert_eq!(kept.end.is_some(), whole == 4);
    }
    for end in 0..=first {
        assert_eq!(read_journal(&text[..end]), Err(InvalidJournal::Line(1)));
    }
}

#[track_caller]
fn check_damaged(from: &str, to: &str, want: &InvalidJournal) {
    let text = written(&[incident(TOOL, "a")], Some("x"));
    assert!(text.contains(from), "{text}");
    let damaged = text.replacen(from, to, 1);
    assert_eq!(read_journal(&damaged).as_ref(), Err(want), "{damaged}");
}

#[test]
fn a_damaged_journal_is_told_by_its_line() {
    let line = InvalidJournal::Line;
    check_damaged("\"journal\":1", "\"journal\":2", &InvalidJournal::Form(2));
    check_damaged("\"journal\":1", "\"journal\":-1", &line(1));
    check_damaged("{\"journal\"", "\"journal\"", &line(1));
    check_damaged("\"server\":\"notes\"", "\"server\":7", &line(1));
    check_damaged("blake3:", "sha1:", &line(1));
    check_damaged("tool-not-allowed", "tool-not-known", &line(2));
    check_damaged("\"by\":\"client\"", "\"by\":\"me\"", &line(2));
    check_damaged("\"line\":5", "\"line\":\"5\"", &line(2));
    check_damaged("\"line\":5", "\"line\":99999999999", &line(2));
    check_damaged(
        "\"about\":\"a\"",
        "\"about\":\"a\",\"about\":\"b\"",
        &line(2),
    );
    check_damaged("{\"ended\"", "\n{\"ended\"", &line(3));
    check_damaged(
        "{\"ended\"",
        "{\"again\":1,\"count\":2,\"at-ms\":3}\n{\"ended\"",
        &line(3),
    );
    check_damaged("{\"ended\":\"x\"", "{\"Ended\":\"x\"", &line(3));
    let text = written(&[], Some("x"));
    assert_eq!(read_journal(&format!("{text}{text}")), Err(line(3)));
    let long = " ".repeat(JOURNAL_BYTES_MAX + 1);
    assert_eq!(read_journal(&long), Err(InvalidJournal::TooLong));
    assert_eq!(read_journal(""), Err(line(1)));
    assert_eq!(line(3).to_string(), "its line 3 is none that brig wrote");
}

/// A server that thinks of a new name for each thing that is refused fills nothing.
#[test]
fn a_flood_is_bounded_and_still_counted() {
    let name = |at: u64| format!("{at}-{}", "\u{7}".repeat(300));
    // Words are brig's own, with names escaped and cut.
    let why = "w".repeat(500);
    let one = |at| Incident {
        why: why.clone(),
        ..incident(TOOL, &name(at))
    };
    let incidents: Vec<Incident> = (0..20_000).map(one).collect();
    let text = written(&incidents, Some("x"));
    assert!(text.len() <= JOURNAL_BYTES_MAX, "{}", text.len());
    let kept = read(&text);
    let (rest, named) = kept.entries.split_last().unwrap();
    assert_eq!(named.len(), 64);
    assert!(named.iter().all(|entry| entry.is_cut && entry.count == 1));
    assert!(rest.is_rest && rest.count == 20_000 - 64, "{rest:?}");
    assert!(!kept.is_full);
}

#[test]
fn a_journal_without_room_says_so_and_keeps_what_it_has() {
    let (mut journal, mut text) = Journal::new(&run());
    // No honest session comes here: each count up to ten times as many lines as the last.
    for now_ms in 0..200_000 {
        let about = format!("{}{}", now_ms % 64, "é".repeat(60));
        let mut incident = incident(TOOL, &about);
        incident.why = "\u{7}".repeat(512);
        text.extend(journal.note(now_ms, &incident));
    }
    text += &journal.end(9, &"\u{7}".repeat(5_000));
    assert!(text.len() <= JOURNAL_BYTES_MAX, "{}", text.len());
    let kept = read(&text);
    assert!(kept.is_full && kept.end.is_some());
}

#[track_caller]
fn check_remedy(kind: Kind, about: &str, want: &str) {
    let text = written(&[incident(kind, about)], None);
    let got = match remedy(&read(&text).entries[0]) {
        Remedy::Grant {
            section,
            line,
            right,
            is_write,
        } => {
            let write = if is_write { " --write" } else { "" };
            let right = right.map(|right| format!(" ({right}{write})"));
            format!("{section} {line}{}", right.unwrap_or_default())
        }
        Remedy::Change { section, keys } => format!("{section}: {}", keys.join(" ")),
        Remedy::Review => "review".to_owned(),
        Remedy::Nothing => "nothing".to_owned(),
    };
    assert_eq!(got, want, "{kind:?} {about:?}");
}

#[test]
fn a_refusal_leads_to_the_line_that_would_allow_it() {
    let tool = |name: &str, want: &str| check_remedy(TOOL, name, want);
    tool(
        "list_notes",
        r#"[tools] allow = [..., "list_notes"] (list_notes)"#,
    );
    tool("fs/read.text", r#"[tools] allow = [..., "fs/read.text"]"#);
    tool(
        "api.example.com:443",
        r#"[tools] allow = [..., "api.example.com:443"]"#,
    );
    tool("--yes", r#"[tools] allow = [..., "--yes"]"#);
    tool("~", r#"[tools] allow = [..., "~"]"#);
    tool(".", r#"[tools] allow = [..., "."]"#);
    // What a server calls its tool must not come to stand for all of them.
    for name in [
        "*",
        "list_*",
        "",
        "a b",
        "l\u{456}st",
        "a\u{202e}",
        "$(id)",
        &"x".repeat(129),
    ] {
        tool(name, "[tools]: allow");
    }
}

#[test]
fn what_is_no_tool_leads_to_its_own_section() {
    use RefusalCode as Code;
    let check =
        |code: Code, about: &str, want: &str| check_remedy(Kind::Refused(code), about, want);
    check(
        Code::ResourceNotAllowed,
        "file:///a b",
        r#"[resources] allow = [..., "file:///a b"]"#,
    );
    check(Code::ResourceNotAllowed, "file:///*", "[resources]: allow");
    check(
        Code::PromptNotAllowed,
        "review",
        r#"[prompts] allow = [..., "review"]"#,
    );
    check(
        Code::RightNotGranted,
        "elicitation-url",
        "[client] elicitation-url = true",
    );
    check(Code::RightNotGranted, "root = true\nsampling", "nothing");
    let rule = "[[tools.rule]]: equals matches within max";
    check(Code::ArgumentMissing, "get", rule);
    check(Code::ArgumentNotAllowed, "get", rule);
    check(
        Code::RateLimited,
        "get",
        "[[tools.limit]]: calls-per-minute",
    );
    check(Code::TooManyAtOnce, "get", "[[tools.limit]]: concurrency");
    check(Code::ResultTooLarge, "get", "[[tools.limit]]: result");
    check(Code::ToolChanged, "get", "review");
    check(Code::ToolNotReviewed, "get", "review");
    check_remedy(Kind::TooLong, "", "[limits]: message");
    check_remedy(Kind::Overdue, "", "[limits]: call");
    check_remedy(Kind::StartOverdue, "", "[limits]: start");
    check_remedy(Kind::OutOfMemory, "", "[limits]: memory");
    for kind in [
        Kind::Unclear,
        Kind::Late,
        Kind::Unasked,
        Kind::NotStarted,
        Kind::TooDeep,
    ] {
        check_remedy(kind, "", "nothing");
    }
}

#[test]
fn what_a_trace_finds_leads_to_its_grant() {
    let path = |kind, about: &str, want: &str| check_remedy(kind, about, want);
    path(
        Kind::PathNotGranted,
        "/srv/a b",
        r#"[[files]] host = "/srv/a b" (/srv/a b)"#,
    );
    path(
        Kind::WriteNotGranted,
        "/srv/x",
        r#"[[files]] host = "/srv/x", access = "write" (/srv/x --write)"#,
    );
    // What a server chooses must not come to stand for another path in a manifest.
    for odd in [
        "",
        "x",
        "/srv/../etc",
        "/a\u{202e}",
        "/a//b",
        "~",
        "{project}",
    ] {
        path(Kind::PathNotGranted, odd, "[[files]]: host");
    }
    path(
        Kind::PathNotGranted,
        &format!("/{}", "x".repeat(200)),
        "[[files]]: host",
    );
    path(Kind::PathReadOnly, "/srv/x", "[[files]]: access");
    path(Kind::PathNotRunnable, "/srv/x", "[[files]]: exec");
    path(Kind::PathProtected, "/etc", "nothing");
    path(Kind::PathOfSystem, "/usr/x", "nothing");
    path(
        Kind::CallNotGranted,
        "jit",
        r#"[syscalls] allow = [..., "jit"]"#,
    );
    path(Kind::CallNotGranted, "ptrace", "[syscalls]: allow");
    path(Kind::CallRefused, "mount", "nothing");
    path(
        Kind::SocketNotGranted,
        "TCP over IPv4",
        "[[network]]: host ports",
    );
}

#[test]
fn further_refusals_are_counted_together() {
    let (mut journal, mut text) = Journal::new(&run());
    let one = incident(Kind::PathNotGranted, "/srv/x");
    let other = incident(Kind::PathNotGranted, "/srv/y");
    text.extend(journal.note(1, &one));
    assert_eq!(journal.more(2, &other, 5), None, "it was never noted");
    text.extend(journal.more(2, &one, 41));
    text += &journal.end(3, "x");
    let kept = read(&text);
    let counts: Vec<(u64, u64)> = kept
        .entries
        .iter()
        .map(|it| (it.count, it.last_ms))
        .collect();
    assert_eq!(counts, [(42, 2)]);
}

#[test]
fn names_of_kinds_are_apart() {
    let names: std::collections::BTreeSet<&str> = Kind::all().map(Kind::as_str).collect();
    assert_eq!(names.len(), Kind::all().count());
}

fn any_incident() -> impl Strategy<Value = Incident> {
    let kinds: Vec<Kind> = Kind::all().collect();
    let parties = [Party::Client, Party::Server, Party::Start];
    let line = proptest::option::of(1_u32..9);
    let words = ("\\PC{0,3}|[\\x00-\\x1f\"\\\\\u{1f980}]{0,3}", "\\PC{0,40}");
    let of = (
        proptest::sample::select(kinds),
        proptest::sample::select(parties.to_vec()),
        line,
        words,
    );
    of.prop_map(|(kind, by, line, (about, why))| Incident {
        kind,
        by,
        about,
        why,
        line,
    })
}

proptest! {
    /// Whatever is refused, in whatever order: nothing is lost of the counts, and the text is one
    /// that is read.
    #[test]
    fn a_journal_comes_back(incidents in proptest::collection::vec(any_incident(), 0..300)) {
        let kept = read(&written(&incidents, Some("x")));
        let count: u64 = kept.entries.iter().map(|entry| entry.count).sum();
        prop_assert_eq!(count, incidents.len() as u64);
        for entry in kept.entries.iter().filter(|entry| !entry.is_rest) {
            let same = incidents.iter().find(|it| {
                let key = |it: &Incident| (it.kind, it.by, it.line, it.about.clone());
                key(it) == key(&entry.incident)
            });
            prop_assert_eq!(same, Some(&entry.incident));
        }
    }

    #[test]
    fn no_text_breaks_the_reader(text in "\\PC{0,200}", at in 0_usize..400, more in any::<char>()) {
        let _ = read_journal(&text);
        let mut whole = written(&[incident(TOOL, "é"), incident(Kind::Late, "")], Some("x"));
        if let Some((at, _)) = whole.char_indices().nth(at) {
            whole.insert(at, more);
            let _ = read_journal(&whole);
        }
    }
}
