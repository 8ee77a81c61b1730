//! The places on the host that no manifest can grant.

mod protected;

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};

use crate::path::{HostPath, is_within};
use crate::places::Places;
use protected::{ENGINE_SOCKETS, HOME_PARENTS, IN_HOME, Kind, ON_HOST, PROGRAMS, Reach};

/// Why a path cannot be granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong with it, after "cannot be granted:".
    pub reason: String,
    /// What to grant instead.
    pub help: String,
}

/// Whether a path on the host is refused whatever the manifest says.
///
/// The answer is about names alone. So it is asked twice: about the path as written, and about
/// the path that it leads to once links are followed, with the links in `places` followed too.
/// A grant that is, contains or (for all but whole homes and `/etc`) lies inside a protected
/// place is refused.
pub fn refused_source(path: &str, places: &Places) -> Option<Refusal> {
    let path = match path.parse::<HostPath>() {
        Ok(path) => path,
        Err(error) => {
            let help = "name an absolute path".to_owned();
            return Some(Refusal {
                reason: error.to_string(),
                help,
            });
        }
    };
    let path = path.as_str();
    engine_socket(path)
        .or_else(|| on_host(path))
        .or_else(|| whole_home(path, places))
        .or_else(|| in_home(path, places))
        .or_else(|| own_folder(path, places))
}

/// Whether a path on the host, if it can be read, must all the same not be written: it holds the
/// manifest or its lock, or the host's programs.
///
/// Asked twice, as [`refused_source`] is.
pub fn refused_write(path: &str, places: &Places) -> Option<Refusal> {
    holds_manifest(path, places).or_else(|| {
        PROGRAMS
            .iter()
            .find(|folder| is_within(path, folder))
            .map(|folder| Refusal {
                reason: format!("`{folder}` holds the programs that the host runs"),
                help: "grant it with `access = \"read\"`, or another folder".to_owned(),
            })
    })
}

/// Whether a server that writes this path could change its own manifest or lock.
pub(crate) fn holds_manifest(path: &str, places: &Places) -> Option<Refusal> {
    let manifest = places.manifest_path.as_str();
    let folder = manifest.rsplit_once('/').map_or("", |(folder, _)| folder);
    let locks = [format!("{folder}/brig.lock"), places.lock_path()];
    let held = [manifest, &locks[0], &locks[1]]
        .into_iter()
        .find(|held| is_within(held, path))?;
    Some(Refusal {
        reason: format!("writing it would change `{held}`, which says what the server may do"),
        help: "keep the manifest outside, or grant a folder beside it".to_owned(),
    })
}

/// A socket is recognised by its name wherever it lies: engines let users move it.
fn engine_socket(path: &str) -> Option<Refusal> {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    ENGINE_SOCKETS
        .contains(&name)
        .then(|| refusal(path, path, Kind::Engine))
}

fn on_host(path: &str) -> Option<Refusal> {
    ON_HOST
        .iter()
        .find(|(place, _, reach)| match reach {
            Reach::Whole => is_within(place, path),
            Reach::Inside => is_within(place, path) || is_within(path, place),
            Reach::InsideExcept(open) => {
                (is_within(place, path) || is_within(path, place))
                    && !(is_within(path, open) && path != *open)
            }
        })
        .map(|(place, kind, _)| refusal(path, place, *kind))
}

fn whole_home(path: &str, places: &Places) -> Option<Refusal> {
    let own = places.home.as_deref().filter(|home| is_within(home, path));
    own.or_else(|| home_of_anyone(path).filter(|home| *home == path))
        .map(|home| refusal(path, home, Kind::Home))
}

/// The home that a path lies in by the custom of where homes are, whoever's it is.
fn home_of_anyone(path: &str) -> Option<&str> {
    HOME_PARENTS.iter().find_map(|parent| {
        let below = path.strip_prefix(parent)?.strip_prefix('/')?;
        let name = below.split_once('/').map_or(below, |(name, _)| name);
        Some(&path[..parent.len() + 1 + name.len()])
    })
}

fn in_home(path: &str, places: &Places) -> Option<Refusal> {
    let homes = [places.home.as_deref(), home_of_anyone(path), Some("/root")];
    homes.into_iter().flatten().find_map(|home| {
        let below = path
            .strip_prefix(home.trim_end_matches('/'))?
            .strip_prefix('/')?;
        IN_HOME
            .iter()
            .find(|(place, _)| is_within(place, below) || is_within(below, place))
            .map(|(place, kind)| {
                refusal(
                    path,
                    &format!("{}/{place}", home.trim_end_matches('/')),
                    *kind,
                )
            })
    })
}

