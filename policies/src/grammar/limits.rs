//! `[limits]`

use super::{Key, Section, Takes};
use crate::fault::FaultCode;
use crate::limits::{
    CALL, CPUS as CPUS_BOUNDS, MEMORY as MEMORY_BOUNDS, MESSAGE as MESSAGE_BOUNDS,
    OPEN_FILES as OPEN_FILES_BOUNDS, PROCESSES as PROCESSES_BOUNDS, SCRATCH as SCRATCH_BOUNDS,
    START as START_BOUNDS,
};

pub(crate) const MEMORY: Key = Key::new(
    "memory",
    Takes::Size(&MEMORY_BOUNDS),
    "memory = \"256MiB\"",
    "All memory of the server.",
)
.also(&["mem", "ram", "memory-bytes", "mem-limit"])
.refused("memory = 256", FaultCode::WrongType);

pub(crate) const CPUS: Key = Key::new(
    "cpus",
    Takes::Cpus(&CPUS_BOUNDS),
    "cpus = 1.0",
    "Processors, with at most three decimals.",
)
.also(&["cpu", "cores"])
.refused("cpus = 0.0001", FaultCode::InvalidNumber);

pub(crate) const PROCESSES: Key = Key::new(
    "processes",
    Takes::Count(&PROCESSES_BOUNDS),
    "processes = 64",
    "Processes and threads.",
)
.also(&["pids", "threads", "nproc", "pids-limit"])
.refused("processes = 0", FaultCode::OutOfRange);

pub(crate) const OPEN_FILES: Key = Key::new(
    "open-files",
    Takes::Count(&OPEN_FILES_BOUNDS),
    "open-files = 256",
    "Open files of each process.",
)
.also(&["nofile", "fds", "descriptors", "ulimits"])
.refused("open-files = -1", FaultCode::InvalidNumber);

pub(crate) const SCRATCH: Key = Key::new(
    "scratch",
    Takes::Size(&SCRATCH_BOUNDS),
    "scratch = \"64MiB\"",
    "What `/tmp` holds; it ends with the server.",
)
.also(&["tmp", "tmpfs", "disk", "storage"])
.refused("scratch = \"64MB\"", FaultCode::InvalidSize);

pub(crate) const MESSAGE: Key = Key::new(
    "message",
    Takes::Size(&MESSAGE_BOUNDS),
    "message = \"16MiB\"",
    "One message, either way.",
)
.also(&["line", "frame", "message-size"])
.refused("message = \"2GiB\"", FaultCode::OutOfRange);

pub(crate) const START: Key = Key::new(
    "start",
    Takes::Period(&START_BOUNDS),
    "start = \"30s\"",
    "The time to the first sign of life.",
)
.also(&["startup", "startup-timeout"])
.refused("start = 30", FaultCode::WrongType);

pub(crate) const CALL_KEY: Key = Key::new(
    "call",
    Takes::Period(&CALL),
    "call = \"60s\"",
    "The time for one call, anew with each progress.",
)
.also(&["timeout", "tool-timeout"])
.refused("call = \"1 min\"", FaultCode::InvalidDuration);

pub(crate) const SECTION: Section = Section {
    title: "[limits]",
    keys: &[
        MEMORY, CPUS, PROCESSES, OPEN_FILES, SCRATCH, MESSAGE, START, CALL_KEY,
    ],
    one_of: &[],
    whole: &[],
};
