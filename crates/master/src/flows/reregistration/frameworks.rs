// SPDX-License-Identifier: Apache-2.0

//! The frameworks that agents bring when they come back.

use std::sync::Arc;

use kaon_api::{internal, v1};
use kaon_model::{FrameworkId, Resources, Role};

use crate::effect::ToPeer;
use crate::master::{Master, Turn};
use crate::state::frameworks::Connection;
use crate::state::tasks::{Body, model_state};
use crate::state::{AgentRow, Framework, FrameworkRow, Task};

impl Master {
    /// Frameworks that run on an agent but have not come to this master yet.
    pub(super) fn recover_frameworks(&mut self, turn: &mut Turn, infos: &[v1::FrameworkInfo]) {
        for info in infos {
            let id = info.id.as_ref().map(|id| id.value.as_str()).unwrap_or_default();
            if self.state.frameworks.row(id).is_some() || self.state.tables.history.is_completed(id) {
                continue;
            }
            let (id, now) = (FrameworkId::from(id), turn.now.wall);
            let framework = Framework::new(id, info.clone(), Connection::Recovered, now);
            let row = self.state.insert_framework(framework);
            self.enrol_framework(row);
            self.await_scheduler(turn, row);
            self.watch_framework_added(turn, row);
        }
    }

    /// Ended tasks of frameworks that still run; the rest of an agent's archive concerns nobody here.
    pub(super) fn take_archive(&mut self, archive: Vec<internal::archive::Framework>) {
        for old in archive {
            let id = old.framework_info.id.as_ref().map(|id| id.value.as_str()).unwrap_or_default();
            let Some((framework, found)) = self.state.framework_by_id(id) else { continue };
            let sole = found.sole_role().cloned().unwrap_or_else(Role::star);
            for mut task in old.tasks {
                let Ok(held) = Resources::from_wire(&task.resources) else { continue };
                let (state, statuses) =
                    (model_state(task.state), Arc::new(std::mem::take(&mut task.statuses)));
                let Some(agent) = self.state.agents.row(&task.agent_id.value) else { continue };
                let role = held.sole_allocation().cloned().unwrap_or_else(|| sole.clone());
                let body = Arc::new(Body::reported(task, role, Arc::new(held.unallocate())));
                let task = Task { framework, agent, body, state, told: None, statuses };
                let limit = self.config.max_completed_tasks_per_framework;
                self.state.tables.history.add_completed(task, limit);
            }
        }
    }

    /// The agent learns which of its frameworks are over, and how the others look now.
    pub(super) fn tell_agent_of_frameworks(
        &mut self,
        turn: &mut Turn,
        agent: AgentRow,
        infos: &[v1::FrameworkInfo],
    ) {
        let pid = self.state.agent(agent).pid.clone();
        let mut known = Vec::new();
        for id in infos.iter().filter_map(|info| info.id.as_ref()) {
            match self.state.frameworks.row(&id.value) {
                Some(row) => known.push(row),
                None if self.state.tables.history.is_completed(&id.value) => {
                    let shutdown =
                        internal::ShutdownFrameworkMessage { framework_id: id.clone(), ..Default::default() };
                    turn.send(&pid, ToPeer::ShutdownFramework(shutdown));
                }
                None => {}
            }
        }
        for row in known {
            turn.send(&pid, ToPeer::UpdateFramework(self.framework_update(row)));
        }
    }

    /// How agents are told of a framework's description.
    pub(crate) fn framework_update(&self, row: FrameworkRow) -> internal::UpdateFrameworkMessage {
        let framework = self.state.framework(row);
        internal::UpdateFrameworkMessage {
            framework_id: v1::FrameworkID::from(framework.id.as_str()),
            pid: Some(framework.pid_text()),
            framework_info: Some(Box::new((*framework.info).clone())),
            ..Default::default()
        }
    }
}
