//! `brig verify`: starts the sandbox of a manifest, reads its walls, and compares each with the
//! plan.
//!
//! Two readers: init, which compared its walls from inside before the server's first instruction
//! and would have refused to start it on any difference; and this process, which looks at the
//! running worker from outside, through proc(5). The second believes nothing that the first said.

mod process;

use crate::bridge::pump::Server;
use crate::exit::Exit;
use crate::launch::{Warden, WardenEvent};
use crate::log::Log;
use crate::prepare::{Planned, check, decide};
use crate::report::Refused;
use crate::serve::start;
use crate::streams::Read;
use brig_sandbox::component::WorkerReport;
use brig_sandbox::plan::{Isolation, Residual};
use process::{is_behind_its_filter, walls};
use serde::Serialize;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// One wall: what the plan says, and what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wall {
    /// Its name.
    pub name: String,
    /// What the plan says.
    pub planned: String,
    /// What was read.
    pub found: String,
    /// Who read it.
    pub reader: Reader,
}

/// Who read a wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reader {
    /// init, from inside, before the server started.
    Inside,
    /// This process, from outside, while the server ran.
    Outside,
}

impl Wall {
    /// Whether it stands as planned.
    pub fn stands(&self) -> bool {
        self.planned == self.found
    }
}

/// All that was read.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// The plan's digest.
    pub digest: String,
    /// Every wall.
    pub walls: Vec<Wall>,
    /// What stays open, by the plan's own word.
    pub residuals: Vec<Residual>,
}

impl Verdict {
    /// Whether every wall stands as planned.
    pub fn stands(&self) -> bool {
        self.walls.iter().all(Wall::stands)
    }
}

/// Starts the sandbox, reads it, and ends it.
pub fn verify(manifest: &Path, project: Option<&Path>) -> Result<Verdict, Refused> {
    let planned = decide(check(manifest, project)?)?;
    let log = Log::new(&planned.plan.server);
    let server = start(&planned, Warden::spawn(), &log)?;
    let start_ms = planned.plan.bridge.start_ms;
    let ready = match planned.plan.isolation {
        Isolation::Component(_) => wait_ready(&server, start_ms),
        Isolation::Container(_) => wait_program(&server, start_ms),
    };
    let read = ready.and_then(|()| read(&planned, &server));
    // The cell ends whatever was found.
    let ended = server.running.kill();
    let walls = read?;
    ended.map_err(|error| broken(&error))?;
    Ok(Verdict {
        digest: planned.plan.digest(),
        walls,
        residuals: planned.plan.residuals,
    })
}

/// Waits until the worker has put its second filter on, which it reports.
fn wait_ready(server: &Server, start_ms: u64) -> Result<(), Refused> {
    let until = Instant::now() + Duration::from_millis(start_ms);
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    while Instant::now() < until {
        match server.running.event_now() {
            Ok(event) => go_on(event)?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(broken(&error)),
        }
        if let Read::Bytes(count) = server.reports.read(&mut buffer) {
            text.extend_from_slice(buffer.get(..count).unwrap_or_default());
        }
        let mut lines = text.split(|byte| *byte == b'\n');
        let report = lines.find_map(|line| serde_json::from_slice::<WorkerReport>(line).ok());
        match report {
            Some(WorkerReport::Ready) => return Ok(()),
            Some(WorkerReport::Failed { step, reason }) => {
                return Err(gone(&format!("cannot {step}: {reason}")));
            }
            Some(WorkerReport::Exited { .. } | WorkerReport::Trapped { .. }) | None => {}
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(gone(
        "the worker was not ready in the time that a start may take",
    ))
}

/// Waits until init has put the server's filter on it, after which nothing of its walls changes.
fn wait_program(server: &Server, start_ms: u64) -> Result<(), Refused> {
    let until = Instant::now() + Duration::from_millis(start_ms);
    while Instant::now() < until {
        match server.running.event_now() {
            Ok(event) => go_on(event)?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(broken(&error)),
        }
        if is_behind_its_filter(server.running.warden_id()) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(gone(
        "the program was not started in the time that a start may take",
    ))
}

fn go_on(event: Option<WardenEvent>) -> Result<(), Refused> {
    match event {
        Some(WardenEvent::Started) => Ok(()),
        Some(WardenEvent::Failed { step, reason, help }) => {
            let message = format!("cannot {step}: {reason}");
            let help = help.unwrap_or_default();
            Err(Refused::one(Exit::Launch, "launch-failed", message, &help))
        }
        Some(WardenEvent::Ended { .. }) | None => {
            Err(gone("the server ended before its walls could be read"))
        }
    }
}

fn read(planned: &Planned, server: &Server) -> Result<Vec<Wall>, Refused> {
    walls(&planned.plan, server.running.warden_id()).map_err(|error| broken(&error))
}

fn gone(message: &str) -> Refused {
    Refused::one(Exit::Launch, "launch-failed", message, "")
}

fn broken(error: &io::Error) -> Refused {
    let message = format!("cannot read the walls of the sandbox: {error}");
    Refused::one(Exit::Failure, "verify-failed", message, "")
}
