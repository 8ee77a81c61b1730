//! Who the server is, and what is left of the rights to build its cell: nothing.

use brig_sandbox::cell::{CellKind, FIRST_UNUSED_HOST_ID, ID_INSIDE, Identity};
use rustix::process::{Gid, Uid};
use rustix::thread::{CapabilitiesSecureBits, CapabilitySet, CapabilitySets};
use std::io;

/// Without namespaces: root becomes a user that nobody else is, and an ordinary user stays.
pub(super) fn enter_narrow(identity: Identity) -> io::Result<()> {
    rustix::process::chdir("/")?;
    match identity {
        Identity::Caller { .. } => Ok(()),
        Identity::UnusedHostId => {
            bound_capabilities()?;
            // The warden's id, since this process is one of its own.
            let warden = rustix::process::getppid().map_or(0, |id| id.as_raw_nonzero().get());
            let id = FIRST_UNUSED_HOST_ID + warden.unsigned_abs();
            rustix::thread::set_thread_groups(&[])?;
            let (user, group) = (Uid::from_raw(id), Gid::from_raw(id));
            rustix::thread::set_thread_res_gid(group, group, group)?;
            Ok(rustix::thread::set_thread_res_uid(user, user, user)?)
        }
    }
}

pub(super) fn identity(identity: Identity) -> io::Result<()> {
    let (user, group) = (Uid::from_raw(ID_INSIDE), Gid::from_raw(ID_INSIDE));
    match identity {
        Identity::UnusedHostId
        | Identity::Caller {
            subordinate_gid: Some(_),
            ..
        } => rustix::thread::set_thread_groups(&[])?,
        Identity::Caller {
            subordinate_gid: None,
            ..
        } => {}
    }
    rustix::thread::set_thread_res_gid(group, group, group)?;
    Ok(rustix::thread::set_thread_res_uid(user, user, user)?)
}

/// Empties all five capability sets (capabilities(7)). In a user namespace of its own the process
/// may do all of it; in a narrow cell an ordinary user has nothing to empty.
pub(super) fn drop_privileges(kind: CellKind) -> io::Result<()> {
    if kind == CellKind::Full {
        bound_capabilities()?;
    }
    rustix::thread::clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets {
        effective: none,
        permitted: none,
        inheritable: none,
    };
    rustix::thread::set_capabilities(None, sets)?;
    rustix::thread::set_no_new_privs(true)?;
    Ok(())
}

/// Empties the bounding set, and locks the bits that would refill the others.
fn bound_capabilities() -> io::Result<()> {
    let bits = CapabilitiesSecureBits::NO_ROOT
        | CapabilitiesSecureBits::NO_ROOT_LOCKED
        | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
        | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
        | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED;
    rustix::thread::set_capabilities_secure_bits(bits)?;
    for number in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            Ok(()) => {}
            // The kernel knows no capability of this number, nor any above it.
            Err(rustix::io::Errno::INVAL) => break,
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}
