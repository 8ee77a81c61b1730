//! Queries and answers, as resolvers send and want them.

use super::wire::{
    A, AAAA, ANY, Answer, HTTPS, ID, NS, PTR, SRV, SVCB, TXT, labels, query, read, wire_name,
    with_edns,
};
use super::{API, egress};
use brig_sandbox::egress::responder::{
    NotGranted, Outcome, QUERY_BYTES_MAX, REPLY_BYTES_MAX, Reply, Stream, answer, framed,
};
use brig_sandbox::egress::wildcard::Wildcards;
use proptest::prelude::*;
use std::net::IpAddr;

const GRANTS: &[&str] = &[API, "host = \"*.example.net\"\nports = [443]"];

const V4: &str = "100.64.0.1";
const V6: &str = "fd62:7269:6700::1";

fn ask(query: &[u8]) -> Option<Reply> {
    let egress = egress(GRANTS);
    let mut wildcards = Wildcards::new(&egress);
    answer(query, &egress, &mut wildcards, 0)
}

#[track_caller]
fn answered(query: &[u8]) -> Answer {
    let reply = ask(query).unwrap();
    assert!(reply.bytes.len() <= REPLY_BYTES_MAX);
    read(&reply.bytes)
}

const SUCCESS: u16 = 0;
const MALFORMED: u16 = 1;
const NO_SUCH_NAME: u16 = 3;
const NOT_IMPLEMENTED: u16 = 4;

#[track_caller]
fn check(name: &str, kind: u16, code: u16, addresses: &[&str]) {
    let query = query(&labels(name), kind);
    let answer = answered(&query);
    let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
    assert_eq!(
        (answer.code(), answer.addresses),
        (code, addresses.clone()),
        "{name} {kind}"
    );
    // The same number and question, in the same case; it is an answer, with authority, of a server
    // that would recurse.
    assert_eq!((answer.id, &answer.question[..]), (ID, &query[12..]));
    assert_eq!(answer.flags & !0xf, 0x8580);
    assert_eq!(
        answer.soa,
        usize::from(addresses.is_empty()),
        "an SOA where there is nothing"
    );
}

#[test]
fn granted_names_have_addresses_and_nothing_else() {
    check("api.example.com", A, SUCCESS, &[V4]);
    check("api.example.com", AAAA, SUCCESS, &[V6]);
    check("api.example.com", ANY, SUCCESS, &[V4, V6]);
    check("aPi.ExAmPlE.cOm", A, SUCCESS, &[V4]);
    for kind in [NS, 5, 6, 15, TXT, SRV, SVCB, HTTPS, 0, 251, 252, u16::MAX] {
        check("api.example.com", kind, SUCCESS, &[]);
        check("www.example.net", kind, SUCCESS, &[]);
    }
    check("www.example.net", A, SUCCESS, &["100.64.1.0"]);
    check("www.example.net", AAAA, SUCCESS, &["fd62:7269:6700::100"]);
}

#[test]
fn other_names_do_not_exist() {
    for name in [
        "example.com",
        "www.example.com",
        "api.example.com.example.org",
        "api.example.com.localdomain",
        "xapi.example.com",
        "example.net",
        "wwwexample.net",
        "_https._tcp.api.example.com",
        "_x.example.net",
        "www.example.net.corp",
        "1.0.64.100.in-addr.arpa",
        "com",
        "10.0.0.1",
        "169.254.169.254",
        "-.example.net",
        "xn--a.example.net",
    ] {
        for kind in [A, AAAA, PTR, HTTPS] {
            check(name, kind, NO_SUCH_NAME, &[]);
        }
    }
    let root = answered(&query(&[0], NS));
    assert_eq!((root.code(), root.soa), (NO_SUCH_NAME, 1));
}

#[test]
fn the_cells_own_loopback_has_its_name() {
    check("localhost", A, SUCCESS, &["127.0.0.1"]);
    check("LOCALHOST", AAAA, SUCCESS, &["::1"]);
    check("localhost", TXT, SUCCESS, &[]);
    check("x.localhost", A, NO_SUCH_NAME, &[]);
    check("localhost.example.com", A, NO_SUCH_NAME, &[]);
}

#[test]
fn a_label_is_not_two_and_no_byte_ends_it() {
    let odd: &[&[&[u8]]] = &[
        &[b"api.example", b"com"],
        &[b"api.example.com"],
        &[b"api", b"example.com"],
        &[b"api\0", b"example", b"com"],
        &[b"api", b"example", b"com\0"],
        &[b"evil\0", b"example", b"net"],
        &[b"www.evil", b"example", b"net"],
        &["ápi".as_bytes(), b"example", b"com"],
        &[b"a pi", b"example", b"com"],
        &[b"\xff", b"example", b"net"],
        &["ｗ".as_bytes(), b"example", b"net"],
    ];
    for labels in odd {
        let answer = answered(&query(&wire_name(labels), A));
        assert_eq!(
            (answer.code(), answer.addresses),
            (NO_SUCH_NAME, vec![]),
            "{labels:?}"
        );
    }
}

