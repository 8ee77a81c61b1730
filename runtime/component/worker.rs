//! The program that runs one guest, inside the server's cell.
//!
//! Everything that can fail for a reason of brig's own fails before the guest's first instruction,
//! and is reported as the step that failed. From then on only the guest's end is reported.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::sync::Arc;

use brig_sandbox::component::{CODE_FD, Form, ORDERS_FD, REPORT_FD, WorkerOrders, WorkerReport};
use brig_sandbox::mechanism::Mechanism;
use rustix::process::DumpableBehavior;
use tokio::runtime::Runtime;
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, InstancePre, Module, Store};
use wasmtime_wasi::p2::bindings::CommandPre;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup;
use wasmtime_wasi::{p1, p2};

use super::form::HTTP;
use super::mapping::{Mapping, MappingError, Tampered, Verified, inherited};
use super::network::{Lookup, Network};
use super::report::{OrdersError, Reports, printable, read_orders};
use super::state::{Pipes, State, Unopened, store};
use super::ticker::Ticker;
use super::verdict::EXIT_CODE_UNFIT;
use super::{ending, engine};

/// The guest ended by itself, with any status: the report has it.
pub const EXIT_ENDED: u8 = 0;
/// The guest trapped.
pub const EXIT_TRAPPED: u8 = 3;
/// The guest never started, or its end could not be reported.
pub const EXIT_FAILED: u8 = 4;

/// Threads for file calls that the guest does not wait for. Without a bound it could take all of
/// its cell's processes, and then fail to start one.
const BLOCKING_THREADS_MAX: usize = 2;
const THREAD_STACK_BYTES: usize = 256 << 10;

