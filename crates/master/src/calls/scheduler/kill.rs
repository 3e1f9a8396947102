// SPDX-License-Identifier: Apache-2.0

//! KILL: a framework wants a task to end.

use kaon_api::v1::scheduler::call;
use kaon_api::{internal, v1};

use crate::effect::ToPeer;
use crate::master::{Master, Turn};
use crate::state::FrameworkRow;

impl Master {
    /// Killing changes nothing by itself: the task's end comes as an update.
    pub(super) fn kill(&mut self, turn: &mut Turn, row: FrameworkRow, call: call::Kill) {
        self.state.tables.counters.messages_kill_task += 1;
        let Some(at) = self.state.tasks.row(row, &call.task_id.value) else {
            // A framework that kills what is not there learns what became of it.
            self.reconcile_task(turn, row, &call.task_id, call.agent_id.as_ref());
            return;
        };
        let task = self.state.task(at);
        if call.agent_id.as_ref().is_some_and(|id| task.body.agent != id.value.as_str()) {
            return;
        }
        let (framework, id, agent) = (task.body.framework.clone(), task.body.id.clone(), task.agent);
        // The agent may be away without the master knowing.
        self.state.agents.remember_kill(agent, framework.clone(), id);
        let there = self.state.agent(agent);
        if there.connected {
            let kill = internal::KillTaskMessage {
                framework_id: v1::FrameworkID::from(framework.as_str()),
                task_id: call.task_id,
                kill_policy: call.kill_policy,
                ..Default::default()
            };
            turn.send(&there.pid, ToPeer::KillTask(kill));
        }
    }
}
