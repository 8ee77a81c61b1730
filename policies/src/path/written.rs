//! A host path as a manifest writes it: a placeholder, perhaps, and the rest.

use alloc::string::String;
use alloc::vec::Vec;
use core::str::FromStr;

use super::{HostPath, InvalidPath};
use crate::manifest::Written;
use crate::places::Places;
use crate::wording::hidden;

/// A host path before its placeholder is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    root: Root,
    /// The names that follow the root, with one slash between them.
    rest: String,
}

/// What a written path starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    /// `/`
    Host,
    /// `~`
    Home,
    /// `{project}`
    Project,
    /// `{config}`
    Config,
    /// Nothing: a name.
    Relative,
}

impl Root {
    /// Only a path from the manifest may start with `..`: a `component` often lies beside the
    /// manifest's folder, while no placeholder needs a way out of what it stands for.
    const fn may_climb(self) -> bool {
        match self {
            Self::Relative => true,
            Self::Host | Self::Home | Self::Project | Self::Config => false,
        }
    }
}

/// The placeholders, each with what it starts from.
const PLACEHOLDERS: &[(&str, Root)] = &[
    ("~", Root::Home),
    ("{project}", Root::Project),
    ("{config}", Root::Config),
];

/// Why a [`Location`] stands for no path in this start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unplaced {
    /// The user has no home.
    NoHome,
    /// No project was named.
    NoProject,
    /// The folder that the placeholder stands for, or the whole, is not a path.
    Invalid(InvalidPath),
}

impl Location {
    /// Whether it starts at the root or at a placeholder, so that it means the same folder
    /// wherever the manifest lies.
    pub(crate) fn is_anchored(&self) -> bool {
        self.root != Root::Relative
    }

    /// Whether it starts at the manifest's folder, which whoever writes a manifest chooses.
    pub(crate) fn is_beside_manifest(&self) -> bool {
        match self.root {
            Root::Config | Root::Relative => true,
            Root::Host | Root::Home | Root::Project => false,
        }
    }

    /// The path that this stands for in this start.
    pub(crate) fn place(&self, places: &Places) -> Result<HostPath, Unplaced> {
        let root = match self.root {
            Root::Host => "",
            Root::Home => places.home.as_deref().ok_or(Unplaced::NoHome)?,
            Root::Project => places.project.as_deref().ok_or(Unplaced::NoProject)?,
            Root::Config | Root::Relative => &places.manifest_folder,
        };
        let (root, rest) = climb(root, &self.rest);
        let mut path = String::with_capacity(root.len() + 1 + rest.len());
        path.push_str(root);
        path.push('/');
        path.push_str(rest);
        path.parse().map_err(Unplaced::Invalid)
    }
}

/// Takes each leading `..` off the rest and a name off the root. That is exact only because the
/// root's links were followed before; after any further name it would not be.
fn climb<'p>(mut root: &'p str, mut rest: &'p str) -> (&'p str, &'p str) {
    while let Some(above) = rest.strip_prefix("..") {
        let Some(after) = above.strip_prefix('/').or(above.is_empty().then_some("")) else {
            break;
        };
        root = root
            .trim_end_matches('/')
            .rsplit_once('/')
            .map_or("", |(parent, _)| parent);
        rest = after;
    }
    (root, rest)
}

impl FromStr for Location {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(InvalidPath::Empty);
        }
        if let Some(letter) = hidden(text) {
            return Err(InvalidPath::Hidden(letter));
        }
        if has_variable(text) {
            return Err(InvalidPath::Variable);
        }
        if text.contains('*') {
            return Err(InvalidPath::Wildcard);
        }
        let (root, rest) = split(text)?;
        if has_brace_word(rest) {
            return Err(InvalidPath::Placeholder);
        }
        let names: Vec<&str> = rest
            .split('/')
            .filter(|name| !matches!(*name, "" | "."))
            .collect();
        let mut after_climb = names
            .iter()
            .skip_while(|name| **name == ".." && root.may_climb());
        if after_climb.any(|name| *name == "..") {
            return Err(InvalidPath::Parent);
        }
        Ok(Self {
            root,
            rest: names.join("/"),
        })
    }
}

