//! What a key takes, in words.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::grammar::{Form, Takes};
use crate::limits::Bounds;
use crate::quantity::{PERIOD_UNITS, SIZE_UNITS};

/// After "takes".
pub(super) fn words(takes: Takes) -> String {
    match takes {
        Takes::Format => "the number `1`".into(),
        Takes::Table(section) => format!("one table, `{}`", section.title),
        Takes::Tables(section, most) => {
            format!("tables, `{}`, at most {most} of them", section.title)
        }
        Takes::Variables => {
            let most = crate::grammar::variable::VARIABLES_MAX;
            format!("one table, `[env]`, of at most {most} variables; each is a string or a table")
        }
        Takes::Flag => "`true` or `false`".into(),
        Takes::Word(words) => format!("one of {}", listed(words)),
        Takes::Words(words) => format!("a list of {}, each once", listed(words)),
        Takes::Text(form) => text(form).into(),
        Takes::Texts(form, least, most) => format!("a list of {least} to {most}: {}", text(form)),
        Takes::Command(most) => format!(
            "a list of 1 to {most}: a program's name (looked up in PATH) or path, then its \
             arguments"
        ),
        Takes::Ports(most) => format!(
            "a list of whole numbers from 1 to 65535, each once; at most {most} over all entries"
        ),
        Takes::Size(bounds) => format!(
            "a string: a whole number and {}, {}",
            units(SIZE_UNITS),
            range(bounds)
        ),
        Takes::Period(bounds) => format!(
            "a string: a whole number and {}, {}",
            units(PERIOD_UNITS),
            range(bounds)
        ),
        Takes::Cpus(bounds) => format!("a number of processors, {}", range(bounds)),
        Takes::Count(bounds) => format!("a whole number, {}", range(bounds)),
        Takes::Scalar => "a string, a whole number, `true` or `false`".into(),
        Takes::Whole => "a whole number of 64 bits".into(),
        Takes::Most(what) => words(*what),
        Takes::Nothing => "nothing yet".into(),
    }
}

/// The value that holds where none is written, for what has a range.
pub(super) fn default(takes: Takes) -> Option<String> {
    match takes {
        Takes::Size(bounds) => Some(format!("`\"{}\"`", bounds.default)),
        Takes::Period(bounds) => Some(format!("`\"{}\"`", bounds.default)),
        Takes::Cpus(bounds) => Some(format!("`{}`", bounds.default)),
        Takes::Count(bounds) => Some(format!("`{}`", bounds.default)),
        Takes::Format
        | Takes::Table(_)
        | Takes::Tables(..)
        | Takes::Variables
        | Takes::Flag
        | Takes::Word(_)
        | Takes::Words(_)
        | Takes::Text(_)
        | Takes::Texts(..)
        | Takes::Command(_)
        | Takes::Ports(_)
        | Takes::Scalar
        | Takes::Whole
        | Takes::Most(_)
        | Takes::Nothing => None,
    }
}

const fn text(form: Form) -> &'static str {
    match form {
        Form::Name => "a name: 1 to 64 of `a`-`z`, `0`-`9`, `-`, `_` and `.`",
        Form::Variable => "a variable's name that no program obeys",
        Form::Location => {
            "a path on the host: absolute, from `~`, `{project}` or `{config}`, or relative to the \
             manifest's folder"
        }
        Form::Anchored => {
            "a path on the host: absolute, or from `~`, `{project}` or `{config}`; no `..`, no \
             wildcard"
        }
        Form::Folder => "`/`, or a folder of the host from `~`, `{project}` or the root",
        Form::OwnFile => "a file of the host from `~` or the root",
        Form::Engine => "an engine's name, or `oci:` and the path of a runtime",
        Form::GuestPath => {
            "a path in the cell: absolute, in its shortest spelling, not below `/proc`, `/sys`, \
             `/dev` or `/.brig`"
        }
        Form::CellPath => "a path in the cell: absolute, in its shortest spelling",
        Form::Argument => "a string without control or hidden characters",
        Form::Program => "a program's name (looked up in PATH) or path",
        Form::Image => {
            "an image: registry, name, and a tag or a `sha256` digest or both; or one in a file: \
             `oci:`, `oci-archive:` or `docker-archive:`, a path without `:`, and perhaps `:` and \
             its name there"
        }
        Form::Component => {
            "a path on the host: absolute, from `~`, `{project}` or `{config}`, or relative to the \
             manifest's folder; or `oci://` and registry, name, and a tag or a `sha256` digest or \
             both"
        }
        Form::Npm => "an npm package, `@` and one version",
        Form::Pypi => "a PyPI package, `==` and one version",
        Form::Destination => {
            "a name in lower case (other letters as `xn--` labels), `*.` and a name, an IP \
             address, a block such as `10.1.0.0/16`, or `localhost`"
        }
        Form::Reach => "`public`, or a block such as `10.1.0.0/16`",
        Form::Block => "a block such as `10.1.0.0/16`",
        Form::Proxy => "`http://`, a name or an IP address, and `:` and a port",
        Form::ToolPattern => "a tool's name, in which `*` stands for any text",
        Form::TextPattern => "a text, in which `*` stands for any text",
        Form::Pointer => "a JSON pointer, such as `/path` or `/options/depth`",
    }
}

fn listed(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

fn units(units: &[(&str, u64)]) -> String {
    let names: Vec<String> = units.iter().map(|(unit, _)| format!("`{unit}`")).collect();
    match names.split_last() {
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

fn range<T: ToString>(bounds: &Bounds<T>) -> String {
    let (least, most) = (bounds.least.to_string(), bounds.most.to_string());
    format!("from `{least}` to `{most}`")
}
