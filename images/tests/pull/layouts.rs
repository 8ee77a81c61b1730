//! Layouts in folders and in tars, and links that lead out of them.

use crate::ground::{
    MANIFEST, Scratch, check_whole, descriptor, image, layer, program, pulled, run, write_layout,
    write_layout_of,
};
use brig_images::digest::Digest;
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

fn of(folder: &Path) -> String {
    format!("oci:{}", folder.display())
}

#[test]
fn an_image_of_a_layout_is_named() {
    let scratch = Scratch::new();
    let folder = scratch.path("layout");
    let (one, two) = (image(&[layer("a", b"1")]), image(&[layer("a", b"2")]));
    let named = |parts: &crate::ground::Parts, name: &str| {
        let mut entry = descriptor(MANIFEST, &parts.manifest);
        entry["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        entry
    };
    let entries = [named(&one, "1"), named(&two, "b/c"), named(&two, "2.0")];
    let blobs = [
        vec![one.manifest.clone(), two.manifest.clone()],
        one.blobs.clone(),
        two.blobs.clone(),
    ];
    write_layout_of(&folder, &entries, &blobs.concat());
    let store = scratch.store();
    let found = pulled(&store, &format!("{}:2.0", of(&folder))).unwrap();
    assert_eq!(found.image.named, Digest::of(&two.manifest));
    let told = pulled(&store, &of(&folder)).unwrap_err();
    assert!(
        told.contains("it holds `1`, `b/c`, `2.0`; name one"),
        "{told}"
    );
    let told = pulled(&store, &format!("{}:3", of(&folder))).unwrap_err();
    assert!(
        told.contains("it has no `3`, but `1`, `b/c`, `2.0`"),
        "{told}"
    );
    let doubled = [named(&one, "1"), named(&two, "1")];
    write_layout_of(&folder, &doubled, &[]);
    let told = pulled(&store, &format!("{}:1", of(&folder))).unwrap_err();
    assert!(told.contains("it has the name twice"), "{told}");
}

#[test]
fn a_layout_of_umoci_and_a_tar_of_skopeo_are_read() {
    let scratch = Scratch::new();
    let folder = scratch.path("layout");
    let umoci = || Command::new(program("umoci"));
    run(umoci().arg("init").arg("--layout").arg(&folder));
    let image = format!("{}:made", folder.display());
    run(umoci().args(["new", "--image", &image]));
    let store = scratch.store();
    let name = format!("oci:{image}");
    let found = pulled(&store, &name).unwrap();
    assert!(found.image.content.is_image());
    let tar = scratch.path("image.tar");
    let to = format!("oci-archive:{}:made", tar.display());
    run(Command::new(program("skopeo")).args(["copy", "-q", "--insecure-policy", &name, &to]));
    let from_tar = pulled(&store, &to).unwrap();
    assert_eq!(from_tar.image, found.image);
    let alone = format!("oci-archive:{}", tar.display());
    assert_eq!(pulled(&store, &alone).unwrap().image, found.image);
    check_whole(&scratch, &store);
}

/// Changes a layout, and wants it refused with nothing read from elsewhere.
#[track_caller]
fn check(change: impl FnOnce(&Path, &Path, &Path), want: &str) {
    let scratch = Scratch::new();
    let folder = scratch.path("layout");
    let body = layer("a", b"1");
    write_layout(&folder, "x", &image(std::slice::from_ref(&body)));
    let outside = scratch.path("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("same"), &body).unwrap();
    fs::create_dir(outside.join("sha256")).unwrap();
    let blob = folder.join("blobs/sha256").join(Digest::of(&body).hex());
    fs::copy(&blob, outside.join("sha256").join(Digest::of(&body).hex())).unwrap();
    change(&folder, &blob, &outside);
    let store = scratch.store();
    let told = pulled(&store, &of(&folder)).unwrap_err();
    assert!(told.contains(want), "{told}\nis not\n{want}");
    assert_eq!(store.list().unwrap(), []);
    check_whole(&scratch, &store);
}

#[test]
fn what_leads_out_of_a_layout_is_refused() {
    // What lies there would even fit: it is not read all the same.
    check(
        |_, blob, outside| {
            fs::remove_file(blob).unwrap();
            symlink(outside.join("same"), blob).unwrap();
        },
        "cannot be read",
    );
    check(
        |_, blob, _| {
            fs::remove_file(blob).unwrap();
            symlink("../../../outside/same", blob).unwrap();
        },
        "cannot be read",
    );
    check(
        |folder, _, outside| {
            fs::remove_dir_all(folder.join("blobs")).unwrap();
            symlink(outside, folder.join("blobs")).unwrap();
        },
        "cannot be read",
    );
    check(
        |folder, _, outside| {
            fs::rename(folder.join("index.json"), outside.join("index.json")).unwrap();
            symlink(outside.join("index.json"), folder.join("index.json")).unwrap();
        },
        "cannot be read",
    );
}

#[test]
fn what_is_no_layout_is_told() {
    check(
        |_, blob, _| {
            fs::remove_file(blob).unwrap();
            run(Command::new("mkfifo").arg(blob));
        },
        "is no regular file",
    );
    check(
        |_, blob, _| {
            fs::remove_file(blob).unwrap();
            fs::create_dir(blob).unwrap();
        },
        "is no regular file",
    );
    check(|_, blob, _| fs::remove_file(blob).unwrap(), "No such file");
    check(
        |_, blob, _| fs::write(blob, "short").unwrap(),
        "has 5 bytes where",
    );
    check(
        |_, blob, _| fs::write(blob, vec![0; fs::read(blob).unwrap().len()]).unwrap(),
        "what came for sha256:",
    );
    check(
        |folder, _, _| fs::remove_file(folder.join("oci-layout")).unwrap(),
        "oci-layout` cannot be read",
    );
    check(
        |folder, _, _| {
            fs::write(
                folder.join("oci-layout"),
                r#"{"imageLayoutVersion":"2.0.0"}"#,
            )
            .unwrap();
        },
        "its version is not 1.0.0",
    );
    check(
        |folder, _, _| fs::write(folder.join("index.json"), "{}").unwrap(),
        "missing field `schemaVersion`",
    );
    check(
        |folder, _, _| {
            fs::write(
                folder.join("index.json"),
                r#"{"schemaVersion":2,"manifests":[]}"#,
            )
            .unwrap();
        },
        "it names nothing",
    );
    let scratch = Scratch::new();
    let told = pulled(&scratch.store(), &of(&scratch.path("none"))).unwrap_err();
    assert!(told.contains("cannot be read: No such file"), "{told}");
}
