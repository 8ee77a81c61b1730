//! From a manifest of 200 grants to its policy, and from there to a plan.

use brig_policies::{Places, check};
use brig_sandbox::component::Form;
use brig_sandbox::facts::{Artifact, HostFacts, Owner, SourceFact, SourceKind};
use brig_sandbox::plan::component;
use criterion::{Criterion, Throughput};
use std::hint::black_box;
use toml::de::DeTable;

const GRANTS: usize = 200;

pub(crate) fn places() -> Places {
    Places {
        home: Some("/home/me".to_owned()),
        project: None,
        manifest_folder: "/home/me/manifests".to_owned(),
        own_folders: vec!["/home/me/.local/state/brig".to_owned()],
        manifest_path: "/home/me/manifests/brig.toml".to_owned(),
    }
}

fn manifest() -> String {
    let mut text = "brig = 1\n\n[server]\nname = \"many\"\ncomponent = \"many.wasm\"\n".to_owned();
    for at in 0..GRANTS {
        let entry = format!(
            "\n# What the server works on, {at}.\n[[files]]\nhost = \"{{config}}/part-{at}\"\n\
             at = \"/grants/part-{at}\"\naccess = \"write\"\noptional = true\n"
        );
        text.push_str(&entry);
    }
    text
}

/// A host that offers everything, and has each source as a folder.
fn facts() -> HostFacts {
    let facts = include_str!("../../../sandbox/testdata/files/facts.json");
    let mut facts: HostFacts = serde_json::from_str(facts).expect("the facts of a golden plan");
    let folder = |at: usize| {
        let path = format!("/home/me/manifests/part-{at}");
        let fact = SourceFact {
            canonical: path.clone(),
            kind: SourceKind::Directory,
            owner: Owner::default(),
            obeyed: [].into(),
            obeyed_links: [].into(),
            beyond: false,
        };
        (path, fact)
    };
    facts.sources = (0..GRANTS).map(folder).collect();
    facts
}

fn artifact() -> Artifact {
    Artifact {
        path: "/home/me/manifests/many.wasm".to_owned(),
        digest: "ab".repeat(32),
        bytes: 123_456,
        form: Form::Component,
    }
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let (text, places) = (manifest(), places());
    let mut group = criterion.benchmark_group("resolve");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("brig", |bencher| {
        bencher.iter(|| check(black_box(&text), &places).expect("a manifest without a fault"));
    });
    group.bench_function("toml alone", |bencher| {
        bencher.iter(|| DeTable::parse(black_box(&text)).expect("a manifest without a fault"));
    });
    group.finish();
    let policy = check(&text, &places).expect("a manifest without a fault");
    let (facts, artifact) = (facts(), artifact());
    let planned = || component(&policy, &places, black_box(&facts), &artifact).expect("a plan");
    let json = serde_json::to_string(&planned()).expect("a plan as JSON");
    let mut group = criterion.benchmark_group("plan");
    group.throughput(Throughput::Elements(GRANTS as u64));
    group.bench_function("brig", |bencher| bencher.iter(planned));
    group.bench_function("brig, its digest", |bencher| {
        let plan = planned();
        bencher.iter(|| black_box(&plan).digest());
    });
    group.bench_function("its JSON, read by serde_json", |bencher| {
        bencher.iter(|| {
            let read: serde_json::Value =
                serde_json::from_str(black_box(&json)).expect("what was written just now");
            read
        });
    });
    group.finish();
}
