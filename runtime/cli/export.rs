//! `brig export`: a plan in the form of other tools.

use super::print;
use crate::engine::Named;
use crate::exit::Exit;
use crate::prepare::{Planned, check, decide};
use crate::report::Refused;
use crate::serve::environment;
use brig_sandbox::engine::Engine;
use brig_sandbox::lower::command::{UNSAID, words};
use brig_sandbox::lower::oci::{Bundle, bundle, seccomp};
use brig_sandbox::plan::{ContainerPart, ImagePart, Isolation, Plan, Value};
use clap::{Args, Subcommand};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// In which form.
#[derive(Debug, Subcommand)]
pub(super) enum Export {
    /// Print the seccomp profile, as Docker, Podman and OCI runtimes read it
    #[command(after_help = "Example:
  brig export seccomp brig.toml > profile.json
  docker run --security-opt seccomp=profile.json …")]
    Seccomp(From),
    /// Print the command that starts the container by hand, hardened as the plan says
    #[command(after_help = "Examples:
  brig export seccomp brig.toml > seccomp.json
  brig export docker brig.toml > run.sh && sh run.sh
  brig export docker --podman brig.toml

It has what an engine can be told. What only brig does is listed on standard error.")]
    Docker {
        #[command(flatten)]
        from: From,
        /// For Podman
        #[arg(long)]
        podman: bool,
        /// Where the seccomp profile is
        #[arg(long, value_name = "FILE", default_value = "seccomp.json")]
        seccomp: String,
    },
    /// Write a bundle for an OCI runtime: config.json and rootfs
    #[command(after_help = "Example:
  brig export oci brig.toml bundle
  crun run --bundle bundle notes

It has what a runtime can be told. What only brig does is listed on standard error.")]
    Oci {
        #[command(flatten)]
        from: From,
        /// The folder to make, which must not exist
        into: PathBuf,
    },
}

/// A manifest.
#[derive(Args, Debug)]
pub(super) struct From {
    /// The manifest, whose server is a program or an image
    manifest: PathBuf,
    /// The folder that `{project}` in the manifest stands for
    #[arg(long, value_name = "DIR")]
    project: Option<PathBuf>,
}

pub(super) fn export(asked: &Export) -> Result<Exit, Refused> {
    match asked {
        Export::Seccomp(from) => {
            let planned = planned(from)?;
            without_network(&planned.plan)?;
            let profile = seccomp(&planned.plan.cell.calls_at_start);
            let profile = profile.map_err(|error| failed(&error.to_string()))?;
            print(&format!("{profile:#}\n"))
        }
        Export::Docker {
            from,
            podman,
            seccomp,
        } => docker(from, *podman, seccomp),
        Export::Oci { from, into } => {
            let planned = planned(from)?;
            oci(&planned, container(&planned)?, into)
        }
    }
}

fn container(planned: &Planned) -> Result<&ContainerPart, Refused> {
    match &planned.plan.isolation {
        Isolation::Container(part) => Ok(part),
        Isolation::Component(_) => {
            let message = "a component is no container: brig alone runs it".to_owned();
            let help = "`brig export` takes manifests with `command` or `image`";
            Err(Refused::one(
                Exit::Artifact,
                "not-exportable",
                message,
                help,
            ))
        }
    }
}

fn docker(from: &From, podman: bool, seccomp: &str) -> Result<Exit, Refused> {
    let engine = if podman {
        Engine::Podman
    } else {
        Engine::Docker
    };
    let mut checked = check(&from.manifest, from.project.as_deref())?;
    checked.engine = Named::Elsewhere(engine);
    let planned = decide(checked)?;
    let part = container(&planned)?;
    without_network(&planned.plan)?;
    let image = part.image.as_ref().map(named).unwrap_or_default();
    without_secrets(&planned.plan, |value| matches!(value, Value::SecretFile(_)))?;
    let words = words(&planned.plan, part, &image, seccomp);
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    print(&format!("{}\n", words.join(" \\\n  ")))?;
    for unsaid in UNSAID {
        crate::log::Log::new("export").notice(&format!("a command cannot say: {unsaid}"));
    }
    Ok(Exit::Success)
}

/// The image by its digest, where it has a name in a registry. From a file it is what `brig pull
/// --engine` loads.
fn named(image: &ImagePart) -> String {
    let (reference, digest) = (&image.reference, &image.digest);
    let is_file = ["oci:", "oci-archive:", "docker-archive:"];
    if is_file.iter().any(|form| reference.starts_with(form)) {
        let short = digest.trim_start_matches("sha256:");
        return format!("brig/pulled:{}", short.get(..12).unwrap_or(short));
    }
    let name = reference.split('@').next().unwrap_or(reference);
    // A colon after the last slash begins a tag; before it, a port.
    let slash = name.rfind('/').map_or(0, |at| at + 1);
    let end = name[slash..].find(':').map_or(name.len(), |at| slash + at);
    format!("{}@{digest}", &name[..end])
}

