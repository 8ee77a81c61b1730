//! What of the host every program needs to start: its kernel, and where its system lies.

use brig_sandbox::facts::{SystemKind, SystemPlace};
use std::fs;

/// Programs and libraries. On a host with one `/usr` the others are links into it
/// (file-hierarchy(7)).
const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    // What the loader and runtimes read of the settings: where libraries lie, which of many
    // programs a name means, the time zone, and the public certificates.
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/etc/localtime",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/ca-certificates",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust/extracted",
    "/etc/mime.types",
];

/// The kernel's release, as major and minor number.
pub(super) fn kernel() -> (u32, u32) {
    let name = rustix::system::uname();
    let release = name.release().to_string_lossy();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    let mut next = || numbers.next().and_then(Result::ok).unwrap_or(0);
    (next(), next())
}

/// The places of the system that this host has.
pub(super) fn system() -> Vec<SystemPlace> {
    let place = |at: &&str| {
        let at = (*at).to_owned();
        Some(SystemPlace { is: kind(&at)?, at })
    };
    SYSTEM.iter().filter_map(place).collect()
}

fn kind(at: &str) -> Option<SystemKind> {
    let file = fs::symlink_metadata(at).ok()?;
    // A link of the top leads into what is there too; one of the settings leads anywhere, so what
    // it leads to is shown in its place.
    if file.is_symlink() && at.matches('/').count() == 1 {
        let to = fs::read_link(at).ok()?;
        return to.to_str().map(|to| SystemKind::Link(to.to_owned()));
    }
    let canonical = fs::canonicalize(at).ok()?;
    let canonical = canonical.to_str()?;
    let file = fs::metadata(canonical).ok()?;
    if file.is_file() {
        Some(SystemKind::File(canonical.to_owned()))
    } else if file.is_dir() && canonical == at {
        Some(SystemKind::Directory)
    } else {
        None
    }
}
