//! `brig verify`: starts the sandbox of a manifest, reads its walls, and compares each with the
//! plan.
//!
//! Two readers: init, which reads its walls from inside before the server's first instruction and
//! tells what they are; and this process, which looks at the running server from outside, through
//! proc(5). The second believes nothing that the first said.

mod belongings;
mod engines;
mod inside;
mod process;

use crate::bridge::pump::Server;
use crate::consent::{By, Start};
use crate::exit::Exit;
use crate::launch::{Warden, WardenEvent};
use crate::log::Log;
use crate::prepare::Planned;
use crate::report::Refused;
use crate::secrets;
use crate::serve::start;
use crate::streams::Read;
use crate::trace::Tracing;
use brig_sandbox::component::WorkerReport;
use brig_sandbox::engine::Engine;
use brig_sandbox::plan::{Isolation, Plan, Residual};
use process::walls;
use serde::Serialize;
use std::io;
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
pub(crate) fn verify(given: Start<'_>) -> Result<Verdict, Refused> {
    let (asked, approved) = given.approved(By::User, true)?;
    let planned = asked.planned;
    let mut log = Log::new(&planned.plan.server);
    let found = secrets::find(&planned.plan)?;
    log.mask(&found);
    let server = start(
        &planned,
        &approved,
        &found,
        (Warden::spawn(), None, Tracing::default()),
        &log,
    )?;
    let ready = wait(&planned, &server);
    let read = ready.and_then(|heard| read(&planned, &server, &heard));
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

/// What has been heard of a start so far.
#[derive(Default)]
struct Heard {
    /// What init read, once it told that.
    found: Option<Vec<(u8, u64)>>,
    started: bool,
    /// The init that an engine started.
    init: Option<u32>,
    reports: Vec<u8>,
}

/// Waits until nothing of the server's walls changes any more, and gives what init read.
fn wait(planned: &Planned, server: &Server) -> Result<Heard, Refused> {
    let start_ms = planned.plan.bridge.start_ms;
    let until = Instant::now() + Duration::from_millis(start_ms);
    let mut heard = Heard::default();
    while Instant::now() < until {
        match server.running.event_now() {
            Ok(event) => heard.go_on(event)?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(broken(&error)),
        }
        let ready = heard.started
            && match planned.plan.isolation {
                Isolation::Component(_) => heard.worker_is_ready(server)?,
                // Until then it is a copy of init, which puts everything on it.
                Isolation::Container(_) => has_begun(&planned.plan, heard.init_of(server)),
            };
        if ready {
            return Ok(heard);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(gone(
        "the server was not ready in the time that a start may take",
    ))
}

impl Heard {
    /// The cell's init: the one that connected, or the warden's child.
    fn init_of(&self, server: &Server) -> Option<u32> {
        let child = || process::only_child(server.running.warden_id()).ok();
        self.init.or_else(child)
    }

    /// Whether the worker has put its second filter on, which it reports.
    fn worker_is_ready(&mut self, server: &Server) -> Result<bool, Refused> {
        let mut buffer = [0; 4096];
        if let Read::Bytes(count) = server.reports.read(&mut buffer) {
            let bytes = buffer.get(..count).unwrap_or_default();
            self.reports.extend_from_slice(bytes);
        }
        let mut lines = self.reports.split(|byte| *byte == b'\n');
        let report = lines.find_map(|line| serde_json::from_slice::<WorkerReport>(line).ok());
        match report {
            Some(WorkerReport::Ready) => Ok(true),
            Some(WorkerReport::Failed { step, reason }) => {
                Err(gone(&format!("cannot {step}: {reason}")))
            }
            Some(
                WorkerReport::Refused(_)
                | WorkerReport::Exited { .. }
                | WorkerReport::Trapped { .. },
            )
            | None => Ok(false),
        }
    }

    fn go_on(&mut self, event: Option<WardenEvent>) -> Result<(), Refused> {
        match event {
            Some(WardenEvent::Read { found }) => self.found = Some(found),
            Some(WardenEvent::Met { init }) => self.init = Some(init),
            Some(WardenEvent::Started) => self.started = true,
            Some(WardenEvent::Failed { step, reason, help }) => {
                let message = format!("cannot {step}: {reason}");
                let help = help.unwrap_or_default();
                return Err(Refused::one(Exit::Launch, "launch-failed", message, &help));
            }
            Some(WardenEvent::Ended { .. }) | None => {
                return Err(gone("the server ended before its walls could be read"));
            }
        }
        Ok(())
    }
}

fn read(planned: &Planned, server: &Server, heard: &Heard) -> Result<Vec<Wall>, Refused> {
    let warden = server.running.warden_id();
    let found = heard.found.as_deref().unwrap_or_default();
    let mut all = inside::walls(&planned.plan, warden, found);
    // What a host sees of gVisor is gVisor; its own kernel is read from inside alone.
    if engine_of(&planned.plan) != Engine::Runsc {
        let absent = || broken(&io::Error::other("the cell has no process any more"));
        let init = heard.init_of(server).ok_or_else(absent)?;
        all.extend(walls(planned, warden, init).map_err(|error| broken(&error))?);
    }
    Ok(all)
}

/// What makes a plan's walls.
fn engine_of(plan: &Plan) -> Engine {
    match &plan.isolation {
        Isolation::Component(_) => Engine::Native,
        Isolation::Container(part) => part.engine,
    }
}

/// Whether the server is no copy of init any more. Under gVisor nobody sees that from here.
fn has_begun(plan: &Plan, init: Option<u32>) -> bool {
    engine_of(plan) == Engine::Runsc || init.is_some_and(process::has_begun)
}

fn gone(message: &str) -> Refused {
    Refused::one(Exit::Launch, "launch-failed", message, "")
}

fn broken(error: &io::Error) -> Refused {
    let message = format!("cannot read the walls of the sandbox: {error}");
    Refused::one(Exit::Failure, "verify-failed", message, "")
}
