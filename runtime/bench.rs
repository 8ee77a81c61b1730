//! What walls cost: samples of a benchmark in, findings, a table and a page out.
//!
//! [`samples`] is the form in which raw samples are kept, and [`statistics`] says what they carry.
//!
//! *Absent here:* a clock, a file, a process and chance. The same samples give the same report.

pub mod samples;
pub mod statistics;
