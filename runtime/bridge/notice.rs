//! What is said about frames that did not pass. Each is counted, and each kind told at its first
//! time and then at each power of ten, since a line per frame would let a flood of frames become a
//! flood of notices.

use std::fmt;
use std::ops::Range;

use super::message::Key;
use brig_policies::strict::Unclear;
use brig_policies::{Incident, Kind, Party, RefusalCode, Refused, is_power_of_ten};

/// Whose frame it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client's.
    Client,
    /// The server's.
    Server,
}

/// Why a frame did not pass, or passed too late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It is no JSON-RPC message.
    NotMessage,
    /// It is longer than a message may be.
    TooLong {
        /// How long it was, without its line end.
        bytes: u64,
    },
    /// It nests deeper than a message may.
    TooDeep,
    /// Two readers could read two different messages in it; the key is where they would part.
    Ambiguous(Key),
    /// Two readers could read different things in what a rule had to read of it.
    Unclear(Unclear),
    /// The rules of the manifest refuse it.
    Refused(Refused),
    /// A tool of a list was taken out of it, since the lock does not have it like this. In what way
    /// it differs is told by itself.
    Withheld(Refused),
    /// It answers what the other side did not ask.
    Unasked,
    /// It answers what brig had already answered.
    Late,
    /// The request is one too many in flight.
    TooMany,
    /// The request was not answered in the time that it had.
    Overdue,
}

/// One thing that happened, and how often this kind has by now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whose frame it was.
    pub side: Side,
    /// What happened to the latest of them.
    pub what: What,
    /// How many of this side and kind there have been, this one included.
    pub count: u64,
}

/// How often each kind was seen in one session.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: [[u64; KINDS]; 2],
}

const KINDS: usize = OF_FRAMES + RefusalCode::ALL.len();

/// The kinds that are no refusals of the rules.
const OF_FRAMES: usize = 10;

impl Tally {
    /// Counts one.
    pub(crate) fn count(&mut self, side: Side, what: What) -> Notice {
        let side_index = match side {
            Side::Client => 0,
            Side::Server => 1,
        };
        let mut count = 1;
        if let Some(counted) = self.counts[side_index].get_mut(kind(&what)) {
            *counted = counted.saturating_add(1);
            count = *counted;
        }
        Notice { side, what, count }
    }
}

impl Notice {
    /// The bytes of the manifest that decided, where the rules did and something is written there.
    pub(crate) fn span(&self) -> Option<Range<usize>> {
        match &self.what {
            What::Refused(refused) | What::Withheld(refused) => refused.span(),
            What::NotMessage
            | What::TooLong { bytes: _ }
            | What::TooDeep
            | What::Ambiguous(_)
            | What::Unclear(_)
            | What::Unasked
            | What::Late
            | What::TooMany
            | What::Overdue => None,
        }
    }

    /// Whether it is told, and not counted alone.
    pub fn is_told(&self) -> bool {
        !matches!(self.what, What::Withheld(_)) && is_power_of_ten(self.count)
    }

    /// The same for the journal, with the line of the manifest that decided.
    pub(crate) fn incident(&self, line: Option<u32>) -> Incident {
        let (kind, about, why) = match &self.what {
            What::Refused(it) | What::Withheld(it) => {
                (Kind::Refused(it.code()), it.about(), it.reason().to_owned())
            }
            What::NotMessage => (Kind::NotMessage, "", self.words()),
            What::TooLong { bytes: _ } => (Kind::TooLong, "", self.words()),
            What::TooDeep => (Kind::TooDeep, "", self.words()),
            What::Ambiguous(_) => (Kind::Ambiguous, "", self.words()),
            What::Unclear(_) => (Kind::Unclear, "", self.words()),
            What::Unasked => (Kind::Unasked, "", self.words()),
            What::Late => (Kind::Late, "", self.words()),
            What::TooMany => (Kind::TooMany, "", self.words()),
            What::Overdue => (Kind::Overdue, "", self.words()),
        };
        let by = match self.side {
            Side::Client => Party::Client,
            Side::Server => Party::Server,
        };
        let about = about.to_owned();
        Incident {
            kind,
            by,
            about,
            why,
            line,
        }
    }

    fn words(&self) -> String {
        let once = Self {
            count: 1,
            ..self.clone()
        };
        once.to_string()
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Client => "client",
            Side::Server => "server",
        };
        match &self.what {
            What::NotMessage => write!(f, "the {side} wrote a line that is no JSON-RPC message"),
            What::TooLong { bytes } => write!(
                f,
                "the {side} wrote a message of {bytes} bytes, which is too long"
            ),
            What::TooDeep => write!(f, "the {side} wrote a message that nests too deep"),
            What::Ambiguous(key) => write!(
                f,
                "the {side} wrote a message with an ambiguous `{}`",
                key.name()
            ),
            What::Unclear(unclear) => write!(
                f,
                "the {side} wrote a message that rules cannot read for sure: {unclear}"
            ),
            What::Refused(refused) | What::Withheld(refused) => write!(
                f,
                "refused ({}): {}; `{}` would let it pass",
                refused.code().as_str(),
                refused.reason(),
                refused.key()
            ),
            What::Unasked => write!(f, "the {side} answered a request that was never made"),
            What::Late => write!(f, "the {side} answered a request after its time was up"),
            What::TooMany => write!(f, "the {side} has too many requests in flight"),
            What::Overdue => write!(f, "a request of the {side} was not answered in time"),
        }?;
        if self.count > 1 {
            write!(f, " ({} so far)", self.count)?;
        }
        Ok(())
    }
}

fn kind(what: &What) -> usize {
    match what {
        What::NotMessage => 0,
        What::TooLong { bytes: _ } => 1,
        What::TooDeep => 2,
        What::Ambiguous(_) => 3,
        What::Unasked => 4,
        What::Late => 5,
        What::TooMany => 6,
        What::Overdue => 7,
        What::Unclear(_) => 8,
        What::Withheld(_) => 9,
        What::Refused(refused) => OF_FRAMES + refused.code() as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_at_powers_of_ten() {
        let mut tally = Tally::default();
        let told: Vec<u64> = (0..12_000)
            .map(|_| tally.count(Side::Server, What::NotMessage))
            .filter(Notice::is_told)
            .map(|notice| notice.count)
            .collect();
        assert_eq!(told, [1, 10, 100, 1_000, 10_000]);
    }

    #[test]
    fn sides_and_kinds_are_counted_apart() {
        let mut tally = Tally::default();
        for side in [Side::Client, Side::Server] {
            for what in [
                What::Late,
                What::TooLong { bytes: 7 },
                What::Ambiguous(Key::Id),
            ] {
                assert_eq!(tally.count(side, what.clone()).count, 1, "{what:?}");
            }
        }
        let again = tally.count(Side::Client, What::TooLong { bytes: 8 });
        assert!(again.count == 2 && !again.is_told(), "{again:?}");
    }

    #[track_caller]
    fn check(side: Side, what: What, count: u64, want: &str) {
        assert_eq!(Notice { side, what, count }.to_string(), want);
    }

    #[test]
    fn a_notice_reads_as_a_sentence() {
        check(
            Side::Server,
            What::NotMessage,
            1,
            "the server wrote a line that is no JSON-RPC message",
        );
        check(
            Side::Client,
            What::Ambiguous(Key::Method),
            10,
            "the client wrote a message with an ambiguous `method` (10 so far)",
        );
    }
}
