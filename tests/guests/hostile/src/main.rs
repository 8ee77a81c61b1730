//! The hostile server as a program of its own: a guest, or its native twin.

use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    hostile::serve(&mut io::stdin().lock(), &mut io::stdout().lock())
}
