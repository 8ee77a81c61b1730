//! References to what a server is made of: images and packages.

mod image;
mod package;

pub use image::{ImageReference, InvalidImageReference};
pub use package::{InvalidPackage, NpmPackage, PypiPackage};
