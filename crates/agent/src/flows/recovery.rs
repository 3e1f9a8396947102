// SPDX-License-Identifier: Apache-2.0

//! How an agent takes up what the one before it left.

mod built_in;
mod cleanup;
mod compatibility;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kaon_api::internal::ReconnectExecutorMessage;
use kaon_api::libprocess::Upid;
use kaon_api::v1::task_status::Reason;
use kaon_api::{internal, v1};
use kaon_model::{AgentId, ContainerId, ExecutorId, FrameworkId, TaskState, Wall};

use crate::agent::{Agent, Cx, Timer};
use crate::config::Recover;
use crate::effect::{Effect, ToPeer};
use crate::input::RecoveredContainer;
use crate::journal::layout::{self, Tree};
use crate::journal::{Recovered, RecoveredExecutor, RecoveredFramework, RecoveredRun, RecoveredTask, facts};
use crate::state::{
    Drain, Ending, Executor, Framework, Key, Kind, MAX_COMPLETED_FRAMEWORKS, Owner, Phase, Session,
    add_status, is_terminal,
};

pub(super) type Containers = BTreeMap<ContainerId, RecoveredContainer>;

/// A run that was over: what is left of it is history, and a sandbox to be removed.
struct Ended {
    key: Key,
    container: ContainerId,
    at: Wall,
}

/// Whether this agent is the one that lived here before.
enum Takeover {
    Same,
    /// It is, with a description that has changed as it may.
    Changed,
    Another,
    /// It cannot be told, and going on would harm.
    Refused,
}

impl Agent {
    pub(crate) fn recover(
        &mut self,
        cx: &mut Cx,
        recovered: Recovered,
        containers: Vec<(ContainerId, RecoveredContainer)>,
    ) {
        let containers: Containers = containers.into_iter().collect();
        let Recovered {
            agent,
            is_undescribed,
            boot_id,
            drain,
            frameworks,
            other_agents,
            quarantined,
            warnings,
            repairs,
            resources,
            unfinished,
        } = recovered;
        // What runs may still be wanted, so nothing is touched.
        if !self.recover_resources(cx, &resources) {
            return;
        }
        if !unfinished.is_empty() {
            self.record(cx, unfinished, None);
        }
        other_agents.into_iter().for_each(|id| self.discard_agent(cx, id));
        self.state.counters.recovery_errors = quarantined.len() as u64;
        warnings.into_iter().for_each(|warning| cx.warn(warning));
        let rebooted = boot_id.is_some_and(|boot_id| boot_id != self.config.boot_id);
        if let Some(agent) = agent {
            let takeover =
                if is_undescribed { Takeover::Changed } else { self.takes_over(cx, &agent, rebooted) };
            match takeover {
                Takeover::Same | Takeover::Changed => {
                    // Before anything is appended to a log whose end is cut off.
                    if !repairs.is_empty() {
                        self.record(cx, repairs, None);
                    }
                    self.state.drain = drain.map(|config| Drain { config, since: cx.now.wall });
                    self.take_up(cx, agent, frameworks, quarantined, &containers, rebooted);
                    self.needs_agent_update = matches!(takeover, Takeover::Changed);
                    self.note_change(cx);
                    self.recover_operations(cx, resources.operations);
                }
                Takeover::Another => {}
                // What runs may still be wanted, so nothing is touched.
                Takeover::Refused => return,
            }
        }
        destroy_unknown(cx, &containers, |container| self.owners.contains_key(container));
        // Mesos: written at the very end, so that a recovery that was cut short sees the reboot again.
        self.record(cx, vec![facts::boot_id(&self.config.boot_id)], None);
        match self.config.recover {
            Recover::Reconnect => self.await_executors(cx),
            Recover::Cleanup => self.clean_up(cx),
        }
    }

