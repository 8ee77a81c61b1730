//! The network of WASI 0.2, by its own calls: Debian's wasi-libc has no sockets for std to use.

use super::REPLY_BYTES_MAX;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use wasip2::io::streams::StreamError;
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::resolve_addresses;
use wasip2::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::udp::OutgoingDatagram;
use wasip2::sockets::udp_create_socket::create_udp_socket;

/// What the host of the component refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the network refused: {0:?}")]
    Network(ErrorCode),
    #[error("the stream refused: {0:?}")]
    Stream(StreamError),
    #[error("the name has no address")]
    NoAddress,
}

impl From<ErrorCode> for Refused {
    fn from(code: ErrorCode) -> Self {
        Self::Network(code)
    }
}

impl From<StreamError> for Refused {
    fn from(error: StreamError) -> Self {
        Self::Stream(error)
    }
}

pub(crate) fn connect(host: &str, port: u16, text: Option<&str>) -> Result<String, Refused> {
    let address = first(host)?;
    let socket = create_tcp_socket(family(address))?;
    socket.start_connect(&instance_network(), socket_address(address, port))?;
    let (input, output) = finish(|| socket.finish_connect(), || socket.subscribe().block())?;
    let Some(text) = text else {
        return Ok("connected".into());
    };
    output.blocking_write_and_flush(text.as_bytes())?;
    let reply = input.blocking_read(REPLY_BYTES_MAX as u64)?;
    Ok(String::from_utf8_lossy(&reply).into_owned())
}

pub(crate) fn bind(host: &str, port: u16) -> Result<String, Refused> {
    let address = first(host)?;
    let socket = create_tcp_socket(family(address))?;
    let wait = || socket.subscribe().block();
    socket.start_bind(&instance_network(), socket_address(address, port))?;
    finish(|| socket.finish_bind(), wait)?;
    socket.start_listen()?;
    finish(|| socket.finish_listen(), wait)?;
    Ok(format!(
        "listening on {}",
        std_address(socket.local_address()?)
    ))
}

pub(crate) fn udp_send(host: &str, port: u16, text: &str) -> Result<String, Refused> {
    let address = first(host)?;
    let socket = create_udp_socket(family(address))?;
    let any = match address {
        IpAddress::Ipv4(_) => IpAddress::Ipv4((0, 0, 0, 0)),
        IpAddress::Ipv6(_) => IpAddress::Ipv6((0, 0, 0, 0, 0, 0, 0, 0)),
    };
    socket.start_bind(&instance_network(), socket_address(any, 0))?;
    finish(|| socket.finish_bind(), || socket.subscribe().block())?;
    let (_incoming, outgoing) = socket.stream(None)?;
    while outgoing.check_send()? == 0 {
        outgoing.subscribe().block();
    }
    outgoing.send(&[OutgoingDatagram {
        data: text.as_bytes().to_vec(),
        remote_address: Some(socket_address(address, port)),
    }])?;
    Ok(format!("sent {} bytes", text.len()))
}

pub(crate) fn resolve(name: &str) -> Result<String, Refused> {
    let addresses: Vec<_> = addresses(name)?
        .into_iter()
        .map(|a| ip(a).to_string())
        .collect();
    Ok(addresses.join("\n"))
}

/// Calls until the answer is another than "not yet".
fn finish<T>(attempt: impl Fn() -> Result<T, ErrorCode>, wait: impl Fn()) -> Result<T, ErrorCode> {
    loop {
        match attempt() {
            Err(ErrorCode::WouldBlock) => wait(),
            ended => return ended,
        }
    }
}

fn first(host: &str) -> Result<IpAddress, Refused> {
    addresses(host)?.first().copied().ok_or(Refused::NoAddress)
}

fn addresses(name: &str) -> Result<Vec<IpAddress>, Refused> {
    // An address needs no look-up, which a host may forbid on its own.
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(vec![wasi_address(address)]);
    }
    let lookup = resolve_addresses(&instance_network(), name)?;
    let mut found = Vec::new();
    while let Some(address) = finish(
        || lookup.resolve_next_address(),
        || lookup.subscribe().block(),
    )? {
        found.push(address);
    }
    Ok(found)
}

fn family(address: IpAddress) -> IpAddressFamily {
    match address {
        IpAddress::Ipv4(_) => IpAddressFamily::Ipv4,
        IpAddress::Ipv6(_) => IpAddressFamily::Ipv6,
    }
}

fn socket_address(address: IpAddress, port: u16) -> IpSocketAddress {
    match address {
        IpAddress::Ipv4(address) => IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address }),
        IpAddress::Ipv6(address) => IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port,
            flow_info: 0,
            address,
            scope_id: 0,
        }),
    }
}

fn std_address(address: IpSocketAddress) -> SocketAddr {
    match address {
        IpSocketAddress::Ipv4(at) => SocketAddr::new(ip(IpAddress::Ipv4(at.address)), at.port),
        IpSocketAddress::Ipv6(at) => SocketAddr::new(ip(IpAddress::Ipv6(at.address)), at.port),
    }
}

fn wasi_address(address: IpAddr) -> IpAddress {
    match address {
        IpAddr::V4(address) => IpAddress::Ipv4(address.octets().into()),
        IpAddr::V6(address) => IpAddress::Ipv6(address.segments().into()),
    }
}

fn ip(address: IpAddress) -> IpAddr {
    match address {
        IpAddress::Ipv4(octets) => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::from(octets))),
        IpAddress::Ipv6(segments) => IpAddr::V6(Ipv6Addr::from(<[u16; 8]>::from(segments))),
    }
}
