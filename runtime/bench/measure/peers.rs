//! What people use instead of brig, as close to the manifest as each can come.
//!
//! Every one of them gets the same program, arguments, variables and granted folders. What it
//! cannot hold (names of hosts, one server's limits) it does not hold: a report's reader sees
//! names, and README says what each stands for.

mod boxes;
mod containers;

use super::machine::version_of;
use super::scratch::Scratch;
use super::subject::{Kind, Subject};
use super::usage::Reach;
use super::way::{BARE, Cold, Launch, Way, own_program};
use crate::consent::quoted;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program that runs a component with nothing around it (`benches/embedding`).
const EMBEDDING: &str = "bare-embedding";

/// Every row beside brig's, in the order of reports.
pub(super) fn beside(subjects: &[Subject], scratch: &Path) -> Vec<Way> {
    let of = |kind: Kind| subjects.iter().find(|subject| subject.kind == kind);
    let (program, image) = (of(Kind::Program), of(Kind::Image));
    let mut ways = Vec::new();
    if let Some(subject) = program.or(image) {
        ways.push(bare(subject));
        ways.push(socat(subject, scratch));
        ways.extend(boxes::all(subject, scratch));
    }
    if let Some(subject) = of(Kind::Component) {
        ways.push(embedding(subject, scratch));
    }
    if let Some(subject) = image {
        ways.extend(containers::all(subject, scratch));
    }
    ways
}

/// Where a program lies in PATH.
pub(super) fn found(program: &str) -> Result<String, String> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&paths).map(|folder| folder.join(program));
    let is_program = |path: &PathBuf| {
        let found = fs::metadata(path);
        found.is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
    };
    let path = places.find(is_program);
    let path = path.map(|path| path.display().to_string());
    path.ok_or_else(|| format!("`{program}` is not installed here"))
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The program with nothing around it. That of an image needs its image as the root.
fn bare(subject: &Subject) -> Way {
    Way::new(BARE, plain(subject).map(|words| without(subject, words)))
}

/// The words of the program as it runs without walls.
pub(super) fn plain(subject: &Subject) -> Result<Vec<String>, String> {
    let Some(root) = root_of(subject) else {
        return subject
            .words_here()
            .ok_or_else(|| "it is no program".to_owned());
    };
    if subject.grants().next().is_some() {
        return Err("an image's program finds no granted folder without a mount".to_owned());
    }
    if !is_root() {
        return Err("only root can run an image's program without walls (chroot)".to_owned());
    }
    let mut words = vec![found("chroot")?, root];
    words.extend(subject.words_inside().unwrap_or_default());
    Ok(words)
}

/// Where the image's files lie.
pub(super) fn root_of(subject: &Subject) -> Option<String> {
    subject.mounts().iter().find_map(|mount| {
        let brig_sandbox::cell::Mount::Image { source, .. } = mount else {
            return None;
        };
        Some(source.clone())
    })
}

/// A command with the variables of the manifest and no others.
fn without(subject: &Subject, words: Vec<String>) -> Launch {
    let directory = subject.part().map(|part| PathBuf::from(&part.directory));
    let directory = directory.filter(|path| root_of(subject).is_none() && path.is_dir());
    Launch {
        words,
        variables: subject.environment(),
        is_bare: true,
        directory,
    }
}

/// What a relay adds that does nothing but relay.
fn socat(subject: &Subject, scratch: &Path) -> Way {
    let launch = found("socat").and_then(|socat| {
        let script = scratch.join("bare.sh");
        let words: Vec<String> = plain(subject)?.iter().map(|word| quoted(word)).collect();
        written(
            &script,
            &format!("#!/bin/sh\nexec {}\n", words.join(" ")),
            0o755,
        )?;
        let words = vec![socat, "-".to_owned(), format!("EXEC:{}", script.display())];
        Ok(without(subject, words))
    });
    Way::new("socat relay", launch).with_version(version_of("socat -V"))
}

