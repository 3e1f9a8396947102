// SPDX-License-Identifier: Apache-2.0

//! Whether an order to run tasks can be carried out, with the refusals that Mesos has.

use std::sync::Arc;

use kaon_api::v1;
use kaon_api::v1::task_status::Reason;
use kaon_executor::Report;
use kaon_model::{AgentId, ExecutorId, Resource, TaskId, TaskState};

use super::run_task::Order;
use crate::agent::{Agent, Awaited, Cx};
use crate::journal::facts;
use crate::journal::layout::Tree;
use crate::state::{
    Ending, Executor, Framework, Key, Kind, MAX_CONTAINERS, MAX_TASKS_PER_EXECUTOR, Phase, Queued, Session,
    new_task,
};

impl Agent {
    pub(crate) fn launch(&mut self, cx: &mut Cx, mut order: Order) {
        let named = order.tasks.first().map_or("", |task| task.task_id.value.as_str()).to_string();
        if let Err(why) = self.is_meant_for_us(&order) {
            return cx.warn(format!("Ignoring task '{named}' of framework {}: {why}", order.framework_id));
        }
        let Some(agent) = self.state.id.clone() else { return };
        order.normalise();
        let is_new = !self.state.frameworks.contains_key(&order.framework_id);
        if is_new {
            self.add_framework(&order);
        }
        let key = order.key();
        match self.late_order(cx, &order).or_else(|| self.refusal(&order, &key)) {
            Some(refusal) => self.refuse_launch(cx, &order, &key, &refusal),
            None => self.accept_launch(cx, &agent, order, &key, is_new),
        }
    }

    /// Cases in which nothing is done and nobody told.
    fn is_meant_for_us(&self, order: &Order) -> Result<(), String> {
        // A leader sends nothing before it has taken the agent back: what comes sooner was sent before, and whether it came
        // will be asked. Mesos: runs it, and the new leader never learns of it where the agent's list had gone before.
        let registered = self.state.id.as_ref().filter(|_| self.state.session == Session::Running);
        let Some(agent) = registered else { return Err("the agent is not registered".to_string()) };
        if order.tasks.is_empty() {
            return Err("there is no task in it".to_string());
        }
        if let Some(task) = order.tasks.iter().find(|task| *agent != *task.agent_id.value.as_str()) {
            return Err(format!("it was meant for agent {}", task.agent_id.value));
        }
        order.check_ids().map_err(|error| error.to_string())?;
        let framework = self.state.framework(&order.framework_id);
        if framework.is_some_and(|framework| framework.terminating) {
            return Err("the framework is ending".to_string());
        }
        let known = order.tasks.iter().map(|task| TaskId::from(task.task_id.value.as_str())).find(|task| {
            self.state.executor_of(&order.framework_id, task).is_some()
                || self.updates.has_ended(&(order.framework_id.clone(), task.clone()))
        });
        // An update about the second would be taken for the end of the first.
        match known {
            Some(task) => Err(format!("a task with the id '{task}' is here already")),
            None => Ok(()),
        }
    }

    fn add_framework(&mut self, order: &Order) {
        let mut framework =
            Framework::new(order.framework_id.clone(), order.framework.clone(), order.pid.clone());
        // One that comes back takes its history with it.
        if let Some(at) = self.state.completed.iter().position(|completed| completed.id == framework.id)
            && let Some(before) = self.state.completed.remove(at)
        {
            framework.inherit(&before);
        }
        self.state.frameworks.insert(framework.id.clone(), framework);
    }

    /// An order that was overtaken by a kill, or by a question, to which its tasks were called lost.
    fn late_order(&mut self, cx: &Cx, order: &Order) -> Option<Ending> {
        let tasks = order.tasks.iter().map(|task| TaskId::from(task.task_id.value.as_str()));
        let keys: Vec<_> = tasks.map(|task| (order.framework_id.clone(), task)).collect();
        let late = keys.iter().filter(|key| self.disowned.take(key, cx.now.mono)).count() > 0;
        let framework = self.state.framework(&order.framework_id).filter(|_| late)?;
        Some(Ending {
            state: framework.lost_as(TaskState::Dropped),
            reason: Reason::ReasonTaskInvalid,
            message: "The task was told to be lost before the order to run it came".to_string(),
        })
    }

