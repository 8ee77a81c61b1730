//! The server's filter, the last wall before its exec. One that is traced has a listener, which
//! goes to the tracer by the warden.

use crate::wire::{answer, tag};
use crate::{CHANNEL, Fault, find, hook, number, step, sys};
use core::sync::atomic::Ordering;

/// Puts it on and reads it back.
pub fn put_on(orders: &[u8]) -> Result<(), Fault> {
    let filter = find(orders, tag::FILTER_OF_SERVER).ok_or(Fault(
        answer::FAILED,
        0,
        "find the server's filter",
    ))?;
    if hook::is_left_out(filter) {
        return Ok(());
    }
    if find(orders, tag::TRACED).is_some() {
        give_listener(filter)?;
    } else {
        step("put the server's filter on", sys::seccomp(filter))?;
    }
    match sys::prctl(PR_GET_SECCOMP, 0, 0) {
        Ok(2) => Ok(()),
        other => Err(Fault(
            answer::DIFFERS,
            number(other),
            "the server's filter is not on",
        )),
    }
}

/// The exec that comes next waits for the tracer already; where there is none, it fails.
fn give_listener(filter: &[u8]) -> Result<(), Fault> {
    let listener = step(
        "put the server's filter on, with a listener",
        sys::seccomp_listener(filter),
    )? as i32;
    let message = [answer::LISTENING, 0, 0, 0, 0];
    // The filter lets this pass: a program sends over pairs of sockets.
    let sent = sys::send_descriptor(CHANNEL.load(Ordering::Relaxed), &message, listener);
    step("give the tracer its listener", sent)?;
    sys::close(listener);
    Ok(())
}

const PR_GET_SECCOMP: usize = 21;
