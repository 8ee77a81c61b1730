//! What the store keeps, unpacks, gives up and notices.

use crate::ground::{
    MANIFEST, Scratch, check_whole, fill, image, layer, noise, pulled, write_layout,
};
use crate::site::Site;
use brig_images::digest::Digest;
use brig_images::limits::PullLimits;
use brig_images::store::{Finding, Image, Store};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::scope;

/// A store with one image.
fn with_image(scratch: &Scratch) -> (Store, String, Image) {
    let folder = scratch.path("layout");
    write_layout(&folder, "x", &image(&[layer("a", &noise(10_000, 20))]));
    let store = scratch.store();
    let name = format!("oci:{}:x", folder.display());
    let found = pulled(&store, &name).unwrap().image;
    (store, name, found)
}

#[test]
fn the_store_is_its_owners_alone() {
    let scratch = Scratch::new();
    let folder = scratch.path("store");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let (store, ..) = with_image(&scratch);
    for (path, mode) in [("", 0o700), ("blobs/sha256", 0o700), ("roots", 0o700)] {
        let metadata = fs::metadata(folder.join(path)).unwrap();
        assert_eq!(metadata.mode() & 0o7777, mode, "{path}");
    }
    for name in scratch.listed("blobs/sha256") {
        let metadata = fs::metadata(folder.join("blobs/sha256").join(name)).unwrap();
        assert_eq!(metadata.mode() & 0o7777, 0o600);
    }
    drop(store);
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&folder, Some(12345), None).unwrap();
        let told = Store::open(&folder, PullLimits::STANDARD)
            .unwrap_err()
            .to_string();
        assert!(told.contains("belongs to another user"), "{told}");
    }
}

#[test]
fn ten_runs_at_once_unpack_once() {
    let scratch = Scratch::new();
    let (_, _, found) = with_image(&scratch);
    let filled = AtomicU32::new(0);
    scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let root = scratch.store().root(&found, |dir, _| {
                    filled.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(std::time::Duration::from_millis(50));
                    Ok::<_, String>(fill(dir))
                });
                let root = root.unwrap();
                assert_eq!(root.dir().read_to_string("file").unwrap(), "content");
                assert_eq!(root.filled().entries, 1);
            });
        }
    });
    assert_eq!(filled.into_inner(), 1);
    check_whole(&scratch, &scratch.store());
}

#[test]
fn an_unpack_that_fails_leaves_nothing() {
    let scratch = Scratch::new();
    let (store, _, found) = with_image(&scratch);
    let told = store.root(&found, |dir, _| {
        fill(dir);
        Err("layer 2 is hostile")
    });
    let told = told.unwrap_err().to_string();
    assert!(
        told.contains("it was not unpacked: layer 2 is hostile"),
        "{told}"
    );
    assert_eq!(scratch.listed("roots"), [""; 0]);
    check_whole(&scratch, &store);
    let limits = PullLimits {
        store_bytes_max: store.bytes().unwrap() + 6,
        ..PullLimits::STANDARD
    };
    let full = scratch.store_of(limits);
    let told = full.root(&found, |dir, room_bytes| {
        assert_eq!(room_bytes, 6);
        Ok::<_, String>(fill(dir))
    });
    let told = told.unwrap_err().to_string();
    assert!(told.contains("would grow over"), "{told}");
    assert_eq!(scratch.listed("roots"), [""; 0]);
}

#[test]
fn an_image_in_use_is_not_removed() {
    let scratch = Scratch::new();
    let (store, name, found) = with_image(&scratch);
    let root = store
        .root(&found, |dir, _| Ok::<_, String>(fill(dir)))
        .unwrap();
    let path = scratch.path("store").join(root.path_in_store());
    assert!(path.join("file").is_file());
    let listed = store.list().unwrap().pop().unwrap();
    assert_eq!((listed.in_use, listed.root_bytes), (true, Some(7)));
    let told = store.remove(&name).unwrap_err().to_string();
    assert!(
        told.contains("a server runs from it; end that server first"),
        "{told}"
    );
    // A copy of the descriptor holds it as well: the run may be another process.
    let copy = root.held().try_clone_to_owned().unwrap();
    drop(root);
    assert!(store.remove(&name).is_err());
    drop(copy);
    // Another test may be starting a program, which has copies of all descriptors for a moment.
    while store.list().unwrap().pop().unwrap().in_use {
        std::thread::yield_now();
    }
    let removed = store.remove(&name).unwrap();
    assert_eq!((removed.roots, removed.contents), (1, 3));
    assert!(!path.exists());
    assert_eq!(store.bytes().unwrap(), 0);
    let told = store.remove(&name).unwrap_err().to_string();
    assert!(told.contains("has no such image; `brig pull`"), "{told}");
}

