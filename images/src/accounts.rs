//! The users and groups that an image knows, by its own `/etc/passwd` and `/etc/group`.

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::Errno;
use serde::Serialize;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use thiserror::Error;

/// Bytes of each file. Without the bound an image could take memory as it likes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What both files say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Accounts {
    /// Users, in the file's order.
    pub users: Vec<Account>,
    /// Groups, in the file's order.
    pub groups: Vec<Group>,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// The name.
    pub name: String,
    /// The number.
    pub uid: u32,
    /// The number of the user's own group.
    pub gid: u32,
    /// The home, as it is written.
    pub home: String,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The name.
    pub name: String,
    /// The number.
    pub gid: u32,
    /// Names of users for whom it is one more group.
    pub members: Vec<String>,
}

/// Why the files cannot be read. That they are missing is no fault: many images have none.
#[derive(Debug, Error)]
pub enum AccountsError {
    /// The file system said no.
    #[error("read `/{path}` of the image: {source}")]
    Io {
        /// Beneath the root.
        path: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A folder, or anything else that no text is in.
    #[error("read `/{path}` of the image: it is not a regular file")]
    NotFile {
        /// Beneath the root.
        path: &'static str,
    },
    /// More bytes than the bound.
    #[error("read `/{path}` of the image: it has more than {FILE_BYTES_MAX} bytes")]
    TooLarge {
        /// Beneath the root.
        path: &'static str,
    },
}

impl Accounts {
    /// Reads both files beneath an image's root. Links on the way lead on within it.
    ///
    /// Lines that are none are passed over, as the C library does.
    pub fn read(root: impl AsFd) -> Result<Self, AccountsError> {
        let passwd = text(&root, "etc/passwd")?;
        let group = text(&root, "etc/group")?;
        Ok(Self {
            users: lines(&passwd).filter_map(account).collect(),
            groups: lines(&group).filter_map(self::group).collect(),
        })
    }

    /// A user by name. The first line counts.
    pub fn user(&self, name: &str) -> Option<&Account> {
        self.users.iter().find(|account| account.name == name)
    }

    /// A user by number. The first line counts.
    pub fn user_of(&self, uid: u32) -> Option<&Account> {
        self.users.iter().find(|account| account.uid == uid)
    }

    /// A group by name. The first line counts.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }
}

fn text(root: &impl AsFd, path: &'static str) -> Result<Vec<u8>, AccountsError> {
    let failed = |source| AccountsError::Io { path, source };
    // A FIFO would block, and a device would be touched by being opened: no tree of brig's has any.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let how = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    let file = match openat2(root, path, flags, Mode::empty(), how) {
        Ok(file) => file,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Vec::new()),
        Err(error) => return Err(failed(error.into())),
    };
    let stat = fstat(&file).map_err(|error| failed(error.into()))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(AccountsError::NotFile { path });
    }
    let mut bytes = Vec::new();
    let mut bounded = File::from(file).take(FILE_BYTES_MAX + 1);
    bounded.read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(AccountsError::TooLarge { path });
    }
    Ok(bytes)
}

/// Lines of text, without remarks.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &str> {
    let lines = bytes.split(|byte| *byte == b'\n');
    let lines = lines.filter_map(|line| std::str::from_utf8(line).ok());
    lines.filter(|line| !line.starts_with('#') && !line.contains('\0'))
}

/// `NAME:PASSWORD:UID:GID:WHO:HOME:SHELL`
fn account(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    let home = fields.nth(1).unwrap_or_default();
    Some(Account {
        name: name.to_owned(),
        uid,
        gid,
        home: home.to_owned(),
    })
}

/// `NAME:PASSWORD:GID:MEMBER,MEMBER`
fn group(line: &str) -> Option<Group> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    let gid = fields.nth(1)?.parse().ok()?;
    let members = fields.next().unwrap_or_default().split(',');
    let members = members.filter(|member| !member.is_empty());
    Some(Group {
        name: name.to_owned(),
        gid,
        members: members.map(str::to_owned).collect(),
    })
}
