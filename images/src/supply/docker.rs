//! What `docker save` writes: no digests but those of the layers' tars, which the config has.
//!
//! A manifest of OCI is made of it, so that the image has one name in the store wherever and
//! whenever it is taken in.

use super::archive::Archive;
use super::{Coming, Fetched, Supply};
use crate::digest::{Digest, Hashing};
use crate::document::{Descriptor, OCI_MANIFEST};
use crate::fault::{Fault, harmless};
use crate::limits::PullLimits;
use crate::store::PIECE_BYTES;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Read as _;

/// An image of an archive, all of whose contents were read once for their digests.
pub(crate) struct DockerArchive {
    archive: Archive,
    manifest: Vec<u8>,
    paths: BTreeMap<Digest, String>,
}

#[derive(Deserialize)]
struct Saved {
    #[serde(rename = "Config")]
    config: String,
    #[serde(rename = "RepoTags")]
    tags: Option<Vec<String>>,
    #[serde(rename = "Layers")]
    layers: Vec<String>,
}

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

impl DockerArchive {
    pub(crate) fn open(
        archive: Archive,
        name: Option<&str>,
        limits: &PullLimits,
    ) -> Result<Self, Fault> {
        let saved = saved(&archive, name, limits)?;
        let config = archive.read(&saved.config, limits.config_bytes_max, "the image's config")?;
        let mut paths = BTreeMap::from([(Digest::of(&config), saved.config)]);
        let mut layers = Vec::new();
        let mut left = limits.image_bytes_max;
        for path in saved.layers {
            let (digest, bytes, media_type) = hash(&archive, &path, left)?;
            left -= bytes;
            layers.push(json!({
                "mediaType": media_type,
                "digest": digest.to_string(),
                "size": bytes,
            }));
            paths.insert(digest, path);
        }
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": CONFIG,
                "digest": Digest::of(&config).to_string(),
                "size": config.len(),
            },
            "layers": layers,
        });
        Ok(Self {
            archive,
            manifest: manifest.to_string().into_bytes(),
            paths,
        })
    }
}

/// The image of that name, or the only one.
fn saved(archive: &Archive, name: Option<&str>, limits: &PullLimits) -> Result<Saved, Fault> {
    const WHAT: &str = "`manifest.json`";
    let bytes = archive.read("manifest.json", limits.manifest_bytes_max, WHAT)?;
    crate::distinct::check(&bytes).map_err(|error| Fault::malformed(WHAT, error))?;
    let saved: Vec<Saved> =
        serde_json::from_slice(&bytes).map_err(|error| Fault::malformed(WHAT, error))?;
    let found = names(&saved);
    let mut fitting = saved
        .into_iter()
        .filter(|image| name.is_none_or(|name| image.tags.iter().flatten().any(|tag| tag == name)));
    match (fitting.next(), fitting.next()) {
        (Some(one), None) if one.layers.len() > limits.layers_max => Err(Fault::TooMuch {
            what: "the image",
            most: limits.layers_max as u64,
            unit: "layers",
        }),
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) if name.is_none() => Err(Fault::Which { found }),
        (Some(_), Some(_)) => Err(Fault::malformed(WHAT, "it has the name twice")),
        (None, _) => Err(match name {
            Some(name) => Fault::NotNamed {
                name: harmless(name),
                found,
            },
            None => Fault::malformed(WHAT, "it names no image"),
        }),
    }
}

fn names(saved: &[Saved]) -> String {
    let names = saved.iter().map(|image| {
        let first = image.tags.iter().flatten().next();
        first.map_or("one without a name".to_owned(), |tag| {
            format!("`{}`", harmless(tag))
        })
    });
    let names: Vec<String> = names.take(16).collect();
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.join(", ")
    }
}

/// The digest and length of a layer, and what its bytes are.
fn hash(archive: &Archive, path: &str, most: u64) -> Result<(Digest, u64, String), Fault> {
    let mut reader = archive.range(path, 0)?;
    let mut hashing = Hashing::default();
    let mut bytes = 0;
    let mut packed = "";
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = reader.read(&mut piece).map_err(|source| Fault::Read {
            path: harmless(path),
            source,
        })?;
        if count == 0 {
            return Ok((hashing.end(), bytes, format!("{LAYER}{packed}")));
        }
        if bytes == 0 {
            packed = match piece[..count] {
                [0x1f, 0x8b, ..] => "+gzip",
                [0x28, 0xb5, 0x2f, 0xfd, ..] => "+zstd",
                [..] => "",
            };
        }
        bytes += count as u64;
        if bytes > most {
            return Err(Fault::TooMuch {
                what: "the image",
                most,
                unit: "bytes",
            });
        }
        hashing.add(&piece[..count]);
    }
}

impl Supply for DockerArchive {
    fn top(&self) -> Result<(Fetched, Option<Digest>), Fault> {
        let fetched = Fetched {
            bytes: self.manifest.clone(),
            media_type: None,
        };
        Ok((fetched, None))
    }

    fn document(&self, _: &Descriptor) -> Result<Fetched, Fault> {
        Err(Fault::malformed("the archive", "it has no index"))
    }

    fn part(&self, content: &Descriptor, from: u64) -> Result<Coming, Fault> {
        let path = self.paths.get(&content.digest);
        let path = path.map_or("", String::as_str);
        Ok(Coming {
            reader: self.archive.open(path, from)?,
            at: from,
        })
    }
}
