//! An image as an archive that container engines load (`docker save`), for a daemon that keeps
//! images of its own.
//!
//! Layers are written as plain tars, which every engine takes, and checked against the image's
//! config on the way: what comes out is the image that was pulled, or nothing that an engine takes.

use crate::layer::Layer;
use crate::layer::stream::{StreamFault, decode, stream};
use crate::unpack::{DiffId, Limits};
use rustix::fs::{Mode, OFlags};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Seek as _, Write};
use std::path::Path;
use std::thread;
use tar::{Builder, Header};
use thiserror::Error;

/// Why no archive was made.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// Reading, or writing what was read.
    #[error("write the image's archive: {0}")]
    Io(#[from] io::Error),
    /// A layer that is not what the config says.
    #[error("write the image's archive: layer {index} is another than its config says")]
    Differs {
        /// Which, from 0 on.
        index: usize,
    },
    /// A layer that cannot be decompressed.
    #[error("write the image's archive: layer {index}: {fault}")]
    Layer {
        /// Which, from 0 on.
        index: usize,
        /// Why.
        fault: StreamFault,
    },
}

/// Writes an archive of an image under a name. Each layer lies in `scratch` while it is written,
/// without a name there.
pub fn write<R: Read + Send>(
    (config, name): (&[u8], &str),
    layers: impl IntoIterator<Item = io::Result<Layer<R>>>,
    diff_ids: &[DiffId],
    scratch: &Path,
    out: impl Write,
) -> Result<(), ArchiveError> {
    let mut archive = Builder::new(out);
    let mut names = Vec::new();
    for (index, layer) in layers.into_iter().enumerate() {
        let diff_id = diff_ids.get(index).ok_or(ArchiveError::Differs { index })?;
        let (tar, bytes) = plain(layer?.packed, index, diff_id, scratch)?;
        let name = format!("{}.tar", hex(diff_id));
        // Two layers may be the same, and then are one file.
        if !names.contains(&name) {
            put(&mut archive, &name, bytes, tar)?;
        }
        names.push(name);
    }
    if names.len() != diff_ids.len() {
        return Err(ArchiveError::Differs { index: names.len() });
    }
    let digest = Sha256::digest(config);
    let of_config = digest.iter().map(|byte| format!("{byte:02x}"));
    let of_config = format!("{}.json", of_config.collect::<String>());
    put(&mut archive, &of_config, config.len() as u64, config)?;
    let manifest = json!([{ "Config": of_config, "RepoTags": [name], "Layers": names }]);
    let manifest = manifest.to_string();
    put(
        &mut archive,
        "manifest.json",
        manifest.len() as u64,
        manifest.as_bytes(),
    )?;
    Ok(archive.into_inner()?.flush()?)
}

/// A file that everybody may read.
fn put(
    archive: &mut Builder<impl Write>,
    name: &str,
    bytes: u64,
    content: impl Read,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o444);
    archive.append_data(&mut header, name, content)
}

fn hex(diff_id: &DiffId) -> String {
    let text = diff_id.to_string();
    text.trim_start_matches("sha256:").to_owned()
}

/// One layer's tar in a file without a name, from its start, and its length.
fn plain<R: Read + Send>(
    packed: R,
    index: usize,
    diff_id: &DiffId,
    scratch: &Path,
) -> Result<(File, u64), ArchiveError> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    let mut file = File::from(rustix::fs::open(scratch, flags, mode).map_err(io::Error::from)?);
    let limits = &Limits::IMAGE;
    let (sink, mut stream) = stream();
    let decoded = thread::scope(|scope| {
        let decoding = scope.spawn(move || decode(packed, limits.bytes_max, limits, &sink));
        let copied = io::copy(&mut stream, &mut file);
        drop(stream);
        let decoded = decoding.join().unwrap_or(Err(StreamFault::Panic));
        copied.map(|_| decoded)
    })?;
    let decoded = decoded.map_err(|fault| ArchiveError::Layer { index, fault })?;
    if !diff_id.is(&decoded.diff_id) {
        return Err(ArchiveError::Differs { index });
    }
    file.rewind()?;
    Ok((file, decoded.bytes))
}
