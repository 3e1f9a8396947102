// SPDX-License-Identifier: Apache-2.0

//! Agents that come back: after a broken link, after a silence, or to a new master.

mod frameworks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kaon_allocator::Claim;
use kaon_api::libprocess::Upid;
use kaon_api::v1::task_status::Reason;
use kaon_api::{internal, v1};
use kaon_model::{AgentId, ExecutorId, Resources, Role, TaskId, TaskState};

use super::admission::Admission;
use crate::config::Return;
use crate::effect::{Effect, ToPeer};
use crate::events;
use crate::master::{Master, TimerKey, Turn};
use crate::state::capabilities::AgentCapabilities;
use crate::state::tasks::{Body, Told, model_state, told_by_agent};
use crate::state::{AgentRow, Executor, Framework, FrameworkRow, Task, TaskRow};

/// An agent that comes back, with all that it brings.
#[derive(Debug)]
pub(crate) struct Reregistration {
    pub id: AgentId,
    pub from: Upid,
    /// With the id; resources in the form with a stack of reservations.
    pub info: Box<v1::AgentInfo>,
    pub total: Resources,
    pub message: Box<internal::ReregisterAgentMessage>,
    /// How the registry knew it.
    pub standing: Standing,
}

/// What the registry knew of an agent that comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Registered with this master or the one before it.
    Admitted,
    Unreachable,
    /// Registered all along, with tasks of which this master did not know.
    Doubted,
    /// It was forgotten, or never known here.
    Unknown,
}

impl Master {
    /// What had to be written is durable.
    pub(crate) fn reregistered(&mut self, turn: &mut Turn, back: Reregistration) {
        self.state.tables.counters.slave_reregistrations += 1;
        match self.state.agents.row(back.id.as_str()) {
            Some(row) => self.agent_known_again(turn, row, back),
            None => self.agent_taken_back(turn, back),
        }
    }

    /// The agent was registered all along. It is asked about tasks that it did not list.
    fn agent_known_again(&mut self, turn: &mut Turn, row: AgentRow, back: Reregistration) {
        turn.out.push(Effect::Link { to: back.from.clone() });
        self.timers.cancel(&TimerKey::Reregister(row));
        self.state.move_agent(row, back.from.clone());
        self.supersede(turn, row);
        self.refresh_agent(turn, row, &back);
        self.recover_frameworks(turn, &back.message.frameworks);
        self.compare_executors(row, &back.message.executor_infos);
        let doubted = self.take_unknown_tasks(turn, row, &back.message.tasks);
        let reconciliations = self.questions(turn, row, &back.message.tasks, &doubted);
        let registered = internal::AgentReregisteredMessage {
            agent_id: v1::AgentID::from(back.id.as_str()),
            reconciliations,
            connection: Some(self.connection()),
            ..Default::default()
        };
        turn.send(&back.from, ToPeer::AgentReregistered(registered));
        self.kill_again(turn, row, &back.message.tasks);
        self.order_drain(turn, row);
        self.tell_agent_of_frameworks(turn, row, &back.message.frameworks);
        if !self.state.agent(row).capabilities.resource_provider() {
            self.checkpoint_resources(turn, row);
        }
    }

    /// What the agent has. One that does not carry out operations has what the books say, and is told.
    ///
    /// Nor is a process believed that was here all along: what it said may be older than an operation that was ordered
    /// since. What becomes of each operation it tells by itself.
    fn total_of(&mut self, row: AgentRow, back: &Reregistration) -> Resources {
        let (known, told) = (&self.state.agent(row).resource_version, &back.message.resource_version_uuid);
        let same = known.is_some() && known == told;
        let capabilities = AgentCapabilities::from_wire(&back.message.agent_capabilities);
        if capabilities.resource_provider() && !same {
            self.state.hopes.forget(row);
            return back.total.clone();
        }
        let described = Resources::from_wire(&back.info.resources).unwrap_or_default();
        let checkpointed = |total: &Resources| described.with_checkpointed(&total.checkpointed());
        match checkpointed(&self.state.agent(row).total) {
            Ok(total) => {
                self.state
                    .hopes
                    .rebase(row, |known| checkpointed(known).unwrap_or_else(|_| back.total.clone()));
                total
            }
            Err(_) => {
                self.state.hopes.forget(row);
                back.total.clone()
            }
        }
    }

