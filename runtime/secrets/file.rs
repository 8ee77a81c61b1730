//! A file of secrets, encrypted with age (age-encryption.org/v1) for one identity: for machines
//! without a desktop. Inside it is JSON, `{"brig":1,"secrets":{"NAME":[bytes]}}`.

use super::SecretError;
use crate::replace::replace;
use age::x25519::Identity;
use age::{Decryptor, IdentityFile, NoCallbacks};
use rustix::fs::{FlockOperation, Mode, OFlags};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File};
use std::io::{self, BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The longest file, in bytes: some dozens of the longest secrets.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// The longest file of an identity, in bytes.
const IDENTITY_BYTES_MAX: u64 = 64 << 10;
/// Nobody but the owner reads either file (chmod(2)).
const PRIVATE: u32 = 0o600;
/// The format of what is inside.
const FORMAT: u32 = 1;

/// A file of secrets and the identity that opens it.
#[derive(Clone, Debug)]
pub(super) struct SecretFile {
    path: PathBuf,
    identity: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inside {
    brig: u32,
    secrets: BTreeMap<String, Zeroized>,
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Zeroized(Vec<u8>);

impl Drop for Zeroized {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

impl SecretFile {
    pub(super) fn new(path: &Path, identity: &Path) -> Self {
        Self {
            path: path.to_owned(),
            identity: identity.to_owned(),
        }
    }

    /// The value of this name.
    pub(super) fn get(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, SecretError> {
        let mut secrets = self.read()?;
        let value = secrets
            .get_mut(name)
            .map(|value| std::mem::take(&mut value.0));
        Ok(value.map(Zeroizing::new))
    }

    /// The names that it has.
    pub(super) fn names(&self) -> Result<Vec<String>, SecretError> {
        Ok(self.read()?.into_keys().collect())
    }

    /// Keeps a value, in the place of one of the same name. The file and the identity are made
    /// where they are not there.
    pub(super) fn set(&self, name: &str, value: &[u8]) -> Result<(), SecretError> {
        let _turn = self.turn()?;
        if !self.identity.exists() {
            self.make_identity()?;
        }
        let mut secrets = self.read()?;
        secrets.insert(name.to_owned(), Zeroized(value.to_vec()));
        self.write(secrets)
    }

    /// Removes a value; whether there was one.
    pub(super) fn remove(&self, name: &str) -> Result<bool, SecretError> {
        if !self.path.exists() {
            return Ok(false);
        }
        let _turn = self.turn()?;
        let mut secrets = self.read()?;
        let was_there = secrets.remove(name).is_some();
        if was_there {
            self.write(secrets)?;
        }
        Ok(was_there)
    }

    fn read(&self) -> Result<BTreeMap<String, Zeroized>, SecretError> {
        let Some(file) = opened(&self.path, 0o022)? else {
            return Ok(BTreeMap::new());
        };
        let closed = |reason: String| SecretError::Closed {
            path: self.path.display().to_string(),
            reason,
        };
        let identities = self.identities()?;
        let decryptor = Decryptor::new_buffered(BufReader::new(file.take(FILE_BYTES_MAX)))
            .map_err(|error| closed(error.to_string()))?;
        let mut reader = decryptor
            .decrypt(identities.iter().map(|identity| identity.as_ref() as _))
            .map_err(|error| closed(error.to_string()))?;
        let mut text = Zeroizing::new(Vec::new());
        reader
            .read_to_end(&mut text)
            .map_err(|error| closed(error.to_string()))?;
        let inside: Inside = serde_json::from_slice(&text)
            .map_err(|_| closed("what is inside was not written by brig".to_owned()))?;
        if inside.brig != FORMAT {
            let format = inside.brig;
            return Err(closed(format!("it needs a newer brig (format {format})")));
        }
        Ok(inside.secrets)
    }

    fn identities(&self) -> Result<Vec<Box<dyn age::Identity + Send + Sync>>, SecretError> {
        let closed = |reason: String| SecretError::Closed {
            path: self.identity.display().to_string(),
            reason,
        };
        self.identity_file()?
            .into_identities()
            .map_err(|error| closed(error.to_string()))
    }

    fn identity_file(&self) -> Result<IdentityFile<NoCallbacks>, SecretError> {
        let Some(file) = opened(&self.identity, 0o077)? else {
            return Err(failed(
                "open",
                &self.identity,
                io::ErrorKind::NotFound.into(),
            ));
        };
        IdentityFile::from_buffer(BufReader::new(file.take(IDENTITY_BYTES_MAX)))
            .map_err(|error| failed("read", &self.identity, error))
    }

    fn write(&self, secrets: BTreeMap<String, Zeroized>) -> Result<(), SecretError> {
        let closed = |reason: String| SecretError::Closed {
            path: self.identity.display().to_string(),
            reason,
        };
        let recipients = self
            .identity_file()?
            .to_recipients()
            .map_err(|error| closed(error.to_string()))?;
        let recipients = recipients.iter().map(|recipient| recipient.as_ref() as _);
        let encryptor = age::Encryptor::with_recipients(recipients)
            .map_err(|error| closed(error.to_string()))?;
        let inside = Inside {
            brig: FORMAT,
            secrets,
        };
        let about = |error: io::Error| failed("write", &self.path, error);
        let text = Zeroizing::new(serde_json::to_vec(&inside).map_err(|e| about(e.into()))?);
        let mut bytes = Vec::new();
        let mut writer = encryptor.wrap_output(&mut bytes).map_err(about)?;
        writer.write_all(&text).map_err(about)?;
        writer.finish().map_err(about)?;
        replace(&self.path, &bytes, Some(PRIVATE)).map_err(about)
    }

    fn make_identity(&self) -> Result<(), SecretError> {
        use age::secrecy::ExposeSecret as _;
        let identity = Identity::generate();
        let (public, private) = (identity.to_public(), identity.to_string());
        let text = Zeroizing::new(format!(
            "# made by brig; whoever has it can read `{}`\n# public key: {public}\n{}\n",
            self.path.display(),
            private.expose_secret()
        ));
        folder_of(&self.identity)
            .and_then(|()| replace(&self.identity, text.as_bytes(), Some(PRIVATE)))
            .map_err(|error| failed("write", &self.identity, error))
    }

    /// Nobody else changes the file meanwhile.
    fn turn(&self) -> Result<OwnedFd, SecretError> {
        let about = |error: io::Error| failed("write", &self.path, error);
        folder_of(&self.path).map_err(about)?;
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(folder, flags, Mode::empty()).map_err(|e| about(e.into()))?;
        rustix::fs::flock(&folder, FlockOperation::LockExclusive).map_err(|e| about(e.into()))?;
        Ok(folder)
    }
}

fn folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// A file that is this user's or root's, and of which others have none of these permissions; none
/// where there is none.
fn opened(path: &Path, shut: u32) -> Result<Option<File>, SecretError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(failed("open", path, errno.into())),
    };
    let stat = file
        .metadata()
        .map_err(|error| failed("read", path, error))?;
    if !stat.is_file() {
        let error = io::Error::other("it is no regular file");
        return Err(failed("read", path, error));
    }
    let (owner, mode) = (stat.uid(), stat.mode() & 0o7777);
    let own = rustix::process::geteuid().as_raw();
    if ![own, 0].contains(&owner) || mode & shut != 0 {
        let path = path.display().to_string();
        return Err(SecretError::Open { path, owner, mode });
    }
    Ok(Some(file))
}

fn failed(what: &'static str, path: &Path, source: io::Error) -> SecretError {
    SecretError::File {
        what,
        path: path.display().to_string(),
        source,
    }
}
