//! ClientHellos, as clients and attackers write them.

use super::wire::{alpn, hello, message, named, records, sni};
use super::{API, egress, permitted};
use brig_sandbox::egress::hello::{
    Asked, HELLO_BYTES_MAX, Hello, Progress, Reader, Second, Unread, WIRE_BYTES_MAX, Watched, judge,
};
use proptest::prelude::*;

const NAME: &str = "api.example.com";

/// What a stream comes to, given in pieces of at most so many bytes.
fn pushed(stream: &[u8], most: usize) -> Result<Progress, Unread> {
    let mut reader = Reader::default();
    for part in stream.chunks(most) {
        match reader.push(part) {
            Ok(Progress::More) => {}
            whole => return whole,
        }
    }
    Ok(Progress::More)
}

/// The same wherever the stream is cut and however it lies in records.
#[track_caller]
fn read(message: &[u8]) -> Result<Hello, Unread> {
    let said = |record: usize, piece: usize| {
        let stream = records(message, record);
        match pushed(&stream, piece)? {
            Progress::Whole { hello, wire_bytes } => {
                assert_eq!(wire_bytes, stream.len());
                Ok(hello)
            }
            Progress::More => panic!("it is not whole"),
        }
    };
    let whole = said(1 << 14, usize::MAX);
    for record in [1, 4, 5, 100] {
        for piece in [1, 3, usize::MAX] {
            assert_eq!(said(record, piece), whole, "{record} {piece}");
        }
    }
    whole
}

#[track_caller]
fn whole(extensions: &[(u16, Vec<u8>)]) -> Hello {
    read(&hello(extensions)).unwrap()
}

fn grease(number: u16) -> (u16, Vec<u8>) {
    (number, vec![0])
}

#[test]
fn a_hello_says_whom_it_asks_for() {
    let hello = whole(&[
        grease(0x0a0a),
        named("Api.Example.com"),
        alpn(&["h2", "http/1.1"]),
        (0xff01, vec![0]),
        grease(0xfafa),
    ]);
    let offered = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let want = Hello {
        asked: Asked::Name("Api.Example.com".to_owned()),
        is_hidden: false,
        is_early: false,
        alpn: offered,
    };
    assert_eq!(hello, want);
    assert_eq!(whole(&[]).asked, Asked::Nobody);
    for kind in [0xfe0d, 0xfe08, 0xfd00, 0xff02, 0xff03, 0xffce] {
        assert!(
            whole(&[named(NAME), (kind, vec![1, 2, 3])]).is_hidden,
            "{kind:x}"
        );
    }
    assert!(!whole(&[named(NAME), grease(0xaaaa)]).is_hidden);
}

#[test]
fn a_hello_of_old_has_no_extensions() {
    let mut body = vec![3, 1];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    let read = read(&message(1, &body)).unwrap();
    assert_eq!((read.asked, read.alpn.len()), (Asked::Nobody, 0));
}

#[track_caller]
fn check_unread(message: &[u8], want: Unread) {
    assert_eq!(read(message), Err(want), "{message:?}");
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let of = |extension| hello(&[extension]);
    // Two names, in one list or in two; another kind of name; none.
    check_unread(
        &of(sni(&[(0, b"a.example"), (0, b"b.example")])),
        Unread::Names,
    );
    check_unread(
        &of(sni(&[(1, b"a.example"), (0, b"b.example")])),
        Unread::Names,
    );
    check_unread(&of(sni(&[(1, b"a.example")])), Unread::Names);
    check_unread(&hello(&[named(NAME), named(NAME)]), Unread::Names);
    check_unread(
        &hello(&[named(NAME), (5, vec![]), (5, vec![])]),
        Unread::Malformed,
    );
    check_unread(&of((0, vec![])), Unread::Malformed);
    check_unread(&of((0, vec![0, 0])), Unread::Malformed);
    check_unread(&of(sni(&[])), Unread::Malformed);
    // A list within a longer extension, and one that is longer than it.
    let (kind, mut value) = named(NAME);
    value.push(0);
    check_unread(&of((kind, value)), Unread::Malformed);
    let (kind, mut value) = named(NAME);
    value.pop();
    check_unread(&of((kind, value)), Unread::Malformed);
    for address in ["10.0.0.1", "1.1.1.1", "::1", "2001:db8::1", "[::1]"] {
        check_unread(&of(named(address)), Unread::Address);
    }
    let names: &[&[u8]] = &[
        b"",
        b"api.example.com.",
        b"api..example.com",
        b".example.com",
        b"api.example.com\0",
        b"evil\0.example.com",
        b"api.example.com/",
        b"a b",
        b"*.example.com",
        b"\xff",
        b"a@b",
        "ápi.example.com".as_bytes(),
        &[b'a'; 254],
    ];
    for name in names {
        check_unread(&of(sni(&[(0, name)])), Unread::NoName);
    }
    check_unread(&of((16, vec![0, 0])), Unread::Malformed);
    check_unread(&of((16, vec![0, 1, 0])), Unread::Malformed);
    check_unread(&of((16, vec![0, 2, 2, b'h'])), Unread::Malformed);
}

