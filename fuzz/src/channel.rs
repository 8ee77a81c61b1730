//! init's channel, both ways: what the warden reads of init, and what init reads of the warden.

use std::collections::{BTreeMap, BTreeSet};

use brig_sandbox::cell::{CellKind, ControlGroup, Identity, Landlock, LandlockRule, Rlimit};
use brig_sandbox::lower::native::{InitMode, InitOrders, Mounted, NativeCell, SourceCheck};
use libfuzzer_sys::arbitrary::{Result, Unstructured};

use crate::init_wire::{Records, found, tag, take_u32, take_u64};
use crate::launch::End;
use crate::launch::answer::{BuildError, InitAnswer, unbuilt};
use crate::launch::records::{FileIdentity, Given, encode};

/// Checks one message: the first byte says whose.
pub fn check(bytes: &[u8]) {
    match bytes.split_first() {
        Some((b'A', message)) => check_answer(message),
        Some((b'R', message)) => check_records(message),
        Some((_, choices)) => {
            // Too few bytes for all choices are no fault: the last choices are then empty.
            let _ = check_orders(&mut Unstructured::new(choices));
        }
        None => {}
    }
}

fn check_answer(message: &[u8]) {
    let answer = InitAnswer::read(message);
    assert_eq!(answer, InitAnswer::read(message));
    let short = |text: &str, most: usize| {
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(text.chars().count() <= most, "{} characters", text.len());
    };
    match &answer {
        InitAnswer::Failed { errno: _, step } => short(step, 90),
        InitAnswer::Differs { found: _, wall } => short(wall, 90),
        InitAnswer::Unbuilt(error) => {
            short(&error.step, 1000);
            short(&error.reason, 1000);
            short(error.help.as_deref().unwrap_or_default(), 1000);
            // What was read once is read again as it is.
            assert_eq!(InitAnswer::read(&unbuilt(error)), answer);
        }
        InitAnswer::Ended(End::Exit { status }) => assert!((0..256).contains(status)),
        InitAnswer::Ended(End::Signal { signal }) => assert!((1..128).contains(signal)),
        InitAnswer::Ended(end @ (End::OutOfMemory | End::Killed)) => {
            panic!("init says {end:?}, which only the warden can see")
        }
        InitAnswer::Read(pairs) => {
            assert!(pairs.len() <= found::PAIRS_MAX);
            let written = |(what, value): &(u8, u64)| [&[*what][..], &value.to_le_bytes()].concat();
            let again: Vec<u8> = pairs.iter().flat_map(written).collect();
            assert!(message[5..].starts_with(&again), "they are not as written");
            let cut = message.len() - 5 - again.len();
            assert!(cut < 9 || pairs.len() == found::PAIRS_MAX, "some got lost");
        }
        InitAnswer::Started | InitAnswer::Listening | InitAnswer::Unknown => {}
    }
    let text = String::from_utf8_lossy(message);
    let error = BuildError {
        step: text
            .chars()
            .filter(|c| !c.is_control())
            .take(1000)
            .collect(),
        reason: String::new(),
        help: None,
    };
    assert_eq!(
        InitAnswer::read(&unbuilt(&error)),
        InitAnswer::Unbuilt(error)
    );
}

/// Whatever the bytes are, the records are whole, they are those that stand there, and what is left
/// over is seen.
fn check_records(bytes: &[u8]) {
    let mut records = Records::new(bytes);
    let mut put_again = Vec::new();
    for (tag, payload) in records.by_ref() {
        put_again.push(tag);
        put_again.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
        put_again.extend_from_slice(payload);
        let mut rest = payload;
        let mut taken = 0;
        while take_u64(&mut rest).is_some() {
            taken += 8;
        }
        taken += if take_u32(&mut rest).is_some() { 4 } else { 0 };
        assert_eq!(taken + rest.len(), payload.len());
        assert!(rest.len() < 4 && take_u32(&mut rest).is_none());
    }
    assert!(bytes.starts_with(&put_again));
    assert_eq!(records.is_done(), put_again.len() == bytes.len());
    assert_eq!(records.next(), None, "a walk that has ended goes on");
}

