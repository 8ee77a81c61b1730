//! Layers of images: whatever they are, nothing outside their folder changes, and what is made is
//! what is told.

use std::fs::{self, File};
use std::io::Cursor;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use brig_images::layer::{LAYER_MEDIA_TYPES, Layer};
use brig_images::tree::tree_digest;
use brig_images::unpack::{DiffId, LayerFault, Limits, UnpackError, Unpacked, unpack};

use crate::is_harmful;

/// What a few kilobytes can reach.
const LIMITS: Limits = Limits {
    bytes_max: 4 << 20,
    entries_max: 200,
    depth_max: 10,
    layers_max: 4,
    through_links_max: 20,
    ..Limits::IMAGE
};

/// Checks one image: the first byte says whether the rest is a layer, or a script of entries.
pub fn check(bytes: &[u8]) {
    let layers = match bytes.split_first() {
        Some((b'R', layer)) => vec![layer.to_vec()],
        Some((_, script)) => written(script),
        None => return,
    };
    let place = place();
    // A digest that is wrong is told of with the right one, and so one layer after the other.
    let mut diff_ids = vec![wrong(); layers.len()];
    for _ in 0..=layers.len() {
        let result = attempt(place, &layers, &diff_ids);
        match result {
            Ok(unpacked) => return check_tree(&place.join("root"), &unpacked),
            Err(UnpackError::Layer {
                index,
                fault: LayerFault::DiffId { found, wanted },
            }) => {
                assert_eq!(
                    wanted,
                    wrong(),
                    "layer {index} has another digest each time"
                );
                diff_ids[index] = found;
            }
            Err(error) => return check_words(&error.to_string()),
        }
    }
    panic!("some layer has no digest at last");
}

fn attempt(place: &Path, layers: &[Vec<u8>], diff_ids: &[DiffId]) -> Result<Unpacked, UnpackError> {
    let root = place.join("root");
    // What was made can be removed by whoever made it, whatever its modes were to be.
    let _ = fs::remove_dir_all(&root);
    fs::create_dir(&root).expect("the folder of the last run is gone");
    let packed = layers.iter().map(|layer| {
        Ok(Layer {
            media_type: LAYER_MEDIA_TYPES[0].to_owned(),
            packed: Cursor::new(layer),
        })
    });
    let folder = File::open(&root).expect("it was made just now");
    let result = unpack(packed, diff_ids, &folder, &LIMITS);
    assert_eq!(canary(place), CANARY, "something outside changed");
    result
}

fn check_tree(root: &Path, unpacked: &Unpacked) {
    let folder = File::open(root).expect("it was made just now");
    let again = tree_digest(&folder).expect("what was made can be read");
    assert_eq!(again, unpacked.tree, "it is not what is told");
    let mut found = 0;
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        assert!(depth <= LIMITS.depth_max, "it is too deep");
        for entry in fs::read_dir(folder).expect("a folder can be read") {
            let entry = entry.expect("a folder can be read");
            let metadata = entry.metadata().expect("a file can be looked at");
            let mode = metadata.permissions().mode() & 0o7777;
            found += 1;
            if metadata.is_dir() {
                assert_eq!(mode & 0o6722, 0o700, "{mode:o}");
                folders.push((entry.path(), depth + 1));
            } else if metadata.is_file() {
                assert_eq!(mode & 0o7422, 0o400, "{mode:o}");
                assert!(
                    metadata.len() <= unpacked.bytes,
                    "bytes that were not counted"
                );
            } else {
                assert!(metadata.is_symlink(), "neither file nor folder nor link");
            }
        }
    }
    assert!(found <= unpacked.entries, "entries that were not counted");
    assert!(unpacked.entries <= LIMITS.entries_max);
    assert!(unpacked.bytes <= LIMITS.bytes_max);
}

fn check_words(words: &str) {
    assert!(!words.contains(|c| is_harmful(c) && c != '…'), "{words:?}");
    assert!(words.len() < 1000, "{} bytes", words.len());
}

