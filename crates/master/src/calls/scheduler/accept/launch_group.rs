// SPDX-License-Identifier: Apache-2.0

//! LAUNCH_GROUP: tasks under one executor, all of them or none.

use kaon_allocator::Refusal;
use kaon_api::v1::offer::operation::Type;
use kaon_api::v1::task_status::Reason;
use kaon_api::{internal, v1};
use kaon_model::{TaskState, format};

use super::Acceptance;
use super::launch::downgrade;
use crate::effect::ToPeer;
use crate::master::{Master, Turn};
use crate::validate::task_group::{self, GroupNeeds};

impl Master {
    pub(super) fn launch_group(
        &mut self,
        turn: &mut Turn,
        acceptance: &mut Acceptance,
        operation: v1::offer::operation::LaunchGroup,
        has_id: bool,
    ) {
        let (mut executor, mut group) = (operation.executor, operation.task_group);
        if group.tasks.is_empty() {
            // Nobody could be told, and an executor without tasks would never end.
            return;
        }
        let has_id = has_id.then(|| "The `id` field cannot be set on LAUNCH_GROUP operations".to_string());
        let result = match task_group::malformed(&group, &executor).or(has_id) {
            Some(text) => Err((Reason::ReasonTaskGroupInvalid, text)),
            None => match self.unauthorized_group(acceptance.framework, &group, &executor) {
                Some(text) => Err((Reason::ReasonTaskGroupUnauthorized, text)),
                None => {
                    let needs = task_group::launch_group(&mut group, &mut executor, &self.place(acceptance));
                    let started = needs.and_then(|needs| {
                        let started = self.start_group(turn, acceptance, &executor, &mut group, needs);
                        started.map_err(|refusal| refusal.to_string())
                    });
                    started.map_err(|text| (Reason::ReasonTaskGroupInvalid, text))
                }
            },
        };
        match result {
            Ok(launch_executor) => self.run_group(turn, acceptance, *executor, group, launch_executor),
            Err((reason, message)) => {
                for info in &group.tasks {
                    let row = acceptance.framework;
                    self.refuse_task(turn, row, info, TaskState::Error, reason, message.clone());
                }
            }
        }
    }

    /// Gives the group what it needs. Says whether the agent must start the executor.
    fn start_group(
        &mut self,
        turn: &mut Turn,
        acceptance: &mut Acceptance,
        executor: &v1::ExecutorInfo,
        group: &mut v1::TaskGroupInfo,
        needs: GroupNeeds,
    ) -> Result<bool, Refusal> {
        let launch_executor = needs.executor.is_some();
        if let Some(new) = needs.executor {
            self.start_executor(acceptance, new)?;
        }
        for (info, resources) in group.tasks.iter_mut().zip(needs.tasks) {
            // Mesos: the agent, as the books here, finds the executor of each task in the task.
            info.executor = Some(Box::new(executor.clone()));
            self.start_task(turn, acceptance, info, resources)?;
        }
        Ok(launch_executor)
    }

    fn run_group(
        &mut self,
        turn: &mut Turn,
        acceptance: &Acceptance,
        mut executor: v1::ExecutorInfo,
        mut group: v1::TaskGroupInfo,
        launch_executor: bool,
    ) {
        let framework = self.state.framework(acceptance.framework);
        let agent = self.state.agent(acceptance.agent);
        if !agent.capabilities.reservation_refinement() {
            group.tasks.iter_mut().for_each(downgrade);
            let _ = format::downgrade_all(&mut executor.resources);
        }
        let run = internal::RunTaskGroupMessage {
            framework: Box::new((*framework.info).clone()),
            executor: Box::new(executor),
            task_group: group,
            resource_version_uuids: self.resource_versions(acceptance),
            launch_executor: Some(launch_executor),
            ..Default::default()
        };
        turn.send(&agent.pid, ToPeer::RunTaskGroup(run));
        self.state.framework_mut(acceptance.framework).counters.count_operation(Type::LaunchGroup);
    }
}
