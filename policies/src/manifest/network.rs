//! `[[network]]`: whom the server reaches.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use super::Spanned;
use super::entries::{Entries, Found, integer, parsed, string, tell_wrong_type};
use super::lists::{list, tables, tell_word, word};
use crate::fault::{FaultCode, Findings, Told};
use crate::grammar::network::{
    ADDRESSES, ECH, GRANTS_MAX, HOST, PORTS, PORTS_MAX, PROTOCOL, REACHES_MAX, SECTION,
};
use crate::grammar::{Key, top};
use crate::host::{Destination, Reach};
use crate::policy::{Ech, Mark, NetworkGrant, Protocol};

/// One grant, and where its ports are written.
#[derive(Clone, Debug)]
pub(crate) struct NetworkEntry {
    pub(crate) grant: NetworkGrant,
    pub(crate) ports: Range<usize>,
    pub(crate) host: Range<usize>,
}

pub(super) fn read(top: &Entries<'_>, findings: &mut Findings) -> Vec<NetworkEntry> {
    tables(top, &top::NETWORK, GRANTS_MAX, &SECTION, findings)
        .iter()
        .filter_map(|entries| read_one(entries, findings).ok())
        .collect()
}

fn read_one(entries: &Entries<'_>, findings: &mut Findings) -> Result<NetworkEntry, Told> {
    let host = entries.required(&HOST, findings, parsed::<Destination>);
    let ports = entries.required(&PORTS, findings, read_ports);
    let protocol = entries.optional(&PROTOCOL, findings, read_protocol);
    let protocol = match (&ports, protocol?) {
        (_, Some(written)) => Ok(written.value),
        (Ok(ports), None) => default_protocol(ports, entries, findings),
        (Err(told), None) => Err(*told),
    };
    let addresses = entries.optional(&ADDRESSES, findings, |found, key, findings| {
        list::<Reach>(found, key, 1, REACHES_MAX, findings)
    });
    let ech = entries.optional(&ECH, findings, read_ech);
    if let (Ok(host), Ok(Some(written))) = (&host, &addresses)
        && !host.value.is_named()
    {
        let message = format!(
            "`{}` goes with a name, and `{}` is none",
            ADDRESSES.name, host.value
        );
        let help = "leave `addresses` out: the host says where it is".to_owned();
        return Err(findings.tell(
            FaultCode::Contradiction,
            written.span.clone(),
            message,
            help,
        ));
    }
    if let (Ok(protocol), Ok(Some(written)), Ok(host)) = (&protocol, &ech, &host)
        && !(*protocol == Protocol::Tls && host.value.is_named())
    {
        let message = "`ech` goes with a name and with `protocol = \"tls\"`".to_owned();
        let help = "leave `ech` out: there is no name that a handshake could hide".to_owned();
        return Err(findings.tell(
            FaultCode::Contradiction,
            written.span.clone(),
            message,
            help,
        ));
    }
    let (host, ports) = (host?, ports?);
    let addresses = match addresses? {
        Some(written) => written.value.into_iter().collect(),
        None if host.value.is_named() => BTreeSet::from([Reach::Public]),
        None => BTreeSet::new(),
    };
    Ok(NetworkEntry {
        grant: NetworkGrant {
            host: host.value,
            ports: ports.value,
            protocol: protocol?,
            addresses,
            ech: ech?.map_or(Ech::Refuse, |written| written.value),
            mark: Mark::new(entries.header()),
        },
        ports: ports.span,
        host: host.span,
    })
}

fn read_ports(found: Found<'_>, key: &Key, findings: &mut Findings) -> Result<BTreeSet<u16>, Told> {
    let Some(array) = found.get_ref().as_array() else {
        return Err(tell_wrong_type(
            found,
            key,
            "an array of whole numbers",
            findings,
        ));
    };
    if array.is_empty() {
        let message = "`ports` names no port".to_owned();
        let help = "write the ports that the server needs, or leave the grant out".to_owned();
        return Err(findings.tell(FaultCode::InvalidPort, found.span(), message, help));
    }
    if array.len() > PORTS_MAX {
        return Err(tell_too_many_ports(found.span(), array.len(), findings));
    }
    let mut ports = BTreeSet::new();
    let mut faulty = None;
    for element in array {
        match read_port(element, key, &ports, findings) {
            Ok(port) => {
                ports.insert(port);
            }
            Err(told) => faulty = Some(told),
        }
    }
    faulty.map_or(Ok(ports), Err)
}

fn read_port(
    element: Found<'_>,
    key: &Key,
    before: &BTreeSet<u16>,
    findings: &mut Findings,
) -> Result<u16, Told> {
    let digits = integer(element, key, findings)?;
    let (said, help) = match digits.parse() {
        Ok(0) | Err(_) => ("no port", "write a number from 1 to 65535"),
        Ok(port) if before.contains(&port) => ("already there", "keep one of them"),
        Ok(port) => return Ok(port),
    };
    let message = format!("`{digits}` is {said}");
    Err(findings.tell(
        FaultCode::InvalidPort,
        element.span(),
        message,
        help.to_owned(),
    ))
}

/// Tells that all grants together have too many ports.
pub(crate) fn tell_too_many_ports(
    span: Range<usize>,
    count: usize,
    findings: &mut Findings,
) -> Told {
    let message = format!("with these there are {count} ports, more than {PORTS_MAX}");
    let help = "name the few that the server needs; there is no way to write any port".to_owned();
    findings.tell(FaultCode::TooMany, span, message, help)
}

/// Only two ports say by themselves what is spoken there.
fn default_protocol(
    ports: &Spanned<BTreeSet<u16>>,
    entries: &Entries<'_>,
    findings: &mut Findings,
) -> Result<Protocol, Told> {
    let all = |port: u16| ports.value.iter().all(|other| *other == port);
    if all(443) {
        return Ok(Protocol::Tls);
    }
    if all(80) {
        return Ok(Protocol::Http);
    }
    if let Some(told) = findings.recovering() {
        return Err(told);
    }
    let message = format!(
        "{} has no `{}`, and these ports do not tell",
        SECTION.title, PROTOCOL.name
    );
    let help = "write `protocol = \"tls\"` or `\"http\"`, or `\"tcp\"` for anything else";
    Err(findings.tell(
        FaultCode::MissingKey,
        entries.header(),
        message,
        help.to_owned(),
    ))
}

fn read_protocol(found: Found<'_>, key: &Key, findings: &mut Findings) -> Result<Protocol, Told> {
    let all = [Protocol::Tls, Protocol::Http, Protocol::Tcp];
    let text = string(found, key, findings)?;
    if let Some(protocol) = all.into_iter().find(|protocol| protocol.as_str() == text) {
        return Ok(protocol);
    }
    let help = match text {
        "udp" | "quic" | "http3" | "icmp" => {
            let meanwhile = "leave it out; only connections over TCP can be granted";
            return Err(super::entries::tell_not_yet(
                text,
                found.span(),
                meanwhile,
                findings,
            ));
        }
        "https" | "wss" | "ssl" => "write `tls`",
        "ws" => "write `http`",
        _ => "write `tls` or `http`, or `tcp` for anything else",
    };
    Err(tell_word(found, text, "a protocol", help, findings))
}

fn read_ech(found: Found<'_>, key: &Key, findings: &mut Findings) -> Result<Ech, Told> {
    let words = [("refuse", Ech::Refuse), ("allow", Ech::Allow)];
    word(found, key, &words, "a way to treat it", findings)
}
