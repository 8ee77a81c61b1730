//! Whom a server may reach.

use alloc::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Mark;
use crate::host::{Destination, Reach};

/// One peer, or several of one name or block, on some ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkGrant {
    pub(crate) host: Destination,
    pub(crate) ports: BTreeSet<u16>,
    pub(crate) protocol: Protocol,
    pub(crate) addresses: BTreeSet<Reach>,
    pub(crate) ech: Ech,
    pub(crate) mark: Mark,
}

impl NetworkGrant {
    /// Who is reached.
    pub fn host(&self) -> &Destination {
        &self.host
    }

    /// On which ports; at least one, none of them 0.
    pub fn ports(&self) -> &BTreeSet<u16> {
        &self.ports
    }

    /// What is spoken.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Where a name may lead; empty where the host is no name.
    pub fn addresses(&self) -> &BTreeSet<Reach> {
        &self.addresses
    }

    /// Whether a handshake may hide the name.
    pub fn ech(&self) -> Ech {
        self.ech
    }

    /// The `[[network]]` header.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }
}

/// What is spoken on a connection: it decides what brig can look at before it connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TLS, whose handshake must ask for the granted name.
    Tls,
    /// HTTP without TLS, whose `Host` must be the granted name.
    Http,
    /// Anything: nothing is looked at, and the address alone decides.
    Tcp,
}

impl Protocol {
    /// As a manifest writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Tcp => "tcp",
        }
    }
}

/// Whether a TLS handshake may hide the name that it asks for (Encrypted Client Hello).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ech {
    /// Such a connection is refused.
    Refuse,
    /// It passes; the name is then held by the address alone.
    Allow,
}

impl Ech {
    /// As a manifest writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Allow => "allow",
        }
    }
}
