//! What a network grant means.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Danger, Right};
use crate::host::{Destination, HostName, Reach};
use crate::policy::{Ech, NetworkGrant, Protocol};
use crate::wording::Whole;

pub(super) fn right(grant: &NetworkGrant) -> Right {
    let ports: Vec<String> = grant.ports().iter().map(ToString::to_string).collect();
    let port = if ports.len() == 1 { "port" } else { "ports" };
    let can = format!("reach {}, {port} {}", who(grant.host()), ports.join(", "));
    let (danger, mut means) = match grant.host() {
        Destination::Loopback => (
            Danger::Severe,
            String::from(
                "Programs of this host listen there and often trust whoever reaches them: \
                 databases, browsers, development servers.",
            ),
        ),
        Destination::Address(_) | Destination::Block(_) => (
            Danger::High,
            String::from("Whatever answers there is reached, without a name that could be held."),
        ),
        Destination::Below(_) => (
            Danger::High,
            String::from(
                "Whoever can have a name below it is reached too, and the name itself can carry \
                 data out.",
            ),
        ),
        Destination::Name(_) => (
            Danger::High,
            String::from("It can send there what it knows, and do what it is told from there."),
        ),
    };
    means.push_str(match (grant.protocol(), grant.ech()) {
        (Protocol::Tls, Ech::Refuse) | (Protocol::Http, _) => "",
        (Protocol::Tls, Ech::Allow) => {
            " The name may be hidden in the handshake, so the address alone holds it."
        }
        (Protocol::Tcp, _) => " brig does not look at what is said there.",
    });
    let blocks = grant.addresses().iter().filter_map(|reach| match reach {
        Reach::Public => None,
        Reach::Block(block) => Some(format!("`{block}`")),
    });
    let blocks: Vec<String> = blocks.collect();
    if !blocks.is_empty() {
        let (blocks, public) = (super::together::listed(blocks), Reach::Public);
        means = if grant.addresses().iter().any(|reach| *reach == public) {
            format!("{means} The name may lead into the intranet too: {blocks}.")
        } else {
            format!("{means} The name leads into the intranet alone: {blocks}.")
        };
    }
    if let Destination::Name(name) | Destination::Below(name) = grant.host() {
        means.push_str(&alike(name));
    }
    super::right(danger, "network", Some(grant.mark().span()), can, &means)
}

/// The destination, in its own letters too.
pub(super) fn who(host: &Destination) -> String {
    match host {
        Destination::Loopback => "this host itself".into(),
        Destination::Name(name) => in_letters(&name.to_string(), name),
        Destination::Below(name) => in_letters(&format!("every name below {name}"), name),
        Destination::Address(address) => address.to_string(),
        Destination::Block(block) => format!("every address of {block}"),
    }
}

fn in_letters(words: &str, name: &HostName) -> String {
    match name.in_letters() {
        Some(letters) => format!("{words} (which is shown as {})", Whole(&letters)),
        None => words.into(),
    }
}

fn alike(name: &HostName) -> String {
    let alike: Vec<String> = name
        .look_alikes()
        .iter()
        .map(|alike| {
            let number = u32::from(alike.letter);
            format!("U+{number:04X} looks like `{}`", alike.taken_for)
        })
        .collect();
    if alike.is_empty() {
        return String::new();
    }
    format!(
        " It is not the name that it looks like: {}.",
        alike.join(", ")
    )
}
