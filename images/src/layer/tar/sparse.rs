//! Files with holes, in the four forms in which GNU tar wrote them.

use super::TarFault;
use super::header::{BLOCK, number};
use super::pax::{decimal, name};

/// Regions of one file. An honest file has a few; each takes memory.
const REGIONS_MAX: usize = 65_536;

const WRONG: TarFault = TarFault::Header("a map of holes that is none");

/// Where the stored bytes of a file belong. What no region covers is a hole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sparse {
    /// The file's size, with its holes.
    pub(crate) size: u64,
    /// Where each region starts, and how long it is, in order.
    pub(crate) regions: Vec<(u64, u64)>,
}

impl Sparse {
    /// Regions must come one after the other, within the file, and take what is stored.
    pub(super) fn check(&self, stored: u64) -> Result<(), TarFault> {
        let (mut end, mut sum) = (0, 0);
        for (start, length) in &self.regions {
            if *start < end {
                return Err(WRONG);
            }
            end = start.checked_add(*length).ok_or(WRONG)?;
            sum += length;
        }
        if end > self.size || sum != stored {
            return Err(WRONG);
        }
        Ok(())
    }

    fn push(&mut self, start: u64, length: u64) -> Result<(), TarFault> {
        if self.regions.len() == REGIONS_MAX {
            return Err(TarFault::Header("a map of too many holes"));
        }
        self.regions.push((start, length));
        Ok(())
    }
}

/// The old form: the map stands in the header, and in blocks between it and the content.
pub(super) struct Map {
    sparse: Sparse,
    /// Whether another block of it follows.
    pub(super) goes_on: bool,
}

impl Map {
    pub(super) fn of_header(block: &[u8; BLOCK]) -> Result<Self, TarFault> {
        let size = u64::try_from(number(&block[483..495])?).map_err(|_| WRONG)?;
        let regions = Vec::new();
        let sparse = Sparse { size, regions };
        let goes_on = block[482] != 0;
        let mut map = Self { sparse, goes_on };
        map.take(&block[386..482])?;
        Ok(map)
    }

    pub(super) fn extend(&mut self, block: &[u8; BLOCK]) -> Result<(), TarFault> {
        self.goes_on = block[504] != 0;
        self.take(&block[..504])
    }

    pub(super) fn finish(self) -> Sparse {
        self.sparse
    }

    fn take(&mut self, records: &[u8]) -> Result<(), TarFault> {
        for record in records.chunks_exact(24) {
            // The first empty one ends the map of this block.
            if record[0] == 0 {
                break;
            }
            let start = u64::try_from(number(&record[..12])?).map_err(|_| WRONG)?;
            let length = u64::try_from(number(&record[12..])?).map_err(|_| WRONG)?;
            self.sparse.push(start, length)?;
        }
        Ok(())
    }
}

/// The newer forms: what an extended header says.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// The file's own name, beside which the header has another for tools that know no holes.
    pub(super) name: Option<Vec<u8>>,
    /// 1.0 has its map at the start of the content.
    major: Option<u64>,
    minor: Option<u64>,
    size: Option<u64>,
    real_size: Option<u64>,
    /// 0.1: offsets and lengths in turn. 0.0: the same, as records of their own.
    map: Vec<u64>,
}

impl Written {
    pub(super) fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), TarFault> {
        match key {
            b"name" => self.name = Some(name(value)?),
            b"major" => self.major = Some(decimal(value)?),
            b"minor" => self.minor = Some(decimal(value)?),
            b"size" => self.size = Some(decimal(value)?),
            b"realsize" => self.real_size = Some(decimal(value)?),
            b"offset" if self.map.len().is_multiple_of(2) => self.add(value)?,
            b"numbytes" if !self.map.len().is_multiple_of(2) => self.add(value)?,
            b"offset" | b"numbytes" => return Err(WRONG),
            b"map" => {
                self.map.clear();
                for number in value.split(|byte| *byte == b',') {
                    self.add(number)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, number: &[u8]) -> Result<(), TarFault> {
        if self.map.len() == 2 * REGIONS_MAX {
            return Err(TarFault::Header("a map of too many holes"));
        }
        self.map.push(decimal(number)?);
        Ok(())
    }

    /// The map, for which `block` gives blocks of the content where it stands there. None if no
    /// version is told that has one.
    pub(super) fn map(
        self,
        block: impl FnMut() -> Result<[u8; BLOCK], TarFault>,
    ) -> Result<Option<Sparse>, TarFault> {
        let regions = Vec::new();
        let size = self.real_size.or(self.size);
        let mut sparse = match (self.major, self.minor) {
            (Some(1), Some(0)) => return stored_map(size.ok_or(WRONG)?, block).map(Some),
            (None | Some(0), None | Some(0 | 1)) if !self.map.is_empty() => Sparse {
                size: size.ok_or(WRONG)?,
                regions,
            },
            (None | Some(0), None | Some(0 | 1)) => return Ok(None),
            _ => return Err(TarFault::Header("a form of holes that is not known")),
        };
        if !self.map.len().is_multiple_of(2) {
            return Err(WRONG);
        }
        for pair in self.map.chunks_exact(2) {
            sparse.push(pair[0], pair[1])?;
        }
        Ok(Some(sparse))
    }
}

/// Lines of numbers: how many regions, then each one's start and length, to the end of a block.
fn stored_map(
    size: u64,
    mut block: impl FnMut() -> Result<[u8; BLOCK], TarFault>,
) -> Result<Sparse, TarFault> {
    let mut current = block()?;
    let mut at = 0;
    let mut line = || {
        let mut digits = Vec::new();
        loop {
            if at == BLOCK {
                current = block()?;
                at = 0;
            }
            let byte = current[at];
            at += 1;
            match byte {
                b'\n' => return decimal(&digits),
                b'0'..=b'9' if digits.len() < 20 => digits.push(byte),
                _ => return Err(WRONG),
            }
        }
    };
    let count = line()?;
    let mut sparse = Sparse {
        size,
        regions: Vec::new(),
    };
    for _ in 0..count {
        let start = line()?;
        let length = line()?;
        sparse.push(start, length)?;
    }
    Ok(sparse)
}
