// SPDX-License-Identifier: Apache-2.0

//! The life of one check: when it looks, and what follows from what it found.

use kaon_api::v1;
use kaon_model::{Mono, Now, Wall};

use crate::check::{Health, Outcome, Spec};
use crate::deadline::Deadline;

/// What follows from what a look found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// The check's result is another than before.
    Changed(v1::CheckStatusInfo),
    /// The task has become healthy.
    Healthy,
    /// The task is not healthy; `fatal` says that it has been so for too long.
    Unhealthy { fatal: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beat {
    Waiting(Mono),
    /// A look is under way.
    Looking,
    Stopped,
}

#[derive(Clone, Debug, PartialEq)]
enum Judge {
    Check { last: v1::CheckStatusInfo },
    Health { health: Health, grace: Deadline, seen_healthy: bool, failures: u32 },
}

/// The machine of a check.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checker {
    spec: Spec,
    judge: Judge,
    beat: Beat,
    first: Deadline,
    /// Counts the looks: one that was called off may still be answered.
    number: u64,
}

/// What outlives the host, with times by the clock of the wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// When the first look is due.
    pub first: Wall,
    /// Until when failures do not count.
    pub grace: Wall,
    /// Whether the task was healthy at least once.
    pub seen_healthy: bool,
    /// Failures in a row.
    pub failures: u32,
}

impl Checker {
    pub fn check(spec: Spec, now: Now) -> Checker {
        let last = spec.probe.status(None);
        Checker::new(spec, Judge::Check { last }, now)
    }

    pub fn health(spec: Spec, health: Health, now: Now) -> Checker {
        let grace = Deadline::after(now, health.grace);
        Checker::new(spec, Judge::Health { health, grace, seen_healthy: false, failures: 0 }, now)
    }

    fn new(spec: Spec, judge: Judge, now: Now) -> Checker {
        let first = Deadline::after(now, spec.delay);
        Checker { spec, judge, beat: Beat::Waiting(first.mono), first, number: 0 }
    }

    /// Goes on where a checker of an earlier host stopped. Mesos: a resumed check looks at once, unless its time has
    /// not come yet. `told` is the result that was told last.
    pub fn resume(mut self, note: Note, told: Option<v1::CheckStatusInfo>, now: Now) -> Checker {
        self.first = Deadline::restore(now, note.first);
        self.beat = Beat::Waiting(self.first.mono);
        match &mut self.judge {
            Judge::Check { last } => told.into_iter().for_each(|told| *last = told),
            Judge::Health { grace, seen_healthy, failures, .. } => {
                *grace = Deadline::restore(now, note.grace);
                (*seen_healthy, *failures) = (note.seen_healthy, note.failures);
            }
        }
        self
    }

    pub fn note(&self) -> Note {
        let first = self.first.wall;
        match self.judge {
            Judge::Check { .. } => Note { first, grace: first, seen_healthy: false, failures: 0 },
            Judge::Health { grace, seen_healthy, failures, .. } => {
                Note { first, grace: grace.wall, seen_healthy, failures }
            }
        }
    }

    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// When it is to look.
    pub fn deadline(&self) -> Option<Mono> {
        match self.beat {
            Beat::Waiting(at) => Some(at),
            Beat::Looking | Beat::Stopped => None,
        }
    }

    /// Begins a look whose time has come, and gives its number.
    pub fn look(&mut self, now: Now) -> Option<u64> {
        if self.deadline().is_none_or(|at| at > now.mono) {
            return None;
        }
        self.beat = Beat::Looking;
        self.number += 1;
        Some(self.number)
    }

    /// Looks no more. Gives the number of a look that is under way.
    pub fn stop(&mut self) -> Option<u64> {
        let looking = self.beat == Beat::Looking;
        self.beat = Beat::Stopped;
        looking.then_some(self.number)
    }

    /// Takes in what a look found.
    pub fn found(&mut self, now: Now, number: u64, outcome: &Outcome) -> Option<Verdict> {
        if self.beat != Beat::Looking || number != self.number {
            return None;
        }
        self.beat = Beat::Waiting(now.mono + self.spec.interval);
        match &mut self.judge {
            Judge::Check { last } => {
                let status = self.spec.probe.status(Some(outcome));
                if status == *last {
                    return None;
                }
                last.clone_from(&status);
                Some(Verdict::Changed(status))
            }
            Judge::Health { seen_healthy, failures, .. } if outcome.is_healthy() => {
                // Mesos: told at first, and after failures.
                let news = !*seen_healthy || *failures > 0;
                (*seen_healthy, *failures) = (true, 0);
                news.then_some(Verdict::Healthy)
            }
            Judge::Health { health, grace, seen_healthy, failures } => {
                // Mesos: a task that has never been healthy is given time to become so.
                let in_grace = !*seen_healthy && !health.grace.is_zero() && now.mono <= grace.mono;
                if in_grace {
                    return None;
                }
                *failures = failures.saturating_add(1);
                Some(Verdict::Unhealthy { fatal: *failures >= health.failures })
            }
        }
    }
}
