//! Names below a wildcard: they get an address when they are asked for, within bounds.
//!
//! A name that is dialled is looked up outside, so whoever serves the domain sees it: a name is a
//! message. What a server could say so is bounded by the names of each grant and by how much their
//! labels can say; both come back only as names expire.

mod surprise;

use alloc::collections::{BTreeMap, BTreeSet};
use core::net::IpAddr;

use brig_policies::HostName;
use thiserror::Error;

use super::Egress;
use super::ranges::{Ranges, Slot, VirtualAddresses};

pub use surprise::bits;

/// Names at once below one wildcard. Without the bound one grant takes the room of all.
pub const NAMES_PER_GRANT_MAX: usize = 256;
/// Names at once in a session. Without it a server makes the supervisor's memory grow by asking.
pub const NAMES_MAX: usize = 1024;
/// Labels of a name below its wildcard. No service seen has more than three.
pub const LABELS_MAX: usize = 4;
/// Bytes of one such label. DNS has 63; a label that long is mostly somebody's payload.
pub const LABEL_BYTES_MAX: usize = 48;
/// Bits that the labels of one name may say ([`bits`]). A UUID says 139, the hexadecimal digits of
/// a hash of 160 bits 166, and a payload that fills one label 230.
pub const BITS_PER_NAME_MAX: u32 = 192;
/// Bits that the names of one wildcard may say together: 2 KiB for as long as they do not expire.
pub const BITS_PER_GRANT_MAX: u32 = 16_384;
/// Milliseconds after which a name that is not used may lose its address. It loses it only when
/// the room is needed. Far longer than [`TTL_S`](super::responder::TTL_S), so that an address which
/// a server remembers does not come to mean another name.
pub const EXPIRY_MS: u64 = 3_600_000;

/// The names that have an address now.
#[derive(Clone, Debug)]
pub struct Wildcards {
    ranges: Option<Ranges>,
    bases: BTreeMap<HostName, Spent>,
    names: BTreeMap<HostName, Allocation>,
    slots: BTreeMap<Slot, HostName>,
    /// Where the search for a free slot starts: behind the last that was given, so that a slot
    /// rests for as long as there are others.
    next: Slot,
}

/// What the names below one wildcard take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Spent {
    names: usize,
    bits: u32,
}

#[derive(Clone, Debug)]
struct Allocation {
    slot: Slot,
    base: HostName,
    bits: u32,
    used_ms: u64,
    connections: u32,
}

/// Why a name gets no address; the texts read after "cannot".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// It lies below no wildcard.
    #[error("give {0} an address: it is not granted")]
    NotGranted(HostName),
    /// Too many labels.
    #[error("give {0} an address: more than {LABELS_MAX} labels stand before the granted name")]
    Labels(HostName),
    /// A label that is too long.
    #[error("give {0} an address: a label has more than {LABEL_BYTES_MAX} bytes")]
    Label(HostName),
    /// Labels that look like a message.
    #[error("give {0} an address: its labels look like a message, as for a tunnel")]
    Entropy(HostName),
    /// The session's names are as many as there can be.
    #[error("give {0} an address: {NAMES_MAX} names are in use")]
    Names(HostName),
    /// The wildcard's names are as many as there can be.
    #[error("give {0} an address: {NAMES_PER_GRANT_MAX} names below *.{1} are in use")]
    NamesOfGrant(HostName, HostName),
    /// The wildcard's names say as much as they may.
    #[error("give {0} an address: names below *.{1} have said what they may for now")]
    BitsOfGrant(HostName, HostName),
}

impl Refused {
    /// The name.
    pub fn name(&self) -> &HostName {
        match self {
            Self::NotGranted(name)
            | Self::Labels(name)
            | Self::Label(name)
            | Self::Entropy(name)
            | Self::Names(name)
            | Self::NamesOfGrant(name, _)
            | Self::BitsOfGrant(name, _) => name,
        }
    }
}

impl Wildcards {
    /// No name yet, for the wildcards of these grants.
    pub fn new(egress: &Egress) -> Self {
        let bases = egress.below().into_iter();
        Self {
            ranges: egress.ranges,
            bases: bases.map(|base| (base.clone(), Spent::default())).collect(),
            names: BTreeMap::new(),
            slots: BTreeMap::new(),
            next: Slot::FIRST,
        }
    }

