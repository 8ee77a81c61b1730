//! init: the first program inside a cell.
//!
//! It puts the server's walls on itself, reads each back, starts the server behind one more (its
//! seccomp filter), then waits, reaps, and passes SIGTERM on. When the warden's channel closes it
//! ends, and the kernel ends everything else in its pid namespace with it.
//!
//! It is static, has no dependency and no heap, opens nothing but the paths of its orders, and
//! believes nothing that the server does: after the start it reads from the warden alone.

#![no_std]
#![no_main]
#![no_builtins]

mod filter;
mod hook;
mod network;
mod readback;
mod report;
mod ruleset;
mod secret;
mod sys;
mod wire;

use core::sync::atomic::{AtomicI32, Ordering};
use readback::{check_ids, check_landlock, check_mount, check_privileges, set_rlimit, tie};
use ruleset::{add_port, add_rule, make_ruleset};
use wire::{CHANNEL_FD, ORDERS_BYTES_MAX, Records, answer, left_out, tag, take_u32, take_u64};

/// A wall that did not go up: the kind of answer, a number, and which.
struct Fault(u8, i32, &'static str);

const MAX_POINTERS: usize = 4096;
static mut ORDERS: [u8; ORDERS_BYTES_MAX] = [0; ORDERS_BYTES_MAX];
static mut POINTERS: [usize; MAX_POINTERS] = [0; MAX_POINTERS];

/// Whose child init is, and how it comes by its channel.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Born {
    /// The warden's, with the channel.
    OfWarden,
    /// An engine's, without one.
    OfEngine,
}

extern "C" fn init(stack: *const usize) -> ! {
    #[allow(unsafe_code, reason = "init has no heap: its two buffers are statics")]
    // SAFETY: init has one thread and takes each reference once, here; `_start` gives the stack as
    // the kernel left it.
    let (orders, pointers, argument) = unsafe {
        (
            &mut *core::ptr::addr_of_mut!(ORDERS),
            &mut *core::ptr::addr_of_mut!(POINTERS),
            sys::first_argument(stack),
        )
    };
    let born = match argument {
        wire::CONNECT => Born::OfEngine,
        wire::NETWORK => network::serve(orders),
        _ => Born::OfWarden,
    };
    match begin(orders, pointers, born) {
        Ok(running) => {
            let stop = stop_signal(orders);
            let outlives = hook::leaves_out(orders, left_out::DEATH_SIGNAL);
            // Secrets are among them, and init keeps none.
            sys::wipe(orders.get_mut(..running.length).unwrap_or_default());
            watch(running.server, running.signals, stop, outlives, born)
        }
        Err(Fault(kind, number, step)) => {
            tell(kind, number, step);
            sys::exit(1);
        }
    }
}

/// A server that runs.
struct Running {
    /// Its process.
    server: usize,
    /// Where ends of processes are told.
    signals: i32,
    /// Bytes of its orders.
    length: usize,
}

fn begin(orders: &mut [u8], pointers: &mut [usize], born: Born) -> Result<Running, Fault> {
    // Set again after the warden's exec, and before the first read: a warden that died in between
    // closes the channel, which that read sees. Of another parent any thread may end: then the
    // channel alone tells the warden's end.
    if born == Born::OfWarden {
        prctl(
            PR_SET_PDEATHSIG,
            SIGKILL,
            "ask for its parent's death signal",
        )?;
    }
    prctl(PR_SET_DUMPABLE, 0, "keep its memory to itself")?;
    let received = if born == Born::OfEngine {
        let socket = step("connect to the warden", sys::connect(wire::CHANNEL_PATH))?;
        sys::receive_streams(socket, orders)
    } else {
        sys::read(CHANNEL_FD, orders)
    };
    let length = step("read its orders", received)?;
    if length == 0 {
        sys::exit(0);
    }
    let orders = orders
        .get(..length)
        .ok_or(Fault(answer::FAILED, 0, "hold its orders"))?;
    hook::undo(orders);
    check_privileges(orders)?;
    walls(orders)?;
    report::tell(orders);
    let signals = step("watch for ends", sys::signal_descriptor(1 << (SIGCHLD - 1)))?;
    step("block signals", sys::block_signals(1 << (SIGCHLD - 1)))?;
    let signals = signals as i32;
    let server = start(orders, pointers, signals)?;
    Ok(Running {
        server,
        signals,
        length,
    })
}

