//! A tar that is looked into, and never unpacked: its names are looked up among themselves alone.

use super::layout::Range;
use super::read_bounded;
use crate::fault::{Fault, harmless};
use crate::limits::PullLimits;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path};
use std::sync::Arc;

/// Where each file of a tar lies in it.
pub(crate) struct Archive {
    file: Arc<File>,
    entries: BTreeMap<String, Entry>,
}

enum Entry {
    /// The first byte, and the first after it.
    File(u64, u64),
    /// To another name of the same tar, as old `docker save` writes for a layer that is there
    /// already.
    Link(String),
    /// What nothing here is made of.
    Other,
}

const TAR_MAGIC: &[u8] = b"ustar";

impl Archive {
    pub(crate) fn open_file(path: &Path, limits: &PullLimits) -> Result<Self, Fault> {
        let told = |source| Fault::Read {
            path: harmless(&path.display().to_string()),
            source,
        };
        let mut options = std::fs::OpenOptions::new();
        // A FIFO would let brig wait for ever.
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let file = options.read(true).custom_flags(flags).open(path);
        let file = file.map_err(told)?;
        let metadata = file.metadata().map_err(told)?;
        if !metadata.is_file() {
            return Err(Fault::Entry {
                name: harmless(&path.display().to_string()),
                what: "is no regular file",
            });
        }
        let mut start = [0; 512];
        let whole = std::os::unix::fs::FileExt::read_at(&file, &mut start, 0).map_err(told)? == 512;
        if !whole || &start[257..262] != TAR_MAGIC {
            let reason = match start {
                [0x1f, 0x8b, ..] => "it is compressed; unpack it with gunzip",
                [0x28, 0xb5, 0x2f, 0xfd, ..] => "it is compressed; unpack it with unzstd",
                _ => "it is no tar",
            };
            return Err(Fault::malformed("the archive", reason));
        }
        let file = Arc::new(file);
        let entries = entries(&file, metadata.len(), limits)?;
        Ok(Self { file, entries })
    }

    /// Opens a file of the archive.
    pub(crate) fn open(&self, path: &str, from: u64) -> Result<Box<dyn Read + Send>, Fault> {
        self.range(path, from)
            .map(|range| Box::new(range) as Box<dyn Read + Send>)
    }

    pub(crate) fn range(&self, path: &str, from: u64) -> Result<Range, Fault> {
        let told = |what| {
            Err(Fault::Entry {
                name: harmless(path),
                what,
            })
        };
        let Some(name) = normal(Path::new(path)) else {
            return told("is a name that leads out of the archive");
        };
        let found = match self.entries.get(&name) {
            // One step: a link to a link is nobody's honest archive.
            Some(Entry::Link(to)) => self.entries.get(to),
            found => found,
        };
        match found {
            Some(Entry::File(at, end)) => Ok(Range {
                file: Arc::clone(&self.file),
                at: at.saturating_add(from).min(*end),
                end: *end,
            }),
            Some(Entry::Link(_)) => told("is a link to a link"),
            Some(Entry::Other) => told("is no regular file"),
            None => told("is missing"),
        }
    }

    pub(crate) fn read(
        &self,
        path: &str,
        bytes_max: u64,
        what: &'static str,
    ) -> Result<Vec<u8>, Fault> {
        let bytes = read_bounded(self.range(path, 0)?, bytes_max, what)?;
        bytes.map_err(|source| Fault::Read {
            path: harmless(path),
            source,
        })
    }
}

/// Names that lead nowhere in the archive are left out; who asks for one is told that it is
/// missing. A name that stands twice is refused, since readers differ in which one they take.
fn entries(
    file: &Arc<File>,
    bytes: u64,
    limits: &PullLimits,
) -> Result<BTreeMap<String, Entry>, Fault> {
    let malformed = |error: std::io::Error| Fault::malformed("the archive", error);
    let mut archive = tar::Archive::new(&**file);
    let mut found = BTreeMap::new();
    let entries = archive.entries_with_seek().map_err(malformed)?;
    for (index, entry) in entries.enumerate() {
        if index >= limits.archive_entries_max {
            return Err(Fault::TooMuch {
                what: "the archive",
                most: limits.archive_entries_max as u64,
                unit: "entries",
            });
        }
        let entry = entry.map_err(malformed)?;
        let path = entry.path().map_err(malformed)?;
        let Some(name) = normal(&path) else { continue };
        let kind = entry.header().entry_type();
        let place = if kind.is_file() {
            let at = entry.raw_file_position();
            let end = at.saturating_add(entry.size());
            if end > bytes {
                return Err(Fault::malformed("the archive", "it ends within a file"));
            }
            Entry::File(at, end)
        } else if kind.is_symlink() || kind.is_hard_link() {
            let target = entry.link_name().map_err(malformed)?;
            // A hard link's target starts at the root of the archive, a symbolic one's beside it.
            let folder = path.parent().filter(|_| kind.is_symlink());
            let target = target.and_then(|to| {
                let absolute = to.is_absolute();
                let joined = folder.unwrap_or(Path::new("")).join(to);
                (!absolute).then(|| normal(&joined)).flatten()
            });
            target.map_or(Entry::Other, Entry::Link)
        } else if kind.is_dir() {
            continue;
        } else {
            Entry::Other
        };
        if found.insert(name.clone(), place).is_some() {
            return Err(Fault::Entry {
                name: harmless(&name),
                what: "stands twice in the archive",
            });
        }
    }
    Ok(found)
}

/// The shortest spelling of a name in the archive; nothing for one that leads out of it.
fn normal(path: &Path) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => names.push(name.to_str()?),
            Component::CurDir => {}
            Component::ParentDir => {
                names.pop()?;
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!names.is_empty()).then(|| names.join("/"))
}
