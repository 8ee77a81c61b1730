//! Why content is not taken in, kept or given away again.

use crate::digest::{Digest, InvalidDigest};
use std::fmt::{Display, Write as _};
use std::io;
use thiserror::Error;

/// Why something is not done, with what it was about.
#[derive(Debug, Error)]
#[error("{act} `{what}`: {fault}")]
pub struct ImageError {
    /// What was to be done.
    pub act: &'static str,
    /// The reference or the part of the store, harmless to a terminal.
    pub what: String,
    /// Why not.
    #[source]
    pub fault: Fault,
}

impl ImageError {
    pub(crate) fn new(act: &'static str, what: &str, fault: impl Into<Fault>) -> Self {
        Self {
            act,
            what: harmless(what),
            fault: fault.into(),
        }
    }
}

/// Each text says what was found, and after a semicolon what helps.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "the text of a variant says what it stands for")]
pub enum Fault {
    #[error("{0}; write it as the documentation of `image` shows")]
    Reference(String),
    #[error("the store's `{path}` cannot be used: {source}; see to the folder, or set another")]
    Store { path: String, source: io::Error },
    #[error("the store belongs to another user; give each user a store of their own")]
    StoreOwner,
    #[error("the disk is full; `brig images prune` removes what nobody uses")]
    DiskFull,
    #[error(
        "the store would grow over {bytes_max} bytes; `brig images prune` removes what nobody \
         uses"
    )]
    StoreFull { bytes_max: u64 },
    #[error("another brig adds to the store; try again when it has ended")]
    StoreBusy,
    #[error("a server runs from it; end that server first")]
    InUse,
    #[error("the store has no such image; `brig pull` fetches it, `brig images ls` lists all")]
    NotStored,
    #[error(
        "the store's {digest} is damaged; `brig images verify` tells more, `rm` and `pull` mend"
    )]
    Damaged { digest: Digest },
    #[error("{host} cannot be reached: {reason}; see to the name, the network and the proxy")]
    Unreachable { host: String, reason: String },
    #[error(
        "the certificate of {host} is not trusted: {reason}; add its authority to the host's, or \
         name it in SSL_CERT_FILE"
    )]
    Certificate { host: String, reason: String },
    #[error("this host has no certificates of authorities; install them (`ca-certificates`)")]
    NoAuthorities,
    #[error("{host} has no such image; see to the name and the tag, and whether it is private")]
    NotFound { host: String },
    #[error("{host} does not let {who} read it; log in with `docker login` or `podman login`")]
    Denied { host: String, who: &'static str },
    #[error("{host} takes no more requests for now; try again later, or log in")]
    TooManyRequests { host: String },
    #[error("{host} answers with status {status}; try again later")]
    Status { host: String, status: u16 },
    #[error("{host} sends on to {to}, {why}; nothing of that can be trusted: tell its keeper")]
    Redirect {
        host: String,
        to: String,
        why: &'static str,
    },
    #[error("{host} asks for a login in a way that brig does not know ({what}); tell its keeper")]
    Challenge { host: String, what: String },
    #[error("the credentials in {place} cannot be read: {reason}; log in anew")]
    Credentials { place: String, reason: String },
    #[error("{what} has more than {most} {unit}; nothing that large is taken")]
    TooMuch {
        what: &'static str,
        most: u64,
        unit: &'static str,
    },
    #[error("the connection broke off at byte {at} of {bytes}; pull again, it resumes there")]
    BrokenOff { at: u64, bytes: u64 },
    #[error("{digest} has more than the {bytes} bytes that were told; tell the image's keeper")]
    Longer { digest: Digest, bytes: u64 },
    #[error("{digest} has {found} bytes where {bytes} were told; tell the image's keeper")]
    Shorter {
        digest: Digest,
        found: u64,
        bytes: u64,
    },
    #[error("what came for {wanted} is {found}; pull again, and if it stays tell its keeper")]
    OtherContent { wanted: Digest, found: Digest },
    #[error("{what} is malformed: {reason}; ask its author for another")]
    Malformed { what: &'static str, reason: String },
    #[error(
        "it is of the old manifest format (schema 1), which names no digests of layers; ask \
             its author to push it anew"
    )]
    SchemaOne,
    #[error("its parts are `{media_type}`, which brig does not know; ask its author for another")]
    MediaType { media_type: String },
    #[error(
        "a layer is to be fetched from somewhere else (`{media_type}`), which brig never does; \
         ask its author for an image that is whole"
    )]
    Foreign { media_type: String },
    #[error("it has none for {wanted}, only {found}; ask its author for one")]
    NoPlatform { wanted: String, found: String },
    #[error("its indexes lie more than {most} in one another; ask its author for another")]
    TooDeep { most: usize },
    #[error("it holds {found}; name one after the path and a `:`")]
    Which { found: String },
    #[error("it has no `{name}`, but {found}; name one of these")]
    NotNamed { name: String, found: String },
    #[error("its `{name}` {what}; ask its author for another")]
    Entry { name: String, what: &'static str },
    #[error("`{path}` cannot be read: {source}; see to the path and its rights")]
    Read { path: String, source: io::Error },
    #[error("it is a {found}, not a {wanted}; name it under `{key}`")]
    OtherKind {
        found: &'static str,
        wanted: &'static str,
        key: &'static str,
    },
    #[error("it was not unpacked: {0}; ask its author for another")]
    Unpack(String),
}

impl From<InvalidDigest> for Fault {
    fn from(error: InvalidDigest) -> Self {
        Self::Malformed {
            what: "the manifest",
            reason: error.to_string(),
        }
    }
}

impl Fault {
    /// An error of the store's file system; a full disk has a remedy of its own.
    pub(crate) fn store(path: &str) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
            if full.contains(&source.kind()) {
                return Self::DiskFull;
            }
            Self::Store {
                path: harmless(path),
                source,
            }
        }
    }

    pub(crate) fn malformed(what: &'static str, reason: impl Display) -> Self {
        Self::Malformed {
            what,
            reason: harmless(&format!("{reason}")),
        }
    }
}

/// Somebody else's words on one line, cut, without what a terminal obeys.
pub(crate) fn harmless(text: &str) -> String {
    let mut told = String::new();
    for c in text.chars().take(256) {
        if brig_policies::is_hidden(c) {
            let _ = write!(told, "{}", c.escape_unicode());
        } else {
            told.push(c);
        }
    }
    told
}
