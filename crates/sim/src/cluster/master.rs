// SPDX-License-Identifier: Apache-2.0

//! The side of the master: its registry, its messages, and the books kept of what it says.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use kaon_api::libprocess::Upid;
use kaon_api::v1::TaskState;
use kaon_master::Master;
use kaon_master::config::{Config, Policy};
use kaon_master::effect::{Effect, Effects, ToPeer};
use kaon_master::input::{Input, PeerMessage, Write};
use kaon_master::registry::Registry;
use kaon_model::{Entropy, Mono, Now};

use super::{Cluster, Event, Options};
use crate::laws::exclusive::Amount;
use crate::network::Channel;
use crate::report::Broken;
use crate::scheduler::is_terminal;

pub struct MasterNode {
    core: Master,
    pub stream_of: BTreeMap<u64, usize>,
    /// The framework that the master gave each stream, which the scheduler itself may never have heard of.
    framework_of: BTreeMap<u64, String>,
    streams: u64,
    tickets: u64,
    wakes_at: Option<Mono>,
    /// Ticks in a row at one moment: a deadline that never moves would stop time.
    ticks: u32,
}

pub fn address() -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 5050)
}

pub fn config(policy: Policy) -> Config {
    Config {
        pid: Upid::new("master", address()),
        hostname: "master".into(),
        offer_timeout: Some(Duration::from_secs(60)),
        allocator: policy,
        ..Config::default()
    }
}

#[cfg(feature = "sabotage")]
fn sabotaged(mut core: Master, options: &Options) -> Master {
    if let Some(sabotage) = options.sabotage {
        core.sabotage(sabotage);
    }
    core
}

impl MasterNode {
    pub fn new(rng: &mut Entropy, options: &Options) -> MasterNode {
        let core = Master::new(config(options.policy), Registry::default(), rng.bytes(), Now::default());
        #[cfg(feature = "sabotage")]
        let core = sabotaged(core, options);
        MasterNode {
            core,
            stream_of: BTreeMap::new(),
            framework_of: BTreeMap::new(),
            streams: 0,
            tickets: 0,
            wakes_at: None,
            ticks: 0,
        }
    }

    pub fn next_stream(&mut self) -> u64 {
        self.streams += 1;
        self.streams
    }

    pub fn next_ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// The master's own invariants: its ledger against its tables.
    /// What this master believes that an agent has; none of one that is not registered.
    pub fn total_of(&self, agent: &Upid) -> Option<kaon_model::Resources> {
        let view = self.core.view();
        let mut agents = view.tables.agents.values().filter(|one| one.pid == *agent && one.connected);
        agents.next().map(|one| (*one.total).clone())
    }

    pub fn check(&self, broken: &mut VecDeque<Broken>) {
        if let Err(what) = self.core.check() {
            broken.push_back(Broken { law: "resources conserved", what });
        }
    }
}

impl Cluster {
    pub(super) fn wake_master(&mut self) {
        // An earlier alarm was set since: this one is void.
        if self.master.wakes_at.is_some_and(|at| at != self.now) {
            return;
        }
        self.master.wakes_at = None;
        match self.master.core.deadline() {
            Some(at) if at <= self.now => {
                self.master.ticks += 1;
                assert!(self.master.ticks < 10_000, "the master's deadline does not move: {self:?}");
                self.master_handles(Input::Tick);
            }
            _ => self.sleep_master(),
        }
    }

    fn sleep_master(&mut self) {
        let Some(at) = self.master.core.deadline() else { return };
        if self.master.wakes_at.is_none_or(|wakes| at < wakes) {
            let at = at.max(self.now);
            if at > self.now {
                self.master.ticks = 0;
            }
            self.master.wakes_at = Some(at);
            self.at(at, Event::WakeMaster);
        }
    }

    pub(super) fn master_handles(&mut self, input: Input) {
        let mut effects = Effects::new();
        let now = self.both();
        self.observe_input(&input);
        self.master.core.handle(now, input, &mut effects);
        for effect in effects {
            self.observe_effect(&effect);
            self.perform_master(effect);
        }
        self.sleep_master();
    }

    fn perform_master(&mut self, effect: Effect) {
        match effect {
            Effect::Send { to, from, message } => {
                let Some(agent) = self.agent_at(&to) else { return };
                let (name, body) = message.encode();
                if !matches!(*message, ToPeer::Ping(_)) {
                    self.log.line(self.now, format!("master -> agent {agent}: {name}"));
                }
                let (channel, at) = self.network.send(self.now, &mut self.rng, 0, agent + 1);
                self.at(at, Event::MessageToAgent { channel, agent, from, name, body });
            }
            Effect::Link { to } => {
                let Some(agent) = self.agent_at(&to) else { return };
                if self.agents[agent].is_up() {
                    self.network.link(0, agent + 1);
                } else {
                    self.after(Duration::from_millis(1), Event::ExitedAtMaster { agent });
                }
            }
            Effect::OpenStream { stream, id } => {
                if let Some(&scheduler) = self.master.stream_of.get(&stream.0)
                    && self.streams[scheduler].stream == stream.0
                {
                    self.streams[scheduler].stream_id = Some(id);
                }
            }
            Effect::Event { stream, event } => self.send_event(stream.0, *event),
            Effect::Close { stream } => {
                if let Some(&scheduler) = self.master.stream_of.get(&stream.0) {
                    let delay = self.network.delay_max * 2;
                    self.after(delay, Event::StreamEndsAtScheduler { scheduler, stream: stream.0 });
                }
            }
            Effect::Store { write, .. } => {
                let delay = Duration::from_millis(1 + self.rng.below(50));
                self.after(delay, Event::Stored { write });
            }
            Effect::Reply { reply, .. } => {
                if let kaon_master::effect::Reply::Refused { code, text } = reply {
                    self.counts.add("call refused");
                    self.log.line(self.now, format!("master refuses a call: {code} {text}"));
                }
            }
            Effect::Exit { message, .. } => panic!("{message}"),
            Effect::Warn { .. } | Effect::WatchEvent { .. } => {}
        }
    }

