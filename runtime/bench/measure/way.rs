//! Ways to run a server, each a command: by brig under every engine, and beside it.

use super::peers;
use super::scratch::Scratch;
use super::subject::{Kind, Let, Subject};
use super::usage::Reach;
use crate::bench::samples::Role;
use crate::exit::Exit;
use crate::report::Refused;
use brig_sandbox::engine::Engine;
use std::path::PathBuf;
use std::process::Command;

/// The row that others are compared with, where it may be had.
pub(super) const BARE: &str = "bare";

/// One row.
pub(super) struct Way {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) version: Option<String>,
    pub(super) reach: Reach,
    /// Or why it cannot be had.
    pub(super) launch: Result<Launch, String>,
    /// Starts the same with nothing compiled before, where there is something to compile.
    pub(super) cold: Option<Cold>,
    /// Whether it tells the steps of its start (`brig run --trace-start`).
    pub(super) tells_steps: bool,
}

/// What makes a start cold.
#[derive(Clone, Debug)]
pub(super) enum Cold {
    /// An empty cache of code.
    EmptyCache,
    /// Another command.
    Other(Launch),
}

/// A command.
#[derive(Clone, Debug, Default)]
pub(super) struct Launch {
    pub(super) words: Vec<String>,
    /// Beside this process's own variables, or in place of them.
    pub(super) variables: Vec<(String, String)>,
    pub(super) is_bare: bool,
    pub(super) directory: Option<PathBuf>,
}

impl Launch {
    pub(super) fn new(words: Vec<String>) -> Self {
        Self {
            words,
            ..Self::default()
        }
    }

    /// The process that it would be.
    pub(super) fn command(&self) -> Command {
        let mut words = self.words.iter();
        let mut command = Command::new(words.next().map_or("", String::as_str));
        command.args(words);
        if self.is_bare {
            command.env_clear();
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }
}

impl Way {
    pub(super) fn new(name: &str, launch: Result<Launch, String>) -> Self {
        Self {
            name: name.to_owned(),
            role: Role::Subject,
            version: None,
            reach: Reach::Family,
            launch,
            cold: None,
            tells_steps: false,
        }
    }

    pub(super) fn with_version(mut self, version: Option<String>) -> Self {
        self.version = version;
        self
    }

    pub(super) fn reaching(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    /// The same once more, which shows what is noise.
    pub(super) fn again(&self) -> Self {
        Self {
            name: format!("{} again", self.name),
            role: Role::Again {
                of: self.name.clone(),
            },
            version: self.version.clone(),
            reach: self.reach,
            launch: self.launch.clone(),
            cold: self.cold.clone(),
            tells_steps: false,
        }
    }
}

/// `brig run` of a manifest.
pub(super) fn run(subject: &Subject, allowed: &Let, engine: Option<&str>) -> Launch {
    let mut words = vec![own_program(), "run".to_owned()];
    words.push(subject.manifest.display().to_string());
    if let Some(project) = &subject.project {
        words.extend(["--project".to_owned(), project.display().to_string()]);
    }
    if let Let::Digest(digest) = allowed {
        words.extend(["--digest".to_owned(), digest.clone()]);
    }
    if let Some(engine) = engine {
        words.extend(["--engine".to_owned(), engine.to_owned()]);
    }
    Launch::new(words)
}

/// This program, whatever has become of its file meanwhile: a benchmark is of one brig.
pub(super) fn own_program() -> String {
    let found = std::env::current_exe().ok();
    found.map_or("/proc/self/exe".to_owned(), |path| {
        path.display().to_string()
    })
}

/// All ways to run what these manifests say, those without brig's walls only where they are asked
/// for. The first is what others are compared with.
pub(super) fn all(
    subjects: &[Subject],
    (unconfined, with): (bool, &[(String, String)]),
    scratch: &mut Scratch,
) -> Result<Vec<Way>, Refused> {
    let mut ways = Vec::new();
    if unconfined {
        ways.extend(peers::beside(subjects, scratch.folder()));
        let named = with.iter().map(|(name, words)| {
            // A shell reads the words as a person writes them, and makes way for the server.
            let words = [
                "/bin/sh".to_owned(),
                "-c".to_owned(),
                format!("exec {words}"),
            ];
            Way::new(name, Ok(Launch::new(words.to_vec())))
        });
        ways.extend(named);
    }
    for subject in subjects {
        let way = of_brig(subject, unconfined, ways.is_empty())?;
        ways.push(way);
        if unconfined {
            ways.push(narrow(subject, scratch));
        }
        if subject.kind == Kind::Image {
            let engines = [
                Engine::Crun,
                Engine::Runc,
                Engine::Runsc,
                Engine::Docker,
                Engine::Podman,
            ];
            ways.extend(engines.map(|engine| under(subject, engine, unconfined)));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    // Two manifests of one kind differ in what they grant.
    for way in &mut ways {
        let mut name = way.name.clone();
        let mut count = 1;
        while !seen.insert(name.clone()) {
            count += 1;
            name = format!("{} ({count})", way.name);
        }
        way.name = name;
    }
    Ok(ways)
}

/// brig's own cell: a start that is refused is an error where nothing else is measured before it.
fn of_brig(subject: &Subject, unconfined: bool, is_first: bool) -> Result<Way, Refused> {
    let name = match subject.kind {
        Kind::Program => "brig native",
        Kind::Image => "brig image",
        Kind::Component => "brig component",
    };
    let launch = match subject.allowed(None, unconfined) {
        Ok((_, allowed)) => Ok(run(subject, &allowed, None)),
        Err(refused) if is_first => return Err(refused),
        Err(refused) => Err(told(&refused)),
    };
    let mut way = Way::new(name, launch);
    way.tells_steps = true;
    if subject.kind == Kind::Component {
        way.cold = Some(Cold::EmptyCache);
    }
    Ok(way)
}

fn under(subject: &Subject, engine: Engine, unconfined: bool) -> Way {
    let allowed = subject.allowed(Some(engine.name()), unconfined);
    let launch = match allowed {
        Ok((_, allowed)) => Ok(run(subject, &allowed, Some(engine.name()))),
        Err(refused) => Err(told(&refused)),
    };
    let mut way = Way::new(&format!("brig {}", engine.name()), launch);
    way.tells_steps = true;
    if let Engine::Docker | Engine::Podman = engine {
        way.reach = Reach::Daemon;
    }
    way
}

/// The same cell as on a host where nobody can make user namespaces.
fn narrow(subject: &Subject, scratch: &mut Scratch) -> Way {
    let name = match subject.kind {
        Kind::Program => "brig native, narrow cell",
        Kind::Image => "brig image, narrow cell",
        Kind::Component => "brig component, narrow cell",
    };
    Way::new(name, peers::narrow(subject, scratch))
}

/// Why brig refused, in one line.
pub(super) fn told(refused: &Refused) -> String {
    let (message, help) = refused.brief();
    let exit = if refused.exit == Exit::NotApproved {
        "not approved: "
    } else {
        ""
    };
    let help = if help.is_empty() {
        help
    } else {
        format!("; {help}")
    };
    super::session::shown(&format!("{exit}{message}{help}"))
}
