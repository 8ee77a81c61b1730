//! What `docker save` writes, and tars that only look like it.

use crate::ground::{Scratch, check_whole, image, layer, program, pulled, run, write_layout};
use brig_images::digest::Digest;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read as _, Write as _};
use std::process::Command;
use tar::{EntryType, Header};

const CONFIG: &str = r#"{"architecture":"amd64","os":"linux"}"#;

/// An entry of a tar, with whatever name.
struct Entry<'a> {
    name: &'a str,
    kind: EntryType,
    content: &'a [u8],
    to: &'a str,
}

fn file<'a>(name: &'a str, content: &'a [u8]) -> Entry<'a> {
    Entry {
        name,
        kind: EntryType::Regular,
        content,
        to: "",
    }
}

fn link<'a>(name: &'a str, kind: EntryType, to: &'a str) -> Entry<'a> {
    Entry {
        name,
        kind,
        content: b"",
        to,
    }
}

/// Names as they are, which the library would refuse to write.
fn tar_of(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = Header::new_ustar();
        let bytes = header.as_old_mut();
        bytes.name[..entry.name.len()].copy_from_slice(entry.name.as_bytes());
        bytes.linkname[..entry.to.len()].copy_from_slice(entry.to.as_bytes());
        header.set_entry_type(entry.kind);
        header.set_size(entry.content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, entry.content).unwrap();
    }
    tar.into_inner().unwrap()
}

fn saved(config: &str, layers: &[&str]) -> Vec<u8> {
    let one = json!({ "Config": config, "RepoTags": ["notes:1"], "Layers": layers });
    json!([one]).to_string().into_bytes()
}

#[test]
fn what_skopeo_writes_as_docker_does_is_one_image_each_time() {
    let scratch = Scratch::new();
    let folder = scratch.path("layout");
    write_layout(&folder, "x", &image(&[layer("a", b"1"), layer("b", b"2")]));
    let tar = scratch.path("saved.tar");
    let from = format!("oci:{}:x", folder.display());
    let to = format!("docker-archive:{}:notes:1", tar.display());
    run(Command::new(program("skopeo")).args(["copy", "-q", "--insecure-policy", &from, &to]));
    let name = format!("docker-archive:{}", tar.display());
    let store = scratch.store();
    let first = pulled(&store, &name).unwrap();
    assert_eq!(first.image.layers().len(), 2);
    assert!(first.image.content.is_image());
    let again = pulled(&store, &name).unwrap();
    assert_eq!((&again.image, again.moved_from()), (&first.image, None));
    check_whole(&scratch, &store);
}

#[test]
fn an_old_archive_links_to_a_layer_that_it_has() {
    let scratch = Scratch::new();
    let body = tar_of(&[file("a", b"1")]);
    let saved = saved("config.json", &["one/layer.tar", "two/layer.tar"]);
    let bytes = tar_of(&[
        file("one/layer.tar", &body),
        link("two/layer.tar", EntryType::Symlink, "../one/layer.tar"),
        file("config.json", CONFIG.as_bytes()),
        file("manifest.json", &saved),
    ]);
    let path = scratch.path("saved.tar");
    fs::write(&path, bytes).unwrap();
    let store = scratch.store();
    let found = pulled(&store, &format!("docker-archive:{}", path.display())).unwrap();
    let digests: Vec<Digest> = found.image.layers().iter().map(|one| one.digest).collect();
    assert_eq!(digests, [Digest::of(&body); 2]);
    let mut kept = Vec::new();
    let first = &found.image.layers()[0];
    store.part(first).unwrap().read_to_end(&mut kept).unwrap();
    assert!(kept == body);
}

#[test]
fn one_of_several_images_is_named() {
    let scratch = Scratch::new();
    let one =
        |tag: &str, config: &str| json!({ "Config": config, "RepoTags": [tag], "Layers": [] });
    let saved = json!([one("a:1", "1"), one("r.example/b:2", "2")]).to_string();
    let bytes = tar_of(&[
        file("1", CONFIG.as_bytes()),
        file("2", b"{}"),
        file("manifest.json", saved.as_bytes()),
    ]);
    let path = scratch.path("saved.tar");
    fs::write(&path, bytes).unwrap();
    let store = scratch.store();
    let of = |name: &str| pulled(&store, &format!("docker-archive:{}{name}", path.display()));
    let found = of(":r.example/b:2").unwrap();
    assert_eq!(store.config(&found.image).unwrap(), b"{}");
    let told = of("").unwrap_err();
    assert!(
        told.contains("it holds `a:1`, `r.example/b:2`; name one"),
        "{told}"
    );
    let told = of(":b:2").unwrap_err();
    assert!(
        told.contains("it has no `b:2`, but `a:1`, `r.example/b:2`"),
        "{told}"
    );
}