/// Bytes that are no query, each with the code that is told; `None` where nothing is.
#[test]
fn what_is_no_query_is_told_so() {
    let good = query(&labels("api.example.com"), A);
    let change = |at: usize, byte: u8| {
        let mut query = good.clone();
        query[at] = byte;
        query
    };
    let class = |class: u8| {
        let mut query = good.clone();
        *query.last_mut().unwrap() = class;
        query
    };
    let long_name = wire_name(&[&[b'a'; 63], &[b'a'; 63], &[b'a'; 63], &[b'a'; 62]]);
    let with = |name: &[u8]| query(name, A);
    let pointer_to_itself = with(&[0xc0, 12]);
    let pointer_to_head = with(&[3, b'a', b'p', b'i', 0xc0, 0]);
    let rows: &[(&str, Vec<u8>, Option<u16>)] = &[
        ("nothing", vec![], None),
        ("no header", good[..11].to_vec(), None),
        ("an answer", change(2, 0x81), None),
        ("a header alone", good[..12].to_vec(), Some(MALFORMED)),
        ("cut", good[..good.len() - 1].to_vec(), Some(MALFORMED)),
        (
            "more than it says",
            [&good[..], &[0]].concat(),
            Some(MALFORMED),
        ),
        ("no question", change(5, 0), Some(MALFORMED)),
        ("two questions", change(5, 2), Some(MALFORMED)),
        ("an answer in it", change(7, 1), Some(MALFORMED)),
        ("an authority in it", change(9, 1), Some(MALFORMED)),
        (
            "an additional one that is not there",
            change(11, 1),
            Some(MALFORMED),
        ),
        ("said to be cut", change(2, 0x03), Some(MALFORMED)),
        ("an inverse query", change(2, 0x09), Some(NOT_IMPLEMENTED)),
        ("a notification", change(2, 0x21), Some(NOT_IMPLEMENTED)),
        ("an update", change(2, 0x29), Some(NOT_IMPLEMENTED)),
        ("of Chaos", class(3), Some(NOT_IMPLEMENTED)),
        ("of any class", class(255), Some(NOT_IMPLEMENTED)),
        (
            "a label of an unknown kind",
            change(12, 0x40),
            Some(MALFORMED),
        ),
        ("a pointer to itself", pointer_to_itself, Some(MALFORMED)),
        ("a pointer to the head", pointer_to_head, Some(MALFORMED)),
        ("a name of 256 bytes", with(&long_name), Some(MALFORMED)),
        ("a length beyond the end", change(12, 63), Some(MALFORMED)),
    ];
    for (what, bytes, want) in rows {
        let reply = ask(bytes);
        let code = reply.as_ref().map(|reply| read(&reply.bytes).code());
        assert_eq!(code, *want, "{what}");
        let invalid = reply.is_none_or(|reply| reply.outcome == Outcome::Invalid);
        assert!(invalid, "{what}");
    }
    assert_eq!(answered(&good).code(), SUCCESS);
}

#[test]
fn edns_is_answered_with_edns() {
    let good = query(&labels("api.example.com"), A);
    let opt = |query: Vec<u8>| answered(&query).opt;
    assert_eq!(opt(good.clone()), None);
    assert_eq!(opt(with_edns(good.clone(), 0, 0, &[])), Some((0, 0, 0)));
    // DNSSEC's bit comes back, no other does; cookies and padding are let be.
    let cookie = [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 12, 0, 2, 0, 0];
    let wanted = with_edns(good.clone(), 0, 0xffff, &cookie);
    assert_eq!(opt(wanted.clone()), Some((0, 0, 0x8000)));
    assert_eq!(answered(&wanted).addresses.len(), 1);
    let newer = answered(&with_edns(good.clone(), 1, 0, &[]));
    assert_eq!(
        (newer.code(), newer.opt, newer.soa),
        (0, Some((1, 0, 0)), 0)
    );
    let none = answered(&with_edns(query(&labels("no.test"), A), 0, 0, &[]));
    assert_eq!(
        (none.code(), none.opt, none.soa),
        (NO_SUCH_NAME, Some((0, 0, 0)), 1)
    );
    // Options that are cut, a record that is no OPT, one that has a name.
    let torn = with_edns(good.clone(), 0, 0, &[0, 10, 0, 8, 1]);
    assert_eq!(answered(&torn).code(), MALFORMED);
    for (at, byte) in [(good.len() + 2, 42), (good.len(), 1)] {
        let mut other = with_edns(good.clone(), 0, 0, &[]);
        other[at] = byte;
        assert_eq!(answered(&other).code(), MALFORMED);
    }
}

