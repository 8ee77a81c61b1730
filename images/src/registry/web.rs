//! HTTP, bounded, with TLS to all but this host.

use crate::fault::{Fault, harmless};
use crate::secret::Secret;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use ureq::config::Config;
use ureq::http::{Response, Uri, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body};

/// How long a registry may take to connect, and between two parts of an answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const SILENCE_TIMEOUT: Duration = Duration::from_mins(1);

/// What is asked for.
pub(super) struct Asked<'a> {
    pub(super) accept: &'a [&'a str],
    /// The first byte that is wanted.
    pub(super) from: u64,
}

/// Connections to the world and to this host.
#[derive(Default)]
pub(super) struct Web {
    world: OnceLock<Agent>,
    here: OnceLock<Agent>,
}

impl Web {
    /// TLS for all but this host. Here a registry without it is common in tests, and nobody but
    /// this host's root can listen.
    pub(super) fn scheme_of(&self, server: &str) -> Result<&'static str, Fault> {
        let plain: Option<Uri> = format!("http://{server}/v2/").parse().ok();
        let Some(plain) = plain.filter(|uri| uri.host().is_some_and(is_this_host)) else {
            return Ok("https");
        };
        let asked = Asked {
            accept: &[],
            from: 0,
        };
        // A server with TLS does not understand the question, or sends on to itself.
        match self.ask(&plain, &asked, None) {
            Ok(response) if matches!(response.status().as_u16(), 300..=400) => Ok("https"),
            Ok(_) => Ok("http"),
            Err(ureq::Error::Io(error)) if is_refused(&error) => {
                Err(unreachable(server, &ureq::Error::Io(error)))
            }
            Err(_) => Ok("https"),
        }
    }

    /// Asks one address. Redirects and refusals are answers like others.
    pub(super) fn get(
        &self,
        at: &Uri,
        asked: &Asked<'_>,
        authorization: Option<&Secret>,
    ) -> Result<Response<Body>, Fault> {
        self.check(at)?;
        self.ask(at, asked, authorization)
            .map_err(|error| unreachable(&host_of(at), &error))
    }

    /// Sends a form.
    pub(super) fn post(&self, at: &Uri, form: &str) -> Result<Response<Body>, Fault> {
        self.check(at)?;
        let request = self.agent(at)?.post(at);
        request
            .content_type("application/x-www-form-urlencoded")
            .send(form)
            .map_err(|error| unreachable(&host_of(at), &error))
    }

    /// Finds out early whether there is anybody to trust.
    fn check(&self, at: &Uri) -> Result<(), Fault> {
        self.agent(at).map(|_| ())
    }

    fn ask(
        &self,
        at: &Uri,
        asked: &Asked<'_>,
        authorization: Option<&Secret>,
    ) -> Result<Response<Body>, ureq::Error> {
        let agent = self.agent(at).map_err(|_| ureq::Error::Tls("no roots"))?;
        let mut request = agent.get(at);
        for accept in asked.accept {
            request = request.header(header::ACCEPT, *accept);
        }
        if asked.from > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", asked.from));
        }
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization.expose());
        }
        request.call()
    }

    fn agent(&self, at: &Uri) -> Result<&Agent, Fault> {
        if at.scheme_str() == Some("http") {
            return Ok(self.here.get_or_init(here));
        }
        if let Some(agent) = self.world.get() {
            return Ok(agent);
        }
        let agent = world()?;
        Ok(self.world.get_or_init(|| agent))
    }
}

fn bounded() -> ureq::config::ConfigBuilder<ureq::typestate::AgentScope> {
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("brig/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_resolve(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(SILENCE_TIMEOUT))
        .timeout_per_read(Some(SILENCE_TIMEOUT))
}

/// Over TLS alone, through the proxy that the environment names.
fn world() -> Result<Agent, Fault> {
    let found = rustls_native_certs::load_native_certs();
    let roots: Vec<_> = found
        .certs
        .iter()
        .map(|root| Certificate::from_der(root).to_owned())
        .collect();
    if roots.is_empty() {
        return Err(Fault::NoAuthorities);
    }
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Ok(bounded()
        .https_only(true)
        .tls_config(tls)
        .build()
        .new_agent())
}

/// In plain text, to this host alone: through no proxy, and to no address that a name leads to
/// elsewhere.
fn here() -> Agent {
    let config = bounded().proxy(None).build();
    Agent::with_parts(config, DefaultConnector::default(), Here)
}

#[derive(Debug)]
struct Here;

impl Resolver for Here {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        if !uri.host().is_some_and(is_this_host) {
            return Err(ureq::Error::HostNotFound);
        }
        let all = DefaultResolver::default().resolve(uri, config, timeout)?;
        let mut here = self.empty();
        let loopback = |at: &&SocketAddr| at.ip().is_loopback();
        for at in all.iter().filter(loopback) {
            here.push(*at);
        }
        if here.is_empty() {
            return Err(ureq::Error::HostNotFound);
        }
        Ok(here)
    }
}

/// Whether a host is this one, by what is written.
pub(super) fn is_this_host(host: &str) -> bool {
    host == "localhost" || address(host).is_some_and(|address| address.is_loopback())
}

/// The address that is written as a host.
pub(super) fn address(host: &str) -> Option<IpAddr> {
    let inner = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inner.unwrap_or(host).parse().ok()
}

/// The first byte of a part of something, by its answer.
pub(super) fn resumes_at(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get(header::CONTENT_RANGE)?;
    let range = range.to_str().ok()?.strip_prefix("bytes ")?;
    range.split_once('-')?.0.parse().ok()
}

fn host_of(at: &Uri) -> String {
    harmless(at.authority().map_or("", |authority| authority.as_str()))
}

fn is_refused(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::ConnectionRefused
}

/// Why a host did not answer, as far as people can do something about it.
pub(super) fn unreachable(host: &str, error: &ureq::Error) -> Fault {
    let host = harmless(host);
    match certificate_fault(error) {
        Some(reason) => Fault::Certificate { host, reason },
        None => Fault::Unreachable {
            host,
            reason: harmless(&error.to_string()),
        },
    }
}

fn certificate_fault(error: &ureq::Error) -> Option<String> {
    let io = |io: &'_ std::io::Error| {
        let inner = io.get_ref()?.downcast_ref::<rustls::Error>()?;
        Some(inner.clone())
    };
    let tls = if let ureq::Error::Rustls(tls) = error {
        tls.clone()
    } else if let ureq::Error::Io(error) = error {
        io(error)?
    } else {
        return None;
    };
    if let rustls::Error::InvalidCertificate(why) = tls {
        return Some(harmless(&format!("{why}")));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, want: bool) {
        assert_eq!(is_this_host(host), want, "{host}");
    }

    #[test]
    fn this_host_is_told_by_what_is_written() {
        for here in ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
            check(here, true);
        }
        for there in [
            "localhost.example",
            "127.0.0.1.example",
            "0.0.0.0",
            "[::]",
            "10.0.0.1",
            "2130706433",
            "",
        ] {
            check(there, false);
        }
    }
}
