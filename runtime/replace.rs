//! Files that are there whole or not at all.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

/// Writes beside and renames, so that whatever happens the old content is there or the new. With
/// these permissions, or else as any new file.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: Option<u32>) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".brig-{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    if let Some(mode) = mode {
        options.mode(mode);
    }
    let mut file = options.open(&beside)?;
    // What the umask took off is given back.
    let allowed = mode.map_or(Ok(()), |mode| {
        file.set_permissions(Permissions::from_mode(mode))
    });
    let written = allowed
        .and_then(|()| file.write_all(bytes))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}
