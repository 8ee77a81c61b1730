//! The forms of strings as patterns (ECMA-262).

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::grammar::Form;
use crate::name::variable::{Names, REFUSED};
use crate::path::RESERVED_TARGETS;
use crate::pattern::NOT_IN_TOOLS;
use crate::reference::ARTIFACT;
use crate::settings::ENGINES;

/// What a reader of the text cannot see, within brackets. A test holds it to the reader's list.
const HIDDEN: &str = concat!(
    r"\u0000-\u001F\u007F-\u009F\u061C\u200B\u200E\u200F\u2028-\u202E\u2060-\u206F",
    r"\uFEFF\uFFF9-\uFFFB\u{E0000}-\u{E007F}",
);

/// A label of a host's name.
const LABEL: &str = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";

/// A name of a package of PyPI.
const PYPI_NAME: &str = "[a-z0-9]+(?:-[a-z0-9]+)*";

/// A number without zeros before it.
const PLAIN: &str = "(?:0|[1-9][0-9]*)";

/// The pattern of a form, from the start of a string to its end.
pub(super) fn pattern(form: Form) -> String {
    match form {
        Form::Name => "^[a-z0-9][a-z0-9_.-]{0,63}$".to_string(),
        Form::Variable => variable(),
        Form::Location => format!("^(?:{}|{})$", anchored(), relative()),
        Form::Anchored => format!("^{}$", anchored()),
        Form::Folder => {
            let not_config = r"(?!\{config\}(?:/|$))";
            format!("^{not_config}{}$", anchored())
        }
        Form::OwnFile => format!(r"^(?!\{{){}$", anchored()),
        Form::Engine => format!("^(?:{}|oci:(?:{})+)$", ENGINES.join("|"), step()),
        Form::GuestPath => guest_path(),
        Form::CellPath => format!("^(?:/|(?:{})+)$", step()),
        Form::Argument => format!("^[^{HIDDEN}]*$"),
        Form::Program => format!("^(?:(?![~{{])[^/{HIDDEN}]+|{}|{})$", anchored(), relative()),
        Form::Image => format!("^(?:{}|{})$", image(), image_file()),
        Form::Component => {
            let path = format!("(?!{ARTIFACT})(?:{}|{})", anchored(), relative());
            format!("^(?:{ARTIFACT}{}|{path})$", image())
        }
        Form::Npm => npm(),
        Form::Pypi => {
            let extras = format!(r"(?:\[{PYPI_NAME}(?:,{PYPI_NAME})*\])?");
            format!("^{PYPI_NAME}{extras}==[0-9][a-z0-9.!+-]*$")
        }
        Form::Destination => format!("^(?:localhost|{}|{})$", named(), numbered(true)),
        Form::Reach => format!("^(?:public|{})$", numbered(false)),
        Form::Block => format!("^{}$", numbered(false)),
        Form::Proxy => proxy(),
        Form::ToolPattern => {
            let special: Vec<String> = NOT_IN_TOOLS
                .iter()
                .map(|c| format!(r"\u{:04X}", u32::from(*c)))
                .collect();
            let special = special.concat();
            format!(r"^(?!.*\*\*)[^{special}{HIDDEN}]{{1,256}}$")
        }
        Form::TextPattern => format!(r"^(?!.*\*\*)[^{HIDDEN}]{{1,256}}$"),
        Form::Pointer => format!("^(?!/$)(?!.{{257}})(?:/(?:[^~/{HIDDEN}]|~[01])*)+$"),
    }
}

/// A variable's literal value: lines and tabs, and nothing that a shell would put a value in for.
pub(super) fn literal() -> String {
    let name = "[A-Za-z_][A-Za-z0-9_]*";
    let fallback = r"(?::-[\s\S]*)?";
    let variable = format!(r"\$(?:\{{{name}{fallback}\}}|{name}{fallback})$");
    let seen = HIDDEN.replace(r"\u0000-\u001F", r"\u0000-\u0008\u000B-\u001F");
    format!("^(?!{variable})[^{seen}]*$")
}

/// A host's name that is granted by name.
pub(super) fn named() -> String {
    let not_last = r"(?!.*(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$)";
    let not_own = r"(?!(?:.*\.)?localhost$)";
    let wildcard = format!(r"\*\.(?=[^.]+\.)(?:{LABEL}\.)*{LABEL}");
    format!(r"{not_last}{not_own}(?!.{{254}})(?:{wildcard}|(?:{LABEL}\.)*{LABEL})")
}

