//! A host, an artifact and a manifest to ask about, which tests then change.

use brig_policies::{Places, Policy, check};
use brig_sandbox::component::Form;
use brig_sandbox::egress::ranges::Wanted;
use brig_sandbox::facts::{
    Artifact, Caller, Controller, HostFacts, SourceFact, SourceKind, UserNamespaces, WorkerFiles,
};
use brig_sandbox::plan::{Plan, Unplannable, component};

/// The head of every manifest that grants something.
pub(crate) const HEAD: &str = "brig = 1\n[server]\nname = \"notes\"\ncomponent = \"notes.wasm\"\n";

pub(crate) const CONTROLLERS: [Controller; 3] =
    [Controller::Cpu, Controller::Memory, Controller::Pids];

pub(crate) fn places() -> Places {
    Places {
        home: Some("/home/me".to_owned()),
        project: Some("/home/me/src/app".to_owned()),
        manifest_folder: "/home/me/manifests".to_owned(),
        own_folders: vec![
            "/home/me/.local/state/brig".to_owned(),
            "/home/me/.cache/brig".to_owned(),
        ],
        manifest_path: "/home/me/manifests/brig.toml".to_owned(),
    }
}

pub(crate) fn artifact() -> Artifact {
    Artifact {
        path: "/home/me/manifests/notes.wasm".to_owned(),
        digest: "ab".repeat(32),
        bytes: 123_456,
        form: Form::Component,
    }
}

pub(crate) const ROOT: Caller = Caller {
    uid: 0,
    gid: 0,
    unused_ids: true,
    supplementary_groups: 0,
    subordinate_gid: None,
    subordinate_uid: None,
};

pub(crate) const USER: Caller = Caller {
    uid: 1000,
    gid: 1000,
    unused_ids: true,
    supplementary_groups: 0,
    subordinate_gid: None,
    subordinate_uid: None,
};

/// A host that offers everything, to an ordinary user.
pub(crate) fn facts() -> HostFacts {
    HostFacts {
        kernel: (6, 14),
        caller: USER,
        user_namespaces: UserNamespaces::Offered,
        engine: brig_sandbox::engine::EngineFacts::default(),
        landlock_abi: 7,
        seccomp: true,
        controllers: CONTROLLERS.into(),
        worker: WorkerFiles {
            program: "/srv/tools/brig".to_owned(),
            loader: Some("/usr/lib/ld-linux.so.2".to_owned()),
            libraries: [("libc.so.6".to_owned(), "/usr/lib/libc.so.6".to_owned())].into(),
        },
        system: Vec::new(),
        program: None,
        runtimes: Vec::new(),
        shim: false,
        look: brig_sandbox::family::ProgramLook::default(),
        image: None,
        processors: 2,
        virtual_ranges: Wanted::usual(),
        proxy: None,
        fake_addresses: Vec::new(),
        sources: [].into(),
    }
}

/// A host without user namespaces, on which Landlock and seccomp hold alone.
pub(crate) fn narrow() -> HostFacts {
    HostFacts {
        user_namespaces: UserNamespaces::AppArmor,
        ..facts()
    }
}

pub(crate) fn source(canonical: &str, kind: SourceKind) -> SourceFact {
    SourceFact {
        canonical: canonical.to_owned(),
        kind,
        owner: brig_sandbox::facts::Owner::default(),
        obeyed: [].into(),
        obeyed_links: [].into(),
        beyond: false,
    }
}

#[track_caller]
pub(crate) fn policy(manifest: &str) -> Policy {
    check(manifest, &places()).unwrap_or_else(|faults| panic!("{faults}\nin:\n{manifest}"))
}

#[track_caller]
pub(crate) fn plan(manifest: &str, facts: &HostFacts) -> Result<Plan, Vec<Unplannable>> {
    component(&policy(manifest), &places(), facts, &artifact())
}
