//! The carrier: the brig that carries a server's connections. It is outside of the cell, holds what
//! listens inside, and decides of each connection by `sandbox`'s rules whom it leads to.
//!
//! It is a process of its own: the supervisor can make no socket, and whoever parses handshakes and
//! name servers' answers holds neither the session nor the cell. It has no capability, writes no
//! file, starts no program, and ends with the supervisor's channel.

mod accept;
mod answer;
mod confine;
mod dial;
mod meet;
mod own;
mod process;
mod proxy;
mod report;
mod resolve;
mod splice;
mod watch;

pub(crate) use meet::{Carrier, Met};
pub(crate) use own::addresses as own_addresses;
pub(crate) use process::main;
pub(crate) use proxy::Proxy;
pub(crate) use report::Report;

use brig_sandbox::egress::Egress;
use serde::{Deserialize, Serialize};

/// The hidden first argument that makes an exec of brig a carrier.
pub(crate) const CARRIER_ARGUMENT: &str = "__carrier";

/// What the supervisor tells the carrier, as JSON in a sealed memory file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CarrierOrders {
    /// Whom the server may reach.
    pub(crate) egress: Egress,
    /// The proxy by which this host reaches others, where it has to.
    pub(crate) proxy: Option<Proxy>,
    /// Whether each decision is told, and not only refusals.
    pub(crate) is_traced: bool,
}
