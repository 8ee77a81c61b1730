#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use bytes::Bytes;
use http_body_util::Full;

use super::super::tests::{block_on, egress, network, told};
use super::*;

/// Where a request goes, its `Host` and whom a certificate is to name; or why it goes nowhere.
fn read(method: &str, url: &str) -> Result<String, String> {
    let mut request = Request::builder().method(method).uri(url).body(()).unwrap();
    let asked = Asked::read(&request).map_err(|error| error.to_string())?;
    asked.write(&mut request).unwrap();
    let host = request.headers().get(HOST).unwrap().to_str().unwrap();
    let tls = asked
        .tls
        .as_ref()
        .map_or(String::new(), |name| format!(" by {name:?}"));
    let (target, port) = (asked.target.destination(), asked.port);
    Ok(format!("{target} {port} {host} {}{tls}", request.uri()))
}

#[track_caller]
fn check(method: &str, url: &str, want: &str) {
    assert_eq!(
        read(method, url).unwrap_or_else(|error| error),
        want,
        "{url}"
    );
}

#[test]
fn a_request_goes_where_its_url_says_and_says_so() {
    check(
        "GET",
        "http://api.example.com/a?b=c",
        "api.example.com 80 api.example.com /a?b=c",
    );
    check(
        "GET",
        "http://API.example.com.:8080",
        "api.example.com 8080 api.example.com:8080 /",
    );
    check(
        "GET",
        "http://api.example.com:80?q",
        "api.example.com 80 api.example.com /?q",
    );
    check("GET", "http://[::1]:81/", "localhost 81 [::1]:81 /");
    check("GET", "http://LocalHost/", "localhost 80 localhost /");
    check("GET", "http://0x7f.1/", "localhost 80 127.0.0.1 /");
    check(
        "GET",
        "http://[2001:db8::1]/",
        "2001:db8::1 80 [2001:db8::1] /",
    );
    check(
        "GET",
        "https://api.example.com/",
        "api.example.com 443 api.example.com / by DnsName(\"api.example.com\")",
    );
    check(
        "GET",
        "https://10.0.0.1:8443/",
        "10.0.0.1 8443 10.0.0.1:8443 / by IpAddress(V4(Ipv4Addr([10, 0, 0, 1])))",
    );
}

#[test]
fn what_is_no_plain_destination_is_refused() {
    let invalid = "invalid HTTP request URI";
    for url in [
        "http://user@api.example.com/",
        "http://api.example.com@evil.example/",
        "http://api.example.com:0/",
        "http://api.example.com:/",
        "http://*.example.com/",
        "http://x.localhost/",
    ] {
        check("GET", url, invalid);
    }
    check(
        "CONNECT",
        "http://api.example.com/",
        "invalid HTTP request method",
    );
}

/// A server that reads one request and answers it with these bytes; what it read comes back.
fn server(answer: &'static [u8]) -> (u16, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut read, mut part) = (Vec::new(), [0; 4096]);
        while !read.ends_with(b"\r\n\r\n") && !read.ends_with(b"the body") {
            let count = stream.read(&mut part).unwrap();
            assert!(count > 0, "the request ended early");
            read.extend(&part[..count]);
        }
        stream.write_all(answer).unwrap();
        String::from_utf8(read).unwrap()
    });
    (port, serving)
}

