// SPDX-License-Identifier: Apache-2.0

//! The machine: what it holds, and where each input goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kaon_allocator::Allocator;
use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_model::{AgentId, Entropy, Mono, Now, Role, Timers, Wall};

use crate::config::Config;
use crate::effect::{Effect, Effects, Reply, ToPeer};
use crate::flows::auditing::{Action, Actions};
use crate::flows::authentication::Authentication;
use crate::flows::awaiting::Awaiting;
use crate::flows::enforcement::Enforcement;
use crate::flows::following::Followers;
use crate::flows::maintenance::{Answers, answers};
use crate::flows::pace::Pace;
use crate::input::{Input, PeerMessage, Stream, Ticket};
use crate::registry::Registry;
use crate::rejection::Rejection;
use crate::state::machines::Machines;
use crate::state::{AgentRow, FrameworkRow, State};
use crate::view::View;

/// A leading master. Made anew when leadership is won, dropped when it is lost.
#[derive(Debug)]
pub struct Master {
    pub(crate) config: Arc<Config>,
    pub(crate) info: Arc<v1::MasterInfo>,
    pub(crate) entropy: Entropy,
    /// What the allocator draws from: so that no id depends on how often it ran.
    pub(crate) dice: Entropy,
    pub(crate) started: Wall,
    pub(crate) now: Now,
    pub(crate) state: State,
    pub(crate) allocator: Allocator,
    /// Shared with pictures: written only while none holds it, else copied once.
    pub(crate) registry: Arc<Registry>,
    /// Admitted before this master led, and not back yet.
    pub(crate) recovered: Arc<BTreeMap<AgentId, v1::AgentInfo>>,
    /// How many there were at first.
    pub(crate) recovered_at_first: usize,
    /// Roles without an entry have the weight 1.
    pub(crate) weights: Arc<BTreeMap<Role, f64>>,
    pub(crate) awaiting: Awaiting,
    pub(crate) authentication: Authentication,
    pub(crate) pace: Pace,
    pub(crate) timers: Timers<TimerKey>,
    /// How frameworks answered last when they were asked for agents.
    pub(crate) answers: Arc<Answers>,
    pub(crate) enforcement: Enforcement,
    /// Operators' event streams, oldest first.
    pub(crate) watchers: Followers,
    /// The same for our own.
    pub(crate) listeners: Followers,
    pub(crate) actions: Actions,
    pub(crate) ids: Ids,
    #[cfg(feature = "sabotage")]
    pub(crate) sabotage: Option<crate::Sabotage>,
}

/// Counters from which ids are made; they start anew with each master, whose own id is their prefix.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    pub frameworks: u64,
    pub agents: u64,
    pub offers: u64,
}

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerKey {
    /// The agent's next ping.
    Ping(AgentRow),
    /// The disconnected agent must be back.
    Reregister(AgentRow),
    /// The agents admitted before this master led must be back.
    Recovered,
    /// The next agent may be declared unreachable.
    Removal,
    /// The framework that is disconnected, or known from its agents alone, must be back.
    Failover(FrameworkRow),
    Heartbeat(FrameworkRow),
    FollowerHeartbeat(Stream),
    /// The offer of this number must be answered.
    Offer(u64),
    /// The inverse offer of this number must be answered.
    InverseOffer(u64),
    /// Frameworks may be asked for agents whose machines are to be maintained.
    Asking,
    /// Windows that are enforced are looked at.
    Enforcement,
    /// The attempt to authenticate of this number must be over.
    Authentication(u64),
    /// What is remembered of agents is searched for what is too old.
    Collection,
}

/// One input being handled: when, with where its effects go.
pub(crate) struct Turn<'a> {
    pub now: Now,
    pub out: &'a mut Effects,
}

impl Turn<'_> {
    pub fn send(&mut self, to: &Upid, message: ToPeer) {
        self.out.push(Effect::Send {
            to: to.clone(),
            from: "master".to_string(),
            message: Box::new(message),
        });
    }

    pub fn event(&mut self, stream: Stream, event: v1::scheduler::Event) {
        self.out.push(Effect::Event { stream, event: Box::new(event) });
    }

    pub fn reply(&mut self, ticket: Ticket, reply: Reply) {
        self.out.push(Effect::Reply { ticket, reply });
    }
}

