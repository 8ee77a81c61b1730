//! The files of a control group that bound it: writing them, and reading them back.

use super::Version;
use brig_sandbox::cell::ControlGroup;
use brig_sandbox::facts::Controller;
use std::fs;
use std::io;
use std::path::Path;

pub(super) fn bound(bounds: &ControlGroup, controller: Controller) -> Option<u64> {
    match controller {
        Controller::Cpu => bounds.processor_milli,
        Controller::Memory => bounds.memory_bytes_max,
        Controller::Pids => bounds.processes_max,
    }
}

/// Microseconds of one scheduling period.
const PERIOD_US: u64 = 100_000;

pub(super) fn set(
    folder: &Path,
    version: Version,
    controller: Controller,
    value: u64,
) -> io::Result<()> {
    let quota = value * PERIOD_US / 1000;
    match (version, controller) {
        (_, Controller::Pids) => write(folder, "pids.max", &value.to_string()),
        (Version::V2, Controller::Cpu) => write(folder, "cpu.max", &format!("{quota} {PERIOD_US}")),
        (Version::V1, Controller::Cpu) => {
            write(folder, "cpu.cfs_period_us", &PERIOD_US.to_string())?;
            write(folder, "cpu.cfs_quota_us", &quota.to_string())
        }
        (Version::V2, Controller::Memory) => {
            write(folder, "memory.max", &whole_pages(value).to_string())?;
            // One process killed out of many leaves a server that is neither dead nor alive.
            write(folder, "memory.oom.group", "1")?;
            if folder.join("memory.swap.max").exists() {
                write(folder, "memory.swap.max", "0")?;
            }
            Ok(())
        }
        (Version::V1, Controller::Memory) => {
            let bytes = whole_pages(value).to_string();
            write(folder, "memory.limit_in_bytes", &bytes)?;
            if folder.join("memory.memsw.limit_in_bytes").exists() {
                write(folder, "memory.memsw.limit_in_bytes", &bytes)?;
            }
            Ok(())
        }
    }
}

/// The kernel counts pages, and tells a rounded value back.
fn whole_pages(bytes: u64) -> u64 {
    let page = rustix::param::page_size() as u64;
    bytes / page * page
}

/// Writes a bound and reads it back: some kernels and some runtimes take a value in silence.
fn write(folder: &Path, file: &str, value: &str) -> io::Result<()> {
    let path = folder.join(file);
    fs::write(&path, value)?;
    let found = fs::read_to_string(&path)?;
    if found.trim_end() == value {
        Ok(())
    } else {
        let words = format!("{file} is {} and not {value}", found.trim_end());
        Err(io::Error::other(words))
    }
}

/// A bound in the kernel's own grain.
pub(super) fn as_kept(controller: Controller, value: u64) -> u64 {
    match controller {
        Controller::Memory => whole_pages(value),
        Controller::Cpu | Controller::Pids => value,
    }
}

/// What bounds a group now: none where nothing does.
pub(super) fn read(folder: &Path, version: Version, controller: Controller) -> Option<u64> {
    let text = |file: &str| fs::read_to_string(folder.join(file)).ok();
    let number = |file: &str| text(file)?.trim().parse::<u64>().ok();
    match (version, controller) {
        (_, Controller::Pids) => number("pids.max"),
        (Version::V1, Controller::Memory) => number("memory.limit_in_bytes"),
        (Version::V2, Controller::Memory) => number("memory.max"),
        (Version::V1, Controller::Cpu) => {
            let quota = number("cpu.cfs_quota_us")?;
            (quota * 1000).checked_div(number("cpu.cfs_period_us")?)
        }
        (Version::V2, Controller::Cpu) => {
            let text = text("cpu.max")?;
            let (quota, period) = text.trim().split_once(' ')?;
            (quota.parse::<u64>().ok()? * 1000).checked_div(period.parse().ok()?)
        }
    }
}