    /// Why the tasks cannot run, and what is told of them.
    fn refusal(&self, order: &Order, key: &Key) -> Option<Ending> {
        let lost = |reason, message: &str| {
            let framework = self.state.framework(&order.framework_id);
            let state = framework.map_or(TaskState::Lost, |framework| framework.lost_as(TaskState::Dropped));
            Some(Ending { state, reason, message: message.to_string() })
        };
        if let Some(problem) = &self.state.disk_problem {
            return lost(
                Reason::ReasonContainerLaunchFailed,
                &format!("The agent takes no tasks: {problem}"),
            );
        }
        if let Some(message) = order.unsupported_limits() {
            // Mesos: as if sandboxes could not be saved from removal, which has nothing to do with it.
            let reason =
                if order.is_group { Reason::ReasonTaskGroupInvalid } else { Reason::ReasonTaskInvalid };
            return lost(reason, message);
        }
        if let Some(message) = order.unsupported() {
            let reason =
                if order.is_group { Reason::ReasonTaskGroupInvalid } else { Reason::ReasonTaskInvalid };
            return Some(Ending { state: TaskState::Error, reason, message });
        }
        if let Some(message) = self.unauthorized(order) {
            let reason = if order.is_group {
                Reason::ReasonTaskGroupUnauthorized
            } else {
                Reason::ReasonTaskUnauthorized
            };
            return Some(Ending { state: TaskState::Error, reason, message });
        }
        if self.state.drain.is_some() {
            return lost(Reason::ReasonAgentDraining, "Task was received while agent was already draining");
        }
        let outdated = order.versions.iter().any(|version| {
            version.resource_provider_id.is_none()
                && version.uuid.value != self.state.resource_version.as_bytes()
        });
        if outdated {
            let subject = if order.is_group { "Task group" } else { "Task" };
            return lost(Reason::ReasonInvalidOffers, &format!("{subject} assumes outdated resource state"));
        }
        if let Some(what) = self.lacks_resources(order) {
            let message = format!("The checkpointed resources being used by the {what} to the agent");
            return lost(Reason::ReasonResourcesUnknown, &message);
        }
        if let Some(message) = self.late_volume(order, key) {
            let reason =
                if order.is_group { Reason::ReasonTaskGroupInvalid } else { Reason::ReasonTaskInvalid };
            return Some(Ending { state: TaskState::Error, reason, message });
        }
        let executor = self.state.executor(key);
        let of_executor = executor.map_or(0, |executor| executor.queue.len() + executor.tasks.len());
        let too_many = self.owners.len() >= MAX_CONTAINERS
            || of_executor.saturating_add(order.tasks.len()) > MAX_TASKS_PER_EXECUTOR;
        if too_many {
            return lost(Reason::ReasonTaskInvalid, "The agent holds as many tasks as it can");
        }
        match (order.kind, order.launch_executor, executor.map(|executor| (executor.kind, executor.phase))) {
            (Kind::Command, _, Some(_)) => lost(
                Reason::ReasonTaskInvalid,
                "Cannot reuse an already existing executor for a command task",
            ),
            (_, Some(true), Some(_)) => lost(
                Reason::ReasonExecutorTerminated,
                "Master wants to launch executor, but one already exists",
            ),
            (_, Some(false), None) => lost(
                Reason::ReasonExecutorTerminated,
                "No executor is expected to launch and there is none running",
            ),
            (_, _, Some((_, Phase::Terminating))) => {
                lost(Reason::ReasonExecutorTerminated, "Executor terminating")
            }
            (_, _, Some((_, Phase::Terminated))) => {
                lost(Reason::ReasonExecutorTerminated, "Executor terminated")
            }
            (kind, _, Some((existing, _))) if kind != existing => {
                lost(Reason::ReasonTaskInvalid, "An executor of another type with this id exists")
            }
            _ => None,
        }
    }

    /// A task that names a user as whom its framework may run nothing here. The master may allow what this host does not.
    fn unauthorized(&self, order: &Order) -> Option<String> {
        let of_group = order.is_group.then_some(&order.executor);
        let refused =
            |task| Some((task, self.config.run_tasks.refused_user(&order.framework, task, of_group)?));
        let (task, user) = order.tasks.iter().find_map(refused)?;
        // Mesos: prints the whole task, with its environment.
        Some(format!(
            "Framework {} is not authorized to launch task {} under user '{user}'",
            order.framework_id, task.task_id.value
        ))
    }