#[test]
fn lengths_fit_to_the_byte() {
    let good = hello(&[named(NAME)]);
    let body = &good[4..];
    check_unread(&message(1, &[body, &[0]].concat()), Unread::Malformed);
    check_unread(&message(1, &body[..body.len() - 1]), Unread::Malformed);
    check_unread(&message(1, &[]), Unread::Malformed);
    check_unread(&message(2, body), Unread::NotClientHello);
    // The version, the session's length, the suites' length, the compressions' length.
    for (at, byte) in [(0, 2), (34, 33), (68, 3), (68, 0), (73, 0)] {
        let mut body = body.to_vec();
        body[at] = byte;
        assert!(read(&message(1, &body)).is_err(), "{at}");
    }
    assert!(read(&good).is_ok());
}

#[test]
fn a_stream_that_is_no_tls_is_told_at_once() {
    let streams: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\n",
        b"SSH-2.0-x",
        b"\x80\x2e\x01\x03\x01",
        b"\x15\x03\x01",
        b"\x17",
        b"\x16\x02",
        b"\x16\x04\x01\x00\x05",
    ];
    for stream in streams {
        for most in [1, 2, usize::MAX] {
            assert_eq!(pushed(stream, most), Err(Unread::NotTls), "{stream:?}");
        }
    }
    assert_eq!(pushed(&[22, 3, 1, 0, 0], 1), Err(Unread::Malformed));
    assert_eq!(pushed(&[22, 3, 1, 0x40, 1], 1), Err(Unread::Malformed));
    assert_eq!(pushed(&[22, 3, 9, 0x40, 0], 1), Ok(Progress::More));
}

#[test]
fn nothing_of_the_handshake_stands_behind_it() {
    let good = hello(&[named(NAME)]);
    let twice = [&good[..], &good].concat();
    assert_eq!(
        pushed(&records(&twice, 1 << 14), usize::MAX),
        Err(Unread::More)
    );
    assert_eq!(pushed(&records(&twice, 1 << 14), 1), Err(Unread::More));
    // Other records may follow: early data, and the change of ciphers that TLS 1.3 pretends.
    let early = [
        &records(&good, 1 << 14)[..],
        &[20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 1, 9],
    ]
    .concat();
    assert!(matches!(
        pushed(&early, usize::MAX),
        Ok(Progress::Whole { .. })
    ));
}

#[test]
fn a_hello_has_its_bounds() {
    let padded = |bytes: usize| {
        let empty = hello(&[named(NAME), (21, vec![])]).len() - 4;
        hello(&[named(NAME), (21, vec![0; bytes - empty])])
    };
    assert!(read(&padded(5000)).is_ok());
    let most = records(&padded(HELLO_BYTES_MAX), 1 << 13);
    assert!(matches!(pushed(&most, 1000), Ok(Progress::Whole { .. })));
    let more = records(&padded(HELLO_BYTES_MAX + 1), 1 << 13);
    assert_eq!(pushed(&more, 1000), Err(Unread::TooLong));
    // Each byte in a record of its own: it is told before all is kept.
    let scattered = records(&padded(8000), 1);
    assert!(scattered.len() > WIRE_BYTES_MAX);
    assert_eq!(pushed(&scattered, 1000), Err(Unread::TooLong));
    // A length that is never kept to.
    assert_eq!(
        pushed(&[22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff], 1),
        Err(Unread::TooLong)
    );
}

