//! `[[files]]`: what of the host's files the server reaches.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::vec::Vec;

use super::entries::{Entries, Found, flag, parsed, string, tell_not_yet};
use super::lists::tables;
use super::{FileEntry, Teach as _, Written as _};
use crate::fault::{FaultCode, Findings, Told};
use crate::grammar::{Key, files, top};
use crate::path::{InvalidPath, Location};
use crate::policy::{Access, Exec, Links, Missing};
use crate::wording::Quoted;

pub(super) fn read(top: &Entries<'_>, findings: &mut Findings) -> Vec<FileEntry> {
    tables(
        top,
        &top::FILES,
        files::GRANTS_MAX,
        &files::SECTION,
        findings,
    )
    .iter()
    .map(|entries| read_one(entries, findings))
    .collect()
}

fn read_one(entries: &Entries<'_>, findings: &mut Findings) -> FileEntry {
    FileEntry {
        span: entries.header(),
        host: entries.required(&files::HOST, findings, read_host),
        at: entries.optional(&files::AT, findings, parsed),
        access: entries.optional(&files::ACCESS, findings, read_access),
        exec: entries.optional(&files::EXEC, findings, |found, key, findings| {
            flag(found, key, findings).map(|on| if on { Exec::Allowed } else { Exec::Denied })
        }),
        links: entries.optional(&files::LINKS, findings, |found, key, findings| {
            flag(found, key, findings).map(|on| if on { Links::Allowed } else { Links::Denied })
        }),
        missing: entries.optional(&files::OPTIONAL, findings, |found, key, findings| {
            flag(found, key, findings).map(|on| if on { Missing::Skip } else { Missing::Fault })
        }),
    }
}

/// A grant's source: unlike a component's, it may not be relative, so that a reviewer sees
/// whether it is the manifest's folder or the project's.
fn read_host(found: Found<'_>, key: &Key, findings: &mut Findings) -> Result<Location, Told> {
    let location: Location = parsed(found, key, findings)?;
    if location.is_anchored() {
        return Ok(location);
    }
    let error = InvalidPath::NotAbsolute;
    let text = found.get_ref().as_str().unwrap_or_default();
    let message = format!("{} is not {}: {error}", Quoted(text), Location::WHAT);
    Err(findings.tell(error.code(), found.span(), message, error.help()))
}

fn read_access(found: Found<'_>, key: &Key, findings: &mut Findings) -> Result<Access, Told> {
    let help = "write `read`, or `write` to let the server create, change and delete";
    match string(found, key, findings)? {
        "read" => Ok(Access::Read),
        "write" => Ok(Access::Write),
        name @ "append" => Err(tell_not_yet(name, found.span(), help, findings)),
        other => {
            let message = format!("{} is not a kind of access", Quoted(other));
            let code = FaultCode::UnknownValue;
            Err(findings.tell(code, found.span(), message, help.to_owned()))
        }
    }
}
