//! Archives, byte by byte: no writer of archives makes what attackers do.

use sha2::{Digest, Sha256};
use std::io::Write;

/// When everything was changed, unless a record says otherwise.
pub(crate) const MODIFIED: u64 = 1_700_000_000;

/// A tar that grows.
#[derive(Clone, Default)]
pub(crate) struct Tar(pub(crate) Vec<u8>);

/// One header, before its sum is set.
pub(crate) fn header(name: &[u8], flag: u8, link: &[u8], mode: u32, size: u64) -> [u8; 512] {
    let mut block = [0; 512];
    block[..name.len().min(100)].copy_from_slice(&name[..name.len().min(100)]);
    let octal = |width: usize, value: u64| format!("{value:0width$o}\0").into_bytes();
    block[100..108].copy_from_slice(&octal(7, mode.into()));
    block[108..116].copy_from_slice(&octal(7, 1000));
    block[116..124].copy_from_slice(&octal(7, 1000));
    block[124..136].copy_from_slice(&octal(11, size));
    block[136..148].copy_from_slice(&octal(11, MODIFIED));
    block[156] = flag;
    block[157..157 + link.len().min(100)].copy_from_slice(&link[..link.len().min(100)]);
    block[257..265].copy_from_slice(b"ustar\x0000");
    block
}

/// Sets the sum of a header.
fn summed(mut block: [u8; 512]) -> [u8; 512] {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

impl Tar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// One entry. Names that do not fit get an extended header.
    pub(crate) fn entry(
        mut self,
        name: impl AsRef<[u8]>,
        flag: u8,
        link: impl AsRef<[u8]>,
        mode: u32,
        content: impl AsRef<[u8]>,
    ) -> Self {
        let (name, link, content) = (name.as_ref(), link.as_ref(), content.as_ref());
        let long: Vec<(&[u8], &[u8])> = [(&b"path"[..], name), (b"linkpath", link)]
            .into_iter()
            .filter(|(_, value)| value.len() > 100)
            .collect();
        if !long.is_empty() {
            self = self.pax(&long);
        }
        let block = header(name, flag, link, mode, content.len() as u64);
        self.block(&block).content(content)
    }

    pub(crate) fn file(self, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        self.entry(name, b'0', "", 0o644, content)
    }

    pub(crate) fn folder(self, name: impl AsRef<[u8]>) -> Self {
        self.entry(name, b'5', "", 0o755, "")
    }

    pub(crate) fn symlink(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.entry(name, b'2', target, 0o777, "")
    }

    pub(crate) fn hard_link(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.entry(name, b'1', target, 0o644, "")
    }

    /// An extended header for the next entry.
    pub(crate) fn pax(self, records: &[(&[u8], &[u8])]) -> Self {
        self.extended(b'x', records)
    }

    pub(crate) fn extended(self, flag: u8, records: &[(&[u8], &[u8])]) -> Self {
        let mut content = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            // The length counts its own digits.
            let mut length = rest + 1;
            while length != rest + length.to_string().len() {
                length += 1;
            }
            content.extend_from_slice(format!("{length} ").as_bytes());
            content.extend_from_slice(key);
            content.push(b'=');
            content.extend_from_slice(value);
            content.push(b'\n');
        }
        let block = header(b"extended", flag, b"", 0o644, content.len() as u64);
        self.block(&block).content(&content)
    }

    /// A header, whose sum is set here.
    pub(crate) fn block(self, block: &[u8; 512]) -> Self {
        self.raw(summed(*block))
    }

    /// Content, filled up to whole blocks.
    pub(crate) fn content(mut self, content: &[u8]) -> Self {
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn raw(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.extend_from_slice(bytes.as_ref());
        self
    }

    /// With the two blocks that end it.
    pub(crate) fn end(self) -> Vec<u8> {
        self.raw([0; 1024]).0
    }
}

/// A layer as a registry has it.
#[derive(Clone)]
pub(crate) struct Packed {
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) diff_id: String,
}

pub(crate) const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
pub(crate) const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub(crate) const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digits = Sha256::digest(bytes);
    let digits: Vec<String> = digits.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", digits.concat())
}

pub(crate) fn plain(tar: Vec<u8>) -> Packed {
    Packed {
        media_type: TAR,
        diff_id: sha256(&tar),
        bytes: tar,
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::fast();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn gzipped(tar: &[u8]) -> Packed {
    Packed {
        media_type: GZIP,
        bytes: gzip(tar),
        diff_id: sha256(tar),
    }
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}
