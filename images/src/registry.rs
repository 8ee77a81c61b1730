//! Registries, as the OCI distribution specification has them: two questions, asked safely.
//!
//! *Absent here:* plain HTTP to anything but this host, redirects that are not looked at, and
//! bodies without a bound.

mod challenge;
mod redirect;
mod token;
mod web;

use crate::credentials::Access;
use crate::digest::Digest;
use crate::document::{ACCEPTED, Descriptor};
use crate::fault::{Fault, harmless};
use crate::limits::PullLimits;
use crate::secret::Secret;
use crate::supply::{Coming, Fetched, Supply, read_bounded};
use brig_policies::ImageReference;
use std::sync::Mutex;
use ureq::Body;
use ureq::http::{Response, Uri, header};
use web::{Asked, Web};

/// The registry that answers under another name than its own, and what its names begin with
/// where they are not written whole.
const HUB: (&str, &str, &str) = ("docker.io", "registry-1.docker.io", "library/");

/// One name of a registry.
pub(crate) struct Registry {
    web: Web,
    /// As the user wrote it: what errors and logins name.
    host: String,
    /// `https://…/v2/name`
    base: String,
    path: String,
    /// The digest, or else the tag.
    version: String,
    digest: Option<Digest>,
    access: Access,
    authorization: Mutex<Authorization>,
    limits: PullLimits,
}

/// What the registry was shown, and whether that is a login of the user's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Authorization {
    header: Option<Secret>,
    is_login: bool,
}

impl Registry {
    /// Finds out how the registry is spoken to; asks it for nothing yet.
    pub(crate) fn open(
        reference: &ImageReference,
        access: &Access,
        limits: PullLimits,
    ) -> Result<Self, Fault> {
        let (host, path) = (reference.registry(), reference.path());
        let web = Web::default();
        let (server, path) = match HUB {
            (hub, server, prefix) if host == hub => {
                let prefix = if path.contains('/') { "" } else { prefix };
                (server, format!("{prefix}{path}"))
            }
            _ => (host, path.to_owned()),
        };
        let scheme = web.scheme_of(server)?;
        let version = reference.digest().or(reference.tag()).unwrap_or_default();
        Ok(Self {
            web,
            host: host.to_owned(),
            base: format!("{scheme}://{server}/v2/{path}"),
            path,
            version: version.to_owned(),
            digest: reference.digest().map(str::parse).transpose()?,
            access: access.clone(),
            authorization: Mutex::default(),
            limits,
        })
    }

    /// Asks for something, logs in where that is wanted, and follows where it is sent.
    fn get(&self, what: &str, asked: &Asked<'_>) -> Result<Response<Body>, Fault> {
        let url = format!("{}/{what}", self.base);
        let url: Uri = url
            .parse()
            .map_err(|_| Fault::Reference("it makes no address".to_owned()))?;
        let mut shown = self.shown();
        let mut response = self.follow(&url, asked, &shown)?;
        if response.status() == 401 {
            shown = self.log_in(&response, &shown)?;
            response = self.follow(&url, asked, &shown)?;
        }
        let status = response.status().as_u16();
        let host = self.host.clone();
        match status {
            200 | 206 => Ok(response),
            416 if asked.from > 0 => Ok(response),
            401 | 403 => Err(self.denied(&shown)),
            404 => Err(Fault::NotFound { host }),
            429 => Err(Fault::TooManyRequests { host }),
            _ => Err(Fault::Status { host, status }),
        }
    }

    fn denied(&self, shown: &Authorization) -> Fault {
        Fault::Denied {
            host: self.host.clone(),
            who: if shown.is_login {
                "your login"
            } else {
                "somebody without a login"
            },
        }
    }

    fn shown(&self) -> Authorization {
        let current = self.authorization.lock();
        current.map_or_else(|_| Authorization::default(), |current| current.clone())
    }

