//! Registries that lie, and real ones whose disk did.

use crate::ground::{
    Distribution, IMAGE_CONFIG, INDEX, LAYER, MANIFEST, Parts, Scratch, check_whole, descriptor,
    image, layer, manifest, noise, pulled,
};
use crate::site::{Reply, Request, Site, reply};
use brig_images::digest::Digest;
use brig_images::limits::PullLimits;
use serde_json::{Value, json};
use std::fs;

/// Nothing of it counts: no name leads anywhere, and what is kept is what it is called.
#[track_caller]
fn check_site(site: &Site, limits: PullLimits, want: &str) {
    let scratch = Scratch::new();
    let store = scratch.store_of(limits);
    let told = pulled(&store, &site.name("a:1")).unwrap_err();
    assert!(told.contains(want), "{told}\nis not\n{want}");
    assert!(
        told.starts_with("pull `127.0.0.1:") && told.contains("; "),
        "{told}"
    );
    assert_eq!(store.list().unwrap(), []);
    check_whole(&scratch, &store);
}

/// This document under the name that is asked for.
#[track_caller]
fn check_document(document: &str, want: &str) {
    check_typed(document, MANIFEST, want);
}

#[track_caller]
fn check_typed(document: &str, media_type: &str, want: &str) {
    let parts = Parts {
        manifest: document.as_bytes().to_vec(),
        blobs: Vec::new(),
    };
    let site = Site::registry(&parts, media_type, |_| None);
    check_site(&site, PullLimits::STANDARD, want);
    let parts = site.asked_for("/blobs/");
    assert!(
        parts.is_empty(),
        "refused before anything is fetched: {parts:?}"
    );
}

fn small() -> Value {
    descriptor(IMAGE_CONFIG, b"{}")
}

/// A manifest whose one layer has this changed.
fn with_layer(key: &str, value: &Value) -> String {
    let mut layer = descriptor(LAYER, b"x");
    layer[key] = value.clone();
    manifest(&small(), &[layer]).to_string()
}

