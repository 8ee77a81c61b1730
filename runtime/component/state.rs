//! What a guest is given: exactly what the orders name, and the bounds on it.

use std::io;
use std::sync::Arc;

use brig_sandbox::component::{Access, GUEST_VARIABLE, WorkerOrders};
use wasmtime::{Engine, Store};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::limiter::Limiter;
use super::network::{Asking, Network, Requests};
use super::stdio::{Input, Output, Pipe};
use super::ticker::Ticker;

/// A directory in the orders is not there.
#[derive(Debug, thiserror::Error)]
#[error("open `{at}` for the guest")]
pub(super) struct Unopened {
    at: String,
    #[source]
    pub(super) source: wasmtime::Error,
}

/// The pipes that are the guest's standard input, output and error.
pub(super) struct Pipes {
    pub(super) input: Pipe,
    pub(super) output: Pipe,
    pub(super) error: Pipe,
}

impl Pipes {
    /// The worker's own.
    pub(super) fn inherited() -> Self {
        Self {
            input: Pipe::new(io::stdin()),
            output: Pipe::new(io::stdout()),
            error: Pipe::new(io::stderr()),
        }
    }
}

/// The state of one store, for components and core modules alike.
pub(super) struct State {
    /// The name is of WASI preview 1, but it holds the context of both.
    pub(super) wasi: WasiP1Ctx,
    pub(super) limiter: Limiter,
    network: Arc<Network>,
    http: WasiHttpCtx,
    requests: Requests,
}

impl State {
    /// The part that looks names up.
    pub(super) fn asking(&mut self) -> Asking<'_> {
        Asking {
            table: self.wasi.ctx().table,
            network: &self.network,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.requests,
            table: self.wasi.ctx().table,
            ctx: &mut self.http,
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.ctx()
    }
}

/// Makes the guest's store.
///
/// Left closed: every environment variable, argument and directory that the orders do not name,
/// every address that `network` does not admit, listening, datagrams, a working directory, and a
/// terminal. The clocks are the host's. Random numbers are the kernel's.
pub(super) fn store(
    engine: &Engine,
    orders: &WorkerOrders,
    pipes: Pipes,
    ticker: &Arc<Ticker>,
    network: Arc<Network>,
) -> Result<Store<State>, Unopened> {
    let limits = &orders.limits;
    let mut wasi = wasi(orders, pipes, ticker, &network)?.build_p1();
    wasi.ctx()
        .table
        .set_max_capacity(size(limits.handles_max.into()));
    let mut store = Store::new(
        engine,
        State {
            wasi,
            limiter: Limiter::new(limits),
            http: WasiHttpCtx::new(),
            requests: Requests(Arc::clone(&network)),
            network,
        },
    );
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(size(limits.host_call_bytes_max));
    store.set_max_component_handles(size(limits.handles_max.into()));
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    Ok(store)
}

fn wasi(
    orders: &WorkerOrders,
    pipes: Pipes,
    ticker: &Arc<Ticker>,
    network: &Arc<Network>,
) -> Result<WasiCtxBuilder, Unopened> {
    let mut wasi = WasiCtxBuilder::new();
    let wall = Arc::clone(network);
    wasi.stdin(Input::new(pipes.input, Arc::clone(ticker)))
        .stdout(Output::new(pipes.output, Arc::clone(ticker)))
        .stderr(Output::new(pipes.error, Arc::clone(ticker)))
        .args(&orders.args)
        .envs(&orders.env)
        .envs(&secrets())
        .allow_tcp(network.is_granted())
        .socket_addr_check(move |at, usage| {
            let is_admitted = wall.admits(at, usage);
            Box::pin(async move { is_admitted })
        })
        .allow_udp(false)
        // A lookup of the worker's own takes its place.
        .allow_ip_name_lookup(false)
        .max_random_size(orders.limits.random_bytes_max)
        // File calls then block this thread, where the guest alone waits for them, and need no
        // threads of their own. It counts only for directories that are opened after it.
        .allow_blocking_current_thread(true);
    for preopen in &orders.preopens {
        let permissions = match preopen.access {
            Access::Read => FsPerms::ReadOnly,
            Access::Write => FsPerms::ReadWrite,
        };
        wasi.preopened_dir(&preopen.source, &preopen.at, permissions)
            .map_err(|source| Unopened {
                at: preopen.at.clone(),
                source,
            })?;
    }
    Ok(wasi)
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The guest's variables that no orders hold. init gives them to the worker as its own.
fn secrets() -> Vec<(String, String)> {
    let own = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.to_str()?.strip_prefix(GUEST_VARIABLE)?.to_owned();
        Some((name, value.into_string().ok()?))
    });
    own.collect()
}
