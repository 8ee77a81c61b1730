//! A container of a daemon: made, met, read back, watched, and taken away.
//!
//! The daemon is told as little as makes the container: init's orders, the server's variables among
//! them, and its streams go from the warden to init directly.

use super::meet::{Meeting, accept, poll, send_orders};
use super::network::Network;
use super::running::RunningCell;
use crate::engine::{Client, EngineError};
use crate::launch::answer::BuildError;
use crate::launch::build::INIT;
use crate::launch::build::runtime::listen;
use crate::launch::group::{bounds_of, memory_events_of};
use crate::launch::orders::{DaemonOrders, WardenOrders};
use crate::launch::records::{Given, encode};
use bollard::models::ContainerCreateBody;
use brig_sandbox::engine::Engine;
use brig_sandbox::lower::daemon::{
    CHANNEL_FILE, EMPTY_FOLDER, INIT_FILE, OWNER_LABEL, SERVER_LABEL, joined,
};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, PidfdFlags};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a daemon may take to let go of a container that is ended.
const END_SECONDS_MAX: u64 = 5;
/// How often it is asked whether a container that does not speak still runs.
const LOOK: Duration = Duration::from_millis(500);
/// How long a container may take until its init speaks.
const START_SECONDS_MAX: u64 = 30;

/// A container that runs.
pub(super) struct Container {
    client: Client,
    id: String,
    /// Its init, as this host sees it.
    pidfd: OwnedFd,
    /// Where the kernel tells of kills for want of memory.
    memory: Option<PathBuf>,
}

impl Container {
    pub(super) fn pidfd(&self) -> &OwnedFd {
        &self.pidfd
    }

    pub(super) fn ran_out_of_memory(&self) -> bool {
        let text = self.memory.as_ref().map(fs::read_to_string);
        let text = text.and_then(Result::ok).unwrap_or_default();
        let mut lines = text.lines();
        lines.any(|line| line.strip_prefix("oom_kill ").is_some_and(|n| n != "0"))
    }

    /// The container goes by itself when init does. A daemon that is away removes it when it is
    /// back, and the next start otherwise.
    pub(super) fn end(&self) {
        let until = Instant::now() + Duration::from_secs(END_SECONDS_MAX);
        let gone = |time: Duration| {
            let mut polled = [PollFd::new(&self.pidfd, PollFlags::IN)];
            poll(&mut polled, time).is_ok() && !polled[0].revents().is_empty()
        };
        let mut asked = gone(Duration::from_millis(300));
        if !asked {
            asked = self.client.remove(&self.id).is_ok();
        }
        while asked && Instant::now() < until {
            match self.client.container(&self.id) {
                Err(_) => return,
                Ok(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }
}

/// A folder that is gone when this is.
struct Folder<'a>(&'a Path);

impl Drop for Folder<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.0);
    }
}

/// A container that is taken away unless it is kept.
pub(super) struct Made<'a> {
    pub(super) client: &'a Client,
    pub(super) id: Option<String>,
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        if let Some(id) = &self.id {
            let _ = self.client.remove(id);
        }
    }
}

/// Makes a container of these orders, and gives its init the orders that it waits for.
pub(super) fn contained(
    channel: &OwnedFd,
    (orders, given): (&WardenOrders, &Given),
    daemon: &DaemonOrders,
    (streams, carrier): (&[OwnedFd], Option<&OwnedFd>),
) -> Result<RunningCell, BuildError> {
    let folder = Folder(&daemon.folder);
    let listener = fill(daemon)
        .map_err(|e| BuildError::at(&format!("fill `{}`", daemon.folder.display()), e))?;
    let client = Client::connect(daemon.engine, &daemon.socket, daemon.version).map_err(unmade)?;
    let name = container_name(daemon);
    let meeting = Meeting {
        channel,
        engine: daemon.engine,
        errors: None,
    };
    let network = Network::make(orders, daemon, (&client, &meeting), carrier)?;
    let body = daemon.body.clone();
    let body = match &network {
        Some(network) => joined(body, daemon.engine, network.id(), network.process()),
        None => body,
    };
    let mut made = start(&client, daemon, &name, body)?;
    let id = made.id.clone().unwrap_or_default();
    wait(&meeting, &listener, &client, &id)?;
    let init = accept(&listener)?;
    // The server is in its network, which lasts as long as it does.
    drop((listener, folder, network));
    let pidfd = check(orders, &init)?;
    let ids = daemon.ids;
    let message = encode(&orders.cell, &orders.sources, ids, true, given);
    send_orders(&init, &message, streams)?;
    made.id = None;
    drop(made);
    let container = Container {
        client,
        id,
        pidfd: pidfd.0,
        memory: pidfd.1,
    };
    Ok(RunningCell::contained(container, init))
}

