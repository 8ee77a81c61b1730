//! What a server may use, each bounded whether the manifest says so or not.

use alloc::string::{String, ToString as _};

use crate::quantity::{Count, Cpus, Period, Size};

/// The limits of one server.
///
/// What an attacker gains without each is said beside it. The range is what a manifest may ask
/// for; a value outside of it is a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// All memory of the server: 256 MiB unless written, 16 MiB to 1024 GiB. Without it a server
    /// takes the host's memory, and the kernel kills what it likes.
    pub memory_bytes: u64,
    /// Thousandths of a processor: 1000 unless written, 50 to 1024000. Without it a server that
    /// spins slows everything else.
    pub cpus_milli: u32,
    /// Processes and threads: 64 unless written, 1 to 32768. Without it a server that forks takes
    /// every process number of the host.
    pub processes: u32,
    /// Open descriptors of one process: 256 unless written, 16 to 65536. Without it a server
    /// holds kernel memory that no other limit counts.
    pub open_files: u32,
    /// What `/tmp` holds: 64 MiB unless written, 64 KiB to 64 GiB. Without it a server fills the
    /// host's memory with files.
    pub scratch_bytes: u64,
    /// One message, either way: 16 MiB unless written, 64 KiB to 1 GiB. Without it one line
    /// without end takes the bridge's memory.
    pub message_bytes: u64,
    /// The time from the start to the first answer: 30 s unless written, 100 ms to 10 minutes.
    /// Without it a client waits for ever on a server that never speaks.
    pub start_ms: u64,
    /// The time for one call: 60 s unless written, 100 ms to 60 minutes. Without it one call
    /// holds its place for ever.
    pub call_ms: u64,
}

/// One of the limits, for what is done with each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Limit {
    Memory,
    Cpus,
    Processes,
    OpenFiles,
    Scratch,
    Message,
    Start,
    Call,
}

impl Limit {
    /// Every limit, in the order of the format.
    pub(crate) const ALL: &'static [Self] = &[
        Self::Memory,
        Self::Cpus,
        Self::Processes,
        Self::OpenFiles,
        Self::Scratch,
        Self::Message,
        Self::Start,
        Self::Call,
    ];

    /// Its key.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpus => "cpus",
            Self::Processes => "processes",
            Self::OpenFiles => "open-files",
            Self::Scratch => "scratch",
            Self::Message => "message",
            Self::Start => "start",
            Self::Call => "call",
        }
    }

    /// Its value, in the unit that [`Limits`] has.
    pub(crate) fn of(self, limits: &Limits) -> u64 {
        match self {
            Self::Memory => limits.memory_bytes,
            Self::Cpus => limits.cpus_milli.into(),
            Self::Processes => limits.processes.into(),
            Self::OpenFiles => limits.open_files.into(),
            Self::Scratch => limits.scratch_bytes,
            Self::Message => limits.message_bytes,
            Self::Start => limits.start_ms,
            Self::Call => limits.call_ms,
        }
    }

    /// Takes it down to a value, and never up.
    pub(crate) fn lower(self, limits: &mut Limits, most: u64) {
        let small = |value: u32| value.min(u32::try_from(most).unwrap_or(u32::MAX));
        match self {
            Self::Memory => limits.memory_bytes = limits.memory_bytes.min(most),
            Self::Cpus => limits.cpus_milli = small(limits.cpus_milli),
            Self::Processes => limits.processes = small(limits.processes),
            Self::OpenFiles => limits.open_files = small(limits.open_files),
            Self::Scratch => limits.scratch_bytes = limits.scratch_bytes.min(most),
            Self::Message => limits.message_bytes = limits.message_bytes.min(most),
            Self::Start => limits.start_ms = limits.start_ms.min(most),
            Self::Call => limits.call_ms = limits.call_ms.min(most),
        }
    }

    /// A value of it as an author writes it.
    pub(crate) fn show(self, value: u64) -> String {
        let small = || u32::try_from(value).unwrap_or(u32::MAX);
        match self {
            Self::Memory | Self::Scratch | Self::Message => Size(value).to_string(),
            Self::Start | Self::Call => Period(value).to_string(),
            Self::Cpus => Cpus(small()).to_string(),
            Self::Processes | Self::OpenFiles => Count(small()).to_string(),
        }
    }
}

/// The value where nothing is written, and the range of what may be.
pub(crate) struct Bounds<T> {
    pub(crate) default: T,
    pub(crate) least: T,
    pub(crate) most: T,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;

pub(crate) const MEMORY: Bounds<Size> = Bounds {
    default: Size(256 * MIB),
    least: Size(16 * MIB),
    most: Size(1024 * GIB),
};
pub(crate) const CPUS: Bounds<Cpus> = Bounds {
    default: Cpus(1000),
    least: Cpus(50),
    most: Cpus(1_024_000),
};
pub(crate) const PROCESSES: Bounds<Count> = Bounds {
    default: Count(64),
    least: Count(1),
    most: Count(32_768),
};
pub(crate) const OPEN_FILES: Bounds<Count> = Bounds {
    default: Count(256),
    least: Count(16),
    most: Count(65_536),
};
pub(crate) const SCRATCH: Bounds<Size> = Bounds {
    default: Size(64 * MIB),
    least: Size(64 * KIB),
    most: Size(64 * GIB),
};
pub(crate) const MESSAGE: Bounds<Size> = Bounds {
    default: Size(16 * MIB),
    least: Size(64 * KIB),
    most: Size(GIB),
};
pub(crate) const STATE: Bounds<Size> = Bounds {
    default: Size(256 * MIB),
    least: Size(MIB),
    most: Size(1024 * GIB),
};
pub(crate) const START: Bounds<Period> = Bounds {
    default: Period(30 * SECOND),
    least: Period(100),
    most: Period(10 * MINUTE),
};
pub(crate) const CALL: Bounds<Period> = Bounds {
    default: Period(60 * SECOND),
    least: Period(100),
    most: Period(60 * MINUTE),
};
/// Of a limit of tools, as are the two below: there is none unless it is written. Each call that
/// counts is remembered for a minute, in 8 bytes.
pub(crate) const CALLS_PER_MINUTE: Bounds<Count> = Bounds {
    default: Count(60),
    least: Count(1),
    most: Count(6000),
};
pub(crate) const CONCURRENCY: Bounds<Count> = Bounds {
    default: Count(4),
    least: Count(1),
    most: Count(16_384),
};
pub(crate) const RESULT: Bounds<Size> = Bounds {
    default: Size(MIB),
    least: Size(KIB),
    most: Size(GIB),
};
