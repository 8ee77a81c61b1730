//! A layer of an image to files, beside an ordinary reader of archives.
//!
//! brig's also digests the archive and the tree, and opens nothing but beneath its folder.

use brig_images::layer::{LAYER_MEDIA_TYPES, Layer};
use brig_images::unpack::{DiffId, LayerFault, Limits, UnpackError, Unpacked, unpack};
use criterion::{Criterion, Throughput};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::fs::{self, File};
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const FOLDERS: usize = 20;
const FILES: usize = 20;
const FILE_BYTES: usize = 32 << 10;

/// Lines that compress about as source does.
fn content(number: usize) -> Vec<u8> {
    let line = |at: usize| {
        let mixed = (number * 7919 + at).wrapping_mul(0x9e37_79b9);
        format!("    let value_{at} = read({mixed:x}, {number})?;\n")
    };
    let mut text: Vec<u8> = (0..)
        .flat_map(|at| line(at).into_bytes())
        .take(FILE_BYTES)
        .collect();
    text.truncate(FILE_BYTES);
    text
}

fn archive() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for number in 0..FOLDERS * FILES {
        let mut header = tar::Header::new_ustar();
        header.set_size(FILE_BYTES as u64);
        header.set_mode(0o644);
        let path = format!("usr/share/part-{}/file-{}", number / FILES, number % FILES);
        let added = builder.append_data(&mut header, path, content(number).as_slice());
        added.expect("a vector takes everything");
    }
    builder.into_inner().expect("a vector takes everything")
}

fn packed(archive: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(archive)
        .expect("a vector takes everything");
    encoder.finish().expect("a vector takes everything")
}

/// A folder of this process, in memory where that is there, and removed at the end.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let above = if memory.is_dir() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        let path = above.join(format!("brig-parts-{}", std::process::id()));
        fs::create_dir(&path).expect("a folder can be made");
        Self(path)
    }

    /// How long it takes to fill empty folders, without making and removing them.
    fn filled(&self, times: u64, fill: impl Fn(&Path)) -> Duration {
        let mut took = Duration::ZERO;
        for _ in 0..times {
            let root = self.0.join("root");
            fs::create_dir(&root).expect("a folder can be made");
            let begun = Instant::now();
            fill(&root);
            took += begun.elapsed();
            fs::remove_dir_all(&root).expect("what was made can be removed");
        }
        took
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Nobody is left to tell; what stays lies in memory or among temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn by_brig(layer: &[u8], diff_id: DiffId, root: &Path) -> Result<Unpacked, UnpackError> {
    let layers = [Ok(Layer {
        media_type: LAYER_MEDIA_TYPES[0].to_owned(),
        packed: Cursor::new(layer),
    })];
    let folder = File::open(root).expect("it was made just now");
    unpack(layers, &[diff_id], &folder, &Limits::IMAGE)
}

/// The digest of the archive, which a wrong one is told with.
fn diff_id(place: &Place, layer: &[u8]) -> DiffId {
    let wrong = format!("sha256:{}", "0".repeat(64))
        .parse()
        .expect("the form of a digest");
    let root = place.0.join("root");
    fs::create_dir(&root).expect("a folder can be made");
    let refused = by_brig(layer, wrong, &root).expect_err("a wrong digest is refused");
    fs::remove_dir_all(&root).expect("what was made can be removed");
    let UnpackError::Layer {
        fault: LayerFault::DiffId { found, .. },
        ..
    } = refused
    else {
        unreachable!("{refused}");
    };
    found
}

fn by_tar(archive: impl Read, root: &Path) {
    tar::Archive::new(archive)
        .unpack(root)
        .expect("an archive can be unpacked");
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let place = Place::new();
    let plain = archive();
    let gzip = packed(&plain);
    let diff_id = diff_id(&place, &plain);
    let mut group = criterion.benchmark_group("unpack");
    group
        .sample_size(10)
        .throughput(Throughput::Bytes(plain.len() as u64));
    for (form, layer) in [("tar", &plain), ("gzip", &gzip)] {
        group.bench_function(format!("brig, {form}"), |bencher| {
            bencher.iter_custom(|times| {
                place.filled(times, |root| {
                    by_brig(layer, diff_id, root).expect("a layer can be unpacked");
                })
            });
        });
    }
    group.bench_function("tar crate, tar", |bencher| {
        bencher.iter_custom(|times| place.filled(times, |root| by_tar(plain.as_slice(), root)));
    });
    group.bench_function("tar crate, gzip", |bencher| {
        bencher.iter_custom(|times| {
            place.filled(times, |root| by_tar(GzDecoder::new(gzip.as_slice()), root))
        });
    });
    group.finish();
}
