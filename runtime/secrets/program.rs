//! Programs that are asked for a value: run to their end, in time and within bounds.

use super::BYTES_MAX;
use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// What a program said.
pub(super) struct Told {
    /// Its exit status; none where a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) output: Zeroizing<Vec<u8>>,
    pub(super) errors: Vec<u8>,
}

/// Runs a program to its end, which has to come in this time: nothing comes in, and what comes out
/// is bounded.
pub(super) fn run(mut command: Command, patience: Duration) -> io::Result<Told> {
    let mut process = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let until = Instant::now() + patience;
    let left = || until.saturating_duration_since(Instant::now());
    let output = bounded(process.stdout.take(), BYTES_MAX + 2);
    let errors = bounded(process.stderr.take(), 4096);
    let (output, errors) = (output.recv_timeout(left()), errors.recv_timeout(left()));
    if let (Ok(output), Ok(errors), Some(status)) = (output, errors, ended(&mut process, until)?) {
        return Ok(Told {
            code: status.code(),
            output,
            errors: errors.to_vec(),
        });
    }
    end(&mut process);
    let seconds = patience.as_secs();
    Err(io::Error::other(format!("no answer in {seconds} seconds")))
}

/// How it ended, if it does in time: it may close its streams and stay.
fn ended(process: &mut Child, until: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        let status = process.try_wait()?;
        if status.is_some() || Instant::now() >= until {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn end(process: &mut Child) {
    // It may have ended by itself.
    let _ = process.kill();
    let _ = process.wait();
}

/// What a stream has to its end, and at most so many bytes of it.
fn bounded(
    stream: Option<impl Read + Send + 'static>,
    bytes_max: usize,
) -> Receiver<Zeroizing<Vec<u8>>> {
    let (tell, told) = channel();
    thread::spawn(move || {
        // A buffer that grew would leave what it held where it was.
        let mut bytes = Zeroizing::new(Vec::with_capacity(bytes_max + 1));
        if let Some(stream) = stream {
            let _ = stream.take(bytes_max as u64).read_to_end(&mut bytes);
        }
        // Nobody waits any more where it took too long.
        let _ = tell.send(bytes);
    });
    told
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn told(script: &str) -> io::Result<Told> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, Duration::from_millis(500))
    }

    #[test]
    fn a_program_that_stays_is_ended_whatever_it_closed() {
        for script in ["exec sleep 1000", "exec >&- 2>&-; exec sleep 1000"] {
            let began = Instant::now();
            let error = told(script).err().map(|error| error.to_string());
            assert_eq!(error.as_deref(), Some("no answer in 0 seconds"), "{script}");
            assert!(began.elapsed() < Duration::from_secs(100), "{script}");
        }
        let told = told("printf value; echo why >&2; exit 3").unwrap();
        assert_eq!(
            (told.code, told.output.as_slice()),
            (Some(3), b"value".as_slice())
        );
        assert_eq!(told.errors, b"why\n");
    }
}
