//! The encoding of init's orders: see `init/wire.rs`.
//!
//! *Nothing here has an effect*, so that the encoder and init's reader can be tried together.

use crate::hook;
use crate::init_wire::tag;
use brig_sandbox::cell::Rlimit;
use brig_sandbox::lower::native::{InitOrders, Mounted, NativeCell, SourceCheck};
use brig_sandbox::mechanism::Mechanism;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Device and inode (inode(7)): which file a path meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileIdentity {
    /// `st_dev`.
    pub(crate) device: u64,
    /// `st_ino`.
    pub(crate) inode: u64,
}

/// Encodes what init reads.
pub(crate) fn encode(
    cell: &NativeCell,
    sources: &BTreeMap<String, FileIdentity>,
    ids: (u32, u32),
    may_bound: bool,
    given: &Given,
) -> Zeroizing<Vec<u8>> {
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
    // A buffer that grew would leave what it held where it was.
    let mut all = Zeroizing::new(Vec::with_capacity(records.bytes.len() + given.bytes.len()));
    all.extend_from_slice(&records.bytes);
    all.extend_from_slice(&given.bytes);
    all
}

/// What a server is given and nobody is told: records for init, which no orders, no plan and no
/// engine has. It cannot be printed.
#[derive(Default)]
pub(crate) struct Given {
    bytes: Zeroizing<Vec<u8>>,
}

impl Given {
    /// Room for secrets of so many bytes with what is written around them.
    pub(crate) fn with_room(bytes: usize) -> Self {
        Self {
            bytes: Zeroizing::new(Vec::with_capacity(bytes)),
        }
    }

    /// Records that were made before.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self {
            bytes: Zeroizing::new(bytes),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A variable of the server's.
    pub(crate) fn variable(&mut self, name: &str, value: &[u8]) {
        self.put(tag::VARIABLE, &[name.as_bytes(), b"=", value, b"\0"]);
    }

    /// A file of the server's.
    pub(crate) fn file(&mut self, path: &str, value: &[u8]) {
        self.put(tag::SECRET_FILE, &[path.as_bytes(), b"\0", value]);
    }

    fn put(&mut self, tag: u8, parts: &[&[u8]]) {
        put(&mut self.bytes, tag, parts);
    }
}

fn put(bytes: &mut Vec<u8>, tag: u8, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    bytes.push(tag);
    // A record longer than u32 cannot be: the channel takes no message of that size.
    bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    for part in parts {
        bytes.extend_from_slice(part);
    }
}

struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    fn put(&mut self, tag: u8, parts: &[&[u8]]) {
        put(&mut self.bytes, tag, parts);
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
            for port in &landlock.ports {
                self.put(tag::PORT, &[&u64::from(*port).to_le_bytes()]);
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
        self.put(tag::DIRECTORY, &[orders.directory.as_bytes(), b"\0"]);
        let signal = u32::from(orders.stop_signal);
        self.put(tag::STOP_SIGNAL, &[&signal.to_le_bytes()]);
        if orders.traced {
            self.put(tag::TRACED, &[]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init_wire::Records;

    #[test]
    fn records_come_back_as_they_were_put() {
        let mut encoder = Encoder { bytes: Vec::new() };
        encoder.put(7, &[b"ab", b"", b"c"]);
        encoder.put(9, &[]);
        let records: Vec<_> = Records::new(&encoder.bytes).collect();
        assert_eq!(records, [(7, b"abc".as_slice()), (9, b"".as_slice())]);
        let mut cut = Records::new(&encoder.bytes[..6]);
        assert!(
            cut.next().is_none() && !cut.is_done(),
            "a cut record ends the walk, seen"
        );
    }
}
