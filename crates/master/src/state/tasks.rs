// SPDX-License-Identifier: Apache-2.0

//! The tasks that are not over, or whose end is not acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kaon_api::v1;
use kaon_model::{AgentId, ExecutorId, FrameworkId, Index, Resources, Role, TaskId, TaskState, Uuid};

use super::{AgentRow, FrameworkRow, State};

/// Where a task stands in its table.
pub type TaskRow = Index;

/// Bound: statuses kept of one task.
const STATUSES_MAX: usize = 64;

/// One task of a framework on an agent.
#[derive(Clone, Debug)]
pub struct Task {
    pub framework: FrameworkRow,
    pub agent: AgentRow,
    pub body: Arc<Body>,
    /// The newest state that is known, which decides whether resources are held.
    pub state: TaskState,
    /// What the framework was told last.
    pub told: Option<Told>,
    /// Updates in order; of those in a row with one state only the last. Without their data.
    pub statuses: Arc<Vec<v1::TaskStatus>>,
}

/// What never changes of a task.
#[derive(Clone, Debug)]
pub struct Body {
    pub id: TaskId,
    pub framework: FrameworkId,
    pub agent: AgentId,
    /// None for command tasks.
    pub executor: Option<ExecutorId>,
    pub name: String,
    /// The role that is charged.
    pub role: Role,
    /// Charged to nobody, as the ledger holds them.
    pub resources: Arc<Resources>,
    pub limits: BTreeMap<String, v1::value::Scalar>,
    pub user: Option<String>,
    pub labels: Option<v1::Labels>,
    pub discovery: Option<Box<v1::DiscoveryInfo>>,
    pub container: Option<Box<v1::ContainerInfo>>,
    pub health_check: Option<Box<v1::HealthCheck>>,
    pub kill_policy: Option<v1::KillPolicy>,
}

/// The update that went to the framework last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub state: TaskState,
    /// None where it went by another master: then only its state is known, and its acknowledgement does not count.
    pub uuid: Option<Uuid>,
}

impl Body {
    /// The body of a task that a framework launches.
    pub fn launched(
        task: &v1::TaskInfo,
        framework: &FrameworkId,
        user: Option<String>,
        role: Role,
        resources: Arc<Resources>,
    ) -> Body {
        Body {
            id: TaskId::from(task.task_id.value.as_str()),
            framework: framework.clone(),
            agent: AgentId::from(task.agent_id.value.as_str()),
            executor: task
                .executor
                .as_ref()
                .map(|executor| ExecutorId::from(executor.executor_id.value.as_str())),
            name: task.name.clone(),
            role,
            resources,
            limits: task.limits.clone(),
            user,
            labels: task.labels.clone(),
            discovery: task.discovery.clone(),
            container: task.container.clone(),
            health_check: task.health_check.clone(),
            kill_policy: task.kill_policy.clone(),
        }
    }

    /// The body of a task that an agent reports.
    pub fn reported(task: v1::Task, role: Role, resources: Arc<Resources>) -> Body {
        Body {
            id: TaskId::from(task.task_id.value),
            framework: FrameworkId::from(task.framework_id.value),
            agent: AgentId::from(task.agent_id.value),
            executor: task.executor_id.map(|id| ExecutorId::from(id.value)),
            name: task.name,
            role,
            resources,
            limits: task.limits,
            user: task.user,
            labels: task.labels,
            discovery: task.discovery,
            container: task.container,
            health_check: task.health_check,
            kill_policy: task.kill_policy,
        }
    }
}

impl Task {
    /// Whether its resources are still counted as used.
    pub fn holds_resources(&self) -> bool {
        !self.state.frees_resources()
    }

    /// Whether it has ended, and its framework does not know.
    pub fn ended_unheard(&self) -> bool {
        self.state.is_terminal() && !self.told.is_some_and(|told| told.state.is_terminal())
    }

    /// The state that reconciliation tells: that of the update told last.
    pub fn told_state(&self) -> TaskState {
        self.told.as_ref().map_or(self.state, |told| told.state)
    }

    /// Keeps a status; of several in a row with one state the last stays.
    ///
    /// Bound: an executor that goes to and fro between two states loses its oldest ones.
    pub fn record(&mut self, mut status: v1::TaskStatus) {
        status.data = None;
        let statuses = Arc::make_mut(&mut self.statuses);
        match statuses.last_mut() {
            Some(last) if last.state == status.state => *last = status,
            _ => {
                if statuses.len() >= STATUSES_MAX {
                    statuses.remove(0);
                }
                statuses.push(status);
            }
        }
    }

