//! Bounds on what a guest may hold, summed over its whole store. wasmtime's own limits bound each
//! memory alone, so that a guest with eight memories would get eight times its grant.

use brig_sandbox::component::WorkerLimits;
use wasmtime::ResourceLimiter;

/// Memory that wasmtime uses for one element of a table.
const ELEMENT_BYTES: usize = 8;

/// Counts the bytes of all memories and tables.
///
/// What is counted is never given back: wasmtime frees memories and tables only with the store.
/// That holds also for a growth that was allowed here and then failed in the kernel. wasmtime
/// announces failures of growths that it never asked about, so a guest could count itself free if
/// failures were subtracted.
#[derive(Debug)]
pub(super) struct Limiter {
    held_bytes: u64,
    held_bytes_max: u64,
    memories_max: usize,
    tables_max: usize,
    instances_max: usize,
    refused: bool,
}

impl Limiter {
    pub(super) fn new(limits: &WorkerLimits) -> Self {
        Self {
            held_bytes: 0,
            held_bytes_max: limits.memory_bytes_max,
            memories_max: count(limits.memories_max),
            tables_max: count(limits.tables_max),
            instances_max: count(limits.instances_max),
            refused: false,
        }
    }

    /// Whether the guest has asked for more than it may hold.
    pub(super) fn refused(&self) -> bool {
        self.refused
    }

    /// Bytes that the guest may hold.
    pub(super) fn held_bytes_max(&self) -> u64 {
        self.held_bytes_max
    }

    fn admit(&mut self, more: usize, unit_bytes: usize) -> bool {
        let more = u64::try_from(more.saturating_mul(unit_bytes)).unwrap_or(u64::MAX);
        match self.held_bytes.checked_add(more) {
            Some(held) if held <= self.held_bytes_max => {
                self.held_bytes = held;
                true
            }
            Some(_) | None => {
                self.refused = true;
                false
            }
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Beyond the maximum that the guest itself declares, growth fails whatever is said here:
        // it must not be counted.
        let possible = maximum.is_none_or(|maximum| desired <= maximum);
        Ok(possible && self.admit(desired.saturating_sub(current), 1))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let possible = maximum.is_none_or(|maximum| desired <= maximum);
        Ok(possible && self.admit(desired.saturating_sub(current), ELEMENT_BYTES))
    }

    fn instances(&self) -> usize {
        self.instances_max
    }

    fn tables(&self) -> usize {
        self.tables_max
    }

    fn memories(&self) -> usize {
        self.memories_max
    }
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    enum Growth {
        Memory(usize, usize, Option<usize>),
        Table(usize, usize, Option<usize>),
    }
    use Growth::{Memory, Table};

    /// Plays growths against a bound of 1,000 bytes, and compares what was allowed, what is held
    /// at the end, and whether the bound was met.
    #[track_caller]
    fn check(growths: &[(Growth, bool)], held_bytes: u64, refused: bool) {
        let mut limiter = Limiter::new(&WorkerLimits {
            memory_bytes_max: 1_000,
            memories_max: 2,
            tables_max: 3,
            instances_max: 4,
            host_call_bytes_max: 0,
            handles_max: 0,
            random_bytes_max: 0,
        });
        for (growth, allowed) in growths {
            let answer = match *growth {
                Memory(from, to, maximum) => limiter.memory_growing(from, to, maximum),
                Table(from, to, maximum) => limiter.table_growing(from, to, maximum),
            };
            assert_eq!(answer.unwrap(), *allowed);
        }
        assert_eq!(limiter.held_bytes, held_bytes);
        assert_eq!(limiter.refused(), refused);
        assert_eq!(
            (limiter.memories(), limiter.tables(), limiter.instances()),
            (2, 3, 4)
        );
    }

    #[test]
    fn memories_are_summed() {
        check(
            &[
                (Memory(0, 600, None), true),
                (Memory(0, 400, None), true),
                (Memory(400, 401, None), false),
            ],
            1_000,
            true,
        );
    }

    #[test]
    fn tables_count_by_their_memory() {
        check(
            &[(Memory(0, 200, None), true), (Table(0, 100, None), true)],
            1_000,
            false,
        );
        check(
            &[(Table(0, 125, None), true), (Table(125, 126, None), false)],
            1_000,
            true,
        );
    }

    #[test]
    fn a_refused_growth_is_not_counted() {
        check(
            &[
                (Memory(0, 900, None), true),
                (Memory(0, 200, None), false),
                (Memory(0, 100, None), true),
            ],
            1_000,
            true,
        );
    }

    #[test]
    fn growth_beyond_the_guests_own_maximum_is_neither_counted_nor_blamed_on_the_bound() {
        check(
            &[
                (Memory(0, 500, Some(400)), false),
                (Table(0, 10, Some(9)), false),
            ],
            0,
            false,
        );
    }

    #[test]
    fn sizes_near_the_end_of_the_address_space_do_not_wrap() {
        check(
            &[
                (Memory(0, 1, None), true),
                (Memory(0, usize::MAX, None), false),
                (Table(0, usize::MAX, None), false),
            ],
            1,
            true,
        );
    }

    #[test]
    fn a_failure_that_wasmtime_announces_frees_nothing() {
        let mut limiter = Limiter::new(&WorkerLimits {
            memory_bytes_max: 10,
            memories_max: 1,
            tables_max: 1,
            instances_max: 1,
            host_call_bytes_max: 0,
            handles_max: 0,
            random_bytes_max: 0,
        });
        assert!(limiter.memory_growing(0, 10, None).unwrap());
        limiter
            .memory_grow_failed(wasmtime::Error::msg("never asked for"))
            .unwrap();
        assert!(!limiter.memory_growing(10, 11, None).unwrap());
    }
}
