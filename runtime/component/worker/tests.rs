#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write, pipe};
use std::time::Duration;

use brig_sandbox::component::{Access, Preopen, WorkerLimits};

mod network;

use super::super::compile::tests::compiled;
use super::super::stdio::Pipe;
use super::*;

const KEY: [u8; 32] = [7; 32];
const PAGE: u64 = 64 << 10;

fn limits() -> WorkerLimits {
    WorkerLimits {
        memory_bytes_max: 4 * PAGE,
        memories_max: 2,
        tables_max: 4,
        instances_max: 8,
        host_call_bytes_max: 1 << 20,
        handles_max: 100,
        random_bytes_max: 1 << 10,
    }
}

fn orders(form: Form, code: &[u8]) -> WorkerOrders {
    WorkerOrders {
        form,
        args: vec![String::from("guest"), String::from("-v")],
        env: vec![(String::from("LANG"), String::from("C"))],
        preopens: Vec::new(),
        limits: limits(),
        code_bytes: u64::try_from(code.len()).unwrap(),
        code_hash: blake3::keyed_hash(&KEY, code).to_hex().to_string(),
        code_key: blake3::Hash::from_bytes(KEY).to_hex().to_string(),
        filter_after_load: Vec::new(),
        egress: None,
        authorities: Vec::new(),
        #[cfg(feature = "test-hooks")]
        captured: false,
    }
}

