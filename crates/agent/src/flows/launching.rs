// SPDX-License-Identifier: Apache-2.0

//! From an order whose facts are durable to processes that run.

use std::sync::Arc;

use kaon_api::v1;
use kaon_executor::Spec;
use kaon_executor::command::{Action, Input};
use kaon_executor::group::Order;
use kaon_model::{ContainerId, Resource, TaskId};

use super::checking::{Asked, for_checks};
use super::environment::environment;
use crate::agent::{Agent, Awaited, Cx, Strike, Timer};
use crate::effect::{Effect, Launch, Mount};
use crate::journal::{VolumeFolder, facts, layout};
use crate::state::{Ending, Executor, Framework, Key, Kind, Owner, Phase, Queued};
use crate::updates::Source;

impl Agent {
    /// The facts of an order are durable: its tasks may be given to the executor.
    pub(crate) fn run_recorded(&mut self, cx: &mut Cx, key: &Key, container: &ContainerId, tasks: &[TaskId]) {
        let Some(executor) = self.state.executor_mut(key) else { return };
        if executor.container != *container || executor.is_ending() {
            return;
        }
        for queued in &mut executor.queue {
            queued.recorded |= tasks.iter().any(|task| *task == *queued.info.task_id.value.as_str());
        }
        match (executor.kind, executor.phase) {
            (Kind::Command | Kind::Default, _) => self.launch_tasks(cx, key),
            (Kind::Custom, Phase::Preparing) => self.launch_executor(cx, key),
            (Kind::Custom, _) => self.deliver(cx, key),
        }
    }

    /// Starts the process of a custom executor.
    fn launch_executor(&mut self, cx: &mut Cx, key: &Key) {
        let Some(agent) = self.state.id.clone() else { return };
        let config = self.config.clone();
        let Some(framework) = self.state.frameworks.get_mut(&key.framework) else { return };
        let Some(mut executor) = framework.executors.remove(&key.executor) else { return };
        let launch = executor_launch(&config, &agent, framework, &executor);
        let changed = Arc::make_mut(&mut executor);
        changed.phase = Phase::Registering;
        let container = changed.container.clone();
        framework.executors.insert(key.executor.clone(), executor);
        self.owners.insert(container.clone(), Owner { key: key.clone(), task: None });
        match launch {
            Ok(launch) => {
                let at = cx.now.mono + config.executor_registration_timeout;
                self.timers.set(Timer::Registration(container), at);
                cx.push(Effect::Launch(Box::new(launch)));
            }
            Err(message) => self.launch_failed(cx, key, message),
        }
    }

    /// A container of a custom executor never ran.
    pub(crate) fn launch_failed(&mut self, cx: &mut Cx, key: &Key, message: String) {
        let ending = Ending {
            state: kaon_model::TaskState::Failed,
            reason: v1::task_status::Reason::ReasonContainerLaunchFailed,
            message,
        };
        if let Some(executor) = self.state.executor_mut(key) {
            executor.ending.get_or_insert(ending);
        }
        self.executor_over(cx, key, None);
    }

    /// Starts the processes of a built-in executor's tasks.
    fn launch_tasks(&mut self, cx: &mut Cx, key: &Key) {
        let Some(agent) = self.state.id.clone() else { return };
        let config = self.config.clone();
        let Some(framework) = self.state.frameworks.get_mut(&key.framework) else { return };
        let Some(mut executor) = framework.executors.remove(&key.executor) else { return };
        let changed = Arc::make_mut(&mut executor);
        let ready: Vec<Queued> = changed.queue.iter().filter(|queued| queued.recorded).cloned().collect();
        changed.queue.retain(|queued| !queued.recorded);
        changed.used |= !ready.is_empty();
        changed.phase = if changed.kind == Kind::Command { Phase::Registering } else { Phase::Running };
        let mut specs = Vec::new();
        for queued in &ready {
            let id = TaskId::from(queued.info.task_id.value.as_str());
            let container = queued.container.clone().unwrap_or_else(|| changed.container.clone());
            self.owners.insert(container.clone(), Owner { key: key.clone(), task: Some(id.clone()) });
            changed.nested.insert(id.clone(), container);
            changed.tasks.insert(id.clone(), queued.task.clone());
            if let Some(info) = for_checks(&queued.info) {
                changed.checked.insert(id.clone(), Arc::new(info));
            }
            specs.push((id, Spec::new(&queued.info, &framework.info)));
        }
        let mut orders = Vec::new();
        changed.machine.launch(specs, &mut orders);
        let launches: Vec<_> =
            ready.iter().map(|queued| task_launch(&config, &agent, framework, changed, queued)).collect();
        framework.executors.insert(key.executor.clone(), executor);
        self.perform(cx, key, orders);
        let mut failed = Vec::new();
        for (queued, launch) in ready.iter().zip(launches) {
            match launch {
                Ok(launch) => cx.push(Effect::Launch(Box::new(launch))),
                Err(message) => failed.push((TaskId::from(queued.info.task_id.value.as_str()), message)),
            }
        }
        // Only now: the end of one takes those of its group with it, which must have been ordered by then.
        for (task, message) in failed {
            self.drive(cx, key, &task, Input::LaunchFailed { message });
        }
        self.settle_machine(cx, key);
    }

