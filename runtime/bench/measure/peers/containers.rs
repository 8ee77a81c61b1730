//! The image by hand: docker as its users run it, and crun and runc from brig's own bundle.

use super::super::subject::Subject;
use super::super::way::{Launch, Way, own_program, told};
use super::{is_root, of_daemon, of_program};
use crate::consent::Start;
use std::path::Path;
use std::process::{Command, Stdio};

/// What careful people write by hand.
const HARDENED: [&str; 13] = [
    "--read-only",
    "--cap-drop",
    "ALL",
    "--user",
    "65534:65534",
    "--security-opt",
    "no-new-privileges",
    "--memory",
    "384m",
    "--pids-limit",
    "65",
    "--tmpfs",
    "/tmp:rw,noexec,nosuid,size=64m",
];

pub(super) fn all(subject: &Subject, scratch: &Path) -> Vec<Way> {
    let image = image_in_docker(subject);
    let docker = |name: &str, is_hardened: bool| {
        of_daemon(name, "docker", |docker| {
            let image = image.clone()?;
            Ok(Launch::new(docker_run(
                subject,
                docker,
                &image,
                is_hardened,
            )))
        })
    };
    let mut ways = vec![
        docker("docker plain", false),
        docker("docker hardened", true),
    ];
    for runtime in ["crun", "runc"] {
        let name = format!("{runtime} by hand");
        ways.push(of_program(&name, runtime, |path| {
            of_bundle(subject, runtime, &path, scratch)
        }));
    }
    ways
}

/// The image as docker has it: as brig finds it there, or puts it there (`brig pull`).
fn image_in_docker(subject: &Subject) -> Result<String, String> {
    let start = Start {
        manifest: &subject.manifest,
        project: subject.project.as_deref(),
        engine: Some("docker"),
    };
    let asked = start.asked(true).map_err(|refused| told(&refused))?;
    Ok(asked.planned.image)
}

fn docker_run(subject: &Subject, docker: String, image: &str, is_hardened: bool) -> Vec<String> {
    let mut words = vec![docker];
    words.extend(["run", "-i", "--rm"].map(str::to_owned));
    if is_hardened {
        words.extend(HARDENED.map(str::to_owned));
        if !subject.reaches_out() {
            words.extend(["--network", "none"].map(str::to_owned));
        }
    }
    for (source, at, writes) in subject.grants() {
        let how = if writes { "" } else { ":ro" };
        words.extend(["-v".to_owned(), format!("{source}:{at}{how}")]);
    }
    for (name, value) in subject.environment() {
        words.extend(["-e".to_owned(), format!("{name}={value}")]);
    }
    let mut inside = subject.words_inside().unwrap_or_default().into_iter();
    if let Some(program) = inside.next() {
        words.extend(["--entrypoint".to_owned(), program]);
    }
    words.push(image.to_owned());
    words.extend(inside);
    words
}

/// brig's bundle, run by the runtime itself. crun refuses a host that has both versions of control
/// groups in its own mounts, so each gets a mount namespace of its own, without the second.
fn of_bundle(
    subject: &Subject,
    runtime: &str,
    path: &str,
    scratch: &Path,
) -> Result<Launch, String> {
    if !is_root() {
        return Err("only root can run the bundle without brig".to_owned());
    }
    let bundle = scratch.join("bundle");
    if !bundle.exists() {
        let mut export = Command::new(own_program());
        export
            .args(["export", "oci"])
            .arg(&subject.manifest)
            .arg(&bundle);
        let output = export.stdin(Stdio::null()).output();
        let output = output.map_err(|error| error.to_string())?;
        if !output.status.success() {
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(super::super::session::shown(&format!(
                "cannot export it: {told}"
            )));
        }
    }
    let state = scratch.join(runtime).display().to_string();
    let script = format!(
        "umount /sys/fs/cgroup/unified 2>/dev/null; \
         exec {path} --root {state} run --bundle {} \"brig-bench-$$\"",
        bundle.display()
    );
    let words = ["unshare", "--mount", "sh", "-c", &script];
    Ok(Launch::new(words.map(str::to_owned).to_vec()))
}
