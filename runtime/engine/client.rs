//! Asking a daemon, with every error told so that a person can act on it.

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{
    ContainerCreateBody, ContainerInspectResponse, ContainerSummary, ImageInspect, SystemInfo,
};
use bollard::query_parameters::{
    CreateContainerOptions, ImportImageOptions, InspectContainerOptions, ListContainersOptions,
    RemoveContainerOptions, StartContainerOptions,
};
use brig_sandbox::engine::Engine;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use std::fs::File;
use std::future::Future;
use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use thiserror::Error as ThisError;
use tokio::runtime::{Builder, Runtime};

/// How long a daemon may take for one answer, in seconds.
const ANSWER_SECONDS_MAX: u64 = 30;
/// The newest version of the API that brig speaks (Docker Engine API).
const VERSION: (usize, usize) = (1, 53);
/// Bytes of an archive that are sent at once.
const CHUNK_BYTES: usize = 256 << 10;
/// Characters of a daemon's own words.
const WORDS_MAX: usize = 600;

/// Why a daemon did not do what it was asked for.
#[derive(Debug, ThisError)]
#[error("{what}: {reason}")]
pub(crate) struct EngineError {
    /// What was asked, as it reads after "cannot".
    pub(crate) what: String,
    /// What stood in the way.
    pub(crate) reason: String,
    /// What to do about it.
    pub(crate) help: String,
    /// Whether the daemon knows no such thing.
    pub(crate) absent: bool,
}

/// A connection, and the loop that waits for its answers.
pub(crate) struct Client {
    engine: Engine,
    docker: Docker,
    runtime: Runtime,
}

impl Client {
    /// Connects; the version is settled before.
    pub(crate) fn connect(
        engine: Engine,
        socket: &Path,
        version: (usize, usize),
    ) -> Result<Self, EngineError> {
        let what = format!("reach {engine}");
        let shown = socket.display().to_string();
        let failed = |error: &io::Error| EngineError {
            what: what.clone(),
            reason: unreachable(&shown, error),
            help: unreached(engine, error),
            absent: false,
        };
        // The library tells less of why a socket cannot be connected to.
        UnixStream::connect(socket).map_err(|error| failed(&error))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(&error))?;
        let version = bollard::ClientVersion {
            major_version: version.0,
            minor_version: version.1,
        };
        let docker = {
            let _inside = runtime.enter();
            Docker::connect_with_unix(&shown, ANSWER_SECONDS_MAX, &version)
        };
        let docker = docker.map_err(|error| told(engine, &what, &error))?;
        Ok(Self {
            engine,
            docker,
            runtime,
        })
    }

    /// Connects, and settles on a version of the API that both know.
    pub(crate) fn negotiate(engine: Engine, socket: &Path) -> Result<Self, EngineError> {
        let Self {
            docker, runtime, ..
        } = Self::connect(engine, socket, VERSION)?;
        let docker = runtime.block_on(docker.negotiate_version());
        let docker = docker.map_err(|error| told(engine, &format!("reach {engine}"), &error))?;
        Ok(Self {
            engine,
            docker,
            runtime,
        })
    }

    /// The version that was settled on.
    pub(crate) fn version(&self) -> (usize, usize) {
        let version = self.docker.client_version();
        (version.major_version, version.minor_version)
    }

    fn ask<T>(
        &self,
        what: &str,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, EngineError> {
        let answered = self.runtime.block_on(answer);
        answered.map_err(|error| told(self.engine, what, &error))
    }

    /// What the daemon says of itself.
    pub(crate) fn facts(&self) -> Result<SystemInfo, EngineError> {
        let what = format!("ask {} about itself", self.engine);
        self.ask(&what, self.docker.info())
    }

    /// An image that the daemon has.
    pub(crate) fn image(&self, name: &str) -> Result<ImageInspect, EngineError> {
        let what = format!("look at the image in {}", self.engine);
        self.ask(&what, self.docker.inspect_image(name))
    }

    /// Makes a container, and lists those that brig made before, at once.
    pub(crate) fn create(
        &self,
        name: &str,
        body: ContainerCreateBody,
        label: &str,
    ) -> Result<(String, Vec<ContainerSummary>), EngineError> {
        let options = CreateContainerOptions {
            name: Some(name.to_owned()),
            ..CreateContainerOptions::default()
        };
        let filters = [("label".to_owned(), vec![label.to_owned()])];
        let listing = ListContainersOptions {
            all: true,
            filters: Some(filters.into()),
            ..ListContainersOptions::default()
        };
        let create = self.docker.create_container(Some(options), body);
        let list = self.docker.list_containers(Some(listing));
        let both = async { tokio::join!(create, list) };
        let (created, listed) = self.runtime.block_on(both);
        let what = format!("make a container in {}", self.engine);
        let created = created.map_err(|error| told(self.engine, &what, &error))?;
        // Those that cannot be listed now are found by another start.
        Ok((created.id, listed.unwrap_or_default()))
    }

    /// Starts a container.
    pub(crate) fn start(&self, id: &str) -> Result<(), EngineError> {
        let what = format!("start the container in {}", self.engine);
        let start = self
            .docker
            .start_container(id, None::<StartContainerOptions>);
        self.ask(&what, start)
    }

    /// What became of a container.
    pub(crate) fn container(&self, id: &str) -> Result<ContainerInspectResponse, EngineError> {
        let what = format!("look at the container in {}", self.engine);
        let look = self
            .docker
            .inspect_container(id, None::<InspectContainerOptions>);
        self.ask(&what, look)
    }

    /// Loads an archive of images (`docker load`).
    pub(crate) fn load(&self, archive: File) -> Result<(), EngineError> {
        let options = ImportImageOptions {
            quiet: true,
            ..ImportImageOptions::default()
        };
        let chunks = futures_util::stream::iter(Chunks(archive));
        let told = self.docker.import_image_stream(options, chunks, None);
        let what = format!("load the image into {}", self.engine);
        self.ask(&what, told.try_collect::<Vec<_>>()).map(|_| ())
    }

    /// Ends a container and takes away all that it has.
    pub(crate) fn remove(&self, id: &str) -> Result<(), EngineError> {
        let options = RemoveContainerOptions {
            v: true,
            force: true,
            link: false,
        };
        let what = format!("remove the container from {}", self.engine);
        self.ask(&what, self.docker.remove_container(id, Some(options)))
    }
}

