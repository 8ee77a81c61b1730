//! Sandboxes for a program of this host: bubblewrap, firejail, nsjail, systemd, srt.

use super::super::subject::Subject;
use super::super::usage::Reach;
use super::super::way::{Launch, Way};
use super::{is_root, of_program, plain, root_of, without, written};
use brig_sandbox::cell::{Access, GrantKind, Mount};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

pub(super) fn all(subject: &Subject, scratch: &Path) -> Vec<Way> {
    vec![
        of_program("bubblewrap", "bwrap", |bwrap| {
            bubblewrap(subject, bwrap, scratch)
        }),
        of_program("firejail", "firejail", |firejail| {
            let words = host_words(subject)?;
            let network = if subject.reaches_out() {
                &[][..]
            } else {
                &["--net=none"]
            };
            let flags = [
                "--quiet",
                "--noprofile",
                "--caps.drop=all",
                "--seccomp",
                "--nonewprivs",
            ];
            let flags = flags.iter().chain(&[
                "--private-dev",
                "--private-tmp",
                "--deterministic-exit-code",
            ]);
            let mut command: Vec<String> = vec![firejail];
            command.extend(flags.chain(network).map(|flag| (*flag).to_owned()));
            command.push("--".to_owned());
            command.extend(words);
            Ok(without(subject, command))
        }),
        of_program("nsjail", "nsjail", |nsjail| self::nsjail(subject, nsjail)),
        systemd(subject),
        of_program("srt", "srt", |srt| self::srt(subject, srt, scratch)),
    ]
}

/// The program's words, where it is one of this host.
fn host_words(subject: &Subject) -> Result<Vec<String>, String> {
    match root_of(subject) {
        None => plain(subject),
        Some(_) => Err("it runs programs of this host, and this is an image's".to_owned()),
    }
}

/// The same root as the cell's, the same namespaces, no capability.
fn bubblewrap(subject: &Subject, bwrap: String, scratch: &Path) -> Result<Launch, String> {
    let flags = [
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--cap-drop",
        "ALL",
    ];
    let mut words = vec![bwrap];
    words.extend(flags.map(str::to_owned));
    if subject.reaches_out() {
        // It has no names of hosts: all of the network or nothing.
        words.push("--share-net".to_owned());
    }
    words.push("--clearenv".to_owned());
    for (name, value) in subject.environment() {
        words.extend(["--setenv".to_owned(), name, value]);
    }
    let mut devices = false;
    for (number, mount) in subject.mounts().iter().enumerate() {
        match mount {
            Mount::Image { source, .. } => words.extend(of_root(source)?),
            Mount::Program { source, at }
            | Mount::System { source, at, .. }
            | Mount::Held { source, at, .. } => bind(&mut words, "--ro-bind", source, at),
            Mount::Grant {
                source, at, access, ..
            } => {
                let how = match access {
                    Access::Read => "--ro-bind",
                    Access::Write => "--bind",
                };
                bind(&mut words, how, source, at);
            }
            Mount::Link { at, to } => bind(&mut words, "--symlink", to, at),
            Mount::Folder { at } => words.extend(["--dir".to_owned(), at.clone()]),
            Mount::Text { at, text } => {
                let path = scratch.join(format!("bubblewrap-{number}"));
                written(&path, text, 0o644)?;
                bind(&mut words, "--ro-bind", &path.display().to_string(), at);
            }
            Mount::Processes { at } => words.extend(["--proc".to_owned(), at.clone()]),
            Mount::Device { .. } => devices = true,
            Mount::Scratch { at, bytes_max, .. } => {
                let size = ["--size".to_owned(), bytes_max.to_string()];
                words.extend(size.into_iter().chain(["--tmpfs".to_owned(), at.clone()]));
            }
            Mount::Kept { .. } | Mount::Shown { .. } | Mount::Volume { .. } => {}
            Mount::Secrets { .. } => return Err("it has no way to give secrets".to_owned()),
        }
    }
    if devices {
        words.extend(["--dev", "/dev"].map(str::to_owned));
    }
    let directory = subject.part().map_or("/", |part| part.directory.as_str());
    words.extend(["--chdir", directory, "--"].map(str::to_owned));
    words.extend(subject.words_inside().unwrap_or_default());
    Ok(Launch::new(words))
}

fn bind(words: &mut Vec<String>, how: &str, source: &str, at: &str) {
    words.extend([how, source, at].map(str::to_owned));
}

/// It makes no mount points in a root that is read-only, so each part is bound by itself.
fn of_root(root: &str) -> Result<Vec<String>, String> {
    let told = |error: std::io::Error| format!("cannot list the image's files: {error}");
    let mut words = Vec::new();
    let mut entries: Vec<PathBuf> = fs::read_dir(root)
        .map_err(told)?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    for path in entries {
        let at = path
            .file_name()
            .map_or(String::new(), |name| name.to_string_lossy().into_owned());
        if ["proc", "dev", "tmp"].contains(&at.as_str()) {
            continue;
        }
        let at = format!("/{at}");
        match fs::read_link(&path) {
            Ok(to) => bind(&mut words, "--symlink", &to.display().to_string(), &at),
            Err(_) => bind(&mut words, "--ro-bind", &path.display().to_string(), &at),
        }
    }
    Ok(words)
}

