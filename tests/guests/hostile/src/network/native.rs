//! The network of the host.

use super::REPLY_BYTES_MAX;
use std::io;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

pub(crate) fn connect(host: &str, port: u16, text: Option<&str>) -> io::Result<String> {
    let mut stream = TcpStream::connect((host, port))?;
    let Some(text) = text else {
        return Ok("connected".into());
    };
    stream.write_all(text.as_bytes())?;
    let mut reply = vec![0; REPLY_BYTES_MAX];
    let read = stream.read(&mut reply)?;
    Ok(String::from_utf8_lossy(&reply[..read]).into_owned())
}

pub(crate) fn bind(host: &str, port: u16) -> io::Result<String> {
    Ok(format!(
        "listening on {}",
        TcpListener::bind((host, port))?.local_addr()?
    ))
}

pub(crate) fn udp_send(host: &str, port: u16, text: &str) -> io::Result<String> {
    let any = if host.contains(':') {
        "[::]:0"
    } else {
        "0.0.0.0:0"
    };
    let socket = UdpSocket::bind(any)?;
    Ok(format!(
        "sent {} bytes",
        socket.send_to(text.as_bytes(), (host, port))?
    ))
}

pub(crate) fn resolve(name: &str) -> io::Result<String> {
    let addresses: Vec<_> = (name, 0)
        .to_socket_addrs()?
        .map(|a| a.ip().to_string())
        .collect();
    Ok(addresses.join("\n"))
}