    /// Advances the machine of one task of a built-in executor.
    pub(crate) fn drive(&mut self, cx: &mut Cx, key: &Key, task: &TaskId, input: Input) {
        let Some(executor) = self.state.executor_mut(key) else { return };
        let mut orders = Vec::new();
        executor.machine.handle(cx.now, task, input, &mut orders);
        self.perform(cx, key, orders);
        self.settle_machine(cx, key);
    }

    pub(crate) fn machine_due(&mut self, cx: &mut Cx, container: &ContainerId) {
        let Some(key) = self.owner_of_run(container) else { return };
        let Some(executor) = self.state.executor_mut(&key) else { return };
        let mut orders = Vec::new();
        executor.machine.tick(cx.now, &mut orders);
        self.perform(cx, &key, orders);
        self.settle_machine(cx, &key);
    }

    /// Does what the machine of a built-in executor asks for.
    pub(crate) fn perform(&mut self, cx: &mut Cx, key: &Key, orders: Vec<Order>) {
        for Order { task, action } in orders {
            let Some(executor) = self.state.executor(key) else { return };
            let container = executor.container_of(&task).clone();
            match action {
                Action::Signal(signal) => self.strikes.push(Strike::Signal(container, signal)),
                Action::Destroy => self.strikes.push(Strike::Destroy(container)),
                Action::Look { which, number, probe, timeout } => {
                    self.look(cx, key, &task, Asked { which, number, probe, timeout });
                }
                Action::CallOff { which, number } => self.call_off(cx, key, &task, which, number),
                Action::Report(report, attached) => {
                    use v1::task_status::Reason;
                    // Mesos: what befalls a task before its executor has it is told by the agent.
                    let by_agent = matches!(
                        report.reason,
                        Some(Reason::ReasonContainerLaunchFailed | Reason::ReasonTaskKilledDuringLaunch)
                    );
                    let source = if by_agent { Source::SourceAgent } else { Source::SourceExecutor };
                    self.report_task(cx, key, &task, report, attached, source);
                }
            }
        }
    }

    /// Notes what a machine must remember, and when it is due; ends the executor when its last task has ended.
    pub(crate) fn settle_machine(&mut self, cx: &mut Cx, key: &Key) {
        let Some(agent) = self.state.id.clone() else { return };
        let Some(executor) = self.state.executor_mut(key) else { return };
        if matches!(executor.phase, Phase::Preparing | Phase::Terminated) || executor.remains.is_some() {
            return;
        }
        let timer = Timer::Machine(executor.container.clone());
        match executor.machine.deadline() {
            Some(at) => self.timers.set(timer, at),
            None => drop(self.timers.cancel(&timer)),
        }
        let run = facts::run_folder(&agent, executor);
        let note = executor.note(&run).filter(|_| executor.checkpoints);
        let idle = executor.machine.is_empty() && (executor.queue.is_empty() || executor.is_ending());
        if let Some(note) = note {
            // An agent that is killed in between must find what was to be killed, not what failed. On a full disk the
            // kill is worth more.
            let strikes = match self.state.disk_problem {
                None => std::mem::take(&mut self.strikes),
                Some(_) => Vec::new(),
            };
            let then = (!strikes.is_empty()).then_some(Awaited::Strikes(strikes));
            self.record(cx, vec![note], then);
        }
        if idle {
            self.executor_over(cx, key, Some(0));
        }
    }

