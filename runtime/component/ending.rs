//! How a guest's end reads in a report.

use std::fmt::Write;

use brig_sandbox::component::WorkerReport;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::limiter::Limiter;
use super::report::printable;

/// Turns what wasmtime answered into a report.
pub(super) fn of(result: wasmtime::Result<i32>, limiter: &Limiter) -> WorkerReport {
    let error = match result {
        Ok(status) => return WorkerReport::Exited { status },
        Err(error) => error,
    };
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return WorkerReport::Exited { status: exit.0 };
    }
    let mut reason = kind(&error, limiter);
    if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
        let names: Vec<&str> = backtrace
            .frames()
            .iter()
            .map(|frame| frame.func_name().unwrap_or("a function without a name"))
            .collect();
        if !names.is_empty() {
            // Writing to a string does not fail.
            let _ = write!(reason, " (in {})", names.join(", called by "));
        }
    }
    WorkerReport::Trapped {
        reason: printable(&reason),
    }
}

fn kind(error: &wasmtime::Error, limiter: &Limiter) -> String {
    let cause = error.root_cause();
    let bound = limiter.held_bytes_max();
    match error.downcast_ref::<Trap>() {
        Some(&Trap::StackOverflow) => format!("stack overflow: {cause}"),
        // A language's allocator that is told "no" gives up in this way.
        Some(&Trap::UnreachableCodeReached) if limiter.refused() => {
            format!("memory limit: the guest gave up after more than {bound} bytes were refused")
        }
        Some(trap) => format!("trap: {trap}"),
        None if limiter.refused() => {
            format!("memory limit: the guest may hold {bound} bytes ({cause})")
        }
        None => format!("host: {cause}"),
    }
}