    /// The addresses of a name, which it gets now unless it has them.
    pub fn allocate(&mut self, name: &HostName, now_ms: u64) -> Result<VirtualAddresses, Refused> {
        let not_granted = || Refused::NotGranted(name.clone());
        let ranges = self.ranges.ok_or_else(not_granted)?;
        if let Some(known) = self.names.get_mut(name) {
            known.used_ms = now_ms;
            return Ok(ranges.slot(known.slot));
        }
        let base = self.base_of(name).ok_or_else(not_granted)?.clone();
        let bits = said(name, &base)?;
        if self.room(name, &base, bits).is_err() {
            self.expire(now_ms);
            self.room(name, &base, bits)?;
        }
        let slot = self
            .free_slot()
            .ok_or_else(|| Refused::Names(name.clone()))?;
        let spent = self.bases.entry(base.clone()).or_default();
        spent.names += 1;
        spent.bits += bits;
        self.next = slot.next();
        self.slots.insert(slot, name.clone());
        let allocation = Allocation {
            slot,
            base,
            bits,
            used_ms: now_ms,
            connections: 0,
        };
        self.names.insert(name.clone(), allocation);
        Ok(ranges.slot(slot))
    }

    /// Whether a name lies below a wildcard.
    pub fn covers(&self, name: &HostName) -> bool {
        self.base_of(name).is_some()
    }

    /// The name that an address stands for.
    pub fn name_of(&self, address: IpAddr) -> Option<&HostName> {
        self.slots.get(&self.ranges?.slot_of(address)?)
    }

    /// A connection to a name begins: it does not expire before [`close`](Self::close). A name that
    /// has no address is let be.
    pub fn open(&mut self, name: &HostName, now_ms: u64) {
        if let Some(known) = self.names.get_mut(name) {
            known.connections = known.connections.saturating_add(1);
            known.used_ms = now_ms;
        }
    }

    /// A connection to a name has ended.
    pub fn close(&mut self, name: &HostName, now_ms: u64) {
        if let Some(known) = self.names.get_mut(name) {
            known.connections = known.connections.saturating_sub(1);
            known.used_ms = now_ms;
        }
    }

    /// How many names have an address; at most [`NAMES_MAX`].
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The longest granted name that this one lies below.
    fn base_of(&self, name: &HostName) -> Option<&HostName> {
        let bases = self.bases.keys().filter(|base| name.is_below(base));
        bases.max_by_key(|base| base.as_str().len())
    }

    fn room(&self, name: &HostName, base: &HostName, bits: u32) -> Result<(), Refused> {
        let spent = self.bases.get(base).copied().unwrap_or_default();
        let (name, base) = (|| name.clone(), || base.clone());
        if self.names.len() >= NAMES_MAX {
            Err(Refused::Names(name()))
        } else if spent.names >= NAMES_PER_GRANT_MAX {
            Err(Refused::NamesOfGrant(name(), base()))
        } else if spent.bits.saturating_add(bits) > BITS_PER_GRANT_MAX {
            Err(Refused::BitsOfGrant(name(), base()))
        } else {
            Ok(())
        }
    }

    fn expire(&mut self, now_ms: u64) {
        let is_over = |known: &Allocation| {
            known.connections == 0 && now_ms.saturating_sub(known.used_ms) >= EXPIRY_MS
        };
        let over = self.names.iter().filter(|(_, known)| is_over(known));
        let over: BTreeSet<HostName> = over.map(|(name, _)| name.clone()).collect();
        for name in over {
            let Some(gone) = self.names.remove(&name) else {
                continue;
            };
            self.slots.remove(&gone.slot);
            if let Some(spent) = self.bases.get_mut(&gone.base) {
                spent.names = spent.names.saturating_sub(1);
                spent.bits = spent.bits.saturating_sub(gone.bits);
            }
        }
    }

    /// The first free slot from `next` on. There are more slots than names, so one is.
    fn free_slot(&self) -> Option<Slot> {
        let mut slot = self.next;
        for _ in 0..Slot::COUNT {
            if !self.slots.contains_key(&slot) {
                return Some(slot);
            }
            slot = slot.next();
        }
        None
    }
}

/// How much the labels before a wildcard's name say, where that is little enough.
fn said(name: &HostName, base: &HostName) -> Result<u32, Refused> {
    let whole = name.as_str();
    let labels = whole.strip_suffix(base.as_str()).unwrap_or(whole);
    let labels = labels.strip_suffix('.').unwrap_or(labels);
    if labels.split('.').count() > LABELS_MAX {
        return Err(Refused::Labels(name.clone()));
    }
    if labels.split('.').any(|label| label.len() > LABEL_BYTES_MAX) {
        return Err(Refused::Label(name.clone()));
    }
    let bits = bits(labels.as_bytes());
    if bits > BITS_PER_NAME_MAX {
        return Err(Refused::Entropy(name.clone()));
    }
    Ok(bits)
}
