//! References to what a server is made of: images and packages.

mod image;
mod package;
mod place;

pub use image::{ImageReference, InvalidImageReference};
pub use package::{InvalidPackage, NpmPackage, PypiPackage};
pub(crate) use place::{ARTIFACT, WrittenArtifact, WrittenImage};
pub use place::{ImageForm, ImagePlace, ImageSource};
