//! What one side says that it can do: taken out where the other has no right to it, so that nobody
//! offers what would be refused.

use brig_policies::strict::{Object, Unclear, Value, mentions};
use brig_policies::{ClientRight, Rules};

use super::super::cuts::Cuts;
use super::{CLIENT_CAPABILITIES, LOG_LEVEL, PROTOCOL_VERSION};

/// The modern era's words in the parameters of a request or a notification.
pub(super) fn of_request<'a>(
    rules: &Rules,
    params: Value<'a>,
    cuts: &mut Cuts<'a>,
) -> Result<(), Unclear> {
    // Parameters without it are the server's and the client's own affair, however they are spelled.
    if !mentions(params, "_meta") {
        return Ok(());
    }
    let params = Object::read(params, "params", &["_meta"])?;
    let Some(meta) = params.get("_meta").filter(|meta| meta.is_object()) else {
        return Ok(());
    };
    let reserved = [CLIENT_CAPABILITIES, LOG_LEVEL, PROTOCOL_VERSION];
    let meta = Object::read(meta, "_meta", &reserved)?;
    if let Some(capabilities) = meta.get(CLIENT_CAPABILITIES) {
        of_client(rules, capabilities, cuts)?;
    }
    let logs = rules.grants(ClientRight::Logging);
    cuts.members(&meta, |key| key == LOG_LEVEL && !logs)
}

/// A client's capabilities.
pub(super) fn of_client<'a>(
    rules: &Rules,
    capabilities: Value<'a>,
    cuts: &mut Cuts<'a>,
) -> Result<(), Unclear> {
    if !capabilities.is_object() {
        return Ok(());
    }
    let reserved = ["sampling", "elicitation", "roots", "tasks"];
    let object = Object::read(capabilities, "capabilities", &reserved)?;
    let goes = |right| !rules.grants(right);
    let elicitation = object.get("elicitation");
    let elicitation = elicitation.map_or(Ok(Part::Stays), |it| elicitation_part(rules, it))?;
    cuts.members(&object, |key| match key {
        "sampling" => goes(ClientRight::Sampling),
        "roots" => goes(ClientRight::Roots),
        "elicitation" => matches!(elicitation, Part::Goes),
        _ => false,
    })?;
    if let Part::Without(object, form) = elicitation {
        cuts.members(&object, |key| key == form)?;
    }
    match object.get("tasks") {
        Some(tasks) => of_tasks(rules, tasks, cuts),
        None => Ok(()),
    }
}

/// What becomes of a part.
enum Part<'a> {
    Stays,
    Goes,
    /// It stays without this key.
    Without(Object<'a>, &'static str),
}

/// Forms are what `{}` means; pages are told apart from them since 2025-11-25. So pages alone must
/// not be left as `{}`.
fn elicitation_part<'a>(rules: &Rules, elicitation: Value<'a>) -> Result<Part<'a>, Unclear> {
    let forms = rules.grants(ClientRight::Elicitation);
    let pages = rules.grants(ClientRight::ElicitationUrl);
    if forms && pages {
        return Ok(Part::Stays);
    }
    if !(forms || pages) || !elicitation.is_object() {
        return Ok(Part::Goes);
    }
    let object = Object::read(elicitation, "elicitation", &["form", "url"])?;
    let has = |key| object.get(key).is_some();
    Ok(match (has("form"), has("url")) {
        (true, true) => Part::Without(object, if forms { "url" } else { "form" }),
        (_, false) if forms => Part::Stays,
        (false, true) if pages => Part::Stays,
        (true | false, true | false) => Part::Goes,
    })
}

/// What a client can do as a task (2025-11-25).
fn of_tasks<'a>(rules: &Rules, tasks: Value<'a>, cuts: &mut Cuts<'a>) -> Result<(), Unclear> {
    if !tasks.is_object() {
        return Ok(());
    }
    let tasks = Object::read(tasks, "tasks", &["requests"])?;
    let Some(requests) = tasks.get("requests").filter(|it| it.is_object()) else {
        return Ok(());
    };
    let requests = Object::read(requests, "requests", &["sampling", "elicitation", "roots"])?;
    let asks = rules.grants(ClientRight::Elicitation) || rules.grants(ClientRight::ElicitationUrl);
    cuts.members(&requests, |key| match key {
        "sampling" => !rules.grants(ClientRight::Sampling),
        "elicitation" => !asks,
        "roots" => !rules.grants(ClientRight::Roots),
        _ => false,
    })
}

/// What a server says of itself, in the result of `initialize` or `server/discover`: whether
/// anything was taken out.
pub(super) fn of_server<'a>(
    rules: &Rules,
    result: &Object<'a>,
    cuts: &mut Cuts<'a>,
) -> Result<(), Unclear> {
    let capabilities = result.get("capabilities").filter(|it| it.is_object());
    let Some(capabilities) = capabilities.filter(|_| !rules.grants(ClientRight::Logging)) else {
        return Ok(());
    };
    let capabilities = Object::read(capabilities, "capabilities", &["logging"])?;
    cuts.members(&capabilities, |key| key == "logging")
}
