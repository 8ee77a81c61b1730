//! Images as people make them, each compared with what `umoci unpack` makes of it.

use crate::archive::{GZIP, MODIFIED, Packed, TAR, Tar, ZSTD, gzip, gzipped, header, plain, zstd};
use crate::place::{Node, Place, tree};
use crate::shapes::same_as_umoci;
use brig_images::unpack::Limits;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// What most images start with.
fn base() -> Tar {
    Tar::new()
        .folder("bin/")
        .entry("bin/busybox", b'0', "", 0o755, "\x7fELF")
        .symlink("bin/sh", "busybox")
        .folder("etc/")
        .file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
        .entry("root/", b'5', "", 0o700, "")
        .entry("tmp/", b'5', "", 0o1777, "")
}

#[test]
fn whiteouts() {
    let lower = || {
        gzipped(
            &base()
                .file("a/b/c", "1")
                .file("a/d", "2")
                .file("keep", "")
                .end(),
        )
    };
    let over = |tar: Tar| vec![lower(), gzipped(&tar.end())];
    same_as_umoci("a file", &over(Tar::new().folder("a").file("a/.wh.d", "")));
    same_as_umoci(
        "a folder",
        &over(Tar::new().folder("a").file("a/.wh.b", "")),
    );
    same_as_umoci(
        "what is not there",
        &over(Tar::new().file(".wh.none", "").file("none/.wh.x", "")),
    );
    same_as_umoci("a link", &over(Tar::new().file("bin/.wh.sh", "")));
    let opaque = Tar::new()
        .folder("a")
        .file("a/.wh..wh..opq", "")
        .file("a/new", "3");
    same_as_umoci("opaque, marked first", &over(opaque));
    let opaque = Tar::new()
        .folder("a")
        .file("a/new", "3")
        .file("a/.wh..wh..opq", "");
    same_as_umoci("opaque, marked last", &over(opaque));
    let again = Tar::new().file(".wh.a", "").folder("a").file("a/new", "3");
    same_as_umoci("removed and made anew", &over(again));
}

