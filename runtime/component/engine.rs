//! The one configuration of wasmtime. Compiler and worker must agree on it, or wasmtime refuses
//! the compiled code.

use std::num::NonZeroUsize;
use std::sync::Arc;

use wasmparser::WasmFeatures;
use wasmtime::{
    Config, CustomCodeMemory, Engine, ModuleVersionStrategy, OptLevel, Strategy,
    WasmBacktraceDetails,
};

/// Raise it with every change of [`config`]: it is part of the names in the cache, so that code
/// of an older configuration is compiled anew and not refused.
pub(super) const CONFIG_REVISION: u32 = 1;

/// Stack of the guest. The host's own calls run on the same stack, above it.
const GUEST_STACK_BYTES: usize = 1 << 20;
const WHOLE_STACK_BYTES: usize = 2 << 20;

/// Frames named in a trap's report.
const BACKTRACE_FRAMES_MAX: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// Proposals that stay off, with the name that a refusal gives them. Each is machinery that a
/// server over standard input and output does without, and that has had its own escapes: threads
/// brings memory that changes under the host's feet, gc a collector, exceptions need it,
/// memory64 bounds checks in place of guard pages, and asynchronous components a second host API.
pub(super) const PROPOSALS_OFF: [(WasmFeatures, &str); 12] = [
    (WasmFeatures::THREADS, "threads and shared memory"),
    (
        WasmFeatures::SHARED_EVERYTHING_THREADS,
        "shared-everything threads",
    ),
    (WasmFeatures::MEMORY64, "64-bit memories"),
    (WasmFeatures::GC, "garbage-collected references"),
    (WasmFeatures::GC_TYPES, "garbage-collected references"),
    (WasmFeatures::EXCEPTIONS, "exceptions"),
    (WasmFeatures::LEGACY_EXCEPTIONS, "legacy exceptions"),
    (WasmFeatures::STACK_SWITCHING, "stack switching"),
    (WasmFeatures::CUSTOM_PAGE_SIZES, "custom page sizes"),
    (WasmFeatures::CM_ASYNC, "asynchronous components (WASI 0.3)"),
    (WasmFeatures::CM_THREADING, "threads of components"),
    (WasmFeatures::CM_GC, "garbage-collected components"),
];

/// The engine that turns WebAssembly into code.
pub(super) fn compiling() -> wasmtime::Result<Engine> {
    Engine::new(&config()?)
}

/// The engine that runs such code and cannot make any. Code becomes executable through
/// `publisher` alone.
pub(super) fn running(publisher: Arc<dyn CustomCodeMemory>) -> wasmtime::Result<Engine> {
    let mut config = config()?;
    config.enable_compiler(false);
    config.with_custom_code_memory(Some(publisher));
    Engine::new(&config)
}

/// Names what compiled code depends on, 16 hexadecimal digits: the compiler, its configuration
/// and the processor. It stands in for wasmtime's own hash of these, for which an engine would
/// have to be made at every start. Where it is too coarse nothing breaks, since wasmtime checks
/// the code that it loads: the worker reports that it cannot load it.
pub(super) fn fingerprint() -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(compiler().as_bytes());
    hasher.update(std::env::consts::ARCH.as_bytes());
    hasher.update(&processor());
    let mut hex = hasher.finalize().to_hex();
    hex.truncate(16);
    hex.to_string()
}

/// Names the compiler. By itself wasmtime compares only the major version, so that code which an
/// older Cranelift got wrong would outlive the release that fixes it.
fn compiler() -> String {
    format!(
        "wasmtime {}, revision {CONFIG_REVISION}",
        wasmtime_environ::VERSION
    )
}

/// Which of the instructions that Cranelift chooses between this processor has.
#[cfg(target_arch = "x86_64")]
fn processor() -> Vec<u8> {
    use std::arch::is_x86_feature_detected as has;
    [
        has!("sse3"),
        has!("ssse3"),
        has!("sse4.1"),
        has!("sse4.2"),
        has!("popcnt"),
        has!("cmpxchg16b"),
        has!("avx"),
        has!("avx2"),
        has!("fma"),
        has!("bmi1"),
        has!("bmi2"),
        has!("lzcnt"),
        has!("avx512f"),
        has!("avx512dq"),
        has!("avx512vl"),
        has!("avx512vbmi"),
        has!("avx512bitalg"),
    ]
    .map(u8::from)
    .to_vec()
}

/// Elsewhere Cranelift chooses between few, and a cache that moves to a lesser processor is
/// refused by wasmtime.
#[cfg(not(target_arch = "x86_64"))]
fn processor() -> Vec<u8> {
    Vec::new()
}

fn config() -> wasmtime::Result<Config> {
    let mut config = Config::new();
    config
        // Never Winch: it has had sandbox escapes of its own and knows no epochs.
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .epoch_interruption(true)
        .memory_init_cow(true)
        .max_wasm_stack(GUEST_STACK_BYTES)
        .async_stack_size(WHOLE_STACK_BYTES)
        .shared_memory(false)
        .concurrency_support(false)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(Some(BACKTRACE_FRAMES_MAX))
        // Both serve debuggers alone; without them code is smaller and starts sooner.
        .native_unwind_info(false)
        .generate_address_map(false)
        .parallel_compilation(true);
    for (feature, _) in PROPOSALS_OFF {
        config.wasm_features(feature, false);
    }
    config.module_version(ModuleVersionStrategy::Custom(compiler()))?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[track_caller]
    fn check(text: &str, on: bool) {
        let wasm = wat::parse_str(text).unwrap();
        assert_eq!(
            compiling().unwrap().precompile_module(&wasm).is_ok(),
            on,
            "{text}"
        );
    }

    // Cargo switches a feature of wasmtime on for the whole build if any crate asks for it.
    #[test]
    fn proposals_that_stay_off_are_off_whatever_features_cargo_unifies() {
        check("(module (memory 1 1 shared))", false);
        check("(module (memory i64 1))", false);
        check("(module (type (struct)))", false);
        check("(module (func (param externref)))", false);
        check("(module (tag))", false);
        check("(module (memory 1 (pagesize 1)))", false);
    }

    #[test]
    fn what_compilers_of_servers_emit_is_on() {
        check("(module (func (param v128)))", true);
        check("(module (memory 1) (memory 1))", true);
        check(
            "(module (table 1 funcref) (func (call_indirect (i32.const 0))))",
            true,
        );
        check("(module (func $f (return_call $f)))", true);
        check(
            "(module (memory 1)
               (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))))",
            true,
        );
    }

    #[test]
    fn the_fingerprint_is_short_and_stable() {
        assert_eq!(fingerprint().len(), 16);
        assert_eq!(fingerprint(), fingerprint());
    }
}
