//! The listener's loop: each call that waits is looked at and answered.

use super::look::Found;
use super::report::Report;
use super::syscall::{self, Reply, Waiting};
use brig_sandbox::cell::Mount;
use brig_sandbox::egress::Inside;
use brig_sandbox::trace::{
    Lack, Reach, RefusedCall, Standing, Table, Verdict, Walls, Want, address, beyond, name_of,
};
use rustix::event::{PollFd, PollFlags};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::SyncSender;

/// The longest path that the kernel takes, with the NUL that ends it (path_resolution(7)).
const PATH_BYTES: usize = 4096;
/// `struct sockaddr_in6` (ipv6(7)), the longest address that is looked at.
const ADDRESS_BYTES: usize = 28;
/// Different things that are told apart in one run. Without a bound a server that thinks of ever
/// new names would take ever more memory; what comes after these is only counted.
pub(super) const SUBJECTS_MAX: usize = 4096;

/// What is told apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Path(String, Want),
    Address(String),
    Call(String, Option<String>),
}

/// All that is known of the calls so far.
pub(super) struct Listener<'o> {
    table: &'o Table,
    mounts: &'o [Mount],
    inside: Option<&'o Inside>,
    subjects: BTreeMap<Subject, u32>,
    counts: Vec<u64>,
    calls: u64,
    done_without: BTreeMap<String, u64>,
    untold: u64,
    unread: u64,
    to: SyncSender<Found>,
}

impl<'o> Listener<'o> {
    /// A listener that has heard nothing yet. The channel to whoever looks has room for
    /// [`SUBJECTS_MAX`] and the end.
    pub(super) fn new(
        table: &'o Table,
        (mounts, inside): (&'o [Mount], Option<&'o Inside>),
        to: SyncSender<Found>,
    ) -> Self {
        Self {
            table,
            mounts,
            inside,
            subjects: BTreeMap::new(),
            counts: Vec::new(),
            calls: 0,
            done_without: BTreeMap::new(),
            untold: 0,
            unread: 0,
            to,
        }
    }

    /// Answers calls until nobody is left who could make one, or the warden is gone.
    pub(super) fn run(mut self, listener: &OwnedFd, warden: &OwnedFd) {
        while waits(listener, warden) {
            match syscall::receive(listener.as_fd()) {
                Ok(waiting) => {
                    if self.answer(listener.as_fd(), &waiting).is_err() {
                        break;
                    }
                }
                // Whoever called was killed meanwhile.
                Err(error) if is_passing(&error) => {}
                Err(_) => break,
            }
        }
        let ended = Report::Ended {
            calls: self.calls,
            done_without: self.done_without.into_iter().collect(),
            untold: self.untold,
            unread: self.unread,
        };
        let counts = self.counts;
        // Nobody listens where the supervisor is gone.
        let _ = self.to.try_send(Found::End { counts, ended });
    }

    fn answer(&mut self, listener: BorrowedFd<'_>, waiting: &Waiting) -> io::Result<()> {
        self.calls = self.calls.saturating_add(1);
        match self.table.verdict(waiting.number, &waiting.arguments) {
            Verdict::Refused => {
                let call = self.table.refused(waiting.number, &waiting.arguments);
                syscall::answer(listener, waiting.id, Reply::Absent)?;
                self.refused(call);
            }
            Verdict::Goes(reaches) => {
                let named: Vec<Named> = reaches.iter().map(|it| named(waiting, *it)).collect();
                // A thread that is gone may have left its number to another.
                let is_theirs = syscall::still_waits(listener, waiting.id);
                syscall::answer(listener, waiting.id, Reply::Continue)?;
                if is_theirs {
                    for one in named {
                        self.named(waiting, one);
                    }
                }
            }
        }
        Ok(())
    }

    fn refused(&mut self, call: RefusedCall) {
        if call.lack == Lack::FallsBack {
            // There are so many names at most as there are calls.
            *self.done_without.entry(call.name).or_default() += 1;
            return;
        }
        let subject = Subject::Call(call.name.clone(), call.argument.clone());
        if let Some(id) = self.count(subject) {
            let _ = self.to.try_send(Found::Call { id, call });
        }
    }

    fn named(&mut self, waiting: &Waiting, named: Named) {
        match named {
            Named::Path(path, want) => self.path(waiting, path, want),
            Named::Address(to) => self.address(to),
            Named::Nothing => {}
            Named::Unread => self.unread = self.unread.saturating_add(1),
        }
    }

    fn address(&mut self, to: SocketAddr) {
        let Some(to) = self.inside.and_then(|inside| beyond(inside, to)) else {
            return;
        };
        if let Some(id) = self.count(Subject::Address(to.clone())) {
            let _ = self.to.try_send(Found::Address { id, to });
        }
    }

