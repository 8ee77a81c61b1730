//! Images on this host: pulled into a store, unpacked once, and held while a server runs from one.

use crate::engine::{Chosen, Parts};
use crate::exit::Exit;
use crate::places::store_folder;
use crate::probe::UnpackedImage;
use crate::report::Refused;
use brig_images::archive::write;
use brig_images::component::{Component, Unreadable};
use brig_images::config::{ConfigError, Id, ImageConfig};
use brig_images::credentials::Access;
use brig_images::fault::ImageError;
use brig_images::layer::Layer;
use brig_images::limits::PullLimits;
use brig_images::origin::Origin;
use brig_images::pull::{Progress, Pulled, pull};
use brig_images::store::{Filled, Image, Root, Store};
use brig_images::unpack::{Limits, unpack};
use brig_policies::{ImageReference, ImageSource};
use brig_sandbox::image::Wish;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Seek as _};
use std::path::{Path, PathBuf};

/// An image from which a server can run. As long as this is there, nobody removes its files.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) image: UnpackedImage,
    pub(crate) lease: Root,
    pub(crate) parts: Parts,
}

/// This user's store, and where it lies.
pub(crate) fn store() -> Result<(Store, PathBuf), Refused> {
    let folder = store_folder().ok_or_else(|| {
        let message = "cannot find a folder for images: neither HOME nor XDG_DATA_HOME is set";
        let help = "set one of them to an absolute path";
        Refused::one(Exit::Artifact, "store-missing", message.to_owned(), help)
    })?;
    let opened = Store::open(&folder, PullLimits::STANDARD);
    Ok((opened.map_err(|error| refused(&error))?, folder))
}

/// What a person wrote, as a place to pull from. A relative path starts at `base`.
pub(crate) fn origin(reference: &str, base: &Path) -> Result<Origin, Refused> {
    Origin::parse(reference, base).map_err(|error| refused(&error))
}

/// Pulls an image or a component, and unpacks it where it is an image.
pub(crate) fn fetch(
    store: &Store,
    origin: &Origin,
    progress: &dyn Progress,
) -> Result<Pulled, Refused> {
    let access = Access::of_user(|name| std::env::var_os(name));
    let pulled = pull(store, origin, &access, progress).map_err(|error| refused(&error))?;
    if pulled.image.content.is_image() {
        root(store, &pulled.image)?;
    }
    Ok(pulled)
}

/// The image that a reference names, which was pulled before: a pull takes longer than clients wait
/// for their servers, and a name may have come to lead to something else.
pub(crate) fn held(source: &ImageSource) -> Result<Held, Refused> {
    let (store, folder) = store()?;
    let image = found(&store, &source.into())?;
    let (lease, config) = root(&store, &image)?;
    let parts = Parts {
        config: image.content.config.digest.to_string(),
        manifest: image.manifest.to_string(),
        layers: config.diff_ids.iter().map(ToString::to_string).collect(),
    };
    Ok(Held {
        parts,
        image: UnpackedImage {
            reference: source.to_string(),
            digest: image.named.to_string(),
            root: folder.join(lease.path_in_store()),
            wish: wish(config),
        },
        lease,
    })
}

/// The component that a reference names, which was pulled before, too.
pub(crate) fn component(reference: &ImageReference, name: &str) -> Result<Component, Refused> {
    let (store, _) = store()?;
    let image = found(&store, &Origin::Registry(reference.clone()))?;
    let artifact = store.artifact(&image).map_err(|error| refused(&error))?;
    Component::of(artifact.bytes, name).map_err(|error| no_component(&error))
}

/// A file, or content of a registry, that is no component.
pub(crate) fn no_component(error: &Unreadable) -> Refused {
    let help = "`component` names a WASI command component or a preview 1 core module";
    let message = format!("cannot {error}");
    Refused::one(Exit::Artifact, "artifact-refused", message, help)
}

