//! What walls cost: samples of a benchmark in, findings, a table and a page out.
//!
//! [`samples`] is the form in which raw samples are kept, [`statistics`] says what they carry,
//! [`findings`] says it of every row, and [`report`] and [`page`] show that to people. A report can
//! so be made again at any time from samples alone, on another machine, and of several runs.
//!
//! *Absent in these:* a clock, a file, a process and chance. The same samples give the same report.
//! [`measure`] alone has them: it takes the samples.

mod figures;
pub mod findings;
pub(crate) mod measure;
pub mod page;
pub mod report;
pub mod samples;
mod shown;
pub mod statistics;
