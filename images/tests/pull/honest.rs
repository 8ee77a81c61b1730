//! What works, against a real registry.

use crate::ground::{
    Distribution, INDEX, MANIFEST, Scratch, check_whole, descriptor, image, layer, noise, pulled,
    skopeo, write_layout_of,
};
use crate::site::{Site, honest, reply};
use brig_images::credentials::Access;
use brig_images::digest::Digest;
use brig_images::origin::Origin;
use brig_images::pull::{Progress, Step, pull};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;
use std::sync::Mutex;

#[test]
fn an_image_is_pulled_by_tag_and_by_digest() {
    let scratch = Scratch::new();
    let registry = Distribution::start(&scratch);
    let parts = image(&[layer("a", &noise(300_000, 1)), layer("b", b"b")]);
    registry.push(&scratch, "team/notes:1", &parts);
    let store = scratch.store();
    let by_tag = pulled(&store, &registry.name("team/notes:1")).unwrap();
    assert_eq!(by_tag.image.named, Digest::of(&parts.manifest));
    assert_eq!(by_tag.before, None);
    assert_eq!(store.config(&by_tag.image).unwrap(), parts.blobs[0]);
    for (described, bytes) in by_tag.image.layers().iter().zip(&parts.blobs[1..]) {
        let mut found = Vec::new();
        store
            .part(described)
            .unwrap()
            .read_to_end(&mut found)
            .unwrap();
        assert!(found == *bytes);
    }
    let digest = Digest::of(&parts.manifest);
    let by_digest = registry.name(&format!("team/notes@{digest}"));
    assert_eq!(pulled(&store, &by_digest).unwrap().image, by_tag.image);
    // All of it is there, and a digest never moves: nobody is asked.
    drop(registry);
    let again = pulled(&store, &by_digest).unwrap();
    assert_eq!((again.image, again.before), (by_tag.image, Some(digest)));
    check_whole(&scratch, &store);
    let names: Vec<String> = store
        .list()
        .unwrap()
        .into_iter()
        .map(|one| one.name)
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn a_tag_that_moved_is_told() {
    let scratch = Scratch::new();
    let registry = Distribution::start(&scratch);
    let (first, second) = (image(&[layer("a", b"1")]), image(&[layer("a", b"2")]));
    registry.push(&scratch, "a:1", &first);
    let store = scratch.store();
    let name = registry.name("a:1");
    assert_eq!(pulled(&store, &name).unwrap().moved_from(), None);
    assert_eq!(pulled(&store, &name).unwrap().moved_from(), None);
    registry.push(&scratch, "a:1", &second);
    let moved = pulled(&store, &name).unwrap();
    assert_eq!(moved.moved_from(), Some(Digest::of(&first.manifest)));
    assert_eq!(moved.image.named, Digest::of(&second.manifest));
    let found = store.find(&name).unwrap().unwrap();
    assert_eq!(found, moved.image);
    // Who pins the first still gets it.
    let pinned = format!("a:1@{}", Digest::of(&first.manifest));
    let pinned = pulled(&store, &registry.name(&pinned)).unwrap();
    assert_eq!(pinned.image.named, Digest::of(&first.manifest));
}

#[test]
fn schema_two_of_docker_is_an_image_too() {
    let scratch = Scratch::new();
    let registry = Distribution::start(&scratch);
    registry.push(&scratch, "a:1", &image(&[layer("a", b"1")]));
    let (from, to) = (registry.name("a:1"), registry.name("a:2"));
    let (from, to) = (format!("docker://{from}"), format!("docker://{to}"));
    skopeo(&["--format=v2s2", &from, &to]);
    let image = pulled(&scratch.store(), &registry.name("a:2"))
        .unwrap()
        .image;
    let media_type = &image.content.config.media_type;
    assert_eq!(media_type, "application/vnd.docker.container.image.v1+json");
    assert!(image.content.is_image());
}

/// An index with an image for each of these, and what else stands in one.
fn of_platforms(platforms: &[Value]) -> (Vec<u8>, Vec<Vec<u8>>, Vec<Digest>) {
    let mut blobs = Vec::new();
    let mut entries = Vec::new();
    let mut digests = Vec::new();
    for (at, platform) in platforms.iter().enumerate() {
        let parts = image(&[layer("a", at.to_string().as_bytes())]);
        let mut entry = descriptor(MANIFEST, &parts.manifest);
        entry["platform"] = platform.clone();
        entries.push(entry);
        digests.push(Digest::of(&parts.manifest));
        blobs.extend([&[parts.manifest], &*parts.blobs].concat());
    }
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
    (index.to_string().into_bytes(), blobs, digests)
}

fn here() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[track_caller]
fn check_selected(platforms: &[Value], want: Result<usize, &str>) {
    let scratch = Scratch::new();
    let (index, blobs, digests) = of_platforms(platforms);
    let folder = scratch.path("layout");
    let blobs = [std::slice::from_ref(&index), &*blobs].concat();
    write_layout_of(&folder, &[descriptor(INDEX, &index)], &blobs);
    let found = pulled(&scratch.store(), &format!("oci:{}", folder.display()));
    match (found, want) {
        (Ok(found), Ok(want)) => {
            assert_eq!(found.image.manifest, digests[want], "{platforms:?}");
            assert_eq!(found.image.named, Digest::of(&index));
        }
        (Err(found), Err(want)) => assert!(found.contains(want), "{found}"),
        (found, want) => panic!("{found:?}, not {want:?}"),
    }
}

#[test]
fn an_index_gives_what_runs_here() {
    let of = |os: &str, architecture: &str| json!({ "os": os, "architecture": architecture });
    let with = |variant: &str| {
        let mut platform = of("linux", here());
        platform["variant"] = json!(variant);
        platform
    };
    let unknown = of("unknown", "unknown");
    let foreign = of("linux", "s390x");
    check_selected(&[foreign.clone(), of("linux", here())], Ok(1));
    check_selected(
        &[unknown.clone(), of("linux", here()), unknown.clone()],
        Ok(1),
    );
    check_selected(&[of("windows", here()), of("linux", here())], Ok(1));
    check_selected(&[of("linux", here()), of("linux", here())], Ok(0));
    check_selected(&[with("v99"), of("linux", here())], Ok(1));
    check_selected(&[with("v99")], Err("only linux/"));
    check_selected(
        &[foreign, of("windows", here())],
        Err("only linux/s390x, windows/"),
    );
    check_selected(&[unknown], Err("it has none for linux/"));
    check_selected(&[], Err("it has none for linux/"));
}

#[test]
fn an_index_in_an_index_is_followed_so_far() {
    for (depth, fits) in [(1, true), (3, true), (4, false)] {
        let scratch = Scratch::new();
        let parts = image(&[layer("a", b"1")]);
        let mut blobs = [std::slice::from_ref(&parts.manifest), &*parts.blobs].concat();
        let mut entry = descriptor(MANIFEST, &parts.manifest);
        for _ in 0..depth {
            let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry] });
            let index = index.to_string().into_bytes();
            entry = descriptor(INDEX, &index);
            blobs.push(index);
        }
        let folder = scratch.path("layout");
        write_layout_of(&folder, &[entry], &blobs);
        let found = pulled(&scratch.store(), &format!("oci:{}", folder.display()));
        assert_eq!(found.is_ok(), fits, "{depth}: {found:?}");
        if let Err(told) = found {
            assert!(told.contains("more than 3 in one another"), "{told}");
        }
    }
}

