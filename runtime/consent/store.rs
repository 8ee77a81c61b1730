//! Where approvals are kept: `$XDG_STATE_HOME/brig/approved`, one file each, named by its digest.
//!
//! Whoever can write there approves for this user, so the folder and its files must be the user's
//! alone. A repository cannot bring such a folder along: git makes files that others may read. No
//! manifest can grant it (`policies/src/source.rs`, brig's own folders).

use super::{Record, Subject};
use crate::exit::Exit;
use crate::places::approvals_folder;
use crate::report::Refused;
use brig_policies::LOCK_BYTES_MAX;
use rustix::fs::{AtFlags, Dir, Mode, OFlags, Stat, fstat, openat, renameat, unlinkat};
use rustix::io::Errno;
use std::fs::{DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use thiserror::Error;

/// The longest approval: a manifest's text in JSON, and a few lines.
const RECORD_BYTES_MAX: u64 = 2 << 20;

/// How many approvals of one manifest and project are kept, the newest ones. Enough for the
/// branches of a repository; each is a start that nobody is asked about.
const KEPT_MAX: usize = 16;

/// Why approvals cannot be read or kept.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Neither `XDG_STATE_HOME` nor `HOME` is an absolute path.
    #[error("find a place for approvals: neither XDG_STATE_HOME nor HOME is an absolute path")]
    NoFolder,
    /// The kernel refused.
    #[error("{what} approvals in `{path}`: {source}")]
    Failed {
        /// Read or keep.
        what: &'static str,
        /// The folder, or a file of it.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The folder or a file is another user's.
    #[error("trust the approvals: `{path}` belongs to the user {owner}")]
    Owner {
        /// The folder or the file.
        path: String,
        /// Whose it is.
        owner: u32,
    },
    /// Others may look at the folder or a file of it, or write there.
    #[error("trust the approvals: `{path}` is open to others (mode {mode:o})")]
    Open {
        /// The folder or the file.
        path: String,
        /// Its permissions.
        mode: u32,
    },
    /// A file that brig did not write.
    #[error("read the approval `{path}`: it is none that brig wrote for its name")]
    Foreign {
        /// The file.
        path: String,
    },
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        let help = match &error {
            StoreError::NoFolder => "name a folder with XDG_STATE_HOME".to_owned(),
            StoreError::Failed { path, .. } => format!("make `{path}` a folder that you can use"),
            StoreError::Owner { path, .. } | StoreError::Open { path, .. } => format!(
                "somebody else could have approved in your name: remove `{path}` and approve anew"
            ),
            StoreError::Foreign { path } => format!("remove `{path}` and approve anew"),
        };
        let exit = match error {
            StoreError::NoFolder | StoreError::Failed { .. } => Exit::Failure,
            StoreError::Owner { .. } | StoreError::Open { .. } | StoreError::Foreign { .. } => {
                Exit::NotApproved
            }
        };
        Self::one(
            exit,
            "approvals-untrusted",
            format!("cannot {error}"),
            &help,
        )
    }
}

/// The approvals of this user.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    /// None where nothing was approved yet.
    folder: Option<OwnedFd>,
}

impl Store {
    /// Opens the folder, if there is one.
    pub(crate) fn open() -> Result<Self, StoreError> {
        let path = approvals_folder().ok_or(StoreError::NoFolder)?;
        let mut store = Self { path, folder: None };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::open(&store.path, flags, Mode::empty()) {
            Ok(folder) => {
                let shown = store.shown("");
                let stat = fstat(&folder).map_err(|errno| store.failed("read", "", errno))?;
                trust(&shown, &stat)?;
                store.folder = Some(folder);
                Ok(store)
            }
            Err(Errno::NOENT) => Ok(store),
            Err(errno) => Err(store.failed("read", "", errno)),
        }
    }

    /// Whether exactly this was approved.
    pub(crate) fn find(&self, subject: &Subject) -> Result<bool, StoreError> {
        let name = subject.digest();
        match self.record(&name)? {
            None => Ok(false),
            Some(record) if record.subject().as_ref() == Some(subject) => Ok(true),
            Some(_) => Err(StoreError::Foreign {
                path: self.shown(&name),
            }),
        }
    }

    /// All approvals by their digests, the newest first.
    pub(crate) fn all(&self) -> Result<Vec<(String, Record)>, StoreError> {
        let mut found = Vec::new();
        for name in self.names()? {
            if let Some(record) = self.record(&name)? {
                found.push((name, record));
            }
        }
        found.sort_by(|(name, record), (other_name, other)| {
            (other.at_ms, name).cmp(&(record.at_ms, other_name))
        });
        Ok(found)
    }

    /// The newest approval of the same manifest and project, with its lock. What is wrong with the
    /// store is told where something is decided by it; here it only means that nothing is compared.
    pub(crate) fn last(&self, subject: &Subject) -> Option<(Record, Option<String>)> {
        let same = |record: &Record| {
            record.manifest == subject.manifest && record.project == subject.project
        };
        let all = self.all().ok()?;
        let (name, record) = all.into_iter().find(|(_, record)| same(record))?;
        let lock = self.read(&format!("{name}.lock"), LOCK_BYTES_MAX as u64);
        Some((record, lock.ok().flatten()))
    }

