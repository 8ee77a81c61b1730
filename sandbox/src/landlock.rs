//! Landlock's rights for a cell's mounts (linux/landlock.h).
//!
//! The mount namespace already holds the same denials; Landlock holds them a second time, by a
//! mechanism that shares no code with it.

use crate::cell::{
    Access, CellKind, Exec, GrantKind, Landlock, LandlockRule, Links, Mount, PROGRAM_FOLDER,
};
use crate::egress::{Egress, RESPONDER_PORT};
use std::collections::BTreeSet;

const EXECUTE: u64 = 1;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const REMOVE_DIR: u64 = 1 << 4;
const REMOVE_FILE: u64 = 1 << 5;
const MAKE_DIR: u64 = 1 << 7;
const MAKE_REG: u64 = 1 << 8;
const MAKE_SOCK: u64 = 1 << 9;
const MAKE_FIFO: u64 = 1 << 10;
const MAKE_SYM: u64 = 1 << 12;
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;

/// The newest ABI whose rights are listed here. A newer kernel is asked for these and no more.
const ABI_KNOWN: u32 = 7;

/// The ruleset for these mounts, or none where the kernel has no Landlock.
pub fn ruleset(abi: u32, kind: CellKind, mounts: &[Mount]) -> Option<Landlock> {
    if abi == 0 {
        return None;
    }
    let abi = abi.min(ABI_KNOWN);
    let handled_files = handled_files(abi);
    let mut rules = match kind {
        CellKind::Full => vec![rule(PROGRAM_FOLDER, READ_FILE | EXECUTE, handled_files)],
        CellKind::Narrow => Vec::new(),
    };
    for mount in mounts {
        rules.extend(mount_rules(mount, kind, handled_files));
    }
    Some(Landlock {
        abi,
        handled_files,
        handled_network: if abi >= 4 { 0b11 } else { 0 },
        ports: BTreeSet::new(),
        scoped: if abi >= 6 { 0b11 } else { 0 },
        rules,
    })
}

/// Lets TCP connect to what listens in the cell, and to its name server.
pub fn connecting(mut ruleset: Landlock, egress: &Egress) -> Landlock {
    if ruleset.handled_network != 0 {
        ruleset.ports = egress.listeners.iter().map(|one| one.port).collect();
        ruleset.ports.insert(RESPONDER_PORT);
    }
    ruleset
}

/// Paths are those of the cell: in a narrow one they are the host's own.
fn mount_rules(mount: &Mount, cell: CellKind, handled: u64) -> Vec<LandlockRule> {
    match mount {
        Mount::Program { source, .. } => match cell {
            CellKind::Full => Vec::new(),
            CellKind::Narrow => vec![rule(source, READ_FILE | EXECUTE, handled)],
        },
        Mount::Grant {
            source,
            at,
            kind,
            access,
            exec,
            links,
        } => {
            let allowed = grant(*kind, *access) | execution(*exec) | making(*kind, *access, *links);
            match cell {
                CellKind::Full => grant_rules(at, *kind, allowed, handled),
                CellKind::Narrow => vec![rule(source, allowed, handled)],
            }
        }
        // Not the root itself: a rule there would reach into every grant.
        Mount::Image { top, ways, .. } => {
            let shown = |(name, kind): (&String, &GrantKind)| {
                let allowed = grant(*kind, Access::Read) | EXECUTE;
                rule(&format!("/{name}"), allowed, handled)
            };
            // What is allowed here is allowed in the grants below, where it is allowed anyhow.
            let listed = |path: &String| rule(&format!("/{path}"), READ_DIR, handled);
            let rules = top.iter().map(shown);
            rules.chain(ways.iter().map(listed)).collect()
        }
        Mount::System { at, kind, .. } => {
            let allowed = grant(*kind, Access::Read) | EXECUTE;
            vec![rule(at, allowed, handled)]
        }
        // Links are followed to what has a rule of its own. A grant's rule reaches below the mounts
        // over its parts, and no rule takes away what another allows.
        Mount::Folder { .. }
        | Mount::Link { .. }
        | Mount::Held { .. }
        | Mount::Kept { .. }
        // It lies in a folder of the image, whose rule reaches into it.
        | Mount::Volume { .. } => Vec::new(),
        Mount::Text { at, .. } | Mount::Shown { at } => vec![rule(at, READ_FILE, handled)],
        Mount::Processes { at } | Mount::Secrets { at } => {
            vec![rule(at, READ_FILE | READ_DIR, handled)]
        }
        Mount::Device { at } => vec![rule(at, READ_FILE | WRITE_FILE, handled)],
        Mount::Scratch { at, .. } => {
            let allowed = grant(GrantKind::Directory, Access::Write) | MAKE_SYM;
            vec![rule(at, allowed, handled)]
        }
    }
}

