//! What the keys of one section have to do with each other.

use alloc::vec::Vec;

use super::{forms, pattern};
use crate::grammar::{Key, Section, network, server, tools, variable};
use crate::json::Json;

/// The rules of a section, beside what each key takes.
pub(super) fn rules(section: &Section) -> Vec<(&'static str, Json)> {
    match section.title {
        title if title == server::SECTION.title => one_of(server::SOURCES),
        title if title == tools::RULE_SECTION.title => one_of(tools::CONDITIONS),
        title if title == tools::LIMIT_SECTION.title => {
            let each = tools::BOUNDS.iter().map(|key| required(&[key]));
            [("anyOf", Json::List(each.collect()))].into()
        }
        title if title == variable::SECTION.title => {
            let alone = [("as", Json::Flag(false)), ("secret", Json::Flag(false))];
            let host = required(&[&variable::HOST]).with([("properties", Json::object(alone))]);
            let alone = [("host", Json::Flag(false))];
            let secret = required(&[&variable::SECRET]).with([("properties", Json::object(alone))]);
            [("anyOf", Json::List([host, secret].into()))].into()
        }
        title if title == network::SECTION.title => network_rules(),
        _ => Vec::new(),
    }
}

fn required(keys: &[&Key]) -> Json {
    Json::object([("required", Json::texts(keys.iter().map(|key| key.name)))])
}

/// Exactly one of these keys.
fn one_of(keys: &[Key]) -> Vec<(&'static str, Json)> {
    let each = keys.iter().map(|key| required(&[key]));
    [("oneOf", Json::List(each.collect()))].into()
}

/// The ports tell the protocol or it is written; addresses go with a name, and so does a hidden
/// name, which goes with TLS too.
fn network_rules() -> Vec<(&'static str, Json)> {
    let any = |parts: Vec<Json>| Json::object([("anyOf", Json::List(parts))]);
    let property =
        |key: &Key, value: Json| Json::object([("properties", Json::object([(key.name, value)]))]);
    let absent = |key: &Key| property(key, Json::Flag(false));
    let all_ports = |port| {
        let port = Json::object([("const", Json::Whole(port))]);
        property(&network::PORTS, Json::object([("items", port)]))
    };
    let protocol = |word| {
        let word = Json::object([("const", Json::text(word))]);
        property(&network::PROTOCOL, word)
            .with([("required", Json::texts([network::PROTOCOL.name]))])
    };
    let named = property(
        &network::HOST,
        pattern(alloc::format!("^{}$", forms::named())),
    );
    let by_port = |port| {
        Json::object([(
            "allOf",
            Json::List([absent(&network::PROTOCOL), all_ports(port)].into()),
        )])
    };
    let told = any([
        required(&[&network::PROTOCOL]),
        all_ports(443),
        all_ports(80),
    ]
    .into());
    let is_tls = any([protocol("tls"), by_port(443)].into());
    let hidden = Json::object([("allOf", Json::List([named.clone(), is_tls].into()))]);
    let rules = [
        told,
        any([absent(&network::ADDRESSES), named].into()),
        any([absent(&network::ECH), hidden].into()),
    ];
    [("allOf", Json::List(rules.into()))].into()
}