#[test]
fn a_document_that_is_not_one_is_refused() {
    check_document("", "the manifest is malformed: EOF");
    check_document("{", "the manifest is malformed: EOF");
    check_document("\u{1b}[2J", "the manifest is malformed: expected value");
    check_document("[]", "the manifest is malformed: invalid type");
    // serde would take the values of a list for those of the fields.
    let listed = "[2,null,null,{},[],null,null]";
    check_document(listed, "the manifest is malformed: invalid type");
    let layer = json!([LAYER, Digest::of(b"x").to_string(), 1, null, null, null]);
    let listed = manifest(&small(), &[layer]).to_string();
    check_document(&listed, "the manifest is malformed: invalid type");
    check_document("{} {}", "trailing characters");
    check_document(&"[".repeat(100_000), "recursion limit");
    check_document(
        &format!("{{\"x\":{}", "[".repeat(100_000)),
        "recursion limit",
    );
    check_document(r#"{"schemaVersion":3}"#, "schemaVersion is not 2");
    check_document(r#"{"schemaVersion":2}"#, "not the parts that its type has");
    check_document(r#"{"schemaVersion":2,"layers":[]}"#, "it has no config");
    check_document(
        "{\"schemaVersion\":2,\"\u{202e}\":1,\"\u{202e}\":2}",
        "\\u{202e}",
    );
}

#[test]
fn a_document_that_says_two_things_is_refused() {
    let whole = manifest(&small(), &[]).to_string();
    let twice = whole.replacen('{', r#"{"layers":[],"#, 1);
    check_document(&twice, "\"layers\" stands twice");
    let inner = whole.replacen(r#""size""#, r#""size":2,"size""#, 1);
    check_document(&inner, "\"size\" stands twice");
    let unknown = whole.replacen('{', r#"{"x":{"y":1,"y":1},"#, 1);
    check_document(&unknown, "\"y\" stands twice");
    let both = whole.replacen('{', r#"{"manifests":[],"#, 1);
    check_document(&both, "an index and a manifest at once");
    let both = json!({"schemaVersion": 2, "manifests": [], "fsLayers": []});
    check_document(&both.to_string(), "an index and a manifest at once");
    check_typed(&whole, INDEX, "it came as `application/vnd.oci.image.index");
    let index = json!({"schemaVersion": 2, "mediaType": MANIFEST, "manifests": []});
    check_document(&index.to_string(), "not the parts that its type has");
}

#[test]
fn formats_that_are_gone_or_unknown_are_named() {
    let one = json!({"schemaVersion": 1, "fsLayers": [], "history": []}).to_string();
    check_document(&one, "schema 1");
    let signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    check_typed("{}", signed, "schema 1");
    let mut other = manifest(&small(), &[]);
    other["mediaType"] = json!("text/\u{7}html");
    check_document(&other.to_string(), "`text/\\u{7}html`");
    let odd = with_layer("mediaType", &json!("application/x-executable"));
    check_document(&odd, "its parts are `application/x-executable`");
}

#[test]
fn layers_from_elsewhere_are_refused() {
    let urls = with_layer("urls", &json!(["http://169.254.169.254/x"]));
    check_document(&urls, "fetched from somewhere else");
    for media_type in [
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    ] {
        let foreign = with_layer("mediaType", &json!(media_type));
        check_document(&foreign, "which brig never does");
    }
}

#[test]
fn digests_that_cannot_be_checked_are_refused() {
    let hex = "0a".repeat(32);
    for (digest, want) in [
        (format!("sha512:{hex}{hex}"), "the algorithm `sha512`"),
        ("md5:00".to_owned(), "the algorithm `md5`"),
        (format!("sha256:{}", hex.to_uppercase()), "64 lower-case"),
        ("sha256:../../../../etc/passwd".to_owned(), "64 lower-case"),
        (hex.clone(), "64 lower-case"),
        (String::new(), "64 lower-case"),
    ] {
        check_document(&with_layer("digest", &json!(digest)), want);
    }
}

#[test]
fn sizes_are_bounded_before_anything_is_fetched() {
    let most = PullLimits::STANDARD.image_bytes_max;
    for (size, want) in [
        (json!(u64::MAX), "the image has more than"),
        (json!(most), "the image has more than"),
        (json!(-1), "is malformed"),
        (json!(1.5), "is malformed"),
        (json!("1"), "is malformed"),
    ] {
        check_document(&with_layer("size", &size), want);
    }
    let mut config = small();
    config["size"] = json!(PullLimits::STANDARD.config_bytes_max + 1);
    let large = manifest(&config, &[]).to_string();
    check_document(&large, "the image's config has more than");
    let layer = descriptor(LAYER, b"x");
    let many = vec![layer.clone(); PullLimits::STANDARD.layers_max + 1];
    check_document(
        &manifest(&small(), &many).to_string(),
        "more than 1024 layers",
    );
    let many = vec![descriptor(MANIFEST, b"x"); PullLimits::STANDARD.index_entries_max + 1];
    let many = json!({"schemaVersion": 2, "manifests": many}).to_string();
    check_typed(&many, INDEX, "more than 1024 manifests");
    let mut other = layer.clone();
    other["size"] = json!(2);
    check_document(
        &manifest(&small(), &[layer, other]).to_string(),
        "has two lengths",
    );
}

#[test]
fn a_manifest_without_an_end_is_not_read_to_it() {
    let bytes = usize::try_from(PullLimits::STANDARD.manifest_bytes_max).unwrap() + 1;
    let large = format!("\"{}", "x".repeat(bytes));
    check_document(&large, "the manifest has more than 4194304 bytes");
}

/// A blob that is answered otherwise.
fn lying(answer: impl Fn(&[u8]) -> Reply + Send + Sync + 'static) -> Site {
    let body = layer("a", &noise(50_000, 6));
    let parts = image(std::slice::from_ref(&body));
    let hex = Digest::of(&body).hex();
    Site::registry(&parts, MANIFEST, move |request| {
        request.path.contains(&hex).then(|| answer(&body))
    })
}

#[test]
fn a_part_that_is_not_what_it_is_called_is_refused() {
    let standard = PullLimits::STANDARD;
    let site = lying(|body| {
        let mut body = body.to_vec();
        body[20_000] ^= 1;
        reply(200, &body)
    });
    check_site(&site, standard, "what came for sha256:");
    let site = lying(|body| reply(200, &[body, b"x"].concat()));
    check_site(&site, standard, "has more than the");
    let site = lying(|body| reply(200, &body[..40_000]));
    check_site(&site, standard, "has 40000 bytes where");
    let site = lying(|_| reply(200, b""));
    check_site(&site, standard, "has 0 bytes where");
    let site = lying(|body| Reply {
        told_bytes: Some(body.len()),
        ..reply(200, &body[..1])
    });
    // Whoever breaks off each time and cannot resume brings nothing more.
    check_site(&site, standard, "broke off at byte 1 of");
    assert!(site.asked_for("/blobs/").len() < 10);
    let site = lying(|_| reply(404, b""));
    check_site(&site, standard, "has no such image");
    let site = lying(|_| reply(500, b"\x1b[2J"));
    check_site(&site, standard, "answers with status 500");
    let site = lying(|body| reply(206, body).with("Content-Range", "bytes 7-9/10"));
    check_site(&site, standard, "answers with status 206");
}

#[test]
fn a_manifest_that_is_not_what_it_is_called_is_refused() {
    let parts = image(&[]);
    let body = parts.manifest.clone();
    let site = Site::registry(&parts, MANIFEST, move |request| {
        let other = Digest::of(b"other").to_string();
        let told = reply(200, &body).with("Content-Type", MANIFEST);
        request
            .path
            .contains("manifests")
            .then(|| told.with("Docker-Content-Digest", &other))
    });
    check_site(&site, PullLimits::STANDARD, "what came for sha256:");
    // By a digest that the registry does not keep to.
    let scratch = Scratch::new();
    let (wanted, body) = (Digest::of(b"other"), parts.manifest.clone());
    let site = Site::registry(&parts, MANIFEST, move |request| {
        let asked = request.path.contains("manifests");
        asked.then(|| reply(200, &body).with("Content-Type", MANIFEST))
    });
    let told = pulled(&scratch.store(), &site.name(&format!("a@{wanted}"))).unwrap_err();
    assert!(
        told.contains(&format!("what came for {wanted} is")),
        "{told}"
    );
}

#[test]
fn an_index_that_leads_in_circles_ends() {
    // Its one entry is answered with the index itself, which has another digest than the entry.
    let mut entry = descriptor(INDEX, b"x");
    let fake = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).to_string();
    entry["size"] = json!(fake.len());
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).to_string();
    let body = index.clone();
    let parts = Parts {
        manifest: index.into_bytes(),
        blobs: Vec::new(),
    };
    let site = Site::registry(&parts, INDEX, move |request| {
        let asked = request.path.contains("manifests/sha256");
        asked.then(|| reply(200, body.as_bytes()).with("Content-Type", INDEX))
    });
    check_site(&site, PullLimits::STANDARD, "sha256:");
    assert!(site.asked_for("/manifests/").len() <= 2);
}

#[test]
fn a_redirect_is_followed_within_the_rules() {
    let body = layer("a", b"1");
    let parts = image(std::slice::from_ref(&body));
    let to = |to: String| {
        let hex = Digest::of(&body).hex();
        Site::registry(&parts, MANIFEST, move |request| {
            let asked = request.path.contains(&hex);
            asked.then(|| reply(307, b"").with("Location", &to))
        })
    };
    let standard = PullLimits::STANDARD;
    for (target, want) in [
        ("http://198.51.100.1/x?secret=1", "which is not encrypted"),
        ("file:///etc/passwd", "which is no address"),
        ("http://u:p@127.0.0.1:1/x", "which has a login in it"),
        ("", "which is no address"),
    ] {
        check_site(&to(target.to_owned()), standard, want);
    }
    let circle = Site::registry(&parts, MANIFEST, |request| {
        let asked = request.path.contains("blobs");
        asked.then(|| reply(302, b"").with("Location", "/v2/a/blobs/again"))
    });
    check_site(&circle, standard, "which is once too often");
    // An honest one.
    let storage_body = body.clone();
    let storage = Site::new(move |_| reply(200, &storage_body));
    let scratch = Scratch::new();
    let site = to(format!("http://127.0.0.1:{}/stored", storage.port));
    pulled(&scratch.store(), &site.name("a:1")).unwrap();
    assert_eq!(storage.asked_for("/stored").len(), 1);
}

#[test]
fn answers_of_a_registry_have_their_remedy() {
    let parts = image(&[]);
    for (status, want) in [
        (404, "has no such image; see to the name"),
        (403, "does not let somebody without a login read it; log in"),
        (429, "takes no more requests for now; try again later"),
        (503, "answers with status 503; try again later"),
        (401, "asks for a login in a way that brig does not know"),
    ] {
        let site = Site::registry(&parts, MANIFEST, move |request: &Request| {
            let asked = request.path.contains("manifests");
            asked.then(|| reply(status, b"{}"))
        });
        check_site(&site, PullLimits::STANDARD, want);
    }
    let scratch = Scratch::new();
    let told = pulled(&scratch.store(), "127.0.0.1:1/a:1").unwrap_err();
    assert!(told.contains("127.0.0.1:1 cannot be reached"), "{told}");
}

#[test]
fn the_store_does_not_grow_over_its_bound() {
    let parts = image(&[layer("a", &noise(200_000, 7))]);
    let site = Site::registry(&parts, MANIFEST, |_| None);
    let limits = PullLimits {
        store_bytes_max: 100_000,
        ..PullLimits::STANDARD
    };
    check_site(&site, limits, "would grow over 100000 bytes");
    assert!(site.asked_for("/blobs/").is_empty());
    let scratch = Scratch::new();
    let store = scratch.store_of(PullLimits {
        images_max: 1,
        ..PullLimits::STANDARD
    });
    let small = Site::registry(&image(&[]), MANIFEST, |_| None);
    pulled(&store, &small.name("a:1")).unwrap();
    pulled(&store, &small.name("a:1")).unwrap();
    let told = pulled(&store, &small.name("b:1")).unwrap_err();
    assert!(told.contains("more than 1 images"), "{told}");
}

/// Changes what the registry keeps of the layer, and pulls.
#[track_caller]
fn check_damaged(damage: impl FnOnce(&mut Vec<u8>), want: &[&str]) {
    let scratch = Scratch::new();
    let registry = Distribution::start(&scratch);
    let body = layer("a", &noise(200_000, 8));
    registry.push(&scratch, "a:1", &image(std::slice::from_ref(&body)));
    let kept = registry.blob(&body);
    let mut bytes = fs::read(&kept).unwrap();
    damage(&mut bytes);
    fs::write(&kept, bytes).unwrap();
    let store = scratch.store();
    let told = pulled(&store, &registry.name("a:1")).unwrap_err();
    assert!(want.iter().any(|want| told.contains(want)), "{told}");
    assert_eq!(store.list().unwrap(), []);
    check_whole(&scratch, &store);
    // Mended, it can be pulled: nothing wrong was kept.
    fs::write(&kept, &body).unwrap();
    pulled(&store, &registry.name("a:1")).unwrap();
}

#[test]
fn what_changed_on_the_registrys_disk_is_refused() {
    check_damaged(|bytes| bytes[150_000] ^= 1, &["what came for sha256:"]);
    check_damaged(
        |bytes| bytes.truncate(100_000),
        &["bytes where", "broke off"],
    );
    check_damaged(|bytes| bytes.push(0), &["has more than the"]);
    check_damaged(Vec::clear, &["bytes where", "broke off"]);
}
