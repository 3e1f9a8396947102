// SPDX-License-Identifier: Apache-2.0

//! What updates mean for a task.

use std::time::Duration;

use kaon_sdk::v1::task_status::Reason;
use kaon_sdk::v1::{AgentID, TaskState, TaskStatus};

use super::{Action, Batch, Launched, Stage, parse_task_id, task_id};

/// Bound: how often a task that never came to run is launched again without counting it.
const MISFORTUNES_MAX: u32 = 100;
/// The pause after a launch that came to nothing, so that a cluster in trouble is not flooded.
const MISFORTUNE_PAUSE: Duration = Duration::from_secs(1);
/// Bound: the pause before a further attempt at a task that keeps failing.
const PAUSE_MAX_SECS: u64 = 10;

impl Batch {
    pub(super) fn update(&mut self, now: Duration, status: &TaskStatus, out: &mut Vec<Action>) {
        let Some((number, attempt)) = parse_task_id(&self.settings.id_prefix, &status.task_id) else {
            return;
        };
        let task = self.tasks.get_mut(&number).filter(|task| task.attempt == attempt);
        let Some(Stage::Launched(launched)) = task.map(|task| &mut task.stage) else {
            return kill_leftover(status, out);
        };
        launched.heard = now;
        let why = status.message.clone().unwrap_or_else(|| format!("{:?}", status.state));
        match status.state {
            TaskState::TaskStaging => launched.unreachable_since = None,
            TaskState::TaskStarting | TaskState::TaskRunning | TaskState::TaskKilling => {
                launched.unreachable_since = None;
                launched.confirmed = true;
            }
            TaskState::TaskUnreachable => _ = launched.unreachable_since.get_or_insert(now),
            TaskState::TaskFinished => self.collect(number, true, out),
            // Nothing but another command would help.
            TaskState::TaskError => self.fail_for_good(number, &why, false, out),
            TaskState::TaskFailed if is_of_agent(status) => self.lost(now, number, true, &why, out),
            // An operator empties the host.
            TaskState::TaskKilled if status.reason == Some(Reason::ReasonAgentDraining) => {
                self.lost(now, number, false, &why, out);
            }
            TaskState::TaskFailed | TaskState::TaskKilled => self.failed(now, number, &why, true, out),
            TaskState::TaskDropped => self.lost(now, number, false, &why, out),
            TaskState::TaskLost | TaskState::TaskUnknown => self.lost(now, number, true, &why, out),
            TaskState::TaskGone | TaskState::TaskGoneByOperator => self.lost(now, number, true, &why, out),
        }
    }

    /// Its output has been fetched, or cannot be.
    pub(super) fn collected(
        &mut self,
        now: Duration,
        number: u64,
        result: Result<(), String>,
        out: &mut Vec<Action>,
    ) {
        let Some(Stage::Collecting { succeeded, .. }) = self.tasks.get(&number).map(|task| &task.stage)
        else {
            return;
        };
        match (succeeded, result) {
            (true, Ok(())) => {
                self.tasks.remove(&number);
                self.tally.succeeded += 1;
            }
            (true, Err(why)) => {
                let why = format!("its output could not be fetched: {why}");
                self.failed(now, number, &why, false, out);
            }
            (false, Ok(())) => {
                self.tasks.remove(&number);
                self.tally.failed += 1;
            }
            (false, Err(_)) => self.drop_without_output(number, out),
        }
    }

    /// Puts back tasks whose launch was not sent.
    pub(super) fn return_to_queue(&mut self, now: Duration, numbers: &[u64]) {
        for number in
            numbers.iter().filter(|number| self.launched.contains(number)).copied().collect::<Vec<_>>()
        {
            self.enqueue(now, number, Duration::ZERO);
        }
    }

    fn collect(&mut self, number: u64, succeeded: bool, out: &mut Vec<Action>) {
        let Some(task) = self.tasks.get_mut(&number) else { return };
        let Stage::Launched(Launched { agent, host, .. }) = &task.stage else { return };
        let agent_id = AgentID::from(agent.as_str());
        out.push(Action::Collect {
            number,
            task_id: task_id(&self.settings.id_prefix, number, task.attempt),
            agent_id,
            succeeded,
        });
        task.stage = Stage::Collecting { succeeded, agent: agent.clone(), host: host.clone() };
        self.launched.remove(&number);
    }