pub(super) fn written(path: &Path, text: &str, mode: u32) -> Result<(), String> {
    let told = |error: std::io::Error| format!("cannot write `{}`: {error}", path.display());
    fs::write(path, text).map_err(told)?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(told)
}

/// wasmtime around the same component and nothing else, compiled before; cold, it compiles first.
fn embedding(subject: &Subject, scratch: &Path) -> Way {
    let beside_brig = Path::new(&own_program()).with_file_name(EMBEDDING);
    let program = if beside_brig.is_file() {
        Ok(beside_brig.display().to_string())
    } else {
        found(EMBEDDING)
    };
    let plan = &subject.asked.planned.plan;
    let component = plan.isolation.component();
    let source = component.map_or(String::new(), |part| part.artifact.path.clone());
    let has_more = plan
        .cell
        .mounts
        .iter()
        .any(|mount| matches!(mount, brig_sandbox::cell::Mount::Grant { .. }));
    let mut cold = None;
    let launch = program.and_then(|program| {
        if has_more || !plan.args.is_empty() {
            return Err("the bare embedding grants nothing and passes no arguments".to_owned());
        }
        let code = scratch.join("embedding.cwasm").display().to_string();
        let made = Command::new(&program)
            .args(["compile", &source, &code])
            .output();
        let made = made.is_ok_and(|output| output.status.success());
        if !made {
            return Err("the bare embedding cannot compile it".to_owned());
        }
        cold = Some(Cold::Other(Launch::new(vec![program.clone(), source])));
        Ok(Launch::new(vec![program, code]))
    });
    let mut way = Way::new("embedding", launch);
    way.cold = cold;
    way
}

/// `brig run` where nobody can make a user namespace: in one whose limit of them is 0, with root's
/// identity. Approved by its digest, as the plan is another one there.
pub(super) fn narrow(subject: &Subject, scratch: &mut Scratch) -> Result<Launch, String> {
    if !is_root() {
        return Err("only root can take user namespaces away from one process".to_owned());
    }
    let holder = scratch
        .namespace_without_namespaces()
        .map_err(|error| format!("cannot make a user namespace: {error}"))?;
    let mut words = vec![found("nsenter")?, format!("--user=/proc/{holder}/ns/user")];
    words.extend(["--setuid", "0", "--setgid", "0"].map(str::to_owned));
    words.push(own_program());
    // Away from the terminal, at which it would ask.
    let mut given = vec![subject.manifest.display().to_string()];
    if let Some(project) = &subject.project {
        given.extend(["--project".to_owned(), project.display().to_string()]);
    }
    if subject.part().is_some() {
        // Without it a daemon would make the walls there.
        given.extend(["--engine", "native"].map(str::to_owned));
    }
    let mut approve = Command::new(found("setsid")?);
    approve
        .arg("--wait")
        .args(&words)
        .arg("approve")
        .args(&given);
    approve.stdin(Stdio::null());
    let output = approve.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout);
    let digest = said.lines().rev().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("digest"))
            .then(|| words.next())
            .flatten()
    });
    let Some(digest) = digest else {
        let told = String::from_utf8_lossy(&output.stderr);
        let lines = told.lines().map(str::trim).filter(|line| !line.is_empty());
        let told: Vec<&str> = lines.take(3).collect();
        return Err(super::session::shown(&told.join("; ")));
    };
    words.push("run".to_owned());
    words.extend(given);
    words.extend(["--digest".to_owned(), digest.to_owned()]);
    Ok(Launch::new(words))
}

/// A way whose program is somebody's, with its version.
pub(super) fn of_program(
    name: &str,
    program: &str,
    launch: impl FnOnce(String) -> Result<Launch, String>,
) -> Way {
    let found = found(program);
    let version = found.as_ref().ok().and_then(|path| version_of(path));
    Way::new(name, found.and_then(launch)).with_version(version)
}

/// The same for a daemon's client.
pub(super) fn of_daemon(
    name: &str,
    program: &str,
    launch: impl FnOnce(String) -> Result<Launch, String>,
) -> Way {
    of_program(name, program, launch).reaching(Reach::Daemon)
}
