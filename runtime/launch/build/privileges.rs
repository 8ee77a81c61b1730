//! Who the server is, and what is left of the rights to build its cell: nothing.

use crate::hook;
use brig_sandbox::cell::{ID_INSIDE, Identity};
use brig_sandbox::mechanism::Mechanism;
use rustix::process::{Gid, Uid};
use rustix::thread::{CapabilitiesSecureBits, CapabilitySet, CapabilitySets};
use std::io;

/// Without a user namespace: root becomes a user that nobody else is, and an ordinary user stays.
pub(super) fn leave_id(identity: Identity, host: (u32, u32)) -> io::Result<()> {
    match identity {
        Identity::Caller { .. } => Ok(()),
        Identity::UnusedHostId | Identity::ServersHostId { .. } | Identity::OfSentry => {
            if !hook::is_off(Mechanism::EmptyCapabilities) {
                bound_capabilities()?;
            }
            rustix::thread::set_thread_groups(&[])?;
            let (user, group) = (Uid::from_raw(host.0), Gid::from_raw(host.1));
            rustix::thread::set_thread_res_gid(group, group, group)?;
            Ok(rustix::thread::set_thread_res_uid(user, user, user)?)
        }
    }
}

pub(super) fn identity(identity: Identity) -> io::Result<()> {
    let (user, group) = (Uid::from_raw(ID_INSIDE), Gid::from_raw(ID_INSIDE));
    match identity {
        Identity::UnusedHostId
        | Identity::ServersHostId { .. }
        | Identity::OfSentry
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
pub(super) fn drop_privileges(own_users: bool) -> io::Result<()> {
    if hook::is_off(Mechanism::EmptyCapabilities) {
        hook::keep_capabilities()?;
    } else {
        empty_capabilities(own_users)?;
    }
    if !hook::is_off(Mechanism::NoNewPrivileges) {
        rustix::thread::set_no_new_privs(true)?;
    }
    Ok(())
}

fn empty_capabilities(own_users: bool) -> io::Result<()> {
    // Also where root kept its id: an exec of it would refill what is emptied here.
    if own_users || rustix::process::geteuid().is_root() {
        bound_capabilities()?;
    }
    rustix::thread::clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets {
        effective: none,
        permitted: none,
        inheritable: none,
    };
    Ok(rustix::thread::set_capabilities(None, sets)?)
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
