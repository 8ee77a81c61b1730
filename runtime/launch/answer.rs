//! What comes back on init's channel, read with distrust: init's answers, and the error of a child
//! that never became init.
//!
//! *Nothing here has an effect*: bytes come in, and what they say goes out.

use crate::init_wire as wire;
use serde::{Deserialize, Serialize};
use std::io;

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

/// A step of the build that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BuildError {
    /// The step, as it reads after "cannot".
    pub(crate) step: String,
    /// The kernel's reason.
    pub(crate) reason: String,
    /// What to do about it, where it is known.
    pub(crate) help: Option<String>,
}

impl BuildError {
    pub(crate) fn at(step: &str, error: impl Into<io::Error>) -> Self {
        let error = error.into();
        Self {
            step: step.to_owned(),
            reason: error.to_string(),
            help: None,
        }
    }
}

/// Kind of the message by which the child that builds the cell gives up. It speaks on init's
/// channel before there is an init.
const UNBUILT: u8 = b'U';

/// The message for this error, for [`InitAnswer::read`].
pub(crate) fn unbuilt(error: &BuildError) -> Vec<u8> {
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
    /// The server's filter has a listener, which came along.
    Listening,
    /// The server runs.
    Started,
    /// The server ended.
    Ended(End),
    /// Nothing that init says.
    Unknown,
}

impl InitAnswer {
    /// Why there is no init, where that is what it says.
    pub(crate) fn unbuilt(self) -> Option<BuildError> {
        if let Self::Unbuilt(error) = self {
            Some(error)
        } else {
            None
        }
    }

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
            wire::answer::LISTENING => Self::Listening,
            wire::answer::STARTED => Self::Started,
            wire::answer::ENDED => Self::Ended(End::from_wait_status(number)),
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a test fails by panicking")]
    use super::*;

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
        check(b"L\0\0\0\0", &InitAnswer::Listening);
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
    }
}
