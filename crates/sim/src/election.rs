// SPDX-License-Identifier: Apache-2.0

//! The election of a master: candidates in a queue, each there while its session stands.
//!
//! It plays what ZooKeeper is to the masters. Whose session has ended is out of the queue at once; when its process
//! learns of that is another matter.

use std::collections::VecDeque;
use std::time::Duration;

/// How long a session stands after the last word of its master.
pub const SESSION: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub struct Election {
    candidates: VecDeque<Candidate>,
    sessions: u64,
    /// Counts the leaders; each is named by its term.
    term: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub master: usize,
    pub session: u64,
}

/// Somebody was elected, or nobody is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub leader: Option<usize>,
    pub term: u64,
}

impl Election {
    /// A process joins at the end of the queue.
    pub fn join(&mut self, master: usize) -> (Candidate, Option<Change>) {
        self.sessions += 1;
        let candidate = Candidate { master, session: self.sessions };
        self.candidates.push_back(candidate);
        let first = self.candidates.len() == 1;
        (candidate, first.then(|| self.elect()))
    }

    /// A session is over.
    pub fn leave(&mut self, session: u64) -> Option<Change> {
        let led = self.candidates.front().is_some_and(|candidate| candidate.session == session);
        self.candidates.retain(|candidate| candidate.session != session);
        led.then(|| self.elect())
    }

    fn elect(&mut self) -> Change {
        self.term += 1;
        Change { leader: self.leader().map(|leader| leader.master), term: self.term }
    }

    pub fn leader(&self) -> Option<Candidate> {
        self.candidates.front().copied()
    }

    pub fn term(&self) -> u64 {
        self.term
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_session_leads() {
        let mut election = Election::default();
        let (first, change) = election.join(2);
        assert_eq!(change, Some(Change { leader: Some(2), term: 1 }));
        let (second, change) = election.join(0);
        assert_eq!(change, None);
        assert_eq!(election.leave(second.session), None);
        assert_eq!(election.leave(first.session), Some(Change { leader: None, term: 2 }));
    }
}
