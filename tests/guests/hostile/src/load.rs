//! Attacks on what every process shares: memory, processors, patience.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};
use stdio_server::{Answer, Argument, Call, Kind, Outcome, Tool};

const MEBIBYTE: usize = 1 << 20;

pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        name: "alloc",
        description: "Takes memory at once, writes to all of it and gives it back",
        arguments: &[Argument::required(
            "mb",
            Kind::Integer,
            "How many mebibytes",
        )],
        call: alloc,
    },
    Tool {
        name: "alloc_forever",
        description: "Takes memory bit by bit, writes to all of it and keeps it",
        arguments: &[Argument::optional(
            "mb_max",
            Kind::Integer,
            "Where to stop; nowhere if absent",
        )],
        call: alloc_forever,
    },
    Tool {
        name: "spin",
        description: "Computes",
        arguments: &[Argument::optional(
            "ms",
            Kind::Integer,
            "How long; for good if absent",
        )],
        call: spin,
    },
    Tool {
        name: "sleep",
        description: "Sleeps, and answers then",
        arguments: &[Argument::required("ms", Kind::Integer, "How long")],
        call: |call| {
            thread::sleep(Duration::from_millis(call.integer("ms")?));
            Ok(Answer::Text("slept".into()))
        },
    },
    Tool {
        name: "recurse",
        description: "Uses up the stack",
        arguments: &[Argument::optional(
            "depth",
            Kind::Integer,
            "How deep; for good if absent",
        )],
        call: |call| {
            let depth = call.integer_if_given("depth")?.unwrap_or(u64::MAX);
            Ok(Answer::Text(format!("came back from {}", recurse(depth))))
        },
    },
];

/// Memory that was refused.
#[derive(Debug, thiserror::Error)]
#[error("memory was refused after {0} MiB")]
struct Refused(usize);

fn alloc(call: &mut Call<'_, '_>) -> Outcome {
    let mebibytes = usize::try_from(call.integer("mb")?)?;
    let block = block(mebibytes).ok_or(Refused(0))?;
    Ok(Answer::Text(format!(
        "took {} MiB",
        black_box(&block).len() / MEBIBYTE
    )))
}

fn alloc_forever(call: &mut Call<'_, '_>) -> Outcome {
    let most = call
        .integer_if_given("mb_max")?
        .map_or(Ok(usize::MAX), usize::try_from)?;
    for taken in 0..most {
        let block = block(1).ok_or(Refused(taken))?;
        // Kept for good: the attack is on those that come after.
        black_box(block.leak());
    }
    Ok(Answer::Text(format!("took {most} MiB")))
}

fn block(mebibytes: usize) -> Option<Vec<u8>> {
    let bytes = mebibytes.checked_mul(MEBIBYTE)?;
    let mut block = Vec::new();
    block.try_reserve_exact(bytes).ok()?;
    // Not zero, or the kernel need not back it with memory of its own.
    block.resize(bytes, 1);
    Some(black_box(block))
}

fn spin(call: &mut Call<'_, '_>) -> Outcome {
    let Some(ms) = call.integer_if_given("ms")? else {
        spin_for_good()
    };
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(ms) {
        black_box(0);
    }
    Ok(Answer::Text("spun".into()))
}

/// Computes until it is stopped.
pub(crate) fn spin_for_good() -> ! {
    loop {
        black_box(0);
    }
}

fn recurse(depth: u64) -> u64 {
    // The array keeps each frame large and the call from becoming a loop.
    let frame = black_box([depth; 64]);
    if depth == 0 {
        0
    } else {
        recurse(depth - 1) + 1 + frame[0] - depth
    }
}
