//! Paths: on the host, in the cell, and as a manifest writes them.

mod written;

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use crate::fault::FaultCode;
use crate::manifest::{Teach, Written};
use crate::wording::{Quoted, hidden};

pub(crate) use written::{Location, Unplaced};

/// The longest path that Linux takes, with its final NUL.
const PATH_BYTES_MAX: usize = 4095;

/// The longest name in a path that any usual file system takes.
const NAME_BYTES_MAX: usize = 255;

/// The places in the cell that brig makes itself.
pub(crate) const RESERVED_TARGETS: &[&str] = &["/.brig", "/proc", "/sys", "/dev"];

/// A path on the host: absolute, without `.`, `..`, empty names or a slash at its end, and
/// without characters that cannot be seen. Links in it are not followed yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPath(String);

impl HostPath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Drops `.`, empty names and the last slash; refuses `..`, since only the kernel knows where it
/// leads when a name before it is a link.
impl FromStr for HostPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        normal(text).map(Self)
    }
}

/// A path in the cell: absolute and in its shortest spelling; not `/` and not where brig's own
/// mounts are (`/.brig`, `/proc`, `/sys`, `/dev`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GuestPath(String);

impl GuestPath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GuestPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for GuestPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let normal = normal(text)?;
        if normal == "/" {
            return Err(InvalidPath::Reserved("/"));
        }
        match RESERVED_TARGETS
            .iter()
            .find(|reserved| is_within(&normal, reserved))
        {
            Some(reserved) => Err(InvalidPath::Reserved(reserved)),
            None if normal == text => Ok(Self(normal)),
            None => Err(InvalidPath::NotShortest(normal)),
        }
    }
}

impl Written for GuestPath {
    const WHAT: &'static str = "a place in the cell";
}

/// Whether a normal path is the other one or lies below it.
pub(crate) fn is_within(path: &str, outer: &str) -> bool {
    match path.strip_prefix(outer) {
        Some(rest) => rest.is_empty() || rest.starts_with('/') || outer.ends_with('/'),
        None => false,
    }
}

/// The one spelling of an absolute path.
fn normal(text: &str) -> Result<String, InvalidPath> {
    if text.is_empty() {
        return Err(InvalidPath::Empty);
    }
    if let Some(letter) = hidden(text) {
        return Err(InvalidPath::Hidden(letter));
    }
    if !text.starts_with('/') {
        return Err(InvalidPath::NotAbsolute);
    }
    let mut path = String::with_capacity(text.len());
    for name in text.split('/').filter(|name| !matches!(*name, "" | ".")) {
        if name == ".." {
            return Err(InvalidPath::Parent);
        }
        if name.len() > NAME_BYTES_MAX {
            return Err(InvalidPath::TooLong);
        }
        path.push('/');
        path.push_str(name);
    }
    if path.len() > PATH_BYTES_MAX {
        return Err(InvalidPath::TooLong);
    }
    if path.is_empty() {
        path.push('/');
    }
    Ok(path)
}

/// Why a text is not a path of the kind that is needed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// There is no character.
    #[error("it is empty")]
    Empty,
    /// It does not start at the root.
    #[error("it is not absolute")]
    NotAbsolute,
    /// It has `..`.
    #[error("it has `..`, which leads elsewhere once links are followed")]
    Parent,
    /// It has a character that cannot be seen.
    #[error("it has the hidden character {0:?}")]
    Hidden(char),
    /// No kernel takes it.
    #[error("it is longer than {PATH_BYTES_MAX} bytes or has a name longer than {NAME_BYTES_MAX}")]
    TooLong,
    /// It has another, shorter spelling, which this carries.
    #[error("it is not in its shortest spelling")]
    NotShortest(String),
    /// It is or lies in a place that brig makes.
    #[error("`{0}` in the cell is brig's own")]
    Reserved(&'static str),
    /// It has `*`.
    #[error("it has a wildcard")]
    Wildcard,
    /// It has a `$` that a shell would expand.
    #[error("it has a variable, and brig expands none")]
    Variable,
    /// It starts with `~` and a user's name, or has a brace word that is no placeholder, or one
    /// that is not at the start.
    #[error("it has a placeholder that does not exist or stands elsewhere than at the start")]
    Placeholder,
}

