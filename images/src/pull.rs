//! From an origin into the store.

mod part;

use crate::credentials::Access;
use crate::digest::Digest;
use crate::document::{self, Document, Manifest, Platform};
use crate::fault::{Fault, ImageError};
use crate::origin::Origin;
use crate::registry::Registry;
use crate::store::{Image, Store};
use crate::supply::archive::Archive;
use crate::supply::docker::DockerArchive;
use crate::supply::layout::{Files, Layout};
use crate::supply::{Fetched, Supply};
use serde::Serialize;

/// Told while something is pulled, from several threads.
pub trait Progress: Sync {
    /// What just happened.
    fn step(&self, step: Step<'_>);
}

/// What happens during a pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// The image is known, with all its parts.
    Found(&'a Image),
    /// A part was in the store.
    Present(&'a Digest),
    /// So many bytes of a part are there.
    Part {
        /// The part.
        digest: &'a Digest,
        /// Those that are there; less than before when it begins anew.
        done_bytes: u64,
        /// All of them.
        bytes: u64,
    },
    /// A part is whole and is what its digest says.
    Verified(&'a Digest),
}

/// Nobody looks.
#[derive(Clone, Copy, Debug)]
pub struct Unseen;

impl Progress for Unseen {
    fn step(&self, _: Step<'_>) {}
}

/// What was pulled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pulled {
    /// The image.
    pub image: Image,
    /// What the same name led to before: where it differs from `image.named`, the tag moved.
    pub before: Option<Digest>,
}

impl Pulled {
    /// What the name led to before, if that was another image.
    pub fn moved_from(&self) -> Option<Digest> {
        self.before.filter(|before| *before != self.image.named)
    }
}

/// Takes an image or a component into the store, and lets its name lead to it.
///
/// The origin is asked each time, unless it is a digest of which all parts are in the store.
pub fn pull(
    store: &Store,
    origin: &Origin,
    access: &Access,
    progress: &dyn Progress,
) -> Result<Pulled, ImageError> {
    let name = origin.to_string();
    take_in(store, origin, &name, access, progress)
        .map_err(|fault| ImageError::new("pull", &name, fault))
}

fn take_in(
    store: &Store,
    origin: &Origin,
    name: &str,
    access: &Access,
    progress: &dyn Progress,
) -> Result<Pulled, Fault> {
    let _adding = store.adding()?;
    let limits = *store.limits();
    if let Origin::Registry(reference) = origin
        && let Some(digest) = reference.digest()
        && let Some(image) = stored(store, name, &digest.parse()?)
    {
        progress.step(Step::Found(&image));
        let before = Some(image.named);
        return Ok(Pulled { image, before });
    }
    let supply: Box<dyn Supply> = match origin {
        Origin::Registry(reference) => Box::new(Registry::open(reference, access, limits)?),
        Origin::Layout { folder, name } => {
            let files = Files::folder(folder)?;
            Box::new(Layout::open(files, name.clone(), limits)?)
        }
        Origin::OciArchive { file, name } => {
            let archive = Archive::open_file(file, &limits)?;
            Box::new(Layout::open(archive.into(), name.clone(), limits)?)
        }
        Origin::DockerArchive { file, name } => {
            let archive = Archive::open_file(file, &limits)?;
            Box::new(DockerArchive::open(archive, name.as_deref(), &limits)?)
        }
    };
    let image = resolve(store, supply.as_ref())?;
    progress.step(Step::Found(&image));
    part::take_all(store, supply.as_ref(), &image.content, progress)?;
    let before = store.name(name, &image)?;
    Ok(Pulled { image, before })
}

/// The image of a name with a digest, if all of it is there.
fn stored(store: &Store, name: &str, digest: &Digest) -> Option<Image> {
    let image = store.find(name).ok()??;
    let whole = image.named == *digest && image.content.parts().all(|part| store.has(part));
    whole.then_some(image)
}

/// Follows the reference to the manifest for this host, all of it verified and stored.
fn resolve(store: &Store, supply: &dyn Supply) -> Result<Image, Fault> {
    let limits = store.limits();
    let (fetched, wanted) = supply.top()?;
    let named = verified(store, &fetched, wanted)?;
    let mut current = (named, fetched);
    // Each step is one index deeper; digests cannot make a circle, but a registry can answer
    // for ever.
    for _ in 0..=limits.index_depth_max {
        let (digest, fetched) = current;
        match document::read(&fetched.bytes, fetched.media_type.as_deref(), limits)? {
            Document::Manifest(content) => {
                check_kind(&content)?;
                return Ok(Image {
                    named,
                    manifest: digest,
                    content,
                });
            }
            Document::Index(entries) => {
                let entry = document::select(&entries, &Platform::of_this_host())?;
                let fetched = supply.document(&entry.content)?;
                let found = fetched.bytes.len() as u64;
                if found != entry.content.bytes {
                    return Err(length(&entry.content, found));
                }
                let digest = verified(store, &fetched, Some(entry.content.digest))?;
                current = (digest, fetched);
            }
        }
    }
    Err(Fault::TooDeep {
        most: limits.index_depth_max,
    })
}

fn length(content: &document::Descriptor, found: u64) -> Fault {
    let (digest, bytes) = (content.digest, content.bytes);
    if found > bytes {
        Fault::Longer { digest, bytes }
    } else {
        Fault::Shorter {
            digest,
            found,
            bytes,
        }
    }
}

fn verified(store: &Store, fetched: &Fetched, wanted: Option<Digest>) -> Result<Digest, Fault> {
    let found = Digest::of(&fetched.bytes);
    match wanted {
        Some(wanted) if wanted != found => Err(Fault::OtherContent { wanted, found }),
        Some(_) | None => store.put(&fetched.bytes),
    }
}

/// Refuses what is neither an image nor a component before any part of it is fetched.
fn check_kind(content: &Manifest) -> Result<(), Fault> {
    if content.is_image() || crate::artifact::is_artifact(content) {
        return Ok(());
    }
    let strange = |part: &&document::Descriptor| !document::is_tar(&part.media_type);
    let strange = content.layers.iter().find(strange);
    Err(Fault::MediaType {
        media_type: crate::fault::harmless(&strange.unwrap_or(&content.config).media_type),
    })
}
