//! Images that attack whoever unpacks them. Each is refused with the right reason, or contained:
//! then a check looks at what became of it. In every case the tree beside the root stays as it is.

use crate::archive::{Packed, Tar, gzip, gzipped, header, plain, sha256, zstd};
use crate::place::{Node, Place, tree};
use brig_images::unpack::{DiffId, Limits, Unpacked};
use std::fs;
use std::os::unix::fs::MetadataExt;

/// Bounds that a test can reach.
const SMALL: Limits = Limits {
    bytes_max: 4 << 20,
    ratio_max: 100,
    ratio_floor_bytes: 64 << 10,
    layers_max: 8,
    entries_max: 300,
    depth_max: 20,
    links_max: 10,
    attribute_bytes_max: 1024,
    through_links_max: 16,
    ..Limits::IMAGE
};

/// Refused, with these words in the message.
#[track_caller]
fn refused(name: &str, make: impl FnOnce(&Place) -> Vec<Packed>, words: &str) {
    let place = Place::new();
    let layers = make(&place);
    let error = place.unpack(&layers, &SMALL).expect_err(name).to_string();
    assert!(error.contains(words), "{name}: {error}");
    // A name in a message drives no terminal and does not fill it.
    assert!(!error.contains(char::is_control), "{name}: {error:?}");
    assert!(error.len() < 700, "{name}: {error}");
}

/// Unpacked, with nothing outside and nothing that it wanted.
#[track_caller]
fn contained(
    name: &str,
    make: impl FnOnce(&Place) -> Vec<Packed>,
    check: impl FnOnce(&Place, &Unpacked),
) {
    let place = Place::new();
    let layers = make(&place);
    match place.unpack(&layers, &SMALL) {
        Ok(unpacked) => check(&place, &unpacked),
        Err(error) => panic!("{name}: {error}"),
    }
}

fn one(tar: Tar) -> Vec<Packed> {
    vec![plain(tar.end())]
}

#[test]
fn names_do_not_lead_out() {
    let up = "leads upwards";
    for name in [
        "../escape",
        "a/../../escape",
        "..",
        "a/..",
        "./../canary/file",
    ] {
        refused(name, |_| one(Tar::new().file(name, "x")), up);
    }
    refused(
        "folder upwards",
        |_| one(Tar::new().folder("../canary")),
        up,
    );
    refused(
        "link upwards",
        |_| one(Tar::new().symlink("../canary/l", "x")),
        up,
    );
    let pax: &[(&[u8], &[u8])] = &[(b"path", b"../canary/file")];
    refused(
        "long name upwards",
        |_| one(Tar::new().pax(pax).file("fine", "x")),
        up,
    );
    let sparse: &[(&[u8], &[u8])] = &[
        (b"GNU.sparse.name", b"../canary/file"),
        (b"GNU.sparse.size", b"1"),
        (b"GNU.sparse.map", b"0,1"),
    ];
    refused(
        "sparse name upwards",
        |_| one(Tar::new().pax(sparse).file("fine", "x")),
        up,
    );
    contained(
        "absolute",
        |place| one(Tar::new().file(place.canary() + "/file", "dead")),
        |place, _| {
            let inside = place.root().join(&place.canary()[1..]).join("file");
            assert_eq!(fs::read(inside).unwrap(), b"dead");
        },
    );
    contained(
        "many slashes",
        |_| one(Tar::new().file("//a/.//./b", "x")),
        |place, _| assert!(place.root().join("a/b").is_file()),
    );
}

/// A link, and a file below it.
fn through(target: impl AsRef<[u8]>) -> Tar {
    Tar::new().symlink("l", target).file("l/file", "dead")
}

