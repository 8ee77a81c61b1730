//! Layers of any shape, against a model of a few lines.

use crate::archive::{Tar, gzipped, plain};
use crate::place::{Place, tree};
use brig_images::unpack::Limits;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What an entry can be.
#[derive(Clone, Debug)]
enum Op {
    File(String, u8),
    Folder(String, u32),
    Symlink(String),
    HardLink(String, String),
    Device(String),
    Whiteout(String),
    Opaque(String),
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Folder(u32),
    File(u8),
    Symlink,
}

/// A tree by paths, each with whether the layer at hand made it.
#[derive(Clone, Debug, Default)]
struct Model(BTreeMap<String, (Kind, bool)>);

impl Model {
    fn is_below(path: &str, folder: &str) -> bool {
        folder.is_empty()
            || path
                .strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
    }

    fn remove(&mut self, path: &str) {
        self.0
            .retain(|at, _| at != path && !Self::is_below(at, path));
    }

    /// The folders above. False if one of them is none.
    fn parents(&mut self, path: &str) -> bool {
        for (end, _) in path.match_indices('/') {
            match self.0.get(&path[..end]) {
                Some((Kind::Folder(_), _)) => {}
                Some(_) => return false,
                None => {
                    self.0
                        .insert(path[..end].to_owned(), (Kind::Folder(0o755), true));
                }
            }
        }
        true
    }

    fn put(&mut self, path: &str, kind: Kind) {
        let both_folders = matches!(kind, Kind::Folder(_))
            && matches!(self.0.get(path), Some((Kind::Folder(_), _)));
        if !both_folders {
            self.remove(path);
        }
        self.0.insert(path.to_owned(), (kind, true));
    }

    /// Puts something, or makes room for what is left out.
    fn make(&mut self, path: &str, kind: Option<Kind>) -> bool {
        let possible = self.parents(path);
        match kind {
            Some(kind) if possible => self.put(path, kind),
            None if possible => self.remove(path),
            Some(_) | None => {}
        }
        possible
    }

    /// Hides what lower layers have below a folder.
    fn hide_below(&mut self, folder: &str) {
        let own: Vec<String> = self
            .0
            .iter()
            .filter(|(_, n)| n.1)
            .map(|(p, _)| p.clone())
            .collect();
        self.0.retain(|path, (kind, mine)| {
            if *mine || !Self::is_below(path, folder) {
                return true;
            }
            let holds_own = own.iter().any(|own| Self::is_below(own, path));
            *kind = Kind::Folder(0o755);
            holds_own
        });
    }

    fn hide(&mut self, path: &str) {
        self.hide_below(path);
        let holds = self.0.keys().any(|at| Self::is_below(at, path));
        match self.0.get_mut(path) {
            Some((_, true)) | None => {}
            Some((kind, false)) if holds => *kind = Kind::Folder(0o755),
            Some(_) => self.remove(path),
        }
    }

    /// False if brig is to refuse it.
    fn apply(&mut self, op: &Op) -> bool {
        match op {
            Op::Whiteout(path) => self.hide(path),
            Op::Opaque(path) => {
                if path.is_empty() || matches!(self.0.get(path), Some((Kind::Folder(_), _))) {
                    self.hide_below(path);
                }
            }
            Op::HardLink(path, target) => {
                let found = match self.0.get(target) {
                    Some((kind @ (Kind::File(_) | Kind::Symlink), _)) => kind.clone(),
                    Some((Kind::Folder(_), _)) | None => return false,
                };
                // Whoever is replaced with all below it cannot be linked to any more.
                if !self.parents(path) || Self::is_below(target, path) {
                    return false;
                }
                self.put(path, found);
            }
            Op::File(path, content) => return self.make(path, Some(Kind::File(*content))),
            Op::Folder(path, mode) => return self.make(path, Some(Kind::Folder(*mode))),
            Op::Symlink(path) => return self.make(path, Some(Kind::Symlink)),
            Op::Device(path) => return self.make(path, None),
        }
        true
    }
}

