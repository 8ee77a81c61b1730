//! The settings of this host: where they are, and whether they can be believed.
//!
//! Whoever can write them decides how much manifests get, so a file that another user could have
//! written is refused and not passed over, and so is one that cannot be read: without it a server
//! would get more than this host allows.

use crate::exit::Exit;
use crate::places::{PlacesError, home_text, settings_path};
use crate::report::Refused;
use brig_policies::{
    Block, Ceiling, HostReach, Places, ProxyAddress, SecretPlace, Settings, TEXT_BYTES_MAX,
    read_settings,
};
use brig_sandbox::egress::ranges::Wanted;
use rustix::fs::{Mode, OFlags};
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use thiserror::Error;

/// Settings that were read and have no faults.
#[derive(Debug)]
pub struct Found {
    /// Where they are.
    pub path: String,
    /// What they say.
    pub settings: Settings,
    /// What they say of how others are reached.
    pub outward: Outward,
}

/// How this host reaches others.
#[derive(Clone, Debug)]
pub struct Outward {
    /// Where addresses may lie that stand for names in a cell.
    pub ranges: Wanted,
    /// The proxy by which others are reached, where there is one.
    pub proxy: Option<ProxyAddress>,
    /// The blocks with which the resolver answers in place of real addresses.
    pub fake: Vec<Block>,
}

impl Outward {
    /// A host whose settings say nothing of it.
    pub fn usual() -> Self {
        Self {
            ranges: Wanted::usual(),
            proxy: None,
            fake: Vec::new(),
        }
    }

    /// What the settings say; those of this text.
    fn of(reach: &HostReach, path: &str, text: &str) -> Result<Self, Refused> {
        let unfit = |block, is_v4| {
            let (v4, v6) = if is_v4 {
                (vec![block], Vec::new())
            } else {
                (Vec::new(), vec![block])
            };
            Wanted::new(v4, v6).err().map(|unfit| unfit.to_string())
        };
        if let Some(faults) = reach.unfit_in(text, unfit) {
            return Err(Refused::settings(faults, path, text));
        }
        let usual = Wanted::usual();
        let v4 = reach.virtual_v4().unwrap_or_else(|| usual.v4().to_vec());
        let v6 = reach.virtual_v6().unwrap_or_else(|| usual.v6().to_vec());
        // Each block was asked about just now.
        let ranges = Wanted::new(v4, v6).map_err(|unfit| {
            let message = format!("cannot {unfit}");
            Refused::one(Exit::Manifest, "settings-unreadable", message, "")
        })?;
        Ok(Self {
            ranges,
            proxy: reach.proxy().cloned(),
            fake: reach.fake().to_vec(),
        })
    }
}

/// Why settings cannot be believed.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// There is no such file, or this user may not read it.
    #[error("read the settings `{path}`: {source}")]
    Unreadable {
        /// Where.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Not a file.
    #[error("read the settings `{0}`: it is no regular file")]
    NotFile(String),
    /// Not TOML for sure.
    #[error("read the settings `{0}`: it is not UTF-8")]
    NotText(String),
    /// It, or the folder that it lies in, is another user's.
    #[error("trust the settings: `{path}` belongs to the user {owner}")]
    Owner {
        /// The file or its folder.
        path: String,
        /// Whose it is.
        owner: u32,
    },
    /// It, or the folder that it lies in, can be written by other users.
    #[error("trust the settings: others may write `{path}` (mode {mode:o})")]
    Writable {
        /// The file or its folder.
        path: String,
        /// Its permissions.
        mode: u32,
    },
}

impl SettingsError {
    fn help(&self) -> String {
        match self {
            Self::Unreadable { .. } | Self::NotFile(_) => {
                "make it a file that you can read, or take it away: brig does not start without \
                 knowing its ceiling"
                    .to_owned()
            }
            Self::NotText(_) => "write it as TOML, in UTF-8".to_owned(),
            Self::Owner { path, .. } => {
                format!("it has to be yours or root's: look at what it says, then `chown` `{path}`")
            }
            Self::Writable { path, .. } => {
                format!("look at what it says, then `chmod go-w` `{path}`")
            }
        }
    }
}

impl From<SettingsError> for Refused {
    fn from(error: SettingsError) -> Self {
        let code = match error {
            SettingsError::Unreadable { .. }
            | SettingsError::NotFile(_)
            | SettingsError::NotText(_) => "settings-unreadable",
            SettingsError::Owner { .. } | SettingsError::Writable { .. } => "settings-untrusted",
        };
        Self::one(
            Exit::Manifest,
            code,
            format!("cannot {error}"),
            &error.help(),
        )
    }
}

impl Found {
    /// The ceiling of one start, with the links in its folders followed.
    pub fn ceiling(&self, places: &Places) -> Ceiling {
        self.settings.ceiling(&self.path, places).followed(&lead)
    }
}

