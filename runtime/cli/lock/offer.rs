//! What a server says of its tools, era by era, as raw text: a parsed value would have lost what a
//! lock is to tell.

use super::super::client::{Capabilities, How, Session};
use crate::consent::Start;
use crate::exit::Exit;
use crate::report::Refused;
use brig_policies::{ClientRight, Era, InvalidTool, Policy, Tool};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::io;

/// Pages of one list that are asked for. A server could give another one for ever.
const PAGES_MAX: usize = 64;

/// How often a list is asked for until it is the same twice: some servers add tools once a client
/// has said that it is there.
const LISTS_MAX: usize = 4;

/// What was found.
#[derive(Default)]
pub(super) struct Offered {
    /// The eras in which the server answered, each with its tools.
    pub(super) eras: Vec<(Era, Vec<Tool>)>,
    /// Descriptions that cannot be reviewed. They are withheld in a session too.
    pub(super) unreadable: Vec<(Era, InvalidTool)>,
    /// Why there is no era, where there is none.
    pub(super) silent: Option<String>,
}

impl Offered {
    /// For a lock.
    pub(super) fn offers(&self) -> Vec<(Era, Vec<Tool>)> {
        self.eras.clone()
    }

    fn put(&mut self, era: Era, tools: Vec<String>) {
        let mut read = Vec::new();
        for text in tools {
            match Tool::read(&text) {
                Ok(tool) => read.push(tool),
                Err(error) => self.unreadable.push((era, error)),
            }
        }
        self.eras.push((era, read));
    }
}

/// One page of `tools/list`.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    result: Option<PageResult<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageResult<'a> {
    #[serde(borrow, default)]
    tools: Vec<&'a RawValue>,
    #[serde(default)]
    next_cursor: Option<String>,
}

/// Asks an instance of its own for each era, since the first request decides the era of a
/// connection, and for each set of rights that a client may have under this manifest: some servers
/// offer more tools to a client that can be asked.
pub(super) fn offered(start: Start<'_>, digest: &str, policy: &Policy) -> Result<Offered, Refused> {
    let mut found = Offered::default();
    for capabilities in clients(policy) {
        let start = || Session::start(start, How::Unlocked(digest));
        legacy(&mut found, start, &capabilities).map_err(|error| broken(&error))?;
        // A server that did not even start would only say so again.
        if found.silent.is_some() {
            break;
        }
        modern(&mut found, start, &capabilities).map_err(|error| broken(&error))?;
    }
    Ok(found)
}

/// A client that can be asked for nothing, and one that can be asked for all that the manifest lets
/// the server ask.
fn clients(policy: &Policy) -> Vec<Capabilities> {
    let mut all = serde_json::Map::new();
    let mut questions = serde_json::Map::new();
    for right in policy.client().keys() {
        let (into, name) = match right {
            ClientRight::Sampling => (&mut all, "sampling"),
            ClientRight::Roots => (&mut all, "roots"),
            ClientRight::Elicitation => (&mut questions, "form"),
            ClientRight::ElicitationUrl => (&mut questions, "url"),
            // The server's own, and not the client's.
            ClientRight::Logging => continue,
        };
        into.insert(name.to_owned(), json!({}));
    }
    if !questions.is_empty() {
        all.insert("elicitation".to_owned(), Value::Object(questions));
    }
    let mut clients = vec![json!({})];
    if !all.is_empty() {
        clients.push(Value::Object(all));
    }
    clients
}

fn legacy(
    found: &mut Offered,
    start: impl FnOnce() -> io::Result<Session>,
    capabilities: &Capabilities,
) -> io::Result<()> {
    let mut session = start()?;
    match session.initialize("brig lock", capabilities)? {
        None => found.silent = Some("it ended before it answered".to_owned()),
        Some(hello) if hello.get("error").is_some() => {
            // A server of the modern era alone says so, and is asked in that one.
            let is_brigs = hello["error"]["data"]["source"] == "brig";
            let said = hello["error"]["message"].as_str();
            found.silent = said.filter(|_| is_brigs).map(str::to_owned);
        }
        Some(hello) => {
            let offers = hello["result"]["capabilities"].get("tools").is_some();
            let tools = if offers {
                lists(|params| session.raw("tools/list", &params))?
            } else {
                Vec::new()
            };
            found.put(Era::Legacy, tools);
        }
    }
    session.end()?;
    Ok(())
}

fn modern(
    found: &mut Offered,
    start: impl FnOnce() -> io::Result<Session>,
    capabilities: &Capabilities,
) -> io::Result<()> {
    let mut session = start()?;
    let hello = session.modern("server/discover", json!({}), capabilities)?;
    let hello = hello.map(|answer| answer["result"].clone());
    if let Some(hello) = hello.filter(Value::is_object) {
        let tools = if hello["capabilities"].get("tools").is_some() {
            lists(|params| session.raw_modern("tools/list", params, capabilities))?
        } else {
            Vec::new()
        };
        found.put(Era::Modern, tools);
    }
    session.end()?;
    Ok(())
}

/// All tools that were listed until a list was the same twice.
fn lists(mut ask: impl FnMut(Value) -> io::Result<Option<String>>) -> io::Result<Vec<String>> {
    let mut all: Vec<String> = Vec::new();
    let mut before: Option<Vec<String>> = None;
    for _ in 0..LISTS_MAX {
        let list = pages(&mut ask)?;
        let is_known = before.as_ref() == Some(&list);
        for tool in &list {
            if !all.contains(tool) {
                all.push(tool.clone());
            }
        }
        if is_known {
            break;
        }
        before = Some(list);
    }
    Ok(all)
}

/// All pages of a list, each asked for with the cursor of the one before.
fn pages(ask: &mut impl FnMut(Value) -> io::Result<Option<String>>) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut params = json!({});
    for _ in 0..PAGES_MAX {
        let Some(line) = ask(params)? else {
            break;
        };
        let page: Page<'_> = serde_json::from_str(&line).map_err(|error| {
            io::Error::other(format!("its answer to `tools/list` is none: {error}"))
        })?;
        let Some(result) = page.result else {
            break;
        };
        found.extend(result.tools.iter().map(|tool| tool.get().to_owned()));
        match result.next_cursor {
            Some(cursor) => params = json!({ "cursor": cursor }),
            None => return Ok(found),
        }
    }
    Ok(found)
}

fn broken(error: &io::Error) -> Refused {
    let message = format!("cannot ask the server for its tools: {error}");
    Refused::one(Exit::Failure, "lock-failed", message, "")
}