#[test]
fn links_are_not_written_through() {
    let dead = "below a link that leads nowhere";
    refused("absolute", |p| one(through(p.canary())), dead);
    refused("upwards", |_| one(through("../canary")), dead);
    refused("proc", |_| one(through("/proc/self/cwd")), dead);
    refused("circle", |_| one(through("l")), dead);
    refused(
        "in an earlier layer",
        |place| {
            let link = Tar::new().symlink("l", place.canary()).end();
            let file = Tar::new().file("l/file", "dead").end();
            vec![plain(link), gzipped(&file)]
        },
        dead,
    );
    refused(
        "a link in place of a folder that was used just now",
        |place| {
            let tar = Tar::new().folder("d").file("d/a", "x");
            one(tar.symlink("d", place.canary()).file("d/file", "dead"))
        },
        dead,
    );
    refused(
        "a folder's own times",
        |place| one(Tar::new().symlink("l", place.canary()).folder("l/inner")),
        dead,
    );
}

#[test]
fn links_lead_on_inside_or_are_replaced() {
    contained(
        "upwards, to what is there inside",
        |_| one(Tar::new().folder("canary").raw(through("../../canary").0)),
        |place, _| assert_eq!(fs::read(place.root().join("canary/file")).unwrap(), b"dead"),
    );
    contained(
        "a file in place of a link",
        |p| {
            one(Tar::new()
                .symlink("l", p.canary() + "/file")
                .file("l", "dead"))
        },
        |place, _| {
            assert!(
                fs::symlink_metadata(place.root().join("l"))
                    .unwrap()
                    .is_file()
            );
        },
    );
    contained(
        "a folder in place of a link",
        |place| {
            let link = Tar::new().symlink("l", place.canary()).end();
            vec![
                plain(link),
                plain(Tar::new().folder("l/").file("l/file", "dead").end()),
            ]
        },
        |place, _| {
            assert!(
                fs::symlink_metadata(place.root().join("l"))
                    .unwrap()
                    .is_dir()
            );
        },
    );
}

#[test]
fn hard_links_stay_inside() {
    let missing = "a file that is not there";
    refused(
        "upwards",
        |_| one(Tar::new().hard_link("h", "../canary/file")),
        "upwards",
    );
    refused(
        "absolute",
        |p| one(Tar::new().hard_link("h", p.canary() + "/file")),
        missing,
    );
    refused(
        "through a link",
        |p| one(Tar::new().symlink("l", p.canary()).hard_link("h", "l/file")),
        missing,
    );
    refused(
        "to nothing",
        |_| one(Tar::new().hard_link("h", "")),
        "not a file",
    );
    refused(
        "to a later file",
        |_| one(Tar::new().hard_link("h", "f").file("f", "x")),
        missing,
    );
    let folder = Tar::new().folder("d").hard_link("h", "d");
    refused("to a folder", |_| one(folder), "not a file");
    contained(
        "to a link, and then through it",
        |place| {
            let tar = Tar::new().symlink("l", place.canary() + "/file");
            one(tar.hard_link("h", "l").file("h", "dead"))
        },
        |place, _| assert_eq!(fs::read(place.root().join("h")).unwrap(), b"dead"),
    );
}

#[test]
fn hard_links_share_nothing_that_is_written() {
    contained(
        "a file that has another name is not written into",
        |_| {
            let lower = Tar::new().file("f", "lower").hard_link("h", "f").end();
            vec![plain(lower), plain(Tar::new().file("h", "upper").end())]
        },
        |place, _| assert_eq!(fs::read(place.root().join("f")).unwrap(), b"lower"),
    );
    contained(
        "to itself",
        |_| {
            one(Tar::new()
                .file("f", "kept")
                .hard_link("f", "f")
                .hard_link("./f", "/f"))
        },
        |place, _| assert_eq!(fs::read(place.root().join("f")).unwrap(), b"kept"),
    );
    refused(
        "into what it replaces",
        |_| one(Tar::new().file("d/f", "x").hard_link("d", "d/f")),
        "a file that is not there",
    );
    let many = (0..11).fold(Tar::new().file("f", "x"), |tar, at| {
        tar.hard_link(format!("h{at}"), "f")
    });
    refused("too many", |_| one(many), "more than 10 names");
}

