//! What passes between supervisor and warden, and the encoding of init's orders.

use super::build::BuildError;
use super::group::GroupParents;
use crate::hook;
use crate::init_wire::{self as wire, tag};
use brig_sandbox::cell::Rlimit;
use brig_sandbox::lower::native::{InitOrders, Mounted, NativeCell, SourceCheck};
use brig_sandbox::mechanism::Mechanism;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the supervisor tells the warden, as JSON in a sealed memory file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WardenOrders {
    /// The cell to build.
    pub(crate) cell: NativeCell,
    /// Device and inode of every bound source, as the supervisor saw them when it decided.
    pub(crate) sources: BTreeMap<String, FileIdentity>,
    /// Where the cell's control group is made.
    pub(crate) groups: GroupParents,
    /// The compiled code that the worker gets. The warden removes it where it is unfit: the
    /// supervisor can no longer remove a file by then.
    pub(crate) code: Option<PathBuf>,
}

/// Device and inode (inode(7)): which file a path meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileIdentity {
    /// `st_dev`.
    pub(crate) device: u64,
    /// `st_ino`.
    pub(crate) inode: u64,
}

/// What the warden tells the supervisor, one JSON message each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum WardenEvent {
    /// What init found when it read its walls, before the server's first instruction: pairs of
    /// `init_wire::found` and a number.
    Read {
        /// At most `init_wire::found::PAIRS_MAX` of them.
        found: Vec<(u8, u64)>,
    },
    /// All walls stand, read back from inside, and the server runs.
    Started,
    /// The cell could not be built; nothing of it is left.
    Failed {
        /// The step, as it reads after "cannot".
        step: String,
        /// The kernel's reason.
        reason: String,
        /// What to do about it, where it is known.
        help: Option<String>,
    },
    /// The server ended, and the cell with it.
    Ended {
        /// How.
        end: End,
    },
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum End {
    /// It exited.
    Exit {
        /// Its status.
        status: i32,
    },
    /// A signal ended it.
    Signal {
        /// Its number (signal(7)).
        signal: i32,
    },
    /// The kernel ended it because its control group's memory was used up.
    OutOfMemory,
    /// The cell was ended from outside: init is gone without a word.
    Killed,
}

impl End {
    /// From a wait status (wait(2)).
    pub(crate) fn from_wait_status(status: i32) -> Self {
        if libc::WIFEXITED(status) {
            Self::Exit {
                status: libc::WEXITSTATUS(status),
            }
        } else {
            Self::Signal {
                signal: libc::WTERMSIG(status),
            }
        }
    }
}

/// Encodes what init reads: see `init/wire.rs`.
pub(crate) fn encode(
    cell: &NativeCell,
    sources: &BTreeMap<String, FileIdentity>,
    ids: (u32, u32),
    may_bound: bool,
) -> Vec<u8> {
    let mut records = Encoder { bytes: Vec::new() };
    records.put(tag::IDS, &[&ids.0.to_le_bytes(), &ids.1.to_le_bytes()]);
    #[cfg(feature = "test-hooks")]
    records.put(tag::LEFT_OUT, &[&hook::left_to_init()]);
    if may_bound && !hook::is_off(Mechanism::EmptyCapabilities) {
        records.put(tag::BOUNDING_EMPTY, &[]);
    }
    for check in &cell.checks {
        records.check(check, sources);
    }
    records.orders(&cell.init);
    records.bytes
}

struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    fn put(&mut self, tag: u8, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        self.bytes.push(tag);
        // A record longer than u32 cannot be: the channel takes no message of that size.
        self.bytes
            .extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
    }

    fn check(&mut self, check: &SourceCheck, sources: &BTreeMap<String, FileIdentity>) {
        let Some(identity) = sources.get(&check.source) else {
            return;
        };
        let flag = |set: bool, flag: u64| if set { flag } else { 0 };
        let no_set_id = flag(!hook::is_off(Mechanism::NoSetIdMount), libc::ST_NOSUID);
        let of_mount = match check.mounted {
            Mounted::Not => 0,
            Mounted::Files => no_set_id | libc::ST_NODEV,
            Mounted::Device => libc::ST_NOSUID,
        };
        let flags = of_mount
            | flag(check.read_only, libc::ST_RDONLY)
            | flag(check.no_exec, libc::ST_NOEXEC);
        self.put(
            tag::MOUNT,
            &[
                &identity.device.to_le_bytes(),
                &identity.inode.to_le_bytes(),
                &flags.to_le_bytes(),
                check.at.as_bytes(),
                b"\0",
            ],
        );
    }

    fn orders(&mut self, orders: &InitOrders) {
        for (limit, value) in &orders.rlimits {
            self.put(
                tag::RLIMIT,
                &[&resource(*limit).to_le_bytes(), &value.to_le_bytes()],
            );
        }
        if let Some(count) = orders.processors {
            self.put(tag::PROCESSORS, &[&count.to_le_bytes()]);
        }
        if let Some(landlock) = &orders.landlock {
            let size: u32 = match landlock.abi {
                0..=3 => 8,
                4..=5 => 16,
                6.. => 24,
            };
            let (files, network) = (landlock.handled_files, landlock.handled_network);
            self.put(
                tag::RULESET,
                &[
                    &size.to_le_bytes(),
                    &files.to_le_bytes(),
                    &network.to_le_bytes(),
                    &landlock.scoped.to_le_bytes(),
                ],
            );
            for rule in &landlock.rules {
                self.put(
                    tag::RULE,
                    &[&rule.allowed.to_le_bytes(), rule.at.as_bytes(), b"\0"],
                );
            }
        }
        let filter = |program: &[u64]| program.iter().flat_map(|i| i.to_le_bytes()).collect();
        let (init, server): (Vec<u8>, Vec<u8>) = (
            filter(&orders.filter_of_init),
            filter(&orders.filter_of_server),
        );
        self.put(tag::FILTER_OF_INIT, &[&init]);
        self.put(tag::FILTER_OF_SERVER, &[&server]);
        self.put(tag::PROGRAM, &[orders.program.as_bytes(), b"\0"]);
        for argument in &orders.args {
            self.put(tag::ARGUMENT, &[argument.as_bytes(), b"\0"]);
        }
        for (name, value) in &orders.env {
            self.put(
                tag::VARIABLE,
                &[name.as_bytes(), b"=", value.as_bytes(), b"\0"],
            );
        }
        self.put(tag::DESCRIPTORS, &[&orders.descriptors.to_le_bytes()]);
    }
}

/// A limit's number (getrlimit(2)).
pub(crate) fn resource(limit: Rlimit) -> u32 {
    match limit {
        Rlimit::Core => libc::RLIMIT_CORE,
        Rlimit::Cpu => libc::RLIMIT_CPU,
        Rlimit::Data => libc::RLIMIT_DATA,
        Rlimit::LockedMemory => libc::RLIMIT_MEMLOCK,
        Rlimit::MessageQueues => libc::RLIMIT_MSGQUEUE,
        Rlimit::Nice => libc::RLIMIT_NICE,
        Rlimit::OpenFiles => libc::RLIMIT_NOFILE,
        Rlimit::Processes => libc::RLIMIT_NPROC,
        Rlimit::RealTimePriority => libc::RLIMIT_RTPRIO,
        Rlimit::Stack => libc::RLIMIT_STACK,
    }
}

/// Kind of the message by which the child that builds the cell gives up. It speaks on init's
/// channel before there is an init.
const UNBUILT: u8 = b'U';

/// The message for this error, for [`InitAnswer::read`].
pub(super) fn unbuilt(error: &BuildError) -> Vec<u8> {
    let mut message = vec![UNBUILT, 0, 0, 0, 0];
    // Three strings are always JSON; without them the kind alone tells that nothing was built.
    message.extend(serde_json::to_vec(error).unwrap_or_default());
    message
}

/// One of init's answers, read with distrust: whoever took init over can send anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum InitAnswer {
    /// A step failed.
    Failed { errno: i32, step: String },
    /// A wall is not what was ordered.
    Differs { found: i32, wall: String },
    /// The cell was not built, and there is no init.
    Unbuilt(BuildError),
    /// What it read.
    Read(Vec<(u8, u64)>),
    /// The server runs.
    Started,
    /// The server ended.
    Ended(End),
    /// Nothing that init says.
    Unknown,
}

