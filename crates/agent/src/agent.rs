// SPDX-License-Identifier: Apache-2.0

//! The machine itself: hands each input to the call or the flow that it belongs to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kaon_model::{
    AgentId, ContainerId, Entropy, FrameworkId, Mono, Now, Resources, TaskId, Timers, Uuid, format,
};

use crate::config::Config;
use crate::effect::{Effect, Effects, Reply};
use crate::flows::authentication::Proof;
use crate::flows::collection::Garbage;
use crate::input::{Input, Record, Stream, Ticket};
use crate::journal::{FileOp, Recovered};
use crate::state::{Counters, Key, Owner, Peer, Session, State, View};
use crate::updates::{Disowned, StreamKey, Streams};

/// Mesos: how long a master may be silent before the agent registers anew, until the master says otherwise.
pub(crate) const DEFAULT_PING_TIMEOUT: Duration = Duration::from_secs(75);

/// What a deadline is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Executors that outlived the last agent have had their time to come back.
    Recovered,
    /// The next try to register.
    Register,
    /// The next try to prove who this agent is, or the end of the one that goes on.
    Authenticate,
    /// The master has been silent for too long.
    Ping,
    /// The machine of a built-in executor is due.
    Machine(ContainerId),
    /// A custom executor has had its time to subscribe.
    Registration(ContainerId),
    /// An executor has had its time to end.
    Shutdown(ContainerId),
    /// An executor's stream is to be kept alive.
    Heartbeat(ContainerId),
    /// An update was not acknowledged.
    Retry(FrameworkId, TaskId),
    /// The end of an operation was not acknowledged.
    OperationRetry(Uuid),
    /// The oldest sandbox is to be removed.
    Collect,
    /// All that an agent left, which was registered here before, is to be removed.
    Discard(AgentId),
}

/// What waits for facts to be durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// These tasks may be given to the executor, which may be launched.
    Run { key: Key, container: ContainerId, tasks: Vec<TaskId> },
    /// This update may be acknowledged to the executor that sent it, and sent on.
    Update { stream: StreamKey, uuid: Uuid, executor: Option<(Key, ContainerId)> },
    /// This update is done with.
    Acknowledgement { stream: StreamKey, uuid: Uuid },
    /// What became of this operation may be told.
    Operation { uuid: Uuid },
    /// This executor may be told that it is subscribed.
    Subscription { key: Key, peer: Peer, again: bool },
    /// What runs may be killed: an agent after this one will know that it is being emptied.
    Drain,
    /// These containers may be struck: whoever finds them ended will know why.
    Strikes(Vec<Strike>),
}

/// What a built-in executor does to the container of a task that is to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Strike {
    Signal(ContainerId, i32),
    Destroy(ContainerId),
}

impl From<Strike> for Effect {
    fn from(strike: Strike) -> Effect {
        match strike {
            Strike::Signal(container, signal) => Effect::Signal { container, signal },
            Strike::Destroy(container) => Effect::Destroy { container },
        }
    }
}

/// The agent of one host.
#[derive(Debug)]
pub struct Agent {
    pub(crate) config: Arc<Config>,
    pub(crate) entropy: Entropy,
    pub(crate) state: State,
    pub(crate) timers: Timers<Timer>,
    pub(crate) updates: Streams,
    pub(crate) disowned: Disowned,
    /// What the master was told last that there is.
    pub(crate) listed_total: Resources,
    /// Whether the end of a task has been acknowledged since it was listed, while no master had taken the agent back.
    pub(crate) listed_ended: bool,
    pub(crate) owners: BTreeMap<ContainerId, Owner>,
    pub(crate) streams: BTreeMap<Stream, Key>,
    pub(crate) awaited: BTreeMap<Record, Awaited>,
    pub(crate) last_record: Record,
    /// Strikes of the input that is being handled. What leads to them is noted first.
    pub(crate) strikes: Vec<Strike>,
    pub(crate) garbage: Garbage,
    /// Operations whose end is durable and not acknowledged, with the last wait for that.
    pub(crate) operation_waits: BTreeMap<Uuid, Option<Duration>>,
    /// The longest that the next try to register may be put off.
    pub(crate) backoff: Duration,
    pub(crate) ping_timeout: Duration,
    /// Over what time the agents of this master are to come back to the next.
    pub(crate) spread: Duration,
    pub(crate) proof: Proof,
    /// Whether it was started to end what runs, and itself.
    pub(crate) cleaning: bool,
    /// Whether it is described otherwise than when it registered, which not every master of Mesos takes.
    pub(crate) needs_agent_update: bool,
    #[cfg(feature = "sabotage")]
    pub(crate) sabotage: Option<crate::Sabotage>,
}

