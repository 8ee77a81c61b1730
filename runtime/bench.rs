//! What walls cost: samples of a benchmark in, findings, a table and a page out.
//!
//! [`samples`] is the form in which raw samples are kept, [`statistics`] says what they carry,
//! [`findings`] says it of every row, and [`report`] and [`page`] show that to people. A report can
//! so be made again at any time from samples alone, on another machine, and of several runs.
//!
//! *Absent here:* a clock, a file, a process and chance. The same samples give the same report.

mod figures;
pub mod findings;
pub mod page;
pub mod report;
pub mod samples;
pub mod statistics;