#[test]
fn whiteouts_remove_nothing_outside() {
    let nothing = "whiteout of nothing";
    for name in [
        ".wh.",
        ".wh..",
        ".wh...",
        "a/.wh...",
        ".wh.a/b",
        ".wh.a/.wh.b",
    ] {
        refused(name, |_| one(Tar::new().file(name, "")), nothing);
    }
    refused(
        "upwards",
        |_| one(Tar::new().file("../canary/.wh.file", "")),
        "upwards",
    );
}

#[test]
fn whiteouts_do_not_follow_links() {
    let lower = |place: &Place| {
        let tar = Tar::new()
            .symlink("l", place.canary())
            .symlink("up", "../canary");
        plain(tar.file("keep", "x").end())
    };
    for name in [
        "l/.wh.file",
        "l/.wh..wh..opq",
        "up/.wh.file",
        "up/inner/.wh..wh..opq",
    ] {
        contained(
            name,
            |place| vec![lower(place), plain(Tar::new().file(name, "").end())],
            |place, _| assert!(place.root().join("keep").is_file()),
        );
    }
    contained(
        "of a link removes the link",
        |place| vec![lower(place), plain(Tar::new().file(".wh.l", "").end())],
        |place, _| assert!(fs::symlink_metadata(place.root().join("l")).is_err()),
    );
    contained(
        "of everything, with links in it",
        |place| {
            vec![
                lower(place),
                plain(Tar::new().file(".wh..wh..opq", "").end()),
            ]
        },
        |place, _| assert_eq!(tree(&place.root()).len(), 0),
    );
    contained(
        "of another way to stack layers",
        |_| {
            one(Tar::new()
                .folder(".wh..wh.plnk")
                .file(".wh..wh.plnk/1.2", "x")
                .file(".wh..wh.aufs", ""))
        },
        |place, unpacked| {
            assert_eq!(unpacked.left_out.reserved_names, 3);
            assert_eq!(tree(&place.root()).len(), 0);
        },
    );
}

#[test]
fn the_root_stays_a_folder() {
    let root = "replace the root";
    for name in ["", ".", "/", "./", "././/"] {
        let kind = if name.ends_with('/') { b'2' } else { b'0' };
        refused(
            name,
            |_| one(Tar::new().entry(name, kind, "x", 0o644, "")),
            root,
        );
    }
    refused("a link", |p| one(Tar::new().symlink(".", p.canary())), root);
    contained(
        "a listed one",
        |_| one(Tar::new().entry("./", b'5', "", 0o1777, "")),
        |place, _| assert_eq!(fs::metadata(place.root()).unwrap().mode() & 0o7777, 0o1755),
    );
}

#[test]
fn nothing_lies_below_a_file() {
    let below = "below something that is not a folder";
    refused(
        "a file",
        |_| one(Tar::new().file("f", "x").file("f/a", "x")),
        below,
    );
    refused(
        "a file of a lower layer",
        |_| {
            vec![
                plain(Tar::new().file("f", "x").end()),
                plain(Tar::new().file("f/a/b", "x").end()),
            ]
        },
        below,
    );
    let link = Tar::new().file("f", "x").symlink("l", "f").file("l/a", "x");
    refused("a link to a file", |_| one(link), below);
}

