//! Where engines are: sockets as their own clients find them, and programs on the search path.

use super::{Engine, absent};
use crate::report::Refused;
use serde_json::Value;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// A program by its name, also where an ordinary user's path does not lead.
pub(super) fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let more = [
        "/usr/local/sbin",
        "/usr/local/bin",
        "/usr/sbin",
        "/usr/bin",
        "/sbin",
        "/bin",
    ];
    let folders = env::split_paths(&path).chain(more.iter().map(PathBuf::from));
    let mut programs = folders
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name));
    programs.find(|program| program.is_file())
}

/// The sockets on which a daemon may listen, the likeliest first. What names one elsewhere is an
/// error: a remote daemon shares neither files nor a socket with this host.
pub(super) fn sockets(engine: Engine) -> Result<Vec<PathBuf>, Refused> {
    let variable = match engine {
        Engine::Podman => "CONTAINER_HOST",
        Engine::Docker | Engine::Native | Engine::Crun | Engine::Runc | Engine::Runsc => {
            "DOCKER_HOST"
        }
    };
    if let Some(named) = env::var(variable).ok().filter(|named| !named.is_empty()) {
        return Ok(vec![local(&named, variable)?]);
    }
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let of_user = |below: &str| runtime.as_ref().map(|folder| folder.join(below));
    if engine == Engine::Podman {
        let own = of_user("podman/podman.sock");
        let own = own.filter(|_| !rustix::process::geteuid().is_root());
        let of_root = PathBuf::from("/run/podman/podman.sock");
        return Ok(own.into_iter().chain([of_root]).collect());
    }
    if let Some(named) = context() {
        return Ok(vec![local(&named, "docker's current context")?]);
    }
    let of_root = PathBuf::from("/var/run/docker.sock");
    let own = of_user("docker.sock").filter(|socket| socket.exists());
    Ok([of_root].into_iter().chain(own).collect())
}

/// The path of a socket's address.
fn local(address: &str, named_by: &str) -> Result<PathBuf, Refused> {
    let path = address.strip_prefix("unix://").map(Path::new);
    let path = path.filter(|path| path.is_absolute());
    path.map(Path::to_owned).ok_or_else(|| {
        let message = format!(
            "{named_by} leads to `{}`: a daemon elsewhere shares neither files nor a socket with \
             this host",
            address.escape_default()
        );
        absent(
            message,
            "name a local one (unix:///…), or use another engine with --engine",
        )
    })
}

/// Where docker's command line would connect to, if a context says so: `DOCKER_CONTEXT`, or the
/// current one of its configuration.
fn context() -> Option<String> {
    let folder = env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".docker"));
    let folder = folder.or_else(home)?;
    let read = |path: PathBuf| -> Option<Value> {
        serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
    };
    let named = env::var("DOCKER_CONTEXT")
        .ok()
        .filter(|name| !name.is_empty());
    let current = || {
        let config = read(folder.join("config.json"))?;
        Some(config.get("currentContext")?.as_str()?.to_owned())
    };
    let name = named.or_else(current).filter(|name| name != "default")?;
    let contexts = fs::read_dir(folder.join("contexts/meta")).ok()?;
    contexts.flatten().find_map(|entry| {
        let meta = read(entry.path().join("meta.json"))?;
        let is_it = meta.get("Name")?.as_str()? == name;
        let host = meta.pointer("/Endpoints/docker/Host")?.as_str()?;
        is_it.then(|| host.to_owned())
    })
}
