//! Attacks on whole families of calls: each member is tried, and the first that the kernel does
//! not deny to know is the success. Arguments are such that none does any harm.

use super::{names, raw};
use std::collections::BTreeSet;

/// No address, no descriptor, no process.
const NONE: usize = usize::MAX;
/// Numbers of system calls that are tried. Linux 6.18 has 470.
const CALLS: usize = 600;
/// The bit of the x32 numbers.
const X32: usize = 1 << 30;
/// Address families that are tried. Linux 6.18 has 46.
const FAMILIES: usize = 64;
const SOCKET_TYPES: [usize; 6] = [1, 2, 3, 4, 5, 10];
const PRCTLS: usize = 100;

/// Nothing of a family was answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum Swept {
    #[error("all of {0} were refused, {1} left out")]
    Refused(usize, usize),
    #[error("there is no family `{0}`")]
    Unknown(String),
    #[error("`{0}` is no list of numbers")]
    NoList(String),
}

/// Tries a family. `but` are numbers that are left out, since they may be answered.
pub(super) fn run(family: &str, but: &str) -> Result<String, Swept> {
    let numbers = but.split_whitespace().map(str::parse);
    let but: BTreeSet<usize> = numbers
        .collect::<Result<_, _>>()
        .map_err(|_| Swept::NoList(but.into()))?;
    let members: Vec<Member> = match family {
        "calls" => (0..CALLS).flat_map(both_doors).collect(),
        "sockets" => sockets(libc::SYS_socket, NONE),
        "socket-pairs" => sockets(libc::SYS_socketpair, NONE),
        "prctls" => (0..PRCTLS).map(|o| on(libc::SYS_prctl, o, NONE)).collect(),
        "fcntls" => (0..64).chain(1024..1048).map(fcntl).collect(),
        "ioctls" => IOCTLS.iter().map(|ioctl| self::ioctl(*ioctl)).collect(),
        "clones" => clones(),
        "unshares" => NAMESPACES.iter().map(|new| unshare(*new)).collect(),
        other => return Err(Swept::Unknown(other.into())),
    };
    let tried = members.iter().filter(|(member, ..)| !but.contains(member));
    let mut refused = 0;
    for (member, number, arguments) in tried {
        let number = i64::try_from(*number).unwrap_or(-1);
        match raw::call(number, *arguments) {
            Err(libc::ENOSYS) => refused += 1,
            Err(error) => return Ok(format!("{member} answered {}", names::error(error))),
            Ok(value) => return Ok(format!("{member} answered {value}")),
        }
    }
    Err(Swept::Refused(refused, members.len() - refused))
}

/// What is swept: its name in `but`, and the call.
type Member = (usize, usize, [usize; 6]);

fn on(call: i64, first: usize, second: usize) -> Member {
    let call = usize::try_from(call).unwrap_or(NONE);
    (first, call, [first, second, NONE, NONE, NONE, NONE])
}

/// A call by its number, and by that of x32 programs. The worker needs none of the latter.
fn both_doors(call: usize) -> [Member; 2] {
    [call, X32 | call].map(|number| (number, number, [NONE; 6]))
}

fn unshare(new: i32) -> Member {
    on(libc::SYS_unshare, new.cast_unsigned() as usize, 0)
}

fn fcntl(command: usize) -> Member {
    let (_, call, _) = on(libc::SYS_fcntl, 0, 0);
    (command, call, [0, command, NONE, 0, 0, 0])
}

fn ioctl(request: usize) -> Member {
    let (_, call, _) = on(libc::SYS_ioctl, 0, 0);
    (request, call, [0, request, NONE, 0, 0, 0])
}

/// Every type of every address family.
fn sockets(call: i64, last: usize) -> Vec<Member> {
    let families = (0..FAMILIES).flat_map(|family| SOCKET_TYPES.map(|of| (family, of)));
    families
        .map(|(family, of)| {
            let (_, call, _) = on(call, family, of);
            (family, call, [family, of, 0, last, 0, 0])
        })
        .collect()
}

/// A process, a process with each flag, and a thread with each namespace.
fn clones() -> Vec<Member> {
    let thread = libc::CLONE_THREAD | libc::CLONE_VM | libc::CLONE_SIGHAND;
    let bits = (8..32).map(|bit| 1 << bit);
    let processes = bits.filter(|bit| *bit != libc::CLONE_THREAD);
    let flags = [0].into_iter().chain(processes);
    let threads = NAMESPACES.iter().map(|new| thread | new);
    let flags = flags.map(|flag| flag | libc::SIGCHLD).chain(threads);
    flags
        .map(|flags| {
            let flags = flags.cast_unsigned() as usize;
            let (_, call, _) = on(libc::SYS_clone, flags, 0);
            (flags, call, [flags, 0, 0, 0, 0, 0])
        })
        .collect()
}

const NAMESPACES: &[i32] = &[
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWUTS,
];

/// Terminals, consoles, file systems, loops, tunnels, networks, and what any file takes.
const IOCTLS: &[usize] = &[
    0x5401,
    0x5402,
    0x5403,
    0x5404,
    0x5406,
    0x5409,
    0x540a,
    0x540b,
    0x540c,
    0x540e,
    0x540f,
    0x5410,
    0x5411,
    0x5412,
    0x5413,
    0x5414,
    0x541c,
    0x541d,
    0x541e,
    0x5420,
    0x5422,
    0x5423,
    0x5424,
    0x5428,
    0x5429,
    0x5437,
    0x5441,
    0x5450,
    0x5451,
    0x5452,
    0x5460,
    0x4b3a,
    0x4b46,
    0x4b47,
    0x4b48,
    0x5600,
    0x5601,
    0x5605,
    0x5606,
    0x8901,
    0x8902,
    0x8904,
    0x8910,
    0x8912,
    0x8913,
    0x8914,
    0x8933,
    0x8946,
    0x89a0,
    0x89f0,
    0x4c00,
    0x4c01,
    0x4c05,
    0x4c82,
    0x1260,
    0x1261,
    0x1268,
    0x125d,
    0x127f,
    0x4004_54ca,
    0x8008_6601,
    0x4008_6602,
    0x8008_7601,
    0x4008_7602,
    0xc020_660b,
    0xc004_5877,
    0xc004_5878,
    0x4004_6604,
    0x4004_9409,
    0x4020_940d,
    0xc018_9436,
    0x801c_581f,
    0x401c_5820,
    0x8004_b701,
    0xb701,
    0xb702,
    0xb703,
    0x0000_b704,
    0xae01,
    0x4008_ae6a,
    0x0000_2400,
    0xc018_aa3f,
];
