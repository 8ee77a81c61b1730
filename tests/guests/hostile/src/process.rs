//! Attacks on what a process is given, and ends that no client expects.

use std::env;
use std::process;
use std::process::Command;
use stdio_server::{Answer, Argument, Call, Kind, Outcome, Tool};

pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        name: "env",
        description: "Reads a variable",
        arguments: &[Argument::required("name", Kind::Text, "Its name")],
        call: |call| Ok(Answer::Text(env::var(call.text("name")?)?)),
    },
    Tool {
        name: "env_all",
        description: "Reads every variable",
        arguments: &[],
        call: |_| {
            let all = env::vars().map(|(name, value)| format!("{name}={value}"));
            Ok(Answer::Text(all.collect::<Vec<_>>().join("\n")))
        },
    },
    Tool {
        name: "exec",
        description: "Runs a program and gives back what it says",
        arguments: &[
            Argument::required("program", Kind::Text, "The program"),
            Argument::optional("argument", Kind::Text, "Its one argument"),
        ],
        call: exec,
    },
    Tool {
        name: "thread",
        description: "Starts a thread",
        arguments: &[],
        call: start_thread,
    },
    Tool {
        name: "exit",
        description: "Ends the server without an answer",
        arguments: &[Argument::required("code", Kind::Integer, "The status")],
        call: exit,
    },
    Tool {
        name: "panic",
        description: "Panics, without an answer",
        arguments: &[],
        call: panic,
    },
    Tool {
        name: "trap",
        description: "Aborts, without an answer",
        arguments: &[],
        call: |_| process::abort(),
    },
];

fn exec(call: &mut Call<'_, '_>) -> Outcome {
    let mut command = Command::new(call.text("program")?);
    command.args(call.text_if_given("argument")?);
    Ok(Answer::Text(
        String::from_utf8_lossy(&command.output()?.stdout).into_owned(),
    ))
}

#[cfg(unix)]
fn start_thread(_call: &mut Call<'_, '_>) -> Outcome {
    let started = std::thread::Builder::new().spawn(|| "a thread ran")?;
    Ok(Answer::Text(
        started.join().unwrap_or("a thread died").into(),
    ))
}

/// WASI has no call that starts a thread, so even the attempt would not link.
#[cfg(target_family = "wasm")]
fn start_thread(_call: &mut Call<'_, '_>) -> Outcome {
    Err(std::io::Error::from(std::io::ErrorKind::Unsupported).into())
}

#[expect(clippy::exit, reason = "ending without an answer is the attack")]
fn exit(call: &mut Call<'_, '_>) -> Outcome {
    process::exit(i32::try_from(call.integer("code")?)?)
}

#[expect(clippy::panic, reason = "panicking is the attack")]
fn panic(_call: &mut Call<'_, '_>) -> Outcome {
    panic!("this tool panics")
}
