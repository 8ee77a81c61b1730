//! What a component's worker and compiler are told, and what they answer.
//!
//! The worker is brig's wasmtime process inside a component's cell. It gets its orders as JSON on
//! one descriptor, the compiled code on another, and answers on a third. Everything it answers is
//! hostile input: a guest may have taken the worker over.

use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

use crate::egress::Egress;
use crate::egress::guest::AskedFor;

/// Descriptor on which worker and compiler read their [`WorkerOrders`] or [`CompileOrders`]:
/// JSON up to the end of file.
pub const ORDERS_FD: i32 = 3;
/// Descriptor that holds compiled code: a regular file that the worker maps, or an empty memory
/// file that the compiler fills.
pub const CODE_FD: i32 = 4;
/// Descriptor on which worker and compiler write JSON lines: [`WorkerReport`] or [`CompileReport`].
pub const REPORT_FD: i32 = 5;

/// Refusals that a worker tells of. They all find room in the pipe for reports (pipe(7): 64 KiB),
/// so that no guest waits for who reads it.
pub const REFUSALS_TOLD_MAX: usize = 64;

/// What stands before the name of a guest's variable in the worker's own environment: a secret,
/// which no orders hold.
pub const GUEST_VARIABLE: &str = "BRIG_GUEST_";

/// The two forms of WebAssembly that brig runs, told apart by bytes 4..8 of the file and never by
/// its name (component model binary format, preamble).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A component that exports `wasi:cli/run@0.2.x`.
    Component,
    /// A core module that imports `wasi_snapshot_preview1` and exports `_start`.
    CoreModule,
}

/// Whether a directory inside the cell may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Read and list.
    Read,
    /// Read, list, create, change and delete.
    Write,
}

/// One directory that the guest finds at its start (a WASI preopen).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preopen {
    /// Absolute path in the cell, for the worker: in a full cell the same as `at`, in a narrow one
    /// the host's own.
    pub source: String,
    /// Absolute path for the guest.
    pub at: String,
    /// What the guest may do there.
    pub access: Access,
}

/// Bounds that the worker holds by itself. The cell holds the same process by kernel bounds too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerLimits {
    /// Sum over all linear memories and tables (8 bytes an element) of the store, in bytes.
    pub memory_bytes_max: u64,
    /// Linear memories, all instances together.
    pub memories_max: u32,
    /// Tables, all instances together.
    pub tables_max: u32,
    /// Core instances.
    pub instances_max: u32,
    /// Bytes that one host call may copy out of the guest.
    pub host_call_bytes_max: u64,
    /// Component handles and entries of the resource table.
    pub handles_max: u32,
    /// Bytes of random data that one host call may ask for.
    pub random_bytes_max: u64,
}

/// Everything that the worker needs to run one guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerOrders {
    /// What the code is.
    pub form: Form,
    /// The guest's arguments, its name first.
    pub args: Vec<String>,
    /// The guest's whole environment.
    pub env: Vec<(String, String)>,
    /// The guest's directories.
    pub preopens: Vec<Preopen>,
    /// Bounds.
    pub limits: WorkerLimits,
    /// Length of the compiled code in bytes. It starts at offset 0 of the file.
    pub code_bytes: u64,
    /// Keyed BLAKE3 of the compiled code, lower-case hexadecimal (64 digits).
    pub code_hash: String,
    /// The key of that hash, derived for this one entry of the cache, lower-case hexadecimal.
    pub code_key: String,
    /// The seccomp program that the worker puts on itself once code is loaded, as instructions of
    /// `struct sock_filter` packed little-endian in 64 bits each: code, jt, jf, k.
    pub filter_after_load: Vec<u64>,
    /// Whom the guest may reach; none where nobody is granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<Egress>,
    /// Whom TLS believes who a host is: certificates as DER (RFC 5280) in Base64. Where the guest
    /// cannot ask for TLS there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorities: Vec<String>,
    /// For tests: once all walls are up, an attacker's native code runs in the guest's place.
    #[cfg(feature = "test-hooks")]
    pub captured: bool,
}

/// What the worker writes, one JSON object a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum WorkerReport {
    /// Code is verified and loaded, the second filter is on, the guest starts now.
    Ready,
    /// The guest asked for somebody whom no grant has. Each is told once, and at most
    /// [`REFUSALS_TOLD_MAX`] of them.
    Refused(AskedFor),
    /// The guest returned or called exit.
    Exited {
        /// Exit status, 0 to 255 by convention.
        status: i32,
    },
    /// The guest trapped, or asked at its start for more than its limits.
    Trapped {
        /// `memory limit`, `stack overflow`, `trap` or `host`, then a colon and words of wasmtime
        /// and of the guest: at most 2,000 bytes, without control characters.
        reason: String,
    },
    /// The worker refused or failed before the guest's first instruction.
    Failed {
        /// The step, as it reads after "cannot".
        step: String,
        /// Why.
        reason: String,
    },
}

/// What the compiler needs. The WebAssembly bytes arrive on its standard input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompileOrders {
    /// What the bytes are.
    pub form: Form,
    /// Bytes of input at most; one more is an error.
    pub input_bytes_max: u64,
    /// Bytes of code at most.
    pub code_bytes_max: u64,
}

/// What the compiler writes, one JSON object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum CompileReport {
    /// The code is in [`CODE_FD`].
    Compiled {
        /// Its length.
        code_bytes: u64,
    },
    /// The bytes are no module or component that brig can run.
    Refused {
        /// wasmtime's words, at most 2,000 bytes, or ours for a wrong world.
        reason: String,
    },
}