/// Keeps what it is told.
#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

impl Progress for Seen {
    fn step(&self, step: Step<'_>) {
        let told = match step {
            Step::Found(image) => format!("found {}", image.content.bytes()),
            Step::Present(digest) => format!("present {digest}"),
            Step::Part {
                digest,
                done_bytes,
                bytes,
            } if done_bytes == bytes => format!("all of {digest}"),
            Step::Part { .. } => "part".to_owned(),
            Step::Verified(digest) => format!("verified {digest}"),
        };
        self.0.lock().unwrap().push(told);
    }
}

#[test]
fn progress_is_told_part_by_part() {
    let scratch = Scratch::new();
    let parts = image(&[layer("a", &noise(400_000, 3))]);
    let site = Site::registry(&parts, MANIFEST, |_| None);
    let store = scratch.store();
    let origin = Origin::parse(&site.name("a:1"), Path::new("/")).unwrap();
    let told = || {
        let seen = Seen::default();
        pull(&store, &origin, &Access::default(), &seen).unwrap();
        seen.0.into_inner().unwrap()
    };
    let first = told();
    let all: usize = parts.blobs.iter().map(Vec::len).sum();
    assert_eq!(first[0], format!("found {all}"));
    assert!(
        first.iter().filter(|told| *told == "part").count() > 1,
        "{first:?}"
    );
    let digests: BTreeSet<String> = parts
        .blobs
        .iter()
        .map(|b| Digest::of(b).to_string())
        .collect();
    for digest in &digests {
        for word in ["all of", "verified"] {
            assert!(first.contains(&format!("{word} {digest}")), "{first:?}");
        }
    }
    let second: BTreeSet<String> = told().into_iter().skip(1).collect();
    let present = digests
        .iter()
        .map(|digest| format!("present {digest}"))
        .collect();
    assert_eq!(second, present);
}