    fn path(&mut self, waiting: &Waiting, path: String, want: Want) {
        if Walls(self.mounts).standing(&path, want) == Standing::Own {
            return;
        }
        if let Some(id) = self.count(Subject::Path(path.clone(), want)) {
            let call = name_of(waiting.number).unwrap_or_default().to_owned();
            let _ = self.to.try_send(Found::Path {
                id,
                call,
                path,
                want,
                thread: waiting.thread,
            });
        }
    }

    /// Counts a subject, and gives the id of a new one.
    fn count(&mut self, subject: Subject) -> Option<u32> {
        if let Some(id) = self.subjects.get(&subject) {
            let count = self.counts.get_mut(usize::try_from(*id).ok()?)?;
            *count = count.saturating_add(1);
            return None;
        }
        if self.subjects.len() >= SUBJECTS_MAX {
            self.untold = self.untold.saturating_add(1);
            return None;
        }
        let id = u32::try_from(self.counts.len()).ok()?;
        self.subjects.insert(subject, id);
        self.counts.push(1);
        Some(id)
    }
}

/// Waits for a call. False: nobody can make one any more.
fn waits(listener: &OwnedFd, warden: &OwnedFd) -> bool {
    loop {
        let mut polled = [
            PollFd::new(listener, PollFlags::IN),
            PollFd::new(warden, PollFlags::IN),
        ];
        match rustix::event::poll(&mut polled, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return false,
        }
        let [call, end] = polled.map(|entry| entry.revents());
        if call.contains(PollFlags::IN) {
            return true;
        }
        // The warden says nothing more: what comes from it is its end.
        if !call.is_empty() || !end.is_empty() {
            return false;
        }
    }
}

/// Whether there may be a next call.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EINTR | libc::ENOENT | libc::EAGAIN)
    )
}

/// What a call names.
enum Named {
    /// A path from the cell's root, and what is wanted of it.
    Path(String, Want),
    /// Whom it connects to.
    Address(SocketAddr),
    /// A descriptor, or an address of no network.
    Nothing,
    /// It could not be read, or is no text.
    Unread,
}

fn named(waiting: &Waiting, reach: Reach) -> Named {
    let argument = |at: usize| waiting.arguments.get(at).copied().unwrap_or_default();
    if reach.is_address() {
        return connected(
            waiting.thread,
            argument(reach.path),
            argument(reach.path + 1),
        );
    }
    let folder = reach.folder.map(argument);
    let want = reach.want(&waiting.arguments);
    path(waiting.thread, argument(reach.path), folder, want)
}

fn connected(thread: u32, at: u64, length: u64) -> Named {
    let mut bytes = [0; ADDRESS_BYTES];
    let length = usize::try_from(length)
        .unwrap_or(ADDRESS_BYTES)
        .min(ADDRESS_BYTES);
    let read = bytes
        .get_mut(..length)
        .map(|into| syscall::read_memory(thread, at, into));
    match read {
        Some(Ok(read)) => {
            let found = bytes.get(..read).and_then(address);
            found.map_or(Named::Nothing, Named::Address)
        }
        Some(Err(_)) | None => Named::Unread,
    }
}

fn path(thread: u32, address: u64, folder: Option<u64>, want: Want) -> Named {
    if address == 0 {
        return Named::Nothing;
    }
    let mut bytes = [0; PATH_BYTES];
    let read = syscall::read_memory(thread, address, &mut bytes).unwrap_or(0);
    let bytes = bytes.get(..read).unwrap_or_default();
    let Some(end) = bytes.iter().position(|byte| *byte == 0) else {
        return Named::Unread;
    };
    let Some(text) = bytes.get(..end).and_then(|text| str::from_utf8(text).ok()) else {
        return Named::Unread;
    };
    if text.is_empty() {
        return Named::Nothing;
    }
    if text.starts_with('/') {
        return Named::Path(text.to_owned(), want);
    }
    match start(thread, folder) {
        Some(start) => Named::Path(format!("{start}/{text}"), want),
        None => Named::Unread,
    }
}

/// Where a path starts that is relative, as it lies in the cell: proc_pid_cwd(5) and
/// proc_pid_fd(5) tell it from the cell's root on.
fn start(thread: u32, folder: Option<u64>) -> Option<String> {
    // An `int`, of which the low half counts.
    let number = folder.map(|number| {
        let [a, b, c, d, ..] = number.to_le_bytes();
        i32::from_le_bytes([a, b, c, d])
    });
    let link = match number {
        None | Some(libc::AT_FDCWD) => format!("/proc/{thread}/cwd"),
        Some(number) => format!("/proc/{thread}/fd/{number}"),
    };
    let start = std::fs::read_link(link).ok()?.to_str()?.to_owned();
    start.starts_with('/').then_some(start)
}
