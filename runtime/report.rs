//! What brig tells a person about a failure: on a terminal, as JSON, and in one line for a client.

use crate::exit::Exit;
use crate::log::escape;
use brig_policies::{Fault, Faults};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource};
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::Path;

/// Why brig did not do what it was asked.
#[derive(Debug)]
pub struct Refused {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong, one item each, at least one.
    pub items: Vec<Item>,
    /// The manifest, or the settings, that items have places in: path and text.
    pub manifest: Option<(String, String)>,
    /// The command that shows all items, where there may be more than one.
    pub shown_by: Option<String>,
}

/// One thing that went wrong.
#[derive(Clone, Debug)]
pub struct Item {
    /// A stable name.
    pub code: String,
    /// Where in the manifest, in bytes.
    pub span: Option<std::ops::Range<usize>>,
    /// What is wrong.
    pub message: String,
    /// What to do about it; may be empty.
    pub help: String,
}

impl Refused {
    /// One item without a place.
    pub fn one(exit: Exit, code: &str, message: impl Into<String>, help: &str) -> Self {
        let item = Item {
            code: code.to_owned(),
            span: None,
            message: message.into(),
            help: help.to_owned(),
        };
        Self {
            exit,
            items: vec![item],
            manifest: None,
            shown_by: None,
        }
    }

    /// A manifest's faults.
    pub fn faults(faults: Faults, path: &str, text: &str) -> Self {
        Self::of_text(faults, path, text, format!("brig check {path}"))
    }

    /// The faults of the settings.
    pub fn settings(faults: Faults, path: &str, text: &str) -> Self {
        Self::of_text(faults, path, text, "brig settings".to_owned())
    }

    /// The faults of a lock.
    pub fn lock(faults: Faults, path: &str, text: &str) -> Self {
        Self {
            shown_by: None,
            ..Self::of_text(faults, path, text, String::new())
        }
    }

    fn of_text(faults: Faults, path: &str, text: &str, shown_by: String) -> Self {
        let item = |fault: Fault| Item {
            code: fault.code.as_str().to_owned(),
            span: Some(fault.span.clone()),
            message: fault.message.clone(),
            help: fault.help.clone(),
        };
        Self {
            exit: Exit::Manifest,
            items: faults.into_iter().map(item).collect(),
            manifest: Some((path.to_owned(), text.to_owned())),
            shown_by: Some(shown_by),
        }
    }

    /// In full, for a person.
    pub fn render(&self) -> String {
        let theme = if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
            GraphicalTheme::unicode()
        } else {
            GraphicalTheme::unicode_nocolor()
        };
        let handler = GraphicalReportHandler::new_themed(theme).with_links(false);
        let mut text = String::new();
        for item in &self.items {
            let mut diagnostic = MietteDiagnostic::new(item.message.clone()).with_code(&item.code);
            if !item.help.is_empty() {
                diagnostic = diagnostic.with_help(&item.help);
            }
            let report = match (&self.manifest, &item.span) {
                (Some((path, source)), Some(span)) => {
                    let label = LabeledSpan::new_with_span(None, span.clone());
                    miette::Report::new(diagnostic.with_label(label))
                        .with_source_code(NamedSource::new(path, source.clone()))
                }
                (Some(_) | None, Some(_) | None) => miette::Report::new(diagnostic),
            };
            if handler.render_report(&mut text, report.as_ref()).is_err() {
                // Only a broken span can do this; the words count more than the drawing.
                let _ = writeln!(text, "error: {}\n  hint: {}", item.message, item.help);
            }
        }
        text
    }

    /// One line an item, where each is refused only once a plan is made.
    pub fn notes(&self) -> String {
        let mut text = String::new();
        for item in &self.items {
            let place = self.place(item).map(|(path, line, column)| {
                let path = escape(path.as_bytes());
                format!("{path}:{line}:{column}: ")
            });
            let place = place.unwrap_or_default();
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "note: {place}{}, and refused at plan; {}",
                item.message, item.help
            );
        }
        text
    }

    /// Path, line and column of an item.
    fn place(&self, item: &Item) -> Option<(&str, usize, usize)> {
        let (path, text) = self.manifest.as_ref()?;
        let (line, column) = line_and_column(text, item.span.as_ref()?.start);
        Some((path, line, column))
    }

    /// The line of an item, from 1, where it stands in the file at this path.
    pub(crate) fn line_in(&self, path: &str, item: &Item) -> Option<u32> {
        let (found, line, _) = self.place(item)?;
        let is_same = crate::places::whole(Path::new(found)) == Path::new(path);
        u32::try_from(line).ok().filter(|_| is_same)
    }

    /// For programs: one object an item.
    pub fn json(&self) -> serde_json::Value {
        let place = |item: &Item| {
            let (path, line, column) = self.place(item)?;
            let span = item.span.as_ref()?;
            Some(serde_json::json!({
                "path": path, "line": line, "column": column,
                "start": span.start, "end": span.end,
            }))
        };
        let item = |item: &Item| {
            serde_json::json!({
                "code": item.code, "message": item.message, "help": item.help,
                "place": place(item),
            })
        };
        self.items.iter().map(item).collect()
    }

    /// For the error that answers a client's first request: the first item, and how many more.
    pub fn brief(&self) -> (String, String) {
        let Some(item) = self.items.first() else {
            return (String::new(), String::new());
        };
        let mut message = item.message.clone();
        if let Some((path, line, column)) = self.place(item) {
            message = format!("{path}:{line}:{column}: {message}");
        }
        if self.items.len() > 1 {
            let _ = write!(message, " (and {} more)", self.items.len() - 1);
        }
        let help = match &self.shown_by {
            Some(command) => format!("{}; `{command}` shows all", item.help),
            None => item.help.clone(),
        };
        (
            escape(message.as_bytes()),
            escape(help.trim_start_matches("; ").as_bytes()),
        )
    }
}

/// Counted from 1, columns in characters.
fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |last| last.chars().count())
        + 1;
    (line, column)
}
