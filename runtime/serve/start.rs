//! Starting a component's cell: pipes, orders, code, and the warden's word.

use super::code::{compiled, folder};
use crate::bridge::pump::Server;
use crate::component::cache::Entry;
use crate::exit::Exit;
use crate::launch::{LaunchError, Warden, WardenOrders, sealed};
use crate::log::Log;
use crate::prepare::Planned;
use crate::report::Refused;
use crate::streams::{Output, own_input};
use brig_sandbox::cell::Cell;
use brig_sandbox::component::WorkerOrders;
use brig_sandbox::lower::native::{ComponentRole, component_program, native};
use brig_sandbox::plan::{Plan, Value};
use rustix::pipe::PipeFlags;
use std::io;
use std::os::fd::OwnedFd;

/// Starts the server. Its cell is being built when this returns.
pub(crate) fn start(
    planned: &Planned,
    warden: Result<Warden, LaunchError>,
    log: &Log,
) -> Result<Server, Refused> {
    let code = compiled(planned, log)?;
    let warden = warden.map_err(|error| launch_failed(&error))?;
    let orders = worker_orders(&planned.plan, &code)?;
    let mut warden_orders = warden_orders(planned, &planned.plan.cell, ComponentRole::Worker)?;
    warden_orders.code = Some(folder()?.join(&code.name));
    launch(warden, &warden_orders, &orders, code).map_err(|error| launch_failed(&error))
}

fn launch(
    warden: Warden,
    warden_orders: &WardenOrders,
    orders: &WorkerOrders,
    code: Entry,
) -> Result<Server, LaunchError> {
    let failed = |error: io::Error| LaunchError::Warden(error);
    let text = serde_json::to_vec(orders).map_err(|error| failed(error.into()))?;
    let (theirs_in, ours_in) = pipe().map_err(failed)?;
    let (ours_out, theirs_out) = pipe().map_err(failed)?;
    let (ours_err, theirs_err) = pipe().map_err(failed)?;
    let (ours_report, theirs_report) = pipe().map_err(failed)?;
    let orders = sealed(&text).map_err(failed)?;
    let descriptors = [
        theirs_in,
        theirs_out,
        theirs_err,
        orders,
        OwnedFd::from(code.file),
        theirs_report,
    ];
    let running = warden.launch(warden_orders, &descriptors)?;
    Ok(Server {
        running,
        input: Output::own(ours_in).map_err(failed)?,
        output: own_input(ours_out).map_err(failed)?,
        errors: own_input(ours_err).map_err(failed)?,
        reports: own_input(ours_report).map_err(failed)?,
    })
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?)
}

fn worker_orders(plan: &Plan, code: &Entry) -> Result<WorkerOrders, Refused> {
    let filter_after_load = plan.calls_once_loaded.compile().map_err(|error| {
        Refused::one(
            Exit::Failure,
            "profile-invalid",
            format!("cannot {error}"),
            "",
        )
    })?;
    let value = |(name, value): (&String, &Value)| {
        let text = match value {
            Value::Literal(text) => Some(text.clone()),
            Value::Host(host) => std::env::var(host).ok(),
        };
        text.map(|text| (name.clone(), text))
    };
    let args = std::iter::once(plan.server.clone()).chain(plan.args.iter().cloned());
    Ok(WorkerOrders {
        form: plan.artifact.form,
        args: args.collect(),
        env: plan.environment.iter().filter_map(value).collect(),
        preopens: plan.preopens.clone(),
        limits: plan.worker,
        code_bytes: code.code_bytes,
        code_hash: code.code_hash.clone(),
        code_key: code.code_key.clone(),
        filter_after_load,
    })
}

/// A cell's orders, with the identity of every source as it was decided on.
pub(super) fn warden_orders(
    planned: &Planned,
    cell: &Cell,
    role: ComponentRole,
) -> Result<WardenOrders, Refused> {
    let cell = native(
        cell,
        component_program(&planned.facts.worker, cell.kind, role),
    )
    .map_err(|error| {
        Refused::one(
            Exit::Failure,
            "profile-invalid",
            format!("cannot {error}"),
            "",
        )
    })?;
    Ok(WardenOrders {
        cell,
        sources: planned.sources.clone(),
        groups: planned.groups.clone(),
        code: None,
    })
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
