// SPDX-License-Identifier: Apache-2.0

//! The side of the masters: what reaches them, and what they do.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use kaon_api::libprocess::Upid;
use kaon_master::config::{Config, Policy};
use kaon_master::effect::{Effect, Effects, Reply, ToPeer};
use kaon_master::input::{Input, PeerMessage};
use kaon_master::{Master, Registry};
use kaon_model::{Entropy, Mono, Wall};

use super::{Cluster, Event};
use crate::clock::Clock;
use crate::laws::exclusive::{Amount, Books};
use crate::network::Channel;
use crate::report::Broken;

pub struct MasterNode {
    /// None: it does not lead, as far as it knows.
    pub lead: Option<Lead>,
    pub up: bool,
    /// Counts the processes that were this master: what was meant for an earlier one is void.
    pub life: u64,
    /// Its session with the election, if it is a candidate.
    pub session: Option<u64>,
    pub sleeps_until: Mono,
    /// Effects that are still performed before it is killed.
    pub fuse: Option<u32>,
    clock: Clock,
}

/// A master that leads, or believes so.
pub struct Lead {
    pub core: Master,
    pub term: u64,
    /// What it said and was told, as far as resources go.
    pub books: Books,
    /// The framework that it gave each stream, which the scheduler itself may never have heard of.
    pub framework_of: BTreeMap<u64, String>,
    /// When the last write that was ordered arrives: they arrive in order.
    pub written: Mono,
    /// When it began to lead.
    pub since: Mono,
    wakes_at: Option<Mono>,
    /// Ticks in a row at one moment: a deadline that never moves would stop time.
    ticks: u32,
}

pub fn address(master: usize) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, master as u8 + 1), 5050)
}

pub fn config(policy: Policy) -> Config {
    of_master(0, policy)
}

fn of_master(master: usize, policy: Policy) -> Config {
    Config {
        pid: Upid::new("master", address(master)),
        hostname: format!("master-{master}"),
        offer_timeout: Some(Duration::from_secs(60)),
        allocator: policy,
        ..Config::default()
    }
}

impl MasterNode {
    pub fn new(rng: &mut Entropy, drift: u64) -> MasterNode {
        MasterNode {
            lead: None,
            up: false,
            life: 0,
            session: None,
            sleeps_until: Mono::ZERO,
            fuse: None,
            clock: Clock::draw(rng, drift),
        }
    }

    /// What its clock shows people.
    pub fn wall(&self, truth: Mono) -> Wall {
        self.clock.read(truth).wall
    }

    /// What this master believes that an agent has; none of one that is not registered.
    pub fn total_of(&self, agent: &Upid) -> Option<kaon_model::Resources> {
        let view = self.lead.as_ref()?.core.view();
        let mut agents = view.tables.agents.values().filter(|one| one.pid == *agent && one.connected);
        agents.next().map(|one| (*one.total).clone())
    }
}

impl Cluster {
    /// What a master that was elected begins with.
    pub(super) fn lead(&mut self, master: usize, term: u64, registry: Registry) {
        let now = self.masters[master].clock.read(self.now);
        let config = of_master(master, self.options.policy);
        #[cfg_attr(not(feature = "sabotage"), expect(unused_mut, reason = "only a broken rule changes it"))]
        let mut core = Master::new(config, registry, self.rng.bytes(), now);
        #[cfg(feature = "sabotage")]
        if let Some(sabotage) = self.options.sabotage {
            if let Some(sabotage) = sabotage.of_master() {
                core.sabotage(sabotage);
            }
            if let Some(sabotage) = sabotage.of_ledger() {
                core.sabotage_ledger(sabotage);
            }
        }
        self.masters[master].lead = Some(Lead {
            core,
            term,
            books: Books::default(),
            framework_of: BTreeMap::new(),
            written: self.now,
            since: self.now,
            wakes_at: None,
            ticks: 0,
        });
        self.sleep_master(master);
    }

    /// Each master's own invariants: its ledger against its tables.
    pub(super) fn check_masters(&mut self) {
        for master in 0..self.masters.len() {
            let Some(lead) = &self.masters[master].lead else { continue };
            self.counts.add("law resources conserved");
            if let Err(what) = lead.core.check() {
                self.broken.push_back(Broken { law: "resources conserved", what });
            }
        }
    }

    pub(super) fn wake_master(&mut self, master: usize, term: u64, at: Mono) {
        let node = &mut self.masters[master];
        // Another process, or an earlier alarm was set since: this one is void.
        let Some(lead) = node.lead.as_mut().filter(|lead| lead.term == term && lead.wakes_at == Some(at))
        else {
            return;
        };
        lead.wakes_at = None;
        match lead.core.deadline() {
            Some(due) if due <= node.clock.read(self.now).mono => {
                lead.ticks += 1;
                assert!(lead.ticks < 10_000, "the master's deadline does not move: {self:?}");
                self.master_handles(master, Input::Tick);
            }
            _ => self.sleep_master(master),
        }
    }

