//! The parts of an image, several at a time.

use super::{Progress, Step};
use crate::document::{Descriptor, Manifest};
use crate::fault::Fault;
use crate::store::{Incoming, PIECE_BYTES, Store, Taken};
use crate::supply::Supply;
use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::thread;

/// More connections make a registry slow down, and a disk too.
const AT_ONCE: usize = 4;

/// How often a connection that breaks off is made anew, while each brings something.
const TRIES: u32 = 4;

/// Takes in all parts; the first fault ends it.
pub(super) fn take_all(
    store: &Store,
    supply: &dyn Supply,
    content: &Manifest,
    progress: &dyn Progress,
) -> Result<(), Fault> {
    // A layer may stand in an image twice; of one digest there is one length.
    let mut parts: BTreeMap<_, &Descriptor> = BTreeMap::new();
    for part in content.parts() {
        let first = parts.entry(part.digest).or_insert(part);
        if first.bytes != part.bytes {
            let reason = format!("{} has two lengths", part.digest);
            return Err(Fault::malformed("the manifest", reason));
        }
    }
    check_room(store, parts.values().copied())?;
    let left = Mutex::new(parts.into_values());
    let fault = Mutex::new(None);
    let next = || {
        let stopped = fault.lock().map_or(true, |fault| fault.is_some());
        (!stopped).then(|| left.lock().ok()?.next()).flatten()
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(part) = next() {
                    if let Err(told) = take(store, supply, part, progress)
                        && let Ok(mut fault) = fault.lock()
                    {
                        fault.get_or_insert(told);
                    }
                }
            });
        }
    });
    match fault.into_inner() {
        Ok(Some(fault)) => Err(fault),
        Ok(None) => Ok(()),
        Err(_) => Err(Fault::Store {
            path: "blobs".to_owned(),
            source: io::Error::other("a thread ended early"),
        }),
    }
}

/// What is to come must fit beside what is there.
fn check_room<'d>(store: &Store, parts: impl Iterator<Item = &'d Descriptor>) -> Result<(), Fault> {
    let missing = parts.filter(|part| !store.has(part));
    let missing = missing.fold(0, |sum: u64, part| sum.saturating_add(part.bytes));
    if missing > 0 && missing > store.room()? {
        return Err(Fault::StoreFull {
            bytes_max: store.limits().store_bytes_max,
        });
    }
    Ok(())
}

fn take(
    store: &Store,
    supply: &dyn Supply,
    part: &Descriptor,
    progress: &dyn Progress,
) -> Result<(), Fault> {
    let mut incoming = match store.take(part)? {
        Taken::Present => {
            progress.step(Step::Present(&part.digest));
            return Ok(());
        }
        Taken::Incoming(incoming) => *incoming,
    };
    let resumed = incoming.written() > 0;
    fill(store, supply, part, &mut incoming, progress)?;
    match store.finish(incoming) {
        // What an ended brig left may be wrong, as after a loss of power. That is no reason to
        // refuse what the registry has.
        Err(Fault::OtherContent { .. }) if resumed => take(store, supply, part, progress),
        done => {
            done?;
            progress.step(Step::Verified(&part.digest));
            Ok(())
        }
    }
}

/// Writes all bytes of a part, over several connections if need be.
fn fill(
    store: &Store,
    supply: &dyn Supply,
    part: &Descriptor,
    incoming: &mut Incoming,
    progress: &dyn Progress,
) -> Result<(), Fault> {
    let mut tries = 0;
    let mut reached = incoming.written();
    while incoming.written() < part.bytes {
        match copy(supply, part, incoming, progress) {
            Ok(End::Said) if incoming.written() < part.bytes => {
                store.give_up(incoming);
                return Err(Fault::Shorter {
                    digest: part.digest,
                    found: incoming.written(),
                    bytes: part.bytes,
                });
            }
            Ok(End::Said | End::BrokenOff) => {}
            Err(told) => {
                // Whoever is told that the disk is full wants room, and not the begun part; and
                // what is longer than it may be is nothing to resume.
                if matches!(told, Fault::DiskFull | Fault::Longer { .. }) {
                    store.give_up(incoming);
                }
                return Err(told);
            }
        }
        tries = if incoming.written() > reached {
            0
        } else {
            tries + 1
        };
        reached = reached.max(incoming.written());
        if tries >= TRIES {
            break;
        }
    }
    Ok(())
}

/// How a connection ended.
enum End {
    /// As the other side said that it would.
    Said,
    /// Earlier; the next one resumes.
    BrokenOff,
}

/// One connection's worth.
fn copy(
    supply: &dyn Supply,
    part: &Descriptor,
    incoming: &mut Incoming,
    progress: &dyn Progress,
) -> Result<End, Fault> {
    let mut coming = supply.part(part, incoming.written())?;
    if coming.at != incoming.written() {
        incoming.restart()?;
    }
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match coming.reader.read(&mut piece) {
            Ok(0) => return Ok(End::Said),
            Ok(count) => incoming.write(&piece[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return Ok(End::BrokenOff),
        }
        progress.step(Step::Part {
            digest: &part.digest,
            done_bytes: incoming.written(),
            bytes: part.bytes,
        });
    }
}
