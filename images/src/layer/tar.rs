//! Reads tar archives as the engines of containers do: ustar, PAX and GNU, with sparse files.
//!
//! Where writers of archives disagree, this reads as Go's `archive/tar` does, which nearly every
//! engine uses: what another tool saw when it looked into an image is what is unpacked. Nothing
//! here allocates more than [`EXTENSION_BYTES_MAX`] and what it makes of that.

mod header;
mod pax;
mod sparse;

use header::{BLOCK, Header};
use pax::Pax;
use std::io::{self, BufRead};
use thiserror::Error;

pub(crate) use sparse::Sparse;

/// Bytes of one extended header, or of one long name. A name has at most 4,096 bytes, and what
/// else is in such a header is attributes. Without the bound an archive could ask for all memory.
const EXTENSION_BYTES_MAX: u64 = 1024 * 1024;

/// Why bytes are no archive.
#[derive(Debug, Error)]
pub enum TarFault {
    /// The stream failed.
    #[error("its bytes cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It stops within an entry.
    #[error("it ends within an entry")]
    Cut,
    /// A header that does not add up.
    #[error("it has a header that is damaged: {0}")]
    Header(&'static str),
    /// A long name or extended header above the bound.
    #[error("it has an extended header of more than {EXTENSION_BYTES_MAX} bytes")]
    ExtensionTooLarge,
    /// A kind of entry that no image has.
    #[error("it has an entry of the unknown kind `{}`", .0.escape_ascii())]
    Kind(u8),
    /// Something after the end, which other readers might take for more entries.
    #[error("something follows its end")]
    AfterEnd,
}

/// What an entry makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    HardLink,
    Symlink,
    Folder,
    Device,
    Fifo,
}

/// One entry, without its content.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its name as it is written.
    pub(crate) path: Vec<u8>,
    pub(crate) kind: Kind,
    /// Where a link leads.
    pub(crate) link: Vec<u8>,
    /// Permission bits, and those above them.
    pub(crate) mode: u32,
    /// Seconds and nanoseconds.
    pub(crate) modified: (i64, u32),
    /// Bytes of content that follow in the stream.
    pub(crate) stored: u64,
    /// Where they belong, unless that is one after the other.
    pub(crate) sparse: Option<Sparse>,
    /// Extended attributes by name.
    pub(crate) attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Entry {
    /// The size that its file gets.
    pub(crate) fn size(&self) -> u64 {
        self.sparse
            .as_ref()
            .map_or(self.stored, |sparse| sparse.size)
    }
}

/// An archive, read from its start to its end.
pub(crate) struct Archive<B> {
    source: B,
    /// Content of the last entry that nobody read, and its padding.
    stored: u64,
    padding: u64,
    /// Headers for all that follows, which are not applied.
    pub(crate) global_headers: u64,
}

impl<B: BufRead> Archive<B> {
    pub(crate) fn new(source: B) -> Self {
        Self {
            source,
            stored: 0,
            padding: 0,
            global_headers: 0,
        }
    }