/// A file in parts.
struct Chunks(File);

impl Iterator for Chunks {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut chunk = vec![0; CHUNK_BYTES];
        match self.0.read(&mut chunk) {
            Ok(0) => None,
            Ok(count) => {
                chunk.truncate(count);
                Some(Ok(chunk.into()))
            }
            Err(error) => Some(Err(error)),
        }
    }
}

fn unreachable(socket: &str, error: &io::Error) -> String {
    let kind = error.kind();
    if kind == io::ErrorKind::NotFound {
        format!("there is no socket `{socket}`")
    } else if kind == io::ErrorKind::PermissionDenied {
        format!("this user may not connect to `{socket}`")
    } else if kind == io::ErrorKind::ConnectionRefused {
        format!("nobody listens on `{socket}`")
    } else {
        format!("`{socket}`: {error}")
    }
}

/// What helps where a socket cannot be connected to.
fn unreached(engine: Engine, error: &io::Error) -> String {
    let start = match engine {
        Engine::Podman => {
            "start its service (`systemctl --user start podman.socket`, or `podman system service`)"
        }
        Engine::Docker | Engine::Native | Engine::Crun | Engine::Runc | Engine::Runsc => {
            "start its service (`systemctl start docker`)"
        }
    };
    if error.kind() == io::ErrorKind::PermissionDenied {
        return "join the group of the socket (its members can do on this host all that root can), \
                or use another engine with --engine"
            .to_owned();
    }
    format!("{start}, or use another engine with --engine")
}

/// An error of the library, as brig tells it.
fn told(engine: Engine, what: &str, error: &Error) -> EngineError {
    let mut absent = false;
    let (reason, help) = if let Error::DockerResponseServerError {
        status_code,
        message,
    } = error
    {
        absent = *status_code == 404;
        (plain(message), refused(engine, *status_code, message))
    } else if let Error::RequestTimeoutError = error {
        (
            format!("no answer within {ANSWER_SECONDS_MAX} s"),
            format!("look at what {engine} is doing, or use another engine with --engine"),
        )
    } else if let Error::HyperLegacyError { .. } | Error::HyperResponseError { .. } = error {
        (
            "the connection broke off".to_owned(),
            format!("{engine} may be restarting: start again when it runs"),
        )
    } else {
        (
            plain(&error.to_string()),
            format!("look into the log of {engine}"),
        )
    };
    EngineError {
        what: what.to_owned(),
        reason,
        help,
        absent,
    }
}

fn refused(engine: Engine, status: u16, message: &str) -> String {
    if message.contains("no space left on device") {
        return format!("free some disk where {engine} keeps its data");
    }
    match status {
        404 => format!("what it names is not in {engine} any more: `brig pull` puts images there"),
        409 => "start again: another container had the name".to_owned(),
        _ => format!("look into the log of {engine}, or use another engine with --engine"),
    }
}

/// A daemon's words repeat what images say, so nothing of them may act on a terminal.
fn plain(words: &str) -> String {
    let words = words.chars().map(|c| if c.is_control() { ' ' } else { c });
    words.take(WORDS_MAX).collect::<String>().trim().to_owned()
}
