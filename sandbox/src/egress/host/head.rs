//! A request's head, line by line.

use core::net::Ipv6Addr;

use super::{Content, LINES_MAX, Request, Unread};

/// A host and a port, as both the request line and the `Host` field have them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Authority {
    host: String,
    port: Option<u16>,
}

#[derive(Default)]
struct Fields {
    host: Option<Authority>,
    length: Option<u64>,
    is_chunked: bool,
    upgrade: Option<Upgrade>,
}

/// What a client offers to go on with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Upgrade {
    WebSocket,
    Http2,
}

/// Reads a head without the empty line at its end.
pub(super) fn read(head: &[u8]) -> Result<Request, Unread> {
    // What is no UTF-8 is in no line that is understood here.
    let text = String::from_utf8_lossy(head);
    let mut lines = lines(&text)?;
    let first = lines.next().ok_or(Unread::RequestLine)?;
    let (target, version) = request_line(first)?;
    let mut fields = Fields::default();
    for line in lines {
        fields.take(line)?;
    }
    let host = fields.host.ok_or(Unread::NoHost)?;
    // A server goes by the request line where that names somebody (RFC 9112, 3.2.2).
    if target.is_some_and(|target| !target.is_same(&host)) {
        return Err(Unread::Hosts);
    }
    // Servers differ about chunks in HTTP/1.0 (RFC 9112, 6.1).
    let is_chunked = fields.is_chunked;
    if is_chunked && version != "HTTP/1.1" {
        return Err(Unread::Length);
    }
    let is_socket = fields.upgrade == Some(Upgrade::WebSocket);
    let content = match (fields.length, is_chunked, is_socket) {
        (Some(_), true, _) | (None, true, true) | (Some(1..), false, true) => {
            return Err(Unread::Length);
        }
        (None, true, false) => Content::Chunks,
        (Some(0) | None, false, true) => Content::WebSocket,
        (length, false, false) => Content::Bytes(length.unwrap_or(0)),
    };
    Ok(Request {
        host: host.host,
        port: host.port,
        content,
        offers_http2: fields.upgrade == Some(Upgrade::Http2),
    })
}

/// A head that was read, without the lines that offer HTTP/2. A server that hears of no protocol
/// to go on with goes on with HTTP/1.1 (RFC 9110, 7.8).
pub(super) fn without_http2(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_offer = |line: &&[u8]| {
        let mut words = line.split(|byte| *byte == b':');
        let name = words.next().unwrap_or_default();
        [b"upgrade".as_slice(), b"http2-settings"]
            .iter()
            .any(|offer| name.eq_ignore_ascii_case(offer))
    };
    head.split_inclusive(|byte| *byte == b'\n')
        .filter(move |line| !is_offer(line))
}

/// Lines that end in CRLF alone, without any other control character.
fn lines(text: &str) -> Result<impl Iterator<Item = &str>, Unread> {
    let lines = || text.split("\r\n");
    let is_bad = |letter: char| letter.is_ascii_control() && letter != '\t';
    if lines().any(|line| line.contains(is_bad)) {
        return Err(Unread::Line);
    }
    if lines().count() > LINES_MAX {
        return Err(Unread::TooLong);
    }
    Ok(lines())
}

/// The host that a request line names, if any, and its version.
fn request_line(line: &str) -> Result<(Option<Authority>, &str), Unread> {
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Unread::RequestLine);
    };
    if !is_token(method) || !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
        return Err(Unread::RequestLine);
    }
    if method.eq_ignore_ascii_case("CONNECT") {
        return Err(Unread::Tunnel);
    }
    let is_graphic = target.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_graphic {
        return Err(Unread::RequestLine);
    }
    if target.starts_with('/') || (target == "*" && method == "OPTIONS") {
        return Ok((None, version));
    }
    let scheme = target.get(.."http://".len()).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("http://") {
        return Err(Unread::RequestLine);
    }
    let rest = target.get("http://".len()..).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = Authority::read(rest.get(..end).unwrap_or_default())?;
    Ok((Some(host), version))
}

impl Fields {
    fn take(&mut self, line: &str) -> Result<(), Unread> {
        if line.starts_with([' ', '\t']) {
            return Err(Unread::Folded);
        }
        let (name, value) = line.split_once(':').ok_or(Unread::Line)?;
        if !is_token(name) {
            return Err(Unread::Line);
        }
        let value = value.trim_matches([' ', '\t']);
        match name.to_ascii_lowercase().as_str() {
            "host" => {
                let host = Authority::read(value)?;
                if self.host.replace(host).is_some() {
                    return Err(Unread::Hosts);
                }
            }
            "content-length" => {
                let is_number = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
                let length = value.parse().ok().filter(|_| is_number);
                let length = length.ok_or(Unread::Length)?;
                if self.length.replace(length).is_some() {
                    return Err(Unread::Length);
                }
            }
            "transfer-encoding" => {
                let is_known = value.eq_ignore_ascii_case("chunked") && !self.is_chunked;
                if !is_known {
                    return Err(Unread::Length);
                }
                self.is_chunked = true;
            }
            "upgrade" => {
                let upgrade = match value.to_ascii_lowercase().as_str() {
                    "websocket" => Upgrade::WebSocket,
                    "h2c" => Upgrade::Http2,
                    _ => return Err(Unread::Upgrade),
                };
                // Of two that differ a server may take either.
                if self
                    .upgrade
                    .replace(upgrade)
                    .is_some_and(|one| one != upgrade)
                {
                    return Err(Unread::Upgrade);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Authority {
    /// A name, an IPv4 address or an IPv6 address in brackets, and maybe a port; no user before it.
    fn read(text: &str) -> Result<Self, Unread> {
        if text.is_empty() {
            return Err(Unread::NoHost);
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let port = match port {
            None => None,
            Some(port) => {
                let is_plain = !port.starts_with(['0', '+']);
                let number = port.parse().ok().filter(|_| is_plain);
                Some(number.ok_or(Unread::BadHost)?)
            }
        };
        let bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let is_host = match bracketed {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => is_name(host),
        };
        let host = host.to_owned();
        is_host
            .then_some(Self { host, port })
            .ok_or(Unread::BadHost)
    }

    fn is_same(&self, other: &Self) -> bool {
        self.host.eq_ignore_ascii_case(&other.host)
            && self.port.unwrap_or(80) == other.port.unwrap_or(80)
    }
}

/// Letters, digits, `-` and `_` with a dot between; it also takes IPv4 addresses.
fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_plain);
    text.len() <= 253 && text.split('.').all(is_label)
}

/// RFC 9110, 5.6.2.
fn is_token(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_plain)
}
