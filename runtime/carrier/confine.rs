//! The carrier's own walls. It reads what a hostile server and the internet say, so it keeps what
//! that takes: sockets, memory, and reading what the host's resolver reads.

use crate::confine::{ConfineError, put_filter};
use brig_sandbox::seccomp::{Family, FileCalls, Profile};
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, Scope,
};
use rustix::thread::{CapabilitySet, CapabilitySets};

/// What a resolver reads: its configuration, its modules, what services tell it. Homes are not
/// among them.
const READ: &[&str] = &[
    "/etc",
    "/usr",
    "/lib",
    "/lib64",
    "/run",
    "/var/run",
    "/var/db",
    "/var/lib/sss",
    "/proc",
    "/dev",
    "/nix/store",
    "/gnu/store",
];

/// Confines this process and all its threads for good.
pub(super) fn confine() -> Result<(), ConfineError> {
    let failed = |errno: rustix::io::Errno| ConfineError::Rights(errno.into());
    rustix::thread::set_no_new_privs(true).map_err(failed)?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets {
        effective: none,
        permitted: none,
        inheritable: none,
    };
    rustix::thread::set_capabilities(None, sets).map_err(failed)?;
    let abi = ABI::V6;
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        // Whom it connects to is what it is for; it waits for nobody.
        .handle_access(AccessNet::BindTcp)?
        .scope(Scope::Signal)?
        .create()?;
    for path in READ {
        // What this host does not have needs no rule.
        if let Ok(folder) = PathFd::new(path) {
            let rule = PathBeneath::new(folder, AccessFs::from_read(abi) & !AccessFs::Execute);
            ruleset = ruleset.add_rule(rule)?;
        }
    }
    ruleset.restrict_self()?;
    let program = Profile::of(Family::Carrier, FileCalls::None).compile()?;
    Ok(put_filter(&program)?)
}
