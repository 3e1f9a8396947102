// SPDX-License-Identifier: Apache-2.0

//! MARK_AGENT_GONE: an operator's word that an agent will never come back.

use kaon_api::v1;
use kaon_api::v1::master::call;
use kaon_api::v1::task_status::Reason;
use kaon_model::{AgentId, TaskState};

use crate::effect::Reply;
use crate::events;
use crate::flows::awaiting::Awaited;
use crate::input::Ticket;
use crate::master::{Master, Turn};
use crate::registry::Operation;
use crate::rejection::Rejection;
use crate::state::TaskRow;

/// An agent that is being declared gone.
#[derive(Debug)]
pub(crate) struct Gone {
    pub agent: AgentId,
    /// None where its drain was to end so.
    pub ticket: Option<Ticket>,
}

impl Master {
    pub(super) fn mark_agent_gone(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        call: &call::MarkAgentGone,
    ) -> Result<Option<Reply>, Rejection> {
        let agent = AgentId::from(call.agent_id.value.as_str());
        let id = agent.as_str();
        if self.awaiting.agents.contains(&agent) {
            return Err(Rejection::Busy(format!("Agent '{id}' is in transition: try again")));
        }
        if self.registry.is_gone(id) {
            return Ok(Some(Reply::Ok));
        }
        if !self.registry.is_admitted(id) && self.registry.unreachable_since(id).is_none() {
            return Err(Rejection::NotFound(format!("Agent '{id}' not found")));
        }
        self.awaiting.agents.insert(agent.clone());
        let since = v1::TimeInfo { nanoseconds: turn.now.wall.nanos(), ..Default::default() };
        let operation = Operation::MarkGone(agent.clone(), since);
        self.store(turn, &[operation], Awaited::Gone(Gone { agent, ticket: Some(ticket) }));
        Ok(None)
    }

    /// It is durable: the agent ends, and its tasks are over.
    pub(crate) fn agent_gone(&mut self, turn: &mut Turn, gone: Gone) {
        let Gone { agent, ticket } = gone;
        self.forget_recovered(&agent);
        if let Some(row) = self.state.agents.row(agent.as_str()) {
            let pid = self.state.agent(row).pid.clone();
            self.shut_down(turn, &pid, "Agent has been marked gone");
            self.withdraw_agent_offers(turn, row);
            self.lose_operations(turn, row, Some((v1::OperationState::OperationGoneByOperator, MESSAGE)));
            for task in self.state.tasks.of_agent(row) {
                self.task_gone(turn, task);
            }
            self.drop_agent(turn, row);
            self.state.tables.counters.slave_removals += 1;
            self.tell_everybody(turn, |_| events::agent_failure(&agent));
            self.watch_agent_removed(turn, &agent);
        } else {
            self.unreachable_tasks_gone(turn, &agent);
        }
        if let Some(ticket) = ticket {
            turn.reply(ticket, Reply::Ok);
        }
    }

    /// M8.
    fn task_gone(&mut self, turn: &mut Turn, row: TaskRow) {
        let aware = self.state.framework(self.state.task(row).framework).is_partition_aware();
        let (state, reason) = gone_state(aware);
        let status = self.status_of(row, state, reason, MESSAGE, turn);
        self.end_task_here(turn, row, status);
        self.forget_task(row, false);
    }

    /// M9: tasks that were unreachable are known to be over now.
    fn unreachable_tasks_gone(&mut self, turn: &mut Turn, agent: &AgentId) {
        for row in self.state.frameworks.rows().collect::<Vec<_>>() {
            let framework = self.state.framework(row);
            let (id, (state, reason)) = (framework.id.clone(), gone_state(framework.is_partition_aware()));
            let past = self.state.tables.history.of(&id);
            let lost: Vec<_> = past.into_iter().flat_map(|past| past.unreachable()).cloned().collect();
            for task in lost.into_iter().filter(|task| task.body.agent == *agent) {
                let own = &task.body;
                let status = events::own_status(&own.id, Some(agent), state, reason, MESSAGE, turn.now.wall);
                self.tell(turn, row, events::update(status.clone()));
                self.complete_unreachable(&task, status);
            }
        }
        self.state.tables.history.forget_unreachable(agent);
    }
}

const MESSAGE: &str = "Agent has been marked gone";

/// Frameworks that know nothing of partitions are told what they understand.
fn gone_state(aware: bool) -> (TaskState, Reason) {
    if aware {
        (TaskState::GoneByOperator, Reason::ReasonAgentRemovedByOperator)
    } else {
        (TaskState::Lost, Reason::ReasonAgentRemoved)
    }
}