    /// It is gone; that counts only if it had come to run, or was at least on an agent.
    fn lost(&mut self, now: Duration, number: u64, may_count: bool, why: &str, out: &mut Vec<Action>) {
        let Some(task) = self.tasks.get_mut(&number) else { return };
        let confirmed = matches!(&task.stage, Stage::Launched(launched) if launched.confirmed);
        if (confirmed && may_count) || task.misfortunes >= MISFORTUNES_MAX || self.interrupted.is_some() {
            return self.failed(now, number, why, false, out);
        }
        task.misfortunes += 1;
        self.enqueue(now, number, MISFORTUNE_PAUSE);
    }

    /// Tries again if that is allowed; `has_output` says whether there is something to fetch otherwise.
    pub(super) fn failed(
        &mut self,
        now: Duration,
        number: u64,
        why: &str,
        has_output: bool,
        out: &mut Vec<Action>,
    ) {
        if self.interrupted.is_some() {
            self.launched.remove(&number);
            self.tasks.remove(&number);
            self.tally.abandoned += 1;
            return;
        }
        let retries = self.settings.retries;
        let Some(task) = self.tasks.get_mut(&number) else { return };
        if task.failures >= retries {
            return self.fail_for_good(number, why, has_output, out);
        }
        task.failures += 1;
        let (agent, host) = task.stage.place();
        let failures = task.failures;
        out.push(Action::Say(format!(
            "task {number} failed{host}: {why}; trying again ({failures} of {retries})"
        )));
        if !task.failed_on.contains(&agent) {
            task.failed_on.push(agent);
        }
        self.tally.retried += 1;
        let pause = u64::from(failures - 1).min(PAUSE_MAX_SECS);
        self.enqueue(now, number, Duration::from_secs(pause));
    }

    fn fail_for_good(&mut self, number: u64, why: &str, has_output: bool, out: &mut Vec<Action>) {
        let Some(task) = self.tasks.get(&number) else { return };
        let (_, host) = task.stage.place();
        out.push(Action::Say(format!("task {number} failed{host}: {why}")));
        if has_output {
            self.collect(number, false, out);
        } else {
            self.drop_without_output(number, out);
        }
    }

    fn drop_without_output(&mut self, number: u64, out: &mut Vec<Action>) {
        self.launched.remove(&number);
        self.tasks.remove(&number);
        self.tally.failed += 1;
        out.push(Action::NoOutput { number });
    }

    fn enqueue(&mut self, now: Duration, number: u64, pause: Duration) {
        let Some(task) = self.tasks.get_mut(&number) else { return };
        let not_before = now + pause;
        task.stage = Stage::Ready { since: not_before, not_before };
        self.launched.remove(&number);
        self.ready.insert(number);
    }
}

impl Stage {
    /// The agent, and the host in words.
    fn place(&self) -> (String, String) {
        match self {
            Stage::Ready { .. } => (String::new(), String::new()),
            Stage::Launched(Launched { agent, host, .. }) | Stage::Collecting { agent, host, .. } => {
                (agent.clone(), format!(" on {host}"))
            }
        }
    }
}

/// Whether the agent, not the task, came to grief.
fn is_of_agent(status: &TaskStatus) -> bool {
    matches!(
        status.reason,
        Some(
            Reason::ReasonAgentRestarted
                | Reason::ReasonExecutorRegistrationTimeout
                | Reason::ReasonExecutorReregistrationTimeout
        )
    )
}

/// An attempt that was given up has come back to life.
fn kill_leftover(status: &TaskStatus, out: &mut Vec<Action>) {
    let alive =
        matches!(status.state, TaskState::TaskStaging | TaskState::TaskStarting | TaskState::TaskRunning);
    if let (true, Some(agent_id)) = (alive, &status.agent_id) {
        out.push(Action::Kill { task_id: status.task_id.clone(), agent_id: agent_id.clone() });
    }
}
