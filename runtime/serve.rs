//! `brig run`: from a manifest to a session that is over.

mod authorities;
mod code;
mod start;

pub(crate) use start::{environment, start};

use crate::bridge::pump::{self, Client, Closing, Contract, Peer, Server};
use crate::bridge::session::{IN_FLIGHT_MAX, Outcome, SessionLimits, StartRefusal};
use crate::consent::{Approved, Asked, By, Start};
use crate::exit::Exit;
use crate::journal::{Refusals, now_ms};
use crate::launch::{LaunchError, Warden, close_from};
use crate::log::{Log, Step};
use crate::places::{followed, whole};
use crate::prepare::Planned;
use crate::report::Refused;
use crate::secrets;
use crate::streams::{Input, Output};
use crate::trace::{Tracer, Tracing};
use brig_policies::{Digest, Incident, Kind, Lock, Party, Rules, Run, Tools};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Instant;

/// How long a server has after its input is closed, and again after SIGTERM. Below the two seconds
/// that the official SDKs wait, so that the end is in order before they lose patience.
const GRACE_MS: u64 = 1500;
/// What a refused start waits for its client's first request.
const REFUSED_WAIT_MS: u64 = 30_000;

/// Runs the server of a manifest for the client on brig's standard streams.
///
/// A start that is refused is told twice: to the client, which gets an error for its first request,
/// and in full to the caller, who has a person's terminal or log to write it to.
pub(crate) fn serve(
    given: Start<'_>,
    by: By<'_>,
    with_lock: bool,
    tracing: Tracing,
) -> Result<Exit, Refused> {
    let begun = Instant::now();
    // Whatever the client left open is its own: a supervisor that was taken over could use it.
    if !crate::hook::is_off(brig_sandbox::mechanism::Mechanism::CloseRange) {
        let _ = close_from(3);
    }
    // First, so that the warden's exec runs beside everything that is read and decided here.
    let warden = Warden::spawn();
    let mut ready = given.approved(by, with_lock);
    // Until the session is over.
    let _lease = ready
        .as_mut()
        .ok()
        .and_then(|(asked, _)| asked.planned.lease.take());
    let planned = ready.as_ref().ok().map(|(asked, _)| &asked.planned);
    let name = planned
        .map_or("server", |planned| planned.plan.server.as_str())
        .to_owned();
    let run = run_of(given, planned);
    let mut contract = contract(ready.as_ref().ok().map(|(asked, _)| asked));
    let client = client().map_err(|error| broken(&error))?;
    let mut log = Log::new(&name);
    if tracing.start {
        log.tell_steps(begun);
    }
    log.step(Step::Decided);
    if let Some(reason) = planned.and_then(|planned| planned.chosen.reason.as_ref()) {
        log.notice(reason);
    }
    let launched =
        ready.and_then(|(asked, approved)| launch(&asked, &approved, warden, tracing, &mut log));
    // The server's cell is being built meanwhile.
    let mut refusals = if with_lock {
        Refusals::open(&run)
    } else {
        Refusals::untold(&run)
    };
    let (peer, refused) = match launched {
        Ok((server, lock)) => {
            contract.lock = lock;
            (Peer::Server(Box::new(server)), None)
        }
        Err(refused) => {
            keep(&refused, &run, &mut refusals, &log);
            let (message, help) = refused.brief();
            (Peer::Refused(StartRefusal { message, help }), Some(refused))
        }
    };
    let closing = pump::run(&contract, client, peer, &mut log, &mut refusals)
        .map_err(|error| broken(&error))?;
    match refused {
        Some(refused) => {
            refusals.end(&log, "the server was not started");
            Err(refused)
        }
        None => judge(closing, &log, &mut refusals),
    }
}

/// Which run this is.
fn run_of(given: Start<'_>, planned: Option<&Planned>) -> Run {
    let text = planned.map(|planned| Digest::of(planned.manifest.1.as_bytes()));
    let shown = |path: &Path| whole(path).display().to_string();
    Run {
        server: planned.map_or_else(String::new, |planned| planned.plan.server.clone()),
        manifest: shown(given.manifest),
        project: given.project.map(shown),
        text,
        at_ms: now_ms(),
    }
}

/// Keeps why a server was not started. Whoever asked for it reads it on standard error as well.
fn keep(refused: &Refused, run: &Run, refusals: &mut Refusals, log: &Log) {
    for item in &refused.items {
        let (message, help) = (&item.message, &item.help);
        let more = if help.is_empty() { "" } else { "; " };
        let line = refused.line_in(&run.manifest, item);
        let incident = Incident {
            kind: Kind::NotStarted,
            by: Party::Start,
            about: item.code.clone(),
            why: format!("{message}{more}{help}"),
            line,
        };
        refusals.take(log, &incident, None);
    }
}