#[test]
fn what_no_name_leads_to_is_pruned() {
    let scratch = Scratch::new();
    let (first, second) = (image(&[layer("a", b"1")]), image(&[layer("a", b"2")]));
    let folder = scratch.path("layout");
    let name = format!("oci:{}:x", folder.display());
    let store = scratch.store();
    write_layout(&folder, "x", &first);
    let old = pulled(&store, &name).unwrap().image;
    let held = store
        .root(&old, |dir, _| Ok::<_, String>(fill(dir)))
        .unwrap();
    write_layout(&folder, "x", &second);
    let new = pulled(&store, &name).unwrap().image;
    fs::write(
        scratch.path("store/partial").join(Digest::of(b"x").hex()),
        "begun",
    )
    .unwrap();
    fs::write(scratch.path("store/temp/left"), "left").unwrap();
    fs::create_dir_all(scratch.path("store/temp/root/a")).unwrap();
    let removed = store.prune().unwrap();
    // The first image's manifest and layer; its config is the second's too. And what was begun.
    assert_eq!((removed.contents, removed.roots, removed.in_use), (3, 0, 1));
    drop(held);
    assert_eq!(store.prune().unwrap().roots, 1);
    check_whole(&scratch, &store);
    assert_eq!(store.find(&name).unwrap(), Some(new));
    // Two names, one image: the second keeps it.
    let also = format!("oci:{}", folder.display());
    pulled(&store, &also).unwrap();
    assert_eq!(store.remove(&also).unwrap().contents, 0);
    pulled(&store, &name).unwrap();
}

#[test]
fn nothing_is_removed_while_somebody_adds() {
    let scratch = Scratch::new();
    let (store, name, _) = with_image(&scratch);
    let parts = image(&[layer("a", &noise(100_000, 21))]);
    let (hex, lying) = (Digest::of(&parts.blobs[1]).hex(), parts.clone());
    let site = Site::registry(&parts, MANIFEST, move |request| {
        request.path.contains(&hex).then(|| {
            let mut reply = crate::site::honest(&lying, MANIFEST, request);
            reply.stalls_at = Some(1);
            reply
        })
    });
    let mut adding = crate::crash::child("pull", &scratch.path("store"), &site.name("a:1"))
        .spawn()
        .unwrap();
    site.wait_for_stall();
    for told in [store.prune(), store.remove(&name)] {
        let told = told.unwrap_err().to_string();
        assert!(
            told.contains("another brig adds to the store; try again"),
            "{told}"
        );
    }
    adding.kill().unwrap();
    adding.wait().unwrap();
    store.prune().unwrap();
}

#[test]
fn damage_is_found_and_not_obeyed() {
    let scratch = Scratch::new();
    let (store, name, found) = with_image(&scratch);
    store
        .root(&found, |dir, _| Ok::<_, String>(fill(dir)))
        .unwrap();
    let looked = store.verify(|_| Ok("another".to_owned())).unwrap();
    let what = "its files are not those that were unpacked".to_owned();
    let manifest = found.manifest;
    assert_eq!(looked.findings, [Finding::Root { manifest, what }]);
    assert_eq!((looked.contents, looked.roots), (3, 1));
    let blob = |digest: &Digest| scratch.path("store/blobs/sha256").join(digest.hex());
    let layer = found.layers()[0].digest;
    let mut bytes = fs::read(blob(&layer)).unwrap();
    bytes[100] ^= 1;
    fs::write(blob(&layer), bytes).unwrap();
    let tree = |_: &cap_std::fs::Dir| Ok("tree".to_owned());
    assert_eq!(
        store.verify(tree).unwrap().findings,
        [Finding::Changed(layer)]
    );
    let config = found.content.config.digest;
    fs::write(blob(&config), "{}").unwrap();
    let told = store.config(&found).unwrap_err().to_string();
    assert!(told.contains("is damaged"), "{told}");
    fs::remove_file(blob(&layer)).unwrap();
    let findings = store.verify(tree).unwrap().findings;
    let name_of = name.clone();
    assert!(
        findings.contains(&Finding::Missing {
            name: name_of,
            part: layer
        }),
        "{findings:?}"
    );
    fs::write(blob(&manifest), "{}").unwrap();
    let told = store.find(&name).unwrap_err().to_string();
    assert!(told.contains("is damaged"), "{told}");
    // Gone, and pulled anew, all is well.
    for digest in [layer, config, manifest] {
        let _ = fs::remove_file(blob(&digest));
    }
    pulled(&store, &name).unwrap();
    check_whole(&scratch, &store);
}
