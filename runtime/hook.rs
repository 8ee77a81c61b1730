//! Walls left out on purpose, so that tests can see what each of them is for.
//!
//! `BRIG_TEST_WITHOUT` names mechanisms of the table by their stable names, with commas. That is
//! so in the builds of tests alone (feature `test-hooks`): in every other nothing is ever left out,
//! and nothing here reads a variable.

#[cfg(not(feature = "test-hooks"))]
pub(crate) use closed::*;
#[cfg(feature = "test-hooks")]
pub(crate) use open::*;

#[cfg(feature = "test-hooks")]
mod edit;

#[cfg(feature = "test-hooks")]
pub(crate) const VARIABLE: &str = "BRIG_TEST_WITHOUT";

#[cfg(not(feature = "test-hooks"))]
mod closed {
    use brig_sandbox::mechanism::Mechanism;
    use std::io;

    /// Whether a test left this mechanism out.
    pub(crate) const fn is_off(_: Mechanism) -> bool {
        false
    }

    /// What is done where capabilities are left out of what is emptied.
    pub(crate) fn keep_capabilities() -> io::Result<()> {
        Err(io::Error::other("there is nothing to leave out"))
    }
}

#[cfg(feature = "test-hooks")]
mod open {
    use super::VARIABLE;
    pub(crate) use super::edit::{edit, edit_worker};
    use crate::init_wire::left_out;
    use brig_sandbox::mechanism::Mechanism;
    use rustix::thread::CapabilitySet;
    use std::io;

    pub(crate) fn is_off(mechanism: Mechanism) -> bool {
        off().contains(&mechanism)
    }

    /// All that is left out.
    pub(super) fn off() -> Vec<Mechanism> {
        let names = std::env::var(VARIABLE).unwrap_or_default();
        let names = names.split(',').map(serde_json::Value::from);
        names
            .filter_map(|name| serde_json::from_value(name).ok())
            .collect()
    }

    /// The variable, for a process whose environment is otherwise empty.
    pub(crate) fn variable() -> Option<(String, String)> {
        let value = std::env::var(VARIABLE).ok()?;
        Some((VARIABLE.to_owned(), value))
    }

    /// What init is told to leave out.
    pub(crate) fn left_to_init() -> Vec<u8> {
        let walls = [
            (Mechanism::EmptyCapabilities, left_out::CAPABILITIES),
            (Mechanism::NoNewPrivileges, left_out::NEW_PRIVILEGES),
            (Mechanism::OwnSession, left_out::SESSION),
            (Mechanism::CloseRange, left_out::CLOSING),
            (Mechanism::NotDumpable, left_out::DUMPABLE),
            (Mechanism::ParentDeathSignal, left_out::DEATH_SIGNAL),
        ];
        let off = walls.iter().filter(|(mechanism, _)| is_off(*mechanism));
        off.map(|(_, wall)| *wall).collect()
    }

    /// Makes every capability that this process has one that its programs get too, whoever it is.
    pub(crate) fn keep_capabilities() -> io::Result<()> {
        let mut sets = rustix::thread::capabilities(None)?;
        sets.inheritable = sets.permitted;
        rustix::thread::set_capabilities(None, sets)?;
        for number in 0..64 {
            let one = CapabilitySet::from_bits_retain(1 << number);
            if sets.permitted.contains(one) {
                rustix::thread::configure_capability_in_ambient_set(one, true)?;
            }
        }
        Ok(())
    }
}