/// Starts the server, and reads its lock while its cell is being built. What was approved with a
/// lock was read before; where it cannot be read any more, the server ends.
fn launch(
    asked: &Asked,
    approved: &Approved,
    warden: Result<Warden, LaunchError>,
    tracing: Tracing,
    log: &mut Log,
) -> Result<(Server, Option<Lock>), Refused> {
    let tracer = if tracing.calls {
        Some(Tracer::start(&asked.planned, &followed(&asked.places))?)
    } else {
        None
    };
    if tracing.network && asked.planned.plan.egress.is_none() {
        log.notice("nobody is granted by `[[network]]`, so there is nothing to tell of a network");
    }
    let found = secrets::find(&asked.planned.plan)?;
    log.mask(&found);
    if tracer.is_some() {
        log.notice(
            "this run is traced: calls that name a path wait for the tracer, so all is slower; \
             what the server may do is as without",
        );
    }
    let server = start(
        &asked.planned,
        approved,
        &found,
        (warden, tracer, tracing),
        log,
    )?;
    log.step(Step::Ordered);
    match asked.read() {
        Ok(lock) => Ok((server, lock)),
        Err(refused) => {
            // Where it cannot be killed it ends with its channel, which is closed next.
            let _ = server.running.kill();
            Err(refused)
        }
    }
}

/// Where the start is refused nothing passes, so the rules of that session are closed.
fn contract(asked: Option<&Asked>) -> Contract {
    let planned = asked.map(|asked| &asked.planned);
    let tools = asked.and_then(|asked| asked.policy.tools());
    Contract {
        lock: None,
        is_strict: tools.is_some_and(Tools::is_strict),
        limits: limits(planned),
        rules: planned.map_or_else(Rules::closed, |planned| planned.plan.rules.clone()),
        manifest: planned.map_or_else(Default::default, |planned| planned.manifest.clone()),
    }
}

fn limits(planned: Option<&Planned>) -> SessionLimits {
    let bridge = planned.map(|planned| planned.plan.bridge);
    SessionLimits {
        message_bytes_max: bridge
            .and_then(|bridge| usize::try_from(bridge.message_bytes_max).ok())
            .unwrap_or(16 << 20),
        in_flight_max: IN_FLIGHT_MAX,
        start_ms: bridge.map_or(REFUSED_WAIT_MS, |bridge| bridge.start_ms),
        call_ms: bridge.map_or(REFUSED_WAIT_MS, |bridge| bridge.call_ms),
        grace_ms: GRACE_MS,
    }
}

fn client() -> io::Result<Client> {
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    Ok(Client {
        input: Input::new(input),
        output: Output::shared(output)?,
    })
}

fn judge(closing: Closing, log: &Log, refusals: &mut Refusals) -> Result<Exit, Refused> {
    if matches!(closing.outcome, Outcome::StartDeadline { .. }) {
        let incident = Incident {
            kind: Kind::StartOverdue,
            by: Party::Server,
            about: String::new(),
            why: "the server did not answer its first request in time".to_owned(),
            line: None,
        };
        refusals.take(log, &incident, None);
    }
    refusals.end(log, &ended_words(&closing));
    if let Some(failure) = closing.start_failure {
        let help = failure.help.as_deref();
        return Err(Refused::one(
            Exit::Launch,
            "launch-failed",
            failure.reason,
            help.unwrap_or("`brig plan` shows what the sandbox would be"),
        ));
    }
    match closing.outcome {
        Outcome::ClientClosed { .. } | Outcome::StartRefused => Ok(Exit::Success),
        Outcome::ServerEnded { ended } => {
            let reason = ended.map_or("closed its output".to_owned(), |ended| ended.reason);
            log.notice(&format!("the server {reason}"));
            Ok(Exit::ServerEnded)
        }
        Outcome::Drifted { .. } => {
            log.notice(
                "the session ended, because a tool is not as it was reviewed (tools.strict)",
            );
            Ok(Exit::Drifted)
        }
        Outcome::StartDeadline { .. } => {
            log.notice("the server did not answer its first request in time (limits.start)");
            Ok(Exit::StartDeadline)
        }
    }
}

/// How a run ended, for its journal.
fn ended_words(closing: &Closing) -> String {
    if let Some(failure) = &closing.start_failure {
        return format!("the server did not start: {}", failure.reason);
    }
    let (what, ended) = match &closing.outcome {
        Outcome::ClientClosed { ended } => ("its client closed the session", ended),
        Outcome::ServerEnded { ended } => ("the server ended first", ended),
        Outcome::StartDeadline { ended } => ("the server answered nothing in time", ended),
        Outcome::Drifted { ended } => ("a tool was not as it was reviewed", ended),
        Outcome::StartRefused => ("the server was not started", &None),
    };
    match ended {
        Some(ended) => format!("{what}; the server {}", ended.reason),
        None => what.to_owned(),
    }
}

fn broken(error: &io::Error) -> Refused {
    Refused::one(
        Exit::Failure,
        "session-failed",
        format!("cannot run the session: {error}"),
        "",
    )
}