/// Makes and starts a container, and takes away those of wardens that are gone.
///
/// Podman's service makes containers in threads that share state: of two that are made at once, one
/// may get no mapping of users, or the service ends (Podman's issue 20107). So this user's wardens
/// make theirs one after the other.
pub(super) fn start<'a>(
    client: &'a Client,
    daemon: &DaemonOrders,
    name: &str,
    body: ContainerCreateBody,
) -> Result<Made<'a>, BuildError> {
    let turn = (daemon.engine == Engine::Podman).then(|| turn(&daemon.folder));
    let turn = turn.transpose();
    let turn = turn.map_err(|e| BuildError::at("wait for Podman's other containers", e))?;
    let made = Made {
        client,
        id: Some(create(client, name, body)?),
    };
    client
        .start(made.id.as_deref().unwrap_or_default())
        .map_err(unmade)?;
    drop(turn);
    Ok(made)
}

/// Waits until no other warden of this user holds the lock, which ends with the warden. It is on
/// the folder that they share, so that it leaves nothing behind.
fn turn(folder: &Path) -> io::Result<File> {
    let shared = folder.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let shared = File::open(shared)?;
    flock(&shared, FlockOperation::LockExclusive)?;
    Ok(shared)
}

fn create(client: &Client, name: &str, body: ContainerCreateBody) -> Result<String, BuildError> {
    let (id, others) = client.create(name, body, OWNER_LABEL).map_err(unmade)?;
    for other in others {
        let labels = other.labels.as_ref();
        let owner = labels.and_then(|labels| labels.get(OWNER_LABEL));
        let is_old = owner.is_some_and(|owner| is_stale(owner));
        if let Some(stale) = other.id.filter(|_| is_old) {
            // Another start may be removing it at this moment.
            let _ = client.remove(&stale);
        }
    }
    Ok(id)
}

pub(super) fn unmade(error: EngineError) -> BuildError {
    BuildError {
        step: error.what,
        reason: error.reason,
        help: Some(error.help).filter(|help| !help.is_empty()),
    }
}

pub(super) fn container_name(daemon: &DaemonOrders) -> String {
    let labels = daemon.body.labels.as_ref();
    let server = labels.and_then(|labels| labels.get(SERVER_LABEL));
    let own = std::process::id();
    format!("brig-{}-{own}", server.map_or("server", String::as_str))
}

/// The folder with all that the container shows of brig. Nobody but this user and the daemon looks
/// into it.
fn fill(daemon: &DaemonOrders) -> io::Result<OwnedFd> {
    let folder = &daemon.folder;
    if let Some(parent) = folder.parent() {
        own_folder(parent)?;
        sweep(parent);
    }
    DirBuilder::new().mode(0o700).create(folder)?;
    let write = |name: &str, bytes: &[u8], mode: u32| {
        let path = folder.join(name);
        fs::write(&path, bytes)?;
        fs::set_permissions(path, Permissions::from_mode(mode))
    };
    write(INIT_FILE, INIT, 0o555)?;
    for (name, text) in &daemon.files {
        write(name, text.as_bytes(), 0o444)?;
    }
    let empty = folder.join(EMPTY_FOLDER);
    fs::create_dir(&empty)?;
    fs::set_permissions(empty, Permissions::from_mode(0o555))?;
    let channel = folder.join(CHANNEL_FILE);
    let channel = channel.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
    listen(channel)
}

