//! Attacks on the kernel itself, which WebAssembly cannot reach: they are the native twin's, and
//! those of a worker that was taken over.

mod memory;
mod names;
mod raw;
mod script;
mod sweep;
mod text;

use script::Script;
use std::sync::mpsc::channel;
use std::thread;
use stdio_server::{Answer, Argument, Call, Kind, Outcome, Tool};

pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        name: "syscalls",
        description: "Makes the system calls of a script (tests/escape/README.md)",
        arguments: &[Argument::required("script", Kind::Text, "One call a line")],
        call: |call| Ok(Answer::Text(Script::run(call.text("script")?)?)),
    },
    Tool {
        name: "sweep",
        description: "Tries every member of a family, and stops at the first that is not refused",
        arguments: &[
            Argument::required("family", Kind::Text, "calls, sockets, fcntls, …"),
            Argument::optional("but", Kind::Text, "Numbers that are left out"),
        ],
        call: |call| {
            let but = call.text_if_given("but")?.unwrap_or_default();
            Ok(Answer::Text(sweep::run(call.text("family")?, but)?))
        },
    },
    Tool {
        name: "old_door",
        description: "Asks for the process id by the 32-bit door (int 0x80)",
        arguments: &[],
        call: |_| {
            let id = raw::by_the_old_door().ok_or(Absent)?;
            Ok(Answer::Text(format!("answered {id}")))
        },
    },
    Tool {
        name: "threads",
        description: "Starts threads that all live at once",
        arguments: &[Argument::required("n", Kind::Integer, "How many")],
        call: threads,
    },
];

/// An attack that this architecture has not got.
#[derive(Debug, thiserror::Error)]
#[error("there is no such door on this architecture")]
struct Absent;

/// Threads that were refused.
#[derive(Debug, thiserror::Error)]
#[error("thread {at} was refused: {why}")]
struct Refused {
    at: u64,
    why: std::io::Error,
}

fn threads(call: &mut Call<'_, '_>) -> Outcome {
    let wanted = call.integer("n")?;
    // Each waits for the other end to be dropped, and so ends with this call.
    let mut ends = Vec::new();
    for at in 1..=wanted {
        let (end, waiting) = channel::<()>();
        let started = thread::Builder::new()
            .stack_size(64 << 10)
            .spawn(move || waiting.recv().is_err());
        match started {
            Ok(_) => ends.push(end),
            Err(why) => return Err(Refused { at, why }.into()),
        }
    }
    Ok(Answer::Text(format!("{wanted} threads ran at once")))
}