#[test]
fn devices_and_rights_are_left_out() {
    contained(
        "devices",
        |_| {
            let tar = Tar::new().file("dev/null", "x").folder("dev/sda");
            let tar = tar.entry("dev/null", b'3', "", 0o666, "");
            let tar = tar.entry("dev/sda", b'4', "", 0o666, "");
            one(tar.entry("dev/fifo", b'6', "", 0o666, ""))
        },
        |place, unpacked| {
            assert_eq!((unpacked.left_out.devices, unpacked.left_out.fifos), (2, 1));
            assert_eq!(fs::read_dir(place.root().join("dev")).unwrap().count(), 0);
        },
    );
    contained(
        "set-id bits",
        |_| {
            let tar = Tar::new()
                .entry("su", b'0', "", 0o6777, "x")
                .entry("t", b'0', "", 0o1000, "");
            one(tar.entry("d", b'5', "", 0o2070, ""))
        },
        |place, unpacked| {
            assert_eq!(unpacked.left_out.set_id_bits, 3);
            let mode = |name| fs::metadata(place.root().join(name)).unwrap().mode() & 0o7777;
            assert_eq!((mode("su"), mode("t"), mode("d")), (0o755, 0o400, 0o750));
        },
    );
    contained(
        "attributes",
        |_| {
            let records: &[(&[u8], &[u8])] = &[
                (
                    b"SCHILY.xattr.security.capability",
                    b"\x01\0\0\x02\xff\xff\xff\xff",
                ),
                (b"SCHILY.xattr.trusted.overlay.opaque", b"y"),
                (b"SCHILY.xattr.user.overlay.redirect", b"/etc"),
                (b"SCHILY.xattr.system.posix_acl_access", b"x"),
            ];
            one(Tar::new().pax(records).file("f", "x"))
        },
        |place, unpacked| {
            let left_out = (unpacked.left_out.capabilities, unpacked.left_out.attributes);
            assert_eq!(left_out, (1, 3));
            let path = place.root().join("f");
            assert_eq!(rustix::fs::llistxattr(&path, &mut [0_u8; 4096]).unwrap(), 0);
        },
    );
}

#[test]
fn sizes_are_bounded() {
    let zeros = Tar::new().file("zeros", vec![0; 2 << 20]).end();
    refused(
        "gzip",
        |_| vec![gzipped(&zeros)],
        "grows to more than 100 times",
    );
    refused(
        "zstd",
        |_| {
            let bytes = zstd(&zeros);
            vec![Packed {
                bytes,
                ..plain(zeros.clone())
            }]
        },
        "grows to more than 100 times",
    );
    let padding = [Tar::new().file("f", "x").end(), vec![0; 5 << 20]].concat();
    refused(
        "padding",
        |_| vec![plain(padding)],
        "larger than 4194304 bytes",
    );
    let layer = || plain(Tar::new().file("f", vec![1; 1 << 20]).end());
    refused(
        "all layers together",
        |_| std::iter::repeat_with(layer).take(5).collect(),
        "larger than 4194304 bytes",
    );
    let sparse: &[(&[u8], &[u8])] = &[
        (b"GNU.sparse.major", b"1"),
        (b"GNU.sparse.minor", b"0"),
        (b"GNU.sparse.realsize", b"9000000000000000000"),
    ];
    let map = [b"1\n0\n1\n".to_vec(), vec![0; 506], b"x".to_vec()].concat();
    refused(
        "holes",
        |_| one(Tar::new().pax(sparse).file("f", map)),
        "files are larger",
    );
    let size: &[(&[u8], &[u8])] = &[(b"size", b"9000000000000000000")];
    refused(
        "a size",
        |_| one(Tar::new().pax(size).file("f", "x")),
        "files are larger",
    );
    let entries = (0..301).fold(Tar::new(), |tar, at| tar.file(format!("f{at}"), ""));
    refused("entries", |_| one(entries), "more than 300 entries");
    let folders = (0..20).fold(Tar::new(), |tar, at| {
        tar.file(format!("{at}{}/f", "/d".repeat(18)), "")
    });
    refused(
        "folders that none lists",
        |_| one(folders),
        "more than 300 entries",
    );
    let layers = (0..9).map(|_| plain(Tar::new().end())).collect();
    refused("layers", |_| layers, "can have 8 layers");
}

#[test]
fn names_and_depths_are_bounded() {
    let deep = "d/".repeat(21);
    refused(
        "depth",
        |_| one(Tar::new().file(deep + "f", "")),
        "in more than 20 folders",
    );
    refused(
        "depth by links",
        |_| {
            let folder = "d/".repeat(15);
            let tar = Tar::new().folder(&folder).symlink("l", &folder);
            one(tar.file("l/".to_owned() + &folder + "f", ""))
        },
        "in more than 20 folders",
    );
    let name = "too long, or empty";
    refused(
        "a part",
        |_| one(Tar::new().file("n".repeat(256), "")),
        name,
    );
    refused(
        "a path",
        |_| one(Tar::new().file("a/".repeat(2500) + "f", "")),
        name,
    );
    refused(
        "a target",
        |_| one(Tar::new().symlink("l", "t".repeat(5000))),
        name,
    );
    refused("no target", |_| one(Tar::new().symlink("l", "")), name);
}

