//! A channel with the warden where init has none from its birth: a socket to which it connects, and
//! over which it gets its orders together with the server's streams (unix(7)).

use super::{Result, call, close, dup_onto, nr};

/// The first byte of init's first argument, 0 where it has none.
///
/// # Safety
/// `stack` is what the kernel left at the program's entry: argc, then argv.
pub unsafe fn first_argument(stack: *const usize) -> u8 {
    // SAFETY: the caller's word: argc pointers follow argc, each to bytes that end with a NUL.
    unsafe {
        if *stack < 2 {
            return 0;
        }
        *(*stack.add(2) as *const u8)
    }
}

/// Connects to the warden's socket at this path, which ends with a NUL.
pub fn connect(path: &[u8]) -> Result {
    const AF_UNIX: usize = 1;
    const SOCK_SEQPACKET: usize = 5;
    // SAFETY: no pointers.
    let socket = unsafe { call(nr::SOCKET, AF_UNIX, SOCK_SEQPACKET, 0, 0, 0) }?;
    let mut address = [0u8; 2 + 108];
    address[0] = AF_UNIX as u8;
    let place = address.get_mut(2..2 + path.len()).ok_or(36)?;
    place.copy_from_slice(path);
    let length = 2 + path.len();
    // SAFETY: struct sockaddr_un is a u16 and the path, readable for that length.
    unsafe { call(nr::CONNECT, socket, address.as_ptr() as usize, length, 0, 0) }?;
    Ok(socket)
}

/// Receives orders with the server's three streams, and gives streams and channel their numbers,
/// the channel the fourth. What else came along is closed.
pub fn receive_streams(socket: usize, into: &mut [u8]) -> Result {
    const SOL_SOCKET: i32 = 1;
    const SCM_RIGHTS: i32 = 1;
    const HEADER_WORDS: usize = 2;
    let buffer = [into.as_mut_ptr() as usize, into.len()];
    // struct cmsghdr: a length of one word, two i32, then descriptors.
    let mut control = [0usize; HEADER_WORDS + 2];
    let message = [
        0,
        0,
        buffer.as_ptr() as usize,
        1,
        control.as_mut_ptr() as usize,
        size_of_val(&control),
        0,
    ];
    // SAFETY: struct msghdr is seven words here; the buffer and the control data are ours for their
    // lengths.
    let length = unsafe { call(nr::RECVMSG, socket, message.as_ptr() as usize, 0, 0, 0) }?;
    let kind = control[1].to_ne_bytes();
    let level = i32::from_ne_bytes([kind[0], kind[1], kind[2], kind[3]]);
    let is = i32::from_ne_bytes([kind[4], kind[5], kind[6], kind[7]]);
    let three = HEADER_WORDS * size_of::<usize>() + 3 * size_of::<i32>();
    if length == 0 || control[0] != three || level != SOL_SOCKET || is != SCM_RIGHTS {
        return Err(71);
    }
    let number = |at: usize| {
        let bytes = control[HEADER_WORDS + at / 2].to_ne_bytes();
        let from = at % 2 * 4;
        i32::from_ne_bytes([bytes[from], bytes[from + 1], bytes[from + 2], bytes[from + 3]])
    };
    place([number(0), number(1), number(2), socket as i32])?;
    Ok(length)
}

/// Sends a message with a descriptor (unix(7), `SCM_RIGHTS`).
pub fn send_descriptor(socket: i32, message: &[u8], descriptor: i32) -> Result {
    const SOL_SOCKET: i32 = 1;
    const SCM_RIGHTS: i32 = 1;
    let buffer = [message.as_ptr() as usize, message.len()];
    // struct cmsghdr: its length without what fills the last word, then two i32, then a descriptor.
    let mut control = [0u8; 24];
    control[..8].copy_from_slice(&20usize.to_ne_bytes());
    control[8..12].copy_from_slice(&SOL_SOCKET.to_ne_bytes());
    control[12..16].copy_from_slice(&SCM_RIGHTS.to_ne_bytes());
    control[16..20].copy_from_slice(&descriptor.to_ne_bytes());
    let message = [
        0,
        0,
        buffer.as_ptr() as usize,
        1,
        control.as_ptr() as usize,
        size_of_val(&control),
        0,
    ];
    // SAFETY: struct msghdr is seven words here; the buffer and the control bytes are readable for
    // their lengths.
    unsafe { call(nr::SENDMSG, socket as usize, message.as_ptr() as usize, 0, 0, 0) }
}

/// Moves four descriptors to the first four numbers. None of them is lower than the number that it
/// gets, since an engine's own streams have the first three.
fn place(descriptors: [i32; 4]) -> Result {
    // The channel first, to above all others, so that nothing lands on it.
    let above = descriptors.iter().fold(4, |most, fd| most.max(*fd + 1));
    let channel = super::dup_above(descriptors[3], above)? as i32;
    close(descriptors[3]);
    for (to, from) in descriptors.iter().take(3).enumerate() {
        if *from < 3 {
            return Err(9);
        }
        dup_onto(*from, to as i32)?;
        close(*from);
    }
    dup_onto(channel, 3)?;
    close(channel);
    Ok(0)
}