    /// What the agent is now, for the agents after it.
    fn note_change(&mut self, cx: &mut Cx) {
        if let (true, Some(id)) = (self.needs_agent_update, self.state.id.clone()) {
            let info = self.state.info.clone();
            self.record(cx, facts::agent(&info, &id), None);
        }
    }

    fn take_up(
        &mut self,
        cx: &mut Cx,
        agent: v1::AgentInfo,
        frameworks: Vec<RecoveredFramework>,
        quarantined: Vec<(FrameworkId, ExecutorId, ContainerId)>,
        containers: &Containers,
        rebooted: bool,
    ) {
        self.state.id = agent.id.as_ref().map(|id| AgentId::from(id.value.as_str()));
        self.state.info = Arc::new(v1::AgentInfo { id: agent.id, ..v1::AgentInfo::clone(&self.state.info) });
        let drivers = drivers_of(&frameworks);
        let mut ended = Vec::new();
        for framework in frameworks {
            self.recover_framework(framework, &mut ended);
        }
        let now = cx.now.wall;
        let set_aside = quarantined.into_iter().map(|(framework, executor, container)| Ended {
            key: Key { framework, executor },
            container,
            at: now,
        });
        ended.extend(set_aside);
        ended.sort_by_key(|run| run.at);
        ended.into_iter().for_each(|run| self.discard_run(cx, run.key, run.container, true, run.at));
        self.take_up_executors(cx, containers, rebooted);
        self.reconnect(cx, &drivers);
    }

    /// Asks the drivers of executors that still run to register again. HTTP executors come by themselves.
    fn reconnect(&mut self, cx: &mut Cx, drivers: &BTreeMap<ContainerId, Upid>) {
        let Some(agent) = &self.state.id else { return };
        for executor in self.state.executors().filter(|executor| is_awaited(executor)) {
            let Some(driver) = drivers.get(&executor.container) else { continue };
            let message = ReconnectExecutorMessage {
                agent_id: v1::AgentID::from(agent.as_str()),
                ..Default::default()
            };
            cx.push(Effect::Link { to: driver.clone() });
            let message = Box::new(ToPeer::ReconnectExecutor(message));
            cx.push(Effect::Send { to: driver.clone(), message });
        }
    }

    /// Whether the recovered identity may be kept. Mesos: an agent that is described otherwise than before, beyond what
    /// the policy allows, is another one; after a reboot that costs nothing, without one it would orphan what runs.
    fn takes_over(&mut self, cx: &mut Cx, before: &v1::AgentInfo, rebooted: bool) -> Takeover {
        if before.id.as_ref().is_none_or(|id| kaon_model::validate_id(&id.value).is_err()) {
            return Takeover::Another;
        }
        if compatibility::is_same(before, &self.state.info) {
            return Takeover::Same;
        }
        let policy = self.config.reconfiguration_policy;
        let Err(difference) = compatibility::check(policy, before, &self.state.info) else {
            return Takeover::Changed;
        };
        if rebooted {
            cx.warn(format!("Falling back to recover as a new agent due to error: {difference}"));
            before.id.iter().for_each(|id| self.discard_agent(cx, AgentId::from(id.value.as_str())));
            self.record(cx, vec![facts::forget_agent()], None);
            return Takeover::Another;
        }
        let work_dir = self.config.work_dir.trim_end_matches('/');
        // Mesos: with advice about Docker, which is not used here.
        let message = format!(
            "Failed to perform recovery: {difference}\nIf recovery failed due to a change in configuration and you want \
             to\nkeep the current agent id, you might want to change the\n`--reconfiguration_policy` flag to a more \
             permissive value.\n\nTo restart this agent with a new agent id instead, do as follows:\nrm -f \
             {work_dir}/{}/{}\nThis ensures that the agent does not recover old live executors.\n\nFinally, restart \
             the agent.",
            layout::META_AGENTS,
            layout::LATEST
        );
        cx.push(Effect::Exit { code: 1, message });
        Takeover::Refused
    }

