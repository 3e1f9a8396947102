// SPDX-License-Identifier: Apache-2.0

//! StatusUpdateMessage: an agent tells what became of a task.

use kaon_api::internal::StatusUpdate;
use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_model::Uuid;

use crate::master::{Master, Turn};
use crate::state::tasks::{Told, model_state, told_by_agent};
use crate::state::{AgentRow, FrameworkRow};

impl Master {
    /// The framework is told first, whether the task is known here or not; then the books follow the newest state that
    /// the agent knows, which may be beyond the one in this update.
    pub(crate) fn status_update(&mut self, turn: &mut Turn, from: &Upid, update: StatusUpdate) {
        self.state.tables.counters.messages_status_update += 1;
        let agent = update.agent_id.as_ref().and_then(|id| self.state.agent_by_id(&id.value));
        let agent = agent.filter(|(_, agent)| agent.pid == *from).map(|(row, _)| row);
        let framework = self.state.frameworks.row(&update.framework_id.value);
        // Mesos: one that speaks for an agent that is gone, or of a framework that is over, is not answered.
        // Presence of a uuid is what asks for an acknowledgement, which can name none but a whole one.
        let uuid = update.uuid.as_deref().filter(|uuid| !uuid.is_empty()).map(Uuid::from_bytes).transpose();
        let (Some(agent), Some(framework), Ok(uuid)) = (agent, framework, uuid) else {
            self.state.tables.counters.invalid_status_updates += 1;
            return;
        };
        let latest = update.latest_state.unwrap_or(update.status.state);
        // Mesos: the executor that the wrapper names is told to the framework, but not kept with the task.
        let own_executor = update.status.executor_id.clone();
        let told_executor = update.executor_id.clone().or_else(|| own_executor.clone());
        let status = v1::TaskStatus { executor_id: own_executor, ..status_of(&update, uuid) };
        let told_status = v1::TaskStatus { executor_id: told_executor, ..status.clone() };
        self.forward_update(turn, framework, agent, &update, told_status);
        let task = self.state.tasks.row(framework, &status.task_id.value);
        if task.is_none() && told_by_agent(latest).is_some_and(|state| !state.is_terminal()) {
            self.doubt_list(agent, framework, &status.task_id.value);
        }
        let Some(row) = task.filter(|row| self.state.task(*row).agent == agent) else {
            self.state.tables.counters.invalid_status_updates += 1;
            return;
        };
        self.state.tables.counters.valid_status_updates += 1;
        let told = uuid.map(|uuid| Told { state: model_state(status.state), uuid: Some(uuid) });
        let was_connected = self.state.framework(framework).is_connected();
        let known = self.state.task(row).state;
        // What has ended stays ended: such an update only waits to be acknowledged.
        let next = told_by_agent(latest).filter(|_| !known.is_terminal()).unwrap_or(known);
        self.change_task(turn, row, next, status);
        // Only what was forwarded can be acknowledged.
        if was_connected && told.is_some() {
            self.state.task_mut(row).told = told;
        }
    }
}

impl Master {
    /// An agent tells of a task that it did not list when it was taken back: that list was long on its way, and the later
    /// ones were lost. Its resources are in use, so the agent is asked for its list again, with the next ping.
    ///
    /// Mesos: does not look into it, and offers those resources to others.
    fn doubt_list(&mut self, agent: AgentRow, framework: FrameworkRow, task: &str) {
        if self.state.agents.is_doubted(agent) {
            return;
        }
        let ended = self.state.tables.history.ended_ids(&self.state.framework(framework).id);
        if !ended.contains(task) {
            self.state.agents.doubt(agent);
        }
    }
}

/// The status with what the wrapper knows.
fn status_of(update: &StatusUpdate, uuid: Option<Uuid>) -> v1::TaskStatus {
    let mut status = (*update.status).clone();
    status.agent_id = update.agent_id.clone();
    status.timestamp = Some(update.timestamp);
    status.uuid = uuid.map(Uuid::to_vec);
    status
}
