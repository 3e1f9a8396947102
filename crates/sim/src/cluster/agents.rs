// SPDX-License-Identifier: Apache-2.0

//! The side of the agents: their hosts, lives and deaths.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use kaon_agent::Agent;
use kaon_agent::config::Config;
use kaon_agent::effect::{Effect, Effects, ToPeer};
use kaon_agent::input::{ContainerEvent, Input, Limit, PeerMessage, Record};
use kaon_agent::journal::FileOp;
use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_model::{ContainerId, Entropy, Mono};

use super::masters::{MasterNode, address};
use super::{Cluster, Event};
use crate::clock::Clock;
use crate::election::Change;
use crate::host::{End, Host};
use crate::laws::agreed::Sides;
use crate::laws::exclusive::Amount;
use crate::network::Channel;

pub struct AgentNode {
    pub core: Option<Agent>,
    pub host: Host,
    pub total: Amount,
    /// What it calls itself, or did when it last ran.
    pub id: Option<String>,
    /// What its detector last said.
    pub leader: Option<Change>,
    pub clock: Clock,
    pub sleeps_until: Mono,
    /// Effects that are still performed before it is killed.
    pub fuse: Option<u32>,
    /// Counts the starts of the host.
    pub boots: u64,
    /// The last order to run a task, as it came.
    #[cfg(feature = "sabotage")]
    pub last_order: Option<(&'static str, Vec<u8>)>,
    /// What is being written, oldest first.
    pub pending: VecDeque<Vec<FileOp>>,
    index: usize,
    name: String,
    cpus: u64,
    mem: u64,
    /// Counts the processes that were this agent: what was meant for an earlier one is void.
    pub life: u64,
    pub wakes_at: Option<Mono>,
    /// When the last write that was ordered is durable: a journal is written in order.
    pub written: Mono,
    /// Until when nothing can be written.
    pub full_until: Mono,
    /// The process has found out that the disk is full.
    pub knows_full: bool,
    ticks: u32,
}

const LIMITS: [Limit; 6] =
    [Limit::Memory, Limit::Disk, Limit::Other, Limit::IoSwitchboard, Limit::Preempted, Limit::UpdateFailed];

impl AgentNode {
    pub fn new(index: usize, rng: &mut Entropy, drift: u64) -> AgentNode {
        AgentNode {
            core: None,
            host: Host::default(),
            total: Amount::default(),
            id: None,
            leader: None,
            clock: Clock::draw(rng, drift),
            sleeps_until: Mono::ZERO,
            fuse: None,
            boots: 0,
            #[cfg(feature = "sabotage")]
            last_order: None,
            pending: VecDeque::new(),
            index,
            name: format!("agent {index}"),
            cpus: 1 + rng.below(8),
            mem: 512 + 512 * rng.below(8),
            life: 0,
            wakes_at: None,
            written: Mono::default(),
            full_until: Mono::default(),
            knows_full: false,
            ticks: 0,
        }
    }

    pub fn upid(&self) -> Upid {
        let ip = Ipv4Addr::new(10, 0, 1, self.index as u8 + 1);
        Upid::new("slave(1)", SocketAddrV4::new(ip, 5051))
    }

    /// What is known of its resources, by the master and by itself.
    pub fn sides<'a>(&'a self, master: &MasterNode) -> Sides<'a> {
        Sides {
            name: &self.name,
            described: kaon_model::Resources::from_wire(&self.config().info.resources).unwrap_or_default(),
            master: master.total_of(&self.upid()),
            agent: self.core.as_ref().map(Agent::total),
            disk: self.host.disk.volumes(),
        }
    }

    pub fn is_up(&self) -> bool {
        self.core.is_some()
    }

    pub fn config(&self) -> Config {
        let resources = format!("cpus:{};mem:{};disk:1000;ports:[31000-32000]", self.cpus, self.mem);
        let resources = kaon_model::Resources::parse(&resources, &kaon_model::Role::star())
            .expect("the text is well-formed");
        Config {
            pid: self.upid(),
            info: v1::AgentInfo {
                hostname: format!("host-{}", self.index),
                port: Some(5051),
                resources: resources.to_wire(),
                ..Default::default()
            },
            work_dir: "/work".into(),
            boot_id: format!("boot-{}", self.boots),
            ..Config::default()
        }
    }
}

impl Cluster {
    pub(super) fn agent_at(&self, upid: &Upid) -> Option<usize> {
        self.agents.iter().position(|agent| agent.upid().address() == upid.address())
    }

    pub(super) fn wake_agent(&mut self, index: usize, life: u64, at: Mono) {
        let now = self.now;
        let node = &mut self.agents[index];
        // Another process, or an earlier alarm was set since: this one is void.
        let Some(core) = node.core.as_ref().filter(|_| node.life == life && node.wakes_at == Some(at)) else {
            return;
        };
        let due = core.deadline().is_some_and(|due| due <= node.clock.read(now).mono);
        node.wakes_at = None;
        if due {
            node.ticks += 1;
            assert!(node.ticks < 10_000, "an agent's deadline does not move: {self:?}");
            self.agent_handles(index, Input::Tick);
        } else {
            self.sleep_agent(index);
        }
    }