    /// Whether the same manifest and plan were approved with whatever lock.
    pub(crate) fn has_plan(&self, subject: &Subject) -> Result<bool, StoreError> {
        let unlocked = |subject: &Subject| Subject {
            lock: None,
            ..subject.clone()
        };
        let mut subjects = self
            .all()?
            .into_iter()
            .filter_map(|(_, record)| record.subject());
        Ok(subjects.any(|known| unlocked(&known) == unlocked(subject)))
    }

    /// Keeps an approval, and forgets the oldest of the same manifest and project.
    pub(crate) fn keep(&self, record: &Record, lock: Option<&str>) -> Result<(), StoreError> {
        let store = self.made()?;
        let Some(name) = record.subject().map(|subject| subject.digest()) else {
            let path = store.shown("");
            return Err(StoreError::Foreign { path });
        };
        let text = serde_json::to_vec_pretty(record);
        let text = text.map_err(|error| store.failed("keep", &name, error))?;
        if let Some(lock) = lock {
            store.write(&format!("{name}.lock"), lock.as_bytes())?;
        }
        store.write(&name, &text)?;
        let same =
            |other: &Record| other.manifest == record.manifest && other.project == record.project;
        let all = store.all()?;
        // Whatever the clock says, what was just approved stays.
        let is_other = |other: &String| *other != name;
        let mut old = all
            .into_iter()
            .filter(|(other, record)| is_other(other) && same(record))
            .skip(KEPT_MAX - 1);
        old.try_for_each(|(name, _)| store.remove(&name))
    }

    /// Forgets one approval.
    pub(crate) fn remove(&self, name: &str) -> Result<(), StoreError> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        // The approval first: a lock without one counts for nothing.
        for name in [name.to_owned(), format!("{name}.lock")] {
            match unlinkat(folder, &name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(self.failed("remove", &name, errno)),
            }
        }
        Ok(())
    }

    /// The same store with a folder that is there.
    fn made(&self) -> Result<Self, StoreError> {
        let mut folders = DirBuilder::new();
        let made = folders.recursive(true).mode(0o700).create(&self.path);
        made.map_err(|error| self.failed("keep", "", error))?;
        Self::open()
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        let Some(folder) = &self.folder else {
            return Ok(Vec::new());
        };
        let about = |errno| self.failed("read", "", errno);
        let entries = Dir::read_from(folder).map_err(about)?;
        let names: Result<Vec<String>, Errno> = entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect();
        let is_digest =
            |name: &String| name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit());
        Ok(names
            .map_err(about)?
            .into_iter()
            .filter(is_digest)
            .collect())
    }

    fn record(&self, name: &str) -> Result<Option<Record>, StoreError> {
        let Some(text) = self.read(name, RECORD_BYTES_MAX)? else {
            return Ok(None);
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|_| StoreError::Foreign {
                path: self.shown(name),
            })
    }

    fn read(&self, name: &str, bytes_max: u64) -> Result<Option<String>, StoreError> {
        let Some(folder) = &self.folder else {
            return Ok(None);
        };
        let about = |error: io::Error| self.failed("read", name, error);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(folder, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(about(errno.into())),
        };
        let stat = fstat(&file).map_err(|errno| about(errno.into()))?;
        trust(&self.shown(name), &stat)?;
        let mut text = String::new();
        let read = File::from(file).take(bytes_max).read_to_string(&mut text);
        read.map_err(about)?;
        Ok(Some(text))
    }

    /// Writes beside and renames, so that an approval is there whole or not at all.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let Some(folder) = &self.folder else {
            return Err(self.failed("keep", name, Errno::NOENT));
        };
        let about = |error: io::Error| self.failed("keep", name, error);
        let beside = format!(".{name}-{}", std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let written = openat(folder, &beside, flags, Mode::RUSR | Mode::WUSR)
            .map_err(io::Error::from)
            .and_then(|file| {
                let mut file = File::from(file);
                file.write_all(bytes)?;
                file.sync_all()?;
                Ok(renameat(folder, &beside, folder, name)?)
            });
        if written.is_err() {
            let _ = unlinkat(folder, &beside, AtFlags::empty());
        }
        written.map_err(about)
    }

    fn shown(&self, name: &str) -> String {
        let path = if name.is_empty() {
            self.path.clone()
        } else {
            self.path.join(name)
        };
        path.display().to_string()
    }

    fn failed(&self, what: &'static str, name: &str, error: impl Into<io::Error>) -> StoreError {
        StoreError::Failed {
            what,
            path: self.shown(name),
            source: error.into(),
        }
    }
}

/// Nobody but this user may have written it, or may read which servers it runs.
fn trust(path: &str, stat: &Stat) -> Result<(), StoreError> {
    let path = path.to_owned();
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        let owner = stat.st_uid;
        return Err(StoreError::Owner { path, owner });
    }
    let mode = stat.st_mode & 0o7777;
    if mode & 0o077 != 0 {
        return Err(StoreError::Open { path, mode });
    }
    Ok(())
}
