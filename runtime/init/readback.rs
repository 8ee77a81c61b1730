//! Walls that init reads back, or sets and reads back.

use super::wire::{answer, left_out, tag, take_u32, take_u64};
use super::{
    EACCES, Fault, PR_CAPBSET_READ, PR_GET_NO_NEW_PRIVS, PR_SET_NO_NEW_PRIVS, find, hook, number,
    ordered, prctl, step, sys,
};

/// Reads back what the warden did before the exec.
pub(super) fn check_privileges(orders: &[u8]) -> Result<(), Fault> {
    if !hook::leaves_out(orders, left_out::CAPABILITIES) {
        check_capabilities(find(orders, tag::BOUNDING_EMPTY).is_some())?;
    }
    if hook::leaves_out(orders, left_out::NEW_PRIVILEGES) {
        return Ok(());
    }
    prctl(PR_SET_NO_NEW_PRIVS, 1, "give up new privileges")?;
    match sys::prctl(PR_GET_NO_NEW_PRIVS, 0, 0) {
        Ok(1) => Ok(()),
        other => Err(Fault(
            answer::DIFFERS,
            number(other),
            "new privileges are not given up",
        )),
    }
}

fn check_capabilities(bounding_empty: bool) -> Result<(), Fault> {
    let held = sys::capabilities().map_err(|e| Fault(answer::FAILED, e, "read capabilities"))?;
    if held != 0 {
        return Err(Fault(
            answer::DIFFERS,
            held as i32,
            "capabilities are not empty",
        ));
    }
    let bounded = if bounding_empty { 0..64 } else { 0..0 };
    for capability in bounded {
        match sys::prctl(PR_CAPBSET_READ, capability, 0) {
            Ok(0) => {}
            Ok(_) => {
                let which = capability as i32;
                return Err(Fault(
                    answer::DIFFERS,
                    which,
                    "the bounding set is not empty",
                ));
            }
            // The kernel knows no capability of this number, nor any above it.
            Err(_) => break,
        }
    }
    Ok(())
}

/// A ruleset cannot be read back, so init tries what no rule of any cell allows: listing the root.
pub(super) fn check_landlock() -> Result<(), Fault> {
    match sys::open_directory(b"/\0") {
        Err(EACCES) => Ok(()),
        other => Err(Fault(
            answer::DIFFERS,
            number(other),
            "Landlock does not keep the root from being listed",
        )),
    }
}

pub(super) fn check_ids(payload: &mut &[u8]) -> Result<(), Fault> {
    let user = ordered(take_u32(payload))? as usize;
    let group = ordered(take_u32(payload))? as usize;
    let ids = sys::ids();
    if ids == [user, user, group, group] {
        Ok(())
    } else {
        Err(Fault(
            answer::DIFFERS,
            ids[1] as i32,
            "the server's user or group is another",
        ))
    }
}

pub(super) fn check_mount(payload: &mut &[u8]) -> Result<(), Fault> {
    let device = ordered(take_u64(payload))?;
    let inode = ordered(take_u64(payload))?;
    let flags = ordered(take_u64(payload))?;
    let mount = step("open a mount", sys::open_path(payload))? as i32;
    let found =
        sys::device_and_inode(mount).map_err(|e| Fault(answer::FAILED, e, "look at a mount"))?;
    let set = sys::mount_flags(mount).map_err(|e| Fault(answer::FAILED, e, "look at a mount"))?;
    sys::close(mount);
    if found != (device, inode) {
        return Err(Fault(
            answer::DIFFERS,
            found.1 as i32,
            "a mount shows another file",
        ));
    }
    if set & flags != flags {
        return Err(Fault(answer::DIFFERS, set as i32, "a mount lacks a flag"));
    }
    Ok(())
}

pub(super) fn set_rlimit(payload: &mut &[u8]) -> Result<(), Fault> {
    let resource = ordered(take_u32(payload))?;
    let value = ordered(take_u64(payload))?;
    let now = sys::set_rlimit(resource, value)
        .map_err(|e| Fault(answer::FAILED, e, "set a resource limit"))?;
    if now == [value, value] {
        Ok(())
    } else {
        Err(Fault(
            answer::DIFFERS,
            resource as i32,
            "a resource limit is another",
        ))
    }
}

/// Ties itself, and so the server, to some of the processors that it may run on.
pub(super) fn tie(payload: &mut &[u8]) -> Result<(), Fault> {
    let count = ordered(take_u32(payload))?;
    let found = sys::tie_to_processors(count)
        .map_err(|e| Fault(answer::FAILED, e, "tie itself to processors"))?;
    if found == count {
        Ok(())
    } else {
        let found = found as i32;
        Err(Fault(
            answer::DIFFERS,
            found,
            "it is tied to other processors",
        ))
    }
}
