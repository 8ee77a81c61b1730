//! Components in registries, in the layouts that their makers use.
//!
//! One layer is the component; another may be the author's wish for its rights, which grants
//! nothing. An image of one file `/plugin.wasm` is read too.

use crate::document::{Descriptor, Manifest, is_tar};
use crate::fault::{Fault, ImageError};
use crate::store::{Image, Store};
use std::io::{Read, Seek as _};
use std::path::{Component as Part, Path};

/// A component and what came with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The bytes of the component, or of a core module.
    pub bytes: Vec<u8>,
    /// What its author would like it to be allowed, as text. To be shown, and never to be obeyed.
    pub wish: Option<Wish>,
}

/// An author's wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// What it is said to be.
    pub media_type: String,
    /// The text, as it came; it may have anything in it.
    pub text: String,
}

const COMPONENTS: &[&str] = &[
    "application/wasm",
    "application/vnd.wasm.component.v1",
    "application/vnd.bytecodealliance.wasm.component.layer.v0+wasm",
    "application/vnd.wasm.content.layer.v1+wasm",
];

const WISHES: &[&str] = &[
    "application/vnd.wasm.policy.v1+yaml",
    "application/vnd.wassette.policy+yaml",
    "application/x-yaml",
    "text/yaml",
];

/// An artifact whose layer has whatever type its tool gives to a file.
const PLUGIN: &str = "application/vnd.hyper-mcp.plugin.v2";

/// The one file of an image that carries a component.
const PLUGIN_FILE: &str = "plugin.wasm";

/// A wish is a page of text.
const WISH_BYTES_MAX: u64 = 1024 * 1024;

/// Whether it is a component by its parts, no container image.
pub(crate) fn is_artifact(content: &Manifest) -> bool {
    component_of(content).is_some()
}

/// The layer that is the component, if there is exactly one.
fn component_of(content: &Manifest) -> Option<&Descriptor> {
    let is_plugin = content.artifact_type.as_deref() == Some(PLUGIN);
    let is_component = |layer: &&Descriptor| {
        let media_type = layer.media_type.as_str();
        COMPONENTS.contains(&media_type) || is_plugin && !WISHES.contains(&media_type)
    };
    let mut found = content.layers.iter().filter(is_component);
    found.next().filter(|_| found.next().is_none())
}

impl Store {
    /// The component that an image is or carries.
    pub fn artifact(&self, image: &Image) -> Result<Artifact, ImageError> {
        self.read_artifact(&image.content).map_err(|fault| {
            ImageError::new("read the component of", &image.named.to_string(), fault)
        })
    }

    fn read_artifact(&self, content: &Manifest) -> Result<Artifact, Fault> {
        let most = self.limits().component_bytes_max;
        let Some(component) = component_of(content) else {
            let bytes = self.read_plugin(content)?;
            return Ok(Artifact { bytes, wish: None });
        };
        let bytes = if is_tar(&component.media_type) {
            self.read_plugin(content)?
        } else {
            too_large(component, most, "the component")?;
            self.read_blob(&component.digest, most)?
        };
        let mut wishes = content
            .layers
            .iter()
            .filter(|layer| WISHES.contains(&layer.media_type.as_str()));
        let wish = wishes.next().map(|layer| {
            too_large(layer, WISH_BYTES_MAX, "the author's wish")?;
            let bytes = self.read_blob(&layer.digest, WISH_BYTES_MAX)?;
            let text = String::from_utf8(bytes)
                .map_err(|_| Fault::malformed("the author's wish", "it is no text"))?;
            let media_type = layer.media_type.clone();
            Ok::<_, Fault>(Wish { media_type, text })
        });
        if wishes.next().is_some() {
            return Err(Fault::malformed("the artifact", "it has two wishes"));
        }
        Ok(Artifact {
            bytes,
            wish: wish.transpose()?,
        })
    }

    /// The one file of the last layer that has it.
    fn read_plugin(&self, content: &Manifest) -> Result<Vec<u8>, Fault> {
        let tars = content
            .layers
            .iter()
            .rev()
            .filter(|layer| is_tar(&layer.media_type));
        for layer in tars {
            // Its bytes are what runs, so it is checked once more, as all that runs.
            let file = self.checked(layer)?;
            if let Some(bytes) = self.plugin_in(file)? {
                return Ok(bytes);
            }
        }
        Err(Fault::OtherKind {
            found: "container image",
            wanted: "component",
            key: "image",
        })
    }

    fn checked(&self, layer: &Descriptor) -> Result<std::fs::File, Fault> {
        let mut file = self.blob(&layer.digest)?.into_std();
        let mut hashing = crate::digest::Hashing::default();
        let mut piece = vec![0; crate::store::PIECE_BYTES];
        loop {
            let count = file.read(&mut piece).map_err(Fault::store("blobs"))?;
            if count == 0 {
                break;
            }
            hashing.add(&piece[..count]);
        }
        if hashing.end() != layer.digest {
            return Err(Fault::Damaged {
                digest: layer.digest,
            });
        }
        file.rewind().map_err(Fault::store("blobs"))?;
        Ok(file)
    }

    fn plugin_in(&self, mut file: std::fs::File) -> Result<Option<Vec<u8>>, Fault> {
        let malformed = |error: std::io::Error| Fault::malformed("the layer", error);
        let most = self.limits().component_bytes_max;
        let mut magic = [0; 2];
        let packed = file.read_exact(&mut magic).is_ok() && magic == [0x1f, 0x8b];
        file.rewind().map_err(malformed)?;
        // What is beside the component in such an image is little: more is another kind of image.
        let all = most.saturating_mul(2);
        let reader: Box<dyn Read> = if packed {
            Box::new(flate2::read::MultiGzDecoder::new(file).take(all))
        } else {
            Box::new(file.take(all))
        };
        let mut archive = tar::Archive::new(reader);
        for (index, entry) in archive.entries().map_err(malformed)?.enumerate() {
            if index >= self.limits().archive_entries_max {
                break;
            }
            let entry = entry.map_err(malformed)?;
            let path = entry.path().map_err(malformed)?;
            if !is_plugin(&path) || !entry.header().entry_type().is_file() {
                continue;
            }
            let read = crate::supply::read_bounded(entry, most, "the component")?;
            return read.map(Some).map_err(malformed);
        }
        Ok(None)
    }
}

fn is_plugin(path: &Path) -> bool {
    let mut parts = path
        .components()
        .filter(|part| !matches!(part, Part::CurDir | Part::RootDir));
    parts.next() == Some(Part::Normal(PLUGIN_FILE.as_ref())) && parts.next().is_none()
}

fn too_large(part: &Descriptor, most: u64, what: &'static str) -> Result<(), Fault> {
    if part.bytes <= most {
        return Ok(());
    }
    Err(Fault::TooMuch {
        what,
        most,
        unit: "bytes",
    })
}
