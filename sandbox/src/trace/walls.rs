//! What a path means in a cell, by the plan alone: which mount it lies in, and what may be done
//! there.
//!
//! The kernel decides, and this only tells why: names are compared, and whoever knows the host
//! looks at what is there.

use super::Want;
use crate::cell::{Access, Exec, Mount, within};
use serde::{Deserialize, Serialize};

/// How often a link of the root may lead on, as in the kernel (path_resolution(7)).
const LINKS_MAX: usize = 40;

/// What stands at a path of the cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What is the cell's own: processes, devices, and folders on the way to a mount.
    Own,
    /// Memory of the cell's own, in which something may have been made.
    Memory,
    /// A part of the host.
    Shown {
        /// Where it lies on the host.
        host: String,
        /// What of the host is shown there.
        source: String,
        /// What may not be done with it, of what is wanted.
        lacking: Option<Lacking>,
    },
    /// Nothing of this cell.
    Absent,
}

/// What may not be done with a part of the host that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lacking {
    /// To write into what is granted for reading, or stays read-only in what is granted for
    /// writing.
    Write,
    /// To run what is granted without that.
    Run,
    /// To write into the system or the image.
    System,
}

/// The mounts of a cell.
#[derive(Clone, Copy, Debug)]
pub struct Walls<'m>(pub &'m [Mount]);

impl Walls<'_> {
    /// What stands at an absolute path, for what is wanted of it. `..` leads to the folder above,
    /// by its name.
    pub fn standing(&self, path: &str, want: Want) -> Standing {
        let mut path = normal(path);
        for _ in 0..LINKS_MAX {
            match self.through(&path) {
                Some(next) => path = next,
                None => return self.stands(&path, want),
            }
        }
        Standing::Absent
    }

    /// Where a link of the root leads on this path, if one lies on it.
    fn through(&self, path: &str) -> Option<String> {
        self.0.iter().find_map(|mount| {
            let Mount::Link { at, to } = mount else {
                return None;
            };
            let rest = path.strip_prefix(at.as_str())?;
            if !within(path, at) {
                return None;
            }
            let folder = at.rsplit_once('/').map_or("", |(folder, _)| folder);
            let whole = if to.starts_with('/') {
                format!("{to}{rest}")
            } else {
                format!("{folder}/{to}{rest}")
            };
            Some(normal(&whole))
        })
    }

    fn stands(&self, path: &str, want: Want) -> Standing {
        let is_image = |mount: &&Mount| matches!(mount, Mount::Image { .. });
        let covers = |mount: &&Mount| is_image(mount) || within(path, mount.at());
        // The later of two at one place lies over the other.
        let length = |mount: &&Mount| if is_image(mount) { 0 } else { mount.at().len() };
        let covering = self.0.iter().filter(covers).max_by_key(length);
        let is_on_the_way = || self.0.iter().any(|mount| within(mount.at(), path)) || path == "/";
        match covering.map(|mount| shown(mount, path, want)) {
            Some(Standing::Absent) | None if is_on_the_way() => Standing::Own,
            Some(standing) => standing,
            None => Standing::Absent,
        }
    }
}

/// What a mount has at a path that it covers.
fn shown(mount: &Mount, path: &str, want: Want) -> Standing {
    let part = |source: &str, lacking: Option<Lacking>| {
        let at = mount.at().trim_end_matches('/');
        let rest = path.strip_prefix(at).unwrap_or_default();
        let rest = if rest == "/" { "" } else { rest };
        Standing::Shown {
            host: format!("{source}{rest}"),
            source: source.to_owned(),
            lacking,
        }
    };
    let system = (want == Want::Write).then_some(Lacking::System);
    let unrun = |exec: Exec| (want == Want::Run && exec == Exec::Denied).then_some(Lacking::Run);
    match mount {
        Mount::Grant {
            source,
            access,
            exec,
            ..
        } => {
            let unwritten = want == Want::Write && *access == Access::Read;
            part(source, unwritten.then_some(Lacking::Write).or(unrun(*exec)))
        }
        Mount::Held { source, exec, .. } => {
            let unwritten = (want == Want::Write).then_some(Lacking::Write);
            part(source, unwritten.or(unrun(*exec)))
        }
        // What lies in such a folder can be changed, unless it is held itself.
        Mount::Kept { source, exec, .. } => part(source, unrun(*exec)),
        Mount::Program { source, .. }
        | Mount::System { source, .. }
        | Mount::Image { source, .. } => part(source, system),
        Mount::Processes { .. } | Mount::Secrets { .. } => Standing::Own,
        Mount::Scratch { at, .. } if at == path => Standing::Own,
        Mount::Scratch { .. } => Standing::Memory,
        Mount::Link { .. }
        | Mount::Folder { .. }
        | Mount::Text { .. }
        | Mount::Device { .. }
        | Mount::Shown { .. }
        | Mount::Volume { .. } => {
            if mount.at() == path {
                Standing::Own
            } else {
                Standing::Absent
            }
        }
    }
}

