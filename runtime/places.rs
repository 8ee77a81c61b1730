//! Where this machine keeps what manifests and brig itself speak of (XDG base directory
//! specification).

use brig_policies::Places;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Why a path cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    /// The manifest is not there.
    #[error("read `{path}`: {source}")]
    Manifest {
        /// As given.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A path that no plan can show.
    #[error("use `{0}`: its path is not UTF-8")]
    NotText(String),
    /// No place for compiled code.
    #[error("find a place for compiled code: neither XDG_CACHE_HOME nor HOME is an absolute path")]
    NoCache,
}

/// The places for one manifest.
pub fn places(manifest: &Path, project: Option<&Path>) -> Result<Places, PlacesError> {
    let shown = manifest.display().to_string();
    let absolute = |path: &Path| {
        let found = fs::canonicalize(path);
        found.map_err(|source| PlacesError::Manifest {
            path: shown.clone(),
            source,
        })
    };
    let manifest_path = absolute(manifest)?;
    let folder = manifest_path.parent().unwrap_or(Path::new("/"));
    let project = project.map(absolute).transpose()?;
    Ok(Places {
        home: home().map(|home| text(&home)).transpose()?,
        project: project.map(|project| text(&project)).transpose()?,
        manifest_folder: text(folder)?,
        own_folders: own_folders()
            .iter()
            .map(|f| text(f))
            .collect::<Result<_, _>>()?,
        manifest_path: text(&manifest_path)?,
    })
}

/// The same places with every symbolic link followed, for asking about canonical paths.
pub fn followed(places: &Places) -> Places {
    let follow = |path: &String| {
        let canonical = fs::canonicalize(path).ok();
        canonical
            .and_then(|p| p.to_str().map(str::to_owned))
            .unwrap_or_else(|| path.clone())
    };
    Places {
        home: places.home.as_ref().map(follow),
        project: places.project.as_ref().map(follow),
        manifest_folder: follow(&places.manifest_folder),
        own_folders: places.own_folders.iter().map(follow).collect(),
        manifest_path: follow(&places.manifest_path),
    }
}

/// A path from the root, with links followed where there is something at its end.
pub(crate) fn whole(path: &Path) -> PathBuf {
    let found = fs::canonicalize(path).or_else(|_| std::path::absolute(path));
    found.unwrap_or_else(|_| path.to_owned())
}

/// The folder of the cache of compiled code.
pub fn code_cache() -> Result<PathBuf, PlacesError> {
    let cache = xdg("XDG_CACHE_HOME", ".cache").ok_or(PlacesError::NoCache)?;
    Ok(cache.join("brig/code"))
}

/// Where this user's settings would be; `None` where the user has no folder for them.
pub fn settings_path() -> Result<Option<String>, PlacesError> {
    let folder = xdg("XDG_CONFIG_HOME", ".config");
    folder
        .map(|folder| text(&folder.join("brig/config.toml")))
        .transpose()
}

/// Where this user's images lie; `None` where the user has no folder for them.
pub(crate) fn store_folder() -> Option<PathBuf> {
    Some(xdg("XDG_DATA_HOME", ".local/share")?.join("brig/images"))
}

/// Where a running server's files lie that a daemon shows to it: in memory, and gone with the
/// host's session.
pub(crate) fn run_folder() -> PathBuf {
    let own = rustix::process::geteuid().as_raw();
    if own == 0 {
        return PathBuf::from("/run/brig");
    }
    let session = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let session = session.filter(|path| path.is_absolute());
    session.map_or_else(
        || env::temp_dir().join(format!("brig-{own}")),
        |folder| folder.join("brig"),
    )
}

/// Where this user's approvals are kept; `None` where the user has no folder for them.
pub(crate) fn approvals_folder() -> Option<PathBuf> {
    Some(xdg("XDG_STATE_HOME", ".local/state")?.join("brig/approved"))
}

/// Where this user's journals are kept; `None` where the user has no folder for them.
pub(crate) fn runs_folder() -> Option<PathBuf> {
    Some(xdg("XDG_STATE_HOME", ".local/state")?.join("brig/runs"))
}

/// Where this user's secrets are kept that no keyring keeps; `None` where there is no folder for
/// them.
pub(crate) fn secrets_path() -> Option<PathBuf> {
    Some(xdg("XDG_DATA_HOME", ".local/share")?.join("brig/secrets.age"))
}

/// The identity that opens them.
pub(crate) fn identity_path() -> Option<PathBuf> {
    Some(xdg("XDG_CONFIG_HOME", ".config")?.join("brig/identity.txt"))
}

/// What `~` stands for, where it can be written down.
pub(crate) fn home_text() -> Option<String> {
    text(&home()?).ok()
}

fn own_folders() -> Vec<PathBuf> {
    let kinds = [
        ("XDG_DATA_HOME", ".local/share"),
        ("XDG_STATE_HOME", ".local/state"),
        ("XDG_CACHE_HOME", ".cache"),
        ("XDG_CONFIG_HOME", ".config"),
    ];
    kinds
        .iter()
        .filter_map(|(name, below)| Some(xdg(name, below)?.join("brig")))
        .collect()
}

fn xdg(name: &str, below_home: &str) -> Option<PathBuf> {
    let named = env::var_os(name)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    named.or_else(|| Some(home()?.join(below_home)))
}

fn home() -> Option<PathBuf> {
    env::var_os("HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

fn text(path: &Path) -> Result<String, PlacesError> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| PlacesError::NotText(path.display().to_string()))
}
