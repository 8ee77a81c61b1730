//! The supervisor's reading of what a worker and a compiler report. It is hostile: a guest may have
//! written it.
//!
//! *Nothing here has an effect*: bytes come in, and what they say goes out.

use crate::launch::End;
use crate::log::escape;
use brig_sandbox::component::{CompileReport, WorkerReport};
use brig_sandbox::egress::guest::AskedFor;

/// The guest never started, because the compiled code is not what brig wrote. The warden removes it
/// from the cache then. A guest that took the worker over can say so too: that costs a compilation.
pub(super) const EXIT_CODE_UNFIT: u8 = 5;

/// How a worker ends whose code is not what brig wrote.
pub(crate) const CODE_UNFIT: End = End::Exit {
    status: EXIT_CODE_UNFIT as i32,
};

/// The warden did the first half.
const CODE_UNFIT_HELP: &str =
    "it is removed from the cache: start again, and brig compiles the component anew";

/// How a server ended, in words and as a code.
pub(crate) struct Ending {
    /// Words that read after "the server".
    pub(crate) reason: String,
    /// Its exit status, where it has one.
    pub(crate) code: Option<i32>,
    /// Whether it came to what its memory may be.
    pub(crate) is_out_of_memory: bool,
    /// Where the worker failed before the guest's first instruction.
    pub(crate) start_failure: Option<StartFailure>,
}

/// A start that failed once the cell was being built, or in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StartFailure {
    /// Why.
    pub(crate) reason: String,
    /// What to do about it, where it is known.
    pub(crate) help: Option<String>,
}

/// Puts together what the worker reported and how its process ended.
pub(crate) fn ending_of(reports: &[u8], end: End) -> Ending {
    let last = reports
        .split(|byte| *byte == b'\n')
        .rev()
        .find_map(|line| serde_json::from_slice::<WorkerReport>(line).ok());
    match last {
        Some(WorkerReport::Exited { status }) => Ending {
            reason: format!("exited with status {status}"),
            code: Some(status),
            is_out_of_memory: false,
            start_failure: None,
        },
        Some(WorkerReport::Trapped { reason }) => Ending {
            reason: format!("was ended by a trap: {}", escape(reason.as_bytes())),
            code: None,
            // The worker's own words, `runtime/component/ending.rs`.
            is_out_of_memory: reason.starts_with("memory limit"),
            start_failure: None,
        },
        Some(WorkerReport::Failed { step, reason }) => {
            let why = escape(format!("cannot {step}: {reason}").as_bytes());
            Ending {
                reason: "did not start".to_owned(),
                code: None,
                is_out_of_memory: false,
                start_failure: Some(StartFailure {
                    reason: why,
                    help: (end == CODE_UNFIT).then(|| CODE_UNFIT_HELP.to_owned()),
                }),
            }
        }
        Some(WorkerReport::Ready | WorkerReport::Refused(_)) | None => from_process(end),
    }
}

/// Whom a guest asked for in vain, by whole lines of a worker's reports.
pub(crate) fn refusals(lines: &[u8]) -> impl Iterator<Item = AskedFor> {
    lines
        .split(|byte| *byte == b'\n')
        .filter_map(|line| match serde_json::from_slice(line).ok()? {
            WorkerReport::Refused(asked) => Some(asked),
            WorkerReport::Ready
            | WorkerReport::Exited { status: _ }
            | WorkerReport::Trapped { reason: _ }
            | WorkerReport::Failed { step: _, reason: _ } => None,
        })
        .filter(AskedFor::is_one)
}

/// Reads what the compiler reported; none where it says nothing that a compiler says.
pub(crate) fn compiled(report: &[u8]) -> Option<CompileReport> {
    let line = report.split(|byte| *byte == b'\n').next()?;
    let report = serde_json::from_slice(line).ok()?;
    Some(match report {
        CompileReport::Compiled { code_bytes } => CompileReport::Compiled { code_bytes },
        CompileReport::Refused { reason } => CompileReport::Refused {
            reason: escape(reason.as_bytes()),
        },
    })
}

fn from_process(end: End) -> Ending {
    let reason = match end {
        End::Exit { status } => format!("exited with status {status}"),
        End::Signal { signal } => format!("was ended by signal {signal}"),
        End::OutOfMemory => "was ended: its memory was used up (limits.memory)".to_owned(),
        End::Killed => "was killed with its cell".to_owned(),
    };
    let code = match end {
        End::Exit { status } => Some(status),
        End::Signal { .. } | End::OutOfMemory | End::Killed => None,
    };
    Ending {
        reason,
        code,
        is_out_of_memory: matches!(end, End::OutOfMemory),
        start_failure: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(reports: &str, end: End, reason: &str, failed: bool) {
        let ending = ending_of(reports.as_bytes(), end);
        assert!(ending.reason.contains(reason), "{}", ending.reason);
        assert_eq!(ending.start_failure.is_some(), failed);
    }

    #[test]
    fn the_last_report_counts_and_junk_does_not() {
        let exit = End::Exit { status: 1 };
        let ready = "{\"event\":\"ready\"}\n";
        check("", End::Signal { signal: 9 }, "signal 9", false);
        check("", End::Killed, "killed", false);
        check("junk\n{\"event\":\"no\"}", exit, "status 1", false);
        check(ready, exit, "status 1", false);
        let trapped = format!("{ready}{{\"event\":\"trapped\",\"reason\":\"a\\u001bb\"}}\n");
        check(&trapped, exit, "trap: a\\u{1b}b", false);
        check(
            "{\"event\":\"exited\",\"status\":3}",
            exit,
            "status 3",
            false,
        );
        check(
            "{\"event\":\"failed\",\"step\":\"s\",\"reason\":\"r\"}",
            exit,
            "not start",
            true,
        );
    }

    #[test]
    fn refusals_are_those_that_a_guest_can_cause() {
        let lines = "{\"event\":\"ready\"}\njunk\n\
            {\"event\":\"refused\",\"host\":\"api.example.com\",\"port\":22}\n\
            {\"event\":\"refused\",\"host\":\"*.example.com\",\"port\":443}\n\
            {\"event\":\"refused\",\"host\":\"\\u001b\",\"port\":443}\n\
            {\"event\":\"refused\",\"host\":\"localhost\",\"port\":null}\n";
        let shown: Vec<String> = refusals(lines.as_bytes())
            .map(|asked| asked.shown())
            .collect();
        assert_eq!(shown, ["api.example.com on port 22", "localhost"]);
        // What a server was refused is not how it ended.
        let exit = End::Exit { status: 1 };
        check(lines, exit, "exited with status 1", false);
    }

    #[track_caller]
    fn check_compiled(report: &str, want: Option<&CompileReport>) {
        assert_eq!(compiled(report.as_bytes()).as_ref(), want);
    }

    #[test]
    fn the_first_report_of_a_compiler_counts() {
        let first = "{\"event\":\"compiled\",\"code_bytes\":3}\n";
        let code_bytes = 3;
        check_compiled(first, Some(&CompileReport::Compiled { code_bytes }));
        check_compiled(&format!("\n{first}"), None);
        check_compiled("", None);
        let reason = "a\\u{1b}b".to_owned();
        check_compiled(
            "{\"event\":\"refused\",\"reason\":\"a\\u001bb\"}junk\n",
            None,
        );
        check_compiled(
            "{\"event\":\"refused\",\"reason\":\"a\\u001bb\"}\njunk",
            Some(&CompileReport::Refused { reason }),
        );
    }
}
