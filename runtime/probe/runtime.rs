//! Runtimes outside of the host's system: an environment of Python, a Node.js of a version manager.
//! Each is known by the files around the program; nothing is run.

use super::look::interpreter;
use brig_policies::CommandProgram;
use brig_sandbox::facts::{RuntimeKind, RuntimePlace};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Interpreters after each other: a script, what runs it, and what runs that.
const SCRIPTS_MAX: usize = 2;
/// Links after each other at most (path_resolution(7)).
const LINKS_MAX: usize = 40;
/// Folders above a program that are looked at: a package of npm lies deepest.
const ABOVE_MAX: usize = 8;
/// Bytes that are read of one file to learn a version.
const TOLD_BYTES_MAX: u64 = 64 << 10;

/// A program, with the runtimes that it needs.
#[derive(Default)]
pub(super) struct Found {
    /// The path by which it is run: in an environment as written, since Python finds the
    /// environment by that path; elsewhere the canonical one.
    pub(super) program: Option<String>,
    /// The runtimes.
    pub(super) runtimes: Vec<RuntimePlace>,
    /// Whether the path leads through a version manager's stand-in for the program.
    pub(super) shim: bool,
    /// The programs that first lines name behind env(1), by the name.
    pub(super) behind_env: BTreeMap<String, PathBuf>,
}

/// Looks for a program and its runtimes.
pub(super) fn find(named: &CommandProgram) -> Found {
    let written = match named {
        CommandProgram::Path(path) => Some(PathBuf::from(path.as_str())),
        CommandProgram::Name(name) => named_on_path(name),
    };
    let Some(reached) = written.and_then(|path| reach(&path)) else {
        return Found::default();
    };
    let mut found = Found {
        program: reached.path.to_str().map(str::to_owned),
        runtimes: Vec::new(),
        shim: reached.shim,
        behind_env: BTreeMap::new(),
    };
    let mut path = reached.path;
    for _ in 0..=SCRIPTS_MAX {
        let environment = environment(&path);
        let in_environment = environment.is_some();
        found.runtimes.extend(environment.into_iter().flatten());
        let Ok(canonical) = fs::canonicalize(&path) else {
            break;
        };
        let next = File::open(&canonical).ok().and_then(|f| interpreter(&f));
        let Some(next) = next else {
            // What an environment is based on was found with it.
            if !in_environment {
                found.runtimes.extend(runtime(&canonical));
            }
            break;
        };
        let Some(reached) = interpreter_path(&next, &canonical).and_then(|path| reach(&path))
        else {
            break;
        };
        path = reached.path;
        found.behind_env.insert(next, path.clone());
    }
    found
}

/// As a shell would find it, links and all.
fn named_on_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .filter(|folder| folder.is_absolute())
        .filter_map(|folder| Some(fs::canonicalize(folder).ok()?.join(name)))
        .find(|path| runs(path))
}

/// The path of what a script's first line names. A name stands behind env(1): a runtime around the
/// script has its own program first on the search path in a cell.
fn interpreter_path(named: &str, script: &Path) -> Option<PathBuf> {
    if named.contains('/') {
        return Some(PathBuf::from(named));
    }
    let beside = above(script).map(|folder| folder.join("bin").join(named));
    let mut beside = beside.filter(|path| runs(path));
    let own = beside.find(|path| fs::canonicalize(path).is_ok_and(|at| runtime(&at).is_some()));
    own.or_else(|| fs::canonicalize(named_on_path(named)?).ok())
}

struct Reached {
    path: PathBuf,
    shim: bool,
}

/// Follows links up to an environment, or else to the end.
fn reach(path: &Path) -> Option<Reached> {
    if !runs(path) {
        return None;
    }
    let mut path = path.to_owned();
    let mut shim = false;
    for _ in 0..LINKS_MAX {
        shim |= is_shim(&path);
        if settings_of(&path).is_some() {
            break;
        }
        let folder = fs::canonicalize(path.parent()?).ok()?;
        let own = folder.join(path.file_name()?);
        let Ok(to) = fs::read_link(&own) else {
            path = own;
            shim |= is_shim(&path);
            break;
        };
        path = folder.join(to);
    }
    Some(Reached { path, shim })
}

/// pyenv, asdf and mise keep them in a folder of that name, Volta in programs of that name.
fn is_shim(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name);
    folder.is_some_and(|folder| folder == "shims")
        || path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().ends_with(b"-shim"))
}

