//! Advances the engine's epoch while the guest runs, so that a guest that never calls the host
//! still yields.
//!
//! A server that waits causes no wake-ups: with hundreds of idle servers on one machine these
//! would be most of what brig costs. The thread therefore sleeps for good once the guest has been
//! still for a while.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::Engine;

/// How long a guest runs before it yields.
const TICK: Duration = Duration::from_millis(10);

/// Ticks with a still guest before the thread parks. More keeps an awake thread between the calls
/// of a busy session, where waking it would cost each call a few microseconds.
const STILL_TICKS_MAX: u32 = 5;

/// Stack of the thread, which calls almost nothing.
const STACK_BYTES: usize = 64 << 10;

#[derive(Default)]
struct Flags {
    running: AtomicBool,
    parked: AtomicBool,
}

/// The thread that advances the epoch.
pub(super) struct Ticker {
    flags: Arc<Flags>,
    thread: Thread,
}

impl Ticker {
    /// Starts the thread, parked.
    pub(super) fn start(engine: Engine) -> io::Result<Self> {
        let flags = Arc::new(Flags::default());
        let seen = Arc::clone(&flags);
        let thread = thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn(move || tick(&engine, &seen))?
            .thread()
            .clone();
        Ok(Self { flags, thread })
    }

    /// Runs the guest: the epoch advances whenever `guest` is being polled.
    pub(super) async fn watch<F: Future>(&self, guest: F) -> F::Output {
        Watched {
            guest: pin!(guest),
            ticker: self,
        }
        .await
    }

    /// Makes a call in which the guest may block for long and does not run.
    pub(super) fn outside<T>(&self, call: impl FnOnce() -> T) -> T {
        self.leave();
        let result = call();
        self.enter();
        result
    }

    // The two flags are written and read in opposite order here and in the thread, in one total
    // order. So either the thread sees a running guest, or this sees a parked thread.
    fn enter(&self) {
        self.flags.running.store(true, Ordering::SeqCst);
        if self.flags.parked.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
    }

    fn leave(&self) {
        self.flags.running.store(false, Ordering::SeqCst);
    }
}

fn tick(engine: &Engine, flags: &Flags) {
    let mut still_ticks = STILL_TICKS_MAX;
    loop {
        if flags.running.load(Ordering::SeqCst) {
            still_ticks = 0;
            engine.increment_epoch();
        } else if still_ticks < STILL_TICKS_MAX {
            still_ticks += 1;
        } else {
            flags.parked.store(true, Ordering::SeqCst);
            while !flags.running.load(Ordering::SeqCst) {
                thread::park();
            }
            flags.parked.store(false, Ordering::SeqCst);
        }
        thread::sleep(TICK);
    }
}

struct Watched<'a, F> {
    guest: Pin<&'a mut F>,
    ticker: &'a Ticker,
}

impl<F: Future> Future for Watched<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.ticker.enter();
        let result = self.guest.as_mut().poll(context);
        self.ticker.leave();
        result
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::time::Instant;

    use super::super::engine;
    use super::*;

    /// Waits until the thread is parked or awake, for much longer than it should take.
    #[track_caller]
    fn check_parked(ticker: &Ticker, parked: bool) {
        let patience = Instant::now() + Duration::from_secs(20);
        while ticker.flags.parked.load(Ordering::SeqCst) != parked {
            assert!(Instant::now() < patience, "parked should be {parked}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn the_thread_is_awake_while_the_guest_runs_and_no_longer() {
        let ticker = Ticker::start(engine::compiling().unwrap()).unwrap();
        check_parked(&ticker, true);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(ticker.watch(async { check_parked(&ticker, false) }));
        check_parked(&ticker, true);
    }

    #[test]
    fn a_guest_that_blocks_in_the_kernel_does_not_run() {
        let ticker = Ticker::start(engine::compiling().unwrap()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(ticker.watch(async {
            ticker.outside(|| check_parked(&ticker, true));
            check_parked(&ticker, false);
        }));
    }
}
