#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::mapping::Mapping;
use super::*;

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("brig-cache-test-{}-{number}", std::process::id());
        let scratch = Self(std::env::temp_dir().join(name));
        fs::create_dir(&scratch.0).unwrap();
        scratch
    }

    fn cache(&self) -> PathBuf {
        self.0.join("code")
    }

    fn entry(&self) -> PathBuf {
        self.cache().join(entry_name(&digest()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const CODE: &[u8] = b"machine code, long enough to be cut somewhere in the middle of it";

fn digest() -> Digest {
    Digest::of(b"some WebAssembly")
}

fn file_of(code: &[u8]) -> File {
    let file = rustix::fs::memfd_create("code", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    let mut file = File::from(file);
    file.write_all(code).unwrap();
    file
}

fn stored(scratch: &Scratch) -> Cache {
    let cache = Cache::open(&scratch.cache()).unwrap();
    let code_bytes = u64::try_from(CODE.len()).unwrap();
    cache.store(&digest(), &file_of(CODE), code_bytes).unwrap();
    cache
}

/// What the worker does with an entry before it loads it.
fn verifies(entry: &Entry) -> bool {
    let hash = blake3::Hash::from_hex(&entry.code_hash).unwrap();
    let key = blake3::Hash::from_hex(&entry.code_key).unwrap();
    let mapping = Mapping::new(&entry.file, entry.code_bytes).unwrap();
    mapping.verify(key.as_bytes(), hash.as_bytes()).is_ok()
}

#[test]
fn what_was_stored_is_found_again_by_another_process_of_the_user() {
    let scratch = Scratch::new();
    let entry = stored(&scratch).lookup(&digest()).unwrap().unwrap();
    assert!(verifies(&entry));
    let reopened = Cache::open(&scratch.cache()).unwrap();
    let entry = reopened.lookup(&digest()).unwrap().unwrap();
    assert!(verifies(&entry));
    assert_eq!(entry.code_bytes, 65);
    let mut code = vec![0; CODE.len()];
    entry.file.read_exact_at(&mut code, 0).unwrap();
    assert_eq!(code, CODE);
    assert!(
        reopened
            .lookup(&Digest::of(b"other WebAssembly"))
            .unwrap()
            .is_none()
    );
}

#[test]
fn the_worker_gets_a_descriptor_that_cannot_write() {
    let scratch = Scratch::new();
    let cache = stored(&scratch);
    let again = cache.store(&digest(), &file_of(CODE), 65).unwrap();
    let looked_up = cache.lookup(&digest()).unwrap().unwrap();
    for entry in [again, looked_up] {
        assert!(entry.file.write_at(b"x", 0).is_err());
    }
}

#[test]
fn files_are_private() {
    let scratch = Scratch::new();
    stored(&scratch);
    let mode = |path: PathBuf| fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(mode(scratch.cache()), 0o700);
    assert_eq!(mode(scratch.cache().join("key")), 0o600);
    assert_eq!(mode(scratch.entry()), 0o600);
}

#[test]
fn nothing_is_left_over() {
    let scratch = Scratch::new();
    stored(&scratch);
    let mut names: Vec<String> = fs::read_dir(scratch.cache())
        .unwrap()
        .map(|item| item.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, [entry_name(&digest()), String::from("key")]);
}

/// Changes the entry's bytes, and expects that the lookup still hands it out, and that the worker
/// would not run it.
#[track_caller]
fn check_tampered(change: fn(&mut Vec<u8>)) {
    let scratch = Scratch::new();
    let cache = stored(&scratch);
    let mut bytes = fs::read(scratch.entry()).unwrap();
    change(&mut bytes);
    fs::write(scratch.entry(), bytes).unwrap();
    let entry = cache.lookup(&digest()).unwrap().unwrap();
    assert!(!verifies(&entry));
}

#[test]
fn changed_bytes_do_not_verify() {
    check_tampered(|bytes| bytes[0] ^= 1);
    check_tampered(|bytes| bytes[64] ^= 0x80);
    // The hash in the trailer.
    check_tampered(|bytes| *bytes.last_mut().unwrap() ^= 1);
    // Cut in the middle, with a trailer that says so.
    check_tampered(|bytes| {
        let trailer = bytes.split_off(65);
        bytes.truncate(30);
        bytes.extend_from_slice(&trailer[..24]);
        bytes.extend_from_slice(&30_u64.to_le_bytes());
        bytes.extend_from_slice(&trailer[32..]);
    });
}

#[test]
fn code_that_was_hashed_with_another_key_does_not_verify() {
    let scratch = Scratch::new();
    let cache = stored(&scratch);
    let hash = blake3::keyed_hash(&[1; 32], b"evil").into();
    let forged = [
        &b"evil"[..],
        &Trailer {
            code_bytes: 4,
            hash,
        }
        .to_bytes(),
    ]
    .concat();
    fs::write(scratch.entry(), forged).unwrap();
    let entry = cache.lookup(&digest()).unwrap().unwrap();
    assert!(!verifies(&entry));
}

#[test]
fn an_entry_cannot_stand_in_for_another() {
    let scratch = Scratch::new();
    let cache = stored(&scratch);
    let other = Digest::of(b"other WebAssembly");
    fs::copy(scratch.entry(), scratch.cache().join(entry_name(&other))).unwrap();
    let entry = cache.lookup(&other).unwrap().unwrap();
    assert!(!verifies(&entry));
}

/// Changes the cache, and expects that this is told by opening it or by looking the entry up.
#[track_caller]
fn check_unfit(change: fn(&Scratch), want: &str) {
    let scratch = Scratch::new();
    stored(&scratch);
    change(&scratch);
    let error = Cache::open(&scratch.cache())
        .and_then(|cache| cache.lookup(&digest()))
        .map(|entry| entry.is_some())
        .unwrap_err()
        .to_string();
    assert!(error.ends_with(want), "{error}");
}

fn set_mode(path: PathBuf, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_others_can_read_or_write_is_refused() {
    check_unfit(
        |scratch| set_mode(scratch.cache(), 0o755),
        "others than its owner have access (mode 755): set it to 700",
    );
    check_unfit(
        |scratch| set_mode(scratch.cache().join("key"), 0o640),
        "others than its owner have access (mode 640): set it to 600",
    );
    check_unfit(
        |scratch| set_mode(scratch.entry(), 0o602),
        "others than its owner have access (mode 602): set it to 600",
    );
}

fn replace_by_link(scratch: &Scratch, path: &Path) {
    let moved = scratch.0.join("moved");
    fs::rename(path, &moved).unwrap();
    symlink(moved, path).unwrap();
}

#[test]
fn links_and_other_files_are_refused() {
    const KIND: &str = "it is not what it should be: a directory, or a file in it";
    check_unfit(|scratch| replace_by_link(scratch, &scratch.cache()), KIND);
    check_unfit(|scratch| replace_by_link(scratch, &scratch.entry()), KIND);
    check_unfit(
        |scratch| replace_by_link(scratch, &scratch.cache().join("key")),
        KIND,
    );
    check_unfit(
        |scratch| {
            fs::remove_file(scratch.entry()).unwrap();
            let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
            let kind = rustix::fs::FileType::Fifo;
            rustix::fs::mknodat(rustix::fs::CWD, scratch.entry(), kind, mode, 0).unwrap();
        },
        KIND,
    );
}

#[test]
fn damage_is_told() {
    check_unfit(
        |scratch| fs::write(scratch.entry(), b"").unwrap(),
        "it is damaged: remove it",
    );
    check_unfit(
        |scratch| fs::write(scratch.entry(), CODE).unwrap(),
        "it is damaged: remove it",
    );
    check_unfit(
        |scratch| {
            let bytes = fs::read(scratch.entry()).unwrap();
            fs::write(scratch.entry(), &bytes[1..]).unwrap();
        },
        "it is damaged: remove it",
    );
    check_unfit(
        |scratch| fs::write(scratch.cache().join("key"), b"short").unwrap(),
        "it is damaged: remove it",
    );
}

#[test]
fn a_removed_entry_is_gone_and_may_be_removed_again() {
    let scratch = Scratch::new();
    let cache = stored(&scratch);
    cache.remove(&digest()).unwrap();
    cache.remove(&digest()).unwrap();
    assert!(cache.lookup(&digest()).unwrap().is_none());
}

#[test]
fn two_that_make_a_cache_at_once_agree_on_its_key() {
    let scratch = Scratch::new();
    let keys: Vec<[u8; 32]> = std::thread::scope(|scope| {
        let open = || Cache::open(&scratch.cache()).unwrap().key.of_entry("entry");
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]));
}

#[test]
fn the_least_recently_used_go_first_and_the_newest_stays() {
    let scratch = Scratch::new();
    // Room for two entries of 65 bytes and their trailers.
    let cache = Cache::open_bounded(&scratch.cache(), 2 * (65 + 64)).unwrap();
    let store = |name: &[u8]| cache.store(&Digest::of(name), &file_of(CODE), 65).unwrap();
    let age = |name: &[u8], seconds: u64| {
        let path = scratch.cache().join(entry_name(&Digest::of(name)));
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(seconds);
        File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(then)
            .unwrap();
    };
    let there = |name: &[u8]| cache.lookup(&Digest::of(name)).unwrap().is_some();
    store(b"a");
    age(b"a", 100_000);
    store(b"b");
    age(b"b", 50_000);
    // Using it makes it the younger one.
    assert!(there(b"a"));
    store(b"c");
    assert_eq!((there(b"a"), there(b"b"), there(b"c")), (true, false, true));
    let large = cache
        .store(&Digest::of(b"d"), &file_of(&[1; 1_000]), 1_000)
        .unwrap();
    assert!(verifies(&large));
    assert_eq!(
        (there(b"a"), there(b"c"), there(b"d")),
        (false, false, true)
    );
}

#[test]
fn files_that_were_never_finished_are_swept_once_they_are_old() {
    let scratch = Scratch::new();
    let cache = stored(&scratch);
    let old = scratch.cache().join(".new-0000000000000000");
    let young = scratch.cache().join(".new-1111111111111111");
    let foreign = scratch.cache().join("README");
    for path in [&old, &young, &foreign] {
        fs::write(path, b"x").unwrap();
    }
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(100_000);
    File::options()
        .write(true)
        .open(&old)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    cache.store(&digest(), &file_of(CODE), 65).unwrap();
    assert_eq!(
        (old.exists(), young.exists(), foreign.exists()),
        (false, true, true)
    );
}

#[test]
fn code_that_ends_early_is_not_stored() {
    let scratch = Scratch::new();
    let cache = Cache::open(&scratch.cache()).unwrap();
    assert!(cache.store(&digest(), &file_of(CODE), 66).is_err());
    assert!(cache.lookup(&digest()).unwrap().is_none());
}

#[track_caller]
fn check_name(name: &str, is_entry: bool) {
    assert_eq!(is_entry_name(name), is_entry);
}

#[test]
fn only_entries_are_counted_and_evicted() {
    check_name(&entry_name(&digest()), true);
    check_name("key", false);
    check_name("../../etc/passwd", false);
    check_name(&format!("{}-{}", "g".repeat(64), "0".repeat(16)), false);
}

#[test]
fn secrets_do_not_print() {
    let scratch = Scratch::new();
    let cache = stored(&scratch);
    let entry = cache.lookup(&digest()).unwrap().unwrap();
    let printed = format!("{entry:?} {:?}", cache.key);
    assert!(!printed.contains(&entry.code_key), "{printed}");
    assert!(printed.ends_with("Key(..)"), "{printed}");
}
