//! The users of an image, beneath its root and nowhere else.

use crate::place::Place;
use brig_images::accounts::{Accounts, AccountsError};
use std::fs::{self, File};
use std::os::unix::fs::symlink;

fn read(place: &Place) -> Result<Accounts, AccountsError> {
    Accounts::read(File::open(place.root()).unwrap())
}

#[track_caller]
fn check(passwd: &[u8], users: &[(&str, u32, u32)]) {
    let place = Place::new();
    fs::create_dir(place.root().join("etc")).unwrap();
    fs::write(place.root().join("etc/passwd"), passwd).unwrap();
    let accounts = read(&place).unwrap();
    let found = accounts
        .users
        .iter()
        .map(|a| (a.name.as_str(), a.uid, a.gid));
    assert_eq!(found.collect::<Vec<_>>(), users);
}

#[test]
fn lines_that_are_none_are_passed_over() {
    check(
        b"a:x:1:2::/home/a:/bin/sh\nb::3:4",
        &[("a", 1, 2), ("b", 3, 4)],
    );
    check(
        b"# a:x:1:2\n\n:x:1:2\na:x:-1:2\na:x:1\n+::::::\n\xff:x:1:2\na\0:x:1:2\n",
        &[],
    );
    check(
        b"a:x:4294967296:0\nroot:x:0:0:root:/root\n",
        &[("root", 0, 0)],
    );
    check(b"", &[]);
}

#[test]
fn groups_have_members_and_the_first_line_counts() {
    let place = Place::new();
    fs::create_dir(place.root().join("etc")).unwrap();
    let passwd = "a:x:1:1::/one\na:x:2:2::/two\nb:x:1:3::/three\n";
    fs::write(place.root().join("etc/passwd"), passwd).unwrap();
    fs::write(
        place.root().join("etc/group"),
        "g:x:7:a,b\nh:x:8:\nh:x:9:a\n",
    )
    .unwrap();
    let accounts = read(&place).unwrap();
    assert_eq!(accounts.user("a").unwrap().home, "/one");
    assert_eq!(accounts.user_of(1).unwrap().name, "a");
    assert_eq!(accounts.group("g").unwrap().members, ["a", "b"]);
    assert_eq!(accounts.group("h").unwrap().gid, 8);
    assert!(accounts.user("c").is_none() && accounts.group("c").is_none());
}

#[test]
fn nothing_outside_is_read() {
    let host = "host:x:4242:0::/:\n";
    for target in [
        "ABSOLUTE",
        "../../canary",
        "../../../canary",
        "/proc/self/root/etc",
    ] {
        let place = Place::new();
        fs::write(place.path.join("canary/passwd"), host).unwrap();
        let target = if target == "ABSOLUTE" {
            place.canary()
        } else {
            target.to_owned()
        };
        symlink(target, place.root().join("etc")).unwrap();
        assert_eq!(read(&place).unwrap(), Accounts::default());
    }
    let place = Place::new();
    fs::create_dir(place.root().join("etc")).unwrap();
    fs::write(place.root().join("users"), "in:x:1:1::/:\n").unwrap();
    symlink("/users", place.root().join("etc/passwd")).unwrap();
    assert_eq!(read(&place).unwrap().user("in").unwrap().uid, 1);
}

#[test]
fn what_is_no_file_or_too_large_is_told() {
    let place = Place::new();
    fs::create_dir_all(place.root().join("etc/passwd")).unwrap();
    let error = read(&place).unwrap_err().to_string();
    assert!(error.contains("not a regular file"), "{error}");
    fs::remove_dir(place.root().join("etc/passwd")).unwrap();
    let path = place.root().join("etc/passwd");
    let fifo = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, fifo).unwrap();
    let error = read(&place).unwrap_err().to_string();
    assert!(error.contains("not a regular file"), "{error}");
    fs::remove_file(&path).unwrap();
    fs::write(&path, "a:x:1:1::/:\n".repeat(100_000)).unwrap();
    let error = read(&place).unwrap_err().to_string();
    assert!(error.contains("more than 1048576 bytes"), "{error}");
    fs::remove_file(&path).unwrap();
    symlink("passwd", &path).unwrap();
    assert!(read(&place).is_err(), "a circle");
}
