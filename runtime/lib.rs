//! brig

pub mod component;
