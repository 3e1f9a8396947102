// SPDX-License-Identifier: Apache-2.0

//! Which machines of a rolling maintenance come next: a plain machine, told what is seen and asked what to do.
//!
//! Each machine is scheduled with an enforced window, goes down by itself, is worked on, comes up, and is done when its agent
//! is back. At most so many are out at once, and at most so many of one domain.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::machines::Key;

/// One machine that is to be maintained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    pub key: Key,
    pub name: String,
    /// The rack or zone that must not lose too many at once; none where it is in none.
    pub domain: Option<String>,
}

/// What the operator allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub at_a_time: usize,
    pub per_domain: Option<usize>,
    /// Machines that may fail before no other is begun.
    pub max_failures: usize,
    /// How long nothing is begun after a machine is back.
    pub pause: Duration,
    /// How long a machine may take to go down once its window has begun, and its agent to come back.
    pub patience: Duration,
    /// From the moment when frameworks are asked until the window begins, with the grace of tasks.
    pub notice: Duration,
}

/// How far a machine has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Waiting,
    /// Its window is planned, or enforced.
    Leaving {
        since: Duration,
    },
    /// It is down, and the command runs.
    Working,
    /// It may come up.
    Returning {
        since: Duration,
    },
    Done,
    Failed,
}

/// What the cluster looks like. Times are counted from the start of this process.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub scheduled: BTreeSet<Key>,
    pub down: BTreeSet<Key>,
    /// Machines with an agent that takes part.
    pub active: BTreeSet<Key>,
}

/// What is to be done, by the number of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Schedule(usize),
    Work(usize),
    BringUp(usize),
    Done(usize),
    Failed(usize, String),
}

#[derive(Debug)]
pub struct Roll {
    hosts: Vec<Host>,
    stages: Vec<Stage>,
    limits: Limits,
    /// Before then nothing is begun.
    rest: Duration,
}

impl Roll {
    /// `stages` as they were left by an earlier process, one for each host.
    pub fn new(hosts: Vec<Host>, stages: Vec<Stage>, limits: Limits) -> Roll {
        debug_assert_eq!(hosts.len(), stages.len());
        Roll { hosts, stages, limits, rest: Duration::ZERO }
    }

    /// What an earlier process may have left undone: it wrote down what it was about to do.
    pub fn resume(&mut self, seen: &Seen, out: &mut Vec<Action>) {
        for at in 0..self.hosts.len() {
            let key = &self.hosts[at].key;
            let (scheduled, down) = (seen.scheduled.contains(key), seen.down.contains(key));
            match self.stages[at] {
                Stage::Leaving { .. } if !scheduled && !down => self.stages[at] = Stage::Waiting,
                Stage::Returning { .. } if down => out.push(Action::BringUp(at)),
                _ => {}
            }
        }
    }

    pub fn host(&self, at: usize) -> &Host {
        &self.hosts[at]
    }

    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    pub fn count(&self, stage: impl Fn(&Stage) -> bool) -> usize {
        self.stages.iter().filter(|own| stage(own)).count()
    }

    /// Whether nothing is left to be done, or nothing more may be begun.
    pub fn is_over(&self) -> bool {
        let waits = self.stages.contains(&Stage::Waiting) && !self.has_failed();
        !waits && self.count(is_out) == 0
    }

    /// Whether more machines have failed than may.
    pub fn has_failed(&self) -> bool {
        self.count(|stage| *stage == Stage::Failed) > self.limits.max_failures
    }

    /// The command for a machine has ended.
    pub fn worked(&mut self, now: Duration, at: usize, result: Result<(), String>, out: &mut Vec<Action>) {
        match result {
            Ok(()) => self.bring_up(now, at, out),
            Err(why) => self.fail(at, why, out),
        }
    }

    /// Advances by one look at the cluster.
    pub fn look(&mut self, now: Duration, seen: &Seen, works: bool, out: &mut Vec<Action>) {
        for at in 0..self.hosts.len() {
            match self.stages[at] {
                Stage::Leaving { since } => self.leaving(now, at, since, seen, works, out),
                Stage::Returning { since } => self.returning(now, at, since, seen, out),
                Stage::Waiting | Stage::Working | Stage::Done | Stage::Failed => {}
            }
        }
        while let Some(at) = self.next(now) {
            self.stages[at] = Stage::Leaving { since: now };
            out.push(Action::Schedule(at));
        }
    }

    fn leaving(
        &mut self,
        now: Duration,
        at: usize,
        since: Duration,
        seen: &Seen,
        works: bool,
        out: &mut Vec<Action>,
    ) {
        let key = &self.hosts[at].key;
        if seen.down.contains(key) {
            if works {
                self.stages[at] = Stage::Working;
                return out.push(Action::Work(at));
            }
            return self.bring_up(now, at, out);
        }
        if now.saturating_sub(since) > self.limits.notice + self.limits.patience {
            let why = if seen.scheduled.contains(key) {
                "it did not go down"
            } else {
                "it was taken off the schedule"
            };
            self.fail(at, why.to_owned(), out);
        }
    }

    fn returning(&mut self, now: Duration, at: usize, since: Duration, seen: &Seen, out: &mut Vec<Action>) {
        let key = &self.hosts[at].key;
        let is_free = !seen.down.contains(key) && !seen.scheduled.contains(key);
        if is_free && seen.active.contains(key) {
            self.stages[at] = Stage::Done;
            self.rest = now + self.limits.pause;
            return out.push(Action::Done(at));
        }
        if now.saturating_sub(since) > self.limits.patience {
            self.fail(at, "its agent did not come back".to_owned(), out);
        }
    }

    fn bring_up(&mut self, now: Duration, at: usize, out: &mut Vec<Action>) {
        self.stages[at] = Stage::Returning { since: now };
        out.push(Action::BringUp(at));
    }

    fn fail(&mut self, at: usize, why: String, out: &mut Vec<Action>) {
        self.stages[at] = Stage::Failed;
        out.push(Action::Failed(at, why));
    }

    /// The next machine that may be taken out.
    fn next(&self, now: Duration) -> Option<usize> {
        if self.has_failed() || now < self.rest || self.count(is_out) >= self.limits.at_a_time {
            return None;
        }
        let mut out: BTreeMap<&str, usize> = BTreeMap::new();
        for (host, stage) in self.hosts.iter().zip(&self.stages) {
            // One that failed is missing from its domain too.
            if let Some(domain) = host.domain.as_deref().filter(|_| is_out(stage) || *stage == Stage::Failed)
            {
                *out.entry(domain).or_default() += 1;
            }
        }
        let has_room = |host: &Host| match (self.limits.per_domain, &host.domain) {
            (Some(most), Some(domain)) => out.get(domain.as_str()).copied().unwrap_or_default() < most,
            _ => true,
        };
        (0..self.hosts.len()).find(|at| self.stages[*at] == Stage::Waiting && has_room(&self.hosts[*at]))
    }
}

fn is_out(stage: &Stage) -> bool {
    matches!(stage, Stage::Leaving { .. } | Stage::Working | Stage::Returning { .. })
}

#[cfg(test)]
mod tests;
