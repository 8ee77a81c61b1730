//! The calls that name a path or an address, and what each wants of what is there.

use super::low;
use Want::{Read, Run, Write};
use serde::{Deserialize, Serialize};

/// What a call wants of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Want {
    /// To see or read it.
    Read,
    /// To make, change or remove it.
    Write,
    /// To run it.
    Run,
}

/// One path or address that a call names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Which argument is the path or the address, from 0 on.
    pub path: usize,
    /// Which argument is the descriptor of the folder that it starts from; none where that is the
    /// working folder.
    pub folder: Option<usize>,
    wants: Wants,
}

/// What tells what a call wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wants {
    /// The call itself.
    This(Want),
    /// Flags of open(2), in this argument.
    Flags(usize),
    /// A mode of access(2), in this argument.
    Mode(usize),
    /// To connect to it: it is an address, and no path.
    Address,
}

impl Reach {
    /// Whether it is the address of a socket, and no path. Its length is the next argument.
    pub fn is_address(&self) -> bool {
        self.wants == Wants::Address
    }

    /// What it wants.
    pub fn want(&self, arguments: &[u64; 6]) -> Want {
        let low = |at: usize| low(arguments, at).cast_signed();
        match self.wants {
            Wants::This(want) => want,
            Wants::Flags(at) if low(at) & libc::O_PATH != 0 => Read,
            Wants::Flags(at) => {
                let is_reading = low(at) & libc::O_ACCMODE == libc::O_RDONLY;
                let makes = low(at) & (libc::O_CREAT | libc::O_TRUNC) != 0;
                if is_reading && !makes { Read } else { Write }
            }
            Wants::Mode(at) if low(at) & libc::W_OK != 0 => Write,
            Wants::Mode(at) if low(at) & libc::X_OK != 0 => Run,
            Wants::Mode(_) | Wants::Address => Read,
        }
    }
}

const fn at(path: usize, want: Want) -> Reach {
    Reach {
        path,
        folder: None,
        wants: Wants::This(want),
    }
}

/// A descriptor of a folder, and the path after it.
const fn below(folder: usize, want: Want) -> Reach {
    Reach {
        path: folder + 1,
        folder: Some(folder),
        wants: Wants::This(want),
    }
}

const fn opened(path: usize, folder: Option<usize>) -> Reach {
    Reach {
        path,
        folder,
        wants: Wants::Flags(path + 1),
    }
}

const fn asked(path: usize, folder: Option<usize>) -> Reach {
    Reach {
        path,
        folder,
        wants: Wants::Mode(path + 1),
    }
}

const CONNECTED: Reach = Reach {
    path: 1,
    folder: None,
    wants: Wants::Address,
};

/// What a call reaches for (its manual page in section 2); none for one that names no path.
pub(super) fn reaches(name: &str) -> Option<&'static [Reach]> {
    Some(match name {
        "open" => &const { [opened(0, None)] },
        "openat" => &const { [opened(1, Some(0))] },
        "access" => &const { [asked(0, None)] },
        "faccessat" | "faccessat2" => &const { [asked(1, Some(0))] },
        "connect" => &[CONNECTED],
        "execve" => &const { [at(0, Run)] },
        "stat" | "lstat" | "readlink" | "statfs" | "chdir" | "getxattr" | "lgetxattr"
        | "listxattr" | "llistxattr" => &const { [at(0, Read)] },
        "inotify_add_watch" => &const { [at(1, Read)] },
        "newfstatat" | "statx" | "readlinkat" => &const { [below(0, Read)] },
        "creat" | "mkdir" | "rmdir" | "unlink" | "truncate" | "chmod" | "chown" | "lchown"
        | "utime" | "utimes" => &const { [at(0, Write)] },
        "mkdirat" | "unlinkat" | "fchmodat" | "fchownat" | "utimensat" | "futimesat" => {
            &const { [below(0, Write)] }
        }
        "symlink" => &const { [at(1, Write)] },
        "symlinkat" => &const { [below(1, Write)] },
        "link" => &const { [at(0, Read), at(1, Write)] },
        "linkat" => &const { [below(0, Read), below(2, Write)] },
        "rename" => &const { [at(0, Write), at(1, Write)] },
        "renameat" | "renameat2" => &const { [below(0, Write), below(2, Write)] },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, arguments: &[(usize, i32)], wants: &[Want]) {
        let mut all = [0; 6];
        for (at, value) in arguments {
            all[*at] = u64::from(value.cast_unsigned());
        }
        let reaches = reaches(name).unwrap_or_default().iter();
        let found: Vec<Want> = reaches.map(|reach| reach.want(&all)).collect();
        assert_eq!(found, wants, "{name} {arguments:?}");
    }

    #[test]
    fn what_a_call_wants_is_told_by_its_flags() {
        check("open", &[(1, libc::O_RDONLY | libc::O_CLOEXEC)], &[Read]);
        check("openat", &[(2, libc::O_WRONLY)], &[Write]);
        check("openat", &[(2, libc::O_RDONLY | libc::O_CREAT)], &[Write]);
        check("openat", &[(2, libc::O_RDONLY | libc::O_TRUNC)], &[Write]);
        check("openat", &[(2, libc::O_PATH | libc::O_RDWR)], &[Read]);
        check("access", &[(1, libc::F_OK)], &[Read]);
        check("faccessat2", &[(2, libc::R_OK | libc::W_OK)], &[Write]);
        check("faccessat", &[(2, libc::X_OK)], &[Run]);
        check("execve", &[], &[Run]);
        check("linkat", &[], &[Read, Write]);
        check("renameat2", &[], &[Write, Write]);
        check("read", &[], &[]);
    }

    #[test]
    fn no_call_that_starts_from_a_folder_is_passed_over() {
        for call in crate::seccomp::calls() {
            let of_descriptor = ["fstat", "fstatfs"].contains(&call.name);
            if !of_descriptor && (call.name.ends_with("at") || call.name.contains("stat")) {
                assert!(reaches(call.name).is_some(), "{} names a path", call.name);
            }
        }
    }
}