fn body(text: &'static str) -> WasiBody {
    Full::new(Bytes::from(text))
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A grant of this host's loopback on this port: what a unit test can serve.
fn local(port: u16) -> String {
    format!("host = \"localhost\"\nports = [{port}]\nprotocol = \"tcp\"")
}

/// Asks for this, and gives the status and the body.
async fn fetch(network: &Network, url: &str, options: RequestOptions) -> Result<String, Error> {
    let request = Request::builder()
        .method(Method::POST)
        .uri(url)
        .header("content-length", "8")
        .body(body("the body"));
    let (response, drive) = send(network, request.unwrap(), options).await?;
    let driving = spawn(Box::into_pin(drive));
    let status = response.status();
    let bytes = response.into_body().collect().await?.to_bytes();
    drop(driving);
    Ok(format!("{status} {}", String::from_utf8_lossy(&bytes)))
}

#[test]
fn a_granted_request_is_answered_and_another_is_told() {
    let (port, serving) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let (network, reports) = network(egress(&[&local(port)]), Vec::new());
    let url = format!("http://localhost:{port}/path?query");
    let answer = block_on(fetch(&network, &url, RequestOptions::default()));
    assert_eq!(answer.unwrap(), "200 OK hello");
    let read = serving.join().unwrap();
    assert!(read.starts_with("POST /path?query HTTP/1.1\r\n"), "{read}");
    assert!(
        read.contains(&format!("host: localhost:{port}\r\n")),
        "{read}"
    );
    for url in ["http://localhost:1/", "https://example.org/"] {
        let answer = block_on(fetch(&network, url, RequestOptions::default()));
        assert!(
            matches!(answer, Err(Error::HttpRequestDenied)),
            "{answer:?}"
        );
    }
    drop(network);
    assert_eq!(
        told(reports),
        [
            "[[network]] host = \"localhost\", ports = [1], protocol = \"tcp\"",
            "[[network]] host = \"example.org\", ports = [443]",
        ]
    );
}

#[test]
fn without_grants_nothing_is_asked() {
    let (network, reports) = network(None, Vec::new());
    let url = "http://api.example.com/";
    let answer = block_on(fetch(&network, url, RequestOptions::default()));
    assert!(
        matches!(answer, Err(Error::HttpRequestDenied)),
        "{answer:?}"
    );
    drop(network);
    assert_eq!(
        told(reports),
        ["[[network]] host = \"api.example.com\", ports = [80]"]
    );
}

#[test]
fn a_silent_answer_is_waited_for_as_long_as_the_guest_says() {
    let short = Some(Duration::from_millis(200));
    let options = RequestOptions {
        connect_timeout: None,
        first_byte_timeout: short,
        between_bytes_timeout: short,
    };
    // A listener whose backlog takes the connection, and nobody answers; then half an answer.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    let (port, _serving) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let half_port = listener.local_addr().unwrap().port();
    let half = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut part = [0; 4096];
        let count = stream.read(&mut part).unwrap();
        assert!(count > 0);
        let half = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel";
        stream.write_all(half).unwrap();
        // Until the guest's end is closed.
        while stream.read(&mut part).is_ok_and(|count| count > 0) {}
    });
    let grants = [local(silent_port), local(half_port), local(port)];
    let grants: Vec<&str> = grants.iter().map(String::as_str).collect();
    let (network, _reports) = network(egress(&grants), Vec::new());
    for port in [silent_port, half_port] {
        let url = format!("http://localhost:{port}/");
        let answer = block_on(fetch(&network, &url, options));
        assert!(
            matches!(answer, Err(Error::ConnectionReadTimeout)),
            "{answer:?}"
        );
    }
    half.join().unwrap();
    // An answer that ends early is no silence.
    let answer = block_on(fetch(
        &network,
        &format!("http://localhost:{port}/"),
        options,
    ));
    assert!(matches!(answer, Err(Error::Hyper(_))), "{answer:?}");
}

#[test]
fn tls_without_an_authority_is_an_error_that_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (network, _reports) = network(egress(&[&local(port)]), Vec::new());
    let url = format!("https://localhost:{port}/");
    let answer = block_on(fetch(&network, &url, RequestOptions::default()));
    let told = answer.unwrap_err().to_string();
    assert!(told.contains("SSL_CERT_FILE"), "{told}");
}

#[test]
fn requests_at_once_are_bounded() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (network, _reports) = network(egress(&[&local(port)]), Vec::new());
    let url = format!("http://localhost:{port}/");
    let network = Arc::new(network);
    block_on(async {
        let mut waiting = Vec::new();
        for _ in 0..super::super::REQUESTS_MAX {
            let (network, url) = (Arc::clone(&network), url.clone());
            waiting.push(spawn(async move {
                fetch(&network, &url, RequestOptions::default()).await
            }));
        }
        tokio::task::yield_now().await;
        let answer = fetch(&network, &url, RequestOptions::default()).await;
        assert!(
            matches!(answer, Err(Error::ConnectionLimitReached)),
            "{answer:?}"
        );
    });
    // What was held came back with them.
    assert_eq!(
        network.requests.available_permits(),
        super::super::REQUESTS_MAX
    );
}