impl Master {
    /// A master that leads from the start, with what the registry remembers. Ask `Config::check` before.
    pub fn new(config: Config, registry: Registry, entropy: [u8; 32], now: Now) -> Master {
        let mut entropy = Entropy::new(entropy);
        let id = entropy.uuid().to_string();
        let recovered: BTreeMap<_, _> =
            registry.admitted().map(|(id, info)| (id.clone(), info.clone())).collect();
        let weights = initial_weights(&config, &registry);
        let mut timers = Timers::new();
        timers.set(TimerKey::Recovered, now.mono + config.agent_reregister_timeout);
        timers.set(TimerKey::Collection, now.mono + crate::config::REGISTRY_GC_INTERVAL);
        if !registry.enforced().is_empty() {
            timers.set(TimerKey::Enforcement, now.mono);
        }
        Master {
            info: Arc::new(master_info(&config, id)),
            allocator: crate::flows::offering::allocator(&config, &registry, &weights, now),
            weights: Arc::new(weights),
            dice: entropy.fork(),
            config: Arc::new(config),
            entropy,
            started: now.wall,
            now,
            state: State { machines: Machines::of_registry(registry.machines()), ..State::default() },
            answers: Arc::new(answers(&registry)),
            enforcement: Enforcement::default(),
            registry: Arc::new(registry),
            recovered_at_first: recovered.len(),
            recovered: Arc::new(recovered),
            awaiting: Awaiting::default(),
            authentication: Authentication::default(),
            pace: Pace::default(),
            timers,
            watchers: Followers::default(),
            listeners: Followers::default(),
            actions: Actions::new(),
            ids: Ids::default(),
            #[cfg(feature = "sabotage")]
            sabotage: None,
        }
    }

    /// How the master that is made of this entropy will present itself, for those who choose between candidates.
    pub fn candidate(config: &Config, entropy: [u8; 32]) -> v1::MasterInfo {
        master_info(config, Entropy::new(entropy).uuid().to_string())
    }

    /// Advances the machine by one input. Never blocks, never fails, never looks outside.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Effects) {
        self.now = now;
        let before = out.len();
        let mut turn = Turn { now, out };
        match input {
            Input::Tick => self.tick(&mut turn),
            Input::Message { from, to, message } => self.message(&mut turn, from, &to, *message),
            Input::Exited { peer } => self.exited(&mut turn, peer),
            Input::Subscribe { stream, call, caller } => self.subscribe(&mut turn, stream, *call, caller),
            Input::Call { ticket, stream_id, call, caller } => {
                let result = self.scheduler_call(&mut turn, stream_id, *call, &caller);
                turn.reply(ticket, result.unwrap_or_else(Reply::from));
            }
            Input::Operator { ticket, call, caller } => {
                self.actions.insert(ticket, Action::of_call(&call, &caller));
                let answer = self.operator_call(&mut turn, ticket, *call, &caller);
                answer_later(&mut turn, ticket, answer);
            }
            Input::EnforceSchedule { ticket, schedule, caller } => {
                self.actions.insert(ticket, Action::of_schedule(&schedule, &caller));
                let answer = self.enforce_schedule(&mut turn, ticket, *schedule, &caller);
                answer_later(&mut turn, ticket, answer);
            }
            Input::Watch { stream, caller: _ } => self.watch(&mut turn, stream),
            Input::Listen { stream, caller: _ } => self.listen(&mut turn, stream),
            Input::Whitelist { hosts } => self.allocator.set_whitelist(now.mono, hosts),
            Input::StreamClosed { stream } => self.stream_closed(&mut turn, stream),
            Input::Stored { write } => self.stored(&mut turn, write),
        }
        self.settle_drains(&mut turn);
        self.remove_leaving(&mut turn);
        self.write_down_actions(&mut turn, before);
    }

    /// Breaks a rule of the ledger from now on: who tests the tests.
    #[cfg(feature = "sabotage")]
    pub fn sabotage_ledger(&mut self, sabotage: kaon_allocator::Sabotage) {
        self.allocator.sabotage(sabotage);
    }

    /// When `Input::Tick` is next due.
    pub fn deadline(&self) -> Option<Mono> {
        [self.timers.next(), self.allocator.deadline()].into_iter().flatten().min()
    }

    /// A cheap immutable picture, for readers on other threads.
    pub fn view(&self) -> View {
        View::of(self)
    }

    /// The id of this master: the prefix of all that it names.
    pub fn id(&self) -> &str {
        &self.info.id
    }

    /// How this master presents itself.
    pub fn info(&self) -> &v1::MasterInfo {
        &self.info
    }

    fn tick(&mut self, turn: &mut Turn) {
        while let Some((_, key)) = self.timers.pop_due(turn.now.mono) {
            match key {
                TimerKey::Ping(agent) => self.ping_due(turn, agent),
                TimerKey::Reregister(agent) => self.reregister_overdue(turn, agent),
                TimerKey::Recovered => self.recovered_overdue(turn),
                TimerKey::Removal => self.removal_due(turn),
                TimerKey::Failover(framework) => self.failover_overdue(turn, framework),
                TimerKey::Heartbeat(framework) => self.heartbeat_due(turn, framework),
                TimerKey::FollowerHeartbeat(stream) => self.follower_heartbeat_due(turn, stream),
                TimerKey::Offer(number) => self.offer_overdue(turn, number),
                TimerKey::InverseOffer(number) => self.inverse_offer_overdue(turn, number),
                TimerKey::Asking => self.ask_for_agents(turn),
                TimerKey::Enforcement => self.enforcement_due(turn),
                TimerKey::Authentication(number) => self.authentication_overdue(turn, number),
                TimerKey::Collection => self.collect(turn),
            }
        }
        self.allocate(turn);
    }

    pub(crate) fn message(&mut self, turn: &mut Turn, from: Upid, to: &str, message: PeerMessage) {
        let Some(message) = self.pass_authentication(&from, message) else { return };
        match message {
            PeerMessage::RegisterAgent(message) => self.register_agent(turn, from, message),
            PeerMessage::ReregisterAgent(message) => self.reregister_agent(turn, from, message),
            PeerMessage::UnregisterAgent(message) => self.unregister_agent(turn, &from, &message),
            PeerMessage::UpdateAgent(message) => self.update_agent(turn, &from, message),
            PeerMessage::Pong(_) => self.pong(turn, to, &from),
            PeerMessage::StatusUpdate(message) => self.status_update(turn, &from, *message.update),
            PeerMessage::ExitedExecutor(message) => self.exited_executor(turn, &from, &message),
            PeerMessage::ExecutorToFramework(message) => self.executor_message(turn, message),
            PeerMessage::UpdateOperationStatus(message) => self.operation_status(turn, &from, message),
            PeerMessage::SchedulerCall(call) => self.driver_call(turn, &from, call),
            PeerMessage::SubmitScheduler(_) => self.submit_scheduler(turn, &from),
            PeerMessage::RegisterFramework(message) => self.register_framework(turn, &from, message),
            PeerMessage::ReregisterFramework(message) => self.reregister_framework(turn, &from, message),
            PeerMessage::DeactivateFramework(message) => self.deactivate_framework(turn, &from, &message),
            PeerMessage::Authenticate(message) => self.authenticate(turn, from, &message),
            PeerMessage::AuthenticationStart(message) => self.authentication_start(turn, &from, to, &message),
            PeerMessage::AuthenticationStep(message) => self.authentication_step(turn, &from, to, &message),
            message => match message.into_call() {
                Some(call) => self.driver_message(turn, &from, call),
                None => self.drop_message(),
            },
        }
    }

    fn stream_closed(&mut self, turn: &mut Turn, stream: Stream) {
        if let Some(row) = self.state.frameworks.row_of_stream(stream) {
            self.framework_disconnected(turn, row);
        }
        self.forget_follower(stream);
    }

    /// Whether all invariants hold. Takes time in proportion to the whole state: for tests and simulations.
    pub fn check(&self) -> Result<(), String> {
        crate::invariants::check(self)
    }

    /// Roles that a call names, or why it names none.
    pub(crate) fn roles_named(roles: &[String]) -> Result<BTreeSet<kaon_model::Role>, kaon_model::RoleError> {
        roles.iter().map(|role| kaon_model::Role::new(role)).collect()
    }
}