    fn sleep_agent(&mut self, index: usize) {
        let now = self.now;
        let node = &mut self.agents[index];
        let Some(due) = node.core.as_ref().and_then(Agent::deadline) else { return };
        let at = node.clock.when(due).max(now);
        if node.wakes_at.is_none_or(|wakes| at < wakes) {
            if at > now {
                node.ticks = 0;
            }
            node.wakes_at = Some(at);
            let life = node.life;
            self.at(at, Event::WakeAgent { agent: index, life, at });
        }
    }

    pub(super) fn agent_handles(&mut self, index: usize, input: Input) {
        let node = &mut self.agents[index];
        let now = node.clock.read(self.now);
        let Some(core) = &mut node.core else { return };
        let mut effects = Effects::new();
        core.handle(now, input, &mut effects);
        if let Some(id) = core.id().filter(|id| node.id.as_deref() != Some(id.as_str())) {
            node.id = Some(id.to_string());
        }
        self.perform_agent(index, effects);
    }

    pub(super) fn perform_agent(&mut self, index: usize, effects: Effects) {
        for effect in effects {
            if self.agent_fuse_burns(index) {
                self.crash_agent(index);
            }
            if !self.agents[index].is_up() {
                return;
            }
            self.perform(index, effect);
        }
        self.sleep_agent(index);
    }

    /// Whether this is the moment at which the process is killed.
    fn agent_fuse_burns(&mut self, index: usize) -> bool {
        let Some(left) = &mut self.agents[index].fuse else { return false };
        *left = left.saturating_sub(1);
        *left == 0
    }

    fn perform(&mut self, index: usize, effect: Effect) {
        let life = self.agents[index].life;
        match effect {
            Effect::Send { to, message } => self.send_to_master(index, &to, &message),
            Effect::Link { to } => self.link_to_master(index, &to),
            Effect::Record { record, ops } => self.record(index, life, record, ops),
            Effect::Launch(launch) => self.launch(index, life, &launch),
            Effect::Signal { container, signal } => {
                let end = self.agents[index].host.signal(&container, signal, &mut self.rng);
                self.plan_end(index, end);
            }
            Effect::Destroy { container } => {
                let end = self.agents[index].host.signal(&container, 9, &mut self.rng);
                self.plan_end(index, end);
            }
            Effect::Forget { container } => {
                self.agents[index].host.containers.remove(&container);
            }
            Effect::Remove { path } => self.agents[index].host.disk.remove(&path),
            Effect::Exit { message, .. } => {
                self.log.line(self.now, format!("agent {index} exits: {message}"));
                self.counts.add("agent exited");
                self.crash_agent(index);
            }
            Effect::Warn { message } => self.log.line(self.now, format!("agent {index} warns: {message}")),
            Effect::Event { .. } | Effect::Close { .. } | Effect::Reply { .. } => {}
            Effect::Refuse { .. }
            | Effect::Check(_)
            | Effect::CallOff { .. }
            | Effect::SendAs { .. }
            | Effect::Update(_) => {}
        }
    }

    fn record(&mut self, index: usize, life: u64, record: Record, ops: Vec<FileOp>) {
        let (now, delay) = (self.now, self.sync_delay());
        let node = &mut self.agents[index];
        let finds_out = node.full_until > now && !std::mem::replace(&mut node.knows_full, true);
        node.written = (now.max(node.full_until) + delay).max(node.written);
        node.pending.push_back(ops);
        let at = node.written;
        self.at(at, Event::Written { agent: index, life, record });
        if finds_out {
            self.after(Duration::from_micros(100), Event::Disk { agent: index, life, is_full: true });
        }
        if self.is_unsynced() {
            self.after(Duration::from_micros(100), Event::Synced { agent: index, life, record });
        }
    }

    fn master_at(&self, upid: &Upid) -> Option<usize> {
        (0..self.masters.len()).find(|master| address(*master) == upid.address())
    }

    fn link_to_master(&mut self, index: usize, to: &Upid) {
        let Some(master) = self.master_at(to) else { return };
        if self.masters[master].up {
            self.network.link(self.agent_node(index), master);
        } else {
            self.after(Duration::from_millis(1), Event::ExitedAtAgent { master, agent: index });
        }
    }

    fn send_to_master(&mut self, index: usize, to: &Upid, message: &ToPeer) {
        let Some(master) = self.master_at(to) else { return };
        let (name, body) = message.encode();
        let here = self.agent_node(index);
        let (channel, at) = self.network.send(self.now, &mut self.rng, here, master);
        self.at(at, Event::MessageToMaster { channel, master, agent: index, to: to.id.clone(), name, body });
    }