    /// The task as the APIs show it.
    pub fn to_wire(&self) -> v1::Task {
        let body = &self.body;
        v1::Task {
            name: body.name.clone(),
            task_id: v1::TaskID::from(body.id.as_str()),
            framework_id: v1::FrameworkID::from(body.framework.as_str()),
            executor_id: body.executor.as_ref().map(|id| v1::ExecutorID::from(id.as_str())),
            agent_id: v1::AgentID::from(body.agent.as_str()),
            state: wire_state(self.state),
            resources: body.resources.allocate(&body.role).to_wire(),
            statuses: self.statuses.to_vec(),
            status_update_state: self.told.as_ref().map(|told| wire_state(told.state)),
            status_update_uuid: self.told.and_then(|told| told.uuid).map(Uuid::to_vec),
            labels: body.labels.clone(),
            discovery: body.discovery.clone(),
            container: body.container.clone(),
            health_check: body.health_check.clone(),
            kill_policy: body.kill_policy.clone(),
            user: body.user.clone(),
            limits: body.limits.clone(),
            ..Default::default()
        }
    }
}

/// The state in the words of the wire.
pub fn wire_state(state: TaskState) -> v1::TaskState {
    use kaon_api::wire::Enumeration;
    v1::TaskState::from_number(state.number()).expect("both lists name the same states")
}

/// The state in the words of the model.
pub fn model_state(state: v1::TaskState) -> TaskState {
    use kaon_api::wire::Enumeration;
    TaskState::from_number(state.number()).expect("both lists name the same states")
}

/// The state that an agent tells of a task; none where only a master can know it, or nobody does.
pub(crate) fn told_by_agent(state: v1::TaskState) -> Option<TaskState> {
    Some(model_state(state)).filter(|state| !matches!(state, TaskState::Unreachable | TaskState::Unknown))
}

/// The ways to tasks.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    by_framework: BTreeMap<FrameworkRow, BTreeMap<TaskId, TaskRow>>,
    by_agent: BTreeMap<AgentRow, BTreeSet<TaskRow>>,
}

impl Tasks {
    pub fn row(&self, framework: FrameworkRow, id: &str) -> Option<TaskRow> {
        self.by_framework.get(&framework)?.get(id).copied()
    }

    pub fn of_agent(&self, agent: AgentRow) -> Vec<TaskRow> {
        self.by_agent.get(&agent).map(|own| own.iter().copied().collect()).unwrap_or_default()
    }

    /// In the order of ids.
    pub fn of_framework(&self, framework: FrameworkRow) -> Vec<TaskRow> {
        self.by_framework.get(&framework).map(|own| own.values().copied().collect()).unwrap_or_default()
    }
}

impl State {
    pub fn task(&self, row: TaskRow) -> &Task {
        &self.tables.tasks[row]
    }

    pub fn task_mut(&mut self, row: TaskRow) -> &mut Task {
        self.tables.tasks.get_mut(row).expect("the row of a task is given back only with the task")
    }

    pub fn insert_task(&mut self, task: Task) -> TaskRow {
        let (framework, agent, id) = (task.framework, task.agent, task.body.id.clone());
        let row = self.tables.tasks.insert(task);
        self.tasks.by_framework.entry(framework).or_default().insert(id, row);
        self.tasks.by_agent.entry(agent).or_default().insert(row);
        row
    }

    pub fn remove_task(&mut self, row: TaskRow) -> Option<Task> {
        let task = self.tables.tasks.remove(row)?;
        if let Some(own) = self.tasks.by_framework.get_mut(&task.framework) {
            own.remove(&task.body.id);
            if own.is_empty() {
                self.tasks.by_framework.remove(&task.framework);
            }
        }
        if let Some(own) = self.tasks.by_agent.get_mut(&task.agent) {
            own.remove(&row);
            if own.is_empty() {
                self.tasks.by_agent.remove(&task.agent);
            }
        }
        self.agents.forget_kill(task.agent, &task.body.framework, &task.body.id);
        self.agent_has_less(task.agent);
        Some(task)
    }
}
