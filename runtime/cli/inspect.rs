//! `brig inspect`: what a file is, and what the server in it offers when it runs without a right.

use super::client::{How, Session};
use super::print;
use crate::component::form::{Anatomy, anatomy};
use crate::consent::Start;
use crate::exit::Exit;
use crate::log::escape;
use crate::report::Refused;
use brig_images::component::Component;
use brig_sandbox::plan::COMPONENT_BYTES_MAX;
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Pages of one list that are asked for. A server could give another one for ever.
const PAGES_MAX: usize = 64;
/// Characters of a description that are shown to a person.
const DESCRIPTION_CHARS_MAX: usize = 72;

/// What is told of an artifact.
#[derive(Serialize)]
struct Inspection {
    path: String,
    bytes: u64,
    blake3: String,
    #[serde(flatten)]
    anatomy: Anatomy,
    /// Absent where it cannot run.
    server: Option<Server>,
}

/// What a server says of itself.
#[derive(Default, Serialize)]
struct Server {
    legacy: Option<Offer>,
    modern: Option<Offer>,
    /// Why there is no offer, where there is none.
    silent: Option<String>,
}

/// What one era of a server offers.
#[derive(Serialize)]
struct Offer {
    versions: Vec<String>,
    info: Value,
    instructions: Option<String>,
    tools: Vec<Value>,
    resources: Vec<Value>,
    resource_templates: Vec<Value>,
    prompts: Vec<Value>,
}

/// Looks and tells. The exit code says whether brig can run it.
pub(super) fn inspect(artifact: &Path, run: bool, as_json: bool) -> Result<Exit, Refused> {
    let component = Component::read(artifact, COMPONENT_BYTES_MAX).map_err(|error| {
        let help = "name a WebAssembly file: `brig check` is for manifests";
        let message = format!("cannot {error}");
        Refused::one(Exit::Artifact, "artifact-refused", message, help)
    })?;
    let anatomy = anatomy(&component.bytes);
    let runs = anatomy.refusal.is_none();
    let server = if runs && run {
        Some(ask(artifact)?)
    } else {
        None
    };
    let inspection = Inspection {
        path: artifact.display().to_string(),
        bytes: component.bytes.len() as u64,
        blake3: component.digest,
        anatomy,
        server,
    };
    print(&if as_json {
        let value = serde_json::to_value(&inspection).unwrap_or_default();
        format!("{value:#}\n")
    } else {
        text(&inspection)
    })?;
    Ok(if runs { Exit::Success } else { Exit::Artifact })
}

/// Asks an instance of its own for each era: the first request decides the era of a connection.
///
/// Whoever names the file here has it run without a right: that is what is approved, by its digest.
fn ask(artifact: &Path) -> Result<Server, Refused> {
    let manifest = Manifest::without_rights(artifact).map_err(|error| broken(&error))?;
    let start = Start {
        manifest: &manifest.path,
        project: None,
        engine: None,
    };
    let digest = start.asked(true)?.subject().digest();
    offers(start, How::Digest(&digest)).map_err(|error| broken(&error))
}

fn offers(start: Start<'_>, how: How<'_>) -> io::Result<Server> {
    let mut server = Server::default();
    let mut session = Session::start(start, how)?;
    match session.initialize("brig inspect", &json!({}))? {
        None => server.silent = Some("it ended before it answered".to_owned()),
        Some(hello) if hello.get("error").is_some() => {
            server.silent = hello["error"]["message"].as_str().map(str::to_owned);
        }
        Some(hello) => {
            let hello = &hello["result"];
            let versions = hello["protocolVersion"].as_str();
            let versions = versions.map(str::to_owned).into_iter().collect();
            let list = |method: &str, params: Value| session.request(method, &params);
            server.legacy = Some(offer(hello, versions, hello["serverInfo"].clone(), list)?);
        }
    }
    session.end()?;
    // A server that did not even start would only say so again.
    if server.silent.is_none() {
        server.modern = modern(start, how)?;
    }
    Ok(server)
}

fn modern(start: Start<'_>, how: How<'_>) -> io::Result<Option<Offer>> {
    let mut session = Session::start(start, how)?;
    let found = session.modern("server/discover", json!({}), &json!({}))?;
    let found = found.map(|answer| answer["result"].clone());
    let offer = match found.filter(Value::is_object) {
        None => None,
        Some(found) => {
            let versions = found["supportedVersions"].as_array();
            let text = |version: &Value| version.as_str().map(str::to_owned);
            let versions = versions.into_iter().flatten().filter_map(text).collect();
            let info = found["_meta"]["io.modelcontextprotocol/serverInfo"].clone();
            let list = |method: &str, params: Value| session.modern(method, params, &json!({}));
            Some(offer(&found, versions, info, list)?)
        }
    };
    session.end()?;
    Ok(offer)
}