    /// The executor of which this is the run.
    pub(crate) fn owner_of_run(&self, container: &ContainerId) -> Option<Key> {
        if let Some(owner) = self.owners.get(container) {
            return Some(owner.key.clone());
        }
        let executor = self.state.executors().find(|executor| executor.container == *container)?;
        Some(executor.key())
    }
}

fn executor_launch(
    config: &crate::config::Config,
    agent: &kaon_model::AgentId,
    framework: &Framework,
    executor: &Executor,
) -> Result<Launch, String> {
    let command = executor.info.command.as_deref().cloned().ok_or("The executor has no command")?;
    Ok(Launch {
        container: executor.container.clone(),
        sandbox: executor.sandbox.clone(),
        environment: environment(config, agent, framework, executor, None)?,
        user: user(config, framework, Some(&command)),
        command,
        container_info: executor.info.container.clone(),
        around: None,
        // Those of its first tasks, too: what is there when it starts is all that it will find.
        volumes: mounts(
            executor.queue.iter().flat_map(|queued| &queued.info.resources).chain(&executor.info.resources),
        )?,
        resources: executor.info.resources.clone(),
        dies_with_agent: !executor.checkpoints,
    })
}

fn task_launch(
    config: &crate::config::Config,
    agent: &kaon_model::AgentId,
    framework: &Framework,
    executor: &Executor,
    queued: &Queued,
) -> Result<Launch, String> {
    let command = queued.info.command.as_deref().cloned().ok_or("The task has no command")?;
    let is_group = executor.kind == Kind::Default;
    if is_group && !mounts(&executor.info.resources)?.is_empty() {
        return Err("This agent cannot provide persistent volumes to an executor of type DEFAULT: its tasks alone can have them".to_string());
    }
    let container = queued.container.clone().unwrap_or_else(|| executor.container.clone());
    Ok(Launch {
        sandbox: task_sandbox(executor, &container),
        environment: environment(config, agent, framework, executor, Some(&queued.info))?,
        user: user(config, framework, Some(&command)),
        command,
        container_info: queued.info.container.clone(),
        around: executor.info.container.clone().filter(|_| is_group),
        volumes: mounts(&queued.info.resources)?,
        resources: queued.info.resources.clone(),
        dies_with_agent: !executor.checkpoints,
        container,
    })
}

/// Where a task of a built-in executor has its files.
pub(super) fn task_sandbox(executor: &Executor, container: &ContainerId) -> String {
    match executor.kind {
        Kind::Default => layout::nested_sandbox(&executor.sandbox, container),
        Kind::Command | Kind::Custom => executor.sandbox.clone(),
    }
}

/// The volumes among the resources of a container.
///
/// Mesos: those whose path in the container has a slash in it are left out with a warning.
fn mounts<'a>(resources: impl IntoIterator<Item = &'a v1::Resource>) -> Result<Vec<Mount>, String> {
    let mut mounts = Vec::new();
    for resource in resources.into_iter().filter_map(|one| Resource::from_wire(one).ok()) {
        let Some(volume) = resource.disk.as_ref().and_then(|disk| disk.volume.as_ref()) else { continue };
        let Some(folder) = VolumeFolder::of(&resource) else { continue };
        let path = &volume.container_path;
        let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains('\0');
        if !path.split('/').all(plain) {
            return Err(format!("The persistent volume at '{path}' must lie below the sandbox"));
        }
        mounts.push(Mount { folder, container_path: path.clone() });
    }
    Ok(mounts)
}

/// As whom a process runs; none for the agent's own user.
pub(super) fn user(
    config: &crate::config::Config,
    framework: &Framework,
    command: Option<&v1::CommandInfo>,
) -> Option<String> {
    if !config.switch_user {
        return None;
    }
    let named = command.and_then(|command| command.user.clone());
    let wanted = named.unwrap_or_else(|| framework.info.user.clone());
    Some(wanted).filter(|wanted| !wanted.is_empty() && *wanted != config.user)
}
