//! The JSON Schema of a manifest, made from the same tables that the reader goes by.
//!
//! It accepts every manifest that the reader accepts. What it cannot say, the reader alone
//! refuses: letters behind `xn--` labels, addresses that cannot be granted or are not in their one
//! spelling, bytes of texts beyond ASCII, numbers in another base, ports over all grants, and
//! whatever depends on two entries or on the machine.

mod forms;
mod range;
mod sections;

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::grammar::{Form, Key, Section, Standing, Takes, settings, top, variable};
use crate::json::Json;
use crate::limits::Bounds;
use crate::quantity::{Cpus, PERIOD_UNITS, SIZE_UNITS};

/// The schema of a manifest as JSON (JSON Schema, draft 2020-12).
pub fn schema() -> Json {
    titled("A brig manifest", &top::SECTION)
}

/// The schema of the settings, in the same way.
pub fn settings_schema() -> Json {
    titled("The settings of brig", &settings::SECTION)
}

fn titled(title: &str, top: &Section) -> Json {
    let head = [
        (
            "$schema",
            Json::text("https://json-schema.org/draft/2020-12/schema"),
        ),
        ("title", Json::text(title)),
    ];
    Json::object(head.into_iter().chain(section(top)))
}

/// A table of fixed keys.
fn section(section: &Section) -> Vec<(&'static str, Json)> {
    let read = || section.keys.iter().filter(|key| key.is_read());
    let properties = read().map(|key| (key.name, described(key)));
    let needed = read().filter(|key| key.needed).map(|key| key.name);
    let mut parts = Vec::from([
        ("type", Json::text("object")),
        ("properties", Json::object(properties)),
        ("required", Json::texts(needed)),
        ("additionalProperties", Json::Flag(false)),
    ]);
    parts.extend(sections::rules(section));
    parts
}

/// What a key takes, with what it says.
fn described(key: &Key) -> Json {
    let about = match key.standing {
        Standing::Built => key.about.to_string(),
        Standing::NotYet(meanwhile) | Standing::Reserved(meanwhile) => {
            format!("{} Not enforceable yet: {meanwhile}.", key.about)
        }
    };
    value(key.takes).with([("description", Json::Text(about))])
}

fn value(takes: Takes) -> Json {
    match takes {
        Takes::Format => Json::object([("const", Json::Whole(1))]),
        Takes::Table(table) => Json::object(section(table)),
        Takes::Tables(table, most) => list(Json::object(section(table)), 0, most),
        Takes::Variables => variables(),
        Takes::Flag => Json::object([("type", Json::text("boolean"))]),
        Takes::Word(words) => words_of(words),
        Takes::Words(words) => {
            list(words_of(words), 0, words.len()).with([("uniqueItems", Json::Flag(true))])
        }
        Takes::Text(form) => text(form),
        Takes::Texts(Form::Argument, least, most) => list(text(Form::Argument), least, most),
        Takes::Texts(form, least, most) => {
            list(text(form), least, most).with([("uniqueItems", Json::Flag(true))])
        }
        Takes::Command(most) => list(text(Form::Argument), 1, most)
            .with([("prefixItems", Json::List([text(Form::Program)].into()))]),
        Takes::Ports(most) => {
            let port = whole(1, i64::from(u16::MAX));
            list(port, 1, most).with([("uniqueItems", Json::Flag(true))])
        }
        Takes::Size(bounds) => amount(bounds.least.0, bounds.most.0, SIZE_UNITS)
            .with([("default", Json::Text(bounds.default.to_string()))]),
        Takes::Period(bounds) => amount(bounds.least.0, bounds.most.0, PERIOD_UNITS)
            .with([("default", Json::Text(bounds.default.to_string()))]),
        Takes::Cpus(bounds) => cpus(bounds),
        Takes::Count(bounds) => whole(bounds.least.0.into(), bounds.most.0.into())
            .with([("default", Json::Whole(bounds.default.0.into()))]),
        Takes::Most(takes) => value(*takes).without("default"),
        Takes::Scalar => Json::object([(
            "anyOf",
            Json::List(
                [
                    text(Form::Argument),
                    whole(i64::MIN, i64::MAX),
                    Json::object([("type", Json::text("boolean"))]),
                ]
                .into(),
            ),
        )]),
        Takes::Whole => whole(i64::MIN, i64::MAX),
        Takes::Nothing => Json::Flag(false),
    }
}

fn list(element: Json, least: usize, most: usize) -> Json {
    let count = |count| Json::Whole(i64::try_from(count).unwrap_or(i64::MAX));
    Json::object([
        ("type", Json::text("array")),
        ("items", element),
        ("minItems", count(least)),
        ("maxItems", count(most)),
    ])
}

fn words_of(words: &[&str]) -> Json {
    Json::object([("enum", Json::texts(words.iter().copied()))])
}

fn text(form: Form) -> Json {
    pattern(forms::pattern(form))
}

fn pattern(pattern: String) -> Json {
    Json::object([
        ("type", Json::text("string")),
        ("pattern", Json::Text(pattern)),
    ])
}

fn whole(least: i64, most: i64) -> Json {
    Json::object([
        ("type", Json::text("integer")),
        ("minimum", Json::Whole(least)),
        ("maximum", Json::Whole(most)),
    ])
}

fn cpus(bounds: &Bounds<Cpus>) -> Json {
    Json::object([
        ("type", Json::text("number")),
        ("minimum", Json::Milli(bounds.least.0.into())),
        ("maximum", Json::Milli(bounds.most.0.into())),
        ("multipleOf", Json::Milli(1)),
        ("default", Json::Milli(bounds.default.0.into())),
    ])
}

/// A whole number with a unit, so that the whole lies in a range.
fn amount(least: u64, most: u64, units: &[(&str, u64)]) -> Json {
    let units = units.iter().filter_map(|(unit, worth)| {
        let (least, most) = (least.div_ceil(*worth), most / worth);
        (least <= most).then(|| format!("0*{}{unit}", range::between(least, most)))
    });
    let units: Vec<String> = units.collect();
    pattern(format!("^(?:{})$", units.join("|")))
}

/// `[env]`: any name but some, each with a text or a table.
fn variables() -> Json {
    let table = Json::object(section(&variable::SECTION));
    let values = [pattern(forms::literal()), table];
    let most = i64::try_from(variable::VARIABLES_MAX).unwrap_or(i64::MAX);
    Json::object([
        ("type", Json::text("object")),
        ("propertyNames", text(Form::Variable)),
        (
            "additionalProperties",
            Json::object([("anyOf", Json::List(values.into()))]),
        ),
        ("maxProperties", Json::Whole(most)),
    ])
}
