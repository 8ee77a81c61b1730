//! The lock beside a manifest: found, read, and held against what is about to start.

use crate::exit::Exit;
use crate::report::Refused;
use brig_policies::{Digest, LOCK_BYTES_MAX, Lock, LockedArtifact, Places, read_lock};
use brig_sandbox::plan::{Isolation, Plan};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Read as _};

/// A lock beside a manifest, whose head was read.
#[derive(Debug)]
pub(crate) struct FoundLock {
    /// Where it is.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
    /// What stands before the first tool: what a start is held against. The tools take some
    /// milliseconds where there are a hundred, and whoever was approved with this text has had them
    /// read before.
    head: Lock,
}

impl FoundLock {
    /// The digest of its text: an edit of any kind is one.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(self.text.as_bytes())
    }
}

/// The lock of a manifest; none where there is no such file.
pub(crate) fn find(places: &Places) -> Result<Option<FoundLock>, Refused> {
    let path = places.lock_path();
    let Some(text) = text_of(&path)? else {
        return Ok(None);
    };
    let head = text
        .split_once("\n[[tool]]")
        .map_or(text.len(), |(head, _)| head.len() + 1);
    match read_lock(text.get(..head).unwrap_or(&text)) {
        Ok(head) => Ok(Some(FoundLock { path, text, head })),
        // The faults of the whole are told, at the same places.
        Err(faults) => Err(Refused::lock(
            read_lock(&text).err().unwrap_or(faults),
            &path,
            &text,
        )),
    }
}

/// The text of the lock of a manifest, whatever it says.
pub(crate) fn text_of(path: &str) -> Result<Option<String>, Refused> {
    let unreadable = |why: String| {
        let message = format!("cannot read the lock `{path}`: {why}");
        let help = "make it a file that you can read, or take it away and run `brig lock`";
        Refused::one(Exit::Manifest, "lock-unreadable", message, help)
    };
    // A FIFO would otherwise be waited for.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(unreadable(io::Error::from(errno).to_string())),
    };
    let about = |error: io::Error| unreadable(error.to_string());
    if !file.metadata().map_err(about)?.is_file() {
        return Err(unreadable("it is no regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    // One byte more than may be: the reader then says that it is too long.
    let most = LOCK_BYTES_MAX as u64 + 1;
    file.take(most).read_to_end(&mut bytes).map_err(about)?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8".to_owned()))?;
    Ok(Some(text))
}

/// What a plan runs, as a lock has it; none for a program of the host.
pub(crate) fn artifact(plan: &Plan) -> Option<LockedArtifact> {
    match &plan.isolation {
        Isolation::Component(part) => {
            let digest = format!("blake3:{}", part.artifact.digest);
            digest.parse().ok().map(LockedArtifact::Component)
        }
        Isolation::Container(part) => {
            let digest = part.image.as_ref()?.digest.parse().ok();
            digest.map(LockedArtifact::Image)
        }
    }
}

impl FoundLock {
    /// All that it holds.
    pub(crate) fn whole(&self) -> Result<Lock, Refused> {
        read_lock(&self.text).map_err(|faults| Refused::lock(faults, &self.path, &self.text))
    }

    /// Refuses what is not the artifact that was reviewed. A tag that moved is told here.
    pub(crate) fn hold(&self, plan: &Plan) -> Result<(), Refused> {
        let now = artifact(plan);
        if self.head.artifact() == now.as_ref() {
            return Ok(());
        }
        let named = |artifact: Option<&LockedArtifact>| match artifact {
            Some(LockedArtifact::Component(digest) | LockedArtifact::Image(digest)) => {
                digest.to_string()
            }
            None => "nothing that has a digest".to_owned(),
        };
        let message = format!(
            "what runs is not what was reviewed: `{}` holds {}, and this is {}",
            self.path,
            named(self.head.artifact()),
            named(now.as_ref()),
        );
        let help = "`brig lock` tells how its tools differ, and writes what it is now";
        Err(Refused::one(
            Exit::Drifted,
            "artifact-drifted",
            message,
            help,
        ))
    }
}
