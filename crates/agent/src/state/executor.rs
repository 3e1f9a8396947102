// SPDX-License-Identifier: Apache-2.0

//! An executor with its tasks.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_api::v1::task_status::Reason;
use kaon_executor::command::Snapshot;
use kaon_executor::{Group, max_completion};
use kaon_model::{ContainerId, ExecutorId, FrameworkId, TaskId, TaskState};

use super::{Framework, Key, MAX_COMPLETED_TASKS_PER_EXECUTOR};
use crate::flows::for_checks;
use crate::input::Stream;
use crate::journal::run_file::{RunFile, TaskNote};
use crate::journal::{FileOp, facts};

/// Who runs the tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Kaon itself, for one task without an executor: the container's process is the task.
    Command,
    /// Kaon itself, for groups of tasks: each task has a container of its own.
    Default,
    /// A process of the framework's, which speaks the executor API.
    Custom,
}

/// The life of an executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Awaits that its facts are durable; nothing was launched.
    Preparing,
    /// Launched, not yet heard of.
    Registering,
    Running,
    /// Asked to end.
    Terminating,
    /// Ended; its updates may still wait for acknowledgement.
    Terminated,
}

/// Why an executor is being ended by the agent: what its tasks are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub state: TaskState,
    pub reason: Reason,
    pub message: String,
}

/// Why the container of an executor could not run on: what its tasks are told before anything else.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Limitation {
    pub ending: Ending,
    /// What there was too little of.
    pub resources: Vec<v1::Resource>,
}

/// How a custom executor is told of things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// By the events of a stream that it holds.
    Stream(Stream),
    /// By messages to its driver of the v0 API.
    Driver(Upid),
}

/// A task that was not given to its executor yet.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    pub info: Arc<v1::TaskInfo>,
    pub task: Arc<v1::Task>,
    /// The container in which a built-in executor will run it.
    pub container: Option<ContainerId>,
    /// Tasks launched together carry the same number.
    pub group: Option<u32>,
    /// Whether the facts about it are durable.
    pub recorded: bool,
}

/// Tasks by id, shared with the views.
pub(crate) type Tasks = BTreeMap<TaskId, Arc<v1::Task>>;

#[derive(Clone, Debug)]
pub(crate) struct Executor {
    pub framework: FrameworkId,
    pub id: ExecutorId,
    pub info: Arc<v1::ExecutorInfo>,
    pub kind: Kind,
    pub container: ContainerId,
    /// The sandbox, below the work directory.
    pub sandbox: String,
    /// Whether its framework checkpoints.
    pub checkpoints: bool,
    pub phase: Phase,
    pub pid: Option<u32>,
    /// How a custom executor is reached, while it is.
    pub peer: Option<Peer>,
    /// Its subscription waits for the pid, which its first status has to name: whether it is a driver that comes back.
    pub welcome: Option<bool>,
    /// The machine of a built-in executor.
    pub machine: Group,
    /// The containers of a built-in executor's tasks.
    pub nested: BTreeMap<TaskId, ContainerId>,
    /// What the checks of a built-in executor's tasks need to know of them.
    pub checked: BTreeMap<TaskId, Arc<v1::TaskInfo>>,
    pub queue: VecDeque<Queued>,
    /// Given to the executor: live, and ended without acknowledgement of it.
    pub tasks: Tasks,
    pub completed: VecDeque<Arc<v1::Task>>,
    /// Whether it was ever given a task: one that never was ends when it comes.
    pub used: bool,
    /// Kills that wait for the executor to hold a stream.
    pub kills: BTreeMap<TaskId, Option<v1::KillPolicy>>,
    pub ending: Option<Ending>,
    pub limitation: Option<Limitation>,
    /// Whether the agent has ordered its containers to be destroyed: what comes to light of them after that changes nothing.
    pub destroyed: bool,
    /// Where a built-in executor was ended over the head of its machine: the containers that have not ended yet.
    pub remains: Option<BTreeSet<ContainerId>>,
    /// What the run's own file holds.
    pub noted: RunFile,
    pub next_group: u32,
}

impl Executor {
    /// One that nothing is known of but its facts.
    pub fn new(
        framework: &Framework,
        info: v1::ExecutorInfo,
        kind: Kind,
        container: ContainerId,
        sandbox: String,
    ) -> Executor {
        Executor {
            framework: framework.id.clone(),
            id: ExecutorId::from(info.executor_id.value.as_str()),
            info: Arc::new(info),
            kind,
            container,
            sandbox,
            checkpoints: framework.checkpoints(),
            phase: Phase::Preparing,
            pid: None,
            peer: None,
            welcome: None,
            machine: Group::new(),
            nested: BTreeMap::new(),
            checked: BTreeMap::new(),
            queue: VecDeque::new(),
            tasks: Tasks::new(),
            completed: VecDeque::new(),
            used: false,
            kills: BTreeMap::new(),
            ending: None,
            limitation: None,
            destroyed: false,
            remains: None,
            noted: RunFile::default(),
            next_group: 0,
        }
    }

