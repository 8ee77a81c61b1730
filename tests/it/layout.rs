//! Images by hand: a folder in the layout of OCI (image-spec, image-layout.md) with one layer.

use crate::harness::tool;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes `into` a layout of one image, named `it`, whose root is this folder and whose config has
/// these wishes.
pub(crate) fn layout(root: &Path, wishes: &Value, into: &Path) -> PathBuf {
    let blobs = into.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let layer = into.join("layer");
    archive(root, &layer);
    let keep = |path: &Path| {
        let bytes = fs::metadata(path).unwrap().len();
        let digest = sha256(path);
        fs::rename(path, blobs.join(&digest)).unwrap();
        (format!("sha256:{digest}"), bytes)
    };
    let (layer, layer_bytes) = keep(&layer);
    let document = |name: &str, value: &Value| {
        let path = into.join(name);
        fs::write(&path, value.to_string()).unwrap();
        keep(&path)
    };
    let config = json!({
        "architecture": ARCHITECTURE, "os": "linux", "config": wishes,
        "rootfs": { "type": "layers", "diff_ids": [layer] },
    });
    let (config, config_bytes) = document("config", &config);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": config, "size": config_bytes,
        },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar",
            "digest": layer, "size": layer_bytes,
        }],
    });
    let (manifest, manifest_bytes) = document("manifest", &manifest);
    let index = json!({
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": manifest, "size": manifest_bytes,
            "annotations": { "org.opencontainers.image.ref.name": "it" },
        }],
    });
    fs::write(into.join("index.json"), index.to_string()).unwrap();
    fs::write(
        into.join("oci-layout"),
        "{\"imageLayoutVersion\":\"1.0.0\"}",
    )
    .unwrap();
    into.to_owned()
}

fn archive(root: &Path, into: &Path) {
    let mut command = Command::new(tool("tar"));
    command.arg("-C").arg(root).arg("-cf").arg(into);
    command.args([
        "--sort=name",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        ".",
    ]);
    let made = command.status().unwrap().success();
    assert!(made, "tar of {}", root.display());
}

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: &str = "amd64";
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: &str = "arm64";

fn sha256(path: &Path) -> String {
    let output = Command::new(tool("sha256sum")).arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().next().unwrap().to_owned()
}

/// Copies a dynamically linked program with its loader and libraries, as its own root has them.
pub(crate) fn program(from: &Path, root: &Path, at: &str) {
    let copy = |from: &Path, at: &str| {
        let to = root.join(at.trim_start_matches('/'));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    };
    copy(from, at);
    let output = Command::new(tool("ldd")).arg(from).output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();
    for library in listed
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
    {
        copy(&fs::canonicalize(library).unwrap(), library);
    }
}
