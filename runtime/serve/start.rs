//! Starting a server's cell: pipes, orders, code, and the warden's word.

use super::authorities::authorities;
use super::code::{compiled, folder};
use crate::bridge::pump::Server;
use crate::carrier::{Carrier, CarrierOrders, Met, Proxy};
use crate::component::cache::Entry;
use crate::component::form::{HTTP, imports_of_network};
use crate::consent::Approved;
use crate::engine::Way;
use crate::exit::Exit;
use crate::launch::{
    self, DaemonOrders, Given, LaunchError, RUNTIME_ROOT, RuntimeOrders, Warden, WardenOrders,
    owner, sealed,
};
use crate::log::Log;
use crate::places::run_folder;
use crate::prepare::Planned;
use crate::report::Refused;
use crate::secrets::{Found, given};
use crate::streams::{Output, own_input};
use crate::trace::{Tracer, Tracing};
use brig_sandbox::cell::{Cell, ID_INSIDE};
use brig_sandbox::component::WorkerOrders;
use brig_sandbox::egress::{Egress, Inside};
use brig_sandbox::engine::Maker;
use brig_sandbox::lower::daemon::{Moment, network_request, request};
use brig_sandbox::lower::native::{
    ComponentRole, InitMode, NativeCell, Program, component_program, native,
};
use brig_sandbox::lower::runtime::runtime;
use brig_sandbox::plan::{ComponentPart, ContainerPart, Isolation, Plan, Value, secret_path};
use brig_sandbox::seccomp::InvalidProfile;
use brig_sandbox::trace::trace;
use rustix::pipe::PipeFlags;
use std::io;
use std::os::fd::OwnedFd;

/// Starts the server, which was approved, with these secrets, and traced where there is a tracer
/// for it. Its cell is being built when this returns.
pub(crate) fn start(
    planned: &Planned,
    _: &Approved,
    found: &Found,
    (warden, tracer, tracing): (Result<Warden, LaunchError>, Option<Tracer>, Tracing),
    log: &Log,
) -> Result<Server, Refused> {
    let given = given(&planned.plan, found)?;
    match &planned.plan.isolation {
        Isolation::Component(part) => component((planned, &given), part, (warden, tracing), log),
        Isolation::Container(part) => container((planned, &given), part, (warden, tracing), tracer),
    }
}

fn component(
    (planned, given): (&Planned, &Given),
    part: &ComponentPart,
    (warden, tracing): (Result<Warden, LaunchError>, Tracing),
    log: &Log,
) -> Result<Server, Refused> {
    let code = compiled(planned, log)?;
    let warden = warden.map_err(|error| launch_failed(&error))?;
    #[cfg_attr(
        not(feature = "test-hooks"),
        expect(unused_mut, reason = "a hook edits it")
    )]
    let mut orders = worker_orders(planned, part, &code, log)?;
    let mut warden_orders = component_orders(planned, &planned.plan.cell, ComponentRole::Worker)?;
    warden_orders.code = Some(folder()?.join(&code.name));
    warden_orders.cell.inside = inside(planned);
    #[cfg(feature = "test-hooks")]
    crate::hook::edit_worker(&mut warden_orders, &mut orders);
    let failed = |error: io::Error| launch_failed(&LaunchError::Warden(error));
    let text = serde_json::to_vec(&orders).map_err(|error| failed(error.into()))?;
    let orders = sealed(&text).map_err(failed)?;
    let met = carrier(planned, tracing)?;
    launch(warden, (&warden_orders, given), met, |report| {
        vec![orders, OwnedFd::from(code.file), report]
    })
    .map_err(|error| launch_failed(&error))
}

fn container(
    (planned, given): (&Planned, &Given),
    part: &ContainerPart,
    (warden, tracing): (Result<Warden, LaunchError>, Tracing),
    tracer: Option<Tracer>,
) -> Result<Server, Refused> {
    let warden = warden.map_err(|error| launch_failed(&error))?;
    let plan = &planned.plan;
    let mut args = vec![part.name.clone()];
    args.extend(plan.args.iter().cloned());
    let program = Program {
        path: part.program.clone(),
        args,
        env: environment(plan),
        descriptors: 3,
        directory: part.directory.clone(),
        stop_signal: part.stop_signal,
    };
    let mut orders = match part.engine.maker() {
        Maker::Warden => {
            let mut orders = warden_orders(planned, &plan.cell, program)?;
            orders.cell.inside = inside(planned);
            orders
        }
        Maker::Runtime => runtime_orders(planned, part, program)?,
        Maker::Daemon => daemon_orders(planned, part, program, warden.id())?,
    };
    if tracer.is_some() {
        trace(&mut orders.cell, &plan.cell.calls_at_start).map_err(|e| invalid(&e))?;
    }
    #[cfg(feature = "test-hooks")]
    crate::hook::edit(&mut orders);
    // The warden takes the tracer's channel for itself.
    let (channel, heard) = tracer.map(|tracer| (tracer.channel, tracer.heard)).unzip();
    // A program reports nothing: the pipe's other end is closed, which reads as an end.
    let met = carrier(planned, tracing)?;
    let launched = launch(warden, (&orders, given), met, |_| {
        channel.into_iter().collect()
    });
    let mut server = launched.map_err(|error| launch_failed(&error))?;
    server.heard = heard;
    Ok(server)
}

