//! What a cell's network namespace holds: `lo`, addresses that are the cell's own, and sockets that
//! wait there for connections and are served outside. A module of init and of the launcher, since
//! each makes it where it has the right to.
//!
//! Routes are asked for over rtnetlink(7). A route of the kind `local` makes every address of a
//! block this host's own, so that whoever listens on all addresses listens on these.

use super::{Result, call, nr};

/// Bytes of one order.
pub const ITEM_BYTES: usize = 21;
/// An order for a route: its family, its prefix, and the block's first address.
pub const ROUTE: u8 = b'R';
/// An order for a socket that listens: its family, and its port in the third and fourth byte.
pub const LISTENER: u8 = b'L';
/// Families, as orders name them.
pub const V4: u8 = 4;
/// See [`V4`].
pub const V6: u8 = 6;
/// The most sockets, the responder's two among them. One message carries them (unix(7)).
pub const SOCKETS_MAX: usize = 130;
/// Where the responder is, in the cell.
const RESPONDER: [u8; 4] = [127, 0, 0, 1];
const RESPONDER_PORT: u16 = 53;

/// A step that failed: the errno, and the step as it reads after "cannot".
pub type Failed = (i32, &'static str);

const AF_INET: usize = 2;
const AF_INET6: usize = 10;
const SOCK_STREAM: usize = 1;
const SOCK_DGRAM: usize = 2;
/// `SOCK_NONBLOCK` and `SOCK_CLOEXEC`.
const FLAGS: usize = 0o2_004_000;
/// The kernel has no IPv6.
const EAFNOSUPPORT: i32 = 97;

/// Makes all of it in this process's network namespace, and puts the sockets there, of which it
/// tells how many there are. Where the kernel has no IPv6 there is nothing of it.
pub fn make(items: &[u8], sockets: &mut [i32; SOCKETS_MAX]) -> core::result::Result<usize, Failed> {
    let has_v6 = match socket(AF_INET6, SOCK_STREAM) {
        Ok(probe) => {
            close(probe);
            true
        }
        Err(EAFNOSUPPORT) => false,
        Err(errno) => return Err((errno, "make a socket of IPv6")),
    };
    let netlink = step("open a routing socket", routing())?;
    step("bring `lo` up", bring_up(netlink))?;
    let mut count = 0;
    let mut answers_tcp = true;
    let mut keep = |socket: i32| {
        let place = sockets.get_mut(count).ok_or((24, "hold so many sockets"))?;
        *place = socket;
        count += 1;
        Ok::<(), Failed>(())
    };
    for item in items.chunks_exact(ITEM_BYTES) {
        let (kind, family) = (item[0], item[1]);
        if family == V6 && !has_v6 {
            continue;
        }
        match kind {
            ROUTE => {
                step(
                    "make addresses the cell's own",
                    route(netlink, family, item[2], &item[5..]),
                )?;
            }
            LISTENER => {
                let port = u16::from_le_bytes([item[3], item[4]]);
                answers_tcp &= (family, port) != (V4, RESPONDER_PORT);
                keep(step("listen in the cell", listen(family, port))?)?;
            }
            _ => return Err((22, "read what its network is to hold")),
        }
    }
    close(netlink);
    keep(step("answer for names in the cell", datagrams())?)?;
    if answers_tcp {
        let socket = step("answer for names in the cell", socket(AF_INET, SOCK_STREAM))?;
        step(
            "answer for names in the cell",
            bind_v4(socket, RESPONDER, RESPONDER_PORT),
        )?;
        step("answer for names in the cell", listening(socket))?;
        keep(socket)?;
    }
    Ok(count)
}

/// Hands sockets over, and waits until somebody serves them.
pub fn hand(channel: i32, sockets: &[i32]) -> Result {
    const HEADER_WORDS: usize = 2;
    // struct cmsghdr: a length of one word, SOL_SOCKET and SCM_RIGHTS, then descriptors.
    let mut control = [0usize; HEADER_WORDS + SOCKETS_MAX / 2];
    control[0] = HEADER_WORDS * size_of::<usize>() + size_of_val(sockets);
    control[1] = usize::from_ne_bytes([1, 0, 0, 0, 1, 0, 0, 0]);
    for (pair, word) in sockets.chunks(2).zip(control.iter_mut().skip(HEADER_WORDS)) {
        let (first, second) = (
            pair[0].to_ne_bytes(),
            pair.get(1).map_or([0; 4], |s| s.to_ne_bytes()),
        );
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&first);
        bytes[4..].copy_from_slice(&second);
        *word = usize::from_ne_bytes(bytes);
    }
    let mut word = [b'N'];
    let buffer = [word.as_mut_ptr() as usize, 1];
    let words = HEADER_WORDS + sockets.len().div_ceil(2);
    let message = [
        0,
        0,
        buffer.as_ptr() as usize,
        1,
        control.as_mut_ptr() as usize,
        words * size_of::<usize>(),
        0,
    ];
    // SAFETY: struct msghdr is seven words here; the buffer and the control data are ours for their
    // lengths.
    unsafe {
        call(
            nr::SENDMSG,
            channel as usize,
            message.as_ptr() as usize,
            0,
            0,
            0,
        )
    }?;
    // SAFETY: one byte of ours.
    let told = unsafe {
        call(
            nr::READ,
            channel as usize,
            word.as_mut_ptr() as usize,
            1,
            0,
            0,
        )
    }?;
    // Nobody serves them: there is no network then.
    if told == 1 { Ok(told) } else { Err(104) }
}

