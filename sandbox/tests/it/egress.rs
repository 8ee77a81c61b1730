//! Every decision about a connection, asked from outside: the network part of plans, what is let in
//! and dialled, names and their answers, and the first words of TLS and HTTP.

mod bypass;
mod filter;
mod guest;
mod hello;
mod host;
mod parts;
mod permit;
mod responder;
mod wildcard;
mod wire;

use crate::ask::{HEAD, policy};
use brig_sandbox::egress::permit::{Permit, permit};
use brig_sandbox::egress::ranges::Wanted;
use brig_sandbox::egress::wildcard::Wildcards;
use brig_sandbox::egress::{Egress, Undecidable, decide};

/// A grant of an exact name, as most are.
const API: &str = "host = \"api.example.com\"\nports = [443]";

/// What is decided of these grants, each without its header.
fn decided(grants: &[&str]) -> Result<Option<Egress>, Undecidable> {
    let grants = grants.iter().map(|grant| format!("[[network]]\n{grant}\n"));
    let manifest = [HEAD.to_owned()].into_iter().chain(grants);
    decide(&policy(&manifest.collect::<String>()), &Wanted::usual())
}

#[track_caller]
fn egress(grants: &[&str]) -> Egress {
    decided(grants).unwrap().unwrap()
}

/// A permit for the first address of the only name, or for an address.
#[track_caller]
fn permitted<'e>(egress: &'e Egress, at: &str) -> Permit<'e> {
    permit(egress, &Wildcards::new(egress), at.parse().unwrap()).unwrap()
}