    /// Logs in, once for all threads; `shown` is what the registry would not have.
    fn log_in(
        &self,
        refused: &Response<Body>,
        shown: &Authorization,
    ) -> Result<Authorization, Fault> {
        let Ok(mut current) = self.authorization.lock() else {
            return Err(self.denied(shown));
        };
        if *current == *shown {
            let header = token::authorization(self, refused)?;
            if header == *shown {
                return Err(self.denied(shown));
            }
            *current = header;
        }
        Ok(current.clone())
    }

    /// Follows redirects by hand: each is looked at, and none but the registry itself sees who
    /// pulls.
    fn follow(
        &self,
        url: &Uri,
        asked: &Asked<'_>,
        shown: &Authorization,
    ) -> Result<Response<Body>, Fault> {
        let mut at = url.clone();
        for _ in 0..=redirect::HOPS_MAX {
            let authorization = shown.header.as_ref();
            let authorization = authorization.filter(|_| redirect::same_origin(url, &at));
            let response = self.web.get(&at, asked, authorization)?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            let to = response.headers().get(header::LOCATION);
            let to = to.and_then(|to| to.to_str().ok()).unwrap_or_default();
            at = redirect::target(&at, to).map_err(|why| self.sent_on(to, why))?;
        }
        Err(self.sent_on(&at.to_string(), "which is once too often"))
    }

    fn sent_on(&self, to: &str, why: &'static str) -> Fault {
        // What follows a `?` may be a signature that lets its bearer in.
        let to = to.split(['?', '#']).next().unwrap_or_default();
        Fault::Redirect {
            host: self.host.clone(),
            to: format!("`{}`", harmless(to)),
            why,
        }
    }

    fn manifest(&self, version: &str) -> Result<Fetched, Fault> {
        let asked = Asked {
            accept: ACCEPTED,
            from: 0,
        };
        let response = self.get(&format!("manifests/{version}"), &asked)?;
        let media_type = response.headers().get(header::CONTENT_TYPE);
        let media_type = media_type.and_then(|told| told.to_str().ok());
        let media_type = media_type.map(|told| told.split(';').next().unwrap_or_default().trim());
        let media_type = media_type.map(str::to_owned);
        let told = response.headers().get("docker-content-digest");
        let told: Option<Digest> = told.and_then(|told| told.to_str().ok()?.parse().ok());
        let most = self.limits.manifest_bytes_max;
        let bytes = read_bounded(response.into_body().into_reader(), most, "the manifest")?;
        let bytes = bytes.map_err(|error| web::unreachable(&self.host, &error.into()))?;
        // Beside TLS this proves nothing; it tells of a registry or a proxy that is broken.
        match told {
            Some(wanted) if wanted != Digest::of(&bytes) => Err(Fault::OtherContent {
                wanted,
                found: Digest::of(&bytes),
            }),
            Some(_) | None => Ok(Fetched { bytes, media_type }),
        }
    }
}

impl Supply for Registry {
    fn top(&self) -> Result<(Fetched, Option<Digest>), Fault> {
        Ok((self.manifest(&self.version)?, self.digest))
    }

    fn document(&self, content: &Descriptor) -> Result<Fetched, Fault> {
        self.manifest(&content.digest.to_string())
    }

    fn part(&self, content: &Descriptor, from: u64) -> Result<Coming, Fault> {
        let what = format!("blobs/{}", content.digest);
        let mut asked = Asked { accept: &[], from };
        let mut response = self.get(&what, &asked)?;
        let resumes = response.status() == 206 && web::resumes_at(&response) == Some(from);
        if from > 0 && response.status() != 200 && !resumes {
            // What was asked for is not what comes: all of it, then.
            asked.from = 0;
            response = self.get(&what, &asked)?;
        }
        let at = if resumes { from } else { 0 };
        if response.status() != 200 && !resumes {
            return Err(Fault::Status {
                host: self.host.clone(),
                status: response.status().as_u16(),
            });
        }
        let reader = Box::new(response.into_body().into_reader());
        Ok(Coming { reader, at })
    }
}
