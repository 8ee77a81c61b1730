//! The parts of brig that are measured by themselves, for `cargo bench -p parts`.
//!
//! What `policies`, `sandbox` and `images` have is theirs to give. brig's own modules come in by
//! their files, as in `fuzz`: the root package needs wasmtime, of which none of them knows, and the
//! carrier is nobody's interface. *Absent here:* what is measured with, which is in `measure`.

pub mod carrier;

/// Between client and server, without the pump that carries it out.
#[expect(dead_code, reason = "the pump, which uses the rest, is left out")]
#[path = "../../../runtime/bridge"]
pub mod bridge {
    pub mod code;
    pub mod frame;
    pub mod id;
    pub mod message;
    pub mod notice;
    pub mod outline;
    pub mod session;

    mod admission;
    mod answer;
    mod cuts;
    mod ledger;
    mod method;
}
