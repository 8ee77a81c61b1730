//! A traced program's filter beside its own: what waits for the tracer, and what the tracer
//! answers.

use crate::machine::{Answer, Asked, OWN, run};
use brig_policies::SyscallGroup;
use brig_sandbox::cell::Links;
use brig_sandbox::seccomp::Profile;
use brig_sandbox::trace::{Table, Verdict, own_calls, own_filter, traced_filter};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Beyond the last call that Linux has a number for today.
const NUMBERS: u32 = 480;
const REFUSED: Answer = Answer::Error(38);

fn every_profile() -> impl Iterator<Item = Profile> {
    let groups = (0..1_u32 << SyscallGroup::ALL.len()).map(|bits| {
        let all = SyscallGroup::ALL.iter().enumerate();
        let chosen = all.filter(move |(at, _)| bits & (1 << at) != 0);
        chosen.map(|(_, group)| *group).collect::<BTreeSet<_>>()
    });
    groups.flat_map(|groups| {
        [Links::Denied, Links::Allowed].map(|links| Profile::of_program(links, &groups))
    })
}

/// One call under both filters: nothing passes the one with a trace, by the filter or by the
/// tracer's answer, that does not pass the other.
#[track_caller]
fn check((own, traced, table): (&[u64], &[u64], &Table), number: u32, args: [u64; 6]) {
    let asked = Asked {
        architecture: OWN,
        number,
        args,
    };
    let with = match run(traced, &asked) {
        Answer::Notified => match table.verdict(number.into(), &args) {
            Verdict::Goes(reaches) => {
                assert!(!reaches.is_empty());
                Answer::Allow
            }
            Verdict::Refused => REFUSED,
        },
        answer @ (Answer::Allow | Answer::Error(_) | Answer::KillProcess) => answer,
    };
    assert_eq!(with, run(own, &asked), "{number} {args:x?}");
}

fn both(profile: &Profile) -> (Vec<u64>, Vec<u64>, Table) {
    let table = Table::of(profile.clone()).unwrap();
    (
        profile.compile().unwrap(),
        traced_filter(profile).unwrap(),
        table,
    )
}

#[test]
fn a_trace_opens_and_closes_no_call() {
    for profile in every_profile() {
        let (own, traced, table) = both(&profile);
        assert!(traced.len() < 4096, "the kernel takes no longer one");
        for number in (0..NUMBERS).flat_map(|number| [number, number | 1 << 30]) {
            for args in [[0; 6], [u64::MAX; 6], [1; 6], [0o4755; 6], [7; 6]] {
                check((&own, &traced, &table), number, args);
            }
        }
        for architecture in [0x4000_0003, 0x4000_0028, 0] {
            let asked = Asked {
                architecture,
                number: 2,
                args: [0; 6],
            };
            assert_eq!(run(&traced, &asked), Answer::KillProcess);
        }
    }
}

proptest! {
    #[test]
    fn no_arguments_tell_a_traced_program_from_another(
        number in 0..NUMBERS,
        args in prop::array::uniform6(prop_oneof![any::<u64>(), 0..0x1_0000_u64]),
        jit in any::<bool>(),
    ) {
        let groups = jit.then_some(SyscallGroup::Jit).into_iter().collect();
        let (own, traced, table) = both(&Profile::of_program(Links::Denied, &groups));
        check((&own, &traced, &table), number, args);
    }
}

/// What is told needs no `ENOSYS` of the filter's own: whatever is refused waits.
#[test]
fn everything_that_is_refused_is_told() {
    let (_, traced, _) = both(&Profile::of_program(Links::Denied, &BTreeSet::new()));
    for number in [
        libc::SYS_socket,
        libc::SYS_mount,
        libc::SYS_clone3,
        479,
        1 << 30,
    ] {
        let asked = Asked {
            architecture: OWN,
            number: u32::try_from(number).unwrap(),
            args: [0; 6],
        };
        assert_eq!(run(&traced, &asked), Answer::Notified, "{number}");
    }
}

#[test]
fn the_tracers_own_filter_kills_for_what_it_has_no_reason_for() {
    let filter = own_filter().unwrap();
    let ask = |number: i64, args| {
        let number = u32::try_from(number).unwrap();
        let asked = Asked {
            architecture: OWN,
            number,
            args,
        };
        run(&filter, &asked)
    };
    let named: BTreeSet<i64> = own_calls().map(|call| call.number).collect();
    assert!(own_calls().all(|call| call.reason.len() > 5));
    for number in 0..i64::from(NUMBERS) {
        if !named.contains(&number) {
            assert_eq!(ask(number, [0; 6]), Answer::KillProcess, "{number}");
        }
    }
    for never in [
        libc::SYS_openat,
        libc::SYS_execve,
        libc::SYS_clone,
        libc::SYS_socket,
        libc::SYS_ptrace,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_getfd,
        libc::SYS_kill,
        libc::SYS_unlinkat,
    ] {
        assert!(!named.contains(&never), "{never}");
    }
    let requests = |second| ask(libc::SYS_ioctl, [0, second, 0, 0, 0, 0]);
    assert_eq!(requests(0xc050_2100), Answer::Allow);
    // SECCOMP_IOCTL_NOTIF_ADDFD would put a descriptor into the server.
    assert_eq!(requests(0x4018_2103), Answer::KillProcess);
    let code = [0, 0, u64::from(libc::PROT_EXEC.unsigned_abs()), 0, 0, 0];
    assert_eq!(ask(libc::SYS_mmap, code), Answer::KillProcess);
    assert_eq!(ask(libc::SYS_mmap, [0, 0, 3, 0x22, 0, 0]), Answer::Allow);
}