fn file_of(code: &[u8]) -> File {
    let file = rustix::fs::memfd_create("code", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    let mut file = File::from(file);
    file.write_all(code).unwrap();
    file
}

/// Nobody reads its reports.
fn start(orders: &WorkerOrders, code: &[u8], pipes: Pipes) -> Result<Start, Failure> {
    let nowhere = File::options().write(true).open("/dev/null").unwrap();
    let network = Network::new(orders, Arc::new(Reports::new(nowhere.into())));
    Start::new(orders, &file_of(code), pipes, Arc::new(network))
}

/// A core module with one page of memory, the imports that the tests use, and this body.
fn module(body: &str) -> String {
    let import = |name: &str, parameters: &str| {
        format!(
            "(import \"wasi_snapshot_preview1\" \"{name}\"
               (func ${name} (param {parameters}) (result i32)))"
        )
    };
    let imports: String = [
        import("fd_read", "i32 i32 i32 i32"),
        import("fd_write", "i32 i32 i32 i32"),
        import("poll_oneoff", "i32 i32 i32 i32"),
        import("args_sizes_get", "i32 i32"),
        import("environ_sizes_get", "i32 i32"),
        import("environ_get", "i32 i32"),
        import("random_get", "i32 i32"),
        import("fd_prestat_get", "i32 i32"),
    ]
    .concat();
    format!(
        "(module {imports}
           (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $proc_exit (param i32)))
           (memory (export \"memory\") 1)
           (func $write (param $at i32) (param $bytes i32)
             (i32.store (i32.const 0) (local.get $at))
             (i32.store (i32.const 4) (local.get $bytes))
             (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
           (func $read (result i32)
             (i32.store (i32.const 0) (i32.const 1024))
             (i32.store (i32.const 4) (i32.const 8192))
             (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
             (i32.load (i32.const 8)))
           {body})"
    )
}

/// Runs a guest over pipes, and gives its end and what it wrote.
fn play(text: &str, input: &[u8]) -> (WorkerReport, Vec<u8>) {
    let code = compiled(Form::CoreModule, text);
    let mut output = Vec::new();
    let (guest_input, mut feed) = pipe().unwrap();
    let (mut drain, guest_output) = pipe().unwrap();
    let (_errors, guest_error) = pipe().unwrap();
    let pipes = Pipes {
        input: Pipe::new(guest_input),
        output: Pipe::new(guest_output),
        error: Pipe::new(guest_error),
    };
    let mut start = start(&orders(Form::CoreModule, &code), &code, pipes).unwrap();
    feed.write_all(input).unwrap();
    drop(feed);
    let report = start.run();
    drop(start);
    drain.read_to_end(&mut output).unwrap();
    (report, output)
}

#[track_caller]
fn check(text: &str, input: &[u8], output: &[u8], report: &WorkerReport) {
    let (ended, written) = play(text, input);
    assert_eq!(
        (&ended, written.escape_ascii().to_string()),
        (report, output.escape_ascii().to_string())
    );
}

fn exited(status: i32) -> WorkerReport {
    WorkerReport::Exited { status }
}

fn trapped(reason: &str) -> WorkerReport {
    WorkerReport::Trapped {
        reason: String::from(reason),
    }
}

#[test]
fn a_guest_reads_and_writes_its_pipes_to_the_end() {
    let echo = module(
        "(func (export \"_start\") (local $bytes i32)
           (loop $again
             (local.set $bytes (call $read))
             (if (local.get $bytes)
               (then (call $write (i32.const 1024) (local.get $bytes)) (br $again)))))",
    );
    check(&echo, b"one\ntwo\n", b"one\ntwo\n", &exited(0));
    check(&echo, b"", b"", &exited(0));
    let long = vec![b'x'; 60_000];
    check(&echo, &long, &long, &exited(0));
}

/// Two subscriptions at 64 and 112: the clock, at this many nanoseconds, and standard input.
/// Writes "c", "i" or "ci" for those that were ready.
fn poll(nanoseconds: u64) -> String {
    module(&format!(
        "(data (i32.const 16) \"ci\")
         (func (export \"_start\")
           (i64.store (i32.const 64) (i64.const 16))
           (i32.store8 (i32.const 72) (i32.const 0))
           (i32.store (i32.const 80) (i32.const 1))
           (i64.store (i32.const 88) (i64.const {nanoseconds}))
           (i64.store (i32.const 112) (i64.const 17))
           (i32.store8 (i32.const 120) (i32.const 1))
           (i32.store (i32.const 128) (i32.const 0))
           (drop (call $poll_oneoff
             (i32.const 64) (i32.const 256) (i32.const 2) (i32.const 512)))
           (call $write (i32.load (i32.const 256)) (i32.load (i32.const 512))))"
    ))
}

#[test]
fn a_guest_waits_for_input_and_a_clock_at_once() {
    check(&poll(60_000_000_000), b"x", b"i", &exited(0));
    // The end of the input is input.
    check(&poll(60_000_000_000), b"", b"i", &exited(0));
}

#[test]
fn a_clock_ends_the_wait_where_no_input_comes() {
    let code = compiled(Form::CoreModule, &poll(30_000_000));
    let (guest_input, feed) = pipe().unwrap();
    let (mut drain, guest_output) = pipe().unwrap();
    let pipes = Pipes {
        input: Pipe::new(guest_input),
        output: Pipe::new(guest_output.try_clone().unwrap()),
        error: Pipe::new(guest_output),
    };
    let mut start = start(&orders(Form::CoreModule, &code), &code, pipes).unwrap();
    assert_eq!(start.run(), exited(0));
    drop((start, feed));
    let mut output = String::new();
    drain.read_to_string(&mut output).unwrap();
    assert_eq!(output, "c");
}

#[test]
fn statuses_and_traps_are_told_apart() {
    let start = |body: &str| module(&format!("(func (export \"_start\") {body})"));
    check(&start(""), b"", b"", &exited(0));
    check(
        &start("(call $proc_exit (i32.const 7))"),
        b"",
        b"",
        &exited(7),
    );
    check(
        &start("unreachable"),
        b"",
        b"",
        &trapped(
            "trap: wasm trap: wasm `unreachable` instruction executed (in a function without a \
             name)",
        ),
    );
    check(
        &module("(func $deep (call $deep) (call $deep)) (func (export \"_start\") (call $deep))"),
        b"",
        b"",
        &trapped(&format!(
            "stack overflow: wasm trap: call stack exhausted (in {})",
            ["deep"; 8].join(", called by ")
        )),
    );
    check(
        &start("(drop (i32.load (i32.const -4)))"),
        b"",
        b"",
        &trapped("trap: wasm trap: out of bounds memory access (in a function without a name)"),
    );
}

#[test]
fn memory_beyond_the_limit_is_refused_and_named() {
    // The limit is four pages, and one is there.
    let grow = |pages: u32, then: &str| {
        module(&format!(
            "(func (export \"_start\")
               (i32.eq (memory.grow (i32.const {pages})) (i32.const -1)) {then})"
        ))
    };
    let exit = "(call $proc_exit)";
    check(&grow(3, exit), b"", b"", &exited(0));
    check(&grow(4, exit), b"", b"", &exited(1));
    check(
        &grow(4, "(if (then unreachable))"),
        b"",
        b"",
        &trapped(
            "memory limit: the guest gave up after more than 262144 bytes were refused (in a \
             function without a name)",
        ),
    );
    check(
        "(module (memory 5) (func (export \"_start\")))",
        b"",
        b"",
        &trapped(
            "memory limit: the guest may hold 262144 bytes (memory minimum size of 5 pages \
             exceeds memory limits)",
        ),
    );
    check(
        "(module (memory 3) (memory 2) (func (export \"_start\")))",
        b"",
        b"",
        &trapped(
            "memory limit: the guest may hold 262144 bytes (memory minimum size of 2 pages \
             exceeds memory limits)",
        ),
    );
}

#[test]
fn a_guest_sees_its_own_arguments_and_environment_and_nothing_else() {
    check(
        &module(
            "(func (export \"_start\")
               (drop (call $args_sizes_get (i32.const 32) (i32.const 36)))
               (drop (call $environ_sizes_get (i32.const 40) (i32.const 44)))
               (drop (call $environ_get (i32.const 64) (i32.const 128)))
               (call $write (i32.const 32) (i32.const 16))
               (call $write (i32.const 128) (i32.load (i32.const 44)))
               ;; The first directory would be descriptor 3.
               (call $proc_exit (call $fd_prestat_get (i32.const 3) (i32.const 256))))",
        ),
        b"",
        b"\x02\0\0\0\x09\0\0\0\x01\0\0\0\x07\0\0\0LANG=C\0",
        &exited(8),
    );
}

#[test]
fn random_numbers_are_bounded_by_call() {
    let random = |bytes: u32| {
        module(&format!(
            "(func (export \"_start\")
               (call $proc_exit (call $random_get (i32.const 64) (i32.const {bytes}))))"
        ))
    };
    check(&random(1 << 10), b"", b"", &exited(0));
    let (report, _) = play(&random((1 << 10) + 1), b"");
    assert!(matches!(report, WorkerReport::Trapped { .. }), "{report:?}");
}

