//! Heads of HTTP requests, as clients and attackers write them.

use super::{API, egress, permitted};
use brig_sandbox::egress::host::{
    Content, HEAD_BYTES_MAX, LINES_MAX, Progress, Reader, Refused, Request, Requests, Unread, judge,
};
use proptest::prelude::*;

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

/// The same wherever the stream is cut.
#[track_caller]
fn read(head: &str) -> Result<Request, Unread> {
    let whole = pushed(head.as_bytes(), usize::MAX);
    for most in [1, 2, 3, 7] {
        assert_eq!(pushed(head.as_bytes(), most), whole, "{most}");
    }
    match whole? {
        Progress::Whole {
            request,
            head_bytes,
        } => {
            let end = head.find("\r\n\r\n").unwrap() + 4;
            assert_eq!(head_bytes, end);
            Ok(request)
        }
        Progress::More => panic!("{head:?} is not whole"),
    }
}

const GET: &str = "GET / HTTP/1.1\r\n";

#[track_caller]
fn check(fields: &str, host: &str, port: Option<u16>, content: Content) {
    let host = host.to_owned();
    let want = Request {
        host,
        port,
        content,
        offers_http2: false,
    };
    assert_eq!(
        read(&format!("{GET}{fields}\r\n\r\n")),
        Ok(want),
        "{fields}"
    );
}

#[test]
fn a_head_says_whom_it_asks_for_and_what_follows() {
    let none = Content::Bytes(0);
    check("Host: api.example.com", "api.example.com", None, none);
    check(
        "hOsT:\t API.example.com:80 \t",
        "API.example.com",
        Some(80),
        none,
    );
    check("Host: 10.0.0.1:8080", "10.0.0.1", Some(8080), none);
    check("Host: [2001:db8::1]:80", "[2001:db8::1]", Some(80), none);
    check("Host: [::1]", "[::1]", None, none);
    check(
        "X: a\tb\r\nHost: a\r\nContent-Length: 12",
        "a",
        None,
        Content::Bytes(12),
    );
    check(
        "Host: a\r\nTransfer-Encoding: Chunked",
        "a",
        None,
        Content::Chunks,
    );
    check(
        "Host: a\r\nUpgrade: WebSocket",
        "a",
        None,
        Content::WebSocket,
    );
    for first in [
        "GET http://a/x HTTP/1.1",
        "GET HTTP://A:80?x HTTP/1.1",
        "OPTIONS * HTTP/1.0",
    ] {
        let head = format!("{first}\r\nHost: a\r\n\r\nGET");
        assert_eq!(
            read(&head).map(|request| request.host),
            Ok("a".to_owned()),
            "{first}"
        );
    }
    // Words that are no UTF-8 are some program's.
    let latin = [GET.as_bytes(), b"Host: a\r\nX: \xe4\r\n\r\n"].concat();
    assert!(matches!(
        pushed(&latin, usize::MAX),
        Ok(Progress::Whole { .. })
    ));
}

