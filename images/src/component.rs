//! WebAssembly files: read whole, bounded, named by their digest, told apart by their bytes.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use thiserror::Error;

/// A file that is WebAssembly by its first bytes. Whether it can run is for the compiler to say.
#[derive(Clone, Debug)]
pub struct Component {
    /// All of it.
    pub bytes: Vec<u8>,
    /// BLAKE3 of the bytes, lower-case hexadecimal.
    pub digest: String,
    /// Which of the two binary forms it has.
    pub form: Form,
}

/// The preamble's layer (component model binary format): bytes 4 to 8 of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `0d 00 01 00`.
    Component,
    /// `01 00 00 00`.
    CoreModule,
}

/// Why a file is nothing that brig can run.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// The file system said no.
    #[error("read `{path}`: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A directory, socket, FIFO or device.
    #[error("run `{path}`: it is not a regular file")]
    NotFile {
        /// The file.
        path: String,
    },
    /// More bytes than the bound.
    #[error("run `{path}`: it is larger than {bytes_max} bytes")]
    TooLarge {
        /// The file.
        path: String,
        /// The bound.
        bytes_max: u64,
    },
    /// Something else than WebAssembly.
    #[error("run `{path}`: {what}")]
    NotWebAssembly {
        /// The file.
        path: String,
        /// What it is instead, as far as its first bytes tell.
        what: &'static str,
    },
}

impl Component {
    /// Reads a file of at most `bytes_max` bytes.
    pub fn read(path: &Path, bytes_max: u64) -> Result<Self, Unreadable> {
        let name = || path.display().to_string();
        let io = |source| Unreadable::Io {
            path: name(),
            source,
        };
        let file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() {
            return Err(Unreadable::NotFile { path: name() });
        }
        let mut bytes =
            Vec::with_capacity(usize::try_from(metadata.len().min(bytes_max)).unwrap_or(0));
        file.take(bytes_max.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(io)?;
        if bytes.len() as u64 > bytes_max {
            return Err(Unreadable::TooLarge {
                path: name(),
                bytes_max,
            });
        }
        Self::of(bytes, &name())
    }

    /// Bytes that were read elsewhere, under this name.
    pub fn of(bytes: Vec<u8>, name: &str) -> Result<Self, Unreadable> {
        let form = form(&bytes).map_err(|what| Unreadable::NotWebAssembly {
            path: name.to_owned(),
            what,
        })?;
        let digest = blake3::hash(&bytes).to_hex().to_string();
        Ok(Self {
            bytes,
            digest,
            form,
        })
    }
}

/// Tells the form from the preamble.
fn form(bytes: &[u8]) -> Result<Form, &'static str> {
    match bytes {
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(Form::Component),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Ok(Form::CoreModule),
        [0, b'a', b's', b'm', ..] => Err("its version of WebAssembly is not known to this brig"),
        [0x7f, b'E', b'L', b'F', ..] => Err("it is a native program, not WebAssembly"),
        [b'#', b'!', ..] => Err("it is a script, not WebAssembly"),
        [b'P', b'K', 3, 4, ..] => Err("it is a zip archive, not WebAssembly"),
        [0x1f, 0x8b, ..] => Err("it is gzip data, not WebAssembly"),
        [b'(', b'm' | b'c', ..] => Err("it is WebAssembly text; it has to be assembled first"),
        [] => Err("it is empty"),
        [..] => Err("it is not WebAssembly"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test fails by panicking"
    )]
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], want: Result<Form, &str>) {
        match (form(bytes), want) {
            (Ok(found), Ok(want)) => assert_eq!(found, want),
            (Err(found), Err(want)) => assert!(found.contains(want), "{found}"),
            (found, want) => panic!("{found:?}, not {want:?}"),
        }
    }

    #[test]
    fn forms_are_told_by_bytes() {
        check(b"\0asm\x0d\0\x01\0rest", Ok(Form::Component));
        check(b"\0asm\x01\0\0\0", Ok(Form::CoreModule));
        check(b"\0asm\x02\0\0\0", Err("version"));
        check(b"\0asm", Err("version"));
        check(b"\x7fELF\x02", Err("native"));
        check(b"#!/bin/sh", Err("script"));
        check(b"PK\x03\x04", Err("zip"));
        check(b"(module)", Err("text"));
        check(b"", Err("empty"));
        check(b"hello", Err("not WebAssembly"));
    }

    #[test]
    fn a_file_is_bounded_and_regular() {
        let folder = std::env::temp_dir().join(format!("brig-images-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("a.wasm");
        std::fs::write(&path, b"\0asm\x01\0\0\0").unwrap();
        assert_eq!(Component::read(&path, 8).unwrap().form, Form::CoreModule);
        assert!(matches!(
            Component::read(&path, 7),
            Err(Unreadable::TooLarge { .. })
        ));
        assert!(matches!(
            Component::read(&folder, 8),
            Err(Unreadable::NotFile { .. })
        ));
        let absent = folder.join("b.wasm");
        assert!(matches!(
            Component::read(&absent, 8),
            Err(Unreadable::Io { .. })
        ));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
