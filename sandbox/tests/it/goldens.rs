//! Plans and their lowering as data: `testdata/<case>` holds a manifest, the host's facts, and what
//! comes of them. A case without a manifest is the compiler's cell. `UPDATE=1` rewrites what is
//! expected.
#![expect(
    clippy::disallowed_methods,
    reason = "the crate reads no files, and its tests read their cases"
)]

use crate::ask::{artifact, places, policy};
use brig_policies::Source;
use brig_sandbox::cell::Cell;
use brig_sandbox::egress::Egress;
use brig_sandbox::engine::{Engine, Maker};
use brig_sandbox::facts::HostFacts;
use brig_sandbox::lower::daemon::{Moment, request};
use brig_sandbox::lower::native::{ComponentRole, NativeCell, Program, component_program, native};
use brig_sandbox::lower::oci;
use brig_sandbox::lower::runtime::runtime;
use brig_sandbox::plan::{
    self, ContainerPart, Isolation, Plan, compiler_cell, component, container,
};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// The fewest hosts and manifests that the path is held by.
const CASES_MIN: usize = 15;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let folders = fs::read_dir(folder).unwrap();
    let mut cases: Vec<PathBuf> = folders.map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

/// Compares with the file, or writes it.
#[track_caller]
fn check(expected: &Path, got: &Value) {
    let got = serde_json::to_string_pretty(got).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        fs::write(expected, got).unwrap();
        return;
    }
    let want = fs::read_to_string(expected).unwrap_or_default();
    assert_eq!(got, want, "{} (UPDATE=1 rewrites it)", expected.display());
}

/// The lowered cell, with filters told by their length: a plan names their calls, and what they
/// answer has tests of its own.
fn lowered(cell: &Cell, program: Program) -> Value {
    let native = native(cell, program).unwrap();
    let mut json = serde_json::to_value(&native).unwrap();
    let back: NativeCell = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(back, native, "a lowered cell is the same once it was JSON");
    for filter in ["filter_of_init", "filter_of_server"] {
        let instructions = json["init"][filter].as_array().map_or(0, Vec::len);
        json["init"][filter] = json!(format!("{instructions} instructions"));
    }
    json
}

fn brigs(cell: &Cell, facts: &HostFacts, role: ComponentRole) -> Program {
    component_program(&facts.worker, cell.kind, role)
}

/// Values of the host are no part of a plan.
fn own(plan: &Plan, part: &ContainerPart) -> Program {
    let name = std::iter::once(&part.name);
    let literal = |(name, value): (&String, &plan::Value)| match value {
        plan::Value::Literal(text) => Some((name.clone(), text.clone())),
        plan::Value::Host(_) | plan::Value::Secret(_) => None,
        plan::Value::SecretFile(secret) => Some((name.clone(), plan::secret_path(secret))),
    };
    Program {
        path: part.program.clone(),
        args: name.chain(&plan.args).cloned().collect(),
        env: plan.environment.iter().filter_map(literal).collect(),
        descriptors: 3,
        directory: part.directory.clone(),
        stop_signal: part.stop_signal,
    }
}

/// What an engine is told, with profiles left to tests of their own.
fn by_engine(plan: &Plan, part: &ContainerPart) -> Value {
    match part.engine.maker() {
        Maker::Daemon => {
            let moment = Moment {
                image: "sha256:0123".to_owned(),
                folder: "/run/brig/1-2-3".to_owned(),
                owner: "1-2-3".to_owned(),
            };
            let asked = request(plan, part, &moment).unwrap();
            let mut body = serde_json::to_value(&asked.body).unwrap();
            let options = body["HostConfig"]["SecurityOpt"].as_array_mut().unwrap();
            let inline = |option: &Value| option.as_str().unwrap().starts_with("seccomp={");
            for option in options.iter_mut().filter(|option| inline(option)) {
                *option = json!("seccomp=of the plan");
            }
            let files = asked.files.iter().map(|(name, text)| {
                let is_profile = name == "seccomp.json";
                (
                    name,
                    if is_profile {
                        "of the plan"
                    } else {
                        text.as_str()
                    },
                )
            });
            let files: Vec<(&String, &str)> = files.collect();
            let checks = brig_sandbox::lower::daemon::checks(&plan.cell);
            json!({ "body": body, "files": files, "checks": checks })
        }
        Maker::Runtime => {
            let (made, mut config) = runtime(
                &plan.cell,
                own(plan, part),
                (part.engine, plan.egress.as_ref().map(Egress::inside)),
                "/rootfs",
            )
            .unwrap();
            config["linux"]["seccomp"] = json!("of the plan");
            let rest = (&made.namespaces, &made.root, &made.checks, made.init.mode);
            json!({ "config": config, "around": rest })
        }
        Maker::Warden => Value::Null,
    }
}

// The names of calls, and how many instructions they take, are those of the architecture.
#[cfg(target_arch = "x86_64")]
#[test]
fn plans_and_cells_are_as_expected() {
    let cases = cases();
    assert!(cases.len() >= CASES_MIN, "only {} cases", cases.len());
    for case in cases {
        let facts = fs::read_to_string(case.join("facts.json")).unwrap();
        let facts: HostFacts = serde_json::from_str(&facts)
            .unwrap_or_else(|error| panic!("{}: {error}", case.display()));
        let Ok(manifest) = fs::read_to_string(case.join("brig.toml")) else {
            let cell = compiler_cell(&facts).unwrap();
            check(
                &case.join("cell.json"),
                &serde_json::to_value(&cell).unwrap(),
            );
            let lowered = lowered(&cell, brigs(&cell, &facts, ComponentRole::Compiler));
            check(&case.join("native.json"), &lowered);
            continue;
        };
        let policy = policy(&manifest);
        let decided = match policy.source() {
            Source::Component(_) => component(&policy, &places(), &facts, &artifact()),
            Source::Command { .. } | Source::Package(_) => container(&policy, &places(), &facts),
        };
        let plan = decided.unwrap_or_else(|faults| panic!("{}: {faults:?}", case.display()));
        let json = serde_json::to_value(&plan).unwrap();
        let back: Plan = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(back, plan, "a plan is the same once it was JSON");
        assert_eq!(back.digest(), plan.digest());
        let told = json!({ "digest": plan.digest(), "plan": json });
        check(&case.join("plan.json"), &told);
        if let Isolation::Container(part) = &plan.isolation
            && part.engine != Engine::Native
        {
            check(&case.join("engine.json"), &by_engine(&plan, part));
            continue;
        }
        if let Isolation::Container(part) = &plan.isolation {
            let env = own(&plan, part).env;
            let bundle = oci::bundle(&plan, part, &env).unwrap();
            let mut config = bundle.config;
            config["linux"]["seccomp"] = json!("of the plan");
            let told = json!({
                "config": config, "places": bundle.places, "texts": bundle.texts,
                "links": bundle.links,
            });
            check(&case.join("bundle.json"), &told);
        }
        let program = match &plan.isolation {
            Isolation::Component(_) => brigs(&plan.cell, &facts, ComponentRole::Worker),
            Isolation::Container(part) => own(&plan, part),
        };
        let lowered = lowered(&plan.cell, program);
        check(&case.join("native.json"), &lowered);
    }
}