/// The moment of an input, with the list that its effects go to.
pub(crate) struct Cx<'a> {
    pub now: Now,
    pub out: &'a mut Effects,
}

impl Cx<'_> {
    pub fn push(&mut self, effect: Effect) {
        self.out.push(effect);
    }

    pub fn warn(&mut self, message: String) {
        self.out.push(Effect::Warn { message });
    }
}

impl Agent {
    /// An agent that takes up what the journal and the containers tell of the one before it.
    pub fn new(
        config: Config,
        recovered: Recovered,
        containers: Vec<(ContainerId, crate::input::RecoveredContainer)>,
        entropy: [u8; 32],
        now: Now,
        out: &mut Effects,
    ) -> Agent {
        let mut entropy = Entropy::new(entropy);
        let config = Arc::new(config);
        // Mesos: an agent says of itself that it checkpoints, always.
        let mut info = kaon_api::v1::AgentInfo { id: None, checkpoint: Some(true), ..config.info.clone() };
        format::upgrade_all(&mut info.resources);
        let state = State {
            config: config.clone(),
            total: Resources::from_wire(&info.resources).unwrap_or_default(),
            operations: BTreeMap::new(),
            info: Arc::new(info),
            id: None,
            session: Session::Recovering,
            master: None,
            frameworks: BTreeMap::new(),
            completed: Default::default(),
            counters: Counters::default(),
            started: now.wall,
            resource_version: entropy.uuid(),
            recovery: None,
            drain: None,
            disk_problem: None,
            garbage: 0,
        };
        let mut agent = Agent {
            config,
            entropy,
            state,
            timers: Timers::new(),
            updates: Streams::new(),
            disowned: Disowned::default(),
            listed_total: Resources::default(),
            listed_ended: false,
            owners: BTreeMap::new(),
            streams: BTreeMap::new(),
            awaited: BTreeMap::new(),
            last_record: Record::default(),
            strikes: Vec::new(),
            garbage: Garbage::default(),
            operation_waits: BTreeMap::new(),
            backoff: Duration::ZERO,
            ping_timeout: DEFAULT_PING_TIMEOUT,
            spread: Duration::ZERO,
            proof: Proof::default(),
            cleaning: false,
            needs_agent_update: false,
            #[cfg(feature = "sabotage")]
            sabotage: None,
        };
        let cx = &mut Cx { now, out };
        agent.recover(cx, recovered, containers);
        agent.strike(cx);
        agent
    }

    /// Advances the machine by one input. Never blocks, never fails, never looks outside.
    pub fn handle(&mut self, now: Now, input: Input, out: &mut Effects) {
        let cx = &mut Cx { now, out };
        match input {
            Input::Tick => self.tick(cx),
            Input::Leader { master } => self.leader(cx, master),
            Input::Message { from, message } => self.message(cx, from, *message),
            Input::Exited { peer } => self.peer_exited(cx, peer),
            Input::Subscribe { stream, call } => self.subscribe(cx, stream, *call),
            Input::Call { ticket, call } => self.executor_call(cx, ticket, *call),
            Input::StreamClosed { stream } => self.stream_closed(stream),
            Input::Recorded { record } => self.recorded(cx, record),
            Input::Disk { problem } => self.disk(cx, problem),
            Input::Container { container, event } => self.container_event(cx, container, event),
            Input::Checked { look, outcome } => self.checked(cx, look, outcome),
            Input::Leave => self.leave(cx),
            Input::Stop => self.stop(cx),
        }
        self.strike(cx);
    }

