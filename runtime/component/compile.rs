//! The program that turns WebAssembly into machine code, inside a cell with no grants: bytes come
//! in on standard input, code goes out into descriptor 4. Compilers are large and their input here
//! is hostile, so what they could be made to do must not matter.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use brig_sandbox::component::{CODE_FD, CompileOrders, CompileReport, Form, ORDERS_FD, REPORT_FD};
use rustix::process::DumpableBehavior;

use super::engine;
use super::form::{Refusal, admit, proposal_needed};
use super::mapping::inherited;
use super::report::{OrdersError, Reports, printable, read_orders};

/// The report says that there is code, or why there is none.
pub const EXIT_REPORTED: u8 = 0;
/// The compiler could not do its work or not report it.
pub const EXIT_FAILED: u8 = 4;

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("read the orders: {0}")]
    Orders(#[from] OrdersError),
    #[error("stop other processes from reading this one: {0}")]
    Dumpable(#[source] rustix::io::Errno),
    #[error("find the file for the code")]
    NoCode,
    #[error("read the WebAssembly: {0}")]
    Read(#[source] io::Error),
    #[error("make a compiler: {0}")]
    Engine(#[source] wasmtime::Error),
    #[error("write the code: {0}")]
    Write(#[source] io::Error),
}

/// Why there is no code.
enum NoCode {
    /// The file is at fault.
    Refused(Refusal),
    /// The file is too large, before or after it was compiled.
    TooLarge(String),
    /// brig is at fault.
    Failed(Failure),
}

impl From<Failure> for NoCode {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Refusal> for NoCode {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Compiles what comes on standard input as descriptor 3 orders.
pub fn main() -> ExitCode {
    let Some(reports) = inherited(REPORT_FD).map(Reports::new) else {
        return ExitCode::from(EXIT_FAILED);
    };
    let (report, code) = match run(inherited(ORDERS_FD), inherited(CODE_FD)) {
        Ok(code_bytes) => (CompileReport::Compiled { code_bytes }, EXIT_REPORTED),
        Err(NoCode::Refused(refusal)) => (refused(&refusal.to_string()), EXIT_REPORTED),
        Err(NoCode::TooLarge(reason)) => (refused(&reason), EXIT_REPORTED),
        Err(NoCode::Failed(failure)) => (
            refused(&format!("the compiler cannot {failure}")),
            EXIT_FAILED,
        ),
    };
    ExitCode::from(if reports.send(&report).is_ok() {
        code
    } else {
        EXIT_FAILED
    })
}

fn refused(reason: &str) -> CompileReport {
    CompileReport::Refused {
        reason: printable(reason),
    }
}

fn run(orders: Option<OwnedFd>, code: Option<OwnedFd>) -> Result<u64, NoCode> {
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(Failure::Dumpable)?;
    let orders: CompileOrders = read_orders(orders).map_err(Failure::Orders)?;
    let mut out = File::from(code.ok_or(Failure::NoCode)?);
    let wasm = read_wasm(io::stdin().lock(), orders.input_bytes_max)?;
    let code = compile(orders.form, &wasm)?;
    let code_bytes = u64::try_from(code.len()).unwrap_or(u64::MAX);
    if code_bytes > orders.code_bytes_max {
        return Err(NoCode::TooLarge(format!(
            "its code is {code_bytes} bytes long, and {} are allowed",
            orders.code_bytes_max
        )));
    }
    out.write_all(&code).map_err(Failure::Write)?;
    Ok(code_bytes)
}

fn read_wasm(from: impl Read, bytes_max: u64) -> Result<Vec<u8>, NoCode> {
    let mut wasm = Vec::new();
    from.take(bytes_max.saturating_add(1))
        .read_to_end(&mut wasm)
        .map_err(Failure::Read)?;
    if u64::try_from(wasm.len()).unwrap_or(u64::MAX) > bytes_max {
        return Err(NoCode::TooLarge(format!(
            "it is longer than {bytes_max} bytes"
        )));
    }
    Ok(wasm)
}

fn compile(form: Form, wasm: &[u8]) -> Result<Vec<u8>, NoCode> {
    admit(form, wasm)?;
    let engine = engine::compiling().map_err(Failure::Engine)?;
    let compiled = match form {
        Form::Component => engine.precompile_component(wasm),
        Form::CoreModule => engine.precompile_module(wasm),
    };
    compiled.map_err(|error| {
        let reason = proposal_needed(wasm).unwrap_or(Refusal::Invalid(format!("{error:#}")));
        NoCode::Refused(reason)
    })
}

#[cfg(test)]
pub(super) mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test fails by panicking"
    )]

    use super::*;

    /// Code for tests of the modules beside this one.
    pub(in super::super) fn compiled(form: Form, text: &str) -> Vec<u8> {
        compiled_bytes(form, &wat::parse_str(text).unwrap())
    }

    /// The same of a file.
    pub(in super::super) fn compiled_bytes(form: Form, wasm: &[u8]) -> Vec<u8> {
        match compile(form, wasm) {
            Ok(code) => code,
            Err(no_code) => panic!("{}", words(no_code)),
        }
    }

    fn words(no_code: NoCode) -> String {
        match no_code {
            NoCode::Refused(refusal) => refusal.to_string(),
            NoCode::TooLarge(reason) => reason,
            NoCode::Failed(failure) => failure.to_string(),
        }
    }

    #[track_caller]
    fn check(text: &str, want: &str) {
        let wasm = wat::parse_str(text).unwrap();
        let refusal = compile(Form::CoreModule, &wasm)
            .map(|code| code.len())
            .map_err(words);
        assert_eq!(refusal, Err(String::from(want)));
    }

    #[test]
    fn a_command_compiles() {
        assert!(!compiled(Form::CoreModule, "(module (func (export \"_start\")))").is_empty());
    }

    #[test]
    fn wasmtimes_words_stand_where_ours_do_not() {
        check(
            "(module (memory 1 1 shared) (func (export \"_start\")))",
            "it needs threads and shared memory, which brig keeps off",
        );
        check(
            "(module (func (export \"_start\") (result i32) unreachable)
               (func $bad (result i32) (i64.const 0)))",
            "failed to compile: wasm[0]::function[1]::bad: WebAssembly translation error: Invalid \
             input WebAssembly code at offset 43: type mismatch: expected i32, found i64",
        );
    }

    #[test]
    fn input_is_bounded() {
        assert!(matches!(read_wasm(&b"12345"[..], 5), Ok(bytes) if bytes == b"12345"));
        assert!(matches!(
            read_wasm(&b"123456"[..], 5),
            Err(NoCode::TooLarge(_))
        ));
    }
}
