//! The person at the terminal, if there is one.
//!
//! Standard input is the protocol's, so the answer comes from the terminal itself. It is there only
//! for a process in the foreground of it: a server that a client starts in the background must not
//! take what is typed for the client.

use crate::log::escape_whole;
use rustix::fs::{Mode, OFlags};
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, tcflush, tcgetattr, tcgetpgrp, tcsetattr,
};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use zeroize::Zeroizing;

/// The longest answer. Whoever types more does not answer the question.
const ANSWER_BYTES_MAX: usize = 64;

const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const BACKSPACE: u8 = 8;
const DELETE: u8 = 127;

/// The controlling terminal, with this process in its foreground.
#[derive(Debug)]
pub(crate) struct Terminal {
    file: File,
}

/// What the person said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// `y` or `yes`.
    Yes,
    /// Anything else, and nothing.
    No,
}

impl Terminal {
    /// The terminal; none where nobody could answer.
    pub(crate) fn open() -> Option<Self> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOCTTY;
        let file = rustix::fs::open("/dev/tty", flags, Mode::empty()).ok()?;
        let is_ours = tcgetpgrp(&file).ok()? == getpgrp();
        is_ours.then(|| Self {
            file: File::from(file),
        })
    }

    /// Shows a text whole, without asking anything.
    pub(crate) fn show(&mut self, text: &str) -> io::Result<()> {
        self.file.write_all(text.as_bytes())
    }

    /// Shows a text whole, asks, and waits for one line. What was typed before the question is no
    /// answer to it, and neither is what follows a text that could not be shown.
    pub(crate) fn ask(&mut self, text: &str, question: &str) -> Answer {
        let question = escape_whole(question.as_bytes());
        let asked = self
            .show(text)
            .and_then(|()| Ok(tcflush(&self.file, QueueSelector::IFlush)?))
            .and_then(|()| write!(self.file, "{question} [y/N] "));
        match asked.and_then(|()| self.line()) {
            Ok(line) if matches!(line.trim(), "y" | "Y" | "yes" | "Yes" | "YES") => Answer::Yes,
            Ok(_) | Err(_) => Answer::No,
        }
    }

    /// Asks for one line that is not shown; none where the person gave up (Ctrl-C, Ctrl-D) or typed
    /// nothing.
    pub(crate) fn ask_hidden(
        &mut self,
        question: &str,
        bytes_max: usize,
    ) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let shown = tcgetattr(&self.file)?;
        let mut hidden = shown.clone();
        // Ctrl-C would end brig while nothing is shown, and leave the terminal like that.
        hidden.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        write!(self.file, "{}", escape_whole(question.as_bytes()))?;
        tcsetattr(&self.file, OptionalActions::Flush, &hidden)?;
        let read = self.hidden_line(bytes_max);
        tcsetattr(&self.file, OptionalActions::Now, &shown)?;
        writeln!(self.file)?;
        read
    }

    fn hidden_line(&mut self, bytes_max: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let mut line = Zeroizing::new(Vec::with_capacity(bytes_max + 2));
        let mut byte = [0; 1];
        while self.file.read(&mut byte)? == 1 {
            match byte[0] {
                b'\r' | b'\n' => return Ok(Some(line).filter(|line| !line.is_empty())),
                CTRL_C | CTRL_D => break,
                BACKSPACE | DELETE => {
                    line.pop();
                }
                byte if line.len() <= bytes_max => line.push(byte),
                _ => {}
            }
        }
        Ok(None)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        let mut byte = [0; 1];
        while self.file.read(&mut byte)? == 1 && byte != *b"\n" {
            line.extend_from_slice(&byte);
            if line.len() > ANSWER_BYTES_MAX {
                return Ok(String::new());
            }
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }
}
