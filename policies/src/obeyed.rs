//! What the host obeys inside a folder: files that programs outside every cell run or take orders
//! from, merely because somebody enters the folder, opens it in an editor or an agent, or uses git
//! there.
//!
//! Whoever writes such a file acts outside the cell, with the caller's rights, so inside a write
//! grant it stays as it is unless the manifest names it. The line is drawn at what nobody has to
//! ask for. A `Makefile`, a `package.json` or a test is what the user runs when they run the
//! project, and is what a server with a write grant is there to change.

mod names;

use names::{GIT_PARTS, Kind, NAMES};

/// Why the host obeys an entry of a folder, to be read after "because"; nothing where it does not.
///
/// `folder` is absolute, with its links followed, so that a grant of `.git` itself is known by its
/// name. Names count whatever their case: some file systems do not tell one from the other.
pub fn obeyed(folder: &str, is_git_folder: bool, name: &str) -> Option<&'static str> {
    let part = is_git_folder && GIT_PARTS.iter().any(|part| part.eq_ignore_ascii_case(name));
    let kind = NAMES
        .iter()
        .find(|(above, own, _)| own.eq_ignore_ascii_case(name) && is_in(folder, above))
        .map(|(_, _, kind)| *kind)
        .or_else(|| part.then_some(Kind::Git))?;
    Some(kind.why())
}

/// Whether a folder with these entries is one that git takes for a repository, whatever its name:
/// a bare one, that of a submodule, or that of a worktree. All of it is obeyed then, for
/// [`GIT_FOLDER`]'s reason: git looks for settings at several places in it, and takes some from
/// files that a server could make there.
pub fn is_git_folder(has: impl Fn(&str) -> bool) -> bool {
    has("HEAD") && (has("commondir") || has("objects") && has("refs"))
}

/// Why the host obeys a whole repository of git.
pub const GIT_FOLDER: &str = Kind::Git.why();

/// Every name that [`obeyed`] knows, for whoever looks for them one by one.
pub fn obeyed_names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().map(|(_, name, _)| *name)
}

/// The parts of a repository of git that it obeys even where the repository as a whole is named.
pub fn git_parts() -> impl Iterator<Item = &'static str> {
    GIT_PARTS.iter().copied()
}

/// Whether a path ends with this folder's name, or names.
fn is_in(folder: &str, above: &str) -> bool {
    let start = folder.len().checked_sub(above.len() + 1);
    let end = start.and_then(|start| folder.get(start..));
    let name = end.and_then(|end| end.strip_prefix('/'));
    above.is_empty() || name.is_some_and(|name| name.eq_ignore_ascii_case(above))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(folder: &str, is_git_folder: bool, name: &str, want: Option<Kind>) {
        let got = obeyed(folder, is_git_folder, name);
        assert_eq!(got, want.map(Kind::why), "{folder} {name}");
    }

    #[test]
    fn a_name_is_obeyed_in_every_folder() {
        check("/srv/p", false, ".git", Some(Kind::Git));
        check("/srv/p/a/b", false, ".git", Some(Kind::Git));
        check("/srv/p", false, ".GIT", Some(Kind::Git));
        check("/srv/p", false, ".envrc", Some(Kind::Shell));
        check("/srv/p", false, ".vscode", Some(Kind::Editor));
        check("/srv/p", false, ".mcp.json", Some(Kind::Agent));
        check("/srv/p", false, "agents.md", Some(Kind::Agent));
        check("/srv/p", false, "Makefile", None);
        check("/srv/p", false, "package.json", None);
        check("/srv/p", false, "git", None);
        check("/srv/p", false, ".git2", None);
        check("/srv/p", false, "", None);
    }

    #[test]
    fn a_longer_place_is_obeyed_below_its_folder() {
        let name = "copilot-instructions.md";
        check("/srv/p/.github", false, name, Some(Kind::Agent));
        check("/.github", false, name, Some(Kind::Agent));
        check("/srv/p", false, name, None);
        check("/srv/p/x.github", false, name, None);
        check("/srv/p/.github/x", false, name, None);
        check("", false, name, None);
        check("/é", false, name, None);
    }

    #[test]
    fn parts_of_a_repository_are_obeyed_in_it_alone() {
        for part in GIT_PARTS {
            check("/srv/p/.git", true, part, Some(Kind::Git));
            check("/srv/p", false, part, None);
        }
        check("/srv/p/.git", true, "index", None);
        check("/srv/p/.git", true, "objects", None);
    }

    #[track_caller]
    fn check_folder(entries: &[&str], want: bool) {
        assert_eq!(is_git_folder(|name| entries.contains(&name)), want);
    }

    #[test]
    fn a_repository_is_known_by_its_shape() {
        check_folder(&["HEAD", "objects", "refs"], true);
        check_folder(&["HEAD", "commondir"], true);
        check_folder(&["HEAD", "refs"], false);
        check_folder(&["objects", "refs"], false);
        check_folder(&[], false);
    }

    #[test]
    fn each_place_is_listed_once_and_found() {
        for (count, (above, name, kind)) in NAMES.iter().enumerate() {
            let mut before = NAMES[..count].iter();
            assert!(
                before.all(|(other, same, _)| (other, same) != (above, name)),
                "{above}/{name}"
            );
            check(&alloc::format!("/srv/{above}"), false, name, Some(*kind));
        }
    }
}
