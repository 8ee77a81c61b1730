//! What authors and reviewers ask: what a change widens, a manifest's layout, what can be written.

use super::arguments::Diff;
use super::print;
use crate::exit::Exit;
use crate::log::escape;
use crate::prepare::{Checked, check_alone, check_text};
use crate::replace::replace;
use crate::report::Refused;
use crate::screen::part;
use brig_policies::{FaultCode, widen};
use serde_json::json;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the second manifest allows that the first does not, and the other way around. The settings
/// have no say: under a ceiling that both reach, a change would look like none.
pub(super) fn diff(diff: &Diff) -> Result<Exit, Refused> {
    let project = diff.project.as_deref();
    let (first, after) = match (&diff.git, diff.manifests.as_slice()) {
        (Some(revision), [after]) => (at_revision(revision, after, project)?, after),
        (None, [before, after]) => (check_alone(before, project)?, after),
        (Some(_) | None, _) => {
            let help = "`brig diff BEFORE AFTER`, or `brig diff --git REVISION MANIFEST`";
            let message = "two manifests are compared, or one with a revision";
            return Err(Refused::one(Exit::Usage, "usage", message, help));
        }
    };
    let second = check_alone(after, project)?;
    let changes = widen(&first.policy, &second.policy);
    print(&if diff.json {
        format!("{:#}\n", json!(changes))
    } else {
        let mut out = String::new();
        for (sign, title, list) in [
            ('+', "widened", &changes.widened),
            ('-', "narrowed", &changes.narrowed),
            ('~', "changed, and no right", &changes.other),
        ] {
            part(&mut out, sign, title, list);
        }
        if changes.is_empty() {
            out.push_str("the same rights\n");
        }
        out
    })?;
    Ok(if changes.widened.is_empty() {
        Exit::Success
    } else {
        Exit::Widened
    })
}

fn at_revision(
    revision: &str,
    manifest: &Path,
    project: Option<&Path>,
) -> Result<Checked, Refused> {
    let refuse = |message: String| {
        let help = "name a revision that has the manifest, such as HEAD or main";
        Refused::one(Exit::Manifest, "manifest-unreadable", message, help)
    };
    let folder = match manifest.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    let name = manifest
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    // `--end-of-options`, so that no revision is read as an option.
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["show", "--end-of-options"])
        .arg(format!("{revision}:./{}", name.unwrap_or_default()))
        .output()
        .map_err(|error| refuse(format!("cannot ask git: {error}")))?;
    let text = String::from_utf8(output.stdout)
        .map_err(|_| refuse(format!("the manifest in `{revision}` is not text")))?;
    if !output.status.success() {
        let said = escape(output.stderr.trim_ascii());
        return Err(refuse(format!(
            "cannot read the manifest in `{revision}`: {said}"
        )));
    }
    check_text(manifest, text, project)
}

/// Lays manifests out anew, in place.
pub(super) fn format(manifests: &[PathBuf], only_check: bool) -> Result<Exit, Refused> {
    let mut differs = false;
    for manifest in manifests {
        let text = read(manifest)?;
        let path = manifest.display().to_string();
        let formatted =
            brig_policies::format(&text).map_err(|faults| Refused::faults(faults, &path, &text))?;
        if manifest == Path::new("-") {
            print(&formatted)?;
        } else if formatted != text && only_check {
            differs = true;
            print(&format!("{}\n", escape(path.as_bytes())))?;
        } else if formatted != text {
            rewrite(manifest, &formatted).map_err(|error| unwritten(&path, &error))?;
        }
    }
    Ok(if differs {
        Exit::Failure
    } else {
        Exit::Success
    })
}

fn read(manifest: &Path) -> Result<String, Refused> {
    let text = if manifest == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(manifest)
    };
    text.map_err(|error| {
        let message = format!("cannot read `{}`: {error}", manifest.display());
        let help = "name a manifest, a TOML file";
        Refused::one(Exit::Manifest, "manifest-unreadable", message, help)
    })
}

/// Writes a manifest anew, where a link leads to it there, and with the permissions that it has.
pub(super) fn rewrite(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let mode = fs::metadata(&path)?.permissions().mode();
    replace(&path, text.as_bytes(), Some(mode & 0o7777))
}

/// Prints the JSON Schema of manifests or of the settings, or puts it where editors can be told to
/// find it.
pub(super) fn schema(settings: bool, install: bool) -> Result<Exit, Refused> {
    let (schema, name) = if settings {
        (brig_policies::settings_schema(), "settings")
    } else {
        (brig_policies::schema(), "manifest")
    };
    let text = format!("{:#}\n", json!(schema));
    if !install {
        return print(&text);
    }
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    let folder = data
        .filter(|data| data.is_absolute())
        .or(home)
        .ok_or_else(|| {
            let help = "set HOME, or print it with `brig schema` alone";
            Refused::one(
                Exit::Failure,
                "output-failed",
                "there is no home to install in",
                help,
            )
        })?;
    let path = folder.join(format!("brig/{name}.schema.json"));
    let written = fs::create_dir_all(folder.join("brig")).and_then(|()| fs::write(&path, text));
    written.map_err(|error| unwritten(&path.display().to_string(), &error))?;
    print(&format!(
        "wrote {0}\nas the first line of such a file, for editors that know Taplo:\n\
         #:schema {0}\n",
        escape(path.display().to_string().as_bytes())
    ))
}

/// What can be written: all of it, or one section or key.
pub(super) fn reference(key: Option<&str>) -> Result<Exit, Refused> {
    let Some(key) = key else {
        return print(&brig_policies::reference());
    };
    let found = brig_policies::reference_of(key).ok_or_else(|| {
        let message = format!("a manifest has no key `{}`", escape(key.as_bytes()));
        let help = "write it with its section, such as `files.at`; `brig reference` has them all";
        Refused::one(Exit::Usage, "key-unknown", message, help)
    })?;
    print(&found)
}

/// What a kind of fault means; all kinds, without one.
pub(super) fn fault(code: Option<&str>) -> Result<Exit, Refused> {
    let Some(code) = code else {
        let names: Vec<&str> = FaultCode::ALL.iter().map(|code| code.as_str()).collect();
        return print(&format!("{}\n", names.join("\n")));
    };
    let found = FaultCode::of(code).ok_or_else(|| {
        let message = format!("there is no kind of fault `{}`", escape(code.as_bytes()));
        let help = "`brig explain-fault` alone lists them";
        Refused::one(Exit::Usage, "fault-unknown", message, help)
    })?;
    let page = found.page();
    let of = if page.of_lock { " in a lock" } else { "" };
    let settings = if page.settings.is_empty() {
        String::new()
    } else {
        format!("under these settings:\n\n{}\n\n", indented(page.settings))
    };
    print(&format!(
        "{code}\n\n{}\n\n{settings}refused{of}:\n\n{}\n\ninstead:\n\n{}\n",
        page.explanation,
        indented(page.refused),
        indented(page.fixed)
    ))
}

fn indented(lines: &str) -> String {
    let lines: Vec<String> = lines
        .trim_end()
        .lines()
        .map(|line| format!("    {line}"))
        .collect();
    lines.join("\n")
}

pub(super) fn unwritten(path: &str, error: &io::Error) -> Refused {
    let message = format!("cannot write `{path}`: {error}");
    Refused::one(Exit::Failure, "output-failed", message, "it is as it was")
}
