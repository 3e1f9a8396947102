// SPDX-License-Identifier: Apache-2.0

//! LAUNCH: tasks, each valid or not by itself.

use std::sync::Arc;

use kaon_allocator::{Claim, Refusal};
use kaon_api::v1::offer::operation::Type;
use kaon_api::v1::task_status::Reason;
use kaon_api::{internal, v1};
use kaon_model::{Resources, TaskId, TaskState, format};

use super::Acceptance;
use crate::effect::ToPeer;
use crate::master::{Master, Turn};
use crate::state::tasks::Body;
use crate::state::{Executor, Task};
use crate::validate::task::{self, NewExecutor, Place};

impl Master {
    pub(super) fn launch(
        &mut self,
        turn: &mut Turn,
        acceptance: &mut Acceptance,
        launch: v1::offer::operation::Launch,
        has_id: bool,
    ) {
        let has_id = has_id.then(|| "The `id` field cannot be set on LAUNCH operations".to_string());
        let refused = launch.task_infos.iter().find_map(task::malformed).or(has_id);
        for mut info in launch.task_infos {
            let result = match &refused {
                Some(text) => Err((Reason::ReasonTaskInvalid, text.clone())),
                None => match self.unauthorized_task(acceptance.framework, &info) {
                    Some(text) => Err((Reason::ReasonTaskUnauthorized, text)),
                    None => self
                        .launch_one(turn, acceptance, &mut info)
                        .map_err(|text| (Reason::ReasonTaskInvalid, text)),
                },
            };
            match result {
                Ok(launch_executor) => self.run_task(turn, acceptance, info, launch_executor),
                Err((reason, message)) => {
                    let row = acceptance.framework;
                    self.refuse_task(turn, row, &info, TaskState::Error, reason, message);
                }
            }
        }
    }

    /// Checks one task, and gives it what it needs. Says whether the agent must start an executor for it.
    fn launch_one(
        &mut self,
        turn: &mut Turn,
        acceptance: &mut Acceptance,
        info: &mut v1::TaskInfo,
    ) -> Result<bool, String> {
        let needs = task::launch(info, &self.place(acceptance))?;
        let refused = |refusal: Refusal| refusal.to_string();
        if let Some(executor) = needs.executor {
            self.start_executor(acceptance, executor).map_err(refused)?;
        }
        self.start_task(turn, acceptance, info, needs.task).map_err(refused)?;
        Ok(needs.launch_executor)
    }

    pub(super) fn place<'a>(&'a self, acceptance: &'a Acceptance) -> Place<'a> {
        Place {
            state: &self.state,
            framework: acceptance.framework,
            agent: acceptance.agent,
            role: &acceptance.role,
            available: acceptance.holding.rest(),
        }
    }

    pub(super) fn start_executor(
        &mut self,
        acceptance: &mut Acceptance,
        new: NewExecutor,
    ) -> Result<(), Refusal> {
        let NewExecutor { id, info, resources } = new;
        self.allocator.take(&mut acceptance.holding, Claim::Executor(id.clone()), resources.clone())?;
        let (framework, agent, role) = (acceptance.framework, acceptance.agent, acceptance.role.clone());
        self.state.insert_executor(Executor { framework, agent, id, info, role, resources });
        Ok(())
    }

    pub(super) fn start_task(
        &mut self,
        turn: &mut Turn,
        acceptance: &mut Acceptance,
        info: &v1::TaskInfo,
        resources: Arc<Resources>,
    ) -> Result<(), Refusal> {
        let claim = Claim::Task(TaskId::from(info.task_id.value.as_str()));
        self.allocator.take(&mut acceptance.holding, claim, resources.clone())?;
        let framework = self.state.framework(acceptance.framework);
        let user = user_of(info);
        let body = Body::launched(info, &framework.id, user, acceptance.role.clone(), resources);
        let row = self.state.insert_task(Task {
            framework: acceptance.framework,
            agent: acceptance.agent,
            body: Arc::new(body),
            state: TaskState::Staging,
            told: None,
            statuses: Arc::default(),
        });
        self.watch_task_added(turn, row);
        Ok(())
    }

    fn run_task(
        &mut self,
        turn: &mut Turn,
        acceptance: &Acceptance,
        mut info: v1::TaskInfo,
        launch_executor: bool,
    ) {
        let framework = self.state.framework(acceptance.framework);
        let agent = self.state.agent(acceptance.agent);
        if !agent.capabilities.reservation_refinement() {
            downgrade(&mut info);
        }
        let run = internal::RunTaskMessage {
            framework: Box::new((*framework.info).clone()),
            pid: Some(framework.pid_text()),
            task: Box::new(info),
            resource_version_uuids: self.resource_versions(acceptance),
            launch_executor: Some(launch_executor),
            ..Default::default()
        };
        turn.send(&agent.pid, ToPeer::RunTask(run));
        // Mesos: each task counts.
        self.state.framework_mut(acceptance.framework).counters.count_operation(Type::Launch);
    }

    /// What the agent must still be like for the launch to hold.
    pub(super) fn resource_versions(&self, acceptance: &Acceptance) -> Vec<internal::ResourceVersionUUID> {
        let version = self.state.agent(acceptance.agent).resource_version.clone();
        version.map(|uuid| internal::ResourceVersionUUID { uuid, ..Default::default() }).into_iter().collect()
    }
}

/// Agents before reservation refinement read the old format; they are offered nothing that it cannot say.
pub(super) fn downgrade(info: &mut v1::TaskInfo) {
    let own = info.executor.iter_mut().flat_map(|executor| &mut executor.resources);
    for resource in info.resources.iter_mut().chain(own) {
        let _ = format::downgrade(resource);
    }
}

/// The user that the task asks for. Mesos: that of the framework, which runs all others, is not told of a task.
fn user_of(info: &v1::TaskInfo) -> Option<String> {
    let own = info.command.as_ref().and_then(|command| command.user.clone());
    let executor = info.executor.as_ref().and_then(|executor| executor.command.as_ref());
    own.or_else(|| executor.and_then(|command| command.user.clone()))
}
