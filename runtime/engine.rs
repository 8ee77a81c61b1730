//! Which engine carries containers out on this host, and what it offers. *It looks and changes
//! nothing*; what an engine can hold is decided in `sandbox`.

mod client;
mod place;

pub(crate) use client::{Client, EngineError};

use crate::exit::Exit;
use crate::report::Refused;
use bollard::models::SystemInfo;
use brig_sandbox::cell::CellKind;
use brig_sandbox::engine::{Advisory, Engine, EngineFacts, Maker, advisories};
use brig_sandbox::facts::{Controller, HostFacts};
use brig_sandbox::mechanism::cell_kind;
use place::{find_program, sockets};
use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where an engine's name came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// The command line.
    Asked(String),
    /// The settings.
    Settings(String),
    /// Nobody named one.
    Nobody,
    /// One that need not be here: what is decided is carried elsewhere. It is taken to hold all
    /// that its kind can.
    Elsewhere(Engine),
}

/// How brig comes to an engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is brig itself.
    Own,
    /// By running this program.
    Program(PathBuf),
    /// Over this socket, with this version of the API.
    Socket(PathBuf, (usize, usize)),
}

/// The engine for one start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) facts: EngineFacts,
    pub(crate) way: Way,
    /// Why it is this one, where nobody named it and it is not brig's own.
    pub(crate) reason: Option<String>,
    /// What it says of its version.
    pub(crate) version: Option<String>,
}

impl Chosen {
    /// brig's own cell.
    pub(crate) fn native() -> Self {
        Self {
            facts: EngineFacts::default(),
            way: Way::Own,
            reason: None,
            version: None,
        }
    }

    /// What is publicly known against this version of a runtime, by its number.
    pub(crate) fn told_advisories(&self) -> Vec<String> {
        let Way::Program(program) = &self.way else {
            return Vec::new();
        };
        let told = version_of(program).map(|(_, version)| version);
        let version = told.as_deref().and_then(numbers);
        let known = version.map_or_else(Vec::new, |of| advisories(self.facts.engine, of));
        let told = told.unwrap_or_default();
        let line = |advisory: &Advisory| {
            let (major, minor, patch) = advisory.mended_in;
            format!(
                "version {told} has {} unless its distributor mended it ({}; \
                 {major}.{minor}.{patch} has not)",
                advisory.name, advisory.what
            )
        };
        known.into_iter().map(line).collect()
    }
}

/// Chooses an engine for a container.
pub(crate) fn choose(named: &Named, host: &HostFacts) -> Result<Chosen, Refused> {
    match named {
        Named::Asked(name) | Named::Settings(name) => of_name(name),
        Named::Nobody => Ok(automatic(host)),
        Named::Elsewhere(engine) => Ok(elsewhere(*engine)),
    }
}

fn elsewhere(engine: Engine) -> Chosen {
    let controllers = [Controller::Cpu, Controller::Memory, Controller::Pids];
    Chosen {
        facts: EngineFacts {
            engine,
            rootless: false,
            unified: true,
            remaps: false,
            controllers: controllers.into(),
            memory_files: Vec::new(),
        },
        ..Chosen::native()
    }
}

/// brig's own cell wherever there is a full one, and else a daemon that answers. Where none does,
/// the plan of brig's own cell says what is missing.
fn automatic(host: &HostFacts) -> Chosen {
    if cell_kind(host) == CellKind::Full {
        return Chosen::native();
    }
    let found = [Engine::Podman, Engine::Docker]
        .into_iter()
        .find_map(|engine| of_daemon(engine).ok());
    found.map_or_else(Chosen::native, |chosen| Chosen {
        reason: Some(format!(
            "no user namespaces can be made here, so {} makes the walls (`brig plan` has them)",
            chosen.facts.engine
        )),
        ..chosen
    })
}

/// The engine of a name: one of [`Engine::ALL`], or `oci:` and the path of a runtime.
pub(crate) fn of_name(name: &str) -> Result<Chosen, Refused> {
    if let Some(path) = name.strip_prefix("oci:") {
        return of_path(Path::new(path));
    }
    let Some(engine) = Engine::named(name) else {
        let known: Vec<&str> = Engine::ALL.iter().map(|engine| engine.name()).collect();
        let message = format!("there is no engine `{name}`");
        let help = format!(
            "write one of {}, or oci:/path/of/a/runtime",
            known.join(", ")
        );
        return Err(Refused::one(Exit::Usage, "no-such-engine", message, &help));
    };
    match engine.maker() {
        Maker::Warden => Ok(Chosen::native()),
        Maker::Daemon => of_daemon(engine),
        Maker::Runtime => {
            let program = find_program(engine.name()).ok_or_else(|| {
                absent(
                    format!("the runtime {engine} is not on this host"),
                    "install it, name its path as oci:/path, or use another engine with --engine",
                )
            })?;
            Ok(of_runtime(engine, program))
        }
    }
}