    fn refresh_agent(&mut self, turn: &mut Turn, row: AgentRow, back: &Reregistration) {
        let total = self.total_of(row, back);
        if *self.state.agent(row).total != total {
            // What was offered may not be there any more.
            self.withdraw_agent_offers(turn, row);
        }
        let message = &back.message;
        let agent = self.state.agent_mut(row);
        let capabilities = AgentCapabilities::from_wire(&message.agent_capabilities);
        let changed =
            *agent.info != *back.info || *agent.capabilities != capabilities || *agent.total != total;
        agent.info = Arc::new((*back.info).clone());
        agent.capabilities = Arc::new(capabilities);
        agent.total = Arc::new(total);
        agent.version = message.version.clone().unwrap_or_default();
        agent.resource_version = message.resource_version_uuid.clone();
        agent.reregistered = Some(turn.now.wall);
        agent.pulse.missed = 0;
        agent.pulse.awaiting = false;
        let was_connected = std::mem::replace(&mut agent.connected, true);
        self.state.agents.trust(row);
        if changed {
            self.reshape_agent(row);
        }
        if !was_connected && self.state.agent(row).is_active() {
            self.wake_agent(row);
        }
        self.found_again(turn, &back.id);
    }

    /// Takes the tasks that the agent lists but the master does not know there, and returns them.
    ///
    /// The master that took the agent back may have gone by an older list, which was long on its way. So may this list
    /// be, which is why the agent is asked whether it has them still.
    ///
    /// Mesos: tells the framework how they fare, but does not count what they use, and offers it to others.
    fn take_unknown_tasks(&mut self, turn: &mut Turn, agent: AgentRow, listed: &[v1::Task]) -> Vec<TaskRow> {
        let (mut taken, mut ended) = (Vec::new(), BTreeMap::new());
        for task in listed.iter().filter(|task| !model_state(task.state).is_terminal()) {
            let id = task.task_id.value.as_str();
            let Some((framework, found)) = self.state.framework_by_id(&task.framework_id.value) else {
                continue;
            };
            let past = &self.state.tables.history;
            let ended = ended.entry(framework).or_insert_with(|| past.ended_ids(&found.id));
            if self.state.tasks.row(framework, id).is_some() || ended.contains(id) {
                continue;
            }
            self.take_task(turn, agent, task.clone(), Standing::Doubted);
            taken.extend(self.state.tasks.row(framework, id));
        }
        taken
    }

    /// What the agent is asked, by framework: the tasks that the master knows on it but it did not list, with those
    /// that are in doubt.
    fn questions(
        &mut self,
        turn: &mut Turn,
        agent: AgentRow,
        listed: &[v1::Task],
        doubted: &[TaskRow],
    ) -> Vec<internal::ReconcileTasksMessage> {
        let listed: BTreeSet<(&str, &str)> = listed.iter().map(key_of).collect();
        let mut questions: BTreeMap<FrameworkRow, Vec<v1::TaskStatus>> = BTreeMap::new();
        for row in self.state.tasks.of_agent(agent) {
            let task = self.state.task(row);
            let is_listed = listed.contains(&(task.body.framework.as_str(), task.body.id.as_str()));
            if is_listed && !doubted.contains(&row) {
                continue;
            }
            if task.state.is_terminal() {
                self.settle_ended(turn, row);
                continue;
            }
            let text = "Reconciliation: task unknown to the agent";
            let status = self.status_of(row, task.state, Reason::ReasonReconciliation, text, turn);
            questions.entry(task.framework).or_default().push(status);
        }
        let question = |(row, statuses)| {
            let framework = self.state.framework(row);
            internal::ReconcileTasksMessage {
                framework_id: v1::FrameworkID::from(framework.id.as_str()),
                statuses,
                framework: Some(Box::new((*framework.info).clone())),
                ..Default::default()
            }
        };
        questions.into_iter().map(question).collect()
    }

