//! Whom the TLS of a guest's requests believes who a host is: the authorities that this host
//! trusts, a company's in `SSL_CERT_FILE` or `SSL_CERT_DIR` among them (rustls-native-certs). A
//! cell has no `/etc/ssl`, so they go with the worker's orders.

use crate::exit::Exit;
use crate::log::{Log, escape};
use crate::report::Refused;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Authorities at most. Distributions trust some 150.
const AUTHORITIES_MAX: usize = 1024;
/// Bytes of all of them at most, which each start reads and hands over.
const AUTHORITIES_BYTES_MAX: usize = 4 << 20;

/// All of them, as DER in Base64. What of the host's store cannot be read is told, and nobody is
/// believed for it.
pub(super) fn authorities(log: &Log) -> Result<Vec<String>, Refused> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        let error = escape(error.to_string().as_bytes());
        log.notice(&format!("cannot read all that this host trusts: {error}"));
    }
    encoded(&found.certs).ok_or_else(|| {
        Refused::one(
            Exit::Failure,
            "authorities-too-many",
            format!(
                "cannot hand over whom this host trusts: more than {AUTHORITIES_MAX} authorities, \
                 or {AUTHORITIES_BYTES_MAX} bytes of them"
            ),
            "name those that the server needs in SSL_CERT_FILE",
        )
    })
}

fn encoded<C: AsRef<[u8]>>(certificates: &[C]) -> Option<Vec<String>> {
    let bytes: usize = certificates.iter().map(|der| der.as_ref().len()).sum();
    (certificates.len() <= AUTHORITIES_MAX && bytes <= AUTHORITIES_BYTES_MAX).then(|| {
        certificates
            .iter()
            .map(|der| STANDARD.encode(der))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(certificates: &[Vec<u8>], want: Option<usize>) {
        assert_eq!(encoded(certificates).map(|all| all.len()), want);
    }

    #[test]
    fn authorities_are_bounded_in_number_and_bytes() {
        check(&[], Some(0));
        check(&vec![vec![1]; AUTHORITIES_MAX], Some(AUTHORITIES_MAX));
        check(&vec![vec![1]; AUTHORITIES_MAX + 1], None);
        check(&[vec![1; AUTHORITIES_BYTES_MAX]], Some(1));
        check(&[vec![1; AUTHORITIES_BYTES_MAX], vec![1]], None);
        assert_eq!(encoded(&[b"der"]), Some(vec!["ZGVy".to_owned()]));
    }
}
