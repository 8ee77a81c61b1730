//! Which arguments of a call are allowed, as data that any filter's maker can be told.

use super::Profile;
use super::calls::{Call, Code, Narrowing};

/// Conditions that all hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule(pub Vec<Condition>);

/// The low 32 bits of an argument, masked, are a value. No call of brig's profiles is told apart by
/// higher ones: the kernel takes an `int` there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Which argument, from 0 on.
    pub argument: u8,
    /// Which of its bits count.
    pub mask: u32,
    /// What they are.
    pub value: u32,
}

/// The rules of a call in a profile; none where all arguments are allowed.
pub(super) fn of(call: &Call, profile: &Profile) -> Vec<Rule> {
    match call.narrowing {
        Narrowing::Any => Vec::new(),
        // An exec belongs to the start of a program. With it gone, so are executable mappings.
        Narrowing::NoExecutableMappingOnceLoaded(_)
            if profile.0.contains("execve") && (!profile.is_of_program() || profile.has_jit()) =>
        {
            Vec::new()
        }
        Narrowing::NoExecutableMappingOnceLoaded(Code::OfFiles)
            if profile.is_of_program() || profile.is_of_carrier() =>
        {
            let code = libc::PROT_EXEC | libc::PROT_WRITE;
            vec![
                one(masked(2, libc::PROT_EXEC, 0)),
                Rule(vec![
                    masked(2, code, libc::PROT_EXEC),
                    masked(3, libc::MAP_ANONYMOUS, 0),
                ]),
            ]
        }
        Narrowing::NoExecutableMappingOnceLoaded(_) => vec![one(masked(2, libc::PROT_EXEC, 0))],
        Narrowing::NoSetIdMode(index) => vec![one(masked(index, SET_ID_BITS, 0))],
        // Threads and processes, and no namespace.
        Narrowing::ThreadsOnly if profile.has_subprocess() => {
            vec![one(masked(0, NEW_NAMESPACES, 0))]
        }
        Narrowing::ThreadsOnly => {
            let mask = libc::CLONE_THREAD | NEW_NAMESPACES;
            vec![one(masked(0, mask, libc::CLONE_THREAD))]
        }
        // A datagram pair can be made to send to any path; a stream cannot.
        Narrowing::ConnectedPair => [libc::SOCK_STREAM, libc::SOCK_SEQPACKET]
            .map(|kind| Rule(vec![is(0, libc::AF_UNIX), masked(1, SOCKET_KINDS, kind)]))
            .into(),
        // The host's resolver asks its services and the kernel as well.
        Narrowing::TcpOrUdp if profile.is_of_carrier() => Vec::new(),
        Narrowing::TcpOrUdp => SOCKETS.iter().map(|socket| socket_rule(*socket)).collect(),
        Narrowing::SocketOption(_) if profile.is_of_program() || profile.is_of_carrier() => {
            Vec::new()
        }
        Narrowing::SocketOption(pairs) => pairs
            .iter()
            .map(|(level, option)| Rule(vec![is(1, *level), is(2, *option)]))
            .collect(),
        Narrowing::FirstArgument(values, more) => one_of(0, values, more, profile),
        Narrowing::SecondArgument(values, more) => one_of(1, values, more, profile),
    }
}

/// Family, kind and protocol of socket(2), the protocol by its number or as the kind's own (ip(7)).
const SOCKETS: &[(i32, i32, i32)] = &[
    (libc::AF_INET, libc::SOCK_STREAM, 0),
    (libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_TCP),
    (libc::AF_INET, libc::SOCK_DGRAM, 0),
    (libc::AF_INET, libc::SOCK_DGRAM, libc::IPPROTO_UDP),
    (libc::AF_INET6, libc::SOCK_STREAM, 0),
    (libc::AF_INET6, libc::SOCK_STREAM, libc::IPPROTO_TCP),
    (libc::AF_INET6, libc::SOCK_DGRAM, 0),
    (libc::AF_INET6, libc::SOCK_DGRAM, libc::IPPROTO_UDP),
];

fn socket_rule((family, kind, protocol): (i32, i32, i32)) -> Rule {
    Rule(vec![
        is(0, family),
        masked(1, SOCKET_KINDS, kind),
        is(2, protocol),
    ])
}

/// Values for everyone, and more for programs.
fn one_of(argument: u8, all: &[i32], more: &[i32], profile: &Profile) -> Vec<Rule> {
    let has_more = profile.is_of_program() || profile.is_of_carrier();
    let more = if has_more { more } else { &[] };
    let values = all.iter().chain(more);
    values.map(|value| one(is(argument, *value))).collect()
}

fn one(condition: Condition) -> Rule {
    Rule(vec![condition])
}

fn is(argument: u8, value: i32) -> Condition {
    Condition {
        argument,
        mask: u32::MAX,
        value: value.cast_unsigned(),
    }
}

fn masked(argument: u8, mask: i32, value: i32) -> Condition {
    Condition {
        argument,
        mask: mask.cast_unsigned(),
        value: value.cast_unsigned(),
    }
}

/// The kinds among the flags of socketpair(2)'s second argument.
const SOCKET_KINDS: i32 = 0xf;
/// inode(7): set-user-id and set-group-id.
const SET_ID_BITS: i32 = 0o6000;

const NEW_NAMESPACES: i32 = libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | CLONE_NEWTIME;
/// clone(2) takes it in no flag of its own: the bit is part of the exit signal there, which no
/// program needs.
const CLONE_NEWTIME: i32 = 0x80;