    fn sleep_master(&mut self, master: usize) {
        let now = self.now;
        let node = &mut self.masters[master];
        let Some(lead) = &mut node.lead else { return };
        let Some(due) = lead.core.deadline() else { return };
        let at = node.clock.when(due).max(now);
        if lead.wakes_at.is_none_or(|wakes| at < wakes) {
            if at > now {
                lead.ticks = 0;
            }
            lead.wakes_at = Some(at);
            let term = lead.term;
            self.at(at, Event::WakeMaster { master, term, at });
        }
    }

    pub(super) fn master_handles(&mut self, master: usize, input: Input) {
        self.observe_input(master, &input);
        let now = self.masters[master].clock.read(self.now);
        let Some(lead) = &mut self.masters[master].lead else { return };
        let mut effects = Effects::new();
        lead.core.handle(now, input, &mut effects);
        for effect in effects {
            if self.fuse_burns(master) {
                return self.crash_master(master);
            }
            self.observe_effect(master, &effect);
            self.perform_master(master, effect);
            if !self.masters[master].up {
                return;
            }
        }
        self.sleep_master(master);
    }

    /// Whether this is the moment at which the process is killed.
    fn fuse_burns(&mut self, master: usize) -> bool {
        let Some(left) = &mut self.masters[master].fuse else { return false };
        *left = left.saturating_sub(1);
        *left == 0
    }

    fn perform_master(&mut self, master: usize, effect: Effect) {
        match effect {
            Effect::Send { to, from, message } => {
                let Some(agent) = self.agent_at(&to) else { return };
                let (name, body) = message.encode();
                if !matches!(*message, ToPeer::Ping(_)) {
                    self.log.line(self.now, format!("master {master} -> agent {agent}: {name}"));
                }
                let there = self.agent_node(agent);
                let (channel, at) = self.network.send(self.now, &mut self.rng, master, there);
                self.at(at, Event::MessageToAgent { channel, master, agent, from, name, body });
            }
            Effect::Link { to } => {
                let Some(agent) = self.agent_at(&to) else { return };
                if self.agents[agent].is_up() {
                    self.network.link(master, self.agent_node(agent));
                } else {
                    self.after(Duration::from_millis(1), Event::ExitedAtMaster { master, agent });
                }
            }
            Effect::OpenStream { stream, id } => {
                if let Some(&scheduler) = self.stream_of.get(&stream.0)
                    && self.lines[scheduler].stream == stream.0
                {
                    self.lines[scheduler].stream_id = Some(id);
                }
            }
            Effect::Event { stream, event } => self.send_event(stream.0, *event),
            Effect::Close { stream } => {
                if let Some(&scheduler) = self.stream_of.get(&stream.0) {
                    let delay = self.network.delay_max * 2;
                    self.after(delay, Event::StreamEndsAtScheduler { scheduler, stream: stream.0 });
                }
            }
            Effect::Store { write, record, snapshot } => self.order_write(master, write, record, snapshot),
            Effect::Reply { ticket, reply } => {
                if let Reply::Refused { code, text } = &reply {
                    self.counts.add("call refused");
                    self.log.line(self.now, format!("master {master} refuses a call: {code} {text}"));
                }
                self.answered(ticket.0, &reply);
            }
            Effect::Exit { message, .. } => {
                self.counts.add("master exited");
                self.log.line(self.now, format!("master {master} exits: {message}"));
                self.crash_master(master);
            }
            Effect::Warn { message } => self.log.line(self.now, format!("master {master} warns: {message}")),
            Effect::WatchEvent { .. } | Effect::Announce { .. } | Effect::Audit { .. } => {}
        }
    }

    pub(super) fn message_to_master(
        &mut self,
        channel: Channel,
        master: usize,
        agent: usize,
        to: String,
        name: &'static str,
        body: &[u8],
    ) {
        if !self.network.is_open(channel) || !self.masters[master].up {
            return;
        }
        let message = PeerMessage::decode(name, body).expect("an agent sends only what a master knows");
        let message = message.expect("an agent's message is well-formed");
        if let PeerMessage::RegisterAgent(register) = &message {
            self.agents[agent].total = Amount::of(&register.agent.resources);
        }
        if name != "mesos.internal.PongSlaveMessage" {
            self.log.line(self.now, format!("agent {agent} -> master {master}: {name}"));
        }
        let from = self.agents[agent].upid();
        self.master_handles(master, Input::Message { from, to, message: Box::new(message) });
    }

    pub(super) fn exited_at_master(&mut self, master: usize, agent: usize) {
        if self.masters[master].up {
            self.log.line(self.now, format!("master {master} sees the end of its link to agent {agent}"));
            self.master_handles(master, Input::Exited { peer: self.agents[agent].upid().address() });
        }
    }
}
