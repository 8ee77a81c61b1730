//! What rules cost a call: by themselves, and within a session.

use crate::manifests::places;
use brig_policies::strict::Value;
use brig_policies::{Rules, check};
use criterion::{Criterion, Throughput};
use parts::bridge::frame::Frame;
use parts::bridge::session::{Action, Event, IN_FLIGHT_MAX, Session, SessionLimits};
use std::hint::black_box;

const ARGUMENTS: &str =
    r#"{"path":"/notes/2026/11/a.md","branch":"release/1.2","limit":10,"deep":{"a":["b","c"]}}"#;

/// The call, and so many rules about it: of patterns, of paths and of numbers.
fn rules(count: usize) -> Rules {
    let mut text = "brig = 1\n[server]\nname = \"a\"\ncomponent = \"a.wasm\"\n\
                    [tools]\nallow = [\"get_*\", \"list_*\"]\n"
        .to_owned();
    let kinds = [
        "argument = \"/path\"\nwithin = \"/notes\"\n",
        "argument = \"/branch\"\nmatches = \"release/*\"\n",
        "argument = \"/limit\"\nmax = 100\n",
    ];
    for kind in kinds.iter().cycle().take(count) {
        text.push_str("[[tools.rule]]\ntool = \"get_*\"\n");
        text.push_str(kind);
    }
    Rules::new(&check(&text, &places()).expect("a manifest without a fault"))
}

fn session(rules: Rules) -> Session {
    let limits = SessionLimits {
        message_bytes_max: 16 << 20,
        in_flight_max: IN_FLIGHT_MAX,
        start_ms: 30_000,
        call_ms: 60_000,
        grace_ms: 1_500,
    };
    let mut session = Session::new(limits, rules);
    session.on(0, Event::ServerStarted, &mut Vec::new());
    session
}

/// A call and its answer; both must pass.
fn exchange(session: &mut Session, call: &[u8], reply: &[u8], out: &mut Vec<Action>) {
    out.clear();
    session.on(1, Event::FromClient(Frame::Line(call.to_vec())), out);
    session.on(1, Event::FromServer(Frame::Line(reply.to_vec())), out);
    let passed = out
        .iter()
        .filter(|action| matches!(action, Action::ToServer(_) | Action::ToClient(_)));
    assert_eq!(passed.count(), 2, "{out:?}");
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rules");
    group.throughput(Throughput::Bytes(ARGUMENTS.len() as u64));
    group.bench_function("serde_json, taken apart", |bencher| {
        bencher.iter(|| {
            let read: Result<serde_json::Value, _> = serde_json::from_str(black_box(ARGUMENTS));
            read
        });
    });
    for count in [0, 3, 30] {
        let rules = rules(count);
        group.bench_function(format!("brig, {count} rules of the tool"), |bencher| {
            bencher.iter(|| {
                let arguments = Some(Value::new(black_box(ARGUMENTS)));
                rules
                    .admit_call("get_note", arguments)
                    .expect("a call that passes")
            });
        });
    }
    group.finish();
    let call = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\
         \"params\":{{\"name\":\"get_note\",\"arguments\":{ARGUMENTS}}}}}"
    );
    let reply = r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"a"}]}}"#;
    let mut group = criterion.benchmark_group("session");
    group.throughput(Throughput::Elements(1));
    for count in [0, 3, 30] {
        let (mut session, mut out) = (session(rules(count)), Vec::new());
        group.bench_function(format!("brig, a call under {count} rules"), |bencher| {
            bencher.iter(|| exchange(&mut session, call.as_bytes(), reply.as_bytes(), &mut out));
        });
    }
    group.bench_function("serde_json, both taken apart", |bencher| {
        bencher.iter(|| {
            let read = [call.as_str(), reply].map(serde_json::from_str::<serde_json::Value>);
            read.map(|value| value.is_ok())
        });
    });
    group.finish();
}