    /// Reservations and volumes that the agent does not know: the order to make them did not come, or not yet.
    fn lacks_resources(&self, order: &Order) -> Option<&'static str> {
        let checkpointed = self.state.total.checkpointed();
        let known = |wire: &[v1::Resource]| {
            let mut wanted = wire.iter().filter_map(|one| Resource::from_wire(one).ok());
            wanted.all(|mut one| {
                one.allocation_role = None;
                !one.is_checkpointed() || checkpointed.contains(&one)
            })
        };
        if !order.tasks.iter().all(|task| known(&task.resources)) {
            return Some("task or task group are unknown");
        }
        (!known(&order.executor.resources)).then_some("executor are unknown")
    }

    /// A volume that would have to come into the sandbox of an executor that runs already.
    fn late_volume(&self, order: &Order, key: &Key) -> Option<String> {
        let running = self.state.executor(key).is_some_and(|executor| executor.phase != Phase::Preparing);
        if order.kind != Kind::Custom || !running {
            return None;
        }
        let brings = |task: &&v1::TaskInfo| task.resources.iter().any(|one| one.disk.is_some());
        let task = order.tasks.iter().find(brings)?;
        Some(format!(
            "Task '{}' brings a persistent volume to an executor that runs already, which this agent does not support: \
             let the executor hold the volume",
            task.task_id.value
        ))
    }

    fn refuse_launch(&mut self, cx: &mut Cx, order: &Order, key: &Key, refusal: &Ending) {
        for task in &order.tasks {
            let report = Report {
                state: refusal.state,
                reason: Some(refusal.reason),
                message: Some(refusal.message.clone()),
            };
            let task = TaskId::from(task.task_id.value.as_str());
            self.report_own(cx, &order.framework_id, None, &task, report);
        }
        // Mesos: so that the master forgets the executor that it noted when it sent the order.
        if order.launch_executor == Some(true) && order.kind != Kind::Command {
            self.send_exited_executor(cx, key, None);
        }
        self.remove_framework_if_idle(cx, &order.framework_id);
    }

    fn accept_launch(&mut self, cx: &mut Cx, agent: &AgentId, order: Order, key: &Key, new_framework: bool) {
        let fresh = self.state.executor(key).is_none();
        let mut held = order.tasks.iter().flat_map(|task| &task.resources).chain(&order.executor.resources);
        let uses_volumes = held.any(|resource| resource.disk.is_some());
        let container = self.fresh_container();
        let nested: Vec<_> = order.tasks.iter().map(|_| self.fresh_container()).collect();
        let Some(framework) = self.state.frameworks.get_mut(&order.framework_id) else { return };
        // Taken out while it is changed, so that the framework stays readable beside it.
        let mut executor = framework.executors.remove(&key.executor).unwrap_or_else(|| {
            let sandbox = Tree::Sandboxes.run(agent, &framework.id, &key.executor, &container);
            Arc::new(Executor::new(framework, order.executor.clone(), order.kind, container, sandbox))
        });
        let changed = Arc::make_mut(&mut executor);
        let run = facts::run_folder(agent, changed);
        let mut ops = Vec::new();
        if new_framework {
            ops.extend(facts::framework(agent, framework));
        }
        if fresh {
            ops.extend(facts::executor(agent, changed));
            ops.push(facts::latest_sandbox(agent, changed));
        }
        let group = order.is_group.then_some(changed.next_group);
        changed.next_group += u32::from(order.is_group);
        let mut tasks = Vec::new();
        for (info, nested) in order.tasks.into_iter().zip(nested) {
            let id = TaskId::from(info.task_id.value.as_str());
            let task = new_task(&info, framework, &changed.info, changed.kind);
            ops.push(facts::task(&run, &task));
            let container = match changed.kind {
                Kind::Command => Some(changed.container.clone()),
                Kind::Default => Some(nested),
                Kind::Custom => None,
            };
            let (info, task) = (Arc::new(info), Arc::new(task));
            changed.queue.push_back(Queued { info, task, container, group, recorded: false });
            tasks.push(id);
        }
        ops.extend(changed.note(&run));
        let (checkpoints, container) = (changed.checkpoints, changed.container.clone());
        let link = if fresh { Some(facts::latest_sandbox(agent, changed)) } else { None };
        framework.executors.insert(key.executor.clone(), executor);
        self.tell_held(cx, key);
        if let (false, Some(link)) = (checkpoints, link) {
            self.record(cx, vec![link], None);
        }
        let then = Awaited::Run { key: key.clone(), container, tasks };
        // The folders of volumes may be among the facts that are still being written.
        let waits = checkpoints || uses_volumes;
        self.after(cx, waits.then_some(if checkpoints { ops } else { Vec::new() }), then);
    }
}

impl Order {
    pub fn key(&self) -> Key {
        let executor = ExecutorId::from(self.executor.executor_id.value.as_str());
        Key { framework: self.framework_id.clone(), executor }
    }

    /// Why limits of the tasks cannot be kept: nothing here enforces them, as in an agent of Mesos without cgroups.
    fn unsupported_limits(&self) -> Option<&'static str> {
        let has = |name: &str| self.tasks.iter().any(|task| task.limits.contains_key(name));
        if has("cpus") {
            return Some(
                "CPU limits can only be set on tasks launched in Mesos containers when the agent has loaded the 'cgroups/cpu' isolator",
            );
        }
        has("mem").then_some(
            "Memory limits can only be set on tasks launched in Mesos containers when the agent has loaded the 'cgroups/mem' isolator",
        )
    }

    /// What the tasks ask for that this agent cannot do. It is said, never left out in silence.
    fn unsupported(&self) -> Option<String> {
        if self.kind == Kind::Default && !self.is_group {
            return Some("A task that is not in a group cannot use an executor of type DEFAULT".to_string());
        }
        self.tasks.iter().find_map(|task| unsupported(task, self.kind))
    }
}

fn unsupported(task: &v1::TaskInfo, kind: Kind) -> Option<String> {
    let id = &task.task_id.value;
    if kind == Kind::Custom {
        return None;
    }
    if task.command.is_none() {
        return Some(format!("Task '{id}' has no command"));
    }
    None
}
