// SPDX-License-Identifier: Apache-2.0

//! Agents and frameworks that leave for good, with the tasks that end with them.

use std::sync::Arc;

use kaon_allocator::Claim;
use kaon_api::v1;
use kaon_api::v1::task_status::Reason;
use kaon_api::{internal, v1::TaskStatus};
use kaon_model::{AgentId, FrameworkId, TaskState};

use super::awaiting::Awaited;
use crate::effect::{Effect, ToPeer};
use crate::events;
use crate::master::{Master, TimerKey, Turn};
use crate::registry::Operation;
use crate::state::frameworks::Connection;
use crate::state::tasks::{Body, model_state, wire_state};
use crate::state::{AgentRow, Executor, ExecutorRow, FrameworkRow, Task, TaskRow};

/// Why an agent is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It said farewell.
    Unregistered,
    /// Another agent registered at its address.
    Replaced,
    /// Its machine is down for maintenance.
    MachineDown,
}

impl Cause {
    fn text(self) -> &'static str {
        match self {
            Cause::Unregistered => "the agent unregistered",
            Cause::Replaced => "a new agent registered at the same address",
            Cause::MachineDown => MACHINE_DOWN,
        }
    }
}

/// What the agents of a machine are told, and the frameworks of the tasks there.
pub(crate) const MACHINE_DOWN: &str = "Operator initiated 'Machine DOWN'";

impl Master {
    /// Writes down that an agent has left, unless something else is being written of it.
    pub(crate) fn remove_agent(&mut self, turn: &mut Turn, row: AgentRow, cause: Cause) {
        let agent = self.state.agent(row).id.clone();
        if self.awaiting.agents.insert(agent.clone()) {
            self.store(turn, &[Operation::RemoveAgent(agent.clone())], Awaited::Removal { agent, cause });
        }
    }

    /// It is durable: its tasks are lost, and everybody hears it.
    pub(crate) fn agent_removed(&mut self, turn: &mut Turn, agent: &AgentId, cause: Cause) {
        let Some(row) = self.state.agents.row(agent.as_str()) else { return };
        let counters = &mut self.state.tables.counters;
        counters.slave_removals += 1;
        match cause {
            Cause::Unregistered => counters.slave_removals_unregistered += 1,
            Cause::Replaced => counters.slave_removals_registered += 1,
            Cause::MachineDown => {}
        }
        let message = format!("Agent {} removed: {}", self.state.agent(row).hostname(), cause.text());
        self.withdraw_agent_offers(turn, row);
        for task in self.state.tasks.of_agent(row) {
            let status = self.status_of(task, TaskState::Lost, Reason::ReasonAgentRemoved, &message, turn);
            self.end_task_here(turn, task, status);
            self.forget_task(task, false);
        }
        self.drop_agent(turn, row);
        self.tell_everybody(turn, |_| events::agent_failure(agent));
        self.watch_agent_removed(turn, agent);
    }

    /// Takes an agent out of all tables. Its tasks and offers are gone before.
    pub(crate) fn drop_agent(&mut self, turn: &mut Turn, row: AgentRow) {
        for executor in self.state.executors.of_agent(row) {
            self.drop_executor(executor);
        }
        self.timers.cancel(&TimerKey::Ping(row));
        self.timers.cancel(&TimerKey::Reregister(row));
        self.pace.leave(&self.state.agent(row).id);
        self.forget_operations(row);
        let agent = self.state.remove_agent(row);
        self.strike_agent(&agent.id);
        self.forget_answers(turn, |of, _| *of == agent.id);
    }

    pub(crate) fn forget_recovered(&mut self, agent: &AgentId) -> bool {
        let known = self.recovered.contains_key(agent);
        if known {
            Arc::make_mut(&mut self.recovered).remove(agent);
        }
        known
    }

    /// A status that the master makes of one of its tasks.
    pub(crate) fn status_of(
        &self,
        row: TaskRow,
        state: TaskState,
        reason: Reason,
        message: &str,
        turn: &Turn,
    ) -> TaskStatus {
        status_of_body(&self.state.task(row).body, state, reason, message, turn)
    }

    /// The master itself ends a task: its framework is told, and its resources are free.
    ///
    /// What has ended already keeps its end. If its framework has not heard of that, it does so now: the agent that
    /// would have told it will not come back.
    pub(crate) fn end_task_here(&mut self, turn: &mut Turn, row: TaskRow, mut status: TaskStatus) {
        let task = self.state.task(row);
        let (framework, known) = (task.framework, task.state);
        if !known.is_terminal() {
            self.tell(turn, framework, events::update(status.clone()));
            self.change_task(turn, row, model_state(status.state), status);
        } else if task.ended_unheard() {
            status.state = wire_state(known);
            self.tell(turn, framework, events::update(status));
        }
    }