#[test]
fn an_error_stays() {
    let mut reader = Reader::default();
    assert_eq!(reader.push(b"GET"), Err(Unread::NotTls));
    assert_eq!(
        reader.push(&records(&hello(&[named(NAME)]), 99)),
        Err(Unread::NotTls)
    );
}

/// What is said of a hello, with the line that would let it pass.
fn told(grant: &str, at: &str, extensions: &[(u16, Vec<u8>)]) -> String {
    let egress = egress(&[grant]);
    match judge(&permitted(&egress, at), &whole(extensions)) {
        Ok(()) => "passes".to_owned(),
        Err(refusal) => format!("{refusal} | {}", refusal.line().unwrap_or_default()),
    }
}

#[test]
fn a_hello_asks_for_the_name_that_was_dialled() {
    let at = "100.64.0.1:443";
    let told = |extensions: &[_]| told(API, at, extensions);
    assert_eq!(told(&[named(NAME)]), "passes");
    assert_eq!(told(&[named("API.EXAMPLE.COM")]), "passes");
    let begins = "pass on a TLS handshake to api.example.com: it";
    let line = "[[network]] host = \"evil.test\", ports = [443]";
    let other = format!("{begins} asks for `evil.test` | {line}");
    assert_eq!(told(&[named("evil.test")]), other);
    let none = format!("{begins} asks for no name | protocol = \"tcp\"");
    assert_eq!(told(&[]), none);
    let ech = (0xfe0d, vec![0; 40]);
    let hidden = format!("{begins} may hide the name that it asks for (ECH) | ech = \"allow\"");
    assert_eq!(told(&[named(NAME), ech]), hidden);
    for name in [
        "example.com",
        "x.api.example.com",
        "api.example.co",
        "api_example.com",
    ] {
        assert!(told(&[named(name)]).contains("it asks for `"), "{name}");
    }
}

#[test]
fn a_name_may_be_hidden_where_the_grant_says_so() {
    let grant = format!("{API}\nech = \"allow\"");
    let told = |extensions: &[_]| told(&grant, "100.64.0.1:443", extensions);
    assert_eq!(
        told(&[named("outer.example"), (0xfe0d, vec![0; 40])]),
        "passes"
    );
    assert!(told(&[named("outer.example")]).contains("asks for `outer.example`"));
}

#[test]
fn an_address_is_dialled_without_a_name() {
    let address = "host = \"10.1.2.3\"\nports = [443]";
    assert_eq!(told(address, "10.1.2.3:443", &[]), "passes");
    let named_other = told(address, "10.1.2.3:443", &[named("a.example")]);
    assert!(
        named_other.contains("to 10.1.2.3: it asks for `a.example`"),
        "{named_other}"
    );
    let here = "host = \"localhost\"\nports = [443]";
    assert_eq!(told(here, "127.0.0.1:443", &[]), "passes");
    assert_eq!(told(here, "127.0.0.1:443", &[named("localhost")]), "passes");
    assert!(told(here, "[::1]:443", &[named("a.example")]).contains("asks for"));
}

#[test]
fn data_do_not_go_before_the_answer() {
    let early = told(API, "100.64.0.1:443", &[named(NAME), (42, vec![])]);
    assert_eq!(
        early,
        "pass on a TLS handshake to api.example.com: data follow before it is answered (0-RTT) | \
         protocol = \"tcp\""
    );
}

/// What a stream behind a first ClientHello comes to, the same wherever it is cut.
#[track_caller]
fn second(stream: &[u8]) -> Result<Watched, Unread> {
    let watched = |most: usize| {
        let mut second = Second::default();
        for part in stream.chunks(most) {
            match second.push(part) {
                Ok(Watched::More) => {}
                other => return other,
            }
        }
        Ok(Watched::More)
    };
    let whole = watched(usize::MAX);
    for most in [1, 2, 5, 6, 9] {
        assert_eq!(watched(most), whole, "{most}");
    }
    whole
}

