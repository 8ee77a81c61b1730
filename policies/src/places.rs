//! Where one machine keeps what a manifest's placeholders and refusals speak of.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The folders of one machine and one start, found by the caller.
///
/// Every path is absolute and normal. A caller that has followed symbolic links in the path that
/// it asks about gives these with their links followed too, else `/home/me` and the
/// `/var/home/me` that it leads to would pass for different folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// What `~` stands for; `None` where the user has no home.
    pub home: Option<String>,
    /// What `{project}` stands for; `None` where the start names no project.
    pub project: Option<String>,
    /// What `{config}` stands for, and what a relative `component` starts from: the folder that
    /// holds the manifest.
    pub manifest_folder: String,
    /// The folders of brig's own state, cache and settings.
    pub own_folders: Vec<String>,
    /// The manifest itself, which no write grant may hold.
    pub manifest_path: String,
}

impl Places {
    /// Where the lock of this manifest is, or would be: beside it, as `brig.lock` beside
    /// `brig.toml`. Several manifests in one folder have a lock each.
    pub fn lock_path(&self) -> String {
        let manifest = self.manifest_path.as_str();
        format!(
            "{}.lock",
            manifest.strip_suffix(".toml").unwrap_or(manifest)
        )
    }
}