    /// The next entry. None at the end, when all that follows was read and is empty.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, TarFault> {
        let mut pax = None;
        let mut long_name = None;
        let mut long_link = None;
        loop {
            self.skip_content()?;
            let Some(block) = self.block()? else {
                // An archive without its closing blocks is common. One that ends after a long name
                // is cut.
                let begun = pax.is_some() || long_name.is_some() || long_link.is_some();
                return if begun { Err(TarFault::Cut) } else { Ok(None) };
            };
            if block == [0; BLOCK] {
                self.rest_is_empty()?;
                return Ok(None);
            }
            let header = Header::read(&block)?;
            match header.kind {
                b'x' => pax = Some(Pax::read(&self.extension(&header)?)?),
                b'g' => {
                    self.begin(header.size);
                    self.global_headers += 1;
                }
                b'L' => long_name = Some(until_nul(&self.extension(&header)?)),
                b'K' => long_link = Some(until_nul(&self.extension(&header)?)),
                _ => {
                    let names = (long_name, long_link);
                    let entry = self.entry(&block, header, pax.unwrap_or_default(), names)?;
                    return Ok(Some(entry));
                }
            }
        }
    }

    /// Gives the content of the last entry away, piece by piece.
    pub(crate) fn content<E: From<TarFault>>(
        &mut self,
        mut to: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        while self.stored > 0 {
            let piece = self.source.fill_buf().map_err(TarFault::Io)?;
            if piece.is_empty() {
                return Err(TarFault::Cut.into());
            }
            let count = usize::try_from(self.stored).map_or(piece.len(), |n| n.min(piece.len()));
            to(&piece[..count])?;
            self.source.consume(count);
            self.stored -= count as u64;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        block: &[u8; BLOCK],
        header: Header,
        pax: Pax,
        (long_name, long_link): (Option<Vec<u8>>, Option<Vec<u8>>),
    ) -> Result<Entry, TarFault> {
        let path = pax.path.unwrap_or(header.path);
        let path = long_name.unwrap_or(path);
        let link = long_link.unwrap_or_else(|| pax.link.unwrap_or(header.link));
        let kind = kind(header.kind, &path)?;
        let stored = match kind {
            Kind::File => pax.size.unwrap_or(header.size),
            // These have none, whatever their size says.
            Kind::HardLink | Kind::Symlink | Kind::Folder | Kind::Device | Kind::Fifo => 0,
        };
        self.begin(stored);
        let mut entry = Entry {
            path,
            kind,
            link,
            mode: header.mode,
            modified: pax.modified.unwrap_or((header.modified, 0)),
            stored,
            sparse: None,
            attributes: pax.attributes,
        };
        if header.kind == b'S' {
            let mut map = sparse::Map::of_header(block)?;
            while map.goes_on {
                let block = self.block()?.ok_or(TarFault::Cut)?;
                map.extend(&block)?;
            }
            entry.sparse = Some(map.finish());
        } else if kind == Kind::File
            && let Some(written) = pax.sparse
        {
            if let Some(name) = written.name.clone() {
                entry.path = name;
            }
            entry.sparse = written.map(|| self.map_block())?;
            entry.stored = self.stored;
        }
        if let Some(sparse) = &entry.sparse {
            sparse.check(entry.stored)?;
        }
        Ok(entry)
    }

    /// A block of content, for a map that stands there.
    fn map_block(&mut self) -> Result<[u8; BLOCK], TarFault> {
        let rest = self.stored.checked_sub(BLOCK as u64);
        self.stored = rest.ok_or(TarFault::Header("a map of holes is cut"))?;
        self.block()?.ok_or(TarFault::Cut)
    }

    /// The content of a header that is no entry by itself.
    fn extension(&mut self, header: &Header) -> Result<Vec<u8>, TarFault> {
        if header.size > EXTENSION_BYTES_MAX {
            return Err(TarFault::ExtensionTooLarge);
        }
        self.begin(header.size);
        let mut bytes = Vec::new();
        self.content(|piece| {
            bytes.extend_from_slice(piece);
            Ok::<(), TarFault>(())
        })?;
        Ok(bytes)
    }

    fn begin(&mut self, stored: u64) {
        self.stored = stored;
        self.padding = stored.wrapping_neg() % BLOCK as u64;
    }

    fn skip_content(&mut self) -> Result<(), TarFault> {
        self.content(|_| Ok::<(), TarFault>(()))?;
        self.stored = std::mem::take(&mut self.padding);
        self.content(|_| Ok::<(), TarFault>(()))
    }

    /// The next block. None where the stream ends before it.
    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, TarFault> {
        let mut block = [0; BLOCK];
        let mut end = 0;
        while end < BLOCK {
            let piece = self.source.fill_buf()?;
            if piece.is_empty() {
                return if end == 0 {
                    Ok(None)
                } else {
                    Err(TarFault::Cut)
                };
            }
            let count = piece.len().min(BLOCK - end);
            block[end..end + count].copy_from_slice(&piece[..count]);
            self.source.consume(count);
            end += count;
        }
        Ok(Some(block))
    }

    fn rest_is_empty(&mut self) -> Result<(), TarFault> {
        loop {
            let piece = self.source.fill_buf()?;
            if piece.iter().any(|byte| *byte != 0) {
                return Err(TarFault::AfterEnd);
            }
            let count = piece.len();
            if count == 0 {
                return Ok(());
            }
            self.source.consume(count);
        }
    }
}

/// What a type flag makes. Old archives mark a directory by its name alone.
fn kind(flag: u8, path: &[u8]) -> Result<Kind, TarFault> {
    match flag {
        0 if path.ends_with(b"/") => Ok(Kind::Folder),
        b'0' | 0 | b'7' | b'S' => Ok(Kind::File),
        b'1' => Ok(Kind::HardLink),
        b'2' => Ok(Kind::Symlink),
        b'3' | b'4' => Ok(Kind::Device),
        b'5' => Ok(Kind::Folder),
        b'6' => Ok(Kind::Fifo),
        flag => Err(TarFault::Kind(flag)),
    }
}

fn until_nul(bytes: &[u8]) -> Vec<u8> {
    let name = bytes.split(|byte| *byte == 0).next();
    name.unwrap_or_default().to_vec()
}
