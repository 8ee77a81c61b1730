//! What init tells of the walls that it stands behind: everything is read anew, whatever was
//! ordered.

use super::readback::check_mount;
use super::wire::{CHANNEL_FD, Records, answer, found, tag, take_u32};
use super::{PR_CAPBSET_READ, PR_GET_DUMPABLE, PR_GET_NO_NEW_PRIVS, sys};

/// An answer as it grows.
struct Answer {
    bytes: [u8; 5 + 9 * found::PAIRS_MAX],
    used: usize,
}

impl Answer {
    fn put(&mut self, what: u8, value: u64) {
        if let Some(place) = self.bytes.get_mut(self.used..self.used + 9) {
            place[0] = what;
            place[1..].copy_from_slice(&value.to_le_bytes());
            self.used += 9;
        }
    }
}

/// Reads the walls and tells what they are.
pub(super) fn tell(orders: &[u8]) {
    let mut answer = Answer {
        bytes: [0; 5 + 9 * found::PAIRS_MAX],
        used: 5,
    };
    answer.bytes[0] = answer::READ;
    let [_, user, _, group] = sys::ids();
    answer.put(found::USER, user as u64);
    answer.put(found::GROUP, group as u64);
    answer.put(found::CAPABILITIES, sys::capabilities().unwrap_or(u64::MAX));
    let bounded = (0..64).filter(|one| sys::prctl(PR_CAPBSET_READ, *one, 0) == Ok(1));
    answer.put(found::BOUNDING, bounded.count() as u64);
    answer.put(
        found::NEW_PRIVILEGES,
        value(sys::prctl(PR_GET_NO_NEW_PRIVS, 0, 0)),
    );
    answer.put(found::DUMPABLE, value(sys::prctl(PR_GET_DUMPABLE, 0, 0)));
    answer.put(found::DEATH_SIGNAL, value(sys::death_signal()));
    answer.put(found::LISTING, listing());
    let mounts = Records::new(orders).filter(|(tag, _)| *tag == tag::MOUNT);
    let stand = mounts.filter(|(_, payload)| check_mount(&mut &payload[..]).is_ok());
    answer.put(found::SOURCES, stand.count() as u64);
    answer.put(
        found::PROCESSORS,
        sys::processor_count().map_or(0, u64::from),
    );
    if sys::parent_id() != 0 {
        answer.put(found::SIGNALLING, errno(sys::can_signal(sys::parent_id())));
    }
    for (_, mut payload) in Records::new(orders).filter(|(tag, _)| *tag == tag::RLIMIT) {
        if let Some(resource) = take_u32(&mut payload) {
            let [soft, hard] = sys::rlimit(resource).unwrap_or([u64::MAX, 0]);
            // Two that differ are no limit that was ordered.
            let limit = if soft == hard { soft } else { u64::MAX };
            answer.put(found::LIMIT + resource as u8, limit);
        }
    }
    let _ = sys::write(CHANNEL_FD, &answer.bytes[..answer.used]);
}

fn listing() -> u64 {
    let opened = sys::open_directory(b"/\0");
    if let Ok(fd) = opened {
        sys::close(fd as i32);
    }
    errno(opened)
}

fn errno(result: sys::Result) -> u64 {
    result.map_or_else(|errno| errno as u64, |_| 0)
}

fn value(result: sys::Result) -> u64 {
    result.map_or(u64::MAX, |value| value as u64)
}