impl InitAnswer {
    /// Reads one message.
    pub(crate) fn read(message: &[u8]) -> Self {
        let Some((kind, rest)) = message.split_first() else {
            return Self::Unknown;
        };
        let Some((number, text)) = rest.split_first_chunk::<4>() else {
            return Self::Unknown;
        };
        let number = i32::from_le_bytes(*number);
        let plain = |text: &str, most| {
            text.chars()
                .filter(|c| !c.is_control())
                .take(most)
                .collect()
        };
        let payload = text;
        let text = || plain(&String::from_utf8_lossy(text), 90);
        match *kind {
            UNBUILT => {
                serde_json::from_slice(payload).map_or(Self::Unknown, |error: BuildError| {
                    Self::Unbuilt(BuildError {
                        step: plain(&error.step, 1000),
                        reason: plain(&error.reason, 1000),
                        help: error.help.map(|help| plain(&help, 1000)),
                    })
                })
            }
            wire::answer::FAILED => Self::Failed {
                errno: number,
                step: text(),
            },
            wire::answer::DIFFERS => Self::Differs {
                found: number,
                wall: text(),
            },
            wire::answer::READ => {
                let (pairs, _) = payload.as_chunks::<9>();
                let pair = |[what, value @ ..]: &[u8; 9]| (*what, u64::from_le_bytes(*value));
                let pairs = pairs.iter().take(wire::found::PAIRS_MAX);
                Self::Read(pairs.map(pair).collect())
            }
            wire::answer::STARTED => Self::Started,
            wire::answer::ENDED => Self::Ended(End::from_wait_status(number)),
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test fails by panicking"
    )]
    use super::*;

    #[test]
    fn records_come_back_as_they_were_put() {
        let mut encoder = Encoder { bytes: Vec::new() };
        encoder.put(7, &[b"ab", b"", b"c"]);
        encoder.put(9, &[]);
        let records: Vec<_> = wire::Records::new(&encoder.bytes).collect();
        assert_eq!(records, [(7, b"abc".as_slice()), (9, b"".as_slice())]);
        let mut cut = wire::Records::new(&encoder.bytes[..6]);
        assert!(
            cut.next().is_none() && !cut.is_done(),
            "a cut record ends the walk, seen"
        );
    }

    #[track_caller]
    fn check(message: &[u8], want: &InitAnswer) {
        assert_eq!(InitAnswer::read(message), *want);
    }

    #[test]
    fn answers_are_read_with_distrust() {
        check(b"", &InitAnswer::Unknown);
        check(b"S", &InitAnswer::Unknown);
        check(b"Z\0\0\0\0", &InitAnswer::Unknown);
        check(b"S\x02\0\0\0", &InitAnswer::Started);
        check(b"E\0\x03\0\0", &InitAnswer::Ended(End::Exit { status: 3 }));
        check(
            b"E\x09\0\0\0",
            &InitAnswer::Ended(End::Signal { signal: 9 }),
        );
        let step = "go\u{fffd}".to_owned();
        check(
            b"F\x01\0\0\0g\x1b\no\xff",
            &InitAnswer::Failed { errno: 1, step },
        );
        let error = |step: &str| BuildError {
            step: step.to_owned(),
            reason: "r".to_owned(),
            help: Some("h".to_owned()),
        };
        check(
            &unbuilt(&error("mount `\x1b[2Ja`")),
            &InitAnswer::Unbuilt(error("mount `[2Ja`")),
        );
        check(b"U\0\0\0\0{}", &InitAnswer::Unknown);
        let pair = b"\x09\x02\x01\0\0\0\0\0\0".as_slice();
        check(
            &[b"R\0\0\0\0".as_slice(), pair, b"cut"].concat(),
            &InitAnswer::Read(vec![(9, 258)]),
        );
        let many = [b"R\0\0\0\0".as_slice(), &pair.repeat(1000)].concat();
        check(&many, &InitAnswer::Read(vec![(9, 258); 32]));
        let long = [b"D\0\0\0\0".as_slice(), &[b'x'; 4096]].concat();
        let InitAnswer::Differs { wall, .. } = InitAnswer::read(&long) else {
            panic!("{long:?}")
        };
        assert_eq!(wall.len(), 90);
        let _ = wire::take_u32(&mut b"\x01\0\0\0".as_slice()).unwrap();
    }
}
