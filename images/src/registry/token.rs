//! From a challenge to what the registry is shown.

use super::challenge::{self, Challenge};
use super::web::{Asked, is_this_host, unreachable};
use super::{Authorization, Registry, redirect};
use crate::credentials::Credential;
use crate::fault::{Fault, harmless};
use crate::secret::Secret;
use crate::supply::read_bounded;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::fmt::Write as _;
use ureq::Body;
use ureq::http::{Response, Uri, header};

/// A token is some kilobytes.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;

#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
}

/// What to show to a registry that answered so.
pub(super) fn authorization(
    registry: &Registry,
    refused: &Response<Body>,
) -> Result<Authorization, Fault> {
    let offered: Vec<Challenge> = refused
        .headers()
        .get_all(header::WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(challenge::read)
        .collect();
    let of = |scheme: &str| offered.iter().find(|one| one.scheme == scheme);
    let credential = registry.access.find(&registry.host, &registry.path)?;
    let is_login = credential.is_some();
    let header = match (of("bearer"), of("basic"), credential) {
        (Some(bearer), _, credential) => Some(token(registry, bearer, credential.as_ref())?),
        (None, Some(_), Some(Credential::Basic(name, password))) => Some(basic(&name, &password)),
        (None, Some(_), _) => None,
        (None, None, _) => {
            let schemes: Vec<&str> = offered.iter().map(|one| one.scheme.as_str()).collect();
            return Err(Fault::Challenge {
                host: registry.host.clone(),
                what: harmless(&schemes.join(", ")),
            });
        }
    };
    Ok(Authorization { header, is_login })
}

fn basic(name: &str, password: &Secret) -> Secret {
    let both = format!("{name}:{}", password.expose());
    Secret::new(format!("Basic {}", STANDARD.encode(both)))
}

/// Asks the server that the registry names for a token that lets read this one name.
fn token(
    registry: &Registry,
    bearer: &Challenge,
    credential: Option<&Credential>,
) -> Result<Secret, Fault> {
    let realm = bearer.values.get("realm").map_or("", String::as_str);
    let realm = realm_of(registry, realm)?;
    let mut fields = vec![("scope", format!("repository:{}:pull", registry.path))];
    if let Some(service) = bearer.values.get("service") {
        fields.push(("service", service.clone()));
    }
    let response = match credential {
        Some(Credential::Identity(identity)) => {
            fields.push(("grant_type", "refresh_token".to_owned()));
            fields.push(("client_id", "brig".to_owned()));
            fields.push(("refresh_token", identity.expose().to_owned()));
            registry.web.post(&realm, &form(&fields))?
        }
        Some(Credential::Basic(name, password)) => {
            let header = basic(name, password);
            ask(registry, &realm, &fields, Some(&header))?
        }
        None => ask(registry, &realm, &fields, None)?,
    };
    let status = response.status().as_u16();
    let host = harmless(realm.host().unwrap_or_default());
    match status {
        200 => {}
        400..=403 => {
            return Err(registry.denied(&Authorization {
                header: None,
                is_login: credential.is_some(),
            }));
        }
        429 => return Err(Fault::TooManyRequests { host }),
        _ => return Err(Fault::Status { host, status }),
    }
    let reader = response.into_body().into_reader();
    let bytes = read_bounded(reader, ANSWER_BYTES_MAX, "the registry's token")?;
    let bytes = bytes.map_err(|error| unreachable(&host, &error.into()))?;
    let told = |what: &str| Fault::Challenge {
        host: registry.host.clone(),
        what: what.to_owned(),
    };
    // serde's errors may repeat what is in the answer, so they are not told.
    let answer: Answer =
        serde_json::from_slice(&bytes).map_err(|_| told("its token is malformed"))?;
    let token = answer.token.or(answer.access_token);
    let token = token.filter(|token| token.bytes().all(|b| b.is_ascii_graphic()));
    let token = token.ok_or_else(|| told("there is no token"))?;
    Ok(Secret::new(format!("Bearer {token}")))
}

fn ask(
    registry: &Registry,
    realm: &Uri,
    fields: &[(&str, String)],
    header: Option<&Secret>,
) -> Result<Response<Body>, Fault> {
    let joint = if realm.query().is_some() { '&' } else { '?' };
    let whole = format!("{realm}{joint}{}", form(fields));
    let whole: Uri = whole.parse().map_err(|_| Fault::Challenge {
        host: registry.host.clone(),
        what: "its realm is no address".to_owned(),
    })?;
    let asked = Asked {
        accept: &["application/json"],
        from: 0,
    };
    registry.web.get(&whole, &asked, header)
}

/// The server that gives tokens. It sees the user's login, so it is spoken to as the registry
/// is: in plain text on this host alone.
fn realm_of(registry: &Registry, realm: &str) -> Result<Uri, Fault> {
    let base: Uri = registry.base.parse().map_err(|_| Fault::Challenge {
        host: registry.host.clone(),
        what: "it has no address".to_owned(),
    })?;
    let is_whole = realm.contains("://");
    let target = redirect::target(&base, realm);
    let target = target.and_then(|to| {
        let fits = is_whole && (to.scheme_str() == Some("https") || base.host() == to.host());
        let here = is_whole && to.host().is_some_and(is_this_host);
        (fits || here).then_some(to).ok_or("which is no address")
    });
    target.map_err(|why| registry.sent_on(realm, why))
}

/// Names and values, as an address and a form have them.
fn form(fields: &[(&str, String)]) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                text.push(char::from(byte));
            } else {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, want: &str) {
        assert_eq!(form(&[("a", value.to_owned())]), format!("a={want}"));
    }

    #[test]
    fn values_cannot_add_fields() {
        check("repository:a/b:pull", "repository%3Aa%2Fb%3Apull");
        check("x&y=z #\r\n", "x%26y%3Dz%20%23%0D%0A");
        check("ä", "%C3%A4");
    }
}