#[test]
fn a_spinning_guest_yields() {
    let code = compiled(
        Form::CoreModule,
        &module("(func (export \"_start\") (loop (br 0)))"),
    );
    let pipes = Pipes::inherited();
    let mut start = start(&orders(Form::CoreModule, &code), &code, pipes).unwrap();
    let Start {
        guest,
        store,
        runtime,
        ticker,
    } = &mut start;
    let deadline = Duration::from_millis(100);
    let ended = runtime
        .block_on(async { tokio::time::timeout(deadline, ticker.watch(guest.run(store))).await });
    assert!(ended.is_err());
}

#[track_caller]
fn check_refused(change: impl FnOnce(&mut WorkerOrders, &mut Vec<u8>), want: &str) {
    let mut code = compiled(Form::CoreModule, "(module (func (export \"_start\")))");
    let mut orders = orders(Form::CoreModule, &code);
    change(&mut orders, &mut code);
    let failure = start(&orders, &code, Pipes::inherited()).err().unwrap();
    assert_eq!(format!("{failure}: {}", reason(&failure)), want);
}

#[test]
fn code_that_is_not_what_was_stored_is_never_loaded() {
    let tampered = "verify the compiled code: its keyed hash is not the one in the orders: the \
                    cache was changed from outside";
    check_refused(|_, code| *code.last_mut().unwrap() ^= 1, tampered);
    check_refused(|_, code| *code.first_mut().unwrap() ^= 1, tampered);
    check_refused(|orders, _| orders.code_bytes -= 1, tampered);
    check_refused(
        |orders, _| orders.code_key = orders.code_key.replace('0', "1"),
        tampered,
    );
    check_refused(
        |orders, _| orders.code_hash.truncate(10),
        "decode the hash of the compiled code: it is missing or malformed",
    );
}

#[test]
fn code_that_is_too_short_is_refused_before_it_is_read() {
    check_refused(
        |orders, code| {
            code.truncate(100);
            orders.code_bytes = 101;
        },
        "map the compiled code: the code is not a regular file of at least 101 bytes",
    );
}

#[test]
fn code_of_another_form_is_refused() {
    check_refused(
        |orders, _| orders.form = Form::Component,
        "load the compiled code: incompatible object file format",
    );
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    check_refused(
        |orders, _| {
            let at = String::from("/nowhere/at/all");
            orders.preopens.push(Preopen {
                source: at.clone(),
                at,
                access: Access::Read,
            });
        },
        "open `/nowhere/at/all` for the guest: No such file or directory (os error 2)",
    );
}

#[test]
fn a_start_without_a_filter_is_refused() {
    assert!(matches!(filter(&[]), Err(Failure::NoFilter)));
}