/// Its own limits are lower than what Node takes of addresses.
const NSJAIL: [&str; 16] = [
    "-Mo",
    "--really_quiet",
    "--rlimit_as",
    "inf",
    "--rlimit_cpu",
    "inf",
    "--rlimit_fsize",
    "inf",
    "--rlimit_nofile",
    "1024",
    "--user",
    "65534",
    "--group",
    "65534",
    "-T",
    "/tmp",
];

/// Its own seccomp policies are the caller's to write, and none is given.
fn nsjail(subject: &Subject, nsjail: String) -> Result<Launch, String> {
    let program = host_words(subject)?;
    let mut words = vec![nsjail];
    words.extend(NSJAIL.map(str::to_owned));
    if subject.reaches_out() {
        words.push("--disable_clone_newnet".to_owned());
    }
    for (name, value) in subject.environment() {
        words.extend(["-E".to_owned(), format!("{name}={value}")]);
    }
    for mount in subject.mounts() {
        match mount {
            Mount::System {
                source, at, kind, ..
            } => {
                let is_there = *kind == GrantKind::Directory || Path::new(source).exists();
                if is_there {
                    words.extend(["-R".to_owned(), format!("{source}:{at}")]);
                }
            }
            Mount::Grant {
                source, at, access, ..
            } => {
                let how = if *access == Access::Write { "-B" } else { "-R" };
                words.extend([how.to_owned(), format!("{source}:{at}")]);
            }
            Mount::Link { at, to } => words.extend(["-s".to_owned(), format!("{to}:{at}")]),
            Mount::Device { at } => words.extend(["-R".to_owned(), at.clone()]),
            Mount::Program { .. }
            | Mount::Image { .. }
            | Mount::Held { .. }
            | Mount::Kept { .. }
            | Mount::Folder { .. }
            | Mount::Text { .. }
            | Mount::Processes { .. }
            | Mount::Shown { .. }
            | Mount::Volume { .. }
            | Mount::Scratch { .. } => {}
            Mount::Secrets { .. } => return Err("it has no way to give secrets".to_owned()),
        }
    }
    words.push("--".to_owned());
    // Its own arguments are those of the host, where nothing lies elsewhere in the jail.
    let inside = subject.words_inside().unwrap_or(program);
    words.extend(inside);
    Ok(Launch::new(words))
}

/// A service of systemd for the moment, with what it can harden.
fn systemd(subject: &Subject) -> Way {
    let way = of_program("systemd-run", "systemd-run", |systemd_run| {
        if !Path::new("/run/systemd/system").is_dir() {
            return Err("no systemd runs here".to_owned());
        }
        let program = host_words(subject)?;
        let mut words = vec![systemd_run];
        words.extend(["--pipe", "--quiet", "--collect", "--wait"].map(str::to_owned));
        if !is_root() {
            words.push("--user".to_owned());
        }
        let mut settings = vec![
            "NoNewPrivileges=yes",
            "ProtectSystem=strict",
            "PrivateTmp=yes",
            "PrivateDevices=yes",
            "ProtectKernelTunables=yes",
            "ProtectControlGroups=yes",
            "RestrictNamespaces=yes",
            "CapabilityBoundingSet=",
            "SystemCallFilter=@system-service",
            "MemoryMax=512M",
            "TasksMax=128",
        ];
        if !subject.reaches_out() {
            settings.push("PrivateNetwork=yes");
        }
        for setting in settings {
            words.extend(["-p".to_owned(), setting.to_owned()]);
        }
        for (_, at, writes) in subject.grants() {
            if writes {
                words.extend(["-p".to_owned(), format!("ReadWritePaths={at}")]);
            }
        }
        for (name, value) in subject.environment() {
            words.extend(["-E".to_owned(), format!("{name}={value}")]);
        }
        words.push("--".to_owned());
        words.extend(program);
        Ok(Launch::new(words))
    });
    way.reaching(Reach::Elsewhere)
}

/// Its settings: nobody to reach, granted folders to write.
fn srt(subject: &Subject, srt: String, scratch: &Path) -> Result<Launch, String> {
    let program = host_words(subject)?;
    if subject.reaches_out() {
        return Err("its names of hosts are not the manifest's".to_owned());
    }
    let writes: Vec<&str> = subject
        .grants()
        .filter(|grant| grant.2)
        .map(|grant| grant.0)
        .collect();
    let settings = json!({
        "network": { "allowedDomains": [], "deniedDomains": [] },
        "filesystem": { "denyRead": [], "allowWrite": writes, "denyWrite": [] },
    });
    let path = scratch.join("srt.json");
    written(&path, &settings.to_string(), 0o600)?;
    let mut words = vec![srt, "--settings".to_owned(), path.display().to_string()];
    words.extend(program);
    let mut launch = Launch::new(words);
    launch.variables = subject.environment();
    // Its own interpreter is found by this host's PATH.
    launch.variables.retain(|(name, _)| name != "PATH");
    Ok(launch)
}