    /// A task comes to a state: its resources may become free, operators are told, and it is counted.
    pub(crate) fn change_task(
        &mut self,
        turn: &mut Turn,
        row: TaskRow,
        state: TaskState,
        status: TaskStatus,
    ) {
        let task = self.state.task(row);
        let held = task.holds_resources();
        let fresh = task.statuses.last().is_none_or(|last| last.state != status.state)
            || matches!(
                status.reason,
                Some(Reason::ReasonTaskCheckStatusUpdated | Reason::ReasonTaskHealthCheckStatusUpdated)
            );
        let (framework, body) = (task.framework, task.body.clone());
        if fresh {
            self.watch_task_updated(turn, &body.framework, &status, state);
        }
        if held && state.frees_resources() {
            self.state.tables.counters.count_end(&status);
            self.state.framework_mut(framework).counters.count_end(wire_state(state));
            self.release(&body.agent, &body.framework, &Claim::Task(body.id.clone()));
        }
        let task = self.state.task_mut(row);
        task.state = state;
        task.record(status);
    }

    /// Moves a task from the table into the history.
    pub(crate) fn forget_task(&mut self, row: TaskRow, unreachable: bool) {
        let Some(mut task) = self.state.remove_task(row) else { return };
        if task.holds_resources() {
            debug_assert!(false, "task {} is forgotten while it holds resources", task.body.id);
            self.release(&task.body.agent, &task.body.framework, &Claim::Task(task.body.id.clone()));
        }
        if unreachable {
            // The update that its agent sends again when it comes back is a new one to this master.
            task.told = None;
            self.state.tables.history.add_unreachable(task, self.config.max_unreachable_tasks_per_framework);
        } else {
            self.state.tables.history.add_completed(task, self.config.max_completed_tasks_per_framework);
        }
    }

    pub(crate) fn drop_executor(&mut self, row: ExecutorRow) -> Option<Executor> {
        let executor = self.state.remove_executor(row)?;
        let agent = self.state.agent(executor.agent).id.clone();
        let framework = self.state.framework(executor.framework).id.clone();
        self.release(&agent, &framework, &Claim::Executor(executor.id.clone()));
        Some(executor)
    }

    /// A framework is over: torn down, or not back in time.
    pub(crate) fn remove_framework(&mut self, turn: &mut Turn, row: FrameworkRow) {
        let id = self.state.framework(row).id.clone();
        let shutdown = internal::ShutdownFrameworkMessage {
            framework_id: v1::FrameworkID::from(id.as_str()),
            ..Default::default()
        };
        for agent in self.state.agents.rows() {
            turn.send(&self.state.agent(agent).pid, ToPeer::ShutdownFramework(shutdown.clone()));
        }
        self.discard_framework_offers(row);
        let message = format!("Framework {id} removed");
        for task in self.state.tasks.of_framework(row) {
            self.end_task_of_framework(turn, task, &message);
        }
        self.end_unreachable_tasks(turn, &id, &message);
        for executor in self.state.executors.of_framework(row) {
            self.drop_executor(executor);
        }
        self.adopt_operations(turn, &id);
        self.strike_framework(&id);
        self.forget_answers(turn, |_, by| *by == id);
        self.timers.cancel(&TimerKey::Failover(row));
        self.timers.cancel(&TimerKey::Heartbeat(row));
        if let Some(stream) = self.state.framework(row).stream() {
            turn.out.push(Effect::Close { stream });
        }
        self.watch_framework_removed(turn, row);
        let mut framework = self.state.remove_framework(row);
        // Mesos: shows to the end by which driver it came.
        framework.connection = Connection::Disconnected { driver: framework.driver().cloned() };
        self.state.tables.history.add_framework(
            framework,
            turn.now.wall,
            self.config.max_completed_frameworks,
        );
    }

    /// Operators hear of it; the framework, which is over, does not.
    fn end_task_of_framework(&mut self, turn: &mut Turn, row: TaskRow, message: &str) {
        let task: &Task = self.state.task(row);
        if !task.state.is_terminal() {
            let status =
                self.status_of(row, TaskState::Killed, Reason::ReasonFrameworkRemoved, message, turn);
            self.change_task(turn, row, TaskState::Killed, status);
        }
        self.forget_task(row, false);
    }

    /// As the others; they hold nothing any more.
    fn end_unreachable_tasks(&mut self, turn: &mut Turn, framework: &FrameworkId, message: &str) {
        for task in self.state.tables.history.take_all_unreachable(framework) {
            let (state, reason) = (TaskState::Killed, Reason::ReasonFrameworkRemoved);
            let status = status_of_body(&task.body, state, reason, message, turn);
            self.watch_task_updated(turn, framework, &status, state);
            self.complete_unreachable(&task, status);
        }
    }

    /// What becomes of a task that was unreachable is known.
    pub(crate) fn complete_unreachable(&mut self, task: &Task, status: TaskStatus) {
        let mut task = task.clone();
        task.state = model_state(status.state);
        task.record(status);
        self.state.tables.history.add_completed(task, self.config.max_completed_tasks_per_framework);
    }
}

fn status_of_body(body: &Body, state: TaskState, reason: Reason, message: &str, turn: &Turn) -> TaskStatus {
    let mut status = events::own_status(&body.id, Some(&body.agent), state, reason, message, turn.now.wall);
    status.executor_id = body.executor.as_ref().map(|id| v1::ExecutorID::from(id.as_str()));
    status
}
