// SPDX-License-Identifier: Apache-2.0

//! The nouns of an agent.

mod counters;
mod executor;
mod framework;
mod past;
mod task;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_api::wire::Enumeration;
use kaon_model::{
    AgentId, Build, ContainerId, ExecutorId, FrameworkId, Resources, TaskId, TaskState, Uuid, Wall,
};

use crate::config::Config;

pub(crate) use counters::Counters;
pub(crate) use executor::{Ending, Executor, Kind, Limitation, Peer, Phase, Queued, is_terminal};
pub(crate) use framework::{Framework, has_capability};
pub(crate) use task::{add_status, new_task};

/// Bound: history kept of frameworks that have nothing left here; the oldest is forgotten.
pub(crate) const MAX_COMPLETED_FRAMEWORKS: usize = 50;
/// Bound: history kept of each executor's ended tasks; the oldest is forgotten.
pub(crate) const MAX_COMPLETED_TASKS_PER_EXECUTOR: usize = 200;

/// Bound: containers of one agent. Beyond it launches are refused; a master that knows its agents' resources stays far
/// below.
pub(crate) const MAX_CONTAINERS: usize = 50_000;
/// Bound: tasks of one executor that have not been forgotten. Beyond it further ones are refused.
pub(crate) const MAX_TASKS_PER_EXECUTOR: usize = 20_000;

/// Bound: operations whose end was not acknowledged. Beyond it further ones are dropped.
pub(crate) const MAX_OPERATIONS: usize = 20_000;

/// How the agent stands to its master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Session {
    /// Waits for executors that outlived the last agent; no master hears of it yet.
    Recovering,
    /// Without a master, or registering with one.
    Disconnected,
    /// Registered.
    Running,
    /// Ends everything and then itself.
    Terminating,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Master {
    pub pid: Upid,
    pub info: Arc<v1::MasterInfo>,
}

/// That the agent is to be emptied.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Drain {
    pub config: v1::DrainConfig,
    /// When this process heard of it.
    pub since: Wall,
}

impl Drain {
    /// When it began, as it is told. Mesos: in whole seconds.
    pub fn started_seconds(&self) -> i64 {
        self.since.nanos().div_euclid(1_000_000_000)
    }
}

/// Names an executor on this agent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub framework: FrameworkId,
    pub executor: ExecutorId,
}

/// Whose a container is: an executor's own, or that of one task of a built-in executor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub key: Key,
    pub task: Option<TaskId>,
}

/// What readers may see. A clone shares the executors, which are copied only when written while a clone lives.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub config: Arc<Config>,
    /// As registered, with the id once there is one.
    pub info: Arc<v1::AgentInfo>,
    pub id: Option<AgentId>,
    /// What it registered with, as operations have changed it since.
    pub total: Resources,
    /// Operations whose end was not acknowledged.
    pub operations: BTreeMap<Uuid, Arc<v1::Operation>>,
    pub session: Session,
    pub master: Option<Master>,
    pub frameworks: BTreeMap<FrameworkId, Framework>,
    pub completed: VecDeque<Arc<Framework>>,
    pub counters: Counters,
    pub started: Wall,
    /// Changes with every start: tasks launched against an older one are refused.
    pub resource_version: Uuid,
    /// How long recovery took, once it is over.
    pub recovery: Option<Duration>,
    /// What the master's operator wants of it, while it is being emptied.
    pub drain: Option<Drain>,
    /// Why facts cannot be written, while they cannot.
    pub disk_problem: Option<String>,
    /// Sandboxes that wait for their removal.
    pub garbage: usize,
}

impl State {
    pub fn framework(&self, id: &FrameworkId) -> Option<&Framework> {
        self.frameworks.get(id)
    }

    pub fn executor(&self, key: &Key) -> Option<&Executor> {
        self.frameworks.get(&key.framework)?.executors.get(&key.executor).map(Arc::as_ref)
    }

    pub fn executor_mut(&mut self, key: &Key) -> Option<&mut Executor> {
        self.frameworks.get_mut(&key.framework)?.executors.get_mut(&key.executor).map(Arc::make_mut)
    }

    /// The executor that has, or had until it is acknowledged, this task.
    pub fn executor_of(&self, framework: &FrameworkId, task: &TaskId) -> Option<Key> {
        let framework = self.frameworks.get(framework)?;
        // A command task's executor goes by the task's own id, so the common case needs no search.
        let direct = framework.executors.get(task.as_str()).filter(|executor| executor.knows(task));
        let mut others = framework.executors.values().filter(|executor| executor.kind != Kind::Command);
        let found = direct.or_else(|| others.find(|executor| executor.knows(task)))?;
        Some(found.key())
    }

    pub fn executors(&self) -> impl Iterator<Item = &Executor> {
        self.frameworks.values().flat_map(|framework| framework.executors.values()).map(Arc::as_ref)
    }

    /// How a task ended that is only history, as far as that is kept.
    pub fn past_end(&self, framework: &FrameworkId, task: &TaskId) -> Option<(TaskState, Option<String>)> {
        let gone = self.completed.iter().map(Arc::as_ref).filter(|past| past.id == *framework);
        let frameworks = self.frameworks.get(framework).into_iter().chain(gone);
        let record = frameworks.into_iter().find_map(|one| one.ended(task))?;
        let message = record.statuses.last().and_then(|status| status.message.clone());
        Some((TaskState::from_number(record.state.number())?, message))
    }

    /// Whether this is the pid of the master that leads.
    pub fn is_master(&self, pid: &Upid) -> bool {
        self.master.as_ref().is_some_and(|master| master.pid == *pid)
    }
}

/// A cheap immutable picture of an agent, for readers on other threads.
#[derive(Clone, Debug)]
pub struct View {
    pub(crate) state: Arc<State>,
    /// The program; the shell fills it in.
    pub build: Arc<Build>,
}

pub(crate) fn container_id(id: &ContainerId, parent: Option<&ContainerId>) -> v1::ContainerID {
    let parent = parent.map(|parent| Box::new(container_id(parent, None)));
    v1::ContainerID { value: id.to_string(), parent, ..Default::default() }
}
