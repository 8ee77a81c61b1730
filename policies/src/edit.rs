//! A manifest with one right more: a change of the text at one place, and of nothing else in it.
//!
//! What comes out is a text like any other. Whoever asked for it reads it, compares the rights of
//! both (`widen`) and shows the difference before it is written anywhere.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use core::fmt::Write as _;
use core::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::fault::Faults;
use crate::grammar::{Key, files, network, tools, top};
use crate::host::Destination;
use crate::manifest::read;
use crate::pattern::ToolPattern;
use crate::policy::{Access, Protocol};
use crate::wording::is_hidden;

/// A right that a manifest is to grant as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addition {
    /// A file or folder of the host, as a manifest names it.
    File {
        /// `~/notes`, `{project}/data`, `/srv/data`.
        host: String,
        /// What the server may do there.
        access: Access,
    },
    /// One port of one host.
    Network {
        /// Whom.
        host: Destination,
        /// Which of its ports.
        port: u16,
    },
    /// A tool that a client may call, or a pattern of such.
    Tool(ToolPattern),
}

/// Why a right was not added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdded {
    /// The manifest has faults.
    #[error("the manifest has faults")]
    Faults(Faults),
    /// It is granted already.
    #[error("it is granted already: {0}")]
    Already(&'static str),
    /// The text is laid out so that nothing can be put into it.
    #[error("`{0}` is written as one value, and an entry of its own cannot stand beside it")]
    Layout(&'static str),
}

impl Addition {
    /// The text with this right, every comment and the rest of the layout kept.
    ///
    /// Whether the right can be granted is for its reader to say.
    ///
    /// # Errors
    ///
    /// Why the text is better left as it is.
    pub fn to(&self, text: &str) -> Result<String, NotAdded> {
        read(text).map_err(NotAdded::Faults)?;
        let (table, _) = DeTable::parse_recoverable(text);
        let table = table.get_ref();
        match self {
            Self::File { host, access } => {
                let mut lines = format!("{} = {}\n", files::HOST.name, quoted(host));
                if *access == Access::Write {
                    let _ = writeln!(lines, "{} = \"write\"", files::ACCESS.name);
                }
                appended(text, table, &top::FILES, &lines)
            }
            Self::Network { host, port } => {
                let host = quoted(&host.to_string());
                let mut lines = format!("{} = {host}\n", network::HOST.name);
                // Writing to a String cannot fail, here and below.
                let _ = writeln!(lines, "{} = [{port}]", network::PORTS.name);
                if !matches!(port, 80 | 443) {
                    let (key, tcp) = (network::PROTOCOL.name, Protocol::Tcp.as_str());
                    let _ = writeln!(lines, "{key} = \"{tcp}\"");
                }
                appended(text, table, &top::NETWORK, &lines)
            }
            Self::Tool(pattern) => tool(text, table, pattern),
        }
    }
}

/// The text with an entry more at its end.
fn appended(text: &str, table: &DeTable<'_>, key: &Key, lines: &str) -> Result<String, NotAdded> {
    let found = table.get(key.name).map(toml::Spanned::get_ref);
    let first = found
        .and_then(DeValue::as_array)
        .and_then(|array| array.first());
    // An array of tables has its headers as their places, one value has braces.
    let is_header = |span: Range<usize>| text.get(span).is_some_and(|at| at.starts_with("[["));
    if found.is_some() && !first.is_some_and(|first| is_header(first.span())) {
        return Err(NotAdded::Layout(key.name));
    }
    let mut out = text.trim_end_matches(['\n', ' ', '\t']).to_owned();
    let _ = write!(out, "\n\n{}\n{lines}", key.example);
    Ok(out)
}

/// The text with a pattern more in `[tools] allow`.
fn tool(text: &str, table: &DeTable<'_>, pattern: &ToolPattern) -> Result<String, NotAdded> {
    const ALL: &str = "every tool that was reviewed passes, and `brig lock` reviews the others";
    let allow = table
        .get(top::TOOLS.name)
        .and_then(|tools| tools.get_ref().as_table())
        .and_then(|tools| tools.get(tools::ALLOW.name));
    let Some((array, span)) =
        allow.and_then(|allow| Some((allow.get_ref().as_array()?, allow.span())))
    else {
        return Err(NotAdded::Already(ALL));
    };
    let mut written = array
        .iter()
        .filter_map(|element| element.get_ref().as_str());
    if written.any(|text| text == pattern.as_str()) {
        return Err(NotAdded::Already("`[tools] allow` has it"));
    }
    let added = quoted(pattern.as_str());
    let last = array.iter().last().map(toml::Spanned::span);
    let (at, added) = match last {
        // After the bracket.
        None => (span.start + 1, added),
        Some(last) => {
            let line_start = text[..last.start].rfind('\n').map_or(0, |end| end + 1);
            let before = &text[line_start..last.start];
            // One element a line stays so.
            let is_alone = before.trim().is_empty() && line_start > span.start;
            let gap = if is_alone {
                format!("\n{before}")
            } else {
                " ".to_owned()
            };
            (last.end, format!(",{gap}{added}"))
        }
    };
    Ok(format!("{}{added}{}", &text[..at], &text[at..]))
}

/// A basic string of TOML. What a manifest refuses anyway is escaped, so that it is refused for
/// what it is.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            _ if is_hidden(letter) => {
                let _ = write!(out, "\\U{:08x}", u32::from(letter));
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
    out
}