#[test]
fn long_names_and_odd_ones_are_what_they_are() {
    let long = Tar::new()
        .block(&header(b"L", b'L', b"", 0, 2 << 20))
        .content(&vec![b'n'; 2 << 20]);
    refused(
        "a long name",
        |_| one(long.file("f", "")),
        "more than 1048576 bytes",
    );
    let gnu = [b"n\xffo".as_slice(), b"\0../../canary"].concat();
    contained(
        "a name after a name",
        |_| {
            let block = header(b"L", b'L', b"", 0, gnu.len() as u64);
            one(Tar::new().block(&block).content(&gnu).file("f", ""))
        },
        |place, _| assert!(tree(&place.root()).contains_key(&b"n\xffo"[..])),
    );
    let zero: &[(&[u8], &[u8])] = &[(b"path", b"fine\0/../../canary")];
    refused(
        "a zero byte",
        |_| one(Tar::new().pax(zero).file("f", "")),
        "zero byte",
    );
    let terminal = b"\x1b]0;owned\x07\n\xe2\x80\xae/..";
    refused(
        "a name that drives terminals",
        |_| one(Tar::new().file(terminal, "")),
        "upwards",
    );
    contained(
        "a name of two lines",
        |_| one(Tar::new().file(b"a\nb\x1b", "x")),
        |place, _| assert!(tree(&place.root()).contains_key(&b"a\nb\x1b"[..])),
    );
}

#[test]
fn attributes_and_detours_are_bounded() {
    let attribute: &[(&[u8], &[u8])] = &[(b"SCHILY.xattr.user.a", &[b'x'; 2000])];
    refused(
        "attributes",
        |_| one(Tar::new().pax(attribute).file("f", "")),
        "1024 bytes of extended",
    );
    let detours = (0..40).fold(Tar::new().folder("d").symlink("l", "d"), |tar, at| {
        tar.file(format!("l/f{at}"), "").file("other/f", "")
    });
    refused(
        "detours",
        |_| one(detours),
        "more than 16 entries lie below links",
    );
}

#[test]
fn broken_archives_are_refused() {
    let whole = Tar::new().file("f", vec![7; 2000]).end();
    let cut = "ends within an entry";
    refused(
        "cut in content",
        |_| vec![plain(whole[..1024].to_vec())],
        cut,
    );
    refused(
        "cut in a header",
        |_| vec![plain(whole[..100].to_vec())],
        cut,
    );
    let long = Tar::new().pax(&[(b"path", b"x")]).0;
    refused("cut after a long name", |_| vec![plain(long)], cut);
}

#[test]
fn damaged_bytes_are_refused() {
    let whole = Tar::new().file("f", vec![7; 2000]).end();
    let damaged = "cannot be decompressed";
    let packed = gzip(&whole);
    let broken = |bytes: Vec<u8>| {
        vec![Packed {
            bytes,
            ..gzipped(&whole)
        }]
    };
    refused(
        "gzip cut",
        |_| broken(packed[..packed.len() - 9].to_vec()),
        damaged,
    );
    refused(
        "gzip without its sum",
        |_| broken(packed[..packed.len() - 1].to_vec()),
        damaged,
    );
    refused(
        "gzip and more",
        |_| broken([&packed[..], b"garbage"].concat()),
        damaged,
    );
    let mut flipped = packed.clone();
    *flipped.last_mut().unwrap() ^= 1;
    refused("gzip with another length", |_| broken(flipped), damaged);
    let packed = zstd(&whole);
    refused(
        "zstd cut",
        |_| broken(packed[..packed.len() - 9].to_vec()),
        damaged,
    );
    refused(
        "zstd and more",
        |_| broken([&packed[..], b"garbage"].concat()),
        damaged,
    );
    let skip = [&packed[..], b"\x50\x2a\x4d\x18\xff\xff\xff\xff"].concat();
    refused(
        "zstd that skips what is not there",
        |_| broken(skip),
        damaged,
    );
    // One frame with a window of 2^41 bytes, and an empty block.
    let window = b"\x28\xb5\x2f\xfd\x00\xf8\x01\x00\x00";
    refused(
        "zstd with a huge window",
        |_| broken(window.to_vec()),
        damaged,
    );
}