fn split(text: &str) -> Result<(Root, &str), InvalidPath> {
    if let Some(rest) = text.strip_prefix('/') {
        return Ok((Root::Host, rest));
    }
    for (placeholder, root) in PLACEHOLDERS {
        match text.strip_prefix(placeholder) {
            Some("") => return Ok((*root, "")),
            Some(rest) if rest.starts_with('/') => return Ok((*root, &rest[1..])),
            Some(_) | None => {}
        }
    }
    if text.starts_with(['~', '{']) {
        return Err(InvalidPath::Placeholder);
    }
    Ok((Root::Relative, text))
}

/// Whether a shell would see a variable: `$NAME`, `${NAME}` or `$(command)`.
fn has_variable(text: &str) -> bool {
    text.split('$').skip(1).any(|after| {
        after.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '{' | '('))
    })
}

/// Whether something like `{home}` stands in the text.
fn has_brace_word(text: &str) -> bool {
    text.split('{').skip(1).any(|after| {
        after.split_once('}').is_some_and(|(word, _)| {
            !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic() || c == '-')
        })
    })
}

impl Written for Location {
    const WHAT: &'static str = "a path on the host";
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;
    use alloc::string::ToString as _;

    use super::*;

    fn places() -> Places {
        Places {
            home: Some("/home/me".to_owned()),
            project: None,
            manifest_folder: "/srv/manifests".to_owned(),
            own_folders: Vec::new(),
            manifest_path: "/srv/manifests/notes.toml".to_owned(),
        }
    }

    #[track_caller]
    fn check_placed(text: &str, want: Result<&str, Unplaced>) {
        let got = text
            .parse::<Location>()
            .map_err(Unplaced::Invalid)
            .and_then(|location| location.place(&places()))
            .map(|path| path.to_string());
        assert_eq!(got, want.map(ToOwned::to_owned), "{text:?}");
    }

    #[test]
    fn a_placeholder_stands_at_the_start() {
        check_placed("~", Ok("/home/me"));
        check_placed("~/notes/", Ok("/home/me/notes"));
        check_placed("{config}", Ok("/srv/manifests"));
        check_placed("{config}/x", Ok("/srv/manifests/x"));
        check_placed("/data//x", Ok("/data/x"));
        check_placed("{project}/x", Err(Unplaced::NoProject));
        for wrong in [
            "~me/x",
            "{home}/x",
            "{projects}",
            "{config}x",
            "/a/{project}",
        ] {
            check_placed(wrong, Err(Unplaced::Invalid(InvalidPath::Placeholder)));
        }
    }

    #[test]
    fn a_relative_path_climbs_only_from_the_manifest() {
        check_placed("x.wasm", Ok("/srv/manifests/x.wasm"));
        check_placed("./x.wasm", Ok("/srv/manifests/x.wasm"));
        check_placed("../x.wasm", Ok("/srv/x.wasm"));
        check_placed(".//./../x.wasm", Ok("/srv/x.wasm"));
        check_placed("../../../x.wasm", Ok("/x.wasm"));
        check_placed("..x", Ok("/srv/manifests/..x"));
        for wrong in [
            "a/../x",
            "../a/../x",
            "~/../x",
            "{config}/..",
            "/..",
            "./a/..",
        ] {
            check_placed(wrong, Err(Unplaced::Invalid(InvalidPath::Parent)));
        }
    }

    #[test]
    fn nothing_is_expanded() {
        for wrong in ["$HOME/x", "/a/${X}", "/a/$(pwd)", "~/$_"] {
            check_placed(wrong, Err(Unplaced::Invalid(InvalidPath::Variable)));
        }
        check_placed("/a/5$", Ok("/a/5$"));
        check_placed("/a/{}", Ok("/a/{}"));
        check_placed("~/*.md", Err(Unplaced::Invalid(InvalidPath::Wildcard)));
        check_placed("", Err(Unplaced::Invalid(InvalidPath::Empty)));
    }
}