/// The same path without `.`, `..` and empty parts.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::{GrantKind, Links, Readers};

    fn grant(source: &str, at: &str, access: Access, exec: Exec) -> Mount {
        Mount::Grant {
            source: source.to_owned(),
            at: at.to_owned(),
            kind: GrantKind::Directory,
            access,
            exec,
            links: Links::Denied,
        }
    }

    fn mounts() -> Vec<Mount> {
        let text = str::to_owned;
        vec![
            Mount::System {
                source: text("/usr"),
                at: text("/usr"),
                kind: GrantKind::Directory,
                readers: Readers::All,
            },
            Mount::Link {
                at: text("/bin"),
                to: text("usr/bin"),
            },
            Mount::Text {
                at: text("/etc/passwd"),
                text: text(""),
            },
            Mount::Scratch {
                at: text("/tmp"),
                bytes_max: 1,
                inodes_max: 1,
            },
            grant(
                "/home/me/notes",
                "/home/me/notes",
                Access::Read,
                Exec::Denied,
            ),
            grant("/srv/job", "/job", Access::Write, Exec::Allowed),
            Mount::Held {
                source: text("/srv/job/.git"),
                at: text("/job/.git"),
                exec: Exec::Denied,
                why: String::new(),
            },
        ]
    }

    #[track_caller]
    fn check(path: &str, want: Want, expected: &str) {
        check_in(&mounts(), path, want, expected);
    }

    #[track_caller]
    fn check_in(mounts: &[Mount], path: &str, want: Want, expected: &str) {
        let found = match Walls(mounts).standing(path, want) {
            Standing::Own => "own".to_owned(),
            Standing::Memory => "memory".to_owned(),
            Standing::Absent => "absent".to_owned(),
            Standing::Shown {
                host,
                lacking: None,
                ..
            } => host,
            Standing::Shown {
                host,
                lacking: Some(lacking),
                ..
            } => format!("{host} without {lacking:?}"),
        };
        assert_eq!(found, expected, "{path} {want:?}");
    }

    #[test]
    fn a_path_stands_where_the_innermost_mount_has_it() {
        use Want::{Read, Run, Write};
        check("/home/me/notes/a", Read, "/home/me/notes/a");
        check("/home/me/notes", Read, "/home/me/notes");
        check("/home/me/notes/a", Write, "/home/me/notes/a without Write");
        check("/home/me/notes/a", Run, "/home/me/notes/a without Run");
        check("/home/me/notes/../other", Read, "absent");
        check("/home/me/notesome", Read, "absent");
        check("/home/me", Read, "own");
        check("/", Read, "own");
        check("//job/./a", Write, "/srv/job/a");
        check("/job/a", Run, "/srv/job/a");
        check(
            "/job/.git/config",
            Write,
            "/srv/job/.git/config without Write",
        );
        check("/job/.git/config", Read, "/srv/job/.git/config");
        check("/bin/sh", Run, "/usr/bin/sh");
        check("/usr/lib/new", Write, "/usr/lib/new without System");
        check("/tmp/any", Write, "memory");
        check("/tmp", Read, "own");
        check("/etc/passwd", Read, "own");
        check("/etc", Read, "own");
        check("/etc/shadow", Read, "absent");
        check("/etc/passwd/x", Read, "absent");
        check("/srv/job", Read, "absent");
    }

    #[test]
    fn an_image_is_below_everything_else() {
        let image = Mount::Image {
            source: "/store/x".to_owned(),
            top: [].into(),
            ways: [].into(),
        };
        let mut all = vec![image];
        all.extend(mounts());
        check_in(&all, "/app/a", Want::Read, "/store/x/app/a");
        check_in(&all, "/app/a", Want::Write, "/store/x/app/a without System");
        check_in(&all, "/job/a", Want::Write, "/srv/job/a");
        check_in(&all, "/", Want::Read, "/store/x");
    }

    #[test]
    fn links_that_lead_in_a_circle_end() {
        let link = |at: &str, to: &str| Mount::Link {
            at: at.to_owned(),
            to: to.to_owned(),
        };
        let circle = [link("/a", "/b"), link("/b", "a")];
        check_in(&circle, "/a/x", Want::Read, "absent");
    }
}
