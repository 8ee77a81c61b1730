//! brig
