//! The same programs in an image, under every engine that has egress.

use super::programs::Program;
use super::stand::{Place, Session, Stand, every_service};
use crate::engines::under::Under;
use crate::harness::tool;
use crate::layout::program;
use brig_sandbox::engine::Engine;
use std::fs;
use std::sync::Once;

/// What the image lacks: curl and Node.js with their loader and libraries, for all engines.
pub(super) fn bundle(stand: &Stand) {
    static MADE: Once = Once::new();
    MADE.call_once(|| {
        for name in ["curl", "node"] {
            let from = fs::canonicalize(tool(name)).unwrap();
            let from = if from.starts_with("/usr/bin") {
                from
            } else {
                format!("/usr/bin/{name}").into()
            };
            program(
                &from,
                &stand.scratch().join("bundle"),
                &format!("/usr/bin/{name}"),
            );
        }
    });
}

#[track_caller]
fn check(engine: Engine) {
    let stand = Stand::shared();
    bundle(stand);
    let under = Under::new(engine);
    let args = "[\"/usr/bin/python3\", \"/stand/peers/run.py\"]";
    let source = format!("image = \"{}\"\nargs = {args}\n", Under::image());
    let mut faults = String::new();
    for family in ["both", "refused6"] {
        let mut brig = under.brig("run");
        brig.arg(stand.manifest(&source, &every_service(family)));
        let mut session = Session::start(stand.entered(&brig), Place::Image);
        for program in Program::all()
            .into_iter()
            .filter(Program::runs_under_engines)
        {
            let end = program.run(&mut session, family);
            faults += &program.fault(&session, family, &end).unwrap_or_default();
        }
        session.end();
    }
    assert!(faults.is_empty(), "{engine}:\n{faults}");
}

#[test]
fn programs_reach_names_under_crun() {
    check(Engine::Crun);
}

#[test]
fn programs_reach_names_under_runc() {
    check(Engine::Runc);
}

#[test]
fn programs_reach_names_under_docker() {
    check(Engine::Docker);
}

#[test]
fn programs_reach_names_under_podman() {
    check(Engine::Podman);
}
