//! Between one MCP client and one server: raw frames both ways, bounded, and never a word of its
//! own that a peer could take for the other's.
//!
//! Bytes become frames ([`frame`]), frames show their JSON-RPC envelope ([`message`]), and a
//! [`session`] decides from events to actions what is forwarded, answered, diverted or ended.
//!
//! *Nothing here but [`pump`] reads a clock or a descriptor*: time arrives with each event, and
//! whoever drives the session carries out its actions in order. A test can therefore replay any
//! session exactly.

pub mod code;
pub mod frame;
pub mod id;
pub mod message;
pub mod notice;
pub mod outline;
pub mod session;

mod admission;
mod answer;
mod cuts;
mod ledger;
mod method;
pub(crate) mod pump;