/// What [`canary`] finds at every time.
const CANARY: ([u8; 5], u64, i64, u64, usize) = (*b"alive", 1, 1, 0o600, 2);

/// A folder of this process, with a file beside the root that every escape of the seeds aims at.
fn place() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        // Memory, where there is such a folder: the disk would be the slowest part.
        let memory = Path::new("/dev/shm");
        let above = if memory.is_dir() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        remove_left(&above);
        let place = above.join(format!("{LEFT}{}", std::process::id()));
        fs::create_dir_all(place.join("root")).expect("a folder can be made");
        let canary = place.join("canary");
        fs::write(&canary, CANARY.0).expect("a file can be written");
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(&canary, mode).expect("a mode can be set");
        let second = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1);
        let file = File::options().write(true).open(&canary);
        let file = file.expect("a file can be opened");
        file.set_modified(second).expect("a time can be set");
        place
    })
}

/// What the folder of each process starts with.
const LEFT: &str = "brig-fuzz-layer-";

/// libFuzzer ends without a word, so that each run removes what earlier ones left.
fn remove_left(above: &Path) {
    for entry in fs::read_dir(above).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(LEFT));
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn canary(place: &Path) -> ([u8; 5], u64, i64, u64, usize) {
    let path = place.join("canary");
    let content = fs::read(&path).unwrap_or_default();
    let metadata = fs::metadata(&path).expect("the canary is gone");
    let beside = fs::read_dir(place).map_or(0, Iterator::count);
    (
        content.try_into().unwrap_or_default(),
        metadata.nlink(),
        metadata.mtime(),
        u64::from(metadata.mode() & 0o7777),
        beside,
    )
}

fn wrong() -> DiffId {
    let text = format!("sha256:{}", "0".repeat(64));
    text.parse().expect("it has the form of a digest")
}

/// Archives of a script. A fuzzer finds no header's sum by itself, so that each entry is written
/// with the right one: flag, mode, name, link and content, of which the last three come after
/// their length. The flag `>` starts the next layer.
fn written(mut script: &[u8]) -> Vec<Vec<u8>> {
    let mut layers = vec![Vec::new()];
    while let Some((flag, rest)) = script.split_first() {
        script = rest;
        if *flag == b'>' && layers.len() < LIMITS.layers_max {
            layers.push(Vec::new());
            continue;
        }
        let mode = take(&mut script, 2);
        let name = taken(&mut script);
        let link = taken(&mut script);
        let content = taken(&mut script);
        let mut block = [0; 512];
        place_at(&mut block[..100], name);
        let mode = mode
            .iter()
            .fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
        place_at(
            &mut block[100..108],
            format!("{:07o}", mode & 0o7777).as_bytes(),
        );
        place_at(
            &mut block[124..136],
            format!("{:011o}", content.len()).as_bytes(),
        );
        block[156] = *flag;
        place_at(&mut block[157..257], link);
        block[257..265].copy_from_slice(b"ustar\x0000");
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        place_at(&mut block[148..156], format!("{sum:06o}\0").as_bytes());
        if let Some(layer) = layers.last_mut() {
            layer.extend_from_slice(&block);
            layer.extend_from_slice(content);
            layer.resize(layer.len().next_multiple_of(512), 0);
        }
    }
    layers
}

fn place_at(field: &mut [u8], bytes: &[u8]) {
    let count = field.len().min(bytes.len());
    field[..count].copy_from_slice(&bytes[..count]);
}

fn taken<'s>(script: &mut &'s [u8]) -> &'s [u8] {
    let length = take(script, 1).first().copied().unwrap_or_default();
    take(script, length.into())
}

fn take<'s>(script: &mut &'s [u8], count: usize) -> &'s [u8] {
    let (taken, rest) = script.split_at(count.min(script.len()));
    *script = rest;
    taken
}
