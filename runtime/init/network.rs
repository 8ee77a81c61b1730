//! init as the first and only program of a container whose network namespace another joins: it
//! makes what that namespace holds, hands the sockets out, and stays until it is told to go.

use crate::sys::{self, net};
use crate::wire::{Records, answer, tag};
use crate::{Fault, ordered, step, tell_on};

/// Makes the network that the warden orders, and ends with its channel.
pub fn serve(orders: &mut [u8]) -> ! {
    let channel = match sys::connect(crate::wire::CHANNEL_PATH) {
        Ok(channel) => channel as i32,
        Err(_) => sys::exit(1),
    };
    if let Err(Fault(kind, number, step)) = make(channel, orders) {
        tell_on(channel, kind, number, step);
        sys::exit(1);
    }
    let mut word = [0u8; 1];
    while matches!(sys::read(channel, &mut word), Ok(1..)) {}
    sys::exit(0)
}

fn make(channel: i32, orders: &mut [u8]) -> Result<(), Fault> {
    let length = step("read its orders", sys::read(channel, orders))?;
    let orders = ordered(orders.get(..length))?;
    let items = Records::new(orders).find(|(tag, _)| *tag == tag::NETWORK);
    let (_, items) = ordered(items)?;
    let mut sockets = [-1; net::SOCKETS_MAX];
    let made = net::make(items, &mut sockets);
    let count = made.map_err(|(errno, step)| Fault(answer::FAILED, errno, step))?;
    let sockets = ordered(sockets.get(..count))?;
    step("hand its sockets out", net::hand(channel, sockets))?;
    // What is left of them here would answer for whoever joins once the carrier is gone.
    for socket in sockets {
        sys::close(*socket);
    }
    Ok(())
}