fn step<T>(
    name: &'static str,
    result: core::result::Result<T, i32>,
) -> core::result::Result<T, Failed> {
    result.map_err(|errno| (errno, name))
}

fn close(fd: i32) {
    // SAFETY: no pointers; the descriptor was made here.
    let _ = unsafe { call(nr::CLOSE, fd as usize, 0, 0, 0, 0) };
}

fn socket(family: usize, kind: usize) -> core::result::Result<i32, i32> {
    // SAFETY: no pointers.
    let socket = unsafe { call(nr::SOCKET, family, kind | FLAGS, 0, 0, 0) }?;
    Ok(socket as i32)
}

fn listen(family: u8, port: u16) -> core::result::Result<i32, i32> {
    if family == V4 {
        let socket = socket(AF_INET, SOCK_STREAM)?;
        bind_v4(socket, [0; 4], port)?;
        return listening(socket);
    }
    const IPPROTO_IPV6: usize = 41;
    const IPV6_V6ONLY: usize = 26;
    let socket = socket(AF_INET6, SOCK_STREAM)?;
    let yes = [1i32];
    // SAFETY: an option of one i32.
    unsafe {
        call(
            nr::SETSOCKOPT,
            socket as usize,
            IPPROTO_IPV6,
            IPV6_V6ONLY,
            yes.as_ptr() as usize,
            4,
        )
    }?;
    let mut address = [0u8; 28];
    address[0] = AF_INET6 as u8;
    address[2..4].copy_from_slice(&port.to_be_bytes());
    bind(socket, &address)?;
    listening(socket)
}

fn listening(socket: i32) -> core::result::Result<i32, i32> {
    // The kernel lowers it to what the namespace allows (listen(2)).
    const WAITING_MAX: usize = 4096;
    // SAFETY: no pointers.
    unsafe { call(nr::LISTEN, socket as usize, WAITING_MAX, 0, 0, 0) }?;
    Ok(socket)
}

fn datagrams() -> core::result::Result<i32, i32> {
    let socket = socket(AF_INET, SOCK_DGRAM)?;
    bind_v4(socket, RESPONDER, RESPONDER_PORT)?;
    Ok(socket)
}

fn bind_v4(socket: i32, at: [u8; 4], port: u16) -> Result {
    let mut address = [0u8; 16];
    address[0] = AF_INET as u8;
    address[2..4].copy_from_slice(&port.to_be_bytes());
    address[4..8].copy_from_slice(&at);
    bind(socket, &address)
}

fn bind(socket: i32, address: &[u8]) -> Result {
    // SAFETY: a socket address, readable for its length.
    unsafe {
        call(
            nr::BIND,
            socket as usize,
            address.as_ptr() as usize,
            address.len(),
            0,
            0,
        )
    }
}