/// Mesos: once the registry holds weights, the flag says nothing any more.
fn initial_weights(config: &Config, registry: &Registry) -> BTreeMap<Role, f64> {
    let stored: BTreeMap<Role, f64> = registry.weights().collect();
    if !stored.is_empty() {
        return stored;
    }
    config.weights.iter().filter_map(|(role, weight)| Some((Role::new(role).ok()?, *weight))).collect()
}

fn master_info(config: &Config, id: String) -> v1::MasterInfo {
    let (ip, port) = (config.pid.ip, config.pid.port);
    let address = v1::Address {
        hostname: Some(config.hostname.clone()),
        ip: Some(ip.to_string()),
        port: i32::from(port),
        ..Default::default()
    };
    use v1::master_info::capability::Type::{AgentDraining, AgentUpdate, QuotaV2};
    let capability = |kind| v1::master_info::Capability { r#type: Some(kind), ..Default::default() };
    v1::MasterInfo {
        id,
        // Mesos: the bytes of the address in network order, read as a number of this machine.
        ip: u32::from_le_bytes(ip.octets()),
        port: u32::from(port),
        pid: Some(config.pid.to_string()),
        hostname: Some(config.hostname.clone()),
        version: Some(config.version.clone()),
        address: Some(address),
        capabilities: [AgentUpdate, AgentDraining, QuotaV2].into_iter().map(capability).collect(),
        domain: config.domain.clone(),
        ..Default::default()
    }
}

/// None: the reply comes when what was decided is durable.
fn answer_later(turn: &mut Turn, ticket: Ticket, answer: Result<Option<Reply>, Rejection>) {
    match answer {
        Ok(Some(reply)) => turn.reply(ticket, reply),
        Ok(None) => {}
        Err(rejection) => turn.reply(ticket, rejection.into()),
    }
}

/// The result of a call that is answered at once.
pub(crate) type Answer = Result<Reply, Rejection>;