/// The carrier, where the server reaches anybody. It comes up beside the cell.
fn carrier(planned: &Planned, tracing: Tracing) -> Result<Option<Met>, Refused> {
    let Some(egress) = &planned.plan.egress else {
        return Ok(None);
    };
    let orders = CarrierOrders {
        egress: egress.clone(),
        proxy: egress.proxy.as_ref().map(Proxy::of),
        is_traced: tracing.network,
    };
    let met = Carrier::spawn(&orders).map_err(|error| {
        let message = format!("cannot start the carrier of its connections: {error}");
        Refused::one(Exit::Launch, "launch-failed", message, "")
    })?;
    Ok(Some(met))
}

/// Launches with the three streams, and after them what `more` makes of the end for reports.
fn launch(
    warden: Warden,
    (orders, given): (&WardenOrders, &Given),
    met: Option<Met>,
    more: impl FnOnce(OwnedFd) -> Vec<OwnedFd>,
) -> Result<Server, LaunchError> {
    let failed = |error: io::Error| LaunchError::Warden(error);
    let (theirs_in, ours_in) = pipe().map_err(failed)?;
    let (ours_out, theirs_out) = pipe().map_err(failed)?;
    let (ours_err, theirs_err) = pipe().map_err(failed)?;
    let (ours_report, theirs_report) = pipe().map_err(failed)?;
    let mut descriptors = vec![theirs_in, theirs_out, theirs_err];
    descriptors.extend(more(theirs_report));
    let carrier = match met {
        Some(met) => {
            descriptors.push(met.cells_end);
            Some((met.carrier, own_input(met.reports).map_err(failed)?))
        }
        None => None,
    };
    let running = warden.launch(orders, given, &descriptors)?;
    Ok(Server {
        running,
        input: Output::own(ours_in).map_err(failed)?,
        output: own_input(ours_out).map_err(failed)?,
        errors: own_input(ours_err).map_err(failed)?,
        reports: own_input(ours_report).map_err(failed)?,
        carrier,
        heard: None,
    })
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?)
}

fn worker_orders(
    planned: &Planned,
    part: &ComponentPart,
    code: &Entry,
    log: &Log,
) -> Result<WorkerOrders, Refused> {
    let plan = &planned.plan;
    let filter_after_load = part.calls_once_loaded.compile().map_err(|e| invalid(&e))?;
    let args = std::iter::once(plan.server.clone()).chain(plan.args.iter().cloned());
    Ok(WorkerOrders {
        form: part.artifact.form,
        args: args.collect(),
        env: environment(plan),
        preopens: part.preopens.clone(),
        limits: part.worker,
        code_bytes: code.code_bytes,
        code_hash: code.code_hash.clone(),
        code_key: code.code_key.clone(),
        filter_after_load,
        egress: plan.egress.clone(),
        authorities: trusted(planned, log)?,
        #[cfg(feature = "test-hooks")]
        captured: std::env::var_os("BRIG_TEST_CAPTURED").is_some(),
    })
}

/// Whom the guest's requests believe; nobody where it makes none, or to nobody.
fn trusted(planned: &Planned, log: &Log) -> Result<Vec<String>, Refused> {
    let component = planned.component.as_ref();
    let bytes = component.map_or(&[][..], |component| &component.bytes);
    if planned.plan.egress.is_some() && imports_of_network(bytes).contains(&HTTP) {
        authorities(log)
    } else {
        Ok(Vec::new())
    }
}

/// The server's variables, with those of the host as they are now.
pub(crate) fn environment(plan: &Plan) -> Vec<(String, String)> {
    let value = |(name, value): (&String, &Value)| {
        let text = match value {
            Value::Literal(text) => Some(text.clone()),
            Value::Host(host) => std::env::var(host).ok(),
            // init gets it beside its orders.
            Value::Secret(_) => None,
            Value::SecretFile(secret) => Some(secret_path(secret)),
        };
        text.map(|text| (name.clone(), text))
    };
    plan.environment.iter().filter_map(value).collect()
}