/// The specification says that a whiteout is for lower layers alone, wherever it stands. Tools
/// that remove what is there at that moment lose what the layer itself has.
#[test]
fn whiteouts_spare_their_own_layer() {
    let lower = plain(
        Tar::new()
            .file("a/old", "1")
            .file("f", "old")
            .file("x/y/z", "")
            .end(),
    );
    let upper = Tar::new()
        .file("a/new", "2")
        .file("f", "new")
        .file("x/y/w", "");
    let marks = |tar: Tar| {
        tar.file(".wh.a", "")
            .file(".wh.f", "")
            .file("x/.wh..wh..opq", "")
    };
    let mut digests = Vec::new();
    for upper in [marks(upper.clone()), Tar(marks(Tar::new()).raw(upper.0).0)] {
        let place = Place::new();
        let unpacked = place.unpack(&[lower.clone(), plain(upper.end())], &Limits::IMAGE);
        digests.push(unpacked.unwrap().tree);
        let tree = tree(&place.root());
        let names: Vec<_> = tree
            .keys()
            .map(|name| name.escape_ascii().to_string())
            .collect();
        assert_eq!(names, ["a", "a/new", "f", "x", "x/y", "x/y/w"]);
    }
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn kinds_change() {
    let lower = || {
        gzipped(
            &base()
                .file("a/b", "1")
                .file("f", "2")
                .symlink("l", "bin")
                .end(),
        )
    };
    let over = |tar: Tar| vec![lower(), gzipped(&tar.end())];
    same_as_umoci(
        "file to folder",
        &over(Tar::new().folder("f").file("f/x", "3")),
    );
    same_as_umoci("folder to file", &over(Tar::new().file("a", "3")));
    same_as_umoci("folder to link", &over(Tar::new().symlink("a", "bin")));
    same_as_umoci("link to file", &over(Tar::new().file("l", "3")));
    same_as_umoci(
        "file to link",
        &over(Tar::new().symlink("f", "/etc/passwd")),
    );
    same_as_umoci(
        "another mode",
        &over(Tar::new().entry("a/", b'5', "", 0o711, "")),
    );
    same_as_umoci(
        "the same folder twice",
        &over(Tar::new().folder("a").folder("a/").folder("./a")),
    );
}

#[test]
fn links() {
    let lower = base()
        .file("usr/lib/a", "1")
        .symlink("lib", "usr/lib")
        .end();
    let upper = Tar::new()
        .file("lib/b", "2")
        .hard_link("usr/c", "usr/lib/a")
        .hard_link("d", "lib/a");
    same_as_umoci(
        "below a link, and across layers",
        &[gzipped(&lower), gzipped(&upper.end())],
    );
    let absolute = base()
        .file("usr/lib/a", "1")
        .symlink("lib", "/usr/lib")
        .file("lib/b", "2");
    same_as_umoci("below an absolute link", &[gzipped(&absolute.end())]);
    let place = Place::new();
    let lower = plain(Tar::new().file("a", "1").end());
    let upper = plain(Tar::new().hard_link("b", "a").file("a", "2").end());
    place.unpack(&[lower, upper], &Limits::IMAGE).unwrap();
    assert_eq!(fs::read(place.root().join("a")).unwrap(), b"2");
    assert_eq!(fs::read(place.root().join("b")).unwrap(), b"1");
}

#[test]
fn names() {
    let long = "a-name-of-thirty-nine-characters-or-so/".repeat(8);
    let tar = base()
        .file(long.clone() + "file", "1")
        .symlink("long", &long);
    same_as_umoci("long", &[gzipped(&tar.end())]);
    let tar = base()
        .file(b"caf\xe9/\xff\xfe", "1")
        .symlink(b"\x80", b"caf\xe9");
    same_as_umoci("not UTF-8", &[gzipped(&tar.end())]);
    let tar = base()
        .file(" ", "1")
        .file("a\nb", "2")
        .file("\u{202e}", "3")
        .file("*?\\", "4");
    same_as_umoci("odd", &[gzipped(&tar.end())]);
    let mut split = header(b"name", b'0', b"", 0o644, 1);
    split[345..358].copy_from_slice(b"in/a/prefix/x");
    same_as_umoci(
        "in two parts",
        &[gzipped(&base().block(&split).content(b"1").end())],
    );
    let mut old = header(b"old/", 0, b"", 0o755, 0);
    old[257..512].fill(0);
    same_as_umoci(
        "a folder by its slash",
        &[gzipped(&base().block(&old).end())],
    );
}

#[test]
fn layers() {
    let empty = || Tar::new().end();
    same_as_umoci("an empty one", &[gzipped(&base().end()), gzipped(&empty())]);
    same_as_umoci("without its end", &[gzipped(&base().0)]);
    same_as_umoci("plain", &[plain(base().end())]);
    let many: Vec<Packed> = (0..140)
        .map(|at| gzipped(&Tar::new().file(format!("{at}"), "").file(".wh.0", "").end()))
        .collect();
    same_as_umoci("a hundred and forty", &many);
    let tar = base().file("big", vec![b'x'; 3 << 20]).end();
    let (one, two) = tar.split_at(tar.len() / 2 + 7);
    let bytes = [gzip(one), gzip(two), gzip(b"")].concat();
    same_as_umoci(
        "in several members",
        &[Packed {
            bytes,
            ..gzipped(&tar)
        }],
    );
    let place = Place::new();
    let wanted = place
        .unpack(&[plain(tar.clone())], &Limits::IMAGE)
        .unwrap()
        .tree;
    // What another zstd than ours wrote, in one frame and in three with one to be skipped.
    let skipped = [b"\x5f\x2a\x4d\x18\x03\0\0\0xyz".to_vec(), zstd(one)].concat();
    let frames = [skipped, by_program("zstd", two), zstd(b"")].concat();
    for bytes in [by_program("zstd", &tar), frames] {
        let place = Place::new();
        let layer = Packed {
            bytes,
            media_type: ZSTD,
            ..plain(tar.clone())
        };
        assert_eq!(place.unpack(&[layer], &Limits::IMAGE).unwrap().tree, wanted);
    }
    // Bytes count, and not what somebody called them.
    for media_type in [
        TAR,
        GZIP,
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ] {
        let place = Place::new();
        let layer = Packed {
            media_type,
            ..gzipped(&tar)
        };
        assert_eq!(place.unpack(&[layer], &Limits::IMAGE).unwrap().tree, wanted);
    }
}

/// What a program makes of bytes.
fn by_program(name: &str, bytes: &[u8]) -> Vec<u8> {
    let place = Place::new();
    let path = place.path.join("bytes");
    fs::write(&path, bytes).unwrap();
    let output = std::process::Command::new(name)
        .arg("-qc")
        .arg(&path)
        .output();
    output
        .unwrap_or_else(|_| panic!("MISSING PART: {name}"))
        .stdout
}

#[test]
fn times_are_those_of_the_archive() {
    let place = Place::new();
    let fraction: &[(&[u8], &[u8])] = &[(b"mtime", b"1234567890.25")];
    let before: &[(&[u8], &[u8])] = &[(b"mtime", b"-1.5")];
    let tar = Tar::new()
        .pax(fraction)
        .file("d/f", "")
        .pax(before)
        .folder("e")
        .file("e/f", "");
    let lower = plain(tar.symlink("l", "x").end());
    let upper = plain(Tar::new().file("e/new", "").file("d/.wh.f", "").end());
    place.unpack(&[lower, upper], &Limits::IMAGE).unwrap();
    let time = |name| {
        let metadata = fs::symlink_metadata(place.root().join(name)).unwrap();
        (metadata.mtime(), metadata.mtime_nsec())
    };
    // What is made and removed in a folder afterwards does not show.
    assert_eq!(time("e"), (-2, 500_000_000));
    assert_eq!(time("e/f"), (MODIFIED.cast_signed(), 0));
    assert_eq!(time("l"), (MODIFIED.cast_signed(), 0));
    assert_eq!((time("d"), time("")), ((0, 0), (0, 0)));
    let place = Place::new();
    let tar = Tar::new().pax(fraction).file("d/f", "");
    place.unpack(&[plain(tar.end())], &Limits::IMAGE).unwrap();
    let metadata = fs::metadata(place.root().join("d/f")).unwrap();
    assert_eq!(
        (metadata.mtime(), metadata.mtime_nsec()),
        (1_234_567_890, 250_000_000)
    );
}

#[test]
fn attributes_of_users_are_kept() {
    let place = Place::new();
    let attribute: &[(&[u8], &[u8])] = &[(b"SCHILY.xattr.user.mine", b"v\0v")];
    let lower = Tar::new()
        .pax(attribute)
        .file("f", "")
        .pax(attribute)
        .folder("d");
    let lower = plain(lower.pax(attribute).folder("e").end());
    // A folder that is listed again has what it is listed with.
    let unpacked = place.unpack(
        &[lower, plain(Tar::new().folder("e").end())],
        &Limits::IMAGE,
    );
    let value = |name: &str| {
        let mut value = [0_u8; 16];
        let length = rustix::fs::getxattr(place.root().join(name), "user.mine", &mut value);
        length.ok().map(|length| value[..length].to_vec())
    };
    if unpacked.unwrap().left_out.attributes == 3 {
        // This file system has none, and that was told.
        assert_eq!(value("f"), None);
        return;
    }
    assert_eq!(value("f").as_deref(), Some(&b"v\0v"[..]));
    assert_eq!(value("d").as_deref(), Some(&b"v\0v"[..]));
    assert_eq!(value("e"), None);
}

/// What somebody does to a tree.
type Change = (&'static str, fn(&Place));

#[test]
fn the_digest_sees_what_was_changed() {
    let layer = plain(base().file("f", "1").end());
    let root = |place: &Place| fs::File::open(place.root()).unwrap();
    let first = Place::new();
    let digest = first
        .unpack(std::slice::from_ref(&layer), &Limits::IMAGE)
        .unwrap()
        .tree;
    assert_eq!(digest.to_string().parse(), Ok(digest));
    let changes: &[Change] = &[
        ("content", |p| fs::write(p.root().join("f"), "2").unwrap()),
        ("a file more", |p| {
            fs::write(p.root().join("g"), "").unwrap();
        }),
        ("a file less", |p| {
            fs::remove_file(p.root().join("f")).unwrap();
        }),
        ("a name", |p| {
            fs::rename(p.root().join("f"), p.root().join("g")).unwrap();
        }),
        ("another folder", |p| {
            fs::rename(p.root().join("f"), p.root().join("etc/f")).unwrap();
        }),
        ("a mode", |p| {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(p.root().join("f"), mode).unwrap();
        }),
        ("a link", |p| {
            fs::remove_file(p.root().join("bin/sh")).unwrap();
            std::os::unix::fs::symlink("/bin/sh", p.root().join("bin/sh")).unwrap();
        }),
        ("a link in place of a file", |p| {
            fs::remove_file(p.root().join("f")).unwrap();
            std::os::unix::fs::symlink("1", p.root().join("f")).unwrap();
        }),
    ];
    for (name, change) in changes {
        let place = Place::new();
        place
            .unpack(std::slice::from_ref(&layer), &Limits::IMAGE)
            .unwrap();
        change(&place);
        assert_ne!(
            brig_images::tree::tree_digest(root(&place)).unwrap(),
            digest,
            "{name}"
        );
    }
    let fifo = Place::new();
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mkfifoat(root(&fifo), "fifo", mode).unwrap();
    let error = brig_images::tree::tree_digest(root(&fifo)).unwrap_err();
    assert!(error.to_string().contains("/fifo"), "{error}");
    assert!(matches!(tree(&fifo.root())[&b"fifo"[..]], Node::Other));
}
