// SPDX-License-Identifier: Apache-2.0

//! The checks in the life of a task.

use kaon_api::v1::task_status::Reason;
use kaon_model::{Now, TaskState};

use super::{Action, Cause, Command, Report, Snapshot};
use crate::check::{Outcome, Which};
use crate::checker::{Checker, Verdict};

impl Command {
    pub(super) fn checkers(&self) -> impl Iterator<Item = &Checker> {
        self.check.iter().chain(&self.health)
    }

    fn checkers_mut(&mut self) -> impl Iterator<Item = (Which, &mut Checker)> {
        let check = self.check.iter_mut().map(|checker| (Which::Check, checker));
        check.chain(self.health.iter_mut().map(|checker| (Which::Health, checker)))
    }

    pub(super) fn begin_checks(&mut self, now: Now) {
        self.check = self.spec.check.clone().map(|spec| Checker::check(spec, now));
        self.health = self.spec.health.clone().map(|(spec, health)| Checker::health(spec, health, now));
    }

    pub(super) fn resume_checks(&mut self, snapshot: Snapshot, now: Now) {
        self.begin_checks(now);
        let told = self.told.check_status.clone();
        // One whose beginning was not recorded begins anew.
        self.check = self.check.take().map(|checker| match snapshot.check {
            Some(note) => checker.resume(note, told, now),
            None => checker,
        });
        self.health = self.health.take().map(|checker| match snapshot.health {
            Some(note) => checker.resume(note, None, now),
            None => checker,
        });
    }

    pub(super) fn stop_checks(&mut self, out: &mut Vec<Action>) {
        for (which, checker) in self.checkers_mut() {
            out.extend(checker.stop().map(|number| Action::CallOff { which, number }));
        }
        (self.check, self.health) = (None, None);
    }

    pub(super) fn look(&mut self, now: Now, out: &mut Vec<Action>) {
        for (which, checker) in self.checkers_mut() {
            if let Some(number) = checker.look(now) {
                let (probe, timeout) = (checker.spec().probe.clone(), checker.spec().timeout);
                out.push(Action::Look { which, number, probe, timeout });
            }
        }
    }

    pub(super) fn checked(
        &mut self,
        now: Now,
        which: Which,
        number: u64,
        outcome: &Outcome,
        out: &mut Vec<Action>,
    ) {
        let checker = match which {
            Which::Check => &mut self.check,
            Which::Health => &mut self.health,
        };
        let Some(verdict) = checker.as_mut().and_then(|checker| checker.found(now, number, outcome)) else {
            return;
        };
        // Mesos: what the last status carried is carried on.
        let (reason, fatal) = match verdict {
            Verdict::Changed(status) => {
                self.told.check_status = Some(status);
                (Reason::ReasonTaskCheckStatusUpdated, false)
            }
            Verdict::Healthy => {
                self.told.healthy = Some(true);
                (Reason::ReasonTaskHealthCheckStatusUpdated, false)
            }
            Verdict::Unhealthy { fatal } => {
                self.told.healthy = Some(false);
                (Reason::ReasonTaskHealthCheckStatusUpdated, fatal)
            }
        };
        let report = Report { state: TaskState::Running, reason: Some(reason), message: None };
        out.push(Action::Report(report, self.told.clone()));
        if fatal {
            self.kill(now, Cause::Unhealthy, self.spec.kill_grace, out);
        }
    }
}