fn walls(orders: &[u8]) -> Result<(), Fault> {
    let mut records = Records::new(orders);
    let mut ruleset = None;
    for (tag, mut payload) in records.by_ref() {
        let payload = &mut payload;
        match tag {
            tag::IDS => check_ids(payload)?,
            tag::MOUNT => check_mount(payload)?,
            tag::RLIMIT => set_rlimit(payload)?,
            tag::PROCESSORS => tie(payload)?,
            tag::RULESET => ruleset = Some(make_ruleset(payload)?),
            tag::RULE => add_rule(ruleset, payload)?,
            tag::PORT => add_port(ruleset, payload)?,
            // Before Landlock, under which nothing is made there any more.
            tag::SECRET_FILE => secret::make(payload)?,
            _ => {}
        }
    }
    if !records.is_done() {
        return Err(Fault(answer::FAILED, 0, "read its orders to their end"));
    }
    if let Some(ruleset) = ruleset {
        step("put Landlock on itself", sys::landlock_restrict(ruleset))?;
        sys::close(ruleset);
        check_landlock()?;
    }
    Ok(())
}

/// Starts the server, then gives up all that only the start needed.
fn start(orders: &[u8], pointers: &mut [usize], signals: i32) -> Result<usize, Fault> {
    let init = sys::own_id();
    let server = step("fork", sys::fork())?;
    if server == 0 {
        let Fault(kind, number, step) = become_server(orders, pointers, init);
        tell(kind, number, step);
        sys::exit(1);
    }
    // The server's streams are the server's: as long as init held them too, nobody would see the
    // end of one.
    for fd in (0..3).chain(CHANNEL_FD + 1..CHANNEL_FD + descriptors(orders) - 2) {
        if fd != signals {
            sys::close(fd);
        }
    }
    if let Some(filter) = find(orders, tag::FILTER_OF_INIT).filter(|f| !hook::is_left_out(f)) {
        step("put a filter on itself", sys::seccomp(filter))?;
    }
    tell(answer::STARTED, server as i32, "");
    Ok(server)
}

/// The child: returns only where the exec fails.
fn become_server(orders: &[u8], pointers: &mut [usize], init: usize) -> Fault {
    match prepare(orders, init) {
        Ok(()) => exec(orders, pointers),
        Err(fault) => fault,
    }
}

fn prepare(orders: &[u8], init: usize) -> Result<(), Fault> {
    let extra = descriptors(orders) - 3;
    // The channel moves out of the way and closes at the exec; the server's own descriptors follow
    // its streams.
    let channel = step(
        "move its channel",
        // No higher than needed: a server may be allowed few descriptors.
        sys::dup_above(CHANNEL_FD, descriptors(orders) + 1),
    )? as i32;
    for at in 0..extra {
        step(
            "place a descriptor",
            sys::dup_onto(CHANNEL_FD + 1 + at, CHANNEL_FD + at),
        )?;
    }
    // What still fails is told there.
    CHANNEL.store(channel, Ordering::Relaxed);
    let first = (CHANNEL_FD + extra) as u32;
    let channel = channel as u32;
    if hook::leaves_out(orders, left_out::CLOSING) {
        sys::close(CHANNEL_FD + extra);
    } else {
        step("close a range", sys::close_range(first, channel - 1))?;
        step("close a range", sys::close_range(channel + 1, HIGHEST))?;
    }
    // Where there is no pid namespace, this is what ends the server with init.
    if !hook::leaves_out(orders, left_out::DEATH_SIGNAL) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, "ask for init's death signal")?;
    }
    // An init that was killed before that sends no signal any more.
    if sys::parent_id() != init {
        sys::exit(1);
    }
    if !hook::leaves_out(orders, left_out::SESSION) {
        step("start a session", sys::new_session())?;
    }
    step("unblock signals", sys::block_signals(0))?;
    if let Some(folder) = find(orders, tag::DIRECTORY) {
        step("enter the server's working directory", sys::enter(folder))?;
    }
    filter::put_on(orders)
}

fn exec(orders: &[u8], pointers: &mut [usize]) -> Fault {
    let mut used = 0;
    let mut env_at = 0;
    for wanted in [tag::ARGUMENT, tag::VARIABLE] {
        env_at = used;
        for (_, text) in Records::new(orders).filter(|(tag, _)| *tag == wanted) {
            let Some(place) = pointers.get_mut(used).filter(|_| used + 2 < MAX_POINTERS) else {
                return Fault(answer::FAILED, 7, "hold so many arguments and variables");
            };
            *place = text.as_ptr() as usize;
            used += 1;
        }
        used += 1; // The null that ends the list: pointers start as zeros.
    }
    let (args, env) = pointers.split_at(env_at);
    let Some(program) = find(orders, tag::PROGRAM) else {
        return Fault(answer::FAILED, 0, "find the server's program");
    };
    #[allow(unsafe_code, reason = "exec takes pointers")]
    // SAFETY: the warden ends program, arguments and variables with a NUL, and both lists end with
    // the zeros that the buffer was made of.
    let result = unsafe { sys::exec(program, args, env) };
    Fault(answer::FAILED, number(result), "exec the server")
}

