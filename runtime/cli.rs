//! The command line. The only module that prints to standard output, which is for data.

mod allow;
mod approve;
mod arguments;
mod bench;
mod call;
mod client;
mod doctor;
mod explain;
mod export;
mod images;
mod inspect;
mod lock;
mod manual;
mod new;
mod plan;
mod review;
mod secret;
mod settings;
mod verify;
mod why;

use crate::carrier::{self, CARRIER_ARGUMENT};
use crate::component::{compile, worker};
use crate::consent::{By, Start};
use crate::exit::Exit;
use crate::launch::{WARDEN_ARGUMENT, warden};
use crate::prepare::{check, decide};
use crate::report::Refused;
use crate::secrets::reader;
use crate::serve::serve;
use crate::trace::{self, Tracing};
use arguments::{Arguments, Command, Of};
use brig_sandbox::lower::native::ComponentRole;
use clap::Parser;
use std::io::Write;
use std::process::ExitCode;

/// Runs brig. The hidden programs (warden, worker, compiler) come first: they are started by brig
/// alone and must not pay for reading a command line.
pub fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(argument) if argument == WARDEN_ARGUMENT => warden::main(),
        Some(argument) if argument == CARRIER_ARGUMENT => carrier::main(),
        Some(argument) if argument == reader::ARGUMENT => reader::main(),
        Some(argument) if argument == trace::ARGUMENT => trace::main(),
        Some(argument) if argument == ComponentRole::Worker.argument() => worker::main(),
        Some(argument) if argument == ComponentRole::Compiler.argument() => compile::main(),
        Some(_) | None => user(),
    }
}

fn user() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Success
            };
            // Help to standard output, errors to standard error; a closed stream is nobody's fault.
            let _ = error.print();
            return exit.into();
        }
    };
    // The supervisor reads what a hostile server says; nobody of the same user may read it.
    let dumpable = rustix::process::DumpableBehavior::NotDumpable;
    let json = arguments.command.json();
    let result = rustix::process::set_dumpable_behavior(dumpable)
        .map_err(|errno| {
            let message = format!("cannot keep brig's memory to itself: {errno}");
            Refused::one(Exit::Failure, "not-dumpable", message, "")
        })
        .and_then(|()| run(&arguments.command));
    match result {
        Ok(exit) => exit.into(),
        Err(refused) => {
            tell(&refused, json);
            refused.exit.into()
        }
    }
}

fn run(command: &Command) -> Result<Exit, Refused> {
    match command {
        Command::Run(given) => {
            let start = Start {
                manifest: &given.manifest,
                project: given.project.as_deref(),
                engine: given.engine.engine.as_deref(),
            };
            let by = given.digest.as_deref().map_or(By::User, By::Digest);
            let tracing = Tracing {
                calls: given.trace,
                network: given.trace_network,
                start: given.trace_start,
            };
            serve(start, by, !given.without_lock, tracing)
        }
        Command::Call(call) => call::call(call),
        Command::Check(of) => checked(of),
        Command::Plan(of) => planned(of),
        Command::Verify(of) => verified(of),
        Command::Explain(of) => explain::explain(of),
        Command::Approve(given) => approve::approve(given),
        Command::Approvals(given) => approve::approvals(given),
        Command::Allow(given) => allow::allow(given),
        Command::Lock(given) => lock::lock(given),
        Command::Why { name, json } => why::why(name, *json),
        Command::Secret(given) => secret::secret(given),
        Command::Doctor { json } => doctor::doctor(*json),
        Command::Diff(diff) => review::diff(diff),
        Command::Fmt { manifests, check } => review::format(manifests, *check),
        Command::Schema { settings, install } => review::schema(*settings, *install),
        Command::Settings { file, json } => settings::settings(file.as_deref(), *json),
        Command::ExplainFault { code } => review::fault(code.as_deref()),
        Command::Reference { key } => review::reference(key.as_deref()),
        Command::Pull(asked) => images::pull(asked),
        Command::Images(asked) => images::images(asked),
        Command::Export(asked) => export::export(asked),
        Command::New(arguments) => new::new(arguments),
        Command::Inspect {
            artifact,
            no_run,
            json,
        } => inspect::inspect(artifact, !no_run, *json),
        Command::Bench(given) => bench::bench(given),
        Command::Completions { shell } => manual::completions(*shell),
        Command::Man { command, into } => manual::man(command.as_deref(), into.as_deref()),
    }
}

fn checked(of: &Of) -> Result<Exit, Refused> {
    let checked = check(&of.manifest, of.project.as_deref())?;
    let (path, text) = &checked.manifest;
    let later = checked.policy.not_enforceable_in(text);
    let later = later.map(|faults| Refused::faults(faults, path, text));
    if of.json {
        let normal = checked.policy.normal_form();
        let later = later.map_or_else(|| serde_json::json!([]), |later| later.json());
        let told = serde_json::json!({ "manifest": normal, "not-enforceable": later });
        return print(&format!("{told:#}\n"));
    }
    let name = checked.policy.name().as_str();
    let exit = print(&format!("{path}: `{name}` has no faults\n"))?;
    let notes = later.map(|later| later.notes()).unwrap_or_default();
    // Where standard error is closed there is nobody to tell; a plan refuses each of them.
    let _ = std::io::stderr().write_all(notes.as_bytes());
    Ok(exit)
}

fn planned(of: &Of) -> Result<Exit, Refused> {
    let checked = check(&of.manifest, of.project.as_deref())?;
    let planned = decide(checked.under(of.engine.engine.as_deref()))?;
    print(&if of.json {
        plan::json(&planned.plan)
    } else {
        plan::text(&planned)
    })
}

fn verified(of: &Of) -> Result<Exit, Refused> {
    let verdict = {
        let engine = of.engine.engine.as_deref();
        crate::verify::verify(Start {
            manifest: &of.manifest,
            project: of.project.as_deref(),
            engine,
        })?
    };
    print(&if of.json {
        verify::json(&verdict)
    } else {
        verify::text(&verdict)
    })?;
    Ok(if verdict.stands() {
        Exit::Success
    } else {
        Exit::WallDiffers
    })
}

fn tell(refused: &Refused, json: bool) {
    if json {
        let _ = print(&format!("{:#}\n", refused.json()));
    } else {
        // Where standard error is closed there is nobody to tell; the exit code still says it.
        let _ = std::io::stderr().write_all(refused.render().as_bytes());
    }
}

/// Data. A reader that closed its end (`| head`) has what it wanted.
fn print(text: &str) -> Result<Exit, Refused> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let message = format!("cannot write to standard output: {error}");
            Err(Refused::one(Exit::Failure, "output-failed", message, ""))
        }
        Ok(()) | Err(_) => Ok(Exit::Success),
    }
}
