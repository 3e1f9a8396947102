// SPDX-License-Identifier: Apache-2.0

//! The life of one task that is a process.

use std::time::Duration;

use kaon_api::v1;
use kaon_api::v1::task_status::Reason;
use kaon_model::{Mono, Now, TaskState, Wall};

use crate::wait_status;

/// Mesos: the time between SIGTERM and SIGKILL where nobody asks for another.
pub const DEFAULT_KILL_GRACE: Duration = Duration::from_secs(3);

const SIGTERM: i32 = 15;

/// What a task asks of its executor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Between SIGTERM and SIGKILL.
    pub kill_grace: Duration,
    /// How long the task may run before it is killed and counts as failed.
    pub max_completion: Option<Duration>,
    /// Whether the framework wants to hear of TASK_KILLING.
    pub tells_killing: bool,
}

impl Spec {
    pub fn new(task: &v1::TaskInfo, framework: &v1::FrameworkInfo) -> Spec {
        Spec {
            kill_grace: grace_of(task.kill_policy.as_ref()).unwrap_or(DEFAULT_KILL_GRACE),
            max_completion: task.max_completion_time.as_ref().map(nanoseconds),
            tells_killing: framework.capabilities.iter().any(|capability| {
                capability.r#type == Some(v1::framework_info::capability::Type::TaskKillingState)
            }),
        }
    }
}

/// The grace period that a kill policy names.
pub fn grace_of(policy: Option<&v1::KillPolicy>) -> Option<Duration> {
    policy?.grace_period.as_ref().map(nanoseconds)
}

/// A span of the wire. A negative one, which the master refuses, counts as none at all.
pub fn nanoseconds(span: &v1::DurationInfo) -> Duration {
    Duration::from_nanos(u64::try_from(span.nanoseconds).unwrap_or(0))
}

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
    /// The moment that `deadline` named has come.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The task has a new status, to be told to the framework.
    Report(Report),
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

/// A moment on both clocks: one drives the timer, the other is what a record can keep over a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    mono: Mono,
    wall: Wall,
}

impl Deadline {
    fn after(now: Now, span: Duration) -> Deadline {
        Deadline { mono: now.mono + span, wall: now.wall + span }
    }

    fn restore(now: Now, wall: Wall) -> Deadline {
        let left = u64::try_from(wall.nanos().saturating_sub(now.wall.nanos())).unwrap_or(0);
        Deadline { mono: now.mono + Duration::from_nanos(left), wall }
    }
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Killing {
    cause: Cause,
    /// When SIGKILL follows; none once it was sent.
    escalate: Option<Deadline>,
}

/// The machine: from launch to the one terminal status.
///
/// Invariant: exactly one terminal report is made, and none after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    spec: Spec,
    phase: Phase,
    completion: Option<Deadline>,
    killing: Option<Killing>,
}

/// What outlives the host: the deadlines by the clock of the wall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// When the task has run for its `max_completion_time`.
    pub completion: Option<Wall>,
    /// Why it is being killed, with the time of SIGKILL; none once that was sent.
    pub killing: Option<(Cause, Option<Wall>)>,
}

impl Command {
    /// Begins the launch of the task's process, which the host carries out.
    pub fn new(spec: Spec, out: &mut Vec<Action>) -> Command {
        out.push(report(TaskState::Starting, None, None));
        Command { spec, phase: Phase::Launching, completion: None, killing: None }
    }