/// The files that the settings name as places of secrets.
pub(crate) fn files_of_secrets(settings: Option<&Settings>) -> Vec<String> {
    let home = home_text();
    let sources = settings.and_then(Settings::secrets).unwrap_or_default();
    let files = sources.iter().flat_map(|source| match source.place() {
        SecretPlace::File { path, identity } => vec![Some(path), identity.as_ref()],
        SecretPlace::Keyring | SecretPlace::Command { .. } | SecretPlace::Variable(_) => Vec::new(),
    });
    let places = files
        .flatten()
        .filter_map(|file| file.place(home.as_deref()));
    places.collect()
}

/// Where a path leads, if it leads anywhere that can be written down.
pub(crate) fn lead(path: &str) -> Option<String> {
    let canonical = fs::canonicalize(path).ok()?;
    canonical.to_str().map(str::to_owned)
}

/// This user's settings; none where there is no such file.
pub fn find() -> Result<Option<Found>, Refused> {
    let Some(path) = settings_path().map_err(|error| unnamed(&error))? else {
        return Ok(None);
    };
    match open(&path)? {
        Some(file) => {
            trust(&path, &file)?;
            read(&path, file).map(Some)
        }
        None => Ok(None),
    }
}

/// A file as if it were the settings, whoever wrote it.
pub fn look_at(path: &Path) -> Result<Found, Refused> {
    let shown = path.display().to_string();
    match open(&shown)? {
        Some(file) => read(&shown, file),
        None => Err(unreadable(&shown, io::ErrorKind::NotFound.into()).into()),
    }
}

fn unnamed(error: &PlacesError) -> Refused {
    let help = "name a folder in UTF-8 with XDG_CONFIG_HOME";
    let message = format!("cannot {error}");
    Refused::one(Exit::Manifest, "settings-unreadable", message, help)
}

fn unreadable(path: &str, source: io::Error) -> SettingsError {
    let path = path.to_owned();
    SettingsError::Unreadable { path, source }
}

/// The file, if there is one. A link that leads nowhere was made by somebody who wants settings.
fn open(path: &str) -> Result<Option<File>, SettingsError> {
    // A FIFO would otherwise be waited for.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let absent = |path: &Path| path.symlink_metadata().is_err();
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => Ok(Some(File::from(file))),
        Err(rustix::io::Errno::NOENT) => {
            let file = Path::new(path);
            let leads_nowhere = |path: &Path| path.is_symlink() && !path.exists();
            if absent(file) && !file.parent().is_some_and(leads_nowhere) {
                return Ok(None);
            }
            Err(unreadable(path, rustix::io::Errno::NOENT.into()))
        }
        Err(errno) => Err(unreadable(path, errno.into())),
    }
}

/// Nobody but this user and root may have written the file, or may put another in its place.
fn trust(path: &str, file: &File) -> Result<(), SettingsError> {
    let about = |error| unreadable(path, error);
    trust_one(path, &file.metadata().map_err(about)?)?;
    // Where the file really lies and where it is named: either could be swapped for another.
    let lies_at = fs::canonicalize(path).map_err(about)?;
    for place in [Path::new(path), &lies_at] {
        let Some(folder) = place.parent() else {
            continue;
        };
        let shown = folder.display().to_string();
        trust_one(&shown, &fs::metadata(folder).map_err(about)?)?;
    }
    Ok(())
}

fn trust_one(path: &str, found: &Metadata) -> Result<(), SettingsError> {
    let path = path.to_owned();
    let owner = found.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(SettingsError::Owner { path, owner });
    }
    let mode = found.permissions().mode() & 0o7777;
    // In a sticky folder nobody moves away what is another's (inode(7)).
    let is_sticky = found.is_dir() && mode & 0o1000 != 0;
    if mode & 0o022 != 0 && !is_sticky {
        return Err(SettingsError::Writable { path, mode });
    }
    Ok(())
}

fn read(path: &str, file: File) -> Result<Found, Refused> {
    let about = |error| unreadable(path, error);
    if !file.metadata().map_err(about)?.is_file() {
        return Err(SettingsError::NotFile(path.to_owned()).into());
    }
    let mut bytes = Vec::new();
    // One byte more than may be: the reader then says that it is too long.
    let most = TEXT_BYTES_MAX as u64 + 1;
    file.take(most).read_to_end(&mut bytes).map_err(about)?;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        // A long text may be cut within a character, and is too long before it is no text.
        Err(error) if error.as_bytes().len() > TEXT_BYTES_MAX => {
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        }
        Err(_) => return Err(SettingsError::NotText(path.to_owned()).into()),
    };
    match read_settings(&text) {
        Ok(settings) => Ok(Found {
            path: path.to_owned(),
            outward: Outward::of(settings.reach(), path, &text)?,
            settings,
        }),
        Err(faults) => Err(Refused::settings(faults, path, &text)),
    }
}