/// Heads that are refused, without the empty line at their end.
const REFUSED: &[(&str, Unread)] = &[
    ("", Unread::RequestLine),
    ("GET /", Unread::RequestLine),
    ("GET / HTTP/2.0", Unread::RequestLine),
    ("GET  / HTTP/1.1", Unread::RequestLine),
    ("GET / HTTP/1.1 ", Unread::RequestLine),
    ("GET /\u{e4} HTTP/1.1", Unread::RequestLine),
    ("GET a HTTP/1.1", Unread::RequestLine),
    ("GET * HTTP/1.1", Unread::RequestLine),
    ("GET https://a/ HTTP/1.1", Unread::RequestLine),
    ("GET ftp://a/ HTTP/1.1", Unread::RequestLine),
    ("G(T / HTTP/1.1", Unread::RequestLine),
    ("CONNECT a:443 HTTP/1.1", Unread::Tunnel),
    ("connect a:443 HTTP/1.1", Unread::Tunnel),
    ("GET http:///x HTTP/1.1", Unread::NoHost),
    ("GET http://u@a/ HTTP/1.1", Unread::BadHost),
    ("GET / HTTP/1.1", Unread::NoHost),
    ("GET / HTTP/1.0", Unread::NoHost),
    ("GET / HTTP/1.1\r\nHost:", Unread::NoHost),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: a", Unread::Hosts),
    ("GET / HTTP/1.1\r\nHost: a\r\nhost: b", Unread::Hosts),
    ("GET http://b/ HTTP/1.1\r\nHost: a", Unread::Hosts),
    ("GET http://a:81/ HTTP/1.1\r\nHost: a", Unread::Hosts),
    ("GET / HTTP/1.1\r\nHost: a, b", Unread::BadHost),
    ("GET / HTTP/1.1\r\nHost: a b", Unread::BadHost),
    ("GET / HTTP/1.1\r\nHost: a.", Unread::BadHost),
    ("GET / HTTP/1.1\r\nHost: u@a", Unread::BadHost),
    ("GET / HTTP/1.1\r\nHost: a/b", Unread::BadHost),
    ("GET / HTTP/1.1\r\nHost: a:", Unread::BadHost),
    ("GET / HTTP/1.1\r\nHost: a:+80", Unread::BadHost),
    ("GET / HTTP/1.1\r\nHost: a:080", Unread::BadHost),
    ("GET / HTTP/1.1\r\nHost: a:0", Unread::BadHost),
    ("GET / HTTP/1.1\r\nHost: a:65536", Unread::BadHost),
    ("GET / HTTP/1.1\r\nHost: a:80:80", Unread::BadHost),
    ("GET / HTTP/1.1\r\nHost: [a]", Unread::BadHost),
    ("GET / HTTP/1.1\r\nHost: ::1", Unread::BadHost),
    ("GET / HTTP/1.1\r\nHost: \u{e4}.example", Unread::BadHost),
    ("GET / HTTP/1.1\r\n Host: a", Unread::Folded),
    ("GET / HTTP/1.1\r\nX: a\r\n\tb\r\nHost: a", Unread::Folded),
    ("GET / HTTP/1.1\r\nHost : a", Unread::Line),
    ("GET / HTTP/1.1\r\nHost\r\nHost: a", Unread::Line),
    ("GET / HTTP/1.1\r\n: x\r\nHost: a", Unread::Line),
    ("GET / HTTP/1.1\nHost: b\r\nHost: a", Unread::Line),
    ("GET / HTTP/1.1\r\nX: a\nHost: b\r\nHost: a", Unread::Line),
    ("GET / HTTP/1.1\r\nX: a\rHost: b\r\nHost: a", Unread::Line),
    ("GET / HTTP/1.1\r\nHost: a\0", Unread::Line),
    ("GET / HTTP/1.1\r\nHost: evil\0.a", Unread::Line),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1",
        Unread::Length,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1",
        Unread::Length,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1",
        Unread::Length,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length:",
        Unread::Length,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999",
        Unread::Length,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
        Unread::Length,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked",
        Unread::Length,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked",
        Unread::Length,
    ),
    (
        "GET / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked",
        Unread::Length,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nUpgrade: websocket",
        Unread::Length,
    ),
    ("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h3", Unread::Upgrade),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nUpgrade: h2c",
        Unread::Upgrade,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket, h2c",
        Unread::Upgrade,
    ),
    (
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nContent-Length: 5",
        Unread::Length,
    ),
    ("PRI * HTTP/2.0", Unread::Http2),
];

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    for (head, want) in REFUSED {
        assert_eq!(read(&format!("{head}\r\n\r\n")), Err(*want), "{head:?}");
    }
}

#[test]
fn a_head_has_its_bounds() {
    let head = |bytes: usize| {
        let empty = format!("{GET}Host: a\r\nX: \r\n\r\n").len();
        format!("{GET}Host: a\r\nX: {}\r\n\r\n", "x".repeat(bytes - empty))
    };
    let whole = |head: &str| pushed(head.as_bytes(), 1000);
    assert!(matches!(
        whole(&head(HEAD_BYTES_MAX)),
        Ok(Progress::Whole { .. })
    ));
    assert_eq!(whole(&head(HEAD_BYTES_MAX + 1)), Err(Unread::TooLong));
    assert_eq!(
        pushed(&vec![b'x'; 100_000], usize::MAX),
        Err(Unread::TooLong)
    );
    let lines = |count: usize| format!("{GET}Host: a\r\n{}\r\n", "X: y\r\n".repeat(count));
    assert!(matches!(
        whole(&lines(LINES_MAX - 2)),
        Ok(Progress::Whole { .. })
    ));
    assert_eq!(whole(&lines(LINES_MAX - 1)), Err(Unread::TooLong));
}

/// What is said of a request, with the line that would let it pass.
fn told(grant: &str, at: &str, host: &str) -> String {
    let egress = egress(&[grant]);
    let request = read(&format!("{GET}Host: {host}\r\n\r\n")).unwrap();
    match judge(&permitted(&egress, at), &request) {
        Ok(()) => "passes".to_owned(),
        Err(refusal) => format!("{refusal} | {}", refusal.line().unwrap_or_default()),
    }
}