fn routing() -> core::result::Result<i32, i32> {
    const AF_NETLINK: usize = 16;
    const SOCK_RAW_CLOEXEC: usize = 3 | 0o2_000_000;
    // SAFETY: no pointers; protocol 0 is NETLINK_ROUTE.
    let socket = unsafe { call(nr::SOCKET, AF_NETLINK, SOCK_RAW_CLOEXEC, 0, 0, 0) }?;
    Ok(socket as i32)
}

/// A message of rtnetlink(7) while it is written.
struct Message {
    bytes: [u8; 96],
    length: usize,
}

impl Message {
    /// `NLM_F_REQUEST` and `NLM_F_ACK`, and more.
    fn new(kind: u16, flags: u16) -> Self {
        let mut message = Self {
            bytes: [0; 96],
            length: 0,
        };
        message.put(&[0; 4]);
        message.put(&kind.to_ne_bytes());
        message.put(&(flags | 5).to_ne_bytes());
        message.put(&[0; 8]);
        message
    }

    fn put(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        if let Some(place) = self.bytes.get_mut(self.length..end) {
            place.copy_from_slice(bytes);
        }
        self.length = end;
    }

    /// Each is aligned to four bytes already.
    fn attribute(&mut self, kind: u16, bytes: &[u8]) {
        self.put(&(4 + bytes.len() as u16).to_ne_bytes());
        self.put(&kind.to_ne_bytes());
        self.put(bytes);
    }

    /// Sends it, and reads what the kernel says to it.
    fn ask(mut self, netlink: i32) -> Result {
        let length = (self.length as u32).to_ne_bytes();
        self.bytes[..4].copy_from_slice(&length);
        let sent = self.bytes.get(..self.length).ok_or(7)?;
        // SAFETY: readable for its length.
        unsafe {
            call(
                nr::WRITE,
                netlink as usize,
                sent.as_ptr() as usize,
                sent.len(),
                0,
                0,
            )
        }?;
        let mut answer = [0u8; 256];
        // SAFETY: ours for its length.
        unsafe {
            call(
                nr::READ,
                netlink as usize,
                answer.as_mut_ptr() as usize,
                answer.len(),
                0,
                0,
            )
        }?;
        const NLMSG_ERROR: u16 = 2;
        let kind = u16::from_ne_bytes([answer[4], answer[5]]);
        let error = i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]);
        match (kind, error) {
            (NLMSG_ERROR, 0) => Ok(0),
            (NLMSG_ERROR, error) => Err(-error),
            _ => Err(71),
        }
    }
}

/// Every network namespace has `lo` as its first interface.
const LO: u32 = 1;

fn bring_up(netlink: i32) -> Result {
    const RTM_NEWLINK: u16 = 16;
    const IFF_UP: u32 = 1;
    let mut message = Message::new(RTM_NEWLINK, 0);
    message.put(&[0; 4]);
    message.put(&LO.to_ne_bytes());
    message.put(&IFF_UP.to_ne_bytes());
    message.put(&IFF_UP.to_ne_bytes());
    message.ask(netlink)
}

fn route(netlink: i32, family: u8, prefix: u8, first: &[u8]) -> Result {
    const RTM_NEWROUTE: u16 = 24;
    const NLM_F_CREATE: u16 = 0x400;
    const NLM_F_REPLACE: u16 = 0x100;
    const RT_TABLE_LOCAL: u8 = 255;
    const RTPROT_STATIC: u8 = 4;
    const RT_SCOPE_HOST: u8 = 254;
    const RTN_LOCAL: u8 = 2;
    const RTA_DST: u16 = 1;
    const RTA_OIF: u16 = 4;
    let (family, bytes, scope) = match family {
        V4 => (AF_INET as u8, 4, RT_SCOPE_HOST),
        _ => (AF_INET6 as u8, 16, 0),
    };
    let mut message = Message::new(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
    message.put(&[
        family,
        prefix,
        0,
        0,
        RT_TABLE_LOCAL,
        RTPROT_STATIC,
        scope,
        RTN_LOCAL,
    ]);
    message.put(&[0; 4]);
    message.attribute(RTA_DST, first.get(..bytes).ok_or(22)?);
    message.attribute(RTA_OIF, &LO.to_ne_bytes());
    message.ask(netlink)
}
