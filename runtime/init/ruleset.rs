//! What init tells Landlock (landlock(7)).

use crate::wire::{answer, take_u32, take_u64};
use crate::{Fault, ordered, step, sys};

/// A ruleset of what is refused unless a rule allows it.
pub(crate) fn make_ruleset(payload: &mut &[u8]) -> Result<i32, Fault> {
    let size = ordered(take_u32(payload))? as usize;
    let attributes = [
        ordered(take_u64(payload))?,
        ordered(take_u64(payload))?,
        ordered(take_u64(payload))?,
    ];
    let ruleset = step(
        "make a Landlock ruleset",
        sys::landlock_ruleset(size, &attributes),
    )?;
    Ok(ruleset as i32)
}

/// What is allowed beneath a path.
pub(crate) fn add_rule(ruleset: Option<i32>, payload: &mut &[u8]) -> Result<(), Fault> {
    let ruleset = ruleset.ok_or(Fault(answer::FAILED, 0, "find the ruleset of a rule"))?;
    let allowed = ordered(take_u64(payload))?;
    let beneath = step("open a path for Landlock", sys::open_path(payload))? as i32;
    step(
        "add a Landlock rule",
        sys::landlock_rule(ruleset, allowed, beneath),
    )?;
    sys::close(beneath);
    Ok(())
}

/// A port to which TCP may connect.
pub(crate) fn add_port(ruleset: Option<i32>, payload: &mut &[u8]) -> Result<(), Fault> {
    let ruleset = ruleset.ok_or(Fault(answer::FAILED, 0, "find the ruleset of a port"))?;
    let port = ordered(take_u64(payload))?;
    step("let Landlock pass a port", sys::landlock_port(ruleset, port))?;
    Ok(())
}