/// init understands what the warden ordered.
fn check_orders(choices: &mut Unstructured<'_>) -> Result<()> {
    let orders = orders(choices)?;
    let mut checks = Vec::new();
    let mut sources = BTreeMap::new();
    for at in 0..choices.int_in_range(0..=4)? {
        let source = format!("/source/{at}");
        let identity = FileIdentity {
            device: choices.arbitrary()?,
            inode: choices.arbitrary()?,
        };
        sources.insert(source.clone(), identity);
        checks.push(SourceCheck {
            source,
            at: text(choices)?,
            read_only: choices.arbitrary()?,
            no_exec: choices.arbitrary()?,
            mounted: *choices.choose(&[Mounted::Not, Mounted::Files, Mounted::Device])?,
        });
    }
    let cell = NativeCell {
        inside: None,
        kind: CellKind::Full,
        namespaces: Vec::new(),
        identity: Identity::UnusedHostId,
        group: ControlGroup {
            memory_bytes_max: None,
            processes_max: None,
            processor_milli: None,
        },
        root: Vec::new(),
        checks,
        init: orders,
    };
    let ids = choices.arbitrary()?;
    let may_bound = choices.arbitrary()?;
    let (given, secrets) = given(choices)?;
    let message = encode(&cell, &sources, ids, may_bound, &given);
    let mut understood = Understood::default();
    let mut records = Records::new(&message);
    for (tag, payload) in records.by_ref() {
        understood.take(tag, payload);
    }
    assert!(records.is_done());
    assert_eq!(
        (understood.ids, understood.may_bound),
        (Some(ids), may_bound)
    );
    let mounts: Vec<_> = cell
        .checks
        .iter()
        .map(|check| mount(check, &sources))
        .collect();
    assert_eq!(understood.mounts, mounts);
    assert_eq!(understood.secrets, secrets);
    assert_eq!(understood.init(&cell.init), cell.init);
    check_records(&message);
    Ok(())
}

/// Files of secrets, and the same as records.
fn given(choices: &mut Unstructured<'_>) -> Result<(Given, Secrets)> {
    let mut given = Given::default();
    let mut secrets = Vec::new();
    for _ in 0..choices.int_in_range(0..=3)? {
        let (at, value) = (text(choices)?, choices.arbitrary::<Vec<u8>>()?);
        given.file(&at, &value);
        secrets.push((at, value));
    }
    Ok((given, secrets))
}

fn mount(check: &SourceCheck, sources: &BTreeMap<String, FileIdentity>) -> Mount {
    let flag = |set: bool, flag: u64| if set { flag } else { 0 };
    let identity = sources[&check.source];
    let flags = flag(check.mounted != Mounted::Not, libc::ST_NOSUID)
        | flag(check.mounted == Mounted::Files, libc::ST_NODEV)
        | flag(check.read_only, libc::ST_RDONLY)
        | flag(check.no_exec, libc::ST_NOEXEC);
    (identity.device, identity.inode, flags, check.at.clone())
}

type Mount = (u64, u64, u64, String);
type Secrets = Vec<(String, Vec<u8>)>;

/// What init makes of the records, in the order in which it looks at them.
#[derive(Default)]
struct Understood {
    ids: Option<(u32, u32)>,
    may_bound: bool,
    mounts: Vec<Mount>,
    secrets: Secrets,
    rlimits: Vec<(Rlimit, u64)>,
    processors: Option<u32>,
    ruleset: Option<[u64; 3]>,
    ports: BTreeSet<u16>,
    rules: Vec<LandlockRule>,
    filters: [Vec<u64>; 2],
    program: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    descriptors: u32,
    directory: String,
    stop_signal: u32,
    traced: bool,
}

impl Understood {
    fn take(&mut self, tag: u8, mut payload: &[u8]) {
        let rest = &mut payload;
        match tag {
            tag::IDS => self.ids = Some((four(rest), four(rest))),
            tag::BOUNDING_EMPTY => self.may_bound = true,
            tag::MOUNT => {
                let mount = (eight(rest), eight(rest), eight(rest), path(rest));
                self.mounts.push(mount);
            }
            tag::RLIMIT => {
                let limit = (rlimit(four(rest)), eight(rest));
                self.rlimits.push(limit);
            }
            tag::PROCESSORS => self.processors = Some(four(rest)),
            tag::RULESET => {
                let words = four(rest) / 8;
                let ruleset = [eight(rest), eight(rest), eight(rest)];
                assert!((1..=3).contains(&words));
                self.ruleset = Some(ruleset);
            }
            tag::RULE => {
                assert!(self.ruleset.is_some(), "a rule before its ruleset");
                let allowed = eight(rest);
                let at = path(rest);
                self.rules.push(LandlockRule { at, allowed });
            }
            tag::PORT => {
                self.ports.insert(u16::try_from(eight(rest)).unwrap());
            }
            tag::FILTER_OF_INIT => self.filters[0] = instructions(rest),
            tag::FILTER_OF_SERVER => self.filters[1] = instructions(rest),
            tag::PROGRAM => self.program = path(rest),
            tag::ARGUMENT => self.args.push(path(rest)),
            tag::VARIABLE => {
                let variable = path(rest);
                let (name, value) = variable.split_once('=').unwrap();
                self.env.push((name.to_owned(), value.to_owned()));
            }
            tag::SECRET_FILE => {
                let end = rest.iter().position(|byte| *byte == 0).unwrap();
                let at = path(&mut &rest[..=end]);
                self.secrets.push((at, rest[end + 1..].to_vec()));
                *rest = &[];
            }
            tag::TRACED => self.traced = true,
            tag::DESCRIPTORS => self.descriptors = four(rest),
            tag::DIRECTORY => self.directory = path(rest),
            tag::STOP_SIGNAL => self.stop_signal = four(rest),
            other => panic!("init knows no tag {other}"),
        }
        assert!(rest.is_empty(), "tag {tag} has more than init reads");
    }