impl Teach for InvalidPath {
    fn code(&self) -> FaultCode {
        match self {
            Self::Empty
            | Self::NotAbsolute
            | Self::Parent
            | Self::NotShortest(_)
            | Self::Wildcard => FaultCode::InvalidPath,
            Self::TooLong => FaultCode::TooLong,
            Self::Hidden(_) => FaultCode::HiddenCharacter,
            Self::Reserved(_) => FaultCode::ReservedTarget,
            Self::Variable => FaultCode::NoExpansion,
            Self::Placeholder => FaultCode::UnknownPlaceholder,
        }
    }

    fn help(&self) -> String {
        let help = match self {
            Self::Empty => "write a path",
            Self::NotAbsolute => {
                "start it with `/`; on the host also with `~`, `{project}` or `{config}`, the \
                 manifest's folder"
            }
            Self::Parent => "write the folder that it leads to",
            Self::Hidden(_) => "type the path anew",
            Self::TooLong => "grant a folder further up, or move it",
            Self::NotShortest(shortest) => return format!("write {}", Quoted(shortest)),
            Self::Reserved(_) => "choose another place, such as `/data`",
            Self::Wildcard => "name the folder: a grant covers everything below it",
            Self::Variable => "write the path out, or start it with `~`, `{project}` or `{config}`",
            Self::Placeholder => {
                "`~`, `{project}` and `{config}` exist, each at the start, alone or before `/`"
            }
        };
        help.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;
    use alloc::string::ToString as _;

    use super::*;

    #[track_caller]
    fn check_host(text: &str, want: Result<&str, InvalidPath>) {
        let got = text.parse::<HostPath>().map(|path| path.to_string());
        assert_eq!(got, want.map(ToOwned::to_owned), "{text:?}");
    }

    #[test]
    fn a_host_path_has_one_spelling() {
        check_host("/a/b", Ok("/a/b"));
        check_host("//a/./b/", Ok("/a/b"));
        check_host("/", Ok("/"));
        check_host("/a b/ü", Ok("/a b/ü"));
        check_host("", Err(InvalidPath::Empty));
        check_host("a", Err(InvalidPath::NotAbsolute));
        check_host("/a/../b", Err(InvalidPath::Parent));
        check_host("/a\n", Err(InvalidPath::Hidden('\n')));
        check_host("/a\u{202e}b", Err(InvalidPath::Hidden('\u{202e}')));
        check_host(&"/a".repeat(2048), Err(InvalidPath::TooLong));
        check_host(
            &alloc::format!("/{}", "n".repeat(256)),
            Err(InvalidPath::TooLong),
        );
    }

    #[track_caller]
    fn check_guest(text: &str, want: Result<&str, InvalidPath>) {
        let got = text.parse::<GuestPath>().map(|path| path.to_string());
        assert_eq!(got, want.map(ToOwned::to_owned), "{text:?}");
    }

    #[test]
    fn a_guest_path_is_written_in_its_shortest_spelling() {
        check_guest("/notes", Ok("/notes"));
        check_guest("/device", Ok("/device"));
        check_guest("/", Err(InvalidPath::Reserved("/")));
        check_guest("/./", Err(InvalidPath::Reserved("/")));
        check_guest("/dev", Err(InvalidPath::Reserved("/dev")));
        check_guest("/proc/self", Err(InvalidPath::Reserved("/proc")));
        check_guest("/.brig/x", Err(InvalidPath::Reserved("/.brig")));
        check_guest(
            "/notes/",
            Err(InvalidPath::NotShortest("/notes".to_owned())),
        );
        check_guest("notes", Err(InvalidPath::NotAbsolute));
    }

    #[track_caller]
    fn check_within(path: &str, outer: &str, want: bool) {
        assert_eq!(is_within(path, outer), want, "{path} in {outer}");
    }

    #[test]
    fn names_are_compared_whole() {
        check_within("/a/b", "/a", true);
        check_within("/a", "/a", true);
        check_within("/ab", "/a", false);
        check_within("/a", "/a/b", false);
        check_within("/a", "/", true);
    }
}
