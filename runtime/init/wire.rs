//! What the warden tells init, and what init answers. Shared by both programs, so it needs nothing.
//!
//! The warden sends one message of records, each a tag (1 byte), a length (4 bytes, little-endian)
//! and that many bytes. init answers with messages of one kind byte, a number (4 bytes,
//! little-endian) and text. Numbers are little-endian throughout.

/// Tags of the warden's records, in the order in which init expects them.
pub mod tag {
    /// Expected user and group id: two u32.
    pub const IDS: u8 = 1;
    /// A mount to compare: device u64, inode u64, mount flags u64 (statvfs(3)), path.
    pub const MOUNT: u8 = 2;
    /// A limit: resource u32, value u64.
    pub const RLIMIT: u8 = 3;
    /// A Landlock ruleset: bytes of the kernel's structure u32, files u64, network u64, scoped u64.
    pub const RULESET: u8 = 4;
    /// A Landlock rule: allowed u64, path.
    pub const RULE: u8 = 5;
    /// init's own filter: instructions of 8 bytes.
    pub const FILTER_OF_INIT: u8 = 6;
    /// The server's filter: instructions of 8 bytes.
    pub const FILTER_OF_SERVER: u8 = 7;
    /// The server's program: path.
    pub const PROGRAM: u8 = 8;
    /// One argument of the server.
    pub const ARGUMENT: u8 = 9;
    /// One variable of the server, `NAME=value`.
    pub const VARIABLE: u8 = 10;
    /// How many processors init and the server are tied to: u32.
    pub const PROCESSORS: u8 = 13;
    /// Present where the bounding set could be emptied too, as it can be where the warden had the
    /// right to: no payload.
    pub const BOUNDING_EMPTY: u8 = 12;
    /// The folder in which the server starts: path.
    pub const DIRECTORY: u8 = 15;
    /// The signal that asks the server to end: u32 (signal(7)).
    pub const STOP_SIGNAL: u8 = 16;
    /// A secret that the server gets as a file: its path with the NUL that ends it, and the value.
    pub const SECRET_FILE: u8 = 17;
    /// A port to which TCP may connect, in the ruleset before it: u64.
    pub const PORT: u8 = 18;
    /// What a network namespace is to hold: items as `sys/net.rs` has them. They are the only
    /// orders of an init that was told [`NETWORK`](super::NETWORK).
    pub const NETWORK: u8 = 19;
    /// What a test leaves out, a byte of [`left_out`](super::left_out) each. Only tests' builds
    /// send it, and only their init reads it.
    pub const LEFT_OUT: u8 = 14;
    /// Present where the server's filter has calls wait for a tracer, to whom the listener goes: no
    /// payload.
    pub const TRACED: u8 = 20;
    /// How many descriptors the server gets, from 0 on: u32.
    pub const DESCRIPTORS: u8 = 11;
}

/// Walls of init's own that a test can leave out.
pub mod left_out {
    /// That capabilities are empty.
    pub const CAPABILITIES: u8 = 1;
    /// That new privileges are given up.
    pub const NEW_PRIVILEGES: u8 = 2;
    /// A session of the server's own.
    pub const SESSION: u8 = 3;
    /// Closing what the server does not get.
    pub const CLOSING: u8 = 4;
    /// Keeping its memory to itself.
    pub const DUMPABLE: u8 = 5;
    /// Ending with its parent.
    pub const DEATH_SIGNAL: u8 = 6;
}

/// Kinds of init's answers.
pub mod answer {
    /// A step failed: errno, and the step as it reads after "cannot".
    pub const FAILED: u8 = b'F';
    /// A wall is not what was ordered: what was read, and which.
    pub const DIFFERS: u8 = b'D';
    /// What init found when it read its walls: no number, then pairs of a byte of
    /// [`found`](super::found) and a u64. It is told once, before the server starts.
    pub const READ: u8 = b'R';
    /// All walls stand and the server runs: its process id in the cell.
    pub const STARTED: u8 = b'S';
    /// The server's filter has a listener, which comes along (`SCM_RIGHTS`): no number. It is told
    /// once, by the server's process before its exec, and before or after `STARTED`.
    pub const LISTENING: u8 = b'L';
    /// The server ended: its wait status (wait(2)).
    pub const ENDED: u8 = b'E';
}

/// What init tells of what it read.
pub mod found {
    /// Its effective user.
    pub const USER: u8 = 1;
    /// Its effective group.
    pub const GROUP: u8 = 2;
    /// Capabilities in any of its sets, as bits.
    pub const CAPABILITIES: u8 = 3;
    /// How many capabilities the bounding set has.
    pub const BOUNDING: u8 = 4;
    /// Whether new privileges are given up: 1.
    pub const NEW_PRIVILEGES: u8 = 5;
    /// Whether its memory is another process's to look at: 0 where it is not.
    pub const DUMPABLE: u8 = 6;
    /// The signal that it gets when its parent dies.
    pub const DEATH_SIGNAL: u8 = 7;
    /// The errno of listing the root, 0 where that can be done.
    pub const LISTING: u8 = 8;
    /// How many sources are the files that were decided on, with the flags of their mounts.
    pub const SOURCES: u8 = 9;
    /// How many processors it may run on.
    pub const PROCESSORS: u8 = 10;
    /// The errno of a signal to its parent, 0 where it may send one. Not told where it sees none.
    pub const SIGNALLING: u8 = 11;
    /// The first of the resource limits: this and the limit's number (getrlimit(2)).
    pub const LIMIT: u8 = 64;

    /// Pairs in one answer at most.
    pub const PAIRS_MAX: usize = 32;
}

/// The byte that asks init to send the server the signal that ends it.
pub const TERMINATE: u8 = b'T';

/// Bytes of orders at most. init has no heap: this is its buffer.
pub const ORDERS_BYTES_MAX: usize = 1 << 20;

/// init's end of its channel with the warden.
pub const CHANNEL_FD: i32 = 3;

/// First byte of init's argument where it connects to its channel (`connect`).
pub const CONNECT: u8 = b'c';
/// First byte of init's argument where it makes the network that another container joins
/// (`network`).
pub const NETWORK: u8 = b'n';
/// Where its channel is then, with the NUL that ends a path.
pub const CHANNEL_PATH: &[u8] = b"/.brig/channel\0";

/// Walks over records. A record that ends beyond the bytes ends the walk.
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// Records in these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether all bytes were read as records.
    pub fn is_done(&self) -> bool {
        self.rest.is_empty()
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (tag, rest) = self.rest.split_first()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        if rest.len() < length {
            return None;
        }
        let (payload, rest) = rest.split_at(length);
        self.rest = rest;
        Some((*tag, payload))
    }
}

/// Takes a u32 off the front.
pub fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    let (first, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*first))
}

/// Takes a u64 off the front.
pub fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    let (first, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*first))
}