    /// What masters call it, once one has.
    pub fn id(&self) -> Option<&AgentId> {
        self.state.id.as_ref()
    }

    /// What this host has, with what was reserved or made a volume on it.
    pub fn total(&self) -> &Resources {
        &self.state.total
    }

    /// When `Input::Tick` is next due.
    pub fn deadline(&self) -> Option<Mono> {
        self.timers.next()
    }

    /// A cheap immutable picture, for readers on other threads.
    pub fn view(&self) -> View {
        View { state: Arc::new(self.state.clone()), build: Arc::default() }
    }

    fn tick(&mut self, cx: &mut Cx) {
        while let Some((_, timer)) = self.timers.pop_due(cx.now.mono) {
            match timer {
                Timer::Recovered => self.recovery_over(cx),
                Timer::Register => self.register(cx),
                Timer::Authenticate => self.authenticate(cx),
                Timer::Ping => self.ping_timeout(cx),
                Timer::Machine(container) => self.machine_due(cx, &container),
                Timer::Registration(container) => self.registration_timeout(cx, &container),
                Timer::Shutdown(container) => self.shutdown_timeout(cx, &container),
                Timer::Heartbeat(container) => self.heartbeat(cx, &container),
                Timer::Retry(framework, task) => self.send_next(cx, &(framework, task)),
                Timer::OperationRetry(uuid) => self.send_operation(cx, uuid),
                Timer::Collect => self.collect(cx),
                Timer::Discard(id) => self.collect_agent(cx, &id),
            }
        }
    }

    /// Makes facts durable. Where nothing needs to wait for them, `then` is none.
    pub(crate) fn record(&mut self, cx: &mut Cx, ops: Vec<FileOp>, then: Option<Awaited>) {
        self.last_record = Record(self.last_record.0 + 1);
        if let Some(awaited) = then {
            self.awaited.insert(self.last_record, awaited);
        }
        cx.push(Effect::Record { record: self.last_record, ops });
    }

    /// Goes on with what follows facts: at once where they are not kept, else when they are durable.
    pub(crate) fn after(&mut self, cx: &mut Cx, ops: Option<Vec<FileOp>>, then: Awaited) {
        match ops {
            Some(ops) => self.record(cx, ops, Some(then)),
            None => self.proceed(cx, then),
        }
    }

    fn recorded(&mut self, cx: &mut Cx, record: Record) {
        if let Some(awaited) = self.awaited.remove(&record) {
            self.proceed(cx, awaited);
        }
    }

    fn proceed(&mut self, cx: &mut Cx, awaited: Awaited) {
        match awaited {
            Awaited::Run { key, container, tasks } => self.run_recorded(cx, &key, &container, &tasks),
            Awaited::Update { stream, uuid, executor } => self.update_recorded(cx, &stream, &uuid, executor),
            Awaited::Acknowledgement { stream, uuid } => self.acknowledgement_recorded(cx, &stream, &uuid),
            Awaited::Operation { uuid } => self.operation_recorded(cx, uuid),
            Awaited::Subscription { key, peer, again } => self.subscription_recorded(cx, &key, &peer, again),
            Awaited::Drain => self.empty(cx),
            Awaited::Strikes(strikes) => strikes.into_iter().for_each(|strike| cx.push(strike.into())),
        }
    }

    /// Strikes that wait for no fact.
    pub(crate) fn strike(&mut self, cx: &mut Cx) {
        self.strikes.drain(..).for_each(|strike| cx.push(strike.into()));
    }

    pub(crate) fn reply(&self, cx: &mut Cx, ticket: Ticket, reply: Reply) {
        cx.push(Effect::Reply { ticket, reply });
    }

    pub(crate) fn fresh_container(&mut self) -> ContainerId {
        ContainerId::from(self.entropy.uuid().to_string())
    }
}