/// A file's folder may be listed, since a component can only open a file beneath a folder.
fn grant_rules(at: &str, kind: GrantKind, allowed: u64, handled: u64) -> Vec<LandlockRule> {
    match (kind, at.rsplit_once('/')) {
        (GrantKind::File, Some((folder, _))) if !folder.is_empty() => {
            vec![rule(folder, READ_DIR, handled), rule(at, allowed, handled)]
        }
        (GrantKind::File | GrantKind::Directory, _) => vec![rule(at, allowed, handled)],
    }
}

fn rule(at: &str, allowed: u64, handled: u64) -> LandlockRule {
    LandlockRule {
        at: at.to_owned(),
        allowed: allowed & handled,
    }
}

fn grant(kind: GrantKind, access: Access) -> u64 {
    match (kind, access) {
        (GrantKind::File, Access::Read) => READ_FILE,
        (GrantKind::File, Access::Write) => READ_FILE | WRITE_FILE | TRUNCATE,
        (GrantKind::Directory, Access::Read) => READ_FILE | READ_DIR,
        (GrantKind::Directory, Access::Write) => {
            READ_FILE
                | READ_DIR
                | WRITE_FILE
                | TRUNCATE
                | REMOVE_DIR
                | REMOVE_FILE
                | MAKE_DIR
                | MAKE_REG
                | REFER
        }
    }
}

fn execution(exec: Exec) -> u64 {
    match exec {
        Exec::Denied => 0,
        Exec::Allowed => EXECUTE,
    }
}

/// Nothing is made in a file, and the kernel refuses a rule that says otherwise.
fn making(kind: GrantKind, access: Access, links: Links) -> u64 {
    match (kind, access, links) {
        (GrantKind::Directory, Access::Write, Links::Allowed) => MAKE_SYM | MAKE_FIFO | MAKE_SOCK,
        (GrantKind::File, Access::Read | Access::Write, Links::Denied | Links::Allowed)
        | (GrantKind::Directory, Access::Write, Links::Denied)
        | (GrantKind::Directory, Access::Read, Links::Denied | Links::Allowed) => 0,
    }
}

fn handled_files(abi: u32) -> u64 {
    let first = (1 << 13) - 1;
    let refer = if abi >= 2 { REFER } else { 0 };
    let truncate = if abi >= 3 { TRUNCATE } else { 0 };
    let ioctl_device = if abi >= 5 { 1 << 15 } else { 0 };
    first | refer | truncate | ioctl_device
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn folder(access: Access, links: Links) -> Mount {
        let (source, at) = ("/srv/notes".to_owned(), "/notes".to_owned());
        let (kind, exec) = (GrantKind::Directory, Exec::Denied);
        Mount::Grant {
            source,
            at,
            kind,
            access,
            exec,
            links,
        }
    }

    #[track_caller]
    fn check(abi: u32, mount: Mount, has: u64, lacks: u64) {
        let ruleset = ruleset(abi, CellKind::Full, &[mount]).unwrap();
        let rule = ruleset
            .rules
            .iter()
            .find(|rule| rule.at == "/notes")
            .unwrap();
        assert_eq!(rule.allowed & has, has);
        assert_eq!(rule.allowed & lacks, 0);
        assert_eq!(
            rule.allowed & !ruleset.handled_files,
            0,
            "a right that is not handled"
        );
    }

    #[test]
    fn rights_follow_access() {
        let changes = WRITE_FILE | MAKE_REG | REMOVE_FILE | TRUNCATE | MAKE_SYM;
        check(
            7,
            folder(Access::Read, Links::Denied),
            READ_FILE | READ_DIR,
            changes | EXECUTE,
        );
        check(
            7,
            folder(Access::Read, Links::Allowed),
            READ_FILE | READ_DIR,
            changes | EXECUTE,
        );
        check(
            7,
            folder(Access::Write, Links::Denied),
            WRITE_FILE | TRUNCATE,
            MAKE_SYM | EXECUTE,
        );
        check(7, folder(Access::Write, Links::Allowed), MAKE_SYM, EXECUTE);
    }

    #[test]
    fn an_old_kernel_is_asked_only_for_what_it_knows() {
        check(
            1,
            folder(Access::Write, Links::Denied),
            WRITE_FILE,
            TRUNCATE | REFER,
        );
        check(
            99,
            folder(Access::Write, Links::Denied),
            TRUNCATE | REFER,
            0,
        );
        assert_eq!(ruleset(0, CellKind::Full, &[]), None);
    }
}