    fn launch(&mut self, index: usize, life: u64, launch: &kaon_agent::effect::Launch) {
        self.counts.add("container launched");
        let parts: Vec<&str> = launch.sandbox.split('/').collect();
        if let ["slaves", _, "frameworks", framework, "executors", executor, ..] = parts.as_slice() {
            let place = format!("agent {index} at {}", launch.sandbox);
            self.counts.add("law no task launched twice");
            let result = self.launches.launched(framework, executor, place);
            self.break_law(result);
        }
        let delay = Duration::from_millis(1 + self.rng.below(300));
        let container = launch.container.clone();
        let event = match self.agents[index].host.launch(launch) {
            Some((pid, end)) => {
                let end = End { after: end.after + delay, ..end };
                self.plan_end(index, Some(end));
                ContainerEvent::Launched { pid }
            }
            None => ContainerEvent::LaunchFailed { message: "no such command".into() },
        };
        self.after(delay, Event::Container { agent: index, life, container, event });
    }

    fn plan_end(&mut self, index: usize, end: Option<End>) {
        if let Some(end) = end {
            self.after(end.after, Event::ContainerEnds { agent: index, end });
        }
    }

    pub(super) fn container_ends(&mut self, index: usize, end: &End) {
        if !self.agents[index].host.end(end) {
            return;
        }
        let life = self.agents[index].life;
        let event = ContainerEvent::Exited { status: Some(end.status) };
        let container = end.container.clone();
        self.after(Duration::from_millis(1), Event::Container { agent: index, life, container, event });
    }

    pub(super) fn container(
        &mut self,
        index: usize,
        life: u64,
        container: ContainerId,
        event: ContainerEvent,
    ) {
        if self.agents[index].life == life {
            self.log.line(self.now, format!("agent {index}: container {container} {event:?}"));
            self.agent_handles(index, Input::Container { container, event });
        }
    }

    /// Facts are on the disk.
    pub(super) fn written(&mut self, index: usize, life: u64, record: Record) {
        let node = &mut self.agents[index];
        if node.life != life || !node.is_up() {
            return;
        }
        let ops = node.pending.pop_front().unwrap_or_default();
        ops.iter().for_each(|op| node.host.disk.apply(op));
        if !self.is_unsynced() {
            self.synced(index, life, record);
        }
    }

    /// The agent hears that it cannot write, or that it can again.
    pub(super) fn disk(&mut self, index: usize, life: u64, is_full: bool) {
        let now = self.now;
        let node = &mut self.agents[index];
        if node.life != life || !node.is_up() {
            return;
        }
        let until = node.full_until;
        if until > now {
            self.at(until, Event::Disk { agent: index, life, is_full: false });
        }
        if !is_full && until > now {
            return;
        }
        self.agents[index].knows_full = is_full;
        let problem = is_full.then(|| "No space left on device".to_owned());
        self.agent_handles(index, Input::Disk { problem });
    }

    /// One of the containers of a host must not run on.
    pub(super) fn limit(&mut self, index: usize) {
        let node = &self.agents[index];
        let running = node.host.containers.iter().filter(|(_, container)| container.exited.is_none());
        let running: Vec<_> = running.collect();
        if running.is_empty() || !node.is_up() {
            return;
        }
        let (container, of) = running[self.rng.below(running.len() as u64) as usize];
        let limit = LIMITS[self.rng.below(LIMITS.len() as u64) as usize];
        let task = of.sandbox.split('/').nth(5).unwrap_or_default();
        self.excuses.limited.insert(task.to_owned());
        let event =
            ContainerEvent::Limitation { limit, message: "Too much".to_owned(), resources: Vec::new() };
        let (container, life) = (container.clone(), node.life);
        self.at(self.now, Event::Container { agent: index, life, container, event });
    }

    /// The agent hears that facts are on the disk.
    pub(super) fn synced(&mut self, index: usize, life: u64, record: Record) {
        if self.agents[index].life == life {
            self.agent_handles(index, Input::Recorded { record });
        }
    }

    pub(super) fn message_to_agent(
        &mut self,
        channel: Channel,
        master: usize,
        index: usize,
        from: &str,
        name: &'static str,
        body: &[u8],
    ) {
        if !self.network.is_open(channel) || !self.agents[index].is_up() {
            return;
        }
        let message = PeerMessage::decode(name, body).expect("a master sends only what an agent knows");
        let message = message.expect("a master's message is well-formed");
        if let PeerMessage::RunTask(_) = &message {
            self.counts.add("task delivered");
            #[cfg(feature = "sabotage")]
            {
                self.agents[index].last_order = Some((name, body.to_vec()));
            }
        }
        let from = Upid::new(from, address(master));
        self.agent_handles(index, Input::Message { from, message: Box::new(message) });
    }

    pub(super) fn exited_at_agent(&mut self, master: usize, index: usize) {
        if self.agents[index].is_up() {
            self.agent_handles(index, Input::Exited { peer: address(master) });
        }
    }
}
