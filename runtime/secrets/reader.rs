//! The reader: a process of its own that opens one place, writes one value to its standard output,
//! and ends. What it had to hold for that ends with it: a whole file of secrets, a connection to
//! the desktop's bus.

use super::file::SecretFile;
use super::{SecretError, keyring};
use brig_policies::SecretName;
use rustix::process::DumpableBehavior;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use zeroize::Zeroizing;

/// The hidden first argument that makes an exec of brig a reader.
pub(crate) const ARGUMENT: &str = "__secret";
/// The place has no such secret.
pub(super) const ABSENT: u8 = 20;
/// There is no keyring.
pub(super) const NO_KEYRING: u8 = 21;

/// Reads the secret that its arguments name: `keyring NAME`, or `file PATH IDENTITY NAME`.
pub(crate) fn main() -> ExitCode {
    let told = rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|errno| SecretError::NoPlace(errno.to_string()))
        .and_then(|()| read(&std::env::args().skip(2).collect::<Vec<_>>()));
    match told {
        Ok(Some(value)) => match std::io::stdout().lock().write_all(&value) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Ok(None) => ExitCode::from(ABSENT),
        Err(error) => {
            // Whoever started it reads this.
            let _ = write!(std::io::stderr(), "{error}\0{}", error.help());
            match error {
                SecretError::NoKeyring(_) => ExitCode::from(NO_KEYRING),
                SecretError::Short
                | SecretError::Long
                | SecretError::Keyring(_)
                | SecretError::File { .. }
                | SecretError::Open { .. }
                | SecretError::Closed { .. }
                | SecretError::Program { .. }
                | SecretError::Told { .. }
                | SecretError::NoPlace(_) => ExitCode::FAILURE,
            }
        }
    }
}

fn read(arguments: &[String]) -> Result<Option<Zeroizing<Vec<u8>>>, SecretError> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let named = |name: &str| name.parse::<SecretName>().ok();
    match words.as_slice() {
        ["keyring", name] => named(name).map_or(Ok(None), |name| keyring::get(name.as_str())),
        ["file", path, identity, name] => {
            let file = SecretFile::new(Path::new(path), Path::new(identity));
            named(name).map_or(Ok(None), |name| file.get(name.as_str()))
        }
        _ => Err(SecretError::NoPlace("no place is named".to_owned())),
    }
}
