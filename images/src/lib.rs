//! What is in the box? References become verified content.
//!
//! Nothing here decides what content may do, and nothing here runs it.

pub mod accounts;
pub mod component;
pub mod config;
pub mod layer;
pub mod tree;
pub mod unpack;