/// A folder that is this user's alone.
fn own_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let found = fs::symlink_metadata(path)?;
    let own = rustix::process::geteuid().as_raw();
    if !found.is_dir() || found.uid() != own || found.mode() & 0o077 != 0 {
        let told = format!("`{}` is no folder of this user's alone", path.display());
        return Err(io::Error::other(told));
    }
    Ok(())
}

/// Takes away the folders of wardens that are gone.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(is_stale) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether a name of [`owner`] is of a warden of this pid namespace that is gone.
fn is_stale(owner: &str) -> bool {
    let own = owner_namespace().unwrap_or_default();
    let mut parts = owner.split('-');
    let (namespace, process, started) = (parts.next(), parts.next(), parts.next());
    match (namespace, process.and_then(|id| id.parse().ok()), started) {
        (Some(namespace), Some(process), Some(started)) if namespace == own => {
            start_time(process).as_deref() != Some(started)
        }
        _ => false,
    }
}

/// When a process started, in ticks since the host did (proc_pid_stat(5)).
fn start_time(process: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(19).map(str::to_owned)
}

fn owner_namespace() -> io::Result<String> {
    Ok(fs::metadata("/proc/self/ns/pid")?.ino().to_string())
}

/// The name of what a warden makes: its pid namespace, its process id, and when it started, so that
/// a later process with the same id is not taken for it.
pub(crate) fn owner(warden: u32) -> io::Result<String> {
    let started = start_time(warden).ok_or(io::ErrorKind::NotFound)?;
    Ok(format!("{}-{warden}-{started}", owner_namespace()?))
}

/// Waits until init connects, or until it is clear that it will not.
pub(super) fn wait(
    meeting: &Meeting<'_>,
    listener: &OwnedFd,
    client: &Client,
    id: &str,
) -> Result<(), BuildError> {
    let until = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
    let step = format!("start the server under {}", meeting.engine);
    let failed = |reason: &str| BuildError::at(&step, io::Error::other(reason.to_owned()));
    loop {
        if meeting.comes(listener, LOOK)? {
            return Ok(());
        }
        let found = client.container(id);
        if found.as_ref().is_err_and(|error| error.absent) {
            // The daemon takes a container away as its init ends, and its status with it.
            return Err(failed("its first program ended at once"));
        }
        let state = found.map_err(unmade)?.state;
        if state
            .as_ref()
            .is_some_and(|state| state.running == Some(false))
        {
            let code = state.and_then(|state| state.exit_code).unwrap_or_default();
            return Err(failed(&format!(
                "its first program ended with status {code}"
            )));
        }
        if Instant::now() > until {
            return Err(failed("its first program did not speak within 30 s"));
        }
    }
}

/// Reads the container's bounds back before anything of the server runs: some engines drop a limit
/// without a word.
fn check(orders: &WardenOrders, init: &OwnedFd) -> Result<(OwnedFd, Option<PathBuf>), BuildError> {
    let step = "read the container's bounds back";
    let peer = rustix::net::sockopt::socket_peercred(init).map_err(|e| BuildError::at(step, e))?;
    let process = peer.pid.as_raw_nonzero().get();
    let pidfd =
        Pid::from_raw(process).map(|pid| rustix::process::pidfd_open(pid, PidfdFlags::empty()));
    let Some(Ok(pidfd)) = pidfd else {
        let mut error = BuildError::at(
            step,
            io::Error::other("its processes are not seen from here"),
        );
        error.help =
            Some("run brig where the engine runs, and not in a container of it".to_owned());
        return Err(error);
    };
    let process = process.unsigned_abs();
    let bounded = bounds_of(process, &orders.cell.group).map_err(|e| BuildError::at(step, e))?;
    for bound in bounded {
        if bound.found != Some(bound.planned) {
            let found = bound
                .found
                .map_or("none".to_owned(), |found| found.to_string());
            let (name, planned) = (bound.controller, bound.planned);
            let reason =
                format!("the engine was asked for {name} {planned}, and the kernel has {found}");
            let mut error = BuildError::at(step, io::Error::other(reason));
            error.help = Some(
                "the engine cannot hold that on this host: use another with --engine, or control \
                 groups of version 2"
                    .to_owned(),
            );
            return Err(error);
        }
    }
    Ok((pidfd, memory_events_of(process)))
}
