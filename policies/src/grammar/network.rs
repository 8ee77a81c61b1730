//! `[[network]]`

use super::{Form, Key, Section, Takes};
use crate::fault::FaultCode;

/// The most grants: no server has so many peers, and each costs an address in the cell.
pub(crate) const GRANTS_MAX: usize = 64;

/// The most ports over all grants: each is one listener of brig's.
pub(crate) const PORTS_MAX: usize = 64;

/// The most entries under `addresses`.
pub(crate) const REACHES_MAX: usize = 32;

pub(crate) const HOST: Key = Key::new(
    "host",
    Takes::Text(Form::Destination),
    "host = \"api.github.com\"",
    "A name, `*.` and a name, an IP address, a block of them, or `localhost`, which is this host.",
)
.needed()
.also(&[
    "hostname", "domain", "name", "url", "address", "cidr", "ip", "to",
])
.refused("host = \"https://api.github.com\"", FaultCode::InvalidHost);

pub(crate) const PORTS: Key = Key::new(
    "ports",
    Takes::Ports(PORTS_MAX),
    "ports = [443]",
    "The ports that may be reached there; there is no way to write all of them.",
)
.needed()
.also(&["port"])
.refused("ports = \"443\"", FaultCode::WrongType);

pub(crate) const PROTOCOL: Key = Key::new(
    "protocol",
    Takes::Word(&["tls", "http", "tcp"]),
    "protocol = \"tls\"",
    "What is spoken: `tls` for port 443 and `http` for port 80 unless written; to be written for \
     other ports.",
)
.also(&["scheme", "proto"])
.refused("protocol = \"udp\"", FaultCode::NotEnforceableYet)
.unless("`tls` for port 443, `http` for port 80; other ports need it");

pub(crate) const ADDRESSES: Key = Key::new(
    "addresses",
    Takes::Texts(Form::Reach, 1, REACHES_MAX),
    "addresses = [\"public\"]",
    "Where the name may lead: public addresses unless written, or blocks of an intranet.",
)
.also(&["cidrs", "ips", "blocks"])
.refused("addresses = [\"private\"]", FaultCode::InvalidAddress)
.unless("`[\"public\"]`");

pub(crate) const ECH: Key = Key::new(
    "ech",
    Takes::Word(&["refuse", "allow"]),
    "ech = \"refuse\"",
    "Whether a TLS handshake may hide the name that it asks for.",
)
.refused("ech = true", FaultCode::WrongType)
.unless("`refuse`");

pub(crate) const SECTION: Section = Section {
    title: "[[network]]",
    keys: &[HOST, PORTS, PROTOCOL, ADDRESSES, ECH],
    one_of: &[],
    whole: &["host = \"api.github.com\"", "ports = [443]"],
};
