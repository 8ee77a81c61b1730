//! `brig new`: a manifest with the least rights that can be told from what it is for.
//!
//! Each line that is a guess says so. A file that exists is never written over.

use super::arguments::New;
use super::print;
use crate::component::form::{Anatomy, anatomy};
use crate::exit::Exit;
use crate::log::escape;
use crate::report::Refused;
use brig_images::component::Component;
use brig_sandbox::plan::COMPONENT_BYTES_MAX;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Writes the manifest, and says what to do next.
pub(super) fn new(new: &New) -> Result<Exit, Refused> {
    let text = match new.source.split_first() {
        Some((artifact, [])) if is_web_assembly(artifact) => component(artifact, new)?,
        Some((program, arguments)) => command(program, arguments, new),
        None => {
            let help = "`brig new FILE.wasm`, or `brig new -- PROGRAM ARGUMENT…`";
            return Err(Refused::one(
                Exit::Usage,
                "nothing-named",
                "nothing is named",
                help,
            ));
        }
    };
    if new.out == Path::new("-") {
        return print(&text);
    }
    write_new(&new.out, &text)?;
    let path = escape(new.out.display().to_string().as_bytes());
    print(&format!(
        "wrote {path}\nnext: review it, then `brig plan {path}` shows what it comes to here\n"
    ))
}

/// Told by its bytes. A name that ends as such files do and is none is told so.
fn is_web_assembly(artifact: &str) -> bool {
    let mut bytes = [0; 4];
    let read = fs::File::open(artifact).and_then(|mut f| io::Read::read_exact(&mut f, &mut bytes));
    let named = Path::new(artifact)
        .extension()
        .is_some_and(|end| end == "wasm");
    read.is_ok() && bytes == *b"\0asm" || named
}

fn component(artifact: &str, new: &New) -> Result<String, Refused> {
    let path = Path::new(artifact);
    let refuse = |message: String, help: &str| {
        Refused::one(Exit::Artifact, "artifact-refused", message, help)
    };
    let component = Component::read(path, COMPONENT_BYTES_MAX)
        .map_err(|error| refuse(format!("cannot {error}"), "name a WebAssembly file"))?;
    let anatomy = anatomy(&component.bytes);
    if let Some(reason) = &anatomy.refusal {
        let help = "`brig inspect` shows what is in it";
        return Err(refuse(format!("cannot run `{artifact}`: {reason}"), help));
    }
    let absolute = fs::canonicalize(path)
        .map_err(|error| refuse(format!("cannot find `{artifact}`: {error}"), ""))?;
    let mut text = head(&name_of(path));
    let _ = writeln!(text, "component = {}", quoted(&beside(&absolute, &new.out)));
    text.push('\n');
    rights_of(&anatomy, &mut text);
    Ok(text)
}

fn command(program: &str, arguments: &[String], new: &New) -> String {
    let files: Vec<PathBuf> = arguments
        .iter()
        .filter_map(|argument| fs::canonicalize(argument).ok())
        .collect();
    let named = files
        .first()
        .map_or_else(|| Path::new(program), PathBuf::as_path);
    let mut text = head(&name_of(named));
    let argument = |argument: &String| {
        let file = fs::canonicalize(argument).ok();
        let path = file.as_ref().and_then(|path| path.to_str());
        quoted(path.unwrap_or(argument))
    };
    let mut words = vec![match fs::canonicalize(program) {
        Ok(path) if program.contains('/') => quoted(&beside(&path, &new.out)),
        Ok(_) | Err(_) => quoted(program),
    }];
    words.extend(arguments.iter().map(argument));
    let _ = writeln!(text, "command = [{}]\n", words.join(", "));
    let mut folders: Vec<&Path> = files
        .iter()
        .map(|file| {
            if file.is_dir() {
                file
            } else {
                file.parent().unwrap_or(file)
            }
        })
        .collect();
    folders.sort();
    folders.dedup();
    for folder in folders {
        let host = quoted(&folder.display().to_string());
        text.push_str(
            "# A guess: an argument names something here. It is shown for reading alone.\n",
        );
        let _ = writeln!(text, "[[files]]\nhost = {host}\naccess = \"read\"\n");
    }
    text.push_str(VARIABLES);
    text.push_str(LIMITS);
    text
}

fn head(name: &str) -> String {
    format!(
        "# What this server may touch. What is not granted here does not exist for it.\n\
         # `brig check` tells mistakes, `brig plan` shows what it comes to on this host.\n\
         brig = 1\n\n[server]\nname = {}\n",
        quoted(name)
    )
}

/// A name that a manifest takes, from a file's.
fn name_of(path: &Path) -> String {
    let stem = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or("server");
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let name: String = stem.chars().map(plain).take(64).collect();
    let name = name.trim_matches('-').to_owned();
    if name.is_empty() {
        "server".to_owned()
    } else {
        name
    }
}

/// The path as the manifest would write it: relative where it lies in the manifest's folder.
fn beside(path: &Path, out: &Path) -> String {
    let folder = match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => fs::canonicalize(folder),
        Some(_) | None => std::env::current_dir(),
    };
    let inside = folder
        .ok()
        .and_then(|folder| path.strip_prefix(folder).ok());
    match inside {
        Some(inside) => format!("{{config}}/{}", inside.display()),
        None => path.display().to_string(),
    }
}

fn rights_of(anatomy: &Anatomy, text: &mut String) {
    let imports = |package: &str| anatomy.imports.iter().any(|name| name.starts_with(package));
    if imports("wasi:filesystem/") || imports("wasi_snapshot_preview1") {
        text.push_str(
            "# It can use folders, if it is given any; most programs can without needing one.\n\
             # A guess: none. Name each that it needs, and how it finds it:\n\
             # [[files]]\n# host = \"~/notes\"\n# at = \"/notes\"\n# access = \"read\"\n\n",
        );
    }
    if imports("wasi:sockets/") {
        text.push_str(
            "# It can use the network, if it is given any; programs are often built with it and\n\
             # do not need it. A guess: none. Name each host that it needs:\n\
             # [[network]]\n# host = \"api.example.com\"\n# ports = [443]\n\n",
        );
    }
    text.push_str(VARIABLES);
    text.push_str(LIMITS);
}

const VARIABLES: &str = "# Variables: none but LANG and TZ. A value, or one of the host's:\n\
    # [env]\n# LOG_LEVEL = \"info\"\n# API_URL = { host = \"API_URL\" }\n\n";
const LIMITS: &str = "# The defaults; `brig plan` prints them all.\n[limits]\nmemory = \"256MiB\"\n\
    call = \"60s\"\n";

/// A string as TOML has it, which a string of JSON is too.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

fn write_new(path: &Path, text: &str) -> Result<(), Refused> {
    let mut options = fs::OpenOptions::new();
    let written = options
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        let help = if error.kind() == io::ErrorKind::AlreadyExists {
            "it is kept as it is: name another file with `--out`, or `--out -` to print"
        } else {
            "name a file that you can write with `--out`"
        };
        let message = format!("cannot write `{}`: {error}", path.display());
        Refused::one(Exit::Failure, "output-failed", message, help)
    })
}