/// Where an HTTP proxy is: a name or an address, and a port.
fn proxy() -> String {
    let not_last = r"(?!(?:[^:]*\.)?(?:[0-9]+|0x[0-9a-f]*):)";
    let name = format!("{not_last}(?!.*[.]localhost:)(?![^:]{{254}})(?:{LABEL}\\.)*{LABEL}");
    let host = format!(r"(?:{name}|{}|\[[0-9a-f:.]+\])", four());
    format!("^http://{host}:{}$", super::range::between(1, 65535))
}

/// An IPv4 address.
fn four() -> String {
    let octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
    format!(r"{octet}(?:\.{octet}){{3}}")
}

/// An address or a block of them; only the reader knows all that is wrong with one.
fn numbered(alone: bool) -> String {
    let four = four();
    let six = "(?=[^:]*:[^:]*:)[0-9a-f:.]+";
    let (optional, most_of_four, most_of_six) = if alone { ("?", 31, 127) } else { ("", 32, 128) };
    let prefix = |most| format!("(?:/{}){optional}", super::range::between(8, most));
    format!(
        "(?:{four}{}|{six}{})",
        prefix(most_of_four),
        prefix(most_of_six)
    )
}

/// Names of folders or files in a path, none of which leads up. The path ends at a letter of
/// these, where there are some.
fn names(ends: &str) -> String {
    let name = format!(r"(?!\.\.(?:[/{ends}]|$))[^/{ends}{HIDDEN}]*");
    format!("{name}(?:/{name})*")
}

/// Neither a variable nor a wildcard.
const PLAIN_PATH: &str = r"(?!.*\$[A-Za-z_{(])(?!.*\*)";

/// No word in braces.
const NO_WORD: &str = r"(?!.*\{[A-Za-z-]+\})";

fn anchored() -> String {
    anchored_to("")
}

fn anchored_to(ends: &str) -> String {
    let end = if ends.is_empty() {
        "$".to_string()
    } else {
        format!("(?=[{ends}])|$")
    };
    let root = format!(r"(?:/|(?:~|\{{project\}}|\{{config\}})(?:/|{end}))");
    format!("{PLAIN_PATH}{root}{NO_WORD}{}", names(ends))
}

fn relative() -> String {
    relative_to("")
}

fn relative_to(ends: &str) -> String {
    format!(
        r"(?![~{{/{ends}]|$){PLAIN_PATH}{NO_WORD}(?:\.{{0,2}}/)*(?:\.\.|{})",
        names(ends)
    )
}

/// An image in a file: the path ends at the first `:`.
fn image_file() -> String {
    let name = "(?::[A-Za-z0-9._/:@+-]{1,128})?";
    let path = format!("(?:{}|{})", anchored_to(":"), relative_to(":"));
    format!("(?!{ARTIFACT})(?:oci|oci-archive|docker-archive):{path}{name}")
}

/// One name of a path in its shortest spelling.
fn step() -> String {
    format!(r"/(?!\.{{1,2}}(?:/|$))[^/{HIDDEN}]+")
}

fn guest_path() -> String {
    let reserved: Vec<String> = RESERVED_TARGETS.iter().map(|path| escaped(path)).collect();
    format!("^(?!(?:{})(?:/|$))(?:{})+$", reserved.join("|"), step())
}

fn image() -> String {
    let label = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
    let port = ":[0-9]{1,5}";
    let registry = format!(r"(?:(?:localhost|{label}(?:\.{label})+)(?:{port})?|{label}{port})");
    let name = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
    let tag = ":[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}";
    let digest = "@sha256:[0-9a-f]{64}";
    format!("{registry}(?:/{name})+(?:{tag}(?:{digest})?|{digest})")
}

fn npm() -> String {
    let name = "[a-z0-9][a-z0-9._-]*";
    let version = format!(r"{PLAIN}\.{PLAIN}\.{PLAIN}(?:[-+][0-9A-Za-z.+-]+)?");
    format!("^(?:@{name}/)?{name}@{version}$")
}

fn variable() -> String {
    let refused: Vec<String> = REFUSED
        .iter()
        .map(|(names, _)| match names {
            Names::Exactly(name) => format!("{name}$"),
            Names::StartingWith(start) => (*start).to_string(),
            Names::EndingWith(end) => format!(".*{}$", in_either_case(end)),
        })
        .collect();
    format!("^(?!{})[A-Za-z_][A-Za-z0-9_]{{0,255}}$", refused.join("|"))
}

fn in_either_case(text: &str) -> String {
    let either = |letter: char| match letter.to_ascii_lowercase() {
        lower if lower == letter => letter.to_string(),
        lower => format!("[{letter}{lower}]"),
    };
    text.chars().map(either).collect()
}

fn escaped(path: &str) -> String {
    path.replace('.', r"\.")
}