#[test]
fn a_request_asks_for_the_host_that_was_dialled() {
    let grant = "host = \"api.example.com\"\nports = [80, 8080]\nprotocol = \"http\"";
    let at = |port: u16| format!("100.64.0.1:{port}");
    for (port, host) in [
        (80, "api.example.com"),
        (80, "API.example.com:80"),
        (8080, "api.example.com:8080"),
    ] {
        assert_eq!(told(grant, &at(port), host), "passes");
    }
    for (port, host) in [
        (80, "api.example.com:8080"),
        (8080, "api.example.com"),
        (80, "evil.test"),
        (80, "x.api.example.com"),
        (80, "100.64.0.1"),
        (80, "localhost"),
    ] {
        let told = told(grant, &at(port), host);
        let want = format!("pass on an HTTP request to api.example.com: it asks for `{host}` | ");
        assert!(told.starts_with(&want), "{told}");
    }
    let line = "[[network]] host = \"evil.test\", ports = [80]";
    assert!(told(grant, &at(80), "EVIL.test:443").ends_with(line));
}

#[test]
fn an_address_is_asked_for_as_itself() {
    let rows = [
        ("10.1.2.3", "10.1.2.3:80", "10.1.2.3", true),
        ("10.1.2.3", "10.1.2.3:80", "10.1.2.4", false),
        ("10.1.2.3", "10.1.2.3:80", "a.example", false),
        ("10.1.2.3", "10.1.2.3:80", "010.1.2.3", false),
        (
            "2001:db8::1",
            "[2001:db8::1]:80",
            "[2001:db8:0::1]:80",
            true,
        ),
        ("2001:db8::1", "[2001:db8::1]:80", "[2001:db8::2]", false),
        ("localhost", "127.0.0.1:80", "localhost", true),
        ("localhost", "127.0.0.1:80", "127.0.0.1", true),
        ("localhost", "[::1]:80", "[::1]", true),
        ("localhost", "127.0.0.1:80", "a.example", false),
        ("localhost", "127.0.0.1:80", "10.0.0.1", false),
    ];
    for (granted, at, host, passes) in rows {
        let grant = format!("host = \"{granted}\"\nports = [80]");
        assert_eq!(
            told(&grant, at, host) == "passes",
            passes,
            "{granted} {host}"
        );
    }
}

/// What of a stream passes, and what ends it: the same wherever it is cut. Of a piece in which
/// something is refused more may pass when it is cut finer.
#[track_caller]
fn followed(stream: &str) -> (String, Result<(), String>) {
    let egress = egress(&["host = \"a.example\"\nports = [80]"]);
    let permit = permitted(&egress, "100.64.0.1:80");
    let follow = |most: usize| {
        let (mut requests, mut passed) = (Requests::default(), Vec::new());
        let mut parts = stream.as_bytes().chunks(most);
        let end: Result<(), Refused> =
            parts.try_for_each(|part| requests.push(&permit, part, &mut passed));
        if let Err(refused) = &end {
            let again = requests.push(&permit, b"GET", &mut passed);
            assert_eq!(again.as_ref(), Err(refused), "an error stays");
        }
        (passed, end.map_err(|refused| refused.to_string()))
    };
    let (passed, end) = follow(1);
    for most in [2, 3, 7, 50, usize::MAX] {
        let coarse = follow(most);
        assert_eq!(coarse.1, end, "{most}");
        assert!(stream.as_bytes().starts_with(&coarse.0), "{most}");
        assert!(coarse.0 == passed || end.is_err(), "{most}");
    }
    (String::from_utf8(passed).unwrap(), end)
}

const ONE: &str = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n";
const CHUNKS: &str =
    "5;x=y\r\nhello\r\n1D\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n..\r\n0\r\nX: 1\r\n\r\n";
const SOCKET: &str = "GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n\r\n";
const OTHER: &str = "GET / HTTP/1.1\r\nHost: b.example\r\n\r\n";

