//! Peers and name services that are no good: a program is told soon, and what is granted beside
//! them goes on.

use super::stand::{End, Session, Stand, grant};
use crate::harness::brig;
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::thread;

/// How curl ends.
#[derive(Clone, Copy, Debug)]
enum Ends {
    /// Well, with these words.
    Says(&'static str),
    /// With a failure, before its patience does.
    Fails,
    /// With its patience: nobody has said that there will be no answer.
    Waits,
}

use Ends::{Fails, Says, Waits};

impl Ends {
    fn is(self, end: &End) -> bool {
        match self {
            Says(words) => end.code == json!(0) && end.out.contains(words),
            Fails => end.code != json!(0) && end.code != json!(PATIENCE_ENDS),
            Waits => end.code == json!(PATIENCE_ENDS),
        }
    }
}

/// curl's code for a time that has passed.
const PATIENCE_ENDS: i32 = 28;

/// One peer, asked by curl with so many seconds of patience.
#[derive(Clone, Copy)]
struct Case {
    host: &'static str,
    scheme: &'static str,
    patience: u64,
    bare: Ends,
    walled: Ends,
    /// Whether it is brig that ends it, and tells whose fault that is.
    is_told: bool,
}

const fn case(
    (scheme, host): (&'static str, &'static str),
    patience: u64,
    bare: Ends,
    walled: Ends,
) -> Case {
    Case {
        host,
        scheme,
        patience,
        bare,
        walled,
        is_told: false,
    }
}

/// One that brig tells of.
const fn told(case: Case) -> Case {
    Case {
        is_told: true,
        ..case
    }
}

/// The same bare and in a cell.
const fn like_bare(
    (scheme, host): (&'static str, &'static str),
    patience: u64,
    ends: Ends,
) -> Case {
    case((scheme, host), patience, ends, ends)
}

const HELLO: Ends = Says("hello");

/// `tests/peers/egress/zone.py` and `streams.py` say what each name is.
const CASES: &[Case] = &[
    // Upstreams.
    told(like_bare(("http", "down"), 3, Fails)),
    told(like_bare(("https", "down"), 3, Fails)),
    like_bare(("http", "reset"), 3, Fails),
    like_bare(("https", "reset"), 3, Fails),
    like_bare(("http", "broken"), 3, Fails),
    like_bare(("http", "hangup"), 3, Fails),
    like_bare(("https", "hangup"), 3, Fails),
    like_bare(("https", "plain"), 3, Fails),
    like_bare(("http", "stall"), 3, Waits),
    like_bare(("https", "stall"), 3, Waits),
    like_bare(("http", "drip"), 8, Says("....................")),
    told(case(("http", "void"), 40, Waits, Fails)),
    // Name services.
    told(like_bare(("http", "servfail"), 3, Fails)),
    told(like_bare(("http", "refused"), 3, Fails)),
    told(like_bare(("http", "absent"), 3, Fails)),
    told(like_bare(("http", "empty"), 3, Fails)),
    told(like_bare(("http", "mute"), 12, Fails)),
    told(like_bare(("http", "forged"), 12, Fails)),
    told(like_bare(("http", "garbage"), 12, Fails)),
    like_bare(("http", "slow-name"), 12, HELLO),
    like_bare(("http", "alias"), 3, HELLO),
    like_bare(("http", "large"), 3, HELLO),
    like_bare(("https", "one.wild"), 3, HELLO),
    like_bare(("https", "another.one.wild"), 3, Fails),
    // Lies: what a name leads to is this host's own, or a network's behind it.
    told(case(("http", "loopback"), 3, HELLO, Fails)),
    told(case(("http", "embedded"), 3, HELLO, Fails)),
    told(case(("http", "translated"), 3, HELLO, Fails)),
    told(like_bare(("http", "private"), 3, Fails)),
    told(case(("http", "metadata"), 3, HELLO, Fails)),
    like_bare(("http", "mixed"), 3, HELLO),
    // Nobody granted it.
    told(case(("http", "v4"), 3, HELLO, Fails)),
];

const NOT_GRANTED: &str = "v4";
/// Names with this are granted together.
const WILD: &str = ".wild";

/// Cases at once: most of them wait.
const AT_ONCE: usize = 4;

fn asks(session: &mut Session, case: &Case, patience: u64) -> End {
    let path = if case.host == "drip" { "" } else { "hello" };
    let words = format!(
        "curl -sS --max-time {patience} --cacert {{ca}} {}://{{host}}/{path}",
        case.scheme
    );
    session.says(case.host, &words, patience + 5)
}

fn tried(stand: &Stand, network: &str, cases: &[&Case]) -> String {
    let mut bare = stand.bare();
    let mut walled = stand.walled(brig(), network);
    let mut faults = String::new();
    for case in cases {
        // Nobody needs to see it wait for all that time.
        let patience = case.patience.min(12);
        let of_bare = thread::scope(|scope| {
            let of_bare = scope.spawn(|| asks(&mut bare, case, patience));
            let of_walled = asks(&mut walled, case, case.patience);
            if !case.walled.is(&of_walled) {
                let Case { scheme, host, .. } = case;
                let _ = writeln!(faults, "{scheme} {host}: {:?}, {of_walled:?}", case.walled);
            }
            of_bare.join().unwrap()
        });
        if !case.bare.is(&of_bare) {
            let Case { scheme, host, .. } = case;
            let _ = writeln!(faults, "bare {scheme} {host}: {:?}, {of_bare:?}", case.bare);
        }
    }
    let after = walled.says("both", "curl -sS http://{host}/hello", 5);
    if !HELLO.is(&after) {
        let _ = writeln!(faults, "afterwards: {after:?}");
    }
    bare.end();
    let log = walled.end();
    for Case { host, .. } in cases.iter().filter(|case| case.is_told) {
        let name = format!("{host}.stand.test");
        let is_told = log.lines().any(|line| line.contains(&name));
        if !is_told {
            let _ = writeln!(faults, "nothing of {name} in: {log}");
        }
    }
    faults
}

#[test]
fn what_is_no_good_is_told_and_the_rest_goes_on() {
    let stand = Stand::shared();
    let asked: BTreeSet<&str> = CASES
        .iter()
        .map(|case| case.host)
        .filter(|host| *host != NOT_GRANTED && !host.contains(WILD))
        .chain(["both"])
        .collect();
    let mut network: String = asked
        .iter()
        .map(|host| grant(host, &[80], "http") + &grant(host, &[443], "tls"))
        .collect();
    network += &grant("*.wild", &[443], "tls");
    let mut faults = String::new();
    thread::scope(|scope| {
        let threads = (0..AT_ONCE).map(|at| {
            let cases: Vec<&Case> = CASES.iter().skip(at).step_by(AT_ONCE).collect();
            let network = &network;
            scope.spawn(move || tried(stand, network, &cases))
        });
        for thread in threads.collect::<Vec<_>>() {
            faults += &thread.join().unwrap();
        }
    });
    assert!(faults.is_empty(), "\n{faults}");
}
