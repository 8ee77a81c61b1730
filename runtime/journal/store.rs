//! The folder of journals.
//!
//! A file is named after its manifest, its time and its process, and locked as long as its run
//! lasts. The oldest ones are removed when a run begins, those of runs that last never.

use crate::exit::Exit;
use crate::places::runs_folder;
use crate::report::Refused;
use brig_policies::{InvalidJournal, JOURNAL_BYTES_MAX, Kept, Run, read_journal};
use rustix::fs::{
    AtFlags, Dir, FlockOperation, Mode, OFlags, Stat, flock, fstat, openat, renameat, unlinkat,
};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use thiserror::Error;

/// Journals of one manifest that are kept, the newest ones.
const OF_ONE_MAX: usize = 8;
/// Journals of all manifests. A host with more servers than this forgets the oldest runs.
const ALL_MAX: usize = 256;
/// Digits of a name that tell the manifest.
const MANIFEST_DIGITS: usize = 16;
/// How old a file is that was begun and never got its name, in milliseconds, when it is removed.
const BEGUN_MS: u64 = 60_000;

/// Why journals cannot be kept or read.
#[derive(Debug, Error)]
pub(crate) enum JournalError {
    /// Neither `XDG_STATE_HOME` nor `HOME` is an absolute path.
    #[error("find a place for journals: neither XDG_STATE_HOME nor HOME is an absolute path")]
    NoFolder,
    /// The kernel refused.
    #[error("{what} journals in `{path}`: {source}")]
    Failed {
        /// Read or keep.
        what: &'static str,
        /// The folder, or a file of it.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The folder or a file is another user's, or open to others.
    #[error("trust the journals in `{path}`: others than you can write or read there")]
    Open {
        /// The folder, or a file of it.
        path: String,
    },
    /// A file that brig did not write like this.
    #[error("read the journal `{path}`: {source}")]
    Damaged {
        /// The file.
        path: String,
        /// Why.
        source: InvalidJournal,
    },
}

impl From<JournalError> for Refused {
    fn from(error: JournalError) -> Self {
        let help = match &error {
            JournalError::NoFolder => "name a folder with XDG_STATE_HOME".to_owned(),
            JournalError::Failed { path, .. } => format!("make `{path}` a place that you can use"),
            JournalError::Open { path } | JournalError::Damaged { path, .. } => {
                format!("remove `{path}`: nothing but what it tells is lost")
            }
        };
        let message = format!("cannot {error}");
        Self::one(Exit::Failure, "journal-unreadable", message, &help)
    }
}

/// The journals of this user.
#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    /// None where nothing was kept yet.
    folder: Option<OwnedFd>,
}

/// One run of before, or one that lasts.
#[derive(Debug)]
pub(crate) struct Past {
    /// What was written of it.
    pub(crate) kept: Kept,
    /// Whether it lasts.
    pub(crate) is_running: bool,
}

/// What a file's name says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    /// Digits of the digest of the manifest's path.
    manifest: String,
    /// Digits of the time, and the process: they sort by time.
    moment: String,
}

impl Name {
    fn of(run: &Run) -> Self {
        let moment = format!("{:016x}-{:x}", run.at_ms, std::process::id());
        Self {
            manifest: digits(&run.manifest),
            moment,
        }
    }

    fn read(name: &str) -> Option<Self> {
        let (manifest, moment) = name.split_once('-')?;
        let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let (time, process) = moment.split_once('-')?;
        let is_name = manifest.len() == MANIFEST_DIGITS && time.len() == 16 && !process.is_empty();
        (is_name && hex(manifest) && hex(time) && hex(process)).then(|| Self {
            manifest: manifest.to_owned(),
            moment: moment.to_owned(),
        })
    }

    fn text(&self) -> String {
        format!("{}-{}", self.manifest, self.moment)
    }

    fn at_ms(&self) -> u64 {
        let time = self.moment.split('-').next();
        time.and_then(|time| u64::from_str_radix(time, 16).ok())
            .unwrap_or_default()
    }
}

fn digits(manifest: &str) -> String {
    let digest = blake3::hash(manifest.as_bytes()).to_hex();
    digest.chars().take(MANIFEST_DIGITS).collect()
}

impl Store {
    /// Opens the folder, if there is one.
    pub(crate) fn open() -> Result<Self, JournalError> {
        let path = runs_folder().ok_or(JournalError::NoFolder)?;
        let mut store = Self { path, folder: None };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::open(&store.path, flags, Mode::empty()) {
            Ok(folder) => {
                let stat = fstat(&folder).map_err(|errno| store.failed("read", "", errno))?;
                store.trust("", &stat)?;
                store.folder = Some(folder);
                Ok(store)
            }
            Err(Errno::NOENT) => Ok(store),
            Err(errno) => Err(store.failed("read", "", errno)),
        }
    }

    /// Begins the journal of a run with its first line. The file has its name once it has that
    /// line and its lock, and what is too old is removed.
    pub(super) fn begin(self, run: &Run, first: &str) -> Result<File, JournalError> {
        let store = self.made()?;
        let Some(folder) = &store.folder else {
            return Err(store.failed("keep", "", Errno::NOENT));
        };
        let name = Name::of(run).text();
        let about = |error: io::Error| store.failed("keep", &name, error);
        let beside = format!(".{name}");
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = openat(folder, &beside, flags | OFlags::CLOEXEC, mode);
        let mut file = File::from(file.map_err(|errno| about(errno.into()))?);
        let begun = flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(io::Error::from)
            .and_then(|()| file.write_all(first.as_bytes()))
            .and_then(|()| Ok(renameat(folder, &beside, folder, &name)?));
        if begun.is_err() {
            let _ = unlinkat(folder, &beside, AtFlags::empty());
        }
        begun.map_err(about)?;
        store.forget(run.at_ms);
        Ok(file)
    }

