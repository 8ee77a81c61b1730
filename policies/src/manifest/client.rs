//! `[client]` and `[syscalls]`: what the server may ask of the client and of the kernel.

use alloc::collections::BTreeMap;

use super::entries::{Entries, Found, flag, table, tell_wrong_type};
use super::lists::word;
use crate::fault::{FaultCode, Findings, Told};
use crate::grammar::{Key, client, syscalls, top};
use crate::policy::{ClientRight, Mark, SyscallGroup};

pub(super) fn read(top: &Entries<'_>, findings: &mut Findings) -> BTreeMap<ClientRight, Mark> {
    let Ok(Some(header)) = top.optional(&top::CLIENT, findings, table) else {
        return BTreeMap::new();
    };
    let entries = Entries::open(header.value, &client::SECTION, header.span, findings);
    let mut rights = BTreeMap::new();
    for (key, right) in client::RIGHTS {
        if let Ok(Some(written)) = entries.optional(key, findings, flag)
            && written.value
        {
            rights.insert(*right, Mark::new(written.span));
        }
    }
    rights
}

pub(super) fn read_syscalls(
    top: &Entries<'_>,
    findings: &mut Findings,
) -> BTreeMap<SyscallGroup, Mark> {
    let Ok(Some(header)) = top.optional(&top::SYSCALLS, findings, table) else {
        return BTreeMap::new();
    };
    let entries = Entries::open(header.value, &syscalls::SECTION, header.span, findings);
    let groups = entries.optional(&syscalls::ALLOW, findings, read_groups);
    groups
        .ok()
        .flatten()
        .map_or_else(BTreeMap::new, |written| written.value)
}

fn read_groups(
    found: Found<'_>,
    key: &Key,
    findings: &mut Findings,
) -> Result<BTreeMap<SyscallGroup, Mark>, Told> {
    let Some(array) = found.get_ref().as_array() else {
        return Err(tell_wrong_type(found, key, "an array of strings", findings));
    };
    let words: alloc::vec::Vec<_> = SyscallGroup::ALL
        .iter()
        .map(|group| (group.as_str(), *group))
        .collect();
    let mut groups = BTreeMap::new();
    let mut faulty = None;
    for element in array {
        match word(element, key, &words, "a group of system calls", findings) {
            Ok(group) if groups.insert(group, Mark::new(element.span())).is_none() => {}
            Ok(group) => {
                let message = alloc::format!("`{}` is already there", group.as_str());
                let code = FaultCode::Contradiction;
                faulty = Some(findings.tell(code, element.span(), message, "keep one".into()));
            }
            Err(told) => faulty = Some(told),
        }
    }
    faulty.map_or(Ok(groups), Err)
}
