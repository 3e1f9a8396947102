// SPDX-License-Identifier: Apache-2.0

//! How an agent is emptied: from the order until nothing is left of what it ran.

use kaon_api::internal::StatusUpdate;
use kaon_api::v1;
use kaon_api::v1::framework_info::capability::Type as Capability;
use kaon_api::v1::task_status::Reason;
use kaon_model::{FrameworkId, TaskId};

use crate::agent::{Agent, Cx};
use crate::journal::facts;
use crate::state::{Executor, Key, Kind, Session, has_capability};

impl Agent {
    /// Kills everything, where the agent is to be emptied; what is being killed already can only end sooner by it.
    pub(crate) fn empty(&mut self, cx: &mut Cx) {
        if self.state.session == Session::Terminating {
            return;
        }
        let Some(drain) = &self.state.drain else { return };
        let most = drain.config.max_grace_period.clone();
        let frameworks = self.state.frameworks.values().filter(|framework| !framework.terminating);
        let executors: Vec<&Executor> = frameworks
            .flat_map(|framework| framework.executors.values())
            .map(|executor| &**executor)
            .collect();
        let tasks: Vec<_> = executors.iter().flat_map(|executor| killable(executor, most.as_ref())).collect();
        let executors: Vec<Key> = executors.iter().map(|executor| executor.key()).collect();
        for (framework, task, policy) in tasks {
            self.kill(cx, &framework, task, policy);
        }
        executors.iter().for_each(|key| self.end_if_drained(cx, key));
        self.finish_drain(cx);
    }

    /// Ends a framework's own executor that has no task left. Mesos: lets it run on, and takes no task as long as it
    /// does, even when the operator has taken the agent back.
    pub(crate) fn end_if_drained(&mut self, cx: &mut Cx, key: &Key) {
        let Some(executor) = self.state.executor(key).filter(|_| self.state.drain.is_some()) else { return };
        if executor.kind == Kind::Custom && executor.tasks.is_empty() && executor.queue.is_empty() {
            self.shutdown_executor(cx, key);
        }
    }

    /// The order is carried out when nothing is left, not even an end that waits for its acknowledgement.
    pub(crate) fn finish_drain(&mut self, cx: &mut Cx) {
        if self.state.drain.is_some() && self.is_empty() {
            self.state.drain = None;
            if let Some(agent) = self.state.id.clone() {
                self.record(cx, vec![facts::drained(&agent)], None);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state.frameworks.is_empty() && self.state.operations.is_empty()
    }

    /// Tells a framework why its task is killed, and whether the agent comes back.
    ///
    /// Mesos: whatever it was that the task is killed for. But where the agent is to be gone, it tells an aware framework
    /// that a task is over whose kill has only begun, and then the task has no grace at all.
    pub(crate) fn mark_drained(&self, update: &mut StatusUpdate) {
        let Some(drain) = &self.state.drain else { return };
        let status = &mut update.status;
        if !matches!(status.state, v1::TaskState::TaskKilling | v1::TaskState::TaskKilled) {
            return;
        }
        status.reason = Some(Reason::ReasonAgentDraining);
        let framework = self.state.frameworks.get(update.framework_id.value.as_str());
        let aware =
            framework.is_some_and(|framework| has_capability(&framework.info, Capability::PartitionAware));
        if status.state == v1::TaskState::TaskKilled && aware && drain.config.mark_gone() {
            status.state = v1::TaskState::TaskGoneByOperator;
        }
    }
}

/// The tasks of an executor that have not ended, each with the policy that it is to be killed by.
fn killable<'a>(
    executor: &'a Executor,
    most: Option<&'a v1::DurationInfo>,
) -> impl Iterator<Item = (FrameworkId, TaskId, Option<v1::KillPolicy>)> + 'a {
    let queued = executor.queue.iter().map(|queued| &queued.task);
    let tasks = executor.live_tasks().map(|(_, task)| task).chain(queued);
    tasks.map(move |task| {
        let own = task.kill_policy.as_ref().and_then(|policy| policy.grace_period.as_ref());
        let id = TaskId::from(task.task_id.value.as_str());
        (executor.framework.clone(), id, policy(own, most))
    })
}

/// Mesos: a task that says nothing of its grace has what the operator gives, even where that is more than it has else.
fn policy(own: Option<&v1::DurationInfo>, most: Option<&v1::DurationInfo>) -> Option<v1::KillPolicy> {
    let most = most.filter(|most| own.is_none_or(|own| most.nanoseconds < own.nanoseconds))?;
    Some(v1::KillPolicy { grace_period: Some(most.clone()), ..Default::default() })
}