    /// The machine of a task whose process was launched before the host ended. `running` says whether RUNNING has
    /// been told already.
    pub fn restore(
        spec: Spec,
        snapshot: Snapshot,
        running: bool,
        now: Now,
        out: &mut Vec<Action>,
    ) -> Command {
        let killing = snapshot.killing.map(|(cause, escalate)| Killing {
            cause,
            escalate: escalate.map(|wall| Deadline::restore(now, wall)),
        });
        let completion = snapshot.completion.map(|wall| Deadline::restore(now, wall));
        let phase = if running { Phase::Running } else { Phase::Launching };
        // The signal itself may have been lost with the host; a second one does no harm.
        match &killing {
            Some(Killing { escalate: Some(_), .. }) => out.push(Action::Signal(SIGTERM)),
            Some(Killing { escalate: None, .. }) => out.push(Action::Destroy),
            None => {}
        }
        Command { spec, phase, completion, killing }
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            completion: self.completion.map(|deadline| deadline.wall),
            killing: self.killing.map(|killing| (killing.cause, killing.escalate.map(|at| at.wall))),
        }
    }

    /// When the next `Input::Tick` is due.
    pub fn deadline(&self) -> Option<Mono> {
        if self.has_ended() {
            return None;
        }
        let escalate = self.killing.and_then(|killing| killing.escalate);
        [self.completion, escalate].into_iter().flatten().map(|deadline| deadline.mono).min()
    }

    pub fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
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
            Input::Tick => self.tick(now, out),
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
        out.push(report(TaskState::Running, None, None));
    }

    fn launch_failed(&mut self, message: String, out: &mut Vec<Action>) {
        if self.killing.is_some() {
            return self.killed_before_launch(out);
        }
        self.end(TaskState::Failed, Some(Reason::ReasonContainerLaunchFailed), message, out);
    }

    fn exited(&mut self, status: Option<i32>, out: &mut Vec<Action>) {
        if self.phase == Phase::Launching && self.killing.is_some() {
            return self.killed_before_launch(out);
        }
        let Some(status) = status else {
            let (state, reason) = self.verdict(TaskState::Failed);
            return self.end(state, reason, "Failed to get exit status for Command".to_string(), out);
        };
        let by_itself = if wait_status::succeeded(status) { TaskState::Finished } else { TaskState::Failed };
        let (state, reason) = self.verdict(by_itself);
        self.end(state, reason, format!("Command {}", wait_status::describe(status)), out);
    }

    /// Mesos: a task that is being killed counts as killed even when it exits with 0.
    fn verdict(&self, by_itself: TaskState) -> (TaskState, Option<Reason>) {
        match self.killing.map(|killing| killing.cause) {
            None => (by_itself, None),
            Some(Cause::Asked) => (TaskState::Killed, None),
            Some(Cause::Completion) => (TaskState::Failed, Some(Reason::ReasonMaxCompletionTimeReached)),
        }
    }

    fn killed_before_launch(&mut self, out: &mut Vec<Action>) {
        let reason = Some(Reason::ReasonTaskKilledDuringLaunch);
        self.end(TaskState::Killed, reason, "Killed before delivery to the executor".to_string(), out);
    }

    fn end(&mut self, state: TaskState, reason: Option<Reason>, message: String, out: &mut Vec<Action>) {
        self.phase = Phase::Ended;
        out.push(report(state, reason, Some(message)));
    }

    fn kill(&mut self, now: Now, cause: Cause, grace: Duration, out: &mut Vec<Action>) {
        if self.phase == Phase::Launching {
            if self.killing.is_none() {
                self.killing = Some(Killing { cause, escalate: None });
                out.push(Action::Destroy);
            }
            return;
        }
        let wanted = Deadline::after(now, grace);
        match &mut self.killing {
            // Mesos: a later kill can only shorten the time that is left.
            Some(Killing { escalate: Some(at), .. }) if wanted.mono < at.mono => *at = wanted,
            Some(_) => {}
            None => {
                self.completion = None;
                self.killing = Some(Killing { cause, escalate: Some(wanted) });
                if self.spec.tells_killing {
                    out.push(report(TaskState::Killing, None, None));
                }
                out.push(Action::Signal(SIGTERM));
            }
        }
    }

    fn tick(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.completion.is_some_and(|deadline| deadline.mono <= now.mono) {
            // Mesos: no grace for a task that has had its time.
            self.kill(now, Cause::Completion, Duration::ZERO, out);
        }
        if let Some(killing) = &mut self.killing
            && killing.escalate.is_some_and(|deadline| deadline.mono <= now.mono)
        {
            killing.escalate = None;
            out.push(Action::Destroy);
        }
    }
}

fn report(state: TaskState, reason: Option<Reason>, message: Option<String>) -> Action {
    Action::Report(Report { state, reason, message })
}
