//! Where the tests unpack, and what is there afterwards.

use crate::archive::Packed;
use brig_images::layer::Layer;
use brig_images::tree::tree_digest;
use brig_images::unpack::{DiffId, Limits, UnpackError, Unpacked, unpack};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Cursor;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of one test, with a tree beside the one that is unpacked, which must stay as it is.
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    before: Tree,
}

/// All that is below a folder, by its path.
pub(crate) type Tree = BTreeMap<Vec<u8>, Node>;

/// One thing of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Folder { mode: u32 },
    File { mode: u32, content: Vec<u8> },
    Symlink { target: Vec<u8> },
    Other,
}

impl Place {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("unpack-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(path.join("canary/inner")).unwrap();
        fs::create_dir(path.join("root")).unwrap();
        fs::write(path.join("canary/file"), "alive").unwrap();
        fs::write(path.join("canary/inner/file"), "alive too").unwrap();
        let before = canary(&path);
        Self { path, before }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.path.join("root")
    }

    /// The canary's file, as an absolute name.
    pub(crate) fn canary(&self) -> String {
        self.path.join("canary").display().to_string()
    }

    pub(crate) fn unpack(
        &self,
        layers: &[Packed],
        limits: &Limits,
    ) -> Result<Unpacked, UnpackError> {
        let diff_ids: Vec<DiffId> = layers.iter().map(|l| l.diff_id.parse().unwrap()).collect();
        self.unpack_as(layers, &diff_ids, limits)
    }

    /// Whatever happens, nothing beside the root changes, and what is made is what is told.
    #[track_caller]
    pub(crate) fn unpack_as(
        &self,
        layers: &[Packed],
        diff_ids: &[DiffId],
        limits: &Limits,
    ) -> Result<Unpacked, UnpackError> {
        let root = File::open(self.root()).unwrap();
        let packed = layers.iter().map(|layer| {
            Ok(Layer {
                media_type: layer.media_type.to_owned(),
                packed: Cursor::new(layer.bytes.clone()),
            })
        });
        let result = unpack(packed, diff_ids, &root, limits);
        self.assert_unharmed();
        if let Ok(unpacked) = &result {
            assert_eq!(unpacked.tree, tree_digest(&root).unwrap());
        }
        for (path, node) in tree(&self.root()) {
            let shown = path.escape_ascii();
            match node {
                Node::Folder { mode } => assert_eq!(mode & 0o6022, 0, "{shown}"),
                Node::File { mode, .. } => assert_eq!(mode & 0o7022, 0, "{shown}"),
                Node::Symlink { .. } => {}
                Node::Other => panic!("{shown} is neither file nor folder nor link"),
            }
        }
        result
    }

    #[track_caller]
    pub(crate) fn assert_unharmed(&self) {
        assert_eq!(canary(&self.path), self.before, "the canary is hurt");
        let names = fs::read_dir(&self.path).unwrap();
        let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["canary", "root"], "something lies beside the root");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The canary with all that a write could change: also times and the number of names.
fn canary(place: &Path) -> Tree {
    let mut tree = tree(&place.join("canary"));
    for (path, node) in &mut tree {
        let path = place.join("canary").join(OsString::from_vec(path.clone()));
        let metadata = fs::symlink_metadata(path).unwrap();
        let more = (metadata.mtime(), metadata.mtime_nsec(), metadata.nlink());
        if let Node::File { content, .. } = node {
            content.extend_from_slice(format!("{more:?}").as_bytes());
        }
    }
    tree
}

/// Reads a tree.
pub(crate) fn tree(root: &Path) -> Tree {
    let mut found = Tree::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let below = path.strip_prefix(root).unwrap().as_os_str();
            let below = below.as_encoded_bytes().to_vec();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let mode = metadata.mode() & 0o7777;
            let kind = metadata.file_type();
            let node = if kind.is_dir() {
                folders.push(path);
                Node::Folder { mode }
            } else if kind.is_file() {
                let content = fs::read(&path).unwrap();
                Node::File { mode, content }
            } else if kind.is_symlink() {
                let target = fs::read_link(&path).unwrap().into_os_string().into_vec();
                Node::Symlink { target }
            } else {
                assert!(kind.is_fifo() || kind.is_char_device() || !kind.is_file());
                Node::Other
            };
            found.insert(below, node);
        }
    }
    found
}

/// What brig makes of modes that another tool keeps.
pub(crate) fn as_brig(tree: Tree) -> Tree {
    let node = |node| match node {
        Node::Folder { mode } => Node::Folder {
            mode: mode & 0o1755 | 0o700,
        },
        Node::File { mode, content } => Node::File {
            mode: mode & 0o755 | 0o400,
            content,
        },
        node @ (Node::Symlink { .. } | Node::Other) => node,
    };
    tree.into_iter().map(|(path, n)| (path, node(n))).collect()
}