fn absent(message: String, help: &str) -> Refused {
    Refused::one(Exit::Engine, "engine-absent", message, help)
}

fn of_runtime(engine: Engine, program: PathBuf) -> Chosen {
    Chosen {
        facts: EngineFacts {
            engine,
            ..EngineFacts::default()
        },
        way: Way::Program(program),
        reason: None,
        version: None,
    }
}

/// A runtime by its path, which says itself what it is.
fn of_path(path: &Path) -> Result<Chosen, Refused> {
    let shown = path.display();
    let (name, version) = version_of(path).ok_or_else(|| {
        absent(
            format!("`{shown}` is no runtime that tells its version"),
            "name crun, runc or runsc",
        )
    })?;
    let known = [Engine::Crun, Engine::Runc, Engine::Runsc];
    let engine = known.into_iter().find(|engine| engine.name() == name);
    let engine = engine.ok_or_else(|| {
        absent(
            format!("`{shown}` says that it is `{name}`, which brig has no expectations of"),
            "name crun, runc or runsc",
        )
    })?;
    let mut chosen = of_runtime(engine, path.to_owned());
    chosen.version = Some(version);
    Ok(chosen)
}

/// What a runtime says of itself: its name and its version.
pub(crate) fn version_of(program: &Path) -> Option<(String, String)> {
    let told = Command::new(program)
        .arg("--version")
        .env_clear()
        .stdin(std::process::Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    let mut words = text.lines().next()?.split_whitespace();
    let (name, version) = (words.next()?, words.find(|word| *word != "version")?);
    Some((name.to_owned(), version.to_owned()))
}

/// The first three numbers of a version.
fn numbers(version: &str) -> Option<(u32, u32, u32)> {
    let mut numbers = version.split(['.', '-', '+']).map(str::parse::<u32>);
    let mut next = || numbers.next()?.ok();
    Some((next()?, next()?, next().unwrap_or(0)))
}

/// The first daemon of its kind that answers, by the sockets that its own client would take.
fn of_daemon(engine: Engine) -> Result<Chosen, Refused> {
    let mut first: Option<Refused> = None;
    for socket in sockets(engine)? {
        match asked(engine, socket) {
            Ok(chosen) => return Ok(chosen),
            Err(refused) => first = first.or(Some(refused)),
        }
    }
    Err(first.unwrap_or_else(|| {
        let message = format!("no place is known where {engine} could listen");
        absent(
            message,
            "name its socket, or use another engine with --engine",
        )
    }))
}

fn asked(engine: Engine, socket: PathBuf) -> Result<Chosen, Refused> {
    let client = Client::negotiate(engine, &socket).map_err(|error| refused(&error))?;
    let owner = std::fs::metadata(&socket).map_or(0, |socket| socket.uid());
    let (facts, version) = if engine == Engine::Podman {
        // It asks the package manager who owns its programs before it answers, which takes longer
        // than a container.
        (facts(engine, owner, &Told::of_host()), None)
    } else {
        let told = client.facts().map_err(|error| refused(&error))?;
        (facts(engine, owner, &Told::of(&told)), told.server_version)
    };
    if facts.rootless && owner != rustix::process::geteuid().as_raw() {
        let message = format!("{engine} on `{}` is another user's", socket.display());
        let help = "its servers would be that user's: use an engine of your own or of root's";
        return Err(Refused::one(Exit::Engine, "engine-unfit", message, help));
    }
    if engine == Engine::Docker && facts.rootless {
        let message = "a dockerd without root's rights gives its servers other owners than the \
                       caller's files have"
            .to_owned();
        let help = "use --engine native or podman, which keep the caller's";
        return Err(Refused::one(Exit::Engine, "engine-unfit", message, help));
    }
    Ok(Chosen {
        facts,
        way: Way::Socket(socket, client.version()),
        reason: None,
        version,
    })
}

/// What matters of what a daemon says of itself.
struct Told {
    rootless: bool,
    remaps: bool,
    unified: bool,
    controllers: BTreeSet<Controller>,
}

impl Told {
    fn of(told: &SystemInfo) -> Self {
        let options = told.security_options.iter().flatten();
        let has = |wanted: &str| options.clone().any(|option| option == wanted);
        let offered = [
            (Controller::Memory, told.memory_limit),
            (Controller::Pids, told.pids_limit),
            (Controller::Cpu, told.cpu_cfs_quota),
        ];
        let offered = offered.into_iter().filter(|(_, has)| *has == Some(true));
        Self {
            rootless: has("name=rootless"),
            remaps: has("name=userns"),
            unified: told
                .cgroup_version
                .is_some_and(|version| version.to_string() == "2"),
            controllers: offered.map(|(controller, _)| controller).collect(),
        }
    }

    /// What holds for any service on this host. Each bound is read back.
    fn of_host() -> Self {
        let groups = rustix::fs::statfs("/sys/fs/cgroup");
        Self {
            rootless: false,
            remaps: false,
            unified: groups.is_ok_and(|found| found.f_type == libc::CGROUP2_SUPER_MAGIC),
            controllers: [Controller::Cpu, Controller::Memory, Controller::Pids].into(),
        }
    }
}

pub(crate) fn refused(error: &EngineError) -> Refused {
    let message = format!("cannot {error}");
    Refused::one(Exit::Engine, "engine-failed", message, &error.help)
}

/// What is planned with. Podman does not say whether it has root's rights in words that the API of
/// both has; whose its socket is tells.
fn facts(engine: Engine, owner: u32, told: &Told) -> EngineFacts {
    let rootless = told.rootless || owner != 0;
    let (unified, remaps) = (told.unified, told.remaps);
    let mut controllers = told.controllers.clone();
    // It says that it could, and drops each limit without a word.
    if rootless && !unified {
        controllers.clear();
    }
    let files: &[&str] = if !controllers.contains(&Controller::Memory) {
        &[]
    } else if unified {
        &["/sys/fs/cgroup/memory.high", "/sys/fs/cgroup/memory.max"]
    } else {
        &[
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.soft_limit_in_bytes",
        ]
    };
    EngineFacts {
        engine,
        rootless,
        unified,
        remaps,
        controllers,
        memory_files: files.iter().map(|file| (*file).to_owned()).collect(),
    }
}

/// The digests by which an image is known again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    /// Of its configuration.
    pub(crate) config: String,
    /// Of its manifest.
    pub(crate) manifest: String,
    /// Of its layers as archives, lowest first.
    pub(crate) layers: Vec<String>,
}

