//! TLS of a guest's requests, made in the worker: to the granted name, by whom this host trusts.

use std::io;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use wasmtime_wasi_http::Error;

/// The one protocol that is spoken within (RFC 7301).
const PROTOCOL: &[u8] = b"http/1.1";

/// How TLS is spoken. It is made when the guest first asks for it, which most never do.
pub(super) struct Tls {
    authorities: Vec<String>,
    config: OnceLock<Option<Arc<ClientConfig>>>,
}

impl Tls {
    /// By these authorities: certificates as DER in Base64.
    pub(super) fn new(authorities: Vec<String>) -> Self {
        Self {
            authorities,
            config: OnceLock::new(),
        }
    }

    /// Speaks TLS on a connection, with whom has a certificate of that name.
    pub(super) async fn wrap(
        &self,
        stream: TcpStream,
        name: ServerName<'static>,
    ) -> Result<TlsStream<TcpStream>, Error> {
        let config = self.config.get_or_init(|| config(&self.authorities));
        let config = config.clone().ok_or_else(|| {
            let why = "this host trusts no certificate authority (SSL_CERT_FILE names a file)";
            Error::InternalError(Some(why.to_owned()))
        })?;
        let connecting = TlsConnector::from(config).connect(name, stream);
        connecting.await.map_err(failed)
    }
}

/// None where there is no authority: then nobody could be believed.
fn config(authorities: &[String]) -> Option<Arc<ClientConfig>> {
    let decoded = authorities
        .iter()
        .filter_map(|der| STANDARD.decode(der).ok());
    let mut roots = RootCertStore::empty();
    // A host's store can hold what rustls reads no certificate in; that one is not believed.
    roots.add_parsable_certificates(decoded.map(CertificateDer::from));
    if roots.is_empty() {
        return None;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    Some(Arc::new(config))
}

/// The error of WASI that says most of what went wrong.
fn failed(error: io::Error) -> Error {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    match cause {
        Some(rustls::Error::InvalidCertificate(_)) => Error::TlsCertificateError,
        Some(rustls::Error::AlertReceived(alert)) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: alert.as_str().map(str::to_owned),
        },
        Some(_) | None => Error::Tls(error),
    }
}
