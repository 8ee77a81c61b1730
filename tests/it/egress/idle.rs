//! Streams on which nobody says anything for a long time.

use super::stand::{Stand, every_service};
use crate::harness::{brig, durations};
use serde_json::json;
use std::thread;

/// A client, and what it prints once the silence is over; `{seconds}` is how long that is.
const STREAMS: &[(&str, &str)] = &[
    (
        "{python} {clients}/peers.py web-socket {host} {ca} {seconds}",
        "['one', 200000, 'wait {seconds}', 'last']\n",
    ),
    (
        "{python} {clients}/peers.py events {host} {ca} {seconds}",
        "['data: first', 'data: last']\n",
    ),
    (
        "{python} {clients}/peers.py silence {host} - {seconds}",
        "('after {seconds}\\n', 'after 0\\n')\n",
    ),
    (
        "node {clients}/peers.mjs ws {host} {ca} {modules} {seconds}",
        "[\"one\",200000,\"wait {seconds}\",\"last\"]\n",
    ),
];

#[test]
fn silent_streams_live() {
    let stand = Stand::shared();
    let seconds = durations::pick(durations::SILENCE_SECONDS);
    thread::scope(|scope| {
        for (words, says) in STREAMS {
            scope.spawn(move || {
                let [words, says] =
                    [words, says].map(|text| text.replace("{seconds}", &seconds.to_string()));
                let mut session = stand.walled(brig(), &every_service("both"));
                let end = session.says("both", &words, seconds + 20);
                assert_eq!(
                    (&end.code, &end.out),
                    (&json!(0), &says),
                    "{words}: {end:?}"
                );
                assert!(end.seconds >= f64::from(u32::try_from(seconds).unwrap()));
                session.end();
            });
        }
    });
}
