// SPDX-License-Identifier: Apache-2.0

//! How an agent finds its place under a master, and keeps it.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Duration;

use kaon_api::internal::{
    AgentRegisteredMessage, AgentReregisteredMessage, MasterAgentConnection, PingAgentMessage,
    PongAgentMessage, ReconcileTasksMessage, RegisterAgentMessage, ReregisterAgentMessage,
    UpdateAgentMessage, archive, update_agent_message,
};
use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_api::v1::agent_info::capability::Type as Capability;
use kaon_api::v1::framework_info::capability::Type as FrameworkCapability;
use kaon_api::v1::task_status::Reason;
use kaon_executor::Report;
use kaon_model::{AgentId, FrameworkId, TaskId, TaskState, format};

use crate::agent::{Agent, Cx, Timer};
use crate::effect::{Effect, ToPeer};
use crate::journal::facts;
use crate::state::{Executor, Kind, Master, Phase, Session, has_capability};

/// Bound: the longest time between two tries to register.
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// What this agent can do, and says so. The rest of Mesos's list (limits apart from requests) is not claimed before it is
/// there.
pub(crate) const CAPABILITIES: [Capability; 7] = [
    Capability::MultiRole,
    Capability::HierarchicalRole,
    Capability::ReservationRefinement,
    Capability::ResourceProvider,
    Capability::ResizeVolume,
    Capability::AgentOperationFeedback,
    Capability::AgentDraining,
];

impl Agent {
    /// The detector names the leading master; the same one again means that the agent is to register anew.
    pub(crate) fn leader(&mut self, cx: &mut Cx, master: Option<Box<v1::MasterInfo>>) {
        // Mesos: does not look for one.
        if self.cleaning {
            return;
        }
        self.state.master = master.and_then(|info| {
            let pid = pid_of(&info);
            if pid.is_none() {
                cx.warn(format!("Ignoring the leading master {}: it has no usable address", info.id));
            }
            Some(Master { pid: pid?, info: Arc::new(*info) })
        });
        // What a leader before this one sent may still be on its way, perhaps from the same address: it was decided with
        // another version in mind, and is refused. Mesos: obeys it.
        if self.state.id.is_some() {
            self.state.resource_version = self.entropy.uuid();
        }
        if self.is_beyond_master() {
            let message =
                "Agent state changed on restart, but the detected master lacks the AGENT_UPDATE capability. \
                           Refusing to connect."
                    .to_string();
            return cx.push(Effect::Exit { code: 1, message });
        }
        self.seek(cx);
    }

