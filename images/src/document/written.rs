//! Manifests as they are written.

use super::{Descriptor, Entry, Manifest, NAME_ANNOTATION, Platform};
use crate::fault::{Fault, harmless};
use crate::limits::PullLimits;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written {
    pub(super) schema_version: u64,
    pub(super) media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<WrittenDescriptor>,
    layers: Option<Vec<WrittenDescriptor>>,
    manifests: Option<Vec<WrittenDescriptor>>,
    // The parts of schema 1: a document that has them is read in two ways.
    fs_layers: Option<IgnoredAny>,
    #[serde(flatten)]
    _rest: Rest,
}

/// Keys that brig does not read. To have them also makes serde take objects alone: it would read
/// a list of the values in the order of the fields, which is no manifest to anybody else.
type Rest = serde_json::Map<String, serde_json::Value>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenDescriptor {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    urls: Option<Vec<String>>,
    platform: Option<WrittenPlatform>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    _rest: Rest,
}

#[derive(Deserialize)]
struct WrittenPlatform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    variant: Option<String>,
    #[serde(flatten)]
    _rest: Rest,
}

impl Written {
    pub(super) fn is_index(&self) -> bool {
        self.manifests.is_some()
    }

    pub(super) fn is_manifest(&self) -> bool {
        self.layers.is_some() || self.config.is_some() || self.fs_layers.is_some()
    }

    pub(super) fn into_entries(self, limits: &PullLimits) -> Result<Vec<Entry>, Fault> {
        let written = self.manifests.unwrap_or_default();
        if written.len() > limits.index_entries_max {
            return Err(Fault::TooMuch {
                what: "the index",
                most: limits.index_entries_max as u64,
                unit: "manifests",
            });
        }
        written.into_iter().map(|one| entry(one, limits)).collect()
    }

    pub(super) fn into_manifest(self, limits: &PullLimits) -> Result<Manifest, Fault> {
        let missing = |part| Fault::malformed("the manifest", format_args!("it has no {part}"));
        let config = self.config.ok_or_else(|| missing("config"))?;
        let layers = self.layers.ok_or_else(|| missing("layers"))?;
        if layers.len() > limits.layers_max {
            return Err(Fault::TooMuch {
                what: "the image",
                most: limits.layers_max as u64,
                unit: "layers",
            });
        }
        let manifest = Manifest {
            artifact_type: self.artifact_type,
            config: part(config)?,
            layers: layers.into_iter().map(part).collect::<Result<_, _>>()?,
        };
        if manifest.config.bytes > limits.config_bytes_max {
            return Err(Fault::TooMuch {
                what: "the image's config",
                most: limits.config_bytes_max,
                unit: "bytes",
            });
        }
        if manifest.bytes() > limits.image_bytes_max {
            return Err(Fault::TooMuch {
                what: "the image",
                most: limits.image_bytes_max,
                unit: "bytes",
            });
        }
        Ok(manifest)
    }
}

/// Content of the image itself: an address beside the registry is never gone to.
fn part(written: WrittenDescriptor) -> Result<Descriptor, Fault> {
    let lies_elsewhere = written.urls.is_some_and(|urls| !urls.is_empty());
    let media_type = &written.media_type;
    if lies_elsewhere || media_type.contains("foreign") || media_type.contains("nondistributable") {
        return Err(Fault::Foreign {
            media_type: harmless(media_type),
        });
    }
    Ok(Descriptor {
        digest: written.digest.parse()?,
        media_type: written.media_type,
        bytes: written.size,
    })
}

fn entry(written: WrittenDescriptor, limits: &PullLimits) -> Result<Entry, Fault> {
    let unknown = |platform: &Platform| platform.os == "unknown";
    let annotations = written.annotations.unwrap_or_default();
    let attests = annotations
        .get("vnd.docker.reference.type")
        .is_some_and(|kind| kind == "attestation-manifest");
    let platform = written.platform.map(|platform| Platform {
        os: platform.os,
        architecture: platform.architecture,
        variant: platform.variant,
    });
    if written.size > limits.manifest_bytes_max {
        return Err(Fault::TooMuch {
            what: "a manifest of the index",
            most: limits.manifest_bytes_max,
            unit: "bytes",
        });
    }
    Ok(Entry {
        is_attestation: attests || platform.as_ref().is_some_and(unknown),
        content: Descriptor {
            digest: written.digest.parse()?,
            media_type: written.media_type,
            bytes: written.size,
        },
        platform,
        name: annotations.get(NAME_ANNOTATION).cloned(),
    })
}
