//! The supervisor's own walls. It reads what a hostile server says, so while a session runs it
//! keeps only what that takes: the descriptors it has, memory, and waiting. It can open no file,
//! start no program and make no memory executable.

use brig_sandbox::seccomp::{Family, FileCalls, InvalidProfile, Profile};
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetError,
    Scope,
};
use seccompiler::sock_filter;
use thiserror::Error;

/// Why the supervisor could not confine itself. The session does not begin then.
#[derive(Debug, Error)]
pub(crate) enum ConfineError {
    /// The profile is no filter.
    #[error(transparent)]
    Profile(#[from] InvalidProfile),
    /// A right could not be given up.
    #[error("give up rights: {0}")]
    Rights(#[source] std::io::Error),
    /// The kernel refused the filter.
    #[error("put a filter on the supervisor: {0}")]
    Filter(#[from] seccompiler::Error),
    /// The kernel refused the ruleset.
    #[error("put Landlock on the supervisor: {0}")]
    Landlock(#[from] RulesetError),
}

/// Confines this process and all its threads for good.
pub(crate) fn confine() -> Result<(), ConfineError> {
    // Landlock is the second wall here: what a kernel does not know of it, the filter holds alone.
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V6))?
        .handle_access(AccessNet::from_all(ABI::V6))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .restrict_self()?;
    let program = Profile::of(Family::Supervisor, FileCalls::None).compile()?;
    Ok(put_filter(&program)?)
}

/// Puts a filter, packed as `sandbox` packs it, on all threads of this process.
pub(crate) fn put_filter(packed: &[u64]) -> Result<(), seccompiler::Error> {
    let program: Vec<sock_filter> = packed.iter().map(|word| unpack(*word)).collect();
    seccompiler::apply_filter_all_threads(&program)
}

/// The reverse of the packing in `sandbox`: code, jt, jf, k from the low bits up.
fn unpack(instruction: u64) -> sock_filter {
    let [code_low, code_high, jt, jf, k0, k1, k2, k3] = instruction.to_le_bytes();
    sock_filter {
        code: u16::from_le_bytes([code_low, code_high]),
        jt,
        jf,
        k: u32::from_le_bytes([k0, k1, k2, k3]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(instruction: u64, code: u16, jt: u8, jf: u8, k: u32) {
        assert_eq!(unpack(instruction), sock_filter { code, jt, jf, k });
    }

    #[test]
    fn instructions_are_unpacked_as_sandbox_packs_them() {
        check(0x0403_0201_aabb_1234, 0x1234, 0xbb, 0xaa, 0x0403_0201);
        check(0, 0, 0, 0, 0);
    }
}