#[test]
fn a_second_hello_is_found_and_nothing_else_is_waited_for() {
    const CHANGE: &[u8] = &[20, 3, 3, 0, 1, 1];
    const WARNING: &[u8] = &[21, 3, 3, 0, 2, 1, 90];
    let other = hello(&[named("evil.test")]);
    for record in [1, 3, 4, 5, 1 << 14] {
        for before in [&[][..], CHANGE, &[WARNING, CHANGE, WARNING].concat()] {
            let stream = [before, &records(&other, record)].concat();
            let Ok(Watched::Hello(found)) = second(&stream) else {
                panic!("{record} {before:?}");
            };
            assert_eq!(found.asked, Asked::Name("evil.test".to_owned()));
        }
    }
    assert_eq!(second(&[]), Ok(Watched::More));
    assert_eq!(second(CHANGE), Ok(Watched::More));
    assert_eq!(second(&records(&other, 99)[..90]), Ok(Watched::More));
    assert_eq!(second(WARNING), Ok(Watched::More));
    // Keys of TLS 1.2, encrypted data and alerts, and the encrypted end of a resumed handshake.
    let ends: &[&[u8]] = &[
        &[22, 3, 3, 0, 70, 16],
        &[22, 3, 3, 0, 70, 11],
        &[23, 3, 3, 0, 19, 1],
        &[21, 3, 3, 0, 19, 1],
        &[22, 3, 3, 0, 40, 1, 0x7f, 0, 0],
    ];
    for end in ends {
        assert_eq!(second(end), Ok(Watched::Over), "{end:?}");
        assert_eq!(
            second(&[CHANGE, end].concat()),
            Ok(Watched::Over),
            "{end:?}"
        );
    }
    let refused: &[(&[u8], Unread)] = &[
        (&[22, 3, 3, 0, 40, 1, 0, 0x80, 0], Unread::TooLong),
        (&[22, 3, 3, 0, 0, 22, 3, 3, 0, 9, 1], Unread::Malformed),
        (&[23, 3, 3, 0, 0, 22], Unread::Malformed),
        (b"GET / HTTP/1.1", Unread::NotTls),
        (&[24, 3, 3, 0, 3], Unread::NotTls),
        (&[22, 2, 3, 0, 3], Unread::NotTls),
        (&[20, 3, 3, 0, 2, 1], Unread::Malformed),
    ];
    for (stream, error) in refused {
        assert_eq!(second(stream), Err(*error), "{stream:?}");
    }
    let two = hello(&[named(NAME), named("evil.test")]);
    assert_eq!(second(&records(&two, 7)), Err(Unread::Names));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// One byte changed anywhere: the same wherever it is cut, and no other name passes.
    #[test]
    fn a_changed_hello_passes_for_no_other_name(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        most in 1_usize..90,
    ) {
        let mut stream = records(&hello(&[named(NAME), alpn(&["h2"]), (43, vec![2, 3, 4])]), 60);
        let at = at.index(stream.len());
        stream[at] = byte;
        let whole = pushed(&stream, usize::MAX);
        prop_assert_eq!(&pushed(&stream, most), &whole);
        let egress = egress(&[API]);
        if let Ok(Progress::Whole { hello, .. }) = whole
            && judge(&permitted(&egress, "100.64.0.1:443"), &hello).is_ok()
        {
            let Asked::Name(asked) = hello.asked else {
                return Err(TestCaseError::fail("it asks for nobody"));
            };
            prop_assert!(asked.eq_ignore_ascii_case(NAME));
        }
    }

    #[test]
    fn noise_is_read_the_same_wherever_it_is_cut(
        noise in proptest::collection::vec(any::<u8>(), 0..300),
        most in 1_usize..50,
    ) {
        let stream = records(&message(1, &noise), 64);
        prop_assert_eq!(pushed(&stream, most), pushed(&stream, usize::MAX));
        prop_assert_eq!(pushed(&noise, most), pushed(&noise, usize::MAX));
    }
}