#[test]
fn the_longest_answer_needs_no_cutting() {
    let label = [b'a'; 63];
    let long = wire_name(&[&label, &label, &label, &[b'a'; 61]]);
    assert_eq!(long.len(), 255);
    let asked = with_edns(query(&long, ANY), 0, 0x8000, &[]);
    assert!(ask(&asked).unwrap().bytes.len() <= REPLY_BYTES_MAX);
    let padded = with_edns(query(&labels("api.example.com"), ANY), 0, 0, &[]);
    let most = QUERY_BYTES_MAX - padded.len() - 4;
    for (padding, code) in [(most, SUCCESS), (most + 1, MALFORMED)] {
        let length = u16::try_from(padding).unwrap().to_be_bytes();
        let options = [&[0, 12], &length[..], &vec![0; padding]].concat();
        let asked = with_edns(query(&labels("api.example.com"), ANY), 0, 0, &options);
        assert_eq!(answered(&asked).code(), code);
    }
}

#[track_caller]
fn outcome(name: &str, kind: u16) -> Outcome {
    ask(&query(&labels(name), kind)).unwrap().outcome
}

#[test]
fn what_was_asked_for_is_told() {
    assert_eq!(
        outcome("API.example.com", A),
        Outcome::Given("API.example.com".to_owned())
    );
    let empty = Outcome::Empty("api.example.com".to_owned(), HTTPS);
    assert_eq!(outcome("api.example.com", HTTPS), empty);
    let Outcome::NotGranted(other) = outcome("evil.test", A) else {
        panic!("it is not granted");
    };
    assert_eq!(other.shown, "evil.test");
    let line = "[[network]] host = \"evil.test\", ports = [443]";
    assert_eq!(other.line(443).as_deref(), Some(line));
    let odd = ask(&query(&wire_name(&[b"a\x1b[31m", b"te.st"]), A))
        .unwrap()
        .outcome;
    let shown = "a\\027\\09131m.te\\046st".to_owned();
    assert_eq!(odd, Outcome::NotGranted(NotGranted { shown, name: None }));
    assert!(matches!(
        outcome("a.b.c.d.e.example.net", A),
        Outcome::Refused(_)
    ));
    assert!(matches!(
        outcome("a.b.c.d.e.example.net", TXT),
        Outcome::Empty(..)
    ));
}

#[test]
fn a_name_below_a_wildcard_takes_room_only_when_its_address_is_wanted() {
    let egress = egress(GRANTS);
    let mut wildcards = Wildcards::new(&egress);
    let mut ask = |name: &str, kind| {
        let reply = answer(&query(&labels(name), kind), &egress, &mut wildcards, 0).unwrap();
        (read(&reply.bytes).addresses.len(), wildcards.len())
    };
    assert_eq!(ask("a.example.net", HTTPS), (0, 0));
    assert_eq!(ask("a.example.net", A), (1, 1));
    assert_eq!(ask("A.example.NET", AAAA), (1, 1));
    assert_eq!(ask("b.example.net", AAAA), (1, 2));
    assert_eq!(ask("a.example.org", A), (0, 2));
}

#[test]
fn a_stream_of_queries_is_taken_apart_wherever_it_is_cut() {
    let one = query(&labels("api.example.com"), A);
    let two = with_edns(query(&labels("www.example.net"), AAAA), 0, 0, &[]);
    let sent = [framed(&one), framed(&two)].concat();
    for most in 1..=sent.len() {
        let mut stream = Stream::default();
        let mut got = Vec::new();
        for part in sent.chunks(most) {
            stream.push(part);
            while let Some(query) = stream.take().unwrap() {
                got.push(query);
            }
        }
        assert_eq!(got, [one.clone(), two.clone()], "{most}");
    }
    for (length, told) in [
        (0_u16, true),
        (11, true),
        (12, false),
        (1232, false),
        (1233, true),
    ] {
        let mut stream = Stream::default();
        stream.push(&length.to_be_bytes());
        assert_eq!(stream.take().is_err(), told, "{length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_comes_the_answer_is_one(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Some(reply) = ask(&bytes) {
            prop_assert!(reply.bytes.len() <= REPLY_BYTES_MAX);
            prop_assert_eq!(&reply.bytes[..2], &bytes[..2]);
            let answer = read(&reply.bytes);
            prop_assert!(answer.flags & 0x8000 != 0);
        }
    }

    /// One byte changed, so that what is deep inside is reached.
    #[test]
    fn a_changed_query_gives_no_other_name_away(at in 0_usize..44, byte in any::<u8>()) {
        let mut asked = with_edns(query(&labels("api.example.com"), A), 0, 0, &[]);
        let at = at % asked.len();
        asked[at] = byte;
        if let Some(reply) = ask(&asked) {
            let answer = read(&reply.bytes);
            if !answer.addresses.is_empty() {
                prop_assert!(asked[12..29].eq_ignore_ascii_case(&labels("api.example.com")));
            }
        }
    }
}