    /// What the master is told changes the books.
    fn observe_input(&mut self, input: &Input) {
        let message = match input {
            Input::Message { message, .. } => message,
            Input::StreamClosed { stream } => return self.observe_end(stream.0),
            _ => return,
        };
        match &**message {
            PeerMessage::StatusUpdate(message) => {
                let update = &message.update;
                let state = update.latest_state.unwrap_or(update.status.state);
                if is_terminal(state) {
                    self.books.task_over(&update.framework_id.value, &update.status.task_id.value);
                }
            }
            PeerMessage::ReregisterAgent(message) => {
                let Some(id) = &message.agent.id else { return };
                self.books.agent(&id.value, Amount::of(&message.agent.resources));
                let live = message.tasks.iter().filter(|task| !is_terminal(task.state));
                let live = live.map(|task| {
                    (
                        task.framework_id.value.as_str(),
                        task.task_id.value.as_str(),
                        Amount::of(&task.resources),
                    )
                });
                self.books.agent_runs(&id.value, live);
            }
            _ => {}
        }
    }

    /// With its stream, a framework loses its offers; an older stream that ends late means nothing.
    fn observe_end(&mut self, stream: u64) {
        let streams = &self.master.framework_of;
        let Some(id) = streams.get(&stream) else { return };
        if !streams.range(stream + 1..).any(|(_, other)| other == id) {
            self.books.framework_gone(id);
        }
    }

    /// What the master says changes the books, and is held against them.
    fn observe_effect(&mut self, effect: &Effect) {
        match effect {
            Effect::Event { stream, event } => self.observe_event(stream.0, event),
            Effect::Send { to, message, .. } => match &**message {
                ToPeer::AgentRegistered(registered) => {
                    if let Some(agent) = self.agent_at(to) {
                        self.books.agent(&registered.agent_id.value, self.agents[agent].total);
                    }
                }
                ToPeer::RunTask(run) => {
                    let framework = run.framework.id.as_ref().map_or("", |id| id.value.as_str());
                    let task = &run.task;
                    let amount = Amount::of(&task.resources);
                    self.counts.add("task launched");
                    self.books.launched(framework, &task.task_id.value, &task.agent_id.value, amount);
                }
                ToPeer::ShutdownFramework(shutdown) => {
                    self.counts.add("framework removed");
                    self.books.framework_removed(&shutdown.framework_id.value);
                }
                _ => {}
            },
            _ => {}
        }
    }

    fn observe_event(&mut self, stream: u64, event: &kaon_api::v1::scheduler::Event) {
        let Some(&scheduler) = self.master.stream_of.get(&stream) else { return };
        if let Some(subscribed) = &event.subscribed {
            self.master.framework_of.insert(stream, subscribed.framework_id.value.clone());
        }
        let framework = self.schedulers[scheduler].id.clone().unwrap_or_default();
        if let Some(offers) = &event.offers {
            for offer in &offers.offers {
                let framework = offer.framework_id.value.clone();
                let result = self.books.offered(&framework, offer);
                self.break_law(result);
            }
        }
        if let Some(rescind) = &event.rescind {
            self.books.offer_over(&rescind.offer_id.value);
        }
        if let Some(update) = &event.update
            && update.status.uuid.is_none()
            && (is_terminal(update.status.state) || update.status.state == TaskState::TaskUnreachable)
        {
            self.books.task_over(&framework, &update.status.task_id.value);
        }
    }

    pub(super) fn message_to_master(
        &mut self,
        channel: Channel,
        agent: usize,
        to: String,
        name: &'static str,
        body: &[u8],
    ) {
        if !self.network.is_open(channel) {
            return;
        }
        let message = PeerMessage::decode(name, body).expect("an agent sends only what a master knows");
        let message = message.expect("an agent's message is well-formed");
        if let PeerMessage::RegisterAgent(register) = &message {
            self.agents[agent].total = Amount::of(&register.agent.resources);
        }
        if name != "mesos.internal.PongSlaveMessage" {
            self.log.line(self.now, format!("agent {agent} -> master: {name}"));
        }
        let from = self.agents[agent].upid();
        self.master_handles(Input::Message { from, to, message: Box::new(message) });
    }

    pub(super) fn exited_at_master(&mut self, agent: usize) {
        self.log.line(self.now, format!("master sees the end of its link to agent {agent}"));
        self.master_handles(Input::Exited { peer: self.agents[agent].upid().address() });
    }

    pub(super) fn stored(&mut self, write: Write) {
        self.master_handles(Input::Stored { write });
    }
}
