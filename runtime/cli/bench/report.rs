//! Findings of samples that were kept, as text, as JSON and as a page.

use super::super::arguments::{BenchReport, Shown};
use super::super::print;
use crate::bench::findings::Report;
use crate::bench::page::{is_page, page};
use crate::bench::report::{json, text};
use crate::bench::samples::{SAMPLES_BYTES_MAX, Samples};
use crate::exit::Exit;
use crate::log::escape_whole;
use crate::replace::replace;
use crate::report::Refused;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// Bytes of a file that are read to see whether it is a page.
const HEAD_BYTES: u64 = 4096;

/// What may be replaced by a page.
pub(super) const PAGE: (&str, fn(&str) -> bool) = ("page", is_page);

/// Reads every file before anything is told of one.
pub(super) fn report(asked: &BenchReport) -> Result<Exit, Refused> {
    let samples: Result<Vec<Samples>, Refused> = asked.files.iter().map(|it| read(it)).collect();
    show(&Report::new(samples?), &asked.shown)
}

/// Writes the page first, so that whoever reads the text finds it there.
pub(super) fn show(report: &Report, shown: &Shown) -> Result<Exit, Refused> {
    if let Some(path) = &shown.html {
        may_replace(path, PAGE)?;
        put(path, page(report).as_bytes())?;
    }
    print(&if shown.json {
        let findings = json(report).map_err(|error| {
            let message = format!("cannot write findings as JSON: {error}");
            Refused::one(Exit::Failure, "output-failed", message, "")
        })?;
        format!("{findings}\n")
    } else {
        text(report)
    })
}

/// A path as people can read it.
fn name(path: &Path) -> String {
    escape_whole(path.as_os_str().as_encoded_bytes())
}

fn read(path: &Path) -> Result<Samples, Refused> {
    let text = text_of(path).map_err(|error| {
        let message = format!("cannot read `{}`: {error}", name(path));
        let help = "name a file that `brig bench --samples` wrote";
        Refused::one(Exit::Failure, "samples-unreadable", message, help)
    })?;
    Samples::read(&text).map_err(|error| {
        let message = format!("`{}`: cannot {error}", name(path));
        let help =
            "name a file that `brig bench --samples` wrote; nothing is concluded from a part";
        Refused::one(Exit::Failure, "samples-refused", message, help)
    })
}

/// At most one byte more than a record may have, so that one that is longer is refused as such.
fn text_of(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let most = SAMPLES_BYTES_MAX as u64 + 1;
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    if bytes.len() > SAMPLES_BYTES_MAX {
        let told = format!("it is longer than {SAMPLES_BYTES_MAX} bytes, the most of a record");
        return Err(io::Error::other(told));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::other(format!("it is no text: byte {at} begins no character"))
    })
}

/// What is written takes the place of an older one of its kind or of nothing. A name that was
/// typed wrong would otherwise cost somebody a file, and a link or a device would be replaced by a
/// file.
pub(super) fn may_replace(
    path: &Path,
    (what, is_older): (&str, fn(&str) -> bool),
) -> Result<(), Refused> {
    let free = match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => head(path).map(|head| head.is_empty() || is_older(&head)),
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    };
    let why = match free {
        Ok(true) => return Ok(()),
        Ok(false) => format!("it is there and is no {what} of brig's"),
        Err(error) => error.to_string(),
    };
    let message = format!("cannot write `{}`: {why}", name(path));
    let help = format!("name a file that does not exist, or an older {what}");
    Err(Refused::one(Exit::Failure, "output-failed", message, &help))
}

/// Writes a file whole.
pub(super) fn put(path: &Path, bytes: &[u8]) -> Result<(), Refused> {
    replace(path, bytes, None).map_err(|error| {
        let message = format!("cannot write `{}`: {error}", name(path));
        let help = "name a file in a folder that you can write to";
        Refused::one(Exit::Failure, "output-failed", message, help)
    })
}

fn head(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(HEAD_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
