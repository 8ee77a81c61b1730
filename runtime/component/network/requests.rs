//! Requests of a guest (wasi:http/outgoing-handler): HTTP/1.1 over one connection each, to whom is
//! granted. The worker writes `Host` and speaks TLS, so a guest chooses neither.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use brig_sandbox::egress::permit::Target;
use http::header::{HOST, HeaderValue};
use http::uri::{PathAndQuery, Scheme};
use http::{Method, Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wasmtime_wasi::runtime::spawn;
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::body::Received;
use super::responder::Unanswered;
use super::{Network, Unfound, target};

/// Bytes of a body that one call of a guest hands over, and the worker keeps until they are sent.
const CHUNK_BYTES_MAX: usize = 64 << 10;
/// Fields of an answer's head, and bytes that are read ahead: what browsers take, about.
const FIELDS_MAX: usize = 128;
const BUFFER_BYTES_MAX: usize = 128 << 10;

/// Until there is a connection with TLS, where a guest says nothing, and at most.
const CONNECT: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(60)];
/// Until an answer begins, and between its parts. An event stream may be silent for long.
const SILENCE: [Duration; 2] = [Duration::from_secs(600), Duration::from_secs(3600)];

const LOCALHOST: &str = "localhost";

/// How a store sends requests.
pub(in crate::component) struct Requests(pub(in crate::component) Arc<Network>);

type Drive = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(Response<WasiBody>, Drive), Error>;

impl WasiHttpHooks for Requests {
    /// The worker sets it, from what it connects to.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        CHUNK_BYTES_MAX
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Drive,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let network = Arc::clone(&self.0);
        Box::new(async move { send(&network, request, options.unwrap_or_default()).await })
    }
}

async fn send(network: &Network, mut request: Request<WasiBody>, options: RequestOptions) -> Sent {
    let asked = Asked::read(&request)?;
    let held = Arc::clone(&network.requests).try_acquire_owned();
    let held = held.map_err(|_| Error::ConnectionLimitReached)?;
    let connecting = timeout(
        bounded(options.connect_timeout, CONNECT),
        network.open(&asked),
    );
    let stream = connecting.await.map_err(|_| Error::ConnectionTimeout)??;
    asked.write(&mut request)?;
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(FIELDS_MAX)
        .max_buf_size(BUFFER_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await?;
    let driven = spawn(connection);
    let answering = timeout(
        bounded(options.first_byte_timeout, SILENCE),
        sender.send_request(request),
    );
    let response = answering
        .await
        .map_err(|_| Error::ConnectionReadTimeout)??;
    let patience = bounded(options.between_bytes_timeout, SILENCE);
    let response = response.map(|body| Received::new(body, patience).boxed_unsync());
    let drive = async move {
        let ended = driven.await;
        drop(held);
        ended.map_err(Error::from)
    };
    Ok((response, Box::new(drive)))
}

fn bounded(asked: Option<Duration>, [usual, most]: [Duration; 2]) -> Duration {
    asked.unwrap_or(usual).min(most)
}

/// A connection, with TLS or without.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Network {
    async fn open(&self, asked: &Asked) -> Result<Box<dyn Stream>, Error> {
        self.may_ask(&asked.target, asked.port)
            .map_err(|_| Error::HttpRequestDenied)?;
        let found = self.find(&asked.target).await.map_err(unfound)?;
        let ip = found.first().ok_or(Error::DestinationNotFound)?;
        let at = SocketAddr::new(*ip, asked.port);
        self.may_connect(at).map_err(|_| Error::HttpRequestDenied)?;
        let stream = TcpStream::connect(at).await.map_err(Error::Connect)?;
        // A request is written in few parts, of which none should wait for another.
        stream.set_nodelay(true).map_err(Error::Connect)?;
        Ok(match &asked.tls {
            Some(name) => Box::new(self.tls.wrap(stream, name.clone()).await?),
            None => Box::new(stream),
        })
    }
}

fn unfound(unfound: Unfound) -> Error {
    match unfound {
        Unfound::NotGranted => Error::HttpRequestDenied,
        Unfound::Unanswered(Unanswered::NoSuchName) => Error::DnsError {
            rcode: Some("NXDOMAIN".to_owned()),
            info_code: None,
        },
        Unfound::Unanswered(Unanswered::Silent) => Error::DnsTimeout,
        Unfound::Unanswered(Unanswered::Failed) => Error::DnsError {
            rcode: None,
            info_code: None,
        },
    }
}

/// Whom a request is for.
#[derive(Debug)]
struct Asked {
    target: Target,
    port: u16,
    host: HeaderValue,
    tls: Option<ServerName<'static>>,
}

impl Asked {
    /// Reads where a request goes, which is its URI's authority alone.
    fn read<B>(request: &Request<B>) -> Result<Self, Error> {
        // A tunnel would go to whom its peer reaches, with whatever a guest says in it.
        if request.method() == Method::CONNECT {
            return Err(Error::HttpRequestMethodInvalid);
        }
        let invalid = || Error::HttpRequestUriInvalid;
        let uri = request.uri();
        let has_tls = uri.scheme() == Some(&Scheme::HTTPS);
        let authority = uri.authority().ok_or_else(invalid)?;
        let host = authority.host();
        // What is left is a port, and no account before the host.
        let rest = authority.as_str().strip_prefix(host).ok_or_else(invalid)?;
        let usual = if has_tls { 443 } else { 80 };
        let port = match rest.strip_prefix(':') {
            Some(port) => port.parse().ok().filter(|port| *port > 0),
            None => rest.is_empty().then_some(usual),
        };
        let port = port.ok_or_else(invalid)?;
        let target = target(host).ok_or_else(invalid)?;
        let shown = match &target {
            Target::Name(name) => name.as_str().to_owned(),
            Target::Loopback(_) if is_localhost(host) => LOCALHOST.to_owned(),
            Target::Address(IpAddr::V6(v6)) | Target::Loopback(IpAddr::V6(v6)) => format!("[{v6}]"),
            Target::Address(v4) | Target::Loopback(v4) => v4.to_string(),
        };
        let tls = if has_tls {
            Some(certified(&target, &shown)?)
        } else {
            None
        };
        let shown = if port == usual {
            shown
        } else {
            format!("{shown}:{port}")
        };
        let host = HeaderValue::from_str(&shown).map_err(|_| invalid())?;
        Ok(Self {
            target,
            port,
            host,
            tls,
        })
    }

    /// Makes a request that of a client which speaks to the server itself (RFC 9112, 3.2.1).
    fn write<B>(&self, request: &mut Request<B>) -> Result<(), Error> {
        request.headers_mut().insert(HOST, self.host.clone());
        let asked = request.uri().path_and_query();
        let path = asked.map_or("/", PathAndQuery::path);
        let path = match asked.and_then(PathAndQuery::query) {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        let uri = Uri::builder().path_and_query(path).build();
        *request.uri_mut() = uri.map_err(|_| Error::HttpRequestUriInvalid)?;
        Ok(())
    }
}

fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.eq_ignore_ascii_case(LOCALHOST)
}

/// What a certificate is to name.
fn certified(target: &Target, shown: &str) -> Result<ServerName<'static>, Error> {
    match target {
        Target::Address(address) | Target::Loopback(address) if shown != LOCALHOST => {
            Ok(ServerName::from(*address))
        }
        Target::Address(_) | Target::Loopback(_) | Target::Name(_) => {
            let name = ServerName::try_from(shown.to_owned());
            name.map_err(|_| Error::HttpRequestUriInvalid)
        }
    }
}

#[cfg(test)]
mod tests;