fn found(store: &Store, origin: &Origin) -> Result<Image, Refused> {
    let name = origin.to_string();
    let found = store.find(&name).map_err(|error| refused(&error))?;
    found.ok_or_else(|| {
        let message = format!("the image `{name}` is not on this host");
        let help = "fetch it with `brig pull`, which takes a manifest or the name of an image";
        Refused::one(Exit::Artifact, "image-absent", message, help)
    })
}

/// The unpacked image, which is made where it is missing.
fn root(store: &Store, image: &Image) -> Result<(Root, ImageConfig), Refused> {
    let config = store.config(image).map_err(|error| refused(&error))?;
    let config = ImageConfig::read(&config).map_err(|error| unreadable(&error))?;
    let root = store.root(image, |into, room| {
        let limits = Limits {
            bytes_max: Limits::IMAGE.bytes_max.min(room),
            ..Limits::IMAGE
        };
        let layers = image.layers().iter().map(|layer| {
            let packed = store.part(layer).map_err(io::Error::other)?;
            let media_type = layer.media_type.clone();
            Ok(Layer { media_type, packed })
        });
        let made = unpack(layers, &config.diff_ids, into, &limits)?;
        Ok::<Filled, brig_images::unpack::UnpackError>(Filled {
            tree: made.tree.to_string(),
            bytes: made.bytes,
            entries: made.entries,
        })
    });
    Ok((root.map_err(|error| refused(&error))?, config))
}

/// Loads an image into a daemon, as it is in the store.
pub(crate) fn load(
    store: &Store,
    folder: &Path,
    image: &Image,
    chosen: &Chosen,
) -> Result<(), Refused> {
    let bytes = store.config(image).map_err(|error| refused(&error))?;
    let config = ImageConfig::read(&bytes).map_err(|error| unreadable(&error))?;
    let layers = image.layers().iter().map(|layer| {
        let packed = store.part(layer).map_err(io::Error::other)?;
        let media_type = layer.media_type.clone();
        Ok(Layer { media_type, packed })
    });
    // A name keeps a daemon's own tidying up from taking it away.
    let name = format!("brig/pulled:{}", &image.manifest.hex()[..12]);
    let failed = |message: String| {
        let help = "free some disk, and pull it again";
        Refused::one(Exit::Artifact, "image-not-loaded", message, help)
    };
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR);
    let file = file.map_err(|error| failed(format!("cannot write the image's archive: {error}")));
    let mut file = File::from(file?);
    write((&bytes, &name), layers, &config.diff_ids, folder, &mut file)
        .map_err(|error| failed(format!("cannot {error}")))?;
    file.rewind()
        .map_err(|error| failed(format!("cannot read the image's archive: {error}")))?;
    crate::engine::load(chosen, file)
}

fn unreadable(error: &ConfigError) -> Refused {
    let help = "the image's author can build it anew";
    Refused::one(
        Exit::Artifact,
        "image-refused",
        format!("cannot {error}"),
        help,
    )
}

/// The parts of a configuration that wish for something.
fn wish(config: ImageConfig) -> Wish {
    let id = |id: Id| match id {
        Id::Number(number) => number.to_string(),
        Id::Name(name) => name,
    };
    Wish {
        user: config.user.map(|user| match user.group {
            Some(group) => format!("{}:{}", id(user.user), id(group)),
            None => id(user.user),
        }),
        directory: config.working_dir,
        env: config
            .env
            .into_iter()
            .map(|variable| (variable.name, variable.value))
            .collect(),
        entrypoint: config.entrypoint,
        cmd: config.cmd,
        volumes: config.volumes.into_iter().collect(),
        ports: config.exposed_ports.into_iter().collect(),
        health: config.healthcheck.is_some(),
        stop_signal: config.stop_signal,
        on_build: config.on_build.len(),
    }
}

/// An error of the store or of a pull: what helps stands after its semicolon.
pub(crate) fn refused(error: &ImageError) -> Refused {
    let text = format!("cannot {error}");
    let (message, help) = text.rsplit_once("; ").unwrap_or((text.as_str(), ""));
    Refused::one(Exit::Artifact, "image-refused", message.to_owned(), help)
}
