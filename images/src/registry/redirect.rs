//! Where a registry may send on to.

use super::web::{address, is_this_host};
use std::net::IpAddr;
use ureq::http::Uri;

/// Storage is one or two steps away.
pub(super) const HOPS_MAX: usize = 4;

/// Whether both are the same server in the same way: only that one sees who pulls.
pub(super) fn same_origin(one: &Uri, other: &Uri) -> bool {
    let port = |uri: &Uri| {
        let plain = uri.scheme_str() == Some("http");
        uri.port_u16().unwrap_or(if plain { 80 } else { 443 })
    };
    one.scheme_str() == other.scheme_str()
        && one.host().map(str::to_ascii_lowercase) == other.host().map(str::to_ascii_lowercase)
        && port(one) == port(other)
}

/// The address that an answer sends on to, if it is one to go to.
pub(super) fn target(from: &Uri, to: &str) -> Result<Uri, &'static str> {
    let scheme = from.scheme_str().unwrap_or_default();
    let authority = from.authority().map_or("", |authority| authority.as_str());
    let whole = match to {
        _ if to.starts_with("//") => format!("{scheme}:{to}"),
        _ if to.starts_with('/') => format!("{scheme}://{authority}{to}"),
        _ => to.to_owned(),
    };
    let to: Uri = whole.parse().map_err(|_| "which is no address")?;
    let host = to.host().ok_or("which is no address")?;
    if to
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return Err("which has a login in it");
    }
    let was_here = from.host().is_some_and(is_this_host);
    match to.scheme_str() {
        Some("https") if was_here || !is_inner(host) => Ok(to),
        Some("http") if was_here && scheme == "http" && is_this_host(host) => Ok(to),
        Some("https") => Err("which lies within this host or network"),
        Some("http") => Err("which is not encrypted"),
        Some(_) | None => Err("which is no address of the web"),
    }
}

/// Whether a host is an address that only a host or a network of its own has: a registry of the
/// world knows nothing that lies there.
fn is_inner(host: &str) -> bool {
    is_this_host(host)
        || address(host).is_some_and(|address| match address {
            IpAddr::V4(four) => four.is_private() || four.is_link_local() || four.is_unspecified(),
            IpAddr::V6(six) => {
                six.is_unique_local() || six.is_unicast_link_local() || six.is_unspecified()
            }
        })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[track_caller]
    fn check(from: &str, to: &str, want: Result<&str, &str>) {
        let found = target(&from.parse().unwrap(), to).map(|uri| uri.to_string());
        assert_eq!(found.as_deref().map_err(|why| *why), want, "{from} to {to}");
    }

    #[test]
    fn no_step_loses_what_the_first_had() {
        let world = "https://r.example/v2/a/blobs/x";
        let here = "http://127.0.0.1:5000/v2/a";
        let inner = Err("which lies within this host or network");
        check(world, "https://s.example/x?y", Ok("https://s.example/x?y"));
        check(world, "/x", Ok("https://r.example/x"));
        check(world, "//s.example/x", Ok("https://s.example/x"));
        check(world, "http://s.example/x", Err("which is not encrypted"));
        check(world, "http://127.0.0.1/x", Err("which is not encrypted"));
        check(world, "https://127.0.0.1/x", inner);
        check(world, "https://localhost/x", inner);
        check(world, "https://[::1]/x", inner);
        check(world, "https://169.254.169.254/x", inner);
        check(world, "https://10.1.2.3/x", inner);
        check(
            world,
            "https://u:p@s.example/x",
            Err("which has a login in it"),
        );
        check(world, "file:///etc/passwd", Err("which is no address"));
        check(world, "", Err("which is no address"));
        check(world, "x", Err("which is no address of the web"));
        check(here, "/x", Ok("http://127.0.0.1:5000/x"));
        check(here, "http://localhost:1/x", Ok("http://localhost:1/x"));
        check(here, "http://s.example/x", Err("which is not encrypted"));
        check(here, "https://s.example/x", Ok("https://s.example/x"));
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let same =
            |one: &str, other: &str| same_origin(&one.parse().unwrap(), &other.parse().unwrap());
        assert!(same("https://r.example/a", "https://R.example:443/b"));
        assert!(!same("https://r.example/a", "https://r.example:444/a"));
        assert!(!same("https://r.example/a", "http://r.example:443/a"));
        assert!(!same("https://r.example/a", "https://r.example.evil/a"));
    }
}
