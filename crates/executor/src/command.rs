// SPDX-License-Identifier: Apache-2.0

//! The life of one task that is a process.

mod checks;

use std::time::Duration;

use kaon_api::v1;
use kaon_api::v1::task_status::Reason;
use kaon_model::{Mono, Now, TaskState, Wall};

use crate::check::{Outcome, Probe, Which};
use crate::checker::{Checker, Note};
use crate::deadline::Deadline;
use crate::spec::Spec;
use crate::wait_status;

const SIGTERM: i32 = 15;

/// What happened to the task, or is asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Its process runs.
    Launched,
    /// Its process never ran; the text is for people.
    LaunchFailed { message: String },
    /// Its process ended. `status` is what wait(2) said; none if nobody knows.
    Exited { status: Option<i32> },
    /// The framework wants it to end. `grace` is what the KILL asks for.
    Kill { grace: Option<Duration> },
    /// What the look of that number found.
    Checked { which: Which, number: u64, outcome: Outcome },
    /// The moment that `deadline` named has come.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The task has a new status, to be told to the framework.
    Report(Report, Attached),
    /// Looks at the task; exactly one `Input::Checked` of this number follows, unless it is called off.
    Look { which: Which, number: u64, probe: Probe, timeout: Option<Duration> },
    /// Nobody waits for this look any more.
    CallOff { which: Which, number: u64 },
    /// Sends a signal to all processes of the task.
    Signal(i32),
    /// Kills all processes of the task, launched or about to be.
    Destroy,
}

/// A status of the task.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub state: TaskState,
    pub reason: Option<Reason>,
    pub message: Option<String>,
}

/// What checks have told of a task, as its statuses carry it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attached {
    pub healthy: Option<bool>,
    pub check_status: Option<v1::CheckStatusInfo>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Launching,
    Running,
    Ended,
}

/// Why a task is being killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Somebody asked for it.
    Asked,
    /// It has run for its `max_completion_time`.
    Completion,
    /// It, or a member of its group, was not healthy for too long.
    Unhealthy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Killing {
    cause: Cause,
    /// When it began.
    since: Deadline,
    /// When SIGKILL follows; none once it was sent.
    escalate: Option<Deadline>,
}

/// The machine: from launch to the one terminal status.
///
/// Invariant: exactly one terminal report is made, and none after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    spec: Spec,
    phase: Phase,
    completion: Option<Deadline>,
    killing: Option<Killing>,
    check: Option<Checker>,
    health: Option<Checker>,
    /// What was told last.
    told: Attached,
}

/// What outlives the host, with times by the clock of the wall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// When the task has run for its `max_completion_time`.
    pub completion: Option<Wall>,
    pub killing: Option<KillNote>,
    pub check: Option<Note>,
    pub health: Option<Note>,
}

/// A kill that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KillNote {
    pub cause: Cause,
    pub since: Wall,
    /// The time of SIGKILL; none once that was sent.
    pub escalate: Option<Wall>,
}

impl Command {
    /// Begins the launch of the task's process, which the host carries out.
    pub fn new(spec: Spec, out: &mut Vec<Action>) -> Command {
        let mut command = Command::of(spec, Phase::Launching);
        command.report(TaskState::Starting, None, None, out);
        command
    }

    fn of(spec: Spec, phase: Phase) -> Command {
        let (completion, killing, check, health) = (None, None, None, None);
        Command { spec, phase, completion, killing, check, health, told: Attached::default() }
    }

    /// The machine of a task whose process was launched before the host ended. `told` is the status that was told
    /// last, if RUNNING has been told already.
    pub fn restore(
        spec: Spec,
        snapshot: Snapshot,
        told: Option<Attached>,
        now: Now,
        out: &mut Vec<Action>,
    ) -> Command {
        let phase = if told.is_some() { Phase::Running } else { Phase::Launching };
        let mut command = Command::of(spec, phase);
        command.told = told.unwrap_or_default();
        command.completion = snapshot.completion.map(|wall| Deadline::restore(now, wall));
        command.killing = snapshot.killing.map(|KillNote { cause, since, escalate }| Killing {
            cause,
            since: Deadline::past(now, since),
            escalate: escalate.map(|wall| Deadline::restore(now, wall)),
        });
        // The signal itself may have been lost with the host; a second one does no harm.
        match &command.killing {
            Some(Killing { escalate: Some(_), .. }) => out.push(Action::Signal(SIGTERM)),
            Some(Killing { escalate: None, .. }) => out.push(Action::Destroy),
            None if phase == Phase::Running => command.resume_checks(snapshot, now),
            None => {}
        }
        command
    }

    pub fn snapshot(&self) -> Snapshot {
        let killing = |killing: Killing| KillNote {
            cause: killing.cause,
            since: killing.since.wall,
            escalate: killing.escalate.map(|at| at.wall),
        };
        Snapshot {
            completion: self.completion.map(|deadline| deadline.wall),
            killing: self.killing.map(killing),
            check: self.check.as_ref().map(Checker::note),
            health: self.health.as_ref().map(Checker::note),
        }
    }

    /// When the next `Input::Tick` is due.
    pub fn deadline(&self) -> Option<Mono> {
        if self.has_ended() {
            return None;
        }
        let escalate = self.killing.and_then(|killing| killing.escalate);
        let own = [self.completion, escalate].into_iter().flatten().map(|deadline| deadline.mono);
        own.chain(self.checkers().filter_map(Checker::deadline)).min()
    }

