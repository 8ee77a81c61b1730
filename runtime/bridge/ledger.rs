//! Requests of one direction that wait for their answer, and the few that no longer do.

use std::collections::{HashMap, VecDeque};

use super::id::Id;

/// How many settled requests are remembered, so that their answers are not taken for forged ones.
/// Beyond it the oldest is forgotten and its answer counts as one to a request that was never made.
const SETTLED_MAX: usize = 1024;

/// What is known of an answer by its id.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answered<T> {
    /// It is the answer to this request, which is open no longer.
    Open(T),
    /// Its request was cancelled by who made it.
    Cancelled(T),
    /// brig has answered its request.
    Late,
    /// There was no such request.
    Unasked,
}

/// Why a request waits no longer though its answer has not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settled<T> {
    Cancelled(T),
    Late,
}

/// The requests of one direction.
#[derive(Debug)]
pub(crate) struct Ledger<T> {
    open: HashMap<Id, T>,
    settled: HashMap<Id, (Settled<T>, u64)>,
    /// The settled ids with the number of their settling, oldest first. Each in `settled` stands
    /// here; one that was answered or asked again since may still do so, under its old number.
    oldest: VecDeque<(Id, u64)>,
    settlings: u64,
}

impl<T> Ledger<T> {
    pub(crate) fn new() -> Self {
        Self {
            open: HashMap::new(),
            settled: HashMap::new(),
            oldest: VecDeque::new(),
            settlings: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn is_open(&self, id: &Id) -> bool {
        self.open.contains_key(id)
    }

    /// The id of the one open request, if there is exactly one.
    pub(crate) fn only(&self) -> Option<&Id> {
        if self.open.len() == 1 {
            self.open.keys().next()
        } else {
            None
        }
    }

    pub(crate) fn get_mut(&mut self, id: &Id) -> Option<&mut T> {
        self.open.get_mut(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Id, &T)> {
        self.open.iter()
    }

    /// Adds a request. Its id may be that of a settled one, whose answer is then no longer
    /// expected.
    pub(crate) fn ask(&mut self, id: Id, request: T) {
        if !self.settled.is_empty() {
            self.settled.remove(&id);
        }
        self.open.insert(id, request);
    }

    /// Takes the request that the answer is for.
    pub(crate) fn answer(&mut self, id: &Id) -> Answered<T> {
        if let Some(request) = self.open.remove(id) {
            return Answered::Open(request);
        }
        match self.settled.remove(id) {
            Some((Settled::Cancelled(request), _)) => Answered::Cancelled(request),
            Some((Settled::Late, _)) => Answered::Late,
            None => Answered::Unasked,
        }
    }

    /// The maker of a request cancels it; an answer that was under way may still come, and then
    /// meets what is left in the request.
    pub(crate) fn cancel(&mut self, id: &Id) -> Option<&mut T> {
        let (id, request) = self.open.remove_entry(id)?;
        self.settle(id.clone(), Settled::Cancelled(request));
        match self.settled.get_mut(&id) {
            Some((Settled::Cancelled(request), _)) => Some(request),
            Some((Settled::Late, _)) | None => None,
        }
    }

    /// Takes the request that brig answers in the peer's place.
    pub(crate) fn overtake(&mut self, id: &Id) -> Option<T> {
        let (id, request) = self.open.remove_entry(id)?;
        self.settle(id, Settled::Late);
        Some(request)
    }

    fn settle(&mut self, id: Id, why: Settled<T>) {
        if self.oldest.len() == SETTLED_MAX
            && let Some((forgotten, settling)) = self.oldest.pop_front()
            && self
                .settled
                .get(&forgotten)
                .is_some_and(|(_, latest)| *latest == settling)
        {
            self.settled.remove(&forgotten);
        }
        self.settlings += 1;
        self.oldest.push_back((id.clone(), self.settlings));
        self.settled.insert(id, (why, self.settlings));
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn id(number: usize) -> Id {
        Id::read(&number.to_string()).unwrap()
    }

    #[track_caller]
    fn check(ledger: &mut Ledger<()>, number: usize, want: &Answered<()>) {
        assert_eq!(ledger.answer(&id(number)), *want);
    }

    #[test]
    fn a_request_is_answered_once() {
        let mut ledger = Ledger::new();
        ledger.ask(id(1), ());
        check(&mut ledger, 1, &Answered::Open(()));
        check(&mut ledger, 1, &Answered::Unasked);
    }

    #[test]
    fn a_settled_request_is_known_until_its_answer() {
        let mut ledger = Ledger::new();
        ledger.ask(id(1), ());
        ledger.ask(id(2), ());
        assert_eq!(ledger.cancel(&id(1)), Some(&mut ()));
        assert_eq!(ledger.overtake(&id(2)), Some(()));
        assert_eq!(ledger.cancel(&id(2)), None);
        assert_eq!((ledger.overtake(&id(1)), ledger.len()), (None, 0));
        check(&mut ledger, 1, &Answered::Cancelled(()));
        check(&mut ledger, 1, &Answered::Unasked);
        check(&mut ledger, 2, &Answered::Late);
        check(&mut ledger, 2, &Answered::Unasked);
    }

    #[test]
    fn an_id_that_is_used_again_is_a_new_request() {
        let mut ledger = Ledger::new();
        ledger.ask(id(1), ());
        ledger.overtake(&id(1));
        ledger.ask(id(1), ());
        check(&mut ledger, 1, &Answered::Open(()));
        check(&mut ledger, 1, &Answered::Unasked);
    }

    #[test]
    fn the_oldest_settled_request_is_forgotten() {
        let mut ledger = Ledger::new();
        for number in 0..3 * SETTLED_MAX {
            ledger.ask(id(number), ());
            ledger.overtake(&id(number));
        }
        assert_eq!(
            (ledger.settled.len(), ledger.oldest.len()),
            (SETTLED_MAX, SETTLED_MAX)
        );
        check(&mut ledger, 2 * SETTLED_MAX - 1, &Answered::Unasked);
        check(&mut ledger, 2 * SETTLED_MAX, &Answered::Late);
    }

    #[test]
    fn forgetting_an_earlier_settling_keeps_the_later_one() {
        let mut ledger = Ledger::new();
        for number in [0, 0].into_iter().chain(1..SETTLED_MAX) {
            ledger.ask(id(number), ());
            ledger.overtake(&id(number));
        }
        check(&mut ledger, 0, &Answered::Late);
    }

    #[test]
    fn only_one_is_the_only_one() {
        let mut ledger = Ledger::new();
        assert_eq!(ledger.only(), None);
        ledger.ask(id(1), ());
        assert_eq!(ledger.only(), Some(&id(1)));
        ledger.ask(id(2), ());
        assert_eq!(ledger.only(), None);
    }
}
