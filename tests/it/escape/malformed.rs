//! Files that are no WebAssembly, or broken WebAssembly: brig refuses or runs each, in its bounds.

use crate::harness::{Client, PATIENCE, Scratch, brig, cached, durations, family, is_alive};
use serde_json::json;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// Of so many bytes of a file one is changed, and one is where the file is cut.
const STRIDE: (usize, usize) = (7, 1);

const MODULE: &str = "(module
    (import \"wasi_snapshot_preview1\" \"proc_exit\" (func $exit (param i32)))
    (memory (export \"memory\") 1) (table 2 funcref) (elem (i32.const 0) $go)
    (global $g (mut i32) (i32.const 0)) (data (i32.const 0) \"text\")
    (func $go (param i32) (result i32) (local i64)
      (if (result i32) (local.get 0) (then (i32.const 1)) (else (memory.size))))
    (func (export \"_start\") (drop (call $go (i32.const 0))) (call $exit (i32.const 1))))";

const COMPONENT: &str = "(component
    (core module $m
      (memory (export \"memory\") 1)
      (func (export \"run\") (result i32) (i32.const 1)))
    (core instance $i (instantiate $m))
    (type $pair (record (field \"one\" u32) (field \"other\" string)))
    (func $run (result (result)) (canon lift (core func $i \"run\")))
    (instance $out (export \"run\" (func $run)))
    (export \"wasi:cli/run@0.2.3\" (instance $out)))";

/// Starts a file as a server. It is refused (5), lacks what it imports (6), or ends by itself (7)
/// or with the deadline (8): nothing hangs, nothing is left, and brig itself never fails.
fn check(scratch: &Scratch, bytes: &[u8], what: &str) {
    fs::write(scratch.join("broken.wasm"), bytes).unwrap();
    let text = "brig = 1\n[server]\nname = \"broken\"\ncomponent = \"broken.wasm\"\n\
                [limits]\nstart = \"5s\"\n";
    let manifest = scratch.write("broken.toml", text);
    let mut command = cached(brig());
    command.arg("run").arg(manifest);
    let mut client = Client::start(command);
    client.write_if_open(
        format!(
            "{}\n",
            json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize" })
        )
        .as_bytes(),
    );
    let line = client.line().unwrap_or_default();
    let told = String::from_utf8_lossy(&line).into_owned();
    assert!(told.contains("\"code\":-310"), "{what}: {told}");
    let processes = family(client.process.id());
    let (code, errors) = client.end();
    let unlinked = code == Some(6) && errors.contains("cannot link the guest");
    let known = matches!(code, Some(5 | 7 | 8)) || unlinked;
    assert!(known, "{what}: {code:?} {errors}");
    assert!(!errors.contains("panicked"), "{what}: {errors}");
    // A warden that never had orders sees its channel close, and ends for itself.
    let until = Instant::now() + PATIENCE;
    while processes.iter().any(|id| is_alive(*id)) {
        assert!(Instant::now() < until, "{what}: {processes:?} are left");
        thread::sleep(Duration::from_millis(2));
    }
}

/// The file cut off, with bits turned over, and with a byte that says "long".
fn broken(text: &str) -> Vec<(String, Vec<u8>)> {
    let whole = wat::parse_str(text).unwrap();
    let mut files = Vec::new();
    for at in (8..whole.len()).step_by(durations::pick(STRIDE)) {
        files.push((format!("cut at {at}"), whole[..at].to_vec()));
        for (name, turn) in [("turned", whole[at] ^ 0x41), ("long", 0xff)] {
            let mut file = whole.clone();
            file[at] = turn;
            files.push((format!("{name} at {at}"), file));
        }
    }
    files
}

#[test]
fn a_broken_file_is_refused_or_ends() {
    let scratch = Scratch::new();
    for text in [MODULE, COMPONENT] {
        for (what, bytes) in broken(text) {
            check(&scratch, &bytes, &what);
        }
    }
}

#[test]
fn what_is_no_program_is_refused() {
    let scratch = Scratch::new();
    let elf = fs::read("/proc/self/exe").unwrap()[..4096].to_vec();
    let module = wat::parse_str(MODULE).unwrap();
    let mut layer = module.clone();
    layer[6] = 1;
    let component = wat::parse_str(COMPONENT).unwrap();
    let mut twice = component.clone();
    twice.extend(&component[8..]);
    let empty_sections = [&component[..8], [0, 0].repeat(100_000).as_slice()].concat();
    // Components in one another: each section holds the rest of the file.
    let mut nested = component[..8].to_vec();
    for _ in 0..2_000 {
        let mut outer = component[..8].to_vec();
        outer.push(4);
        let mut length = nested.len();
        while length > 127 {
            outer.push(u8::try_from(length & 127 | 128).unwrap());
            length >>= 7;
        }
        outer.push(u8::try_from(length).unwrap());
        outer.extend(nested);
        nested = outer;
    }
    let files: [(&str, &[u8]); 9] = [
        ("nothing", b""),
        ("text", b"(module)"),
        ("a script", b"#!/bin/sh\necho ran\n"),
        ("a program of the host", &elf),
        ("a magic number", b"\0asm"),
        ("a module that says it is a component", &layer),
        ("a component twice", &twice),
        ("sections of nothing", &empty_sections),
        ("components in components", &nested),
    ];
    for (what, bytes) in files {
        check(&scratch, bytes, what);
    }
}