fn own_folder(path: &str, places: &Places) -> Option<Refusal> {
    places
        .own_folders
        .iter()
        .find(|own| is_within(own, path) || is_within(path, own))
        .map(|own| refusal(path, own, Kind::Own))
}

fn refusal(path: &str, place: &str, kind: Kind) -> Refusal {
    let what = kind.what();
    let reason = if path == place {
        format!("it {what}")
    } else if is_within(path, place) {
        format!("it lies in `{place}`, which {what}")
    } else {
        format!("it contains `{place}`, which {what}")
    };
    Refusal {
        reason,
        help: kind.help().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;
    use alloc::vec;

    use super::*;

    fn places(home: Option<&str>) -> Places {
        Places {
            home: home.map(ToOwned::to_owned),
            project: None,
            manifest_folder: "/srv/manifests".to_owned(),
            own_folders: vec!["/srv/brig/state".to_owned()],
            manifest_path: "/srv/manifests/notes.toml".to_owned(),
        }
    }

    #[track_caller]
    fn check(home: Option<&str>, path: &str, want: Option<&str>) {
        let got = refused_source(path, &places(home)).map(|refusal| refusal.reason);
        match (&got, want) {
            (Some(reason), Some(start)) => assert!(reason.starts_with(start), "{path}: {reason}"),
            (Some(_), None) | (None, _) => assert_eq!(got.as_deref(), want, "{path}"),
        }
    }

    #[test]
    fn a_home_is_refused_wherever_it_lies() {
        check(Some("/srv/me"), "/srv/me", Some(&is(Kind::Home)));
        check(Some("/srv/me"), "/srv", Some("it contains "));
        check(Some("/srv/me"), "/srv/me/notes", None);
        check(Some("/srv/me"), "/srv/me/.ssh/id", Some("it lies in "));
        check(Some("/srv/me"), "/srv/you/.ssh/id", None);
        check(None, "/home/you", Some(&is(Kind::Home)));
        check(None, "/home/you/notes", None);
        check(None, "/home/you/.ssh", Some(&is(Kind::Credentials)));
        check(None, "/var/home/you/.ssh", Some(&is(Kind::Credentials)));
        check(None, "/root/notes", None);
        check(None, "/root/.config", Some("it contains "));
        check(Some("/"), "/.ssh", Some(&is(Kind::Credentials)));
        check(Some("/"), "/notes", None);
    }

    #[test]
    fn a_place_of_the_host_is_refused_as_far_as_it_reaches() {
        check(None, "/", Some(&is(Kind::Root)));
        check(None, "/etc", Some(&is(Kind::System)));
        check(None, "/etc/ssl", Some("it contains "));
        check(None, "/etc/ssl/certs", None);
        check(None, "/proc/1/root/notes", Some("it lies in "));
        check(None, "/var/lib", Some("it contains "));
        check(None, "/run/media", Some("it lies in "));
        check(None, "/run/media/me", None);
        check(None, "/srv/x/podman.sock", Some(&is(Kind::Engine)));
        check(None, "/srv/brig", Some("it contains "));
        check(None, "/srv/brig/state/x", Some("it lies in "));
        check(None, "/srv/brig/statement", None);
        check(None, "relative", Some("it is not absolute"));
    }

    fn is(kind: Kind) -> String {
        format!("it {}", kind.what())
    }

    #[track_caller]
    fn check_write(path: &str, want: bool) {
        assert_eq!(refused_write(path, &places(None)).is_some(), want, "{path}");
    }

    #[test]
    fn what_says_the_rights_cannot_be_written() {
        check_write("/srv/manifests", true);
        check_write("/srv", true);
        check_write("/srv/manifests/notes.toml", true);
        check_write("/srv/manifests/brig.lock", true);
        check_write("/srv/manifests/notes.lock", true);
        check_write("/srv/manifests/other.lock", false);
        check_write("/srv/manifests/notes", false);
        check_write("/srv/manifests/notes.toml.d", false);
        check_write("/usr/lib", true);
        check_write("/usrs", false);
    }
}