#[test]
fn nothing_may_follow_an_archive() {
    let whole = Tar::new().file("f", vec![7; 2000]).end();
    let after = "something follows its end";
    refused(
        "more after the end",
        |_| vec![plain([&whole[..], b"x"].concat())],
        after,
    );
    let second = [&whole[..], &Tar::new().file("hidden", "x").end()].concat();
    refused("a second archive", |_| vec![plain(second)], after);
    let mut single = Tar::new().file("f", "").raw([0; 512]).0;
    single.extend_from_slice(&Tar::new().file("g", "").0);
    refused(
        "an entry after one empty block",
        |_| vec![plain(single)],
        after,
    );
}

#[test]
fn headers_that_do_not_add_up_are_refused() {
    let mut sum = Tar::new().file("f", "x").end();
    sum[0] ^= 1;
    refused("a wrong sum", |_| vec![plain(sum)], "its sum is wrong");
    let mut negative = header(b"f", b'0', b"", 0o644, 0);
    negative[124..136].fill(0xff);
    refused(
        "a negative size",
        |_| one(Tar::new().block(&negative)),
        "negative size",
    );
    let kind = Tar::new().entry("v", b'V', "", 0o644, "");
    refused("an unknown kind", |_| one(kind), "unknown kind `V`");
    let noise: Vec<u8> = (0..4096_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    refused("noise", |_| vec![plain(noise)], "damaged");
}

#[test]
fn maps_of_holes_add_up() {
    let wrong = "a map of holes";
    let maps: &[(&str, &[u8], &[u8])] = &[
        ("overlap", b"5,5,4,5", b"20"),
        ("backwards", b"5,5,0,5", b"20"),
        ("more than is stored", b"0,20", b"20"),
        ("less than is stored", b"0,5", b"20"),
        ("behind the end", b"95,10", b"100"),
        (
            "an overflow",
            b"9223372036854775807,9223372036854775807,0,10",
            b"20",
        ),
        ("half a region", b"0,10,4", b"20"),
    ];
    for (name, map, size) in maps {
        let records: &[(&[u8], &[u8])] = &[(b"GNU.sparse.map", map), (b"GNU.sparse.size", size)];
        refused(
            name,
            |_| one(Tar::new().pax(records).file("f", [1; 10])),
            wrong,
        );
    }
    let version = |map: &[u8]| {
        let records: &[(&[u8], &[u8])] = &[
            (b"GNU.sparse.major", b"1"),
            (b"GNU.sparse.minor", b"0"),
            (b"GNU.sparse.realsize", b"20"),
        ];
        one(Tar::new().pax(records).file("f", map))
    };
    refused("no number", |_| version(&[b'x'; 512]), wrong);
    refused("no end", |_| version(&[b'1'; 512]), wrong);
    refused("cut", |_| version(b"3\n0\n"), wrong);
    refused(
        "too many",
        |_| {
            version(
                &[
                    &b"18446744073709551615
"[..],
                    &[0; 491],
                ]
                .concat(),
            )
        },
        "number that is none",
    );
    let many = [b"70000\n".to_vec(), b"0\n0\n".repeat(70_000)].concat();
    refused("a bomb", |_| version(&many), "too many holes");
    let mut old = header(b"f", b'S', b"", 0o644, 0);
    old[257..265].copy_from_slice(b"ustar  \0");
    old[482] = 1;
    refused(
        "the old form, cut",
        |_| vec![plain(Tar::new().block(&old).0)],
        "ends within",
    );
}

#[test]
fn layers_are_those_of_the_config() {
    let layer = plain(Tar::new().file("f", "x").end());
    let place = Place::new();
    let other: DiffId = sha256(b"other").parse().unwrap();
    let error = place
        .unpack_as(std::slice::from_ref(&layer), &[other], &SMALL)
        .unwrap_err();
    assert!(error.to_string().contains(&layer.diff_id), "{error}");
    let place = Place::new();
    let error = place
        .unpack_as(std::slice::from_ref(&layer), &[], &SMALL)
        .unwrap_err();
    assert!(error.to_string().contains("no digest of it"), "{error}");
    let place = Place::new();
    let right: DiffId = layer.diff_id.parse().unwrap();
    let error = place
        .unpack_as(std::slice::from_ref(&layer), &[right, right], &SMALL)
        .unwrap_err();
    assert!(
        error.to_string().contains("1 of its layers are missing"),
        "{error}"
    );
    for media_type in [
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.wasm.content.layer.v1+wasm",
    ] {
        let layer = Packed {
            media_type,
            ..layer.clone()
        };
        refused(media_type, |_| vec![layer], "not one that brig unpacks");
    }
    for text in [
        "",
        "sha256:",
        "sha512:00",
        &"0".repeat(64),
        &format!("sha256:{}", "G".repeat(64)),
    ] {
        assert!(text.parse::<DiffId>().is_err(), "{text}");
    }
}

#[test]
fn a_folder_that_holds_something_is_refused() {
    let place = Place::new();
    fs::write(place.root().join("mine"), "x").unwrap();
    let error = place.unpack(&one(Tar::new()), &SMALL).unwrap_err();
    assert!(error.to_string().contains("holds something"), "{error}");
}

#[test]
fn what_differs_by_case_and_what_is_there_twice_is_kept_apart() {
    contained(
        "case",
        |_| {
            one(Tar::new()
                .file("File", "1")
                .file("file", "2")
                .folder("FILE"))
        },
        |place, _| assert_eq!(tree(&place.root()).len(), 3),
    );
    contained(
        "the last of the same name",
        |_| {
            let tar = Tar::new()
                .file("a", "1")
                .file("./a", "2")
                .folder("d")
                .file("d/x", "");
            one(tar
                .file("d", "file")
                .folder("d")
                .folder("d")
                .file("/a", "3"))
        },
        |place, _| {
            let tree = tree(&place.root());
            assert_eq!(tree.len(), 2);
            assert!(matches!(&tree[&b"a"[..]], Node::File { content, .. } if content == b"3"));
            assert_eq!(tree[&b"d"[..]], Node::Folder { mode: 0o755 });
        },
    );
    contained(
        "a header for all that follows",
        |_| {
            let records: &[(&[u8], &[u8])] = &[(b"path", b"../canary/file"), (b"size", b"9")];
            one(Tar::new().extended(b'g', records).file("a", "1"))
        },
        |place, unpacked| {
            assert_eq!(unpacked.left_out.global_headers, 1);
            assert_eq!(fs::read(place.root().join("a")).unwrap(), b"1");
        },
    );
}

/// A hostile layer must not make brig look at the same names again and again.
#[test]
fn whiteouts_take_no_time_that_an_attacker_chooses() {
    let place = Place::new();
    let lower = (0..3000).fold(Tar::new(), |tar, at| tar.file(format!("d/{at}"), ""));
    let upper = (0..3000).fold(Tar::new(), |tar, at| tar.file(format!("d/u{at}"), ""));
    let again = (0..20_000).fold(upper, |tar, _| {
        tar.file("d/.wh..wh..opq", "").file(".wh.d", "")
    });
    let layers = [plain(lower.end()), plain(again.end())];
    let started = std::time::Instant::now();
    place.unpack(&layers, &Limits::IMAGE).unwrap();
    assert_eq!(tree(&place.root()).len(), 3001);
    // To list 3,000 names 40,000 times takes half an hour.
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}
