// SPDX-License-Identifier: Apache-2.0

//! RunTask with RunTaskGroup: what they hold in common, made one order.

use kaon_api::internal::{ResourceVersionUUID, RunTaskGroupMessage, RunTaskMessage};
use kaon_api::v1;
use kaon_api::v1::executor_info::Type as ExecutorType;
use kaon_model::{FrameworkId, IdError, format, validate_id};

use crate::agent::{Agent, Cx};
use crate::flows::command_executor_info;
use crate::state::Kind;

/// What a master orders: tasks for one executor, which may exist already.
#[derive(Debug)]
pub(crate) struct Order {
    pub framework_id: FrameworkId,
    pub framework: v1::FrameworkInfo,
    pub pid: String,
    pub executor: v1::ExecutorInfo,
    pub kind: Kind,
    pub tasks: Vec<v1::TaskInfo>,
    pub is_group: bool,
    pub versions: Vec<ResourceVersionUUID>,
    /// Whether the master believes that the executor is to be launched.
    pub launch_executor: Option<bool>,
}

impl Agent {
    pub(crate) fn run_task(&mut self, cx: &mut Cx, message: RunTaskMessage) {
        let task = *message.task;
        let Some(framework_id) = message.framework.id.clone().or(message.framework_id) else {
            return cx.warn(format!("Ignoring task {} of a framework without an id", task.task_id.value));
        };
        let (executor, kind) = match task.executor.as_deref() {
            Some(info) => (info.clone(), kind_of(info)),
            None => (command_executor_info(&task, &framework_id, &self.config), Kind::Command),
        };
        self.launch(
            cx,
            Order {
                framework_id: FrameworkId::from(framework_id.value),
                framework: *message.framework,
                pid: message.pid.unwrap_or_default(),
                executor,
                kind,
                tasks: vec![task],
                is_group: false,
                versions: message.resource_version_uuids,
                launch_executor: message.launch_executor,
            },
        );
    }

    pub(crate) fn run_task_group(&mut self, cx: &mut Cx, message: RunTaskGroupMessage) {
        let Some(framework_id) = message.framework.id.clone() else {
            return cx.warn("Ignoring a task group of a framework without an id".to_string());
        };
        self.launch(
            cx,
            Order {
                framework_id: FrameworkId::from(framework_id.value),
                framework: *message.framework,
                pid: String::new(),
                kind: kind_of(&message.executor),
                executor: *message.executor,
                tasks: message.task_group.tasks,
                is_group: true,
                versions: message.resource_version_uuids,
                launch_executor: message.launch_executor,
            },
        );
    }
}

fn kind_of(info: &v1::ExecutorInfo) -> Kind {
    if info.r#type == Some(ExecutorType::Default) { Kind::Default } else { Kind::Custom }
}

impl Order {
    /// Ids become names of folders, so nothing is done for one that is no name.
    pub fn check_ids(&self) -> Result<(), IdError> {
        validate_id(self.framework_id.as_str())?;
        validate_id(&self.executor.executor_id.value)?;
        self.tasks.iter().try_for_each(|task| validate_id(&task.task_id.value))
    }

    /// Brings resources into the form that is used in memory. Mesos: masters from before roles were many leave the
    /// role out that the resources are charged to.
    pub fn normalise(&mut self) {
        let role = self.framework.role.clone().unwrap_or_else(|| "*".to_string());
        let upgrade = |resource: &mut v1::Resource| {
            format::upgrade(resource);
            let charged = v1::resource::AllocationInfo { role: Some(role.clone()), ..Default::default() };
            resource.allocation_info.get_or_insert(charged);
        };
        let own = self.executor.framework_id.take();
        self.executor.framework_id = own.or_else(|| Some(v1::FrameworkID::from(self.framework_id.as_str())));
        self.framework.id = Some(v1::FrameworkID::from(self.framework_id.as_str()));
        self.executor.resources.iter_mut().for_each(upgrade);
        for task in &mut self.tasks {
            task.resources.iter_mut().for_each(upgrade);
            if let Some(executor) = task.executor.as_deref_mut() {
                executor.resources.iter_mut().for_each(upgrade);
            }
        }
    }
}
