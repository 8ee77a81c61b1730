//! `config.json` of Docker, `auth.json` of Podman: one form.

use super::Credential;
use crate::fault::{Fault, harmless};
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// What brig reads of it; the rest is Docker's own.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Kept {
    #[serde(default)]
    auths: BTreeMap<String, Login>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Login {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
}

/// People keep tens of logins; a file that is larger is another file.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The registry that all know by another name than its host's.
const HUB: &str = "docker.io";
const HUB_SERVER: &str = "https://index.docker.io/v1/";

/// The name by which programs know a registry.
pub(super) fn server_name(registry: &str) -> String {
    let hub = registry == HUB;
    if hub { HUB_SERVER } else { registry }.to_owned()
}

/// Reads a file, if it is there.
pub(super) fn read(path: &Path) -> Result<Option<Kept>, Fault> {
    // serde's errors may repeat what is in the file, so they are not told.
    let told = |reason: String| Fault::Credentials {
        place: harmless(&path.display().to_string()),
        reason,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(told(error.to_string())),
    };
    let mut bytes = Vec::new();
    let read = file.take(FILE_BYTES_MAX).read_to_end(&mut bytes);
    read.map_err(|error| told(error.to_string()))?;
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        told(format!(
            "line {line}, column {column} is not as it should be"
        ))
    })
}

impl Kept {
    /// The program that keeps the login for a registry.
    pub(super) fn program_for(&self, registry: &str) -> Option<&str> {
        let keys = [registry.to_owned(), server_name(registry)];
        let own = keys.iter().find_map(|key| self.cred_helpers.get(key));
        let program = own.or(self.creds_store.as_ref());
        program.map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The login in the file: Podman's may be for a part of a registry, the longest counts.
    pub(super) fn login(
        &self,
        registry: &str,
        path: &str,
        file: &Path,
    ) -> Result<Option<Credential>, Fault> {
        let mut key = format!("{registry}/{path}");
        loop {
            let found = self.auths.iter().find(|(written, _)| {
                let named = host_and_path(written);
                named == key || named == server_host(&key)
            });
            if let Some((_, login)) = found
                && let Some(credential) =
                    login.credential().map_err(|reason| Fault::Credentials {
                        place: harmless(&file.display().to_string()),
                        reason: reason.to_owned(),
                    })?
            {
                return Ok(Some(credential));
            }
            match key.rfind('/') {
                Some(slash) => key.truncate(slash),
                None => return Ok(None),
            }
        }
    }
}

/// A key without its scheme, and without the version of the interface that Docker once wrote.
fn host_and_path(key: &str) -> &str {
    let rest = key.strip_prefix("https://").or(key.strip_prefix("http://"));
    let rest = rest.unwrap_or(key).trim_end_matches('/');
    let versions = ["/v1", "/v2"];
    let plain = versions.iter().find_map(|end| rest.strip_suffix(end));
    plain.unwrap_or(rest)
}

/// The name under which Docker keeps the login for its own registry.
fn server_host(registry: &str) -> &str {
    if registry == HUB {
        host_and_path(HUB_SERVER)
    } else {
        registry
    }
}

impl Login {
    fn credential(&self) -> Result<Option<Credential>, &'static str> {
        if !self.identitytoken.is_empty() {
            let token = Secret::new(self.identitytoken.clone());
            return Ok(Some(Credential::Identity(token)));
        }
        if self.auth.is_empty() {
            let password = Secret::new(self.password.clone());
            let named = !self.username.is_empty();
            return Ok(named.then(|| Credential::Basic(self.username.clone(), password)));
        }
        let wrong = "an `auth` in it is not a name and a password in base64";
        let plain = STANDARD.decode(self.auth.trim()).map_err(|_| wrong)?;
        let plain = String::from_utf8(plain).map_err(|_| wrong)?;
        let (name, password) = plain.split_once(':').ok_or(wrong)?;
        // Some versions of Docker pad with zeros.
        let password = Secret::new(password.trim_end_matches('\0').to_owned());
        Ok(Some(Credential::Basic(name.to_owned(), password)))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[track_caller]
    fn check(file: &str, registry: &str, path: &str, want: Option<&str>) {
        let kept: Kept = serde_json::from_str(file).unwrap();
        let found = kept.login(registry, path, Path::new("f")).unwrap();
        let found = found.map(|credential| match credential {
            Credential::Basic(name, password) => format!("{name}:{}", password.expose()),
            Credential::Identity(token) => token.expose().to_owned(),
        });
        assert_eq!(found.as_deref(), want, "{registry}/{path} in {file}");
    }

    #[test]
    fn the_longest_name_counts() {
        let file = r#"{"auths": {
            "r.example": {"auth": "YTpi"},
            "r.example/team": {"auth": "YzpkOmU="},
            "https://old.example/v1/": {"username": "u", "password": "p"},
            "https://index.docker.io/v1/": {"identitytoken": "t"},
            "empty.example": {}
        }}"#;
        check(file, "r.example", "a/b", Some("a:b"));
        check(file, "r.example", "team/b", Some("c:d:e"));
        check(file, "r.example", "teams/b", Some("a:b"));
        check(file, "old.example", "a", Some("u:p"));
        check(file, "docker.io", "library/a", Some("t"));
        check(file, "empty.example", "a", None);
        check(file, "r.example.evil", "a", None);
        check(file, "r.example:5000", "a", None);
    }

    #[test]
    fn nothing_of_a_broken_file_is_told() {
        let kept: Kept = serde_json::from_str(r#"{"auths": {"r": {"auth": "c2VjcmV0"}}}"#).unwrap();
        let told = kept
            .login("r", "a", Path::new("f"))
            .unwrap_err()
            .to_string();
        assert!(told.contains("base64") && !told.contains("c2V"), "{told}");
    }
}