    /// A task has ended, and its agent knows of it no more: nobody will ask for the acknowledgement again.
    ///
    /// Mesos: asks the agent, which answers that the task is lost, though the framework was told how it ended.
    fn settle_ended(&mut self, turn: &mut Turn, row: TaskRow) {
        let task = self.state.task(row);
        if task.ended_unheard() {
            // The update that told the end went with the agent's memory.
            if !self.state.framework(task.framework).is_connected() {
                return;
            }
            let (framework, text) = (task.framework, "Reconciliation: Latest task state");
            let status = self.status_of(row, task.state, Reason::ReasonReconciliation, text, turn);
            self.tell(turn, framework, events::update(status));
        }
        self.forget_task(row, false);
    }

    /// What the agent runs is a fact: executors that it did not list are gone, those that it did are there.
    fn compare_executors(&mut self, agent: AgentRow, listed: &[v1::ExecutorInfo]) {
        let runs: BTreeSet<(&str, &str)> =
            listed.iter().map(|info| (framework_of(info), info.executor_id.value.as_str())).collect();
        for row in self.state.executors.of_agent(agent) {
            let own = &self.state.tables.executors[row];
            let framework = &self.state.framework(own.framework).id;
            if !runs.contains(&(framework.as_str(), own.id.as_str())) {
                self.drop_executor(row);
            }
        }
        self.take_executors(agent, listed);
    }

    fn take_executors(&mut self, agent: AgentRow, listed: &[v1::ExecutorInfo]) {
        for info in listed {
            let Some((framework, found)) = self.state.framework_by_id(framework_of(info)) else { continue };
            let id = ExecutorId::from(info.executor_id.value.as_str());
            let Ok(held) = Resources::from_wire(&info.resources) else { continue };
            if self.state.executors.row(agent, framework, &id).is_some() {
                continue;
            }
            let role = charged_role(&held, found);
            let (of, resources) = (found.id.clone(), Arc::new(held.unallocate()));
            let agent_id = self.state.agent(agent).id.clone();
            let claim = Claim::Executor(id.clone());
            if self.allocator.charge(&agent_id, &of, &role, claim, resources.clone()).is_ok() {
                let info = Arc::new(info.clone());
                self.state.insert_executor(Executor { framework, agent, id, info, role, resources });
            }
        }
    }

    /// Kills that the agent may have missed, of tasks that it still runs.
    fn kill_again(&mut self, turn: &mut Turn, row: AgentRow, listed: &[v1::Task]) {
        let runs: BTreeSet<(&str, &str)> =
            listed.iter().filter(|task| !model_state(task.state).is_terminal()).map(key_of).collect();
        for (framework, task) in self.state.agents.kills(row) {
            if !runs.contains(&(framework.as_str(), task.as_str())) {
                continue;
            }
            let kill = internal::KillTaskMessage {
                framework_id: v1::FrameworkID::from(framework.as_str()),
                task_id: v1::TaskID::from(task.as_str()),
                ..Default::default()
            };
            turn.send(&self.state.agent(row).pid, ToPeer::KillTask(kill));
        }
    }

    /// The agent is new to the tables: all that it brings is taken over.
    fn agent_taken_back(&mut self, turn: &mut Turn, back: Reregistration) {
        let Reregistration { id, from, info, total, message, standing } = back;
        self.forget_recovered(&id);
        self.found_again(turn, &id);
        let internal::ReregisterAgentMessage {
            tasks,
            executor_infos,
            completed_frameworks,
            version,
            frameworks,
            agent_capabilities,
            resource_version_uuid,
            ..
        } = *message;
        self.recover_frameworks(turn, &frameworks);
        let capabilities = AgentCapabilities::from_wire(&agent_capabilities);
        let version = version.unwrap_or_default();
        let admission =
            Admission { from, info, total, version, capabilities, resource_version: resource_version_uuid };
        let row = self.add_agent(turn, id.clone(), admission);
        self.state.agent_mut(row).reregistered = Some(turn.now.wall);
        self.take_executors(row, &executor_infos);
        #[cfg(feature = "sabotage")]
        let tasks = if self.breaks(crate::Sabotage::ForgetTasksAtFailover) { Vec::new() } else { tasks };
        for task in &tasks {
            self.take_task(turn, row, task.clone(), standing);
        }
        if standing == Standing::Unreachable {
            self.state.tables.history.forget_unreachable(&id);
        }
        self.take_archive(completed_frameworks);
        self.ping(turn, row);
        let registered = internal::AgentReregisteredMessage {
            agent_id: v1::AgentID::from(id.as_str()),
            connection: Some(self.connection()),
            ..Default::default()
        };
        self.order_drain(turn, row);
        let pid = self.state.agent(row).pid.clone();
        turn.send(&pid, ToPeer::AgentReregistered(registered));
        self.kill_again(turn, row, &tasks);
        self.tell_agent_of_frameworks(turn, row, &frameworks);
        self.watch_agent_added(turn, row);
    }