/// A word as a POSIX shell reads it. Variables of the plan's own form stay variables.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    let is_variable = word.starts_with("--env=") && word.contains("=${") && word.ends_with("-}");
    if is_variable {
        return format!("\"{word}\"");
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn planned(from: &From) -> Result<Planned, Refused> {
    // A bundle and a profile have a form of their own, whatever engine is this host's choice.
    let mut checked = check(&from.manifest, from.project.as_deref())?;
    checked.engine = Named::Elsewhere(Engine::Native);
    decide(checked)
}

/// What is exported holds no secret. Docker passes on a variable of its caller's; nothing else has
/// such a way.
fn without_secrets(plan: &Plan, is_held: impl Fn(&Value) -> bool) -> Result<(), Refused> {
    let Some((name, _)) = plan.environment.iter().find(|(_, value)| is_held(value)) else {
        return Ok(());
    };
    let message = format!("`{name}` passes a secret, which an export would hold for everyone");
    let help = "let brig run it; `brig export docker` takes secrets that are `as = \"env\"` from \
                the environment of whoever runs it";
    Err(Refused::one(
        Exit::Unenforceable,
        "secret-exported",
        message,
        help,
    ))
}

/// What is exported reaches nobody, or an engine would have to open its whole network: only brig
/// holds a server to names, so a server that needs some is no use without it. A profile is no
/// exception: it would let sockets be made, which only the empty network of a cell makes harmless.
fn without_network(plan: &Plan) -> Result<(), Refused> {
    let Some(grant) = plan
        .egress
        .as_ref()
        .and_then(|egress| egress.grants.first())
    else {
        return Ok(());
    };
    let message = format!(
        "`[[network]]` grants `{}`, and what is exported could not hold the server to it",
        grant.host
    );
    let help = "let brig run it, under the engine of your choice with --engine; or export a \
                manifest without `[[network]]`";
    Err(Refused::one(
        Exit::Unenforceable,
        "network-exported",
        message,
        help,
    ))
}

fn oci(planned: &Planned, part: &ContainerPart, into: &Path) -> Result<Exit, Refused> {
    without_network(&planned.plan)?;
    without_secrets(&planned.plan, |value| {
        matches!(value, Value::Secret(_) | Value::SecretFile(_))
    })?;
    let env = environment(&planned.plan);
    let bundle = bundle(&planned.plan, part, &env).map_err(|error| failed(&error.to_string()))?;
    let made = DirBuilder::new().mode(0o755).create(into);
    let written = made.and_then(|()| write(planned, &bundle, into));
    written.map_err(|error| failed(&format!("write `{}`: {error}", into.display())))?;
    for unsaid in &bundle.unsaid {
        crate::log::Log::new("export").notice(&format!("a bundle cannot say: {unsaid}"));
    }
    Ok(Exit::Success)
}

fn write(planned: &Planned, bundle: &Bundle, into: &Path) -> io::Result<()> {
    let root = into.join("rootfs");
    match planned.facts.image.as_ref() {
        Some(image) => copy(Path::new(&image.root), &root)?,
        None => fs::create_dir(&root)?,
    }
    // Each below the root, as no link of the image may lead it anywhere else.
    for (at, is_file) in &bundle.places {
        let path = inside(&root, at)?;
        match fs::symlink_metadata(&path) {
            Ok(there) if there.is_dir() != *is_file && !there.is_symlink() => continue,
            Ok(_) => fs::remove_file(&path)?,
            Err(_) => {}
        }
        if *is_file {
            fs::write(path, "")?;
        } else {
            fs::create_dir(path)?;
        }
    }
    for (at, text) in &bundle.texts {
        let path = inside(&root, at)?;
        remove(&path)?;
        fs::write(path, text)?;
    }
    for (at, to) in &bundle.links {
        let path = inside(&root, at)?;
        remove(&path)?;
        symlink(to, path)?;
    }
    fs::write(into.join("config.json"), format!("{:#}\n", bundle.config))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A place of the root, with the folders above it. Where the image has a link on the way, nothing
/// is written.
fn inside(root: &Path, at: &str) -> io::Result<PathBuf> {
    let mut path = root.to_owned();
    let parts: Vec<&str> = at.split('/').filter(|part| !part.is_empty()).collect();
    for (index, part) in parts.iter().enumerate() {
        path.push(part);
        if index + 1 == parts.len() {
            break;
        }
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(io::Error::other(format!("`{at}`: a link is on the way"))),
            Err(_) => fs::create_dir(&path)?,
        }
    }
    Ok(path)
}

/// A copy that everybody can read: a runtime's server is no owner of it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&source, &target)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(&source)?, target)?;
        } else if kind.is_file() {
            let mode = entry.metadata()?.permissions().mode();
            fs::copy(&source, &target)?;
            // What the owner may read and run, all may; nobody else may write.
            let shared = mode & 0o700 | (mode & 0o500) >> 3 | (mode & 0o500) >> 6;
            fs::set_permissions(target, fs::Permissions::from_mode(shared))?;
        }
    }
    Ok(())
}

fn failed(what: &str) -> Refused {
    let message = format!("cannot {what}");
    Refused::one(Exit::Failure, "export-failed", message, "")
}
