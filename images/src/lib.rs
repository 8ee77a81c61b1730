//! What is in the box? References become verified content.
//!
//! Nothing here decides what content may do, and nothing here runs it.

pub mod accounts;
pub mod archive;
pub mod artifact;
pub mod component;
pub mod config;
pub mod credentials;
pub mod digest;
mod distinct;
pub mod document;
pub mod fault;
pub mod layer;
pub mod limits;
pub mod origin;
pub mod pull;
mod registry;
mod secret;
pub mod store;
mod supply;
pub mod tree;
pub mod unpack;