/// Waits for the server's end, the warden's word, or the warden's end.
fn watch(server: usize, signals: i32, stop: usize, outlives: bool, born: Born) -> ! {
    let mut buffer = [0u8; 128];
    let mut channel = CHANNEL_FD;
    loop {
        let [spoken, ended] = sys::wait_readable(channel, signals);
        if spoken {
            match sys::read(channel, &mut buffer) {
                // ppoll(2) passes over a negative number.
                Ok(0) if outlives => channel = -1,
                Ok(0) => sys::exit(0),
                Ok(_) if buffer[0] == wire::TERMINATE => sys::kill(server, stop),
                Ok(_) => {}
                Err(EINTR) => {}
                Err(_) => sys::exit(1),
            }
        }
        if ended {
            let _ = sys::read(signals, &mut buffer);
            while let Some((child, status)) = sys::reap() {
                if child == server {
                    tell(answer::ENDED, status, "");
                    // An engine takes the container apart as soon as init is gone, and with it what
                    // tells why the server ended.
                    while born == Born::OfEngine
                        && matches!(sys::read(channel, &mut buffer), Ok(1..))
                    {}
                    sys::exit(0);
                }
            }
        }
    }
}

fn descriptors(orders: &[u8]) -> i32 {
    let count = find(orders, tag::DESCRIPTORS).and_then(|mut payload| take_u32(&mut payload));
    count.map_or(3, |count| count.clamp(3, 16) as i32)
}

fn stop_signal(orders: &[u8]) -> usize {
    let told = find(orders, tag::STOP_SIGNAL).and_then(|mut payload| take_u32(&mut payload));
    told.map_or(SIGTERM, |signal| signal as usize)
}

fn find(orders: &[u8], wanted: u8) -> Option<&[u8]> {
    Records::new(orders)
        .find(|(tag, _)| *tag == wanted)
        .map(|(_, payload)| payload)
}

fn tell(kind: u8, number: i32, text: &str) {
    tell_on(CHANNEL.load(Ordering::Relaxed), kind, number, text);
}

fn tell_on(channel: i32, kind: u8, number: i32, text: &str) {
    let mut message = [0u8; 96];
    message[0] = kind;
    message[1..5].copy_from_slice(&number.to_le_bytes());
    let length = text.len().min(message.len() - 5);
    message[5..5 + length].copy_from_slice(&text.as_bytes()[..length]);
    let _ = sys::write(channel, &message[..5 + length]);
}

/// No descriptor is higher, and gVisor takes none that is no `int`.
const HIGHEST: u32 = i32::MAX as u32;

/// Where the channel is: the server's process moves it out of the way of the server's descriptors.
static CHANNEL: AtomicI32 = AtomicI32::new(CHANNEL_FD);

fn step(name: &'static str, result: sys::Result) -> Result<usize, Fault> {
    result.map_err(|errno| Fault(answer::FAILED, errno, name))
}

fn prctl(option: usize, value: usize, name: &'static str) -> Result<(), Fault> {
    step(name, sys::prctl(option, value, 0)).map(|_| ())
}

fn ordered<T>(value: Option<T>) -> Result<T, Fault> {
    value.ok_or(Fault(answer::FAILED, 0, "read its orders"))
}

fn number(result: sys::Result) -> i32 {
    match result {
        Ok(value) => value as i32,
        Err(errno) => errno,
    }
}

const PR_SET_PDEATHSIG: usize = 1;
const PR_GET_DUMPABLE: usize = 3;
const PR_SET_DUMPABLE: usize = 4;
const PR_CAPBSET_READ: usize = 23;
const PR_SET_NO_NEW_PRIVS: usize = 38;
const PR_GET_NO_NEW_PRIVS: usize = 39;
const SIGKILL: usize = 9;
const SIGTERM: usize = 15;
const SIGCHLD: usize = 17;
const EINTR: i32 = 4;
const EACCES: i32 = 13;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    tell(answer::FAILED, 0, "go on: init met a bug of its own");
    sys::exit(2)
}
