//! Write grants → where in them the host obeys what it finds. What that is, is told by
//! `brig_policies::obeyed`; this only walks, from the outermost folders inwards, and no further
//! than a start can wait for.

use brig_policies::{GIT_FOLDER, git_parts, is_git_folder, obeyed, obeyed_names};
use brig_sandbox::facts::LOOKED_THROUGH_MAX;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, ResolveFlags};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// One folder that is granted for writing.
pub(super) struct Tree {
    /// The path with every link followed.
    pub(super) root: String,
    /// What is named in it, by the path below.
    pub(super) named: BTreeSet<String>,
    /// What the host obeys, with the reason.
    pub(super) found: BTreeMap<String, String>,
    /// Whether part of it was not looked through.
    pub(super) beyond: bool,
}

/// Fills in what is found in these trees.
pub(super) fn look_through(trees: &mut [Tree]) {
    let mut walk = Walk {
        left: LOOKED_THROUGH_MAX,
        queue: VecDeque::new(),
        links: Vec::new(),
        buffer: vec![MaybeUninit::uninit(); LISTED_BYTES],
    };
    let roots: Vec<Option<OwnedFd>> = trees.iter().map(|tree| open_root(&tree.root)).collect();
    for tree in 0..trees.len() {
        walk.queue.push_back((tree, String::new()));
    }
    while let Some((index, below)) = walk.queue.pop_front() {
        let (Some(tree), Some(root)) = (trees.get_mut(index), roots.get(index)) else {
            continue;
        };
        match root
            .as_ref()
            .and_then(|root| open_folder(root, &below).transpose())
        {
            Some(Ok(folder)) => walk.folder(index, tree, &below, &folder),
            Some(Err(_)) => tree.beyond = true,
            None => {}
        }
    }
    for (link, why) in walk.links {
        hold_target(link, &why, trees);
    }
}

struct Walk {
    /// Entries that may still be listed.
    left: usize,
    queue: VecDeque<(usize, String)>,
    /// Links that the host obeys, with the reason.
    links: Vec<(PathBuf, String)>,
    /// Where the kernel puts entries.
    buffer: Vec<MaybeUninit<u8>>,
}

/// Room for some hundred entries at a time.
const LISTED_BYTES: usize = 32 << 10;

/// One entry of a folder.
struct Entry {
    name: String,
    kind: FileType,
}

impl Walk {
    fn folder(&mut self, index: usize, tree: &mut Tree, below: &str, folder: &OwnedFd) {
        let entries = self.list(tree, folder);
        let path = join(&tree.root, below);
        let is_git = is_git_folder(|name| entries.iter().any(|entry| entry.name == name));
        if is_git && !below.is_empty() && !tree.named.contains(below) {
            tree.found.insert(below.to_owned(), GIT_FOLDER.to_owned());
            self.note_links(&path);
            return;
        }
        for entry in entries {
            let place = join(below, &entry.name);
            let is_folder = entry.kind == FileType::Directory;
            let named = tree.named.contains(&place);
            let why = obeyed(&path, is_git, &entry.name);
            if let Some(why) = why {
                tree.found.insert(place.clone(), why.to_owned());
                let at = Path::new(&path).join(&entry.name);
                if entry.kind == FileType::Symlink && !named {
                    self.links.push((at, why.to_owned()));
                } else if is_folder && !named && why == GIT_FOLDER {
                    self.note_links(&join(&path, &entry.name));
                }
            }
            if is_folder && (why.is_none() || named) {
                self.queue.push_back((index, place));
            }
        }
    }

    /// All entries, or as many as may be listed and all that are obeyed by their name.
    fn list(&mut self, tree: &mut Tree, folder: &OwnedFd) -> Vec<Entry> {
        let mut entries = Vec::new();
        let mut listed = RawDir::new(folder, &mut self.buffer);
        while let Some(found) = listed.next() {
            let Ok(found) = found else {
                tree.beyond = true;
                break;
            };
            if matches!(found.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            if self.left == 0 {
                tree.beyond = true;
                entries.extend(known(folder));
                break;
            }
            self.left -= 1;
            let kind = if found.file_type() == FileType::Unknown {
                kind_of(folder, found.file_name())
            } else {
                Some(found.file_type())
            };
            match (found.file_name().to_str(), kind) {
                (Ok(name), Some(kind)) => entries.push(Entry {
                    name: name.to_owned(),
                    kind,
                }),
                // No plan can show what lies in a folder whose name is no text.
                (Err(_), Some(FileType::Directory)) => tree.beyond = true,
                (Ok(_) | Err(_), _) => {}
            }
        }
        entries
    }

    /// The parts of a repository that are links: what they lead to may lie outside of it.
    fn note_links(&mut self, repository: &str) {
        let parts = git_parts().map(|part| Path::new(repository).join(part));
        let links = parts.filter(|part| part.is_symlink());
        self.links
            .extend(links.map(|link| (link, GIT_FOLDER.to_owned())));
    }
}

/// The entries that can be obeyed in this folder, looked up one by one.
fn known(folder: &OwnedFd) -> Vec<Entry> {
    let names = obeyed_names()
        .chain(git_parts())
        .chain(["HEAD", "objects", "refs"]);
    names
        .filter_map(|name| {
            let kind = kind_of(folder, name)?;
            let name = name.to_owned();
            Some(Entry { name, kind })
        })
        .collect()
}

fn kind_of(folder: &OwnedFd, name: impl rustix::path::Arg) -> Option<FileType> {
    let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some(FileType::from_raw_mode(stat.st_mode))
}

fn open_root(path: &str) -> Option<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    rustix::fs::openat(CWD, path, flags, Mode::empty()).ok()
}

/// A folder below a root, opened without following links; nothing where another file system or
/// mount begins, which no cell shows.
fn open_folder(root: &OwnedFd, below: &str) -> Result<Option<OwnedFd>, Errno> {
    let below = if below.is_empty() { "." } else { below };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    match rustix::fs::openat2(root.as_fd(), below, flags, Mode::empty(), resolve) {
        Ok(folder) => Ok(Some(folder)),
        Err(Errno::XDEV) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// What a held link leads to is obeyed like the link, where a server could change it: each link on
/// the way, and the file at the end.
fn hold_target(link: PathBuf, why: &str, trees: &mut [Tree]) {
    // As many as the kernel follows (path_resolution(7)).
    const LINKS_MAX: usize = 40;
    let mut at = link;
    for _ in 0..LINKS_MAX {
        let Ok(target) = fs::read_link(&at) else {
            return;
        };
        let Some(folder) = at.parent() else {
            return;
        };
        let target = folder.join(target);
        let (Some(Ok(folder)), Some(name)) =
            (target.parent().map(fs::canonicalize), target.file_name())
        else {
            // It ends in `..`, or leads nowhere.
            return;
        };
        at = folder.join(name);
        if !at.is_symlink() && !at.exists() {
            return;
        }
        for tree in trees.iter_mut() {
            let below = at.strip_prefix(&tree.root).ok().and_then(Path::to_str);
            // A link to the whole grant, or out of it, leads to nothing that can be held.
            if let Some(below) = below.filter(|below| !below.is_empty()) {
                tree.found
                    .entry(below.to_owned())
                    .or_insert_with(|| why.to_owned());
            }
        }
    }
}

fn join(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, name) => format!("{}/{name}", folder.trim_end_matches('/')),
    }
}
