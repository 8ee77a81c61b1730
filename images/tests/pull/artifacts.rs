//! Components, in all layouts that their makers use.

use crate::ground::{
    IMAGE_CONFIG, LAYER, Parts, Scratch, descriptor, image, layer, manifest, pulled, write_layout,
};
use brig_images::artifact::Artifact;
use serde_json::{Value, json};
use std::fs;

const WASM: &[u8] = b"\0asm\x0d\0\x01\0";
const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";

/// The artifact of a manifest with this config's type and these layers, and more of it.
fn artifact(
    config: &str,
    layers: &[(&str, &[u8])],
    more: &[(&str, Value)],
) -> Result<Artifact, String> {
    let described: Vec<Value> = layers
        .iter()
        .map(|(kind, bytes)| descriptor(kind, bytes))
        .collect();
    let mut written = manifest(&descriptor(config, b"{}"), &described);
    for (key, value) in more {
        written[*key] = value.clone();
    }
    let mut blobs = vec![b"{}".to_vec()];
    blobs.extend(layers.iter().map(|(_, bytes)| bytes.to_vec()));
    let parts = Parts {
        manifest: written.to_string().into_bytes(),
        blobs,
    };
    let scratch = Scratch::new();
    let folder = scratch.path("layout");
    write_layout(&folder, "x", &parts);
    let store = scratch.store();
    let found = pulled(&store, &format!("oci:{}", folder.display()))?;
    store
        .artifact(&found.image)
        .map_err(|error| error.to_string())
}

#[track_caller]
fn check(found: Result<Artifact, String>, want: Result<Option<&str>, &str>) {
    match (found, want) {
        (Ok(found), Ok(wish)) => {
            assert_eq!(found.bytes, WASM);
            assert_eq!(found.wish.as_ref().map(|wish| wish.text.as_str()), wish);
        }
        (Err(found), Err(want)) => assert!(found.contains(want), "{found}\nis not\n{want}"),
        (found, want) => panic!("{found:?}, not {want:?}"),
    }
}

#[test]
fn each_layout_gives_the_component() {
    let wasm = ("application/wasm", WASM);
    check(artifact(WASM_CONFIG, &[wasm], &[]), Ok(None));
    for kind in [
        "application/vnd.wasm.component.v1",
        "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
    ] {
        check(artifact(WASM_CONFIG, &[(kind, WASM)], &[]), Ok(None));
    }
    let old = "application/vnd.wasm.config.v1+json";
    let layer_old = ("application/vnd.wasm.content.layer.v1+wasm", WASM);
    check(artifact(old, &[layer_old], &[]), Ok(None));
    let kind = [("artifactType", json!("application/vnd.hyper-mcp.plugin.v2"))];
    let empty = "application/vnd.oci.empty.v1+json";
    let file = ("application/octet-stream", WASM);
    check(artifact(empty, &[file], &kind), Ok(None));
}

#[test]
fn an_image_may_carry_a_component() {
    let plugin = layer("plugin.wasm", WASM);
    let other = layer("other.txt", b"x");
    let layers: [(&str, &[u8]); 2] = [(LAYER, &plugin), (LAYER, &other)];
    check(artifact(IMAGE_CONFIG, &layers, &[]), Ok(None));
    // The highest layer counts, as in an unpacked image.
    let below = layer("plugin.wasm", b"other");
    let layers: [(&str, &[u8]); 2] = [(LAYER, &below), (LAYER, &plugin)];
    check(artifact(IMAGE_CONFIG, &layers, &[]), Ok(None));
    let kind = [("artifactType", json!("application/vnd.hyper-mcp.plugin.v2"))];
    let layers: [(&str, &[u8]); 1] = [(LAYER, &plugin)];
    check(artifact(IMAGE_CONFIG, &layers, &kind), Ok(None));
    let layers: [(&str, &[u8]); 1] = [(LAYER, &other)];
    let want = "it is a container image, not a component; name it under `image`";
    check(artifact(IMAGE_CONFIG, &layers, &[]), Err(want));
}

#[test]
fn an_authors_wish_is_text_and_nothing_more() {
    let wasm = ("application/wasm", WASM);
    for kind in [
        "application/vnd.wasm.policy.v1+yaml",
        "application/vnd.wassette.policy+yaml",
        "application/x-yaml",
        "text/yaml",
    ] {
        let wish = (kind, "version: \"1.0\"\n".as_bytes());
        check(
            artifact(WASM_CONFIG, &[wasm, wish], &[]),
            Ok(Some("version: \"1.0\"\n")),
        );
        check(
            artifact(WASM_CONFIG, &[wish, wasm], &[]),
            Ok(Some("version: \"1.0\"\n")),
        );
    }
    check(
        artifact(WASM_CONFIG, &[wasm, yaml("a"), yaml("b")], &[]),
        Err("it has two wishes"),
    );
    check(
        artifact(WASM_CONFIG, &[wasm, ("text/yaml", &b"\xff"[..])], &[]),
        Err("it is no text"),
    );
    let large = "x".repeat(1024 * 1024 + 1);
    check(
        artifact(WASM_CONFIG, &[wasm, yaml(&large)], &[]),
        Err("the author's wish has more than"),
    );
}

fn yaml(text: &str) -> (&str, &[u8]) {
    ("text/yaml", text.as_bytes())
}

#[test]
fn what_is_no_component_is_refused_before_it_is_fetched() {
    let wasm = ("application/wasm", WASM);
    check(
        artifact(WASM_CONFIG, &[wasm, ("application/wasm", b"x")], &[]),
        Err("its parts are `application/wasm`"),
    );
    check(
        artifact(WASM_CONFIG, &[("application/zip", b"x")], &[]),
        Err("its parts are `application/zip`"),
    );
    check(
        artifact(WASM_CONFIG, &[], &[]),
        Err("its parts are `application/vnd.wasm.config"),
    );
}

#[test]
fn a_component_is_no_root_and_its_bytes_are_checked_again() {
    let scratch = Scratch::new();
    let layers = [descriptor("application/wasm", WASM)];
    let parts = Parts {
        manifest: manifest(&descriptor(WASM_CONFIG, b"{}"), &layers)
            .to_string()
            .into_bytes(),
        blobs: vec![b"{}".to_vec(), WASM.to_vec()],
    };
    let folder = scratch.path("layout");
    write_layout(&folder, "x", &parts);
    let store = scratch.store();
    let found = pulled(&store, &format!("oci:{}", folder.display()))
        .unwrap()
        .image;
    let told = store.root(&found, |dir, _| Ok::<_, String>(crate::ground::fill(dir)));
    let told = told.unwrap_err().to_string();
    assert!(
        told.contains("it is a component, not a container image; name it under"),
        "{told}"
    );
    let blob = scratch.path("store/blobs/sha256");
    fs::write(
        blob.join(found.layers()[0].digest.hex()),
        b"\0asm\x01\0\0\0",
    )
    .unwrap();
    let told = store.artifact(&found).unwrap_err().to_string();
    assert!(told.contains("is damaged"), "{told}");
    let carried = image(&[layer("plugin.wasm", WASM)]);
    write_layout(&folder, "x", &carried);
    let found = pulled(&store, &format!("oci:{}", folder.display()))
        .unwrap()
        .image;
    let blob = blob.join(found.layers()[0].digest.hex());
    fs::write(blob, layer("plugin.wasm", b"\0asm\x01\0\0\0")).unwrap();
    let told = store.artifact(&found).unwrap_err().to_string();
    assert!(told.contains("is damaged"), "{told}");
}
