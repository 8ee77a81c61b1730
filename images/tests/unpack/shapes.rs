//! Images in the layout that other tools read, and what umoci makes of them.

use crate::archive::{Packed, sha256};
use crate::place::{Place, as_brig, tree};
use brig_images::config::ImageConfig;
use brig_images::unpack::{Limits, Unpacked};
use std::fs;
use std::path::Path;
use std::process::Command;

/// brig and umoci make the same tree of these layers, but for the modes that brig takes away.
#[track_caller]
pub(crate) fn same_as_umoci(name: &str, layers: &[Packed]) {
    image(name, layers, "{}");
}

/// The same for an image with this config, of which the rest is given.
#[track_caller]
pub(crate) fn image(name: &str, layers: &[Packed], wishes: &str) -> (Place, ImageConfig, Unpacked) {
    let diff_ids: Vec<String> = layers
        .iter()
        .map(|l| format!("\"{}\"", l.diff_id))
        .collect();
    let diff_ids = diff_ids.join(",");
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{wishes},
            "rootfs":{{"type":"layers","diff_ids":[{diff_ids}]}}}}"#
    );
    let place = Place::new();
    let read = ImageConfig::read(config.as_bytes()).unwrap_or_else(|e| panic!("{name}: {e}"));
    let unpacked = place.unpack_as(layers, &read.diff_ids, &Limits::IMAGE);
    let unpacked = unpacked.unwrap_or_else(|error| panic!("{name}: {error}"));
    let other = Place::new();
    let layout = other.path.join("layout");
    write_layout(&layout, layers, &config);
    let output = Command::new("umoci")
        .args(["unpack", "--rootless", "--image"])
        .arg(format!("{}:it", layout.display()))
        .arg(other.path.join("bundle"))
        .output()
        .expect("MISSING PART: umoci");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {words}");
    let theirs = as_brig(tree(&other.path.join("bundle/rootfs")));
    assert_eq!(tree(&place.root()), theirs, "{name}");
    (place, read, unpacked)
}

fn write_layout(layout: &Path, layers: &[Packed], config: &str) {
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let blob = |media_type: &str, bytes: &[u8]| {
        let digest = sha256(bytes);
        fs::write(blobs.join(&digest["sha256:".len()..]), bytes).unwrap();
        let size = bytes.len();
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}}}"#)
    };
    let layers = layers
        .iter()
        .map(|layer| blob(layer.media_type, &layer.bytes));
    let layers: Vec<String> = layers.collect();
    let config = blob(
        "application/vnd.oci.image.config.v1+json",
        config.as_bytes(),
    );
    let layers = layers.join(",");
    let manifest = format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layers}]}}"#);
    let manifest = blob(
        "application/vnd.oci.image.manifest.v1+json",
        manifest.as_bytes(),
    );
    let tag = r#","annotations":{"org.opencontainers.image.ref.name":"it"}}"#;
    let manifest = manifest.strip_suffix('}').unwrap().to_owned() + tag;
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{manifest}]}}"#);
    fs::write(layout.join("index.json"), index).unwrap();
    fs::write(
        layout.join("oci-layout"),
        r#"{"imageLayoutVersion":"1.0.0"}"#,
    )
    .unwrap();
}