    pub fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Whether its process is not known to have run.
    pub(crate) fn is_launching(&self) -> bool {
        self.phase == Phase::Launching
    }

    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Advances the machine. Nothing follows the terminal report.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Vec<Action>) {
        if self.has_ended() {
            return;
        }
        match input {
            Input::Launched => self.launched(now, out),
            Input::LaunchFailed { message } => self.launch_failed(message, out),
            Input::Exited { status } => self.exited(status, out),
            Input::Kill { grace } => {
                self.kill(now, Cause::Asked, grace.unwrap_or(self.spec.kill_grace), out);
            }
            Input::Checked { which, number, outcome } => self.checked(now, which, number, &outcome, out),
            Input::Tick => self.tick(now, out),
        }
    }

    /// Ends the task for that cause, with its own grace period.
    pub(crate) fn end_for(&mut self, now: Now, cause: Cause, out: &mut Vec<Action>) {
        if !self.has_ended() {
            self.kill(now, cause, self.spec.kill_grace, out);
        }
    }

    fn launched(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.phase != Phase::Launching {
            return;
        }
        // A kill that came first has destroyed the container: the framework hears only of the end.
        if self.killing.is_some() {
            return;
        }
        self.phase = Phase::Running;
        self.completion = self.spec.max_completion.map(|span| Deadline::after(now, span));
        self.report(TaskState::Running, None, None, out);
        self.begin_checks(now);
    }

    fn launch_failed(&mut self, message: String, out: &mut Vec<Action>) {
        if self.killing.is_some() {
            return self.killed_before_launch(out);
        }
        self.never_ran(TaskState::Failed, Reason::ReasonContainerLaunchFailed, message, out);
    }

    fn killed_before_launch(&mut self, out: &mut Vec<Action>) {
        let message = "Killed before delivery to the executor".to_string();
        self.never_ran(TaskState::Killed, Reason::ReasonTaskKilledDuringLaunch, message, out);
    }

    /// Mesos: what befalls a task before its executor has it carries nothing of checks.
    fn never_ran(&mut self, state: TaskState, reason: Reason, message: String, out: &mut Vec<Action>) {
        self.phase = Phase::Ended;
        let report = Report { state, reason: Some(reason), message: Some(message) };
        out.push(Action::Report(report, Attached::default()));
    }

    fn exited(&mut self, status: Option<i32>, out: &mut Vec<Action>) {
        if self.phase == Phase::Launching && self.killing.is_some() {
            return self.killed_before_launch(out);
        }
        self.stop_checks(out);
        let (by_itself, message) = match status {
            None => (TaskState::Failed, "Failed to get exit status for Command".to_string()),
            Some(status) => {
                let succeeded = wait_status::succeeded(status);
                let state = if succeeded { TaskState::Finished } else { TaskState::Failed };
                (state, format!("Command {}", wait_status::describe(status)))
            }
        };
        let (state, reason) = self.verdict(by_itself);
        self.phase = Phase::Ended;
        self.report(state, reason, Some(message), out);
    }

    /// Mesos: a task that is being killed counts as killed even when it exits with 0.
    fn verdict(&self, by_itself: TaskState) -> (TaskState, Option<Reason>) {
        match self.killing.map(|killing| killing.cause) {
            None => (by_itself, None),
            Some(Cause::Asked | Cause::Unhealthy) => (TaskState::Killed, None),
            Some(Cause::Completion) => (TaskState::Failed, Some(Reason::ReasonMaxCompletionTimeReached)),
        }
    }

    fn kill(&mut self, now: Now, cause: Cause, grace: Duration, out: &mut Vec<Action>) {
        if self.phase == Phase::Launching {
            if self.killing.is_none() {
                self.killing = Some(Killing { cause, since: Deadline::now(now), escalate: None });
                out.push(Action::Destroy);
            }
            return;
        }
        match &mut self.killing {
            // Mesos: a later kill can only shorten the time, which counts from the first.
            Some(Killing { since, escalate: Some(at), .. }) => {
                let wanted = Deadline { mono: since.mono + grace, wall: since.wall + grace };
                if wanted.mono < at.mono {
                    *at = wanted;
                }
            }
            Some(_) => {}
            None => self.begin_kill(now, cause, grace, out),
        }
    }

    fn begin_kill(&mut self, now: Now, cause: Cause, grace: Duration, out: &mut Vec<Action>) {
        self.completion = None;
        let since = Deadline::now(now);
        self.killing = Some(Killing { cause, since, escalate: Some(Deadline::after(now, grace)) });
        // Mesos: nobody hears that a task is killed which has had its time.
        if self.spec.tells_killing && cause != Cause::Completion {
            self.report(TaskState::Killing, None, None, out);
        }
        self.stop_checks(out);
        out.push(Action::Signal(SIGTERM));
    }

    fn tick(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.completion.is_some_and(|deadline| deadline.has_come(now)) {
            // Mesos: no grace for a task that has had its time.
            self.kill(now, Cause::Completion, Duration::ZERO, out);
        }
        if let Some(killing) = &mut self.killing
            && killing.escalate.is_some_and(|deadline| deadline.has_come(now))
        {
            killing.escalate = None;
            out.push(Action::Destroy);
        }
        self.look(now, out);
    }

    /// A status from scratch. Mesos: a task with a check always tells its status, which is empty here.
    fn report(
        &mut self,
        state: TaskState,
        reason: Option<Reason>,
        message: Option<String>,
        out: &mut Vec<Action>,
    ) {
        let unhealthy = self.phase == Phase::Ended
            && self.killing.is_some_and(|killing| killing.cause == Cause::Unhealthy);
        self.told = Attached {
            healthy: unhealthy.then_some(false),
            check_status: self.spec.check.as_ref().map(|check| check.probe.status(None)),
        };
        out.push(Action::Report(Report { state, reason, message }, self.told.clone()));
    }
}
