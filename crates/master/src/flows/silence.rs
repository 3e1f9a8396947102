// SPDX-License-Identifier: Apache-2.0

//! Agents that do not answer: pinged, counted, declared unreachable.

use std::time::Duration;

use kaon_api::v1::task_status::Reason;
use kaon_api::{internal, v1};
use kaon_model::{AgentId, Span, TaskState};

use super::awaiting::Awaited;
use super::pace::Lost;
use crate::effect::{Effect, ToPeer};
use crate::events;
use crate::master::{Master, TimerKey, Turn};
use crate::registry::Operation;
use crate::state::AgentRow;

/// An agent that is being declared unreachable.
#[derive(Debug)]
pub(crate) struct Silence {
    pub agent: AgentId,
    pub since: v1::TimeInfo,
    /// What frameworks are told.
    pub message: String,
}

impl Master {
    /// Sends the agent a ping, and sets when the next is due.
    pub(crate) fn ping(&mut self, turn: &mut Turn, row: AgentRow) {
        let interval = self.config.agent_ping_timeout;
        let spread = return_spread(self.state.tables.agents.len());
        let doubted = self.state.agents.is_doubted(row);
        let agent = self.state.agent_mut(row);
        agent.pulse.awaiting = true;
        let ping = internal::PingAgentMessage {
            // An agent that is told that it is not connected registers again, with all that it runs.
            connected: agent.connected && !doubted,
            kaon_return_spread_seconds: spread,
            ..Default::default()
        };
        turn.out.push(Effect::Send {
            to: agent.pid.clone(),
            from: format!("slave-observer({})", agent.pulse.observer),
            message: Box::new(ToPeer::Ping(ping)),
        });
        self.timers.set(TimerKey::Ping(row), turn.now.mono + interval);
    }

    /// The time for an answer is over. Pings go on whatever happens, so that a lost one does no harm.
    pub(crate) fn ping_due(&mut self, turn: &mut Turn, row: AgentRow) {
        let limit = self.config.max_agent_ping_timeouts;
        let agent = self.state.agent_mut(row);
        if agent.pulse.awaiting {
            agent.pulse.missed += 1;
        }
        let silent = agent.pulse.missed >= limit;
        self.ping(turn, row);
        if silent {
            let agent = self.state.agent(row).id.clone();
            self.lose_agent(turn, agent, Lost::Silent);
        }
    }

    /// Writes down that an agent cannot be reached, unless something else is being written of it.
    pub(crate) fn mark_id_unreachable(&mut self, turn: &mut Turn, agent: AgentId, message: String) -> bool {
        if !self.awaiting.agents.insert(agent.clone()) {
            return false;
        }
        self.pace.leave(&agent);
        let since = v1::TimeInfo { nanoseconds: turn.now.wall.nanos(), ..Default::default() };
        let operation = Operation::MarkUnreachable(agent.clone(), since.clone());
        self.store(turn, &[operation], Awaited::Silence(Silence { agent, since, message }));
        true
    }

    /// It is durable: the agent's tasks are unreachable, and everybody hears that the agent is lost.
    pub(crate) fn unreachable(&mut self, turn: &mut Turn, silence: Silence) {
        let counters = &mut self.state.tables.counters;
        counters.slave_unreachable_completed += 1;
        counters.slave_removals += 1;
        counters.slave_removals_unhealthy += 1;
        self.forget_recovered(&silence.agent);
        if let Some(row) = self.state.agents.row(silence.agent.as_str()) {
            self.withdraw_agent_offers(turn, row);
            let unreachable = v1::OperationState::OperationUnreachable;
            self.lose_operations(turn, row, Some((unreachable, "Agent was marked unreachable")));
            for task in self.state.tasks.of_agent(row) {
                self.task_unreachable(turn, task, &silence);
            }
            self.drop_agent(turn, row);
        }
        self.tell_everybody(turn, |_| events::agent_failure(&silence.agent));
        self.watch_agent_removed(turn, &silence.agent);
    }

    fn task_unreachable(&mut self, turn: &mut Turn, row: crate::state::TaskRow, silence: &Silence) {
        let task = self.state.task(row);
        let aware = self.state.framework(task.framework).is_partition_aware();
        let state = if aware { TaskState::Unreachable } else { TaskState::Lost };
        let (id, agent) = (&task.body.id, Some(&silence.agent));
        let mut status =
            events::own_status(id, agent, state, Reason::ReasonAgentRemoved, &silence.message, turn.now.wall);
        status.unreachable_time = Some(silence.since.clone());
        status.executor_id = task.body.executor.as_ref().map(|id| v1::ExecutorID::from(id.as_str()));
        if !task.state.is_terminal() {
            self.end_task_here(turn, row, status);
            return self.forget_task(row, true);
        }
        // It has ended. A framework that does not know hears what it can expect of the agent: the agent tells the end
        // itself, in order, should it come back.
        if task.ended_unheard() {
            self.tell(turn, task.framework, events::update(status));
        }
        self.forget_task(row, false);
    }

    /// A disconnected agent did not come back in time.
    pub(crate) fn reregister_overdue(&mut self, turn: &mut Turn, row: AgentRow) {
        let agent = self.state.agent(row).id.clone();
        self.lose_agent(turn, agent, Lost::Disconnected);
    }

    /// Whether so many agents are missing after a change of masters that rather this master is at fault. It ends then,
    /// before it has told any framework that its tasks are gone.
    fn too_many_missing(&self, turn: &mut Turn) -> bool {
        let (missing, limit) = (self.recovered.len(), self.config.recovery_agent_removal_limit);
        let share = missing as f64 / self.recovered_at_first.max(1) as f64;
        if share <= limit {
            return false;
        }
        let timeout = Span::from_std(self.config.agent_reregister_timeout);
        let ids: Vec<&str> = self.recovered.keys().take(MISSING_NAMED).map(AgentId::as_str).collect();
        let message = format!(
            "Post-recovery agent removal limit exceeded! After {timeout} there were {missing} ({}%) agents recovered \
             from the registry that did not reregister: \n{{ {} }}\n  The configured removal limit is {}%. Please investigate \
             or increase this limit to proceed further",
            share * 100.0,
            ids.join(", "),
            limit * 100.0
        );
        turn.out.push(Effect::Exit { code: 1, message });
        true
    }

    /// Agents that were admitted before this master led did not come back in time.
    pub(crate) fn recovered_overdue(&mut self, turn: &mut Turn) {
        if self.too_many_missing(turn) {
            return;
        }
        for agent in self.recovered.keys().cloned().collect::<Vec<_>>() {
            self.lose_agent(turn, agent, Lost::Recovered);
        }
        if !self.recovered.is_empty() {
            // One that was just coming back is looked at once more.
            self.timers.set(TimerKey::Recovered, turn.now.mono + LOOK_AGAIN);
        }
    }
}

/// Over how many seconds so many agents are to spread their return to the next master; none where it makes no difference.
fn return_spread(agents: usize) -> Option<f64> {
    (agents > RETURNS_PER_SECOND).then(|| agents as f64 / RETURNS_PER_SECOND as f64)
}

/// How many agents a master of ours takes back in a second without their waiting for each other.
const RETURNS_PER_SECOND: usize = 5_000;

/// Bound: agents named to an operator; more would not be read.
const MISSING_NAMED: usize = 100;

/// How soon a recovered agent is looked at again whose change was being written when its time was over.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_clusters_take_their_time_to_return() {
        assert_eq!((return_spread(0), return_spread(5_000)), (None, None));
        assert_eq!(return_spread(50_000), Some(10.0));
    }
}