/// The image as a daemon has it: by the digest of its configuration, or by that of its manifest,
/// and with the layers of the one that was planned with.
pub(crate) fn image_in(chosen: &Chosen, parts: &Parts) -> Result<String, Refused> {
    let Way::Socket(socket, version) = &chosen.way else {
        return Ok(String::new());
    };
    let engine = chosen.facts.engine;
    let client = Client::connect(engine, socket, *version).map_err(|error| refused(&error))?;
    for name in [&parts.config, &parts.manifest] {
        match client.image(name) {
            Ok(found) => {
                let id = found.id.unwrap_or_default();
                let has = found
                    .root_fs
                    .and_then(|root| root.layers)
                    .unwrap_or_default();
                if has == parts.layers {
                    return Ok(id);
                }
                let message = format!("the image that {engine} has under {name} is another one");
                let help = "remove it there, and `brig pull` it again with --engine";
                return Err(Refused::one(Exit::Artifact, "image-differs", message, help));
            }
            Err(error) if error.absent => {}
            Err(error) => return Err(refused(&error)),
        }
    }
    let message = format!("the image is on this host, and not in {engine}");
    let help = format!("put it there with `brig pull --engine {engine}`, which takes the manifest");
    Err(Refused::one(Exit::Artifact, "image-absent", message, &help))
}

/// Loads an archive of an image into a daemon.
pub(crate) fn load(chosen: &Chosen, archive: File) -> Result<(), Refused> {
    let Way::Socket(socket, version) = &chosen.way else {
        return Ok(());
    };
    let client = Client::connect(chosen.facts.engine, socket, *version);
    let client = client.map_err(|error| refused(&error))?;
    client.load(archive).map_err(|error| refused(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(version: &str, wanted: Option<(u32, u32, u32)>) {
        assert_eq!(numbers(version), wanted, "{version}");
    }

    #[test]
    fn versions_are_told_apart() {
        check("1.1.5+ds1", Some((1, 1, 5)));
        check("1.8.1", Some((1, 8, 1)));
        check("1.20", Some((1, 20, 0)));
        check("release-20221219.0", None);
    }

    #[test]
    fn a_version_has_the_advisories_before_their_mending() {
        let of = |engine, version| advisories(engine, version).len();
        assert_eq!(of(Engine::Runc, (1, 1, 5)), 2);
        assert_eq!(of(Engine::Runc, (1, 1, 12)), 1);
        assert_eq!(of(Engine::Runc, (1, 2, 8)), 0);
        assert_eq!(of(Engine::Runc, (1, 3, 0)), 1);
        assert_eq!(of(Engine::Runc, (1, 3, 3)), 0);
        assert_eq!(of(Engine::Crun, (1, 8, 1)), 1);
    }
}
