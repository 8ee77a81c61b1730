//! Who pulls: the logins that Docker and Podman keep.

mod file;
mod program;

use crate::fault::Fault;
use crate::secret::Secret;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// What the user has for registries, and where it is looked for.
///
/// Nothing is read before a registry asks who pulls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Files in the form of Docker's and Podman's, the first that knows the registry counts.
    pub files: Vec<PathBuf>,
    /// Where programs that keep logins are looked up, as `PATH` is written.
    pub programs: Option<OsString>,
}

/// How long a program may take that asks a keyring, and the user perhaps.
const PROGRAM_TIMEOUT: Duration = Duration::from_mins(1);

/// A login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// A name and a password.
    Basic(String, Secret),
    /// What a token is given for, without a password.
    Identity(Secret),
}

impl Access {
    /// The places of this user, by the variables of the environment: Podman's first, as it has
    /// them, then Docker's.
    pub fn of_user(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let folder = |name: &str| {
            let path = variable(name).map(PathBuf::from);
            path.filter(|path| path.is_absolute())
        };
        let home = folder("HOME");
        let settings = || {
            let named = folder("XDG_CONFIG_HOME");
            named.or_else(|| Some(home.as_ref()?.join(".config")))
        };
        let podmans = match variable("REGISTRY_AUTH_FILE") {
            Some(file) if !file.is_empty() => vec![PathBuf::from(file)],
            Some(_) | None => [folder("XDG_RUNTIME_DIR"), settings()]
                .into_iter()
                .flatten()
                .map(|folder| folder.join("containers/auth.json"))
                .collect(),
        };
        let dockers = folder("DOCKER_CONFIG")
            .or_else(|| Some(home.as_ref()?.join(".docker")))
            .map(|folder| folder.join("config.json"));
        Self {
            files: podmans.into_iter().chain(dockers).collect(),
            programs: variable("PATH"),
        }
    }

    /// The login for a name of a registry, if there is one.
    pub(crate) fn find(&self, registry: &str, path: &str) -> Result<Option<Credential>, Fault> {
        for file in &self.files {
            let Some(kept) = file::read(file)? else {
                continue;
            };
            let found = match kept.program_for(registry) {
                Some(program) => {
                    let server = file::server_name(registry);
                    let path = self.programs.as_deref();
                    program::ask(program, &server, path, PROGRAM_TIMEOUT)?
                }
                None => None,
            };
            let found = match found {
                Some(found) => Some(found),
                None => kept.login(registry, path, file)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}