fn offer(
    hello: &Value,
    versions: Vec<String>,
    info: Value,
    mut list: impl FnMut(&str, Value) -> io::Result<Option<Value>>,
) -> io::Result<Offer> {
    let mut all = |capability: &str, method: &str, key: &str| {
        if hello["capabilities"].get(capability).is_none() {
            return Ok(Vec::new());
        }
        pages(&mut list, method, key)
    };
    Ok(Offer {
        versions,
        info,
        instructions: hello["instructions"].as_str().map(str::to_owned),
        tools: all("tools", "tools/list", "tools")?,
        resources: all("resources", "resources/list", "resources")?,
        resource_templates: all("resources", "resources/templates/list", "resourceTemplates")?,
        prompts: all("prompts", "prompts/list", "prompts")?,
    })
}

/// All pages of a list, each asked for with the cursor of the one before.
fn pages(
    list: &mut impl FnMut(&str, Value) -> io::Result<Option<Value>>,
    method: &str,
    key: &str,
) -> io::Result<Vec<Value>> {
    let mut found = Vec::new();
    let mut params = json!({});
    for _ in 0..PAGES_MAX {
        let Some(answer) = list(method, params)? else {
            break;
        };
        let page = &answer["result"];
        found.extend(page[key].as_array().cloned().unwrap_or_default());
        match page["nextCursor"].as_str() {
            Some(cursor) => params = json!({ "cursor": cursor }),
            None => break,
        }
    }
    Ok(found)
}

/// A manifest that names an artifact and grants nothing. It is gone with this value.
struct Manifest {
    folder: PathBuf,
    path: PathBuf,
}

impl Manifest {
    fn without_rights(artifact: &Path) -> io::Result<Self> {
        let artifact = fs::canonicalize(artifact)?;
        let artifact = artifact
            .to_str()
            .ok_or_else(|| io::Error::other("its path is not UTF-8"))?;
        let folder = std::env::temp_dir().join(format!("brig-inspect-{}", std::process::id()));
        // Not `create_dir_all`: a folder that somebody else made there is not this one.
        let mut builder = fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700).create(&folder)?;
        let manifest = Self {
            path: folder.join("brig.toml"),
            folder,
        };
        let file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&manifest.path)?;
        // A JSON string is a basic string of TOML too.
        let component = serde_json::to_string(artifact)?;
        let text = format!("brig = 1\n[server]\nname = \"inspect\"\ncomponent = {component}\n");
        io::Write::write_all(&mut &file, text.as_bytes())?;
        Ok(manifest)
    }
}

impl Drop for Manifest {
    fn drop(&mut self) {
        // What is left is a file of three lines in a folder that only this user can enter.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_dir(&self.folder);
    }
}

fn text(inspection: &Inspection) -> String {
    let mut out = String::new();
    let path = escape(inspection.path.as_bytes());
    line(
        &mut out,
        "file",
        &format!("{path} ({} bytes)", inspection.bytes),
    );
    line(&mut out, "", &format!("blake3 {}", inspection.blake3));
    line(&mut out, "form", inspection.anatomy.form);
    for (title, names) in [
        ("imports", &inspection.anatomy.imports),
        ("exports", &inspection.anatomy.exports),
    ] {
        for (at, name) in names.iter().enumerate() {
            let title = if at == 0 { title } else { "" };
            line(&mut out, title, &escape(name.as_bytes()));
        }
    }
    if let Some(reason) = &inspection.anatomy.refusal {
        line(
            &mut out,
            "runs",
            &format!("no: {}", escape(reason.as_bytes())),
        );
    } else {
        line(&mut out, "runs", "yes");
    }
    let Some(server) = &inspection.server else {
        return out;
    };
    if let Some(reason) = &server.silent {
        let reason = escape(reason.as_bytes());
        line(
            &mut out,
            "offers",
            &format!("nothing without a grant: {reason}"),
        );
    }
    for (era, offer) in [("legacy", &server.legacy), ("modern", &server.modern)] {
        match offer {
            Some(offer) => told(&mut out, era, offer),
            None => line(&mut out, era, "not spoken"),
        }
    }
    out
}

fn told(out: &mut String, era: &str, offer: &Offer) {
    let name = |value: &Value| escape(value.as_str().unwrap_or("unnamed").as_bytes());
    let who = format!(
        "{} {}",
        name(&offer.info["name"]),
        name(&offer.info["version"])
    );
    let versions = escape(offer.versions.join(", ").as_bytes());
    line(out, era, &format!("{who}, MCP {versions}"));
    let lists = [
        ("tool", "name", &offer.tools),
        ("resource", "uri", &offer.resources),
        ("template", "uriTemplate", &offer.resource_templates),
        ("prompt", "name", &offer.prompts),
    ];
    for (kind, key, entries) in lists {
        for entry in entries {
            let about = entry["description"].as_str().unwrap_or_default();
            let about = about.lines().next().unwrap_or_default();
            let mut short: String = about.chars().take(DESCRIPTION_CHARS_MAX).collect();
            if short.len() < about.len() {
                short.push('…');
            }
            let about = escape(short.as_bytes());
            line(
                out,
                &format!("  {kind}"),
                &format!("{}  {about}", name(&entry[key])),
            );
        }
    }
}

fn line(out: &mut String, name: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{name:<12} {}", value.trim_end());
}

fn broken(error: &io::Error) -> Refused {
    let message = format!("cannot ask the server: {error}");
    Refused::one(Exit::Failure, "inspect-failed", message, "")
}
