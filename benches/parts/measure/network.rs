//! The first words of a connection: a question for a name, and the head of TLS.

use crate::manifests::places;
use brig_policies::check;
use brig_sandbox::egress::hello::{Progress, Reader, judge};
use brig_sandbox::egress::permit::permit;
use brig_sandbox::egress::ranges::Wanted;
use brig_sandbox::egress::responder::answer;
use brig_sandbox::egress::wildcard::Wildcards;
use brig_sandbox::egress::{Egress, decide};
use criterion::{Criterion, Throughput};
use rustls::pki_types::ServerName;
use rustls::server::Acceptor;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::hint::black_box;
use std::sync::Arc;

const NAME: &str = "api.example.com";

fn egress() -> Egress {
    let text = format!(
        "brig = 1\n[server]\nname = \"a\"\ncomponent = \"a.wasm\"\n\
         [[network]]\nhost = \"{NAME}\"\nports = [443]\n\
         [[network]]\nhost = \"*.example.net\"\nports = [443]\n"
    );
    let policy = check(&text, &places()).expect("a manifest without a fault");
    let decided = decide(&policy, &Wanted::usual());
    decided.expect("grants that can be given").expect("grants")
}

/// A question for the addresses of a name (RFC 1035, 4.1).
fn query(name: &str) -> Vec<u8> {
    let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).expect("a label has at most 63 bytes"));
        query.extend_from_slice(label.as_bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    query
}

/// What rustls says first, as a client with no roots.
fn client_hello() -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions that the provider has")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from(NAME).expect("a name");
    let mut client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut hello = Vec::new();
    client
        .write_tls(&mut hello)
        .expect("a vector takes everything");
    hello
}

fn names(criterion: &mut Criterion, egress: &Egress) {
    let mut group = criterion.benchmark_group("responder");
    group.throughput(Throughput::Elements(1));
    let cases = [
        ("a granted name", NAME),
        ("a name below a wildcard", "a.example.net"),
        ("another name", "example.org"),
    ];
    for (row, name) in cases {
        let (query, mut wildcards) = (query(name), Wildcards::new(egress));
        group.bench_function(row, |bencher| {
            bencher
                .iter(|| answer(black_box(&query), egress, &mut wildcards, 0).expect("an answer"));
        });
    }
    group.finish();
}

fn hellos(criterion: &mut Criterion, egress: &Egress) {
    let wildcards = Wildcards::new(egress);
    let at = (egress.names[0].at.v4, 443).into();
    let permit = permit(egress, &wildcards, at).expect("a granted connection");
    let stream = client_hello();
    let mut group = criterion.benchmark_group("hello");
    group.throughput(Throughput::Bytes(stream.len() as u64));
    for (row, bytes) in [("brig", usize::MAX), ("brig, in pieces of 7 bytes", 7)] {
        group.bench_function(row, |bencher| {
            bencher.iter(|| {
                let mut reader = Reader::default();
                let mut said = stream
                    .chunks(bytes)
                    .map(|piece| reader.push(black_box(piece)));
                let whole = said.find_map(|said| match said {
                    Ok(Progress::More) | Err(_) => None,
                    Ok(Progress::Whole { hello, .. }) => Some(hello),
                });
                judge(&permit, &whole.expect("a whole handshake")).expect("the granted name");
            });
        });
    }
    group.bench_function("rustls", |bencher| {
        bencher.iter(|| {
            let mut acceptor = Acceptor::default();
            let mut rest = black_box(stream.as_slice());
            acceptor.read_tls(&mut rest).expect("a slice can be read");
            let accepted = acceptor.accept().map_err(|(error, _)| error);
            let accepted = accepted.expect("a client").expect("a whole handshake");
            accepted.client_hello().server_name() == Some(NAME)
        });
    });
    group.finish();
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let egress = egress();
    names(criterion, &egress);
    hellos(criterion, &egress);
}
