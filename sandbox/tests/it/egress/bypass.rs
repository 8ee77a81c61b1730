//! The ways around an egress filter that others have had, each against what decides here. Beside
//! each stands the honest act that it imitates, which must pass: a wall that lets nothing through
//! would prove nothing.

use super::wire::{A, AAAA, HTTPS, SRV, SVCB, TXT, hello, labels, named, query, read, records};
use super::{API, egress, permitted};
use brig_sandbox::egress::filter::{Host, judge as dialled};
use brig_sandbox::egress::hello::{self, Reader as HelloReader};
use brig_sandbox::egress::host::{self, Reader as HostReader};
use brig_sandbox::egress::permit::permit;
use brig_sandbox::egress::responder::answer;
use brig_sandbox::egress::wildcard::Wildcards;

const GRANTS: &[&str] = &[
    API,
    "host = \"api.example.com\"\nports = [80]",
    "host = \"*.example.net\"\nports = [443]",
];

/// Something that a server does or that happens to its connection.
enum Act {
    /// It connects, inside, to this.
    Connect(&'static str),
    /// It asks for records of this type of this name.
    Ask(&'static str, u16),
    /// It begins TLS with this name, and hides another or not.
    Tls(&'static str, bool),
    /// It begins HTTP with this head.
    Http(&'static str),
    /// The name that it dialled resolves to this.
    Resolve(&'static str),
}

fn passes(act: &Act) -> bool {
    let egress = egress(GRANTS);
    let mut wildcards = Wildcards::new(&egress);
    match act {
        Act::Connect(at) => permit(&egress, &wildcards, at.parse().unwrap()).is_ok(),
        Act::Ask(name, kind) => {
            let reply = answer(&query(&labels(name), *kind), &egress, &mut wildcards, 0);
            !read(&reply.unwrap().bytes).addresses.is_empty()
        }
        Act::Tls(name, hides) => {
            let mut extensions = vec![named(name)];
            extensions.extend(hides.then(|| (0xfe0d, vec![0; 64])));
            let stream = records(&hello(&extensions), 1 << 14);
            let permit = permitted(&egress, "100.64.0.1:443");
            match HelloReader::default().push(&stream) {
                Ok(hello::Progress::Whole { hello, .. }) => hello::judge(&permit, &hello).is_ok(),
                Ok(hello::Progress::More) | Err(_) => false,
            }
        }
        Act::Http(head) => {
            let permit = permitted(&egress, "100.64.0.1:80");
            match HostReader::default().push(head.as_bytes()) {
                Ok(host::Progress::Whole { request, .. }) => host::judge(&permit, &request).is_ok(),
                Ok(host::Progress::More) | Err(_) => false,
            }
        }
        Act::Resolve(address) => {
            let permit = permitted(&egress, "100.64.0.1:443");
            dialled(permit.grant(), address.parse().unwrap(), &Host::default()).is_ok()
        }
    }
}

const DIAL: Act = Act::Connect("100.64.0.1:443");
const ASK: Act = Act::Ask("api.example.com", A);
const TLS: Act = Act::Tls("api.example.com", false);
const HTTP: Act = Act::Http("GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n");
const RESOLVE: Act = Act::Resolve("1.1.1.1");
const BELOW: Act = Act::Ask("www.example.net", AAAA);

/// What it is, the honest act, and the attacks.
const BYPASSES: &[(&str, Act, &[Act])] = &[
    (
        "an IP literal",
        DIAL,
        &[
            Act::Connect("1.1.1.1:443"),
            Act::Connect("[2606:4700::1111]:443"),
            Act::Connect("[::ffff:1.1.1.1]:443"),
            Act::Connect("0.0.0.0:443"),
            Act::Connect("[::]:443"),
        ],
    ),
    (
        "another name, and another port",
        DIAL,
        &[
            Act::Connect("100.64.0.2:443"),
            Act::Connect("100.64.1.0:443"),
            Act::Connect("100.64.0.1:22"),
            Act::Connect("[fd62:7269:6700::2]:443"),
            Act::Connect("[fd62:7269:6700::1]:8443"),
        ],
    ),
    (
        "a tunnel by DNS to a server of one's own",
        ASK,
        &[
            Act::Ask("payload.tunnel.evil.test", A),
            Act::Ask("payload.tunnel.evil.test", TXT),
            Act::Connect("8.8.8.8:53"),
        ],
    ),
    (
        "a tunnel by DNS through a wildcard",
        BELOW,
        &[
            Act::Ask(
                "mzxw6ytboi5gs3djmrswc5dfonvxkytdnbqxgzlsm5xw4zlr.example.net",
                A,
            ),
            Act::Ask(
                "mzxw6ytboi5gs3djmrswc5.dfonvxkytdnbqxgzls.m5xw4zlrq2wk7p9xab.example.net",
                A,
            ),
            Act::Ask("a.b.c.d.e.f.g.example.net", A),
            Act::Ask("www.example.net", TXT),
        ],
    ),
    (
        "records that lead elsewhere",
        ASK,
        &[
            Act::Ask("api.example.com", HTTPS),
            Act::Ask("api.example.com", SVCB),
            Act::Ask("_https._tcp.api.example.com", SRV),
        ],
    ),
    (
        "the name of another tenant at a shared address",
        TLS,
        &[
            Act::Tls("other.example.com", false),
            Act::Tls("evil.test", false),
        ],
    ),
    (
        "Encrypted Client Hello",
        TLS,
        &[
            Act::Tls("api.example.com", true),
            Act::Tls("cloudflare-ech.com", true),
        ],
    ),
    (
        "fronting by Host",
        HTTP,
        &[
            Act::Http("GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n"),
            Act::Http("GET http://evil.test/ HTTP/1.1\r\nHost: api.example.com\r\n\r\n"),
            Act::Http("GET / HTTP/1.1\r\nHost: api.example.com\r\nHost: evil.test\r\n\r\n"),
            Act::Http("GET / HTTP/1.1\r\nHost: api.example.com\r\n Host: evil.test\r\n\r\n"),
            Act::Http("GET / HTTP/1.1\r\nHost:api.example.com\nHost: evil.test\r\n\r\n"),
            Act::Http("CONNECT evil.test:443 HTTP/1.1\r\nHost: api.example.com\r\n\r\n"),
            Act::Http("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ],
    ),
    (
        "readers that differ about a name",
        TLS,
        &[
            Act::Tls("evil.test\0.api.example.com", false),
            Act::Tls("api.example.com\0", false),
            Act::Tls("api.example.com.", false),
            Act::Tls("\u{430}pi.example.com", false),
            Act::Tls("u@api.example.com", false),
            Act::Tls("0x7f.1", false),
            Act::Tls("127.0.0.1", false),
            Act::Ask("api.example.com\0.evil.test", A),
            Act::Ask("evil\0.example.net", A),
            Act::Ask("0x7f.1", A),
            Act::Ask("2130706433", A),
        ],
    ),
    (
        "a name that comes to mean somebody private",
        RESOLVE,
        &[
            Act::Resolve("169.254.169.254"),
            Act::Resolve("fd00:ec2::254"),
            Act::Resolve("127.0.0.1"),
            Act::Resolve("::1"),
            Act::Resolve("0.0.0.0"),
            Act::Resolve("10.0.0.1"),
            Act::Resolve("192.168.0.1"),
            Act::Resolve("100.64.0.1"),
            Act::Resolve("fe80::1"),
            Act::Resolve("::ffff:127.0.0.1"),
            Act::Resolve("64:ff9b::7f00:1"),
            Act::Resolve("2002:7f00:1::"),
        ],
    ),
    (
        "this host and an engine's gateway",
        DIAL,
        &[
            Act::Connect("127.0.0.1:443"),
            Act::Connect("[::1]:443"),
            Act::Connect("127.0.0.53:443"),
            Act::Connect("172.17.0.1:443"),
            Act::Resolve("172.17.0.1"),
        ],
    ),
];

#[test]
fn every_way_around_is_shut_and_the_way_through_is_open() {
    for (what, honest, attacks) in BYPASSES {
        assert!(passes(honest), "{what}: the honest act");
        for (count, attack) in attacks.iter().enumerate() {
            assert!(!passes(attack), "{what}: attack {count}");
        }
    }
}