    fn recover_framework(&mut self, recovered: RecoveredFramework, ended: &mut Vec<Ended>) {
        let mut framework = Framework::new(recovered.id, recovered.info, recovered.pid);
        let bound = self.config.max_completed_executors_per_framework;
        for executor in recovered.executors {
            self.recover_executor(&mut framework, executor, ended, bound);
        }
        if !framework.executors.is_empty() {
            self.state.frameworks.insert(framework.id.clone(), framework);
        } else if framework.has_past() {
            self.state.completed.push_back(Arc::new(framework));
            while self.state.completed.len() > MAX_COMPLETED_FRAMEWORKS {
                self.state.completed.pop_front();
            }
        }
    }

    fn recover_executor(
        &mut self,
        framework: &mut Framework,
        recovered: RecoveredExecutor,
        ended: &mut Vec<Ended>,
        bound: usize,
    ) {
        let Some(agent) = self.state.id.clone() else { return };
        let kind = match recovered.info.r#type {
            _ if recovered.is_command => Kind::Command,
            Some(v1::executor_info::Type::Default) => Kind::Default,
            _ => Kind::Custom,
        };
        for run in recovered.runs {
            let sandbox = Tree::Sandboxes.run(&agent, &framework.id, &recovered.id, &run.container);
            let mut executor =
                Executor::new(framework, recovered.info.clone(), kind, run.container.clone(), sandbox);
            let is_latest = recovered.latest.as_ref().is_none_or(|latest| *latest == run.container);
            let live = is_latest && !run.completed;
            let at = run.notes.ended;
            self.recover_run(&agent, &mut executor, run, live);
            if live {
                framework.executors.insert(executor.id.clone(), Arc::new(executor));
            } else {
                let (key, container) = (executor.key(), executor.container.clone());
                executor.phase = Phase::Terminated;
                framework.remember(&executor, bound);
                ended.push(Ended { key, container, at: at.unwrap_or(self.state.started) });
            }
        }
    }

    /// Replays the tasks of a run; those of a live one go on where they were.
    fn recover_run(&mut self, agent: &AgentId, executor: &mut Executor, run: RecoveredRun, live: bool) {
        executor.pid = run.forked_pid;
        executor.noted = run.notes;
        executor.used = !run.tasks.is_empty();
        let folder = facts::run_folder(agent, executor);
        for RecoveredTask { id, mut task, updates, acknowledged } in run.tasks {
            updates.iter().for_each(|update| add_status(&mut task, &update.status));
            let told = updates.iter().filter(|update| {
                crate::updates::update_uuid(update).is_some_and(|uuid| acknowledged.contains(&uuid))
            });
            let ended_and_told = told.clone().any(|update| is_terminal(update.status.state));
            if !live || ended_and_told {
                executor.remember(Arc::new(task));
                continue;
            }
            // The oldest that waits for its acknowledgement may have reached the master before this agent ended.
            let is_open = |update: &&internal::StatusUpdate| {
                crate::updates::update_uuid(update).is_none_or(|uuid| !acknowledged.contains(&uuid))
            };
            if let Some(update) = updates.iter().find(is_open).or(updates.last()) {
                task.status_update_state = Some(update.status.state);
                task.status_update_uuid = update.status.uuid.clone();
            }
            let log = layout::updates(&folder, &id);
            self.updates.restore((executor.framework.clone(), id.clone()), log, updates, &acknowledged);
            executor.tasks.insert(id, Arc::new(task));
        }
    }

    /// Joins the executors with what was found of their containers.
    fn take_up_executors(&mut self, cx: &mut Cx, containers: &Containers, rebooted: bool) {
        let keys: Vec<Key> = self.state.executors().map(Executor::key).collect();
        for key in keys {
            match self.state.executor(&key).map(|executor| executor.kind) {
                Some(Kind::Custom) => self.take_up_custom(cx, &key, containers),
                Some(Kind::Command | Kind::Default) => self.take_up_built_in(cx, &key, containers, rebooted),
                None => {}
            }
            self.tell_held(cx, &key);
        }
    }

    fn take_up_custom(&mut self, cx: &mut Cx, key: &Key, containers: &Containers) {
        let Some(executor) = self.state.executor_mut(key) else { return };
        executor.phase = Phase::Registering;
        let found = containers.get(&executor.container);
        let container = executor.container.clone();
        if let Some(RecoveredContainer::Running { pid }) = found {
            executor.pid = Some(*pid);
        }
        if found.is_some() {
            self.owners.insert(container, Owner { key: key.clone(), task: None });
        }
        match found {
            Some(RecoveredContainer::Running { .. }) => {}
            Some(RecoveredContainer::Ended { status }) => self.executor_over(cx, key, *status),
            None => self.executor_over(cx, key, None),
        }
    }

    /// Custom executors get time to come back before the master hears of this agent.
    fn await_executors(&mut self, cx: &mut Cx) {
        if self.state.executors().any(is_awaited) {
            let at = cx.now.mono + self.config.executor_reregistration_timeout;
            self.timers.set(Timer::Recovered, at);
        } else {
            self.recovered(cx);
            self.empty(cx);
        }
    }

    fn recovered(&mut self, cx: &Cx) {
        self.state.session = Session::Disconnected;
        let took = cx.now.wall.nanos().saturating_sub(self.state.started.nanos());
        self.state.recovery = Some(Duration::from_nanos(u64::try_from(took).unwrap_or(0)));
    }

    /// Mesos waits for the whole time; here it ends when nobody is missing any more.
    pub(crate) fn executor_came_back(&mut self, cx: &mut Cx) {
        if self.state.session == Session::Recovering && !self.state.executors().any(is_awaited) {
            self.timers.cancel(&Timer::Recovered);
            self.recovery_over(cx);
        }
    }

    /// Whoever has not come back is given up; then the agent registers.
    pub(crate) fn recovery_over(&mut self, cx: &mut Cx) {
        let timeout = kaon_model::Span::from_std(self.config.executor_reregistration_timeout);
        let missing: Vec<Key> =
            self.state.executors().filter(|executor| is_awaited(executor)).map(Executor::key).collect();
        for key in missing {
            let state =
                self.state.framework(&key.framework).map(|framework| framework.lost_as(TaskState::Gone));
            let ending = Ending {
                state: state.unwrap_or(TaskState::Lost),
                reason: Reason::ReasonExecutorReregistrationTimeout,
                message: format!("Executor did not reregister within {timeout}"),
            };
            if let Some(executor) = self.state.executor_mut(&key) {
                executor.phase = Phase::Terminating;
                executor.ending = Some(ending);
            }
            self.destroy_executor(cx, &key);
        }
        self.recovered(cx);
        self.empty(cx);
        self.seek(cx);
    }
}

/// Where the executors of each run listened.
fn drivers_of(frameworks: &[RecoveredFramework]) -> BTreeMap<ContainerId, Upid> {
    let executors = frameworks.iter().flat_map(|framework| &framework.executors);
    let runs = executors.flat_map(|executor| &executor.runs);
    runs.filter_map(|run| Some((run.container.clone(), run.driver.clone()?))).collect()
}

fn is_awaited(executor: &Executor) -> bool {
    executor.kind == Kind::Custom && executor.phase == Phase::Registering
}

/// What nobody owns must not run on: its framework does not checkpoint, or its facts were lost.
fn destroy_unknown(cx: &mut Cx, containers: &Containers, is_owned: impl Fn(&ContainerId) -> bool) {
    for (container, found) in containers.iter().filter(|(container, _)| !is_owned(container)) {
        let container = container.clone();
        match found {
            RecoveredContainer::Running { .. } => {
                cx.warn(format!("Destroying container {container}, which belongs to no executor"));
                cx.push(Effect::Destroy { container });
            }
            RecoveredContainer::Ended { .. } => cx.push(Effect::Forget { container }),
        }
    }
}
