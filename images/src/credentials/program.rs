//! Programs that keep logins: `docker-credential-NAME get`.

use super::Credential;
use crate::fault::{Fault, harmless};
use crate::secret::Secret;
use serde::Deserialize;
use std::env;
use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// A name and a password; more is no answer.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// What a program says where the user has no login: not an error.
const NONE_KEPT: &str = "credentials not found in native keychain";

/// The name that stands for a token.
const TOKEN_NAME: &str = "<token>";

/// Asks a program for the login to a server.
pub(super) fn ask(
    name: &str,
    server: &str,
    path: Option<&OsStr>,
    timeout: Duration,
) -> Result<Option<Credential>, Fault> {
    let told = |reason: &str| Fault::Credentials {
        place: harmless(&format!("the program `docker-credential-{name}`")),
        reason: reason.to_owned(),
    };
    // A name, and not a path to what somebody else wrote.
    let is_word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if !name.bytes().all(is_word) {
        return Err(told("this is no name of a program"));
    }
    let program = look_up(&format!("docker-credential-{name}"), path);
    let program = program.ok_or_else(|| told("it is not in PATH"))?;
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // It may write what it keeps.
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| told(&error.to_string()))?;
    let spoken = speak(&mut child, server, timeout);
    let _ = child.kill();
    let status = child.wait().map_err(|error| told(&error.to_string()))?;
    let bytes = spoken.ok_or_else(|| told("it did not answer in time"))?;
    if !status.success() {
        let said = String::from_utf8_lossy(&bytes);
        return if said.trim() == NONE_KEPT {
            Ok(None)
        } else {
            Err(told("it failed"))
        };
    }
    let answer: Answer =
        serde_json::from_slice(&bytes).map_err(|_| told("its answer is malformed"))?;
    let secret = Secret::new(answer.secret);
    Ok(Some(if answer.username == TOKEN_NAME {
        Credential::Identity(secret)
    } else {
        Credential::Basic(answer.username, secret)
    }))
}

fn look_up(program: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    let folders = env::split_paths(path?).filter(|folder| folder.is_absolute());
    folders
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Gives the server's name and takes the answer; nothing where the program runs for too long.
fn speak(child: &mut Child, server: &str, timeout: Duration) -> Option<Vec<u8>> {
    let deadline = Instant::now() + timeout;
    let mut input = child.stdin.take()?;
    // A program that ends without reading is one that answers all the same.
    let _ = input.write_all(server.as_bytes());
    drop(input);
    let output = child.stdout.take()?;
    let reading = thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = output.take(ANSWER_BYTES_MAX).read_to_end(&mut bytes);
        bytes
    });
    while !reading.is_finished() || child.try_wait().ok()?.is_none() {
        if Instant::now() >= deadline {
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
    reading.join().ok()
}
