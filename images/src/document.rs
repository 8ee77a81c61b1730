//! Manifests and indexes, of OCI and of Docker, as data that was looked at.

mod platform;
mod written;

use crate::digest::Digest;
use crate::fault::Fault;
use crate::layer::LAYER_MEDIA_TYPES;
use crate::limits::PullLimits;
pub use platform::Platform;
use serde::Serialize;
use written::Written;

pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const SCHEMA_ONE: &str = "application/vnd.docker.distribution.manifest.v1+";

/// What a registry is asked for.
pub(crate) const ACCEPTED: &[&str] = &[OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST];

const IMAGE_CONFIGS: &[&str] = &[
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

/// The annotation by which a layout names an image.
pub(crate) const NAME_ANNOTATION: &str = "org.opencontainers.image.ref.name";

/// Content by its digest, as a manifest names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Descriptor {
    /// What it is said to be.
    pub media_type: String,
    /// What it is.
    pub digest: Digest,
    /// How long it is.
    pub bytes: u64,
}

/// A manifest that an index names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) content: Descriptor,
    pub(crate) platform: Option<Platform>,
    /// Of a layout.
    pub(crate) name: Option<String>,
    /// It tells of another manifest and is none that runs.
    pub(crate) is_attestation: bool,
}

/// What a digest or a tag leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    Index(Vec<Entry>),
    Manifest(Manifest),
}

/// One image or artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// What it says that it is, where it is no image.
    pub artifact_type: Option<String>,
    /// The image's config, or what an artifact has in its place.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
}

impl Manifest {
    /// Whether it is a container image, by its config and its layers.
    pub fn is_image(&self) -> bool {
        let is_config = IMAGE_CONFIGS.contains(&self.config.media_type.as_str());
        is_config && self.layers.iter().all(|layer| is_tar(&layer.media_type))
    }

    /// All parts: the config, then the layers.
    pub fn parts(&self) -> impl Iterator<Item = &Descriptor> {
        std::iter::once(&self.config).chain(&self.layers)
    }

    /// Bytes of all parts.
    pub fn bytes(&self) -> u64 {
        self.parts()
            .fold(0, |sum, part| sum.saturating_add(part.bytes))
    }
}

pub(crate) fn is_tar(media_type: &str) -> bool {
    LAYER_MEDIA_TYPES.contains(&media_type)
}

/// Reads one, of which a registry says that it is of this type.
pub(crate) fn read(
    bytes: &[u8],
    told: Option<&str>,
    limits: &PullLimits,
) -> Result<Document, Fault> {
    const WHAT: &str = "the manifest";
    if told.is_some_and(|told| told.starts_with(SCHEMA_ONE)) {
        return Err(Fault::SchemaOne);
    }
    crate::distinct::check(bytes).map_err(|error| Fault::malformed(WHAT, error))?;
    let written: Written =
        serde_json::from_slice(bytes).map_err(|error| Fault::malformed(WHAT, error))?;
    if written.schema_version == 1 {
        return Err(Fault::SchemaOne);
    }
    if written.schema_version != 2 {
        return Err(Fault::malformed(WHAT, "its schemaVersion is not 2"));
    }
    let told = told.filter(|told| ACCEPTED.contains(told));
    let media_type = written.media_type.as_deref();
    if let (Some(told), Some(media_type)) = (told, media_type)
        && told != media_type
    {
        let reason = format!("it came as `{told}` and says that it is `{media_type}`");
        return Err(Fault::malformed(WHAT, reason));
    }
    match (
        media_type.or(told),
        written.is_index(),
        written.is_manifest(),
    ) {
        (_, true, true) => Err(Fault::malformed(
            WHAT,
            "it is an index and a manifest at once",
        )),
        (None | Some(OCI_INDEX | DOCKER_LIST), true, false) => {
            written.into_entries(limits).map(Document::Index)
        }
        (None | Some(OCI_MANIFEST | DOCKER_MANIFEST), false, true) => {
            written.into_manifest(limits).map(Document::Manifest)
        }
        (None | Some(OCI_INDEX | DOCKER_LIST | OCI_MANIFEST | DOCKER_MANIFEST), ..) => Err(
            Fault::malformed(WHAT, "it has not the parts that its type has"),
        ),
        (Some(other), ..) if other.starts_with(SCHEMA_ONE) => Err(Fault::SchemaOne),
        (Some(other), ..) => Err(Fault::MediaType {
            media_type: crate::fault::harmless(other),
        }),
    }
}

/// Which manifest of an index runs on this platform, of those that run at all.
pub(crate) fn select<'e>(entries: &'e [Entry], wanted: &Platform) -> Result<&'e Entry, Fault> {
    let runs = || entries.iter().filter(|entry| !entry.is_attestation);
    let fitting = runs().filter_map(|entry| {
        let platform = entry.platform.as_ref()?;
        Some((wanted.fits(platform)?, entry))
    });
    // The first of those that fit best, as a tie is the author's order.
    let best = fitting.rev().max_by_key(|(fit, _)| *fit);
    let unnamed = || {
        let mut nested = runs().filter(|entry| entry.platform.is_none());
        nested.next().filter(|_| nested.next().is_none())
    };
    let found = best.map(|(_, entry)| entry).or_else(unnamed);
    found.ok_or_else(|| {
        let mut found: Vec<String> = runs()
            .filter_map(|entry| entry.platform.as_ref().map(Platform::to_string))
            .take(16)
            .collect();
        found.sort();
        found.dedup();
        if found.is_empty() {
            found.push("none that says where it runs".to_owned());
        }
        Fault::NoPlatform {
            wanted: wanted.to_string(),
            found: found.join(", "),
        }
    })
}
