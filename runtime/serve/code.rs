//! Compiled code: from the cache, or from the compiler in a cell without grants.

use super::start::{component_orders, launch_failed};
use crate::component::cache::{Cache, CacheError, Digest, Entry};
use crate::component::compiled as read_report;
use crate::exit::Exit;
use crate::launch::{End, Given, LaunchError, Running, Warden, WardenEvent, sealed};
use crate::log::Log;
use crate::places::code_cache;
use crate::prepare::{Planned, form};
use crate::report::Refused;
use brig_images::component::Component;
use brig_sandbox::component::{CompileOrders, CompileReport};
use brig_sandbox::lower::native::ComponentRole;
use brig_sandbox::plan::{CODE_BYTES_MAX, COMPONENT_BYTES_MAX, compiler_cell};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{MemfdFlags, Mode, OFlags};
use rustix::pipe::PipeFlags;
use rustix::stdio::stdout;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// Bytes of the compiler's report that are read.
const REPORT_BYTES_MAX: u64 = 64 << 10;

/// The plan's code, compiled. An entry of the cache that somebody changed is told, removed and made
/// again: what it was cannot be used, and a start need not fail for it.
pub(super) fn compiled(planned: &Planned, log: &Log) -> Result<Entry, Refused> {
    let cache = Cache::open(&folder()?).map_err(|error| cache_failed(&error))?;
    let Some(component) = &planned.component else {
        return Err(Refused::one(
            Exit::Failure,
            "no-component",
            "there is nothing to compile",
            "",
        ));
    };
    let digest = Digest::of(&component.bytes);
    match cache.lookup(&digest) {
        Ok(Some(entry)) => return Ok(entry),
        Ok(None) => {}
        Err(error @ CacheError::Entry(..)) => {
            log.notice(&format!("cannot {error}; it is removed and made again"));
            cache.remove(&digest).map_err(|e| cache_failed(&e))?;
        }
        Err(error) => return Err(cache_failed(&error)),
    }
    let (code, code_bytes) = compile(planned, component)?;
    cache
        .store(&digest, &code, code_bytes)
        .map_err(|error| cache_failed(&error))
}

/// Where compiled code is kept.
pub(super) fn folder() -> Result<PathBuf, Refused> {
    code_cache().map_err(|error| {
        let help = "set HOME, or XDG_CACHE_HOME, to a folder of your own";
        Refused::one(Exit::Failure, "no-cache", format!("cannot {error}"), help)
    })
}

fn cache_failed(error: &CacheError) -> Refused {
    Refused::one(
        Exit::Failure,
        "cache-failed",
        format!("cannot {error}"),
        "the folder must be yours alone (0700); removing it is safe, brig compiles again",
    )
}

/// Bytes in, code out: the compiler gets no other right, and what it says is not believed beyond
/// its length.
fn compile(planned: &Planned, component: &Component) -> Result<(File, u64), Refused> {
    let cell = compiler_cell(&planned.facts).map_err(|open| {
        let first = open.into_iter().next();
        let (message, remedy) =
            first.map_or_else(Default::default, |open| (open.to_string(), open.remedy));
        Refused::one(Exit::Unenforceable, "unenforceable", message, &remedy)
    })?;
    let orders = CompileOrders {
        form: form(component.form),
        input_bytes_max: COMPONENT_BYTES_MAX,
        code_bytes_max: CODE_BYTES_MAX,
    };
    let warden_orders = component_orders(planned, &cell, ComponentRole::Compiler)?;
    let broken = |error: io::Error| launch_failed(&LaunchError::Warden(error));
    let code = rustix::fs::memfd_create("brig-code", MemfdFlags::CLOEXEC)
        .map_err(|errno| broken(errno.into()))?;
    let (report, theirs) =
        rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(|errno| broken(errno.into()))?;
    let descriptors = descriptors(component, &orders, &code, theirs).map_err(broken)?;
    let warden = Warden::spawn().map_err(|error| launch_failed(&error))?;
    let running = warden
        .launch(&warden_orders, &Given::default(), &descriptors)
        .map_err(|error| launch_failed(&error))?;
    drop(descriptors);
    let end = wait(&running).map_err(|error| launch_failed(&error))?;
    running.kill().map_err(broken)?;
    let mut text = Vec::new();
    File::from(report)
        .take(REPORT_BYTES_MAX)
        .read_to_end(&mut text)
        .map_err(broken)?;
    judge(&text, end, File::from(code))
}

fn descriptors(
    component: &Component,
    orders: &CompileOrders,
    code: &OwnedFd,
    report: OwnedFd,
) -> io::Result<[OwnedFd; 6]> {
    let null = || {
        rustix::fs::open("/dev/null", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
            .map_err(io::Error::from)
    };
    let orders = serde_json::to_vec(orders)?;
    Ok([
        sealed(&component.bytes)?,
        null()?,
        null()?,
        sealed(&orders)?,
        code.try_clone()?,
        report,
    ])
}

/// Waits for the compiler's end, or for the client's: a compilation can take minutes, and without
/// anyone who reads brig's answers there is nobody to compile for.
fn wait(running: &Running) -> Result<End, LaunchError> {
    loop {
        let out = stdout();
        let mut polled = [
            PollFd::from_borrowed_fd(running.channel(), PollFlags::IN),
            // Asked for nothing, a pipe or socket still tells that its other end is closed.
            PollFd::from_borrowed_fd(out, PollFlags::empty()),
        ];
        match rustix::event::poll(&mut polled, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(LaunchError::Warden(errno.into())),
        }
        let [told, unread] = polled.map(|entry| !entry.revents().is_empty());
        if !told {
            if unread {
                return Ok(End::Killed);
            }
            continue;
        }
        match running.event().map_err(LaunchError::Warden)? {
            Some(WardenEvent::Read { .. } | WardenEvent::Met { .. } | WardenEvent::Started) => {}
            Some(WardenEvent::Ended { end }) => return Ok(end),
            Some(WardenEvent::Failed { step, reason, help }) => {
                return Err(LaunchError::Cell { step, reason, help });
            }
            None => return Ok(End::Killed),
        }
    }
}

fn judge(report: &[u8], end: End, code: File) -> Result<(File, u64), Refused> {
    let refused = |message: String| {
        let help = "`component` takes WASI 0.2 command components and WASI preview 1 core modules";
        Err(Refused::one(
            Exit::Artifact,
            "artifact-refused",
            message,
            help,
        ))
    };
    match read_report(report) {
        Some(CompileReport::Compiled { code_bytes }) => {
            let length = code.metadata().map_or(0, |metadata| metadata.len());
            if code_bytes == length && length <= CODE_BYTES_MAX {
                Ok((code, code_bytes))
            } else {
                refused("the compiler's code is not as long as it says".to_owned())
            }
        }
        Some(CompileReport::Refused { reason }) => {
            refused(format!("cannot run the component: {reason}"))
        }
        None if end == End::Killed => Err(Refused::one(
            Exit::Launch,
            "launch-failed",
            "cannot compile the component: the compiler was killed",
            "start again",
        )),
        None => refused(format!(
            "cannot compile the component: the compiler ended without a word ({}), as it does when \
             it would pass its bounds of time or memory",
            how(end)
        )),
    }
}

fn how(end: End) -> String {
    match end {
        End::Exit { status } => format!("status {status}"),
        End::Signal { signal } => format!("signal {signal}"),
        End::OutOfMemory => "out of memory".to_owned(),
        End::Killed => "killed".to_owned(),
    }
}
