//! The one door to the kernel: any call with any arguments.

#![expect(unsafe_code, reason = "a system call is what no safe code can make")]

/// What the kernel answered, or its error number.
pub(super) type Answered = Result<usize, i32>;

/// Makes a system call. Where that makes another process, the child ends at once.
pub(super) fn call(number: i64, arguments: [usize; 6]) -> Answered {
    let [first, second, third, fourth, fifth, sixth] = arguments;
    // SAFETY: the kernel checks every pointer that it is given. What a call does to this process
    // (an unmapped page, a closed descriptor) is the attack, and this process is its victim.
    let answered = unsafe { libc::syscall(number, first, second, third, fourth, fifth, sixth) };
    if answered == 0 && PARENTS.contains(&number) {
        // SAFETY: this is the child, whose memory is a copy, and nothing of it runs again.
        unsafe { libc::_exit(0) };
    }
    if answered == -1 {
        let error = std::io::Error::last_os_error().raw_os_error();
        return Err(error.unwrap_or(libc::EIO));
    }
    Ok(usize::from_ne_bytes(answered.to_ne_bytes()))
}

/// Calls that return twice.
const PARENTS: &[i64] = &[libc::SYS_clone, libc::SYS_clone3];

/// Asks for this process's id by the door of 32-bit programs.
#[cfg(target_arch = "x86_64")]
#[expect(
    clippy::unnecessary_wraps,
    reason = "other architectures have no such door"
)]
pub(super) fn by_the_old_door() -> Option<u32> {
    const GETPID_OF_I386: u32 = 20;
    let mut answered = GETPID_OF_I386;
    // SAFETY: getpid(2) takes nothing and touches no memory. The door clobbers r8 to r11.
    unsafe {
        std::arch::asm!("int 0x80", inout("eax") answered, out("r8") _, out("r9") _,
            out("r10") _, out("r11") _);
    }
    Some(answered)
}

/// Only x86 has one.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn by_the_old_door() -> Option<u32> {
    None
}
