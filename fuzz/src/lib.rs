//! What must hold of the readers of hostile bytes, whatever the bytes are.
//!
//! Each module has one `check`, which takes a fuzzer's bytes and panics where a property fails;
//! each program under `targets` gives it to libFuzzer. brig's own modules come in by their files:
//! the root package needs wasmtime, of which none of them knows.

pub mod channel;
pub mod egress;
pub mod frame;
pub mod heap;
pub mod hello;
pub mod host;
pub mod layer;
pub mod lock;
pub mod manifest;
pub mod reports;
pub mod responder;
pub mod session;

use runtime::hook;

/// Between client and server.
#[expect(dead_code, reason = "the pump, which uses the rest, is left out")]
#[path = "../../runtime/bridge"]
mod bridge {
    pub(crate) mod code;
    pub(crate) mod frame;
    pub(crate) mod id;
    pub(crate) mod message;
    pub(crate) mod notice;
    pub(crate) mod outline;
    pub(crate) mod session;

    mod admission;
    mod answer;
    mod cuts;
    mod ledger;
    mod method;
}

/// Walls that a test leaves out: none, as in a release.
#[expect(
    dead_code,
    reason = "whoever makes the cell, and uses the rest, is left out"
)]
#[path = "../../runtime"]
mod runtime {
    pub(crate) mod hook;
}

/// The two directions of init's channel.
#[expect(dead_code, reason = "the warden, which uses the rest, is left out")]
#[path = "../../runtime/launch"]
mod launch {
    pub(crate) mod answer;
    pub(crate) mod records;

    pub(crate) use answer::End;
}

/// What a worker and a compiler report.
#[path = "../../runtime/component"]
mod component {
    pub(crate) mod verdict;
}

/// A server's words on a terminal.
#[path = "../../runtime/log"]
mod log {
    mod escape;

    pub(crate) use escape::escape;
}

#[expect(dead_code, reason = "init, which uses the rest, is left out")]
#[path = "../../runtime/init/wire.rs"]
mod init_wire;

/// Runs a check, which must not take long: whoever writes a few kilobytes must not make brig work
/// for seconds. The processor's time is counted, so that a busy machine is no fault.
pub fn in_time(check: impl FnOnce()) {
    let before = processor_ms();
    check();
    let took_ms = processor_ms() - before;
    assert!(took_ms < CHECK_MS_MAX, "it takes {took_ms} ms");
}

/// Generous: counting coverage makes code ten times slower, and a check reads its input often.
const CHECK_MS_MAX: i64 = 1000;

fn processor_ms() -> i64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

/// Whether a character drives a terminal, or hides or reorders what stands beside it.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}'
        )
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