fn runs(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// The folders above a path, nearest first.
fn above(path: &Path) -> impl Iterator<Item = &Path> {
    path.ancestors().skip(1).take(ABOVE_MAX)
}

/// The settings of the environment that a program lies in (the venv module's documentation).
fn settings_of(program: &Path) -> Option<String> {
    let folder = program.parent()?;
    if folder.file_name()? != "bin" {
        return None;
    }
    told(&folder.parent()?.join("pyvenv.cfg"))
}

/// The environment that a program lies in, and the Python that it is based on.
fn environment(program: &Path) -> Option<Vec<RuntimePlace>> {
    let settings = settings_of(program)?;
    let setting = |name: &str| {
        let mut lines = settings.lines().filter_map(|line| line.split_once('='));
        let (_, value) = lines.find(|(key, _)| key.trim() == name)?;
        Some(value.trim().to_owned())
    };
    let version = setting("version").or_else(|| setting("version_info"));
    let folder = program.parent()?.parent()?;
    let version = version.map(|version| format!("environment of python {version}"));
    let mut places = vec![place(folder, RuntimeKind::Environment, version)?];
    let base = fs::canonicalize(folder.join("bin/python")).ok();
    let base = base.and_then(|base| runtime(&base));
    // Python reads its library from the path that the settings name.
    let home = setting("home").map(PathBuf::from);
    if let (Some(base), Some(home)) = (&base, home.as_deref().and_then(Path::parent)) {
        let again = place(home, base.is, base.version.clone());
        places.extend(again.filter(|again| again.canonical == base.canonical));
    }
    places.extend(base);
    Some(places)
}

/// The runtime that a program is, by its canonical path and what lies around it.
fn runtime(program: &Path) -> Option<RuntimePlace> {
    let name = program.file_name()?.to_str()?;
    let (folder, version) = if name == "node" || name == "nodejs" {
        node(program)?
    } else {
        python(program, name)?
    };
    let homebrew = above(folder).find(|folder| {
        let has = |name: &str| folder.join(name).is_dir();
        has("Cellar") && has("opt") && has("lib") && has("bin")
    });
    match homebrew {
        // Its programs find each other's libraries by paths of the whole.
        Some(homebrew) => place(homebrew, RuntimeKind::Homebrew, Some(version)),
        None => place(folder, RuntimeKind::Runtime, Some(version)),
    }
}

fn node(program: &Path) -> Option<(&Path, String)> {
    let folder = program
        .parent()
        .filter(|bin| bin.ends_with("bin"))?
        .parent()?;
    let has = |path: &str| folder.join(path).is_dir();
    if !has("lib/node_modules") && !has("include/node") {
        return None;
    }
    let header = told(&folder.join("include/node/node_version.h")).unwrap_or_default();
    let number = |name: &str| defined(&header, &format!("NODE_{name}_VERSION"));
    let numbers = number("MAJOR").zip(number("MINOR")).zip(number("PATCH"));
    let version = match numbers {
        Some(((major, minor), patch)) => format!("node v{major}.{minor}.{patch}"),
        None => match folder.file_name().and_then(|name| name.to_str()) {
            Some(name) if is_version(name) => format!("node v{}", name.trim_start_matches('v')),
            Some(_) | None => "node".to_owned(),
        },
    };
    Some((folder, version))
}

fn python<'a>(program: &'a Path, name: &str) -> Option<(&'a Path, String)> {
    let folder = program
        .parent()
        .filter(|bin| bin.ends_with("bin"))?
        .parent()?;
    let minor = name.strip_prefix("python3.")?;
    if !minor.starts_with(|c: char| c.is_ascii_digit()) || !folder.join("lib").join(name).is_dir() {
        return None;
    }
    let header = told(&folder.join("include").join(name).join("patchlevel.h"));
    let version = header.and_then(|header| defined(&header, "PY_VERSION"));
    let version = version.unwrap_or_else(|| format!("3.{minor}"));
    Some((folder, format!("python {version}")))
}

/// What a header defines a name as. The text is shown, so only what versions are made of counts.
fn defined(header: &str, name: &str) -> Option<String> {
    let value = header.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let is = words.next() == Some("#define") && words.next() == Some(name);
        is.then(|| words.next()).flatten()
    })?;
    let value = value.trim_matches('"');
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-');
    (!value.is_empty() && value.chars().all(plain)).then(|| value.to_owned())
}

fn is_version(name: &str) -> bool {
    let numbers = name.strip_prefix('v').unwrap_or(name);
    !numbers.is_empty() && numbers.chars().all(|c| c.is_ascii_digit() || c == '.')
}

fn place(folder: &Path, is: RuntimeKind, version: Option<String>) -> Option<RuntimePlace> {
    let canonical = fs::canonicalize(folder).ok()?;
    Some(RuntimePlace {
        at: folder.to_str()?.to_owned(),
        canonical: canonical.to_str()?.to_owned(),
        is,
        version,
    })
}

fn told(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(path).ok().filter(|_| path.is_file())?;
    file.take(TOLD_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}