    /// As orders again. The ABI is not told, only how much of the ruleset it knows.
    fn init(self, ordered: &InitOrders) -> InitOrders {
        let [filter_of_init, filter_of_server] = self.filters;
        InitOrders {
            rlimits: self.rlimits,
            processors: self.processors,
            landlock: self.ruleset.map(|[files, network, scoped]| Landlock {
                abi: ordered.landlock.as_ref().map_or(0, |landlock| landlock.abi),
                handled_files: files,
                handled_network: network,
                scoped,
                ports: self.ports,
                rules: self.rules,
            }),
            filter_of_init,
            filter_of_server,
            program: self.program,
            args: self.args,
            env: self.env,
            descriptors: self.descriptors,
            directory: self.directory,
            stop_signal: u8::try_from(self.stop_signal).unwrap(),
            traced: self.traced,
            // init tells it by its argument, and not by its orders.
            mode: ordered.mode,
        }
    }
}

fn orders(choices: &mut Unstructured<'_>) -> Result<InitOrders> {
    Ok(InitOrders {
        rlimits: list(choices, |choices| {
            Ok((choices.choose(&RLIMITS)?.0, choices.arbitrary()?))
        })?,
        processors: choices.arbitrary()?,
        landlock: if choices.arbitrary()? {
            Some(landlock(choices)?)
        } else {
            None
        },
        filter_of_init: list(choices, Unstructured::arbitrary)?,
        filter_of_server: list(choices, Unstructured::arbitrary)?,
        program: text(choices)?,
        args: list(choices, text)?,
        env: list(choices, |choices| {
            Ok((text(choices)?.replace('=', "_"), text(choices)?))
        })?,
        descriptors: choices.arbitrary()?,
        directory: text(choices)?,
        stop_signal: choices.arbitrary()?,
        traced: choices.arbitrary()?,
        mode: InitMode::Child,
    })
}

fn landlock(choices: &mut Unstructured<'_>) -> Result<Landlock> {
    Ok(Landlock {
        abi: choices.int_in_range(0..=9)?,
        handled_files: choices.arbitrary()?,
        handled_network: choices.arbitrary()?,
        scoped: choices.arbitrary()?,
        ports: list(choices, Unstructured::arbitrary)?
            .into_iter()
            .collect(),
        rules: list(choices, |choices| {
            let at = text(choices)?;
            let allowed = choices.arbitrary()?;
            Ok(LandlockRule { at, allowed })
        })?,
    })
}

fn list<'c, T>(
    choices: &mut Unstructured<'c>,
    mut one: impl FnMut(&mut Unstructured<'c>) -> Result<T>,
) -> Result<Vec<T>> {
    let length = choices.int_in_range(0..=6)?;
    (0..length).map(|_| one(choices)).collect()
}

/// A text without NUL, which no manifest can hold and no kernel can give.
fn text(choices: &mut Unstructured<'_>) -> Result<String> {
    let text: &str = choices.arbitrary()?;
    Ok(text.replace('\0', "0"))
}

fn four(rest: &mut &[u8]) -> u32 {
    take_u32(rest).unwrap()
}

fn eight(rest: &mut &[u8]) -> u64 {
    take_u64(rest).unwrap()
}

/// As the kernel reads one: up to the NUL, which is the record's last byte.
fn path(rest: &mut &[u8]) -> String {
    let (last, text) = rest.split_last().unwrap();
    assert!(*last == 0 && !text.contains(&0));
    *rest = &[];
    String::from_utf8(text.to_vec()).unwrap()
}

fn instructions(rest: &mut &[u8]) -> Vec<u64> {
    let mut instructions = Vec::new();
    while let Some(instruction) = take_u64(rest) {
        instructions.push(instruction);
    }
    instructions
}

const RLIMITS: [(Rlimit, u32); 10] = [
    (Rlimit::Core, libc::RLIMIT_CORE),
    (Rlimit::Cpu, libc::RLIMIT_CPU),
    (Rlimit::Data, libc::RLIMIT_DATA),
    (Rlimit::LockedMemory, libc::RLIMIT_MEMLOCK),
    (Rlimit::MessageQueues, libc::RLIMIT_MSGQUEUE),
    (Rlimit::Nice, libc::RLIMIT_NICE),
    (Rlimit::OpenFiles, libc::RLIMIT_NOFILE),
    (Rlimit::Processes, libc::RLIMIT_NPROC),
    (Rlimit::RealTimePriority, libc::RLIMIT_RTPRIO),
    (Rlimit::Stack, libc::RLIMIT_STACK),
];

fn rlimit(number: u32) -> Rlimit {
    let known = RLIMITS.iter().find(|(_, other)| *other == number);
    known.unwrap().0
}
