//! Archives of other writers than our own: GNU tar in all its formats, and the `tar` crate.

use crate::archive::plain;
use crate::place::{Node, Place, Tree, as_brig, tree};
use brig_images::unpack::Limits;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

/// A folder with all that archives have trouble with. Old formats take short names alone.
fn fill(folder: &Path, long_names: bool) {
    fs::write(folder.join("small"), "x").unwrap();
    fs::write(folder.join("empty"), "").unwrap();
    fs::write(folder.join("large"), vec![7; 1_000_003]).unwrap();
    fs::set_permissions(folder.join("small"), PermissionsExt::from_mode(0o751)).unwrap();
    fs::create_dir(folder.join("inner")).unwrap();
    symlink("../small", folder.join("inner/link")).unwrap();
    fs::hard_link(folder.join("large"), folder.join("inner/hard")).unwrap();
    // More holes than a header has place for.
    let holes = File::create(folder.join("inner/holes")).unwrap();
    for at in 1..40 {
        holes.write_all_at(b"not a hole", at * 100_000).unwrap();
    }
    holes.set_len(9_000_000).unwrap();
    File::create(folder.join("inner/hole"))
        .unwrap()
        .set_len(5_000_000)
        .unwrap();
    if long_names {
        let deep = folder.join("a-name-of-some-length/".repeat(9));
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("file"), "deep").unwrap();
        symlink("t/".repeat(100), folder.join("far")).unwrap();
    }
}

#[track_caller]
fn check(arguments: &[&str], long_names: bool) {
    let source = Place::new();
    fill(&source.root(), long_names);
    let output = Command::new("tar")
        .args(arguments)
        .args(["-C"])
        .arg(source.root())
        .args(["-cf", "-", "."])
        .output()
        .expect("MISSING PART: tar");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {words}");
    let place = Place::new();
    let unpacked = place.unpack(&[plain(output.stdout)], &Limits::IMAGE);
    let unpacked = unpacked.unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
    let (made, wanted): (Tree, Tree) = (tree(&place.root()), as_brig(tree(&source.root())));
    for (path, node) in &wanted {
        let shown = path.escape_ascii();
        assert!(
            made.get(path) == Some(node),
            "{arguments:?}: {shown} differs"
        );
    }
    assert_eq!(made.len(), wanted.len(), "{arguments:?}");
    assert!(
        made.values()
            .any(|node| matches!(node, Node::Symlink { .. }))
    );
    let names = fs::metadata(place.root().join("large")).unwrap().nlink();
    assert_eq!(names, 2, "{arguments:?}");
    if arguments.contains(&"--sparse") {
        // Holes stay holes, and count as bytes.
        let blocks = fs::metadata(place.root().join("inner/hole"))
            .unwrap()
            .blocks();
        assert_eq!(blocks, 0, "{arguments:?}");
        assert!(unpacked.bytes > 14_000_000 && unpacked.layer_bytes < 3_000_000);
    }
}

#[test]
fn gnu_tar_in_all_formats() {
    check(&["--format=v7"], false);
    check(&["--format=ustar"], false);
    check(&["--format=oldgnu"], true);
    check(&["--format=gnu"], true);
    check(&["--format=posix"], true);
    check(&["--format=gnu", "--sparse"], true);
    check(&["--format=oldgnu", "--sparse"], true);
    check(
        &["--format=posix", "--sparse", "--sparse-version=0.0"],
        true,
    );
    check(
        &["--format=posix", "--sparse", "--sparse-version=0.1"],
        true,
    );
    check(
        &["--format=posix", "--sparse", "--sparse-version=1.0"],
        true,
    );
}

#[test]
fn the_tar_crate() {
    let source = Place::new();
    fill(&source.root(), true);
    let mut builder = tar::Builder::new(Vec::new());
    builder.follow_symlinks(false);
    builder.append_dir_all(".", source.root()).unwrap();
    let place = Place::new();
    let layer = plain(builder.into_inner().unwrap());
    place.unpack(&[layer], &Limits::IMAGE).unwrap();
    assert!(tree(&place.root()) == as_brig(tree(&source.root())));
}