#[test]
fn a_layer_that_stands_twice_comes_once() {
    let scratch = Scratch::new();
    let same = layer("a", b"1");
    let parts = image(&[same.clone(), same.clone()]);
    let site = Site::registry(&parts, MANIFEST, |_| None);
    let found = pulled(&scratch.store(), &site.name("a:1")).unwrap();
    assert_eq!(found.image.layers().len(), 2);
    assert_eq!(site.asked_for(&Digest::of(&same).hex()).len(), 1);
}

#[test]
fn a_connection_that_breaks_off_is_made_anew() {
    let scratch = Scratch::new();
    let big = layer("a", &noise(500_000, 4));
    let parts = image(std::slice::from_ref(&big));
    let (hex, cut) = (Digest::of(&big).hex(), Mutex::new(0));
    let lying = parts.clone();
    let site = Site::registry(&parts, MANIFEST, move |request| {
        let mut cut = cut.lock().unwrap();
        if !request.path.contains(&hex) || *cut == 3 {
            return None;
        }
        *cut += 1;
        let mut whole = honest(&lying, MANIFEST, request);
        whole.told_bytes = Some(whole.body.len());
        whole.body.truncate(100_000);
        Some(whole)
    });
    pulled(&scratch.store(), &site.name("a:1")).unwrap();
    let asked = site.asked_for(&Digest::of(&big).hex());
    let ranges: Vec<Option<&str>> = asked.iter().map(|one| one.header("range")).collect();
    assert_eq!(ranges[0], None);
    assert_eq!(
        ranges[1..],
        ["bytes=100000-", "bytes=200000-", "bytes=300000-"].map(Some)
    );
}

#[test]
fn a_registry_that_cannot_resume_is_asked_anew() {
    for answer in [None, Some(416)] {
        let scratch = Scratch::new();
        let big = layer("a", &noise(300_000, 5));
        let parts = image(std::slice::from_ref(&big));
        let (hex, first) = (Digest::of(&big).hex(), Mutex::new(true));
        let body = big.clone();
        let site = Site::registry(&parts, MANIFEST, move |request| {
            if !request.path.contains(&hex) {
                return None;
            }
            let mut whole = reply(200, &body);
            if std::mem::take(&mut *first.lock().unwrap()) {
                whole.told_bytes = Some(body.len());
                whole.body.truncate(1000);
            } else if let (Some(status), Some(_)) = (answer, request.header("range")) {
                return Some(reply(status, b""));
            }
            Some(whole)
        });
        pulled(&scratch.store(), &site.name("a:1")).unwrap();
    }
}