#[track_caller]
fn check(bytes: &[u8], want: &str) {
    let scratch = Scratch::new();
    let path = scratch.path("saved.tar");
    fs::write(&path, bytes).unwrap();
    let store = scratch.store();
    let told = pulled(&store, &format!("docker-archive:{}", path.display())).unwrap_err();
    assert!(told.contains(want), "{told}\nis not\n{want}");
    assert_eq!(store.list().unwrap(), []);
    assert_eq!(scratch.listed("blobs/sha256"), [""; 0]);
}

/// An archive whose layer is this entry, beside a real one.
#[track_caller]
fn check_layer(entry: Entry<'_>, named: &str, want: &str) {
    let saved = saved("c", &[named]);
    let bytes = tar_of(&[
        file("c", CONFIG.as_bytes()),
        entry,
        file("manifest.json", &saved),
    ]);
    check(&bytes, want);
}

#[test]
fn names_and_links_lead_nowhere_but_into_the_archive() {
    let symbolic = |to| link("l", EntryType::Symlink, to);
    let hard = |to| link("l", EntryType::Link, to);
    check_layer(symbolic("/etc/passwd"), "l", "`l` is no regular file");
    check_layer(symbolic("../../etc/passwd"), "l", "`l` is no regular file");
    check_layer(symbolic("l"), "l", "`l` is a link to a link");
    check_layer(hard("/etc/passwd"), "l", "`l` is no regular file");
    check_layer(hard("missing"), "l", "`l` is missing");
    check_layer(
        link("l", EntryType::Char, ""),
        "l",
        "`l` is no regular file",
    );
    check_layer(
        link("l", EntryType::Fifo, ""),
        "l",
        "`l` is no regular file",
    );
    check_layer(link("l", EntryType::Directory, ""), "l", "`l` is missing");
    check_layer(file("l", b""), "/etc/passwd", "leads out of the archive");
    check_layer(
        file("l", b""),
        "../../etc/passwd",
        "leads out of the archive",
    );
    check_layer(
        file("/etc/passwd", b"x"),
        "etc/passwd",
        "`etc/passwd` is missing",
    );
    check_layer(file("../x", b"x"), "x", "`x` is missing");
    check_layer(file("c", b"{}"), "c", "`c` stands twice");
    check_layer(file("./c", b"{}"), "c", "`c` stands twice");
}

#[test]
fn what_is_no_archive_is_told() {
    let whole = |manifest: Value| {
        let manifest = manifest.to_string();
        tar_of(&[
            file("c", CONFIG.as_bytes()),
            file("manifest.json", manifest.as_bytes()),
        ])
    };
    let one = json!({ "Config": "c", "RepoTags": null, "Layers": [] });
    check(&whole(json!([])), "it names no image");
    check(
        &whole(json!([one.clone(), one.clone()])),
        "it holds one without a name, one without",
    );
    check(&whole(json!({})), "`manifest.json` is malformed");
    check(
        &whole(json!([{ "Config": "none", "Layers": [] }])),
        "`none` is missing",
    );
    let many = json!([{ "Config": "c", "Layers": vec!["c"; 1025] }]);
    check(&whole(many), "more than 1024 layers");
    let twice = br#"[{"Config":"c","Config":"c","Layers":[]}]"#;
    let twice = tar_of(&[file("c", b"{}"), file("manifest.json", twice)]);
    check(&twice, "\"Config\" stands twice");
    check(&tar_of(&[file("c", b"{}")]), "`manifest.json` is missing");
    let passwd = link("manifest.json", EntryType::Symlink, "/etc/passwd");
    check(&tar_of(&[passwd]), "`manifest.json` is no regular file");
    let good = whole(json!([one]));
    check(&good[..512 + 10], "the archive");
    check(&good[..100], "it is no tar");
    check(b"", "it is no tar");
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&good).unwrap();
    let mut packed = packed.finish().unwrap();
    packed.resize(1024, 0);
    check(&packed, "it is compressed; unpack it with gunzip");
    let scratch = Scratch::new();
    let fifo = scratch.path("fifo");
    run(Command::new("mkfifo").arg(&fifo));
    let told = pulled(
        &scratch.store(),
        &format!("docker-archive:{}", fifo.display()),
    );
    assert!(told.unwrap_err().contains("is no regular file"));
}