fn write(tar: Tar, op: &Op) -> Tar {
    let marked = |path: &str, mark: &str| match path.rsplit_once('/') {
        Some((above, name)) => format!("{above}/.wh.{}", mark.replace('*', name)),
        None => format!(".wh.{}", mark.replace('*', path)),
    };
    match op {
        Op::File(path, content) => tar.file(path, vec![*content; usize::from(*content) * 3]),
        Op::Folder(path, mode) => tar.entry(path, b'5', "", *mode, ""),
        Op::Symlink(path) => tar.symlink(path, "/nowhere"),
        Op::HardLink(path, target) => tar.hard_link(path, target),
        Op::Device(path) => tar.entry(path, b'3', "", 0o666, ""),
        Op::Whiteout(path) => tar.file(marked(path, "*"), ""),
        Op::Opaque(path) if path.is_empty() => tar.file(".wh..wh..opq", ""),
        Op::Opaque(path) => tar.file(path.clone() + "/.wh..wh..opq", ""),
    }
}

/// Few names, so that they meet. Links have names of their own: what lies below one is in
/// `hostile` and `honest`.
fn path() -> impl Strategy<Value = String> {
    prop::collection::vec("[abc]", 1..4).prop_map(|parts| parts.join("/"))
}

fn op() -> impl Strategy<Value = Op> {
    let link = prop::option::of(path()).prop_map(|above| match above {
        Some(above) => above + "/link",
        None => "link".to_owned(),
    });
    let mode = prop::sample::select(vec![0o755, 0o700, 0o711]);
    prop_oneof![
        4 => (path(), any::<u8>()).prop_map(|(path, content)| Op::File(path, content)),
        4 => (path(), mode).prop_map(|(path, mode)| Op::Folder(path, mode)),
        1 => link.prop_map(Op::Symlink),
        2 => (path(), path()).prop_map(|(path, target)| Op::HardLink(path, target)),
        1 => path().prop_map(Op::Device),
        3 => path().prop_map(Op::Whiteout),
        2 => prop::option::of(path()).prop_map(|path| Op::Opaque(path.unwrap_or_default())),
    ]
}

/// A tree in the model's words.
fn found(place: &Place) -> BTreeMap<String, Kind> {
    use crate::place::Node;
    let nodes = tree(&place.root()).into_iter();
    let nodes = nodes.map(|(path, node)| {
        let kind = match node {
            Node::Folder { mode } => Kind::Folder(mode),
            Node::File { content, .. } => Kind::File(content.first().copied().unwrap_or_default()),
            Node::Symlink { .. } => Kind::Symlink,
            Node::Other => panic!("{}", path.escape_ascii()),
        };
        (String::from_utf8(path).unwrap(), kind)
    });
    nodes.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_layers_make_what_the_model_makes(
        layers in prop::collection::vec(prop::collection::vec(op(), 0..12), 1..4),
        compressed: bool,
    ) {
        let mut model = Model::default();
        let mut packed = Vec::new();
        // What brig is to refuse is left out of the layer, after it was seen to be refused.
        for layer in &layers {
            model.0.values_mut().for_each(|node| node.1 = false);
            let mut tar = Tar::new();
            for op in layer {
                let mut next = model.clone();
                if next.apply(op) {
                    model = next;
                    tar = write(tar, op);
                } else {
                    let refused = write(tar.clone(), op).end();
                    let place = Place::new();
                    let layers = [&packed[..], &[plain(refused)]].concat();
                    prop_assert!(place.unpack(&layers, &Limits::IMAGE).is_err(), "{op:?}");
                }
            }
            let tar = tar.end();
            packed.push(if compressed { gzipped(&tar) } else { plain(tar) });
        }
        let place = Place::new();
        place.unpack(&packed, &Limits::IMAGE).unwrap();
        let wanted = model.0.into_iter().map(|(path, (kind, _))| (path, kind));
        prop_assert_eq!(found(&place), wanted.collect::<BTreeMap<_, _>>());
    }

    #[test]
    fn noise_changes_nothing_outside(
        mut noise in prop::collection::vec(any::<u8>(), 0..3000),
        entry in op(),
        at: prop::sample::Index,
    ) {
        let tar = write(Tar::new().folder("a").file("a/b", "x"), &entry).end();
        let place = Place::new();
        let _ = place.unpack(&[plain(noise.clone())], &Limits::IMAGE);
        let at = at.index(tar.len());
        let place = Place::new();
        let mut damaged = tar.clone();
        damaged[at] ^= 0x55;
        let _ = place.unpack(&[plain(damaged)], &Limits::IMAGE);
        noise.splice(0..0, [0x1f, 0x8b, 8, 0]);
        let place = Place::new();
        prop_assert!(place.unpack(&[plain(noise)], &Limits::IMAGE).is_err());
    }
}