/// Steps of a start, each as it reads after "cannot".
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("read the orders")]
    Orders(#[from] OrdersError),
    #[error("stop other processes from reading this one")]
    Dumpable(#[source] rustix::io::Errno),
    #[error("find the compiled code")]
    NoCode,
    #[error("map the compiled code")]
    Map(#[from] MappingError),
    #[error("decode the hash of the compiled code")]
    Hash,
    #[error("verify the compiled code")]
    Tampered(#[from] Tampered),
    #[error("load the compiled code")]
    Load(#[source] wasmtime::Error),
    #[error("link the guest")]
    Link(#[source] wasmtime::Error),
    #[error("start the worker's threads")]
    Threads(#[source] std::io::Error),
    #[error(transparent)]
    Unopened(#[from] Unopened),
    #[error("find a filter for the loaded guest in the orders")]
    NoFilter,
    #[error("put the filter for the loaded guest on")]
    Filter(#[source] seccompiler::Error),
    #[error("report that the guest is ready")]
    Report(#[source] std::io::Error),
}

/// Runs the guest that descriptor 3 describes.
pub fn main() -> ExitCode {
    let Some(reports) = inherited(REPORT_FD).map(|to| Arc::new(Reports::new(to))) else {
        return ExitCode::from(EXIT_FAILED);
    };
    let mut failed = EXIT_FAILED;
    let report = match run(inherited(ORDERS_FD), inherited(CODE_FD), &reports) {
        Ok(report) => report,
        Err(failure) => {
            if matches!(failure, Failure::Tampered(_) | Failure::Load(_)) {
                failed = EXIT_CODE_UNFIT;
            }
            WorkerReport::Failed {
                step: printable(&failure.to_string()),
                reason: printable(&reason(&failure)),
            }
        }
    };
    let sent = reports.send(&report);
    ExitCode::from(match report {
        _ if sent.is_err() => EXIT_FAILED,
        WorkerReport::Exited { status: _ } => EXIT_ENDED,
        WorkerReport::Trapped { reason: _ } => EXIT_TRAPPED,
        WorkerReport::Ready
        | WorkerReport::Refused(_)
        | WorkerReport::Failed { step: _, reason: _ } => failed,
    })
}

fn run(
    orders: Option<OwnedFd>,
    code: Option<OwnedFd>,
    reports: &Arc<Reports>,
) -> Result<WorkerReport, Failure> {
    if !crate::hook::is_off(Mechanism::NotDumpable) {
        rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
            .map_err(Failure::Dumpable)?;
    }
    let orders: WorkerOrders = read_orders(orders)?;
    let code = File::from(code.ok_or(Failure::NoCode)?);
    let network = Arc::new(Network::new(&orders, Arc::clone(reports)));
    let mut start = Start::new(&orders, &code, Pipes::inherited(), network)?;
    // From here on the code is memory alone.
    drop(code);
    filter(&orders.filter_after_load)?;
    reports
        .send(&WorkerReport::Ready)
        .map_err(Failure::Report)?;
    #[cfg(feature = "test-hooks")]
    if orders.captured {
        return Ok(captured());
    }
    Ok(start.run())
}

/// The worker as an attacker would have it who found a way from a guest into its process: native
/// code on the thread that would have run the guest, with the same walls and descriptors.
#[cfg(feature = "test-hooks")]
fn captured() -> WorkerReport {
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let end = hostile::serve(&mut input, &mut output);
    WorkerReport::Exited {
        status: i32::from(end != ExitCode::SUCCESS),
    }
}

/// Everything that one guest needs, loaded and linked.
struct Start {
    guest: Guest,
    store: Store<State>,
    runtime: Runtime,
    ticker: Arc<Ticker>,
}

impl Start {
    /// Does all that the filter for the loaded guest may refuse.
    fn new(
        orders: &WorkerOrders,
        code: &File,
        pipes: Pipes,
        network: Arc<Network>,
    ) -> Result<Self, Failure> {
        let code = verified(code, orders)?;
        let engine = engine::running(code.publisher()).map_err(Failure::Load)?;
        let guest = Guest::load(&engine, &code, orders.form)?;
        let ticker = Arc::new(Ticker::start(engine.clone()).map_err(Failure::Threads)?);
        let runtime = runtime().map_err(Failure::Threads)?;
        let store = store(&engine, orders, pipes, &ticker, network)?;
        Ok(Self {
            guest,
            store,
            runtime,
            ticker,
        })
    }

    fn run(&mut self) -> WorkerReport {
        let Self {
            guest,
            store,
            runtime,
            ticker,
        } = self;
        let result = runtime.block_on(ticker.watch(guest.run(store)));
        ending::of(result, &store.data().limiter)
    }
}

fn verified(code: &File, orders: &WorkerOrders) -> Result<Verified, Failure> {
    let hash = blake3::Hash::from_hex(&orders.code_hash).map_err(|_| Failure::Hash)?;
    let key = blake3::Hash::from_hex(&orders.code_key).map_err(|_| Failure::Hash)?;
    let mapping = Mapping::new(code, orders.code_bytes)?;
    Ok(mapping.verify(key.as_bytes(), hash.as_bytes())?)
}

/// One thread does everything: the guest waits for each of its calls anyway. Only a guest that
/// reads or writes files without waiting gets threads for it, and few: it chooses how often.
fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_stack_size(THREAD_STACK_BYTES)
        .build()
}

fn filter(packed: &[u64]) -> Result<(), Failure> {
    if crate::hook::is_off(Mechanism::SeccompNoExecutableMemory) {
        return Ok(());
    }
    if packed.is_empty() {
        return Err(Failure::NoFilter);
    }
    // To all threads: the ticker runs already.
    crate::confine::put_filter(packed).map_err(Failure::Filter)
}

/// A guest whose imports are all found, ready to be instantiated.
enum Guest {
    Component(CommandPre<State>),
    Core(InstancePre<State>),
}

impl Guest {
    fn load(engine: &Engine, code: &Verified, form: Form) -> Result<Self, Failure> {
        match form {
            Form::Component => {
                let component = code.component(engine).map_err(Failure::Load)?;
                // The image of its memory is a file of its own, which the filter refuses later.
                component
                    .initialize_copy_on_write_image()
                    .map_err(Failure::Load)?;
                link_component(engine, &component).map_err(Failure::Link)
            }
            Form::CoreModule => {
                let module = code.module(engine).map_err(Failure::Load)?;
                module
                    .initialize_copy_on_write_image()
                    .map_err(Failure::Load)?;
                link_module(engine, &module).map_err(Failure::Link)
            }
        }
    }

    /// Runs to the end, and gives the status.
    async fn run(&self, store: &mut Store<State>) -> wasmtime::Result<i32> {
        match self {
            Self::Component(command) => {
                let instance = command.instantiate_async(&mut *store).await?;
                let result = instance.wasi_cli_run().call_run(store).await?;
                Ok(i32::from(result.is_err()))
            }
            Self::Core(module) => {
                let instance = module.instantiate_async(&mut *store).await?;
                let start = instance.get_typed_func::<(), ()>(&mut *store, "_start")?;
                start.call_async(store, ()).await?;
                Ok(0)
            }
        }
    }
}

fn link_component(engine: &Engine, component: &Component) -> wasmtime::Result<Guest> {
    let mut linker = Linker::new(engine);
    p2::add_to_linker_async(&mut linker)?;
    linker.allow_shadowing(true);
    ip_name_lookup::add_to_linker::<State, Lookup>(&mut linker, State::asking)?;
    linker.allow_shadowing(false);
    if asks_for(engine, component, HTTP) {
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    }
    Ok(Guest::Component(CommandPre::new(
        linker.instantiate_pre(component)?,
    )?))
}

/// Whether a component imports anything of a package. What it does not import it cannot attack.
fn asks_for(engine: &Engine, component: &Component, package: &str) -> bool {
    let kind = component.component_type();
    kind.imports(engine)
        .any(|(name, _)| name.starts_with(package))
}

fn link_module(engine: &Engine, module: &Module) -> wasmtime::Result<Guest> {
    let mut linker = wasmtime::Linker::new(engine);
    p1::add_to_linker_async(&mut linker, |state: &mut State| &mut state.wasi)?;
    Ok(Guest::Core(linker.instantiate_pre(module)?))
}

fn reason(failure: &Failure) -> String {
    let mut causes = Vec::new();
    let mut next = std::error::Error::source(failure);
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    if causes.is_empty() {
        String::from("it is missing or malformed")
    } else {
        causes.join(": ")
    }
}

#[cfg(test)]
mod tests;
