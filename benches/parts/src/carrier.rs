//! How the carrier moves bytes, for whoever has two sockets.

#[path = "../../../runtime/carrier/splice.rs"]
mod splice;

use std::io;
use tokio::net::TcpStream;

/// The carrier's pipes: they are kept from one connection to the next.
#[derive(Default)]
pub struct Pipes(splice::Pipes);

impl Pipes {
    /// Carries all that comes one way, until its end, which it passes on. An error is one of
    /// pipe(2), splice(2) or shutdown(2).
    pub async fn carry(&self, from: &TcpStream, to: &TcpStream) -> io::Result<()> {
        self.0.carry(from, to, &|_| {}).await
    }
}
