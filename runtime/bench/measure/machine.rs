//! The machine that a benchmark was taken on, as far as it tells.

use super::session::shown;
use crate::bench::samples::Machine;
use std::fs;
use std::process::Command;

/// What is known now; the load at the end comes later.
pub(super) fn machine() -> Machine {
    let load = load();
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let of = |key: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut notes = Vec::new();
    if of("flags").is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor")) {
        notes.push("a virtual machine: its host may do other work at any time".to_owned());
    }
    match first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") {
        Some(governor) => notes.push(format!("the processors' governor is {}", shown(&governor))),
        None => notes.push("nothing tells how the processors' frequency is governed".to_owned()),
    }
    Machine {
        processor: of("model name").map_or("unknown".to_owned(), |name| shown(&name)),
        processors: u32::try_from(processors).unwrap_or(u32::MAX),
        memory_kib: memory_kib(),
        kernel: first_line("/proc/sys/kernel/osrelease")
            .map_or("unknown".to_owned(), |it| shown(&it)),
        system: system(),
        load_before: load,
        load_after: load,
        notes,
    }
}

/// Mean load of 1, 5 and 15 minutes (proc_loadavg(5)).
pub(super) fn load() -> [f64; 3] {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut values = text.split(' ').filter_map(|value| value.parse().ok());
    [(); 3].map(|()| values.next().unwrap_or_default())
}

fn memory_kib() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    kib.unwrap_or_default()
}

fn system() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="));
    line.map_or("unknown".to_owned(), |name| shown(name.trim_matches('"')))
}

fn first_line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines()
        .next()
        .map(str::to_owned)
        .filter(|line| !line.is_empty())
}

/// What a program says of its version, where it says something in one line.
pub(super) fn version_of(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = said + &String::from_utf8_lossy(&output.stderr);
    let line = said
        .lines()
        .map(str::trim)
        .find(|line| line.contains(|c: char| c.is_ascii_digit()));
    line.map(|line| shown(line).chars().take(80).collect())
}