/// The orders of a cell in which brig itself runs.
pub(super) fn component_orders(
    planned: &Planned,
    cell: &Cell,
    role: ComponentRole,
) -> Result<WardenOrders, Refused> {
    let program = component_program(&planned.facts.worker, cell.kind, role);
    warden_orders(planned, cell, program)
}

/// A cell's orders, with the identity of every source as it was decided on.
fn warden_orders(
    planned: &Planned,
    cell: &Cell,
    program: Program,
) -> Result<WardenOrders, Refused> {
    let cell = native(cell, program).map_err(|e| invalid(&e))?;
    Ok(orders_for(planned, cell))
}

/// The orders for a cell within which a runtime makes the server's walls.
fn runtime_orders(
    planned: &Planned,
    part: &ContainerPart,
    program: Program,
) -> Result<WardenOrders, Refused> {
    let Way::Program(path) = &planned.chosen.way else {
        return Err(no_way(part));
    };
    let cell = &planned.plan.cell;
    let lowered = runtime(cell, program, (part.engine, inside(planned)), RUNTIME_ROOT);
    let (cell, config) = lowered.map_err(|e| invalid(&e))?;
    let caller = &planned.facts.caller;
    let mut orders = orders_for(planned, cell);
    orders.by = launch::Maker::Runtime(RuntimeOrders {
        engine: part.engine,
        program: path.clone(),
        config: config.to_string(),
        setup: caller.subordinate_uid.zip(caller.subordinate_gid),
    });
    Ok(orders)
}

/// The orders for a container of a daemon's, which this warden names after itself.
fn daemon_orders(
    planned: &Planned,
    part: &ContainerPart,
    program: Program,
    warden: u32,
) -> Result<WardenOrders, Refused> {
    let Way::Socket(socket, version) = &planned.chosen.way else {
        return Err(no_way(part));
    };
    let failed = |error: io::Error| launch_failed(&LaunchError::Warden(error));
    let owner = owner(warden).map_err(failed)?;
    let folder = run_folder().join(&owner);
    let moment = Moment {
        image: planned.image.clone(),
        folder: folder.display().to_string(),
        owner,
    };
    let asked = request(&planned.plan, part, &moment).map_err(|e| invalid(&e))?;
    let mut cell = native(&planned.plan.cell, program).map_err(|e| invalid(&e))?;
    cell.checks = brig_sandbox::lower::daemon::checks(&planned.plan.cell);
    cell.init.mode = InitMode::Connect;
    cell.inside = inside(planned);
    let network = cell.inside.clone();
    let ids = planned.plan.cell.ids_inside();
    let mut orders = orders_for(planned, cell);
    orders.by = launch::Maker::Daemon(Box::new(DaemonOrders {
        engine: part.engine,
        socket: socket.clone(),
        version: *version,
        body: asked.body,
        network: network.map(|_| network_request(&planned.plan, part, &moment)),
        folder,
        files: asked.files,
        ids: ids.unwrap_or((ID_INSIDE, ID_INSIDE)),
    }));
    Ok(orders)
}

/// What is made in the server's network namespace.
fn inside(planned: &Planned) -> Option<Inside> {
    planned.plan.egress.as_ref().map(Egress::inside)
}

fn orders_for(planned: &Planned, cell: NativeCell) -> WardenOrders {
    WardenOrders {
        cell,
        sources: planned.sources.clone(),
        groups: planned.groups.clone(),
        code: None,
        by: launch::Maker::Warden,
    }
}

/// A plan that was made for another engine than the one that was found.
fn no_way(part: &ContainerPart) -> Refused {
    let message = format!(
        "the plan is for {}, which is not what was found",
        part.engine
    );
    Refused::one(Exit::Failure, "engine-differs", message, "start again")
}

fn invalid(error: &InvalidProfile) -> Refused {
    let message = format!("cannot {error}");
    Refused::one(Exit::Failure, "profile-invalid", message, "")
}

/// A launch that failed, as a refusal.
pub(super) fn launch_failed(error: &LaunchError) -> Refused {
    let help = match error {
        LaunchError::Cell {
            help: Some(help), ..
        } => help.as_str(),
        LaunchError::Cell { help: None, .. } | LaunchError::Warden(_) => "",
    };
    Refused::one(
        Exit::Launch,
        "launch-failed",
        format!("cannot {error}"),
        help,
    )
}
