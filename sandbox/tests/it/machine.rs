//! The machine that runs a seccomp filter, in the part that filters use (bpf(4), seccomp(2)). It is
//! written from the manual pages and not from what seccompiler emits.

/// What a filter decides on (seccomp(2), `struct seccomp_data`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) architecture: u32,
    pub(crate) number: u32,
    pub(crate) args: [u64; 6],
}

/// What a filter answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Allow,
    Error(u32),
    KillProcess,
    Notified,
}

/// `AUDIT_ARCH_*` of this build (linux/audit.h).
#[cfg(target_arch = "x86_64")]
pub(crate) const OWN: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
pub(crate) const OWN: u32 = 0xc000_00b7;

/// Runs a packed program.
#[track_caller]
pub(crate) fn run(program: &[u64], asked: &Asked) -> Answer {
    let mut accumulator = 0_u32;
    let mut at = 0_usize;
    // Jumps go forwards alone, so every instruction is passed at most once.
    loop {
        let instruction = *program.get(at).unwrap();
        let (code, k) = (low(instruction) & 0xffff, low(instruction >> 32));
        let jump = |taken: bool| {
            let by = instruction >> if taken { 16 } else { 24 };
            usize::try_from(by & 0xff).unwrap()
        };
        at += 1;
        match code {
            // BPF_LD | BPF_W | BPF_ABS
            0x20 => accumulator = word(asked, k),
            // BPF_ALU | BPF_AND | BPF_K
            0x54 => accumulator &= k,
            // BPF_JMP | BPF_JA
            0x05 => at += usize::try_from(k).unwrap(),
            // BPF_JMP | BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET | BPF_K
            0x15 => at += jump(accumulator == k),
            0x25 => at += jump(accumulator > k),
            0x35 => at += jump(accumulator >= k),
            0x45 => at += jump(accumulator & k != 0),
            // BPF_RET | BPF_K
            0x06 => return answer(k),
            code => panic!("instruction {code:#x} is none that filters use"),
        }
    }
}

fn low(wide: u64) -> u32 {
    u32::try_from(wide & 0xffff_ffff).unwrap()
}

/// A 32-bit word of `struct seccomp_data` on a little-endian host.
fn word(asked: &Asked, offset: u32) -> u32 {
    match offset {
        0 => asked.number,
        4 => asked.architecture,
        16..64 if offset.is_multiple_of(4) => {
            let arg = asked.args[usize::try_from((offset - 16) / 8).unwrap()];
            low(if offset.is_multiple_of(8) {
                arg
            } else {
                arg >> 32
            })
        }
        offset => panic!("no filter looks at offset {offset}"),
    }
}

fn answer(k: u32) -> Answer {
    match k & 0xffff_0000 {
        libc::SECCOMP_RET_ALLOW => Answer::Allow,
        libc::SECCOMP_RET_ERRNO => Answer::Error(k & 0xffff),
        libc::SECCOMP_RET_KILL_PROCESS => Answer::KillProcess,
        libc::SECCOMP_RET_USER_NOTIF => Answer::Notified,
        other => panic!("no filter answers {other:#x}"),
    }
}