    /// A task that an agent brings: its word counts, whatever was thought of the task before.
    fn take_task(&mut self, turn: &mut Turn, agent: AgentRow, mut task: v1::Task, standing: Standing) {
        let id = TaskId::from(task.task_id.value.as_str());
        let Some((framework, found)) = self.state.framework_by_id(&task.framework_id.value) else { return };
        let Ok(held) = Resources::from_wire(&task.resources) else { return };
        if self.state.tasks.row(framework, id.as_str()).is_some() {
            return;
        }
        let role = charged_role(&held, found);
        let (framework_id, resources) = (found.id.clone(), Arc::new(held.unallocate()));
        self.state.tables.history.take_unreachable(&framework_id, &id);
        let state = told_by_agent(task.state).unwrap_or(TaskState::Staging);
        if !state.frees_resources() {
            let agent_id = self.state.agent(agent).id.clone();
            let claim = Claim::Task(id.clone());
            if self.allocator.charge(&agent_id, &framework_id, &role, claim, resources.clone()).is_err() {
                return;
            }
        }
        let statuses = Arc::new(std::mem::take(&mut task.statuses));
        let told = task.status_update_state.map(|state| Told { state: model_state(state), uuid: None });
        let body = Arc::new(Body::reported(task, role, resources));
        let row = self.state.insert_task(Task { framework, agent, body, state, told, statuses });
        self.watch_task_added(turn, row);
        match standing {
            Standing::Admitted => {}
            // Mesos: tells ends too, before the updates that its agent still has to tell of the time before.
            _ if state.is_terminal() => {}
            Standing::Unreachable if self.ends_on_return(framework) => {
                self.state.agents.remember_kill(agent, framework_id, id);
            }
            _ => self.tell_task_is_back(turn, row, standing),
        }
    }

    /// Whether the tasks of a framework, which was told that they are lost, are not to run on. Mesos: until 1.5 they were
    /// killed, since then they are kept.
    fn ends_on_return(&self, framework: FrameworkRow) -> bool {
        self.config.non_partition_aware_return == Return::Kill
            && !self.state.framework(framework).is_partition_aware()
    }

    /// M13: what became of a task whose agent was thought lost.
    fn tell_task_is_back(&mut self, turn: &mut Turn, row: TaskRow, standing: Standing) {
        let task = self.state.task(row);
        // Mesos: with just this spelling.
        let text = match standing {
            Standing::Unreachable | Standing::Doubted => "Unreachable agent re-reregistered",
            Standing::Admitted | Standing::Unknown => "Unknown agent reregistered",
        };
        let mut status = self.status_of(row, task.state, Reason::ReasonAgentReregistered, text, turn);
        if let Some(last) = task.statuses.last() {
            status.healthy = last.healthy;
            status.check_status = last.check_status.clone();
            status.container_status = last.container_status.clone();
        }
        self.tell(turn, self.state.task(row).framework, events::update(status));
    }
}

fn key_of(task: &v1::Task) -> (&str, &str) {
    (&task.framework_id.value, &task.task_id.value)
}

fn framework_of(info: &v1::ExecutorInfo) -> &str {
    info.framework_id.as_ref().map(|id| id.value.as_str()).unwrap_or_default()
}

/// The role that resources are charged to. Agents without MULTI_ROLE do not say: it is the framework's only one.
fn charged_role(held: &Resources, framework: &Framework) -> Role {
    let told = held.iter().find_map(|resource| resource.allocation_role.clone());
    told.or_else(|| framework.sole_role().cloned()).unwrap_or_else(Role::star)
}
