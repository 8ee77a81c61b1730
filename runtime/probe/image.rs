//! What lies where in an unpacked image. Links in it are followed as its program would follow them:
//! its root is the top (openat2(2), `RESOLVE_IN_ROOT`).

use super::look::Opened;
use brig_policies::{EnvValue, Policy};
use brig_sandbox::cell::GrantKind;
use brig_sandbox::image::{Stands, Wish, arguments, clean, directory, search_path};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;

/// Bytes of an image's list of accounts that are read. Longer ones are as good as none.
const ACCOUNTS_BYTES_MAX: u64 = 64 << 10;
/// Names at the top of an image. More are none of a system's.
const TOP_MAX: usize = 256;
/// Places of brig's own that an image may have something else at.
const OWN: &[&str] = &["/etc", "/dev", "/proc", "/tmp"];

/// The root of an unpacked image.
pub(super) struct Root(OwnedFd);

impl Root {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        Ok(Self(rustix::fs::open(path, flags, Mode::empty())?))
    }

    fn at(&self, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC;
        let below = match path.trim_start_matches('/') {
            "" => ".",
            below => below,
        };
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        Ok(rustix::fs::openat2(
            &self.0,
            below,
            flags,
            Mode::empty(),
            resolve,
        )?)
    }

    /// Names at its top that are text, links left out.
    pub(super) fn top(&self) -> io::Result<BTreeMap<String, GrantKind>> {
        self.listed("/")
    }

    /// The same of each folder on the way to a grant.
    pub(super) fn beside(
        &self,
        policy: &Policy,
    ) -> io::Result<BTreeMap<String, BTreeMap<String, GrantKind>>> {
        let mut found = BTreeMap::new();
        for grant in policy.files() {
            let at = grant.at().as_str();
            for (end, _) in at.match_indices('/').skip(1) {
                let Some(path) = at.get(..end) else { continue };
                if let Some(Stands::Directory) = self.is(path) {
                    found.insert(path.to_owned(), self.listed(path)?);
                }
            }
        }
        Ok(found)
    }

    fn listed(&self, path: &str) -> io::Result<BTreeMap<String, GrantKind>> {
        let folder = self.at(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut top = BTreeMap::new();
        for entry in rustix::fs::Dir::read_from(&folder)? {
            let entry = entry?;
            let kind = match entry.file_type() {
                FileType::Directory => GrantKind::Directory,
                FileType::RegularFile => GrantKind::File,
                FileType::Symlink
                | FileType::Fifo
                | FileType::Socket
                | FileType::CharacterDevice
                | FileType::BlockDevice
                | FileType::Unknown => continue,
            };
            match entry.file_name().to_str() {
                Ok("." | "..") | Err(_) => {}
                Ok(name) => {
                    top.insert(name.to_owned(), kind);
                }
            }
            if top.len() > TOP_MAX {
                let text = format!("it has more than {TOP_MAX} names in `{path}`");
                return Err(io::Error::other(text));
            }
        }
        Ok(top)
    }

    /// What is no directory at the places that a cell makes in it and on the way to them.
    pub(super) fn stands(&self, policy: &Policy) -> BTreeMap<String, Stands> {
        let mut found = BTreeMap::new();
        let grants = policy.files().iter().map(|grant| grant.at().as_str());
        for place in grants.clone().chain(OWN.iter().copied()) {
            let ends = place.match_indices('/').skip(1).map(|(end, _)| end);
            for path in ends.chain([place.len()]).filter_map(|end| place.get(..end)) {
                match self.is(path) {
                    Some(Stands::Directory) | None => {}
                    Some(stands) => {
                        found.insert(path.to_owned(), stands);
                        break;
                    }
                }
            }
        }
        for place in grants {
            if let Some(Stands::Directory) = self.is(place) {
                found.insert(place.to_owned(), Stands::Directory);
            }
        }
        found
    }

    /// What a path itself is, reached without links.
    fn is(&self, path: &str) -> Option<Stands> {
        let below = path.trim_start_matches('/');
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let file = rustix::fs::openat2(&self.0, below, flags, Mode::empty(), resolve).ok()?;
        let stat = rustix::fs::fstat(&file).ok()?;
        Some(match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Stands::Directory,
            FileType::Symlink => {
                let to = rustix::fs::readlinkat(&file, "", Vec::new()).ok()?;
                Stands::Link(to.to_string_lossy().into_owned())
            }
            FileType::RegularFile
            | FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => Stands::File,
        })
    }

    /// A list of accounts, where it is text of a sane length.
    pub(super) fn accounts(&self, path: &str) -> Option<String> {
        // Not blocked by a FIFO, which no unpacked image has.
        let file = self.at(path, OFlags::RDONLY | OFlags::NONBLOCK).ok()?;
        let file = File::from(file);
        let metadata = file.metadata().ok()?;
        if !metadata.is_file() || metadata.len() > ACCOUNTS_BYTES_MAX {
            return None;
        }
        let mut text = String::new();
        file.take(ACCOUNTS_BYTES_MAX)
            .read_to_string(&mut text)
            .ok()?;
        (!text.contains('\0')).then_some(text)
    }

    pub(super) fn has_directory(&self, wish: &Wish) -> bool {
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        self.at(&directory(wish), flags).is_ok()
    }

    /// The program that the image and the manifest's arguments name, by the path on which it was
    /// found.
    pub(super) fn program(&self, wish: &Wish, policy: &Policy) -> Option<String> {
        let arguments = arguments(wish, policy.args())?;
        let name = arguments.first()?;
        if name.contains('/') {
            let path = if name.starts_with('/') {
                clean(name)
            } else {
                clean(&format!("{}/{name}", directory(wish)))
            };
            return self.runs(&path).then_some(path);
        }
        self.on_path(name, folders(wish, policy))
    }

    /// A program of the image, by a path or by a name on the search path. Its name is that of the
    /// file, with links followed.
    pub(super) fn opened(&self, named: &str, folders: &str) -> io::Result<Opened> {
        let path = if named.starts_with('/') {
            Some(named.to_owned())
        } else {
            self.on_path(named, folders)
        };
        let path = path.ok_or(io::ErrorKind::NotFound)?;
        let file = File::from(self.at(&path, OFlags::RDONLY | OFlags::NONBLOCK)?);
        if !file.metadata()?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // The kernel knows which file it is; the path is another one where a link leads on.
        let known = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
        let name = known.file_name().unwrap_or_default();
        Ok(Opened {
            name: name.to_string_lossy().into_owned(),
            file,
        })
    }

    fn on_path(&self, name: &str, folders: &str) -> Option<String> {
        let mut paths = folders
            .split(':')
            .filter(|folder| folder.starts_with('/'))
            .map(|folder| clean(&format!("{folder}/{name}")));
        paths.find(|path| self.runs(path))
    }

    fn runs(&self, path: &str) -> bool {
        let file = self.at(path, OFlags::PATH);
        let stat = file.and_then(|file| Ok(rustix::fs::statat(&file, "", AtFlags::EMPTY_PATH)?));
        stat.is_ok_and(|stat| {
            FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
                && stat.st_mode & 0o111 != 0
        })
    }
}

/// The path on which the program looks for others: the manifest's, or the image's.
pub(super) fn folders<'a>(wish: &'a Wish, policy: &'a Policy) -> &'a str {
    let of_manifest = policy
        .env()
        .iter()
        .find_map(|(variable, value)| match value {
            EnvValue::Literal(text) if variable.as_str() == "PATH" => Some(text.as_str()),
            EnvValue::Literal(_) | EnvValue::Host(_) => None,
        });
    search_path(wish, of_manifest)
}