#[test]
fn no_guest_waits_longer_than_the_ceilings() {
    let long = Some(Duration::from_secs(1 << 40));
    assert_eq!(bounded(long, CONNECT), Duration::from_secs(60));
    assert_eq!(bounded(long, SILENCE), Duration::from_secs(3600));
    assert_eq!(bounded(None, CONNECT), Duration::from_secs(30));
    assert_eq!(bounded(Some(Duration::ZERO), SILENCE), Duration::ZERO);
}

/// An authority's certificate, and a server's certificate and key that it signed for this name, all
/// as PEM, made by OpenSSL.
fn certificates(name: &str) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let number = std::process::id();
    let folder = std::env::temp_dir().join(format!("brig-http-{number}-{name}"));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    let make = |subject: &str, more: &[&str]| {
        let fixed = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
        let mut openssl = std::process::Command::new("openssl");
        openssl.args(fixed.split(' ')).args(more);
        openssl.args(["-subj", &format!("/CN={subject}")]);
        openssl.args(["-keyout", &path(&format!("{subject}.key"))]);
        let made = openssl
            .args(["-out", &path(&format!("{subject}.pem"))])
            .output();
        let made = made.unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    };
    make("authority", &[]);
    let (authority, key) = (path("authority.pem"), path("authority.key"));
    let names = format!("subjectAltName=DNS:{name}");
    let ends = "basicConstraints=critical,CA:FALSE";
    make(
        "server",
        &[
            "-CA", &authority, "-CAkey", &key, "-addext", ends, "-addext", &names,
        ],
    );
    let read = |name: &str| std::fs::read(path(name)).unwrap();
    let made = (
        read("authority.pem"),
        read("server.pem"),
        read("server.key"),
    );
    std::fs::remove_dir_all(&folder).unwrap();
    made
}

/// A server of TLS with this certificate, for one request; the name that it was asked for.
fn tls_server(certificate: &[u8], key: &[u8]) -> (u16, thread::JoinHandle<Option<String>>) {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let chain = vec![CertificateDer::from_pem_slice(certificate).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, stream);
        let mut part = [0; 4096];
        let mut read = Vec::new();
        while !read.ends_with(b"the body") {
            // The guest does not go on with whom it does not believe.
            let count = stream.read(&mut part).ok()?;
            read.extend(&part[..count]);
        }
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret";
        stream.write_all(answer).unwrap();
        stream.conn.send_close_notify();
        stream.flush().unwrap();
        stream.conn.server_name().map(str::to_owned)
    });
    (port, serving)
}

#[track_caller]
fn check_tls(name: &str, is_trusted: bool) -> Result<String, Error> {
    use base64::Engine as _;
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let (authority, certificate, key) = certificates(name);
    let (port, serving) = tls_server(&certificate, &key);
    let trusted = if is_trusted {
        authority
    } else {
        certificates("other.test").0
    };
    let der = CertificateDer::from_pem_slice(&trusted).unwrap();
    let authorities = vec![base64::engine::general_purpose::STANDARD.encode(der)];
    let (network, _reports) = network(egress(&[&local(port)]), authorities);
    let url = format!("https://localhost:{port}/");
    let answer = block_on(fetch(&network, &url, RequestOptions::default()));
    let asked = serving.join().unwrap();
    assert_eq!(asked.is_some(), answer.is_ok());
    answer
}

#[test]
fn tls_is_spoken_with_the_name_by_whom_the_host_trusts() {
    assert_eq!(check_tls("localhost", true).unwrap(), "200 OK secret");
    for (name, is_trusted) in [("localhost", false), ("api.example.com", true)] {
        let answer = check_tls(name, is_trusted);
        assert!(
            matches!(answer, Err(Error::TlsCertificateError)),
            "{answer:?}"
        );
    }
}