#[test]
fn each_request_of_a_connection_is_judged() {
    let chunked = [CHUNKED, CHUNKS].concat();
    for good in [
        ONE.to_owned(),
        [ONE, POST, &chunked, ONE, &chunked, POST, ONE].concat(),
        [POST, "GET / HT"].concat(),
    ] {
        let (passed, end) = followed(&good);
        let kept = good.strip_suffix("GET / HT").unwrap_or(&good);
        assert_eq!((passed.as_str(), end), (kept, Ok(())));
    }
    let refused = "pass on an HTTP request to a.example: it asks for `b.example`".to_owned();
    for good in [ONE, POST, &chunked] {
        let (passed, end) = followed(&[good, OTHER].concat());
        assert_eq!((passed.as_str(), end), (good, Err(refused.clone())));
    }
}

#[test]
fn what_follows_an_upgrade_is_no_request() {
    let told = "read an HTTP request: it goes on with a protocol that brig does not know";
    for odd in [OTHER, "\u{1}\u{7f}x"] {
        let (passed, end) = followed(&[SOCKET, odd].concat());
        assert_eq!((passed.as_str(), end), (SOCKET, Err(told.to_owned())));
    }
    // The second byte of this letter has the bit that says a frame is masked.
    let frames = [SOCKET, "\u{e4}", OTHER].concat();
    assert_eq!(followed(&frames), (frames.clone(), Ok(())));
}

/// As curl and Java's client make it.
#[test]
fn an_offer_of_http2_is_left_out() {
    let egress = egress(&["host = \"a.example\"\nports = [80]"]);
    let permit = permitted(&egress, "100.64.0.1:80");
    let first = "POST /upgrade:h2c HTTP/1.1\r\nHost: a.example\r\n";
    let rest = "Connection: Upgrade, HTTP2-Settings\r\nContent-Length: 14\r\n\r\nUpgrade: h2c\r\n";
    let offer = "Upgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAA\r\n";
    let stream = [first, offer, rest, ONE].concat();
    for most in [1, 5, usize::MAX] {
        let (mut requests, mut passed) = (Requests::default(), Vec::new());
        for part in stream.as_bytes().chunks(most) {
            requests.push(&permit, part, &mut passed).unwrap();
        }
        let passed = String::from_utf8(passed).unwrap();
        assert_eq!(passed, [first, rest, ONE].concat(), "{most}");
    }
    // A client that takes it for granted is not believed.
    let (passed, end) = followed(&["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"].concat());
    assert!(passed.is_empty() && end.unwrap_err().contains("it is HTTP/2"));
}

#[test]
fn chunks_have_one_reading() {
    let told = "read an HTTP request: the length of its content has two readings";
    let long = format!("5;{}\r\nhello\r\n", "x".repeat(2000));
    let many = format!("0\r\n{}\r\n", "X: y\r\n".repeat(100));
    for odd in [
        "5\nhello\r\n",
        "5 \r\nhello\r\n",
        " 5\r\nhello\r\n",
        "0x5\r\nhello\r\n",
        "+5\r\nhello\r\n",
        "-1\r\n",
        "\r\n",
        ";\r\n",
        "g\r\n",
        "5\r\nhello\n",
        "5\r\nhelloX\r\n",
        "5;\0\r\nhello\r\n",
        "5;a\rb\r\nhello\r\n",
        "00000000000000005\r\nhello\r\n",
        "0\r\nX: a\n\r\n",
        &long,
        &many,
    ] {
        let (passed, end) = followed(&[CHUNKED, odd].concat());
        assert_eq!(end, Err(told.to_owned()), "{odd:?}");
        assert!(passed.starts_with(CHUNKED));
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_changed_request_passes_for_no_other_host(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        most in 1_usize..30,
    ) {
        let mut stream = b"GET http://api.example.com/x HTTP/1.1\r\nHost: api.example.com\r\n\
            Content-Length: 5\r\n\r\nhello"
            .to_vec();
        let at = at.index(stream.len());
        stream[at] = byte;
        let whole = pushed(&stream, usize::MAX);
        prop_assert_eq!(&pushed(&stream, most), &whole);
        let grant = format!("{}\nprotocol = \"http\"", API.replace("443", "80"));
        let egress = egress(&[&grant]);
        if let Ok(Progress::Whole { request, .. }) = whole
            && judge(&permitted(&egress, "100.64.0.1:80"), &request).is_ok()
        {
            prop_assert!(request.host.eq_ignore_ascii_case("api.example.com"));
        }
    }

    #[test]
    fn noise_is_read_the_same_wherever_it_is_cut(
        noise in "[ -~\r\n\t]{0,80}",
        most in 1_usize..20,
    ) {
        let head = format!("{GET}Host: a\r\n{noise}\r\n\r\n");
        let head = head.as_bytes();
        prop_assert_eq!(pushed(head, most), pushed(head, usize::MAX));
    }
}