    /// Whether the master could not be told of the change. Mesos: where a master's capabilities are not known, because no
    /// ZooKeeper tells of it, it is believed to have them.
    fn is_beyond_master(&self) -> bool {
        use v1::master_info::capability::Type::AgentUpdate;
        let Some(master) = &self.state.master else { return false };
        let capabilities = &master.info.capabilities;
        self.needs_agent_update
            && !capabilities.is_empty()
            && !capabilities.iter().any(|one| one.r#type == Some(AgentUpdate))
    }

    /// Begins to register with the master, if there is one, and until then sends no updates.
    ///
    /// All agents of a master that has died do so at the same time. In a large cluster they heed what that master told
    /// them of how long to take for it.
    pub(crate) fn seek(&mut self, cx: &mut Cx) {
        self.seek_within(cx, self.config.registration_backoff_factor.max(self.spread));
    }

    /// The same, over a time of its own.
    fn seek_within(&mut self, cx: &mut Cx, factor: Duration) {
        if matches!(self.state.session, Session::Recovering | Session::Terminating) {
            return;
        }
        self.state.session = Session::Disconnected;
        self.pause_updates();
        self.timers.cancel(&Timer::Ping);
        self.timers.cancel(&Timer::Register);
        self.timers.cancel(&Timer::Authenticate);
        if self.state.master.is_none() {
            return;
        }
        // Mesos: the first try is spread over one factor, the next over two, four, …
        let first = cx.now.mono + factor.mul_f64(self.entropy.unit());
        self.backoff = factor.saturating_mul(2).min(BACKOFF_MAX);
        if self.config.credential.is_some() {
            self.proof.begin(&self.config);
            self.timers.set(Timer::Authenticate, first);
        } else {
            self.timers.set(Timer::Register, first);
        }
    }

    pub(crate) fn register(&mut self, cx: &mut Cx) {
        let Some(to) = self.state.master.as_ref().map(|master| master.pid.clone()) else { return };
        if self.state.session != Session::Disconnected {
            return;
        }
        cx.push(Effect::Link { to: to.clone() });
        let message = match &self.state.id {
            None => ToPeer::Register(self.register_message()),
            Some(_) => ToPeer::Reregister(self.reregister_message()),
        };
        cx.push(Effect::Send { to, message: Box::new(message) });
        self.listed_total = self.state.total.clone();
        self.listed_ended = false;
        self.timers.set(Timer::Register, cx.now.mono + self.backoff.mul_f64(self.entropy.unit()));
        self.backoff = self.backoff.saturating_mul(2).min(BACKOFF_MAX);
    }

    fn register_message(&self) -> RegisterAgentMessage {
        RegisterAgentMessage {
            agent: Box::new(self.info_for_masters()),
            checkpointed_resources: self.checkpointed_for_masters(),
            version: Some(self.config.version.clone()),
            agent_capabilities: capabilities(),
            resource_version_uuid: Some(self.version_uuid()),
            ..Default::default()
        }
    }

    /// Mesos: masters are told of resources in the form before refinement as far as that can say them.
    fn info_for_masters(&self) -> v1::AgentInfo {
        let mut info = v1::AgentInfo::clone(&self.state.info);
        let _ = format::downgrade_all(&mut info.resources);
        info
    }

    /// Mesos: of these, too, as much as can be said so.
    fn checkpointed_for_masters(&self) -> Vec<v1::Resource> {
        let mut checkpointed = self.state.total.checkpointed().to_wire();
        let _ = format::downgrade_all(&mut checkpointed);
        checkpointed
    }

    fn version_uuid(&self) -> v1::UUID {
        v1::UUID { value: self.state.resource_version.to_vec(), ..Default::default() }
    }

    fn reregister_message(&self) -> ReregisterAgentMessage {
        let executors = || self.state.executors();
        let listed =
            |executor: &&Executor| executor.kind != Kind::Command && executor.phase != Phase::Terminated;
        let tasks = executors().flat_map(|executor| {
            let queued = executor.queue.iter().map(|queued| &queued.task);
            let key =
                |task: &v1::Task| (executor.framework.clone(), TaskId::from(task.task_id.value.as_str()));
            let listed =
                executor.tasks.values().chain(queued).filter(move |task| !self.updates.is_ending(&key(task)));
            listed.map(|task| v1::Task::clone(task))
        });
        let archive = |framework: &Arc<crate::state::Framework>| archive::Framework {
            framework_info: Box::new(v1::FrameworkInfo::clone(&framework.info)),
            pid: Some(framework.pid.clone()),
            tasks: framework
                .past()
                .flat_map(|executor| executor.completed)
                .map(Arc::unwrap_or_clone)
                .collect(),
            ..Default::default()
        };
        ReregisterAgentMessage {
            agent: Box::new(self.info_for_masters()),
            checkpointed_resources: self.checkpointed_for_masters(),
            tasks: tasks.collect(),
            executor_infos: executors()
                .filter(listed)
                .map(|executor| v1::ExecutorInfo::clone(&executor.info))
                .collect(),
            frameworks: self
                .state
                .frameworks
                .values()
                .map(|framework| v1::FrameworkInfo::clone(&framework.info))
                .collect(),
            completed_frameworks: self.state.completed.iter().map(archive).collect(),
            version: Some(self.config.version.clone()),
            agent_capabilities: capabilities(),
            resource_version_uuid: Some(self.version_uuid()),
            ..Default::default()
        }
    }

    pub(crate) fn registered(&mut self, cx: &mut Cx, message: &AgentRegisteredMessage) {
        let id = AgentId::from(message.agent_id.value.as_str());
        if let Err(error) = kaon_model::validate_id(id.as_str()) {
            return cx.warn(format!("Ignoring a registration under the id '{id}': {error}"));
        }
        if !self.accepts_id(cx, &id, "Registered") {
            return;
        }
        if self.state.id.is_none() {
            let mut info = v1::AgentInfo::clone(&self.state.info);
            info.id = Some(v1::AgentID::from(id.as_str()));
            let ops = facts::agent(&info, &id);
            self.state.info = Arc::new(info);
            self.state.id = Some(id);
            self.record(cx, ops, None);
        }
        self.running(cx, message.connection.as_ref());
    }

    pub(crate) fn reregistered(&mut self, cx: &mut Cx, message: AgentReregisteredMessage) {
        let id = AgentId::from(message.agent_id.value.as_str());
        if self.state.id.is_none() || !self.accepts_id(cx, &id, "Re-registered") {
            return;
        }
        self.running(cx, message.connection.as_ref());
        for reconciliation in &message.reconciliations {
            self.reconcile(cx, reconciliation);
        }
    }

    /// Whether a master's answer is for us, now. Mesos: an agent that is taken for another ends itself.
    fn accepts_id(&mut self, cx: &mut Cx, id: &AgentId, what: &str) -> bool {
        if matches!(self.state.session, Session::Recovering | Session::Terminating) {
            return false;
        }
        match &self.state.id {
            Some(own) if own != id => {
                let message = format!("{what} but got wrong id: {id} (expected: {own})");
                cx.push(Effect::Exit { code: 1, message });
                false
            }
            _ => true,
        }
    }

    fn running(&mut self, cx: &mut Cx, connection: Option<&MasterAgentConnection>) {
        // Orders and acknowledgements of before were on their way for longer than the list that this answers: the master
        // goes by what was there before them.
        let changed = if self.listed_total != self.state.total {
            // What it orders on top of that must not be done.
            self.state.resource_version = self.entropy.uuid();
            Some("Reservations or volumes have changed")
        } else {
            self.listed_ended.then_some("Ends of tasks were acknowledged")
        };
        if let Some(what) = changed {
            cx.warn(format!("{what} since the master was told of them; registering again"));
            return self.seek_within(cx, self.config.registration_backoff_factor);
        }
        let seconds = connection.and_then(|connection| connection.total_ping_timeout_seconds);
        let told = seconds.and_then(kaon_model::Span::from_secs_f64).filter(|span| span.nanos() > 0);
        self.ping_timeout = told.map_or(crate::agent::DEFAULT_PING_TIMEOUT, |span| span.to_std());
        self.timers.cancel(&Timer::Register);
        self.timers.set(Timer::Ping, cx.now.mono + self.ping_timeout);
        let was_running = self.state.session == Session::Running;
        self.state.session = Session::Running;
        self.send_update_agent(cx);
        if !was_running {
            self.resume_updates(cx);
        }
    }

    /// Mesos: agents with resource providers say this after each registration; until then a master does not look at
    /// operations, nor at whether a drain is done.
    fn send_update_agent(&self, cx: &mut Cx) {
        let (Some(master), Some(id)) = (&self.state.master, &self.state.id) else { return };
        let operations = self.state.operations.values().map(|one| v1::Operation::clone(one)).collect();
        let message = UpdateAgentMessage {
            agent_id: v1::AgentID::from(id.as_str()),
            update_oversubscribed_resources: Some(false),
            operations: Some(update_agent_message::Operations { operations, ..Default::default() }),
            resource_providers: Some(update_agent_message::ResourceProviders::default()),
            resource_version_uuid: Some(self.version_uuid()),
            ..Default::default()
        };
        cx.push(Effect::Send { to: master.pid.clone(), message: Box::new(ToPeer::Update(message)) });
    }

    /// The master names tasks that it believes to be here: those that are not are told lost.
    fn reconcile(&mut self, cx: &mut Cx, reconciliation: &ReconcileTasksMessage) {
        let framework = FrameworkId::from(reconciliation.framework_id.value.as_str());
        let info = reconciliation.framework.as_deref();
        let aware = info.is_some_and(|info| has_capability(info, FrameworkCapability::PartitionAware));
        for status in &reconciliation.statuses {
            let task = TaskId::from(status.task_id.value.as_str());
            let known = self.state.executor_of(&framework, &task).is_some()
                || self.updates.has_ended(&(framework.clone(), task.clone()));
            if known {
                continue;
            }
            let report = match self.state.past_end(&framework, &task) {
                // Its acknowledgement crossed the master's list: what it came to is told once more, not that it
                // never was.
                Some((state, message)) => {
                    Report { state, reason: Some(Reason::ReasonReconciliation), message }
                }
                None => {
                    self.disowned.insert((framework.clone(), task.clone()), cx.now.mono);
                    Report {
                        state: if aware { TaskState::Dropped } else { TaskState::Lost },
                        reason: Some(Reason::ReasonReconciliation),
                        message: Some("Reconciliation: task unknown to the agent".to_string()),
                    }
                }
            };
            self.report_own(cx, &framework, None, &task, report);
        }
    }

    /// Mesos: pings come from an actor of their own, which must get the answer; they are answered in any state.
    pub(crate) fn ping(&mut self, cx: &mut Cx, from: Upid, ping: &PingAgentMessage) {
        cx.push(Effect::Send { to: from, message: Box::new(ToPeer::Pong(PongAgentMessage::default())) });
        if self.state.session != Session::Running {
            return;
        }
        let spread = ping.kaon_return_spread_seconds.and_then(kaon_model::Span::from_secs_f64);
        self.spread = spread.map_or(Duration::ZERO, |spread| spread.to_std().min(BACKOFF_MAX));
        if ping.connected {
            self.timers.set(Timer::Ping, cx.now.mono + self.ping_timeout);
        } else {
            cx.warn("The master believes this agent to be disconnected; registering again".to_string());
            // It is meant alone.
            self.seek_within(cx, self.config.registration_backoff_factor);
        }
    }

    pub(crate) fn ping_timeout(&mut self, cx: &mut Cx) {
        cx.warn(format!("No pings from the master within {}", kaon_model::Span::from_std(self.ping_timeout)));
        self.seek(cx);
    }

    /// The connection to a peer is gone. Mesos waits for its detector or for pings to stay away; with one fixed master
    /// that takes 75 seconds, so here a registered agent registers again at once, spread by the usual back-off.
    pub(crate) fn peer_exited(&mut self, cx: &mut Cx, peer: SocketAddrV4) {
        let is_master = self.state.master.as_ref().is_some_and(|master| master.pid.address() == peer);
        if is_master && self.state.session == Session::Running {
            cx.warn(format!("Lost the connection to the master at {peer}; registering again"));
            self.seek(cx);
        }
    }
}

fn capabilities() -> Vec<v1::agent_info::Capability> {
    let capability = |kind| v1::agent_info::Capability { r#type: Some(kind), ..Default::default() };
    CAPABILITIES.map(capability).into()
}

/// Where a master listens: its pid, else its address.
fn pid_of(info: &v1::MasterInfo) -> Option<Upid> {
    let told = info.pid.as_deref().and_then(|pid| pid.parse().ok()).filter(|pid: &Upid| !pid.is_empty());
    told.or_else(|| {
        let address = info.address.as_ref()?;
        let ip = address.ip.as_deref()?.parse().ok()?;
        Some(Upid::new("master", SocketAddrV4::new(ip, u16::try_from(address.port).ok()?)))
    })
}