    /// The runs of a manifest that are to be shown: those that last and the last one that began,
    /// the newest first.
    pub(crate) fn of_manifest(&self, manifest: &str) -> Result<Vec<Past>, JournalError> {
        let wanted = digits(manifest);
        let mut names = self.names()?;
        names.retain(|name| name.manifest == wanted);
        names.sort();
        let mut found: Vec<Past> = Vec::new();
        for name in names.iter().rev() {
            let past = self.read(&name.text())?;
            let past = past.filter(|past| past.kept.run.manifest == manifest);
            found.extend(past.filter(|past| past.is_running || found.is_empty()));
        }
        Ok(found)
    }

    /// The manifests of the servers of a name.
    pub(crate) fn manifests_of(&self, server: &str) -> Result<Vec<String>, JournalError> {
        let mut found = Vec::new();
        for name in self.names()? {
            let run = self.read(&name.text())?.map(|past| past.kept.run);
            let run = run.filter(|run| run.server == server);
            found.extend(run.map(|run| run.manifest));
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    fn read(&self, name: &str) -> Result<Option<Past>, JournalError> {
        let Some(folder) = &self.folder else {
            return Ok(None);
        };
        let about = |error: io::Error| self.failed("read", name, error);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(folder, name, flags, Mode::empty()) {
            Ok(file) => file,
            // A run that began meanwhile removed it.
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(about(errno.into())),
        };
        let stat = fstat(&file).map_err(|errno| about(errno.into()))?;
        self.trust(name, &stat)?;
        let is_running = is_locked(&file);
        let mut bytes = Vec::new();
        let most = JOURNAL_BYTES_MAX as u64 + 1;
        let read = File::from(file).take(most).read_to_end(&mut bytes);
        read.map_err(about)?;
        // What is no text is no line either.
        let kept = read_journal(&String::from_utf8_lossy(&bytes));
        let kept = kept.map_err(|source| JournalError::Damaged {
            path: self.shown(name),
            source,
        })?;
        Ok(Some(Past { kept, is_running }))
    }

    /// Removes what is too old. What cannot be removed now is removed by a later run.
    fn forget(&self, now_ms: u64) {
        let Some(folder) = &self.folder else { return };
        let Ok(mut names) = self.names() else { return };
        names.sort_by(|one, other| other.moment.cmp(&one.moment));
        let mut of_one: BTreeMap<&str, usize> = BTreeMap::new();
        let mut old: Vec<String> = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let count = of_one.entry(&name.manifest).or_default();
            *count += 1;
            if *count > OF_ONE_MAX || at >= ALL_MAX {
                old.push(name.text());
            }
        }
        let begun = self.listed(|name| name.strip_prefix('.').and_then(Name::read));
        let begun = begun.unwrap_or_default().into_iter();
        let begun = begun.filter(|name| name.at_ms().saturating_add(BEGUN_MS) < now_ms);
        old.extend(begun.map(|name| format!(".{}", name.text())));
        for name in old {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let file = openat(folder, &name, flags, Mode::empty());
            if file.is_ok_and(|file| !is_locked(&file)) {
                let _ = unlinkat(folder, &name, AtFlags::empty());
            }
        }
    }

    fn names(&self) -> Result<Vec<Name>, JournalError> {
        self.listed(Name::read)
    }

    fn listed(&self, read: impl Fn(&str) -> Option<Name>) -> Result<Vec<Name>, JournalError> {
        let Some(folder) = &self.folder else {
            return Ok(Vec::new());
        };
        let about = |errno| self.failed("read", "", errno);
        let mut names = Vec::new();
        for entry in Dir::read_from(folder).map_err(about)? {
            let entry = entry.map_err(about)?;
            names.extend(entry.file_name().to_str().ok().and_then(&read));
        }
        Ok(names)
    }

    /// The same store with a folder that is there.
    fn made(self) -> Result<Self, JournalError> {
        if self.folder.is_some() {
            return Ok(self);
        }
        let mut folders = DirBuilder::new();
        let made = folders.recursive(true).mode(0o700).create(&self.path);
        made.map_err(|error| self.failed("keep", "", error))?;
        Self::open()
    }

    /// Nobody but this user may have written it, or may read which servers it runs.
    fn trust(&self, name: &str, stat: &Stat) -> Result<(), JournalError> {
        let own = rustix::process::geteuid().as_raw();
        let for_others = stat.st_mode & 0o077;
        if stat.st_uid == own && for_others == 0 {
            return Ok(());
        }
        let path = self.shown(name);
        Err(JournalError::Open { path })
    }

    fn shown(&self, name: &str) -> String {
        let path = if name.is_empty() {
            self.path.clone()
        } else {
            self.path.join(name)
        };
        path.display().to_string()
    }

    fn failed(&self, what: &'static str, name: &str, error: impl Into<io::Error>) -> JournalError {
        JournalError::Failed {
            what,
            path: self.shown(name),
            source: error.into(),
        }
    }
}

/// Whether its run lasts. The kernel gives the lock back with the last descriptor, however the
/// process ends.
fn is_locked(file: &OwnedFd) -> bool {
    let shared = FlockOperation::NonBlockingLockShared;
    matches!(flock(file, shared), Err(Errno::WOULDBLOCK))
}