    pub fn key(&self) -> Key {
        Key { framework: self.framework.clone(), executor: self.id.clone() }
    }

    pub fn knows(&self, task: &TaskId) -> bool {
        self.tasks.contains_key(task) || self.queued(task).is_some()
    }

    pub fn queued(&self, task: &TaskId) -> Option<&Queued> {
        self.queue.iter().find(|queued| *task == *queued.info.task_id.value.as_str())
    }

    /// Whether it ended and all is told.
    pub fn is_settled(&self) -> bool {
        self.phase == Phase::Terminated && self.tasks.is_empty() && self.queue.is_empty()
    }

    pub fn is_ending(&self) -> bool {
        matches!(self.phase, Phase::Terminating | Phase::Terminated)
    }

    /// The tasks that have been given to it and have not ended.
    pub fn live_tasks(&self) -> impl Iterator<Item = (&TaskId, &Arc<v1::Task>)> {
        self.tasks.iter().filter(|(_, task)| !is_terminal(task.state))
    }

    /// What is told of the tasks that its end leaves behind, and what there was too little of.
    ///
    /// Mesos: what befell the container goes before what the agent itself ended it for, and people read both.
    pub fn last_words(&self) -> (Ending, Vec<v1::Resource>) {
        let limitation = self.limitation.as_ref();
        let told: Vec<&Ending> =
            self.ending.iter().chain(limitation.map(|limitation| &limitation.ending)).collect();
        let Some(last) = told.last() else {
            let (state, reason) = (TaskState::Failed, Reason::ReasonExecutorTerminated);
            return (Ending { state, reason, message: "Executor terminated".to_string() }, Vec::new());
        };
        let message = told.iter().map(|ending| ending.message.as_str()).collect::<Vec<_>>().join("; ");
        let resources = limitation.map(|limitation| limitation.resources.clone()).unwrap_or_default();
        (Ending { message, ..(*last).clone() }, resources)
    }

    pub fn remember(&mut self, task: Arc<v1::Task>) {
        self.completed.push_back(task);
        while self.completed.len() > MAX_COMPLETED_TASKS_PER_EXECUTOR {
            self.completed.pop_front();
        }
    }

    /// The write that brings the run's own file up to date, where it is not; `run` is the run's folder.
    pub fn note(&mut self, run: &str) -> Option<FileOp> {
        let file = self.run_file();
        if file == self.noted {
            return None;
        }
        self.noted = file;
        Some(facts::run_file(run, &self.noted))
    }

    fn run_file(&self) -> RunFile {
        let queued = self.queue.iter().filter_map(|queued| {
            Some(TaskNote {
                task: TaskId::from(queued.info.task_id.value.as_str()),
                container: queued.container.clone()?,
                group: queued.group.unwrap_or(0),
                limit: max_completion(&queued.info),
                snapshot: Snapshot::default(),
                checked: for_checks(&queued.info).map(Arc::new),
            })
        });
        let running = self.machine.members().map(|(task, group, command)| TaskNote {
            task: task.clone(),
            container: self.container_of(task).clone(),
            group,
            limit: command.spec().max_completion,
            snapshot: command.snapshot(),
            checked: self.checked.get(task).cloned(),
        });
        // The container of a command task is that of its run, so an uneventful one needs no file.
        let uneventful = |note: &TaskNote| {
            note.limit.is_none() && note.checked.is_none() && note.snapshot == Snapshot::default()
        };
        let told = |note: &TaskNote| self.kind == Kind::Default || !uneventful(note);
        RunFile { ended: None, tasks: queued.chain(running).filter(told).collect() }
    }

    /// The container in which a task runs.
    pub fn container_of(&self, task: &TaskId) -> &ContainerId {
        self.nested.get(task).unwrap_or(&self.container)
    }

    /// The container in which a task runs, as statuses name it.
    pub fn container_status_id(&self, task: Option<&TaskId>) -> v1::ContainerID {
        match task.and_then(|task| self.nested.get(task)).filter(|_| self.kind == Kind::Default) {
            Some(nested) => super::container_id(nested, Some(&self.container)),
            None => super::container_id(&self.container, None),
        }
    }
}

pub(crate) fn is_terminal(state: v1::TaskState) -> bool {
    use kaon_api::wire::Enumeration;
    TaskState::from_number(state.number()).is_some_and(TaskState::is_terminal)
}
