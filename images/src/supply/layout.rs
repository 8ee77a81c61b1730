//! The layout of OCI, in a folder or in a tar of one.

use super::archive::Archive;
use super::{Coming, Fetched, Supply, read_bounded};
use crate::digest::Digest;
use crate::document::{self, Descriptor, Document, Entry};
use crate::fault::{Fault, harmless};
use crate::limits::PullLimits;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use rustix::fs::OFlags;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// The files of a layout: nothing but them is ever opened, and no link leads out of it.
pub(crate) enum Files {
    Folder(PathBuf, Dir),
    Tar(Archive),
}

/// A layout, and which image of it is wanted.
pub(crate) struct Layout {
    files: Files,
    name: Option<String>,
    limits: PullLimits,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

impl Files {
    pub(crate) fn folder(path: &Path) -> Result<Self, Fault> {
        let opened = Dir::open_ambient_dir(path, ambient_authority());
        let dir = opened.map_err(|source| Fault::Read {
            path: harmless(&path.display().to_string()),
            source,
        })?;
        Ok(Self::Folder(path.to_owned(), dir))
    }

    /// A regular file that is no link: a FIFO would let brig wait for ever.
    fn open(&self, path: &str, from: u64) -> Result<Box<dyn Read + Send>, Fault> {
        let dir = match self {
            Self::Tar(archive) => return archive.open(path, from),
            Self::Folder(_, dir) => dir,
        };
        let told = |source| Fault::Read {
            path: self.shown(path),
            source,
        };
        let mut options = OpenOptions::new();
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        options.read(true).custom_flags(flags.bits().cast_signed());
        let file = dir.open_with(path, &options).map_err(told)?;
        let mut file: File = file.into_std();
        if !file.metadata().map_err(told)?.is_file() {
            return Err(Fault::Entry {
                name: self.shown(path),
                what: "is no regular file",
            });
        }
        file.seek(SeekFrom::Start(from)).map_err(told)?;
        Ok(Box::new(file))
    }

    pub(crate) fn read(
        &self,
        path: &str,
        bytes_max: u64,
        what: &'static str,
    ) -> Result<Vec<u8>, Fault> {
        let bytes = read_bounded(self.open(path, 0)?, bytes_max, what)?;
        bytes.map_err(|source| Fault::Read {
            path: self.shown(path),
            source,
        })
    }

    fn shown(&self, path: &str) -> String {
        match self {
            Self::Folder(folder, _) => harmless(&folder.join(path).display().to_string()),
            Self::Tar(_) => harmless(path),
        }
    }
}

impl Layout {
    pub(crate) fn open(
        files: Files,
        name: Option<String>,
        limits: PullLimits,
    ) -> Result<Self, Fault> {
        let marker = files.read("oci-layout", 4096, "`oci-layout`")?;
        let marker: Marker = serde_json::from_slice(&marker)
            .map_err(|error| Fault::malformed("`oci-layout`", error))?;
        if marker.image_layout_version != "1.0.0" {
            return Err(Fault::malformed("`oci-layout`", "its version is not 1.0.0"));
        }
        Ok(Self {
            files,
            name,
            limits,
        })
    }

    /// The image that is wanted, among those that `index.json` names.
    fn wanted(&self) -> Result<Descriptor, Fault> {
        const WHAT: &str = "`index.json`";
        let most = self.limits.manifest_bytes_max;
        let bytes = self.files.read("index.json", most, WHAT)?;
        let Document::Index(entries) = document::read(&bytes, None, &self.limits)? else {
            return Err(Fault::malformed(WHAT, "it is no index"));
        };
        let fits = |entry: &&Entry| match &self.name {
            Some(name) => entry.name.as_ref() == Some(name),
            None => true,
        };
        let mut fitting = entries.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(entry), None) => Ok(entry.content.clone()),
            (Some(_), Some(_)) if self.name.is_none() => Err(Fault::Which {
                found: names(&entries),
            }),
            (Some(_), Some(_)) => Err(Fault::malformed(WHAT, "it has the name twice")),
            (None, _) => Err(match &self.name {
                None => Fault::malformed(WHAT, "it names nothing"),
                Some(name) => Fault::NotNamed {
                    name: harmless(name),
                    found: names(&entries),
                },
            }),
        }
    }
}

fn names(entries: &[Entry]) -> String {
    let names: Vec<String> = entries
        .iter()
        .map(|entry| match &entry.name {
            Some(name) => format!("`{}`", harmless(name)),
            None => "one without a name".to_owned(),
        })
        .take(16)
        .collect();
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}

fn path_of(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

impl Supply for Layout {
    fn top(&self) -> Result<(Fetched, Option<Digest>), Fault> {
        let wanted = self.wanted()?;
        let fetched = self.document(&wanted)?;
        Ok((fetched, Some(wanted.digest)))
    }

    fn document(&self, content: &Descriptor) -> Result<Fetched, Fault> {
        let most = self.limits.manifest_bytes_max;
        let bytes = self
            .files
            .read(&path_of(&content.digest), most, "the manifest")?;
        Ok(Fetched {
            bytes,
            media_type: Some(content.media_type.clone()),
        })
    }

    fn part(&self, content: &Descriptor, from: u64) -> Result<Coming, Fault> {
        let reader = self.files.open(&path_of(&content.digest), from)?;
        Ok(Coming { reader, at: from })
    }
}

/// A tar or a folder, as an error of the file system or as content.
impl From<Archive> for Files {
    fn from(archive: Archive) -> Self {
        Self::Tar(archive)
    }
}

/// Part of a file, which others may read at the same time.
pub(crate) struct Range {
    pub(crate) file: std::sync::Arc<File>,
    pub(crate) at: u64,
    pub(crate) end: u64,
}

impl Read for Range {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = into.len().min(left);
        let read = std::os::unix::fs::FileExt::read_at(&*self.file, &mut into[..most], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
