// SPDX-License-Identifier: Apache-2.0

//! The side of the agents: their hosts, lives and deaths.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use kaon_agent::Agent;
use kaon_agent::config::Config;
use kaon_agent::effect::{Effect, Effects, ToPeer};
use kaon_agent::input::{ContainerEvent, Input, PeerMessage, Record};
use kaon_agent::journal::{self, FileOp};
use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_model::{ContainerId, Entropy, Mono};

use super::{Cluster, Event, master};
use crate::host::{self, End, Host};
use crate::laws::agreed::Sides;
use crate::laws::exclusive::Amount;
use crate::network::Channel;

pub struct AgentNode {
    core: Option<Agent>,
    pub host: Host,
    pub total: Amount,
    index: usize,
    name: String,
    cpus: u64,
    mem: u64,
    /// Counts the processes that were this agent: what was meant for an earlier one is void.
    life: u64,
    wakes_at: Option<Mono>,
    /// When the last write that was ordered is durable: a journal is written in order.
    written: Mono,
    ticks: u32,
}

impl AgentNode {
    pub fn new(index: usize, rng: &mut Entropy) -> AgentNode {
        AgentNode {
            core: None,
            host: Host::default(),
            total: Amount::default(),
            index,
            name: format!("agent {index}"),
            cpus: 1 + rng.below(8),
            mem: 512 + 512 * rng.below(8),
            life: 0,
            wakes_at: None,
            written: Mono::default(),
            ticks: 0,
        }
    }

    pub fn upid(&self) -> Upid {
        let ip = Ipv4Addr::new(10, 0, 1, self.index as u8 + 1);
        Upid::new("slave(1)", SocketAddrV4::new(ip, 5051))
    }

    /// What is known of its resources, by the master and by itself.
    pub fn sides<'a>(&'a self, master: &master::MasterNode) -> Sides<'a> {
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

    fn config(&self) -> Config {
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
            boot_id: "boot".into(),
            ..Config::default()
        }
    }
}

impl Cluster {
    pub(super) fn agent_at(&self, upid: &Upid) -> Option<usize> {
        self.agents.iter().position(|agent| agent.upid().address() == upid.address())
    }

    pub(super) fn start_agent(&mut self, index: usize) {
        if self.agents[index].is_up() {
            return;
        }
        let seed = self.rng.bytes();
        let now = self.both();
        let node = &mut self.agents[index];
        node.life += 1;
        let mut effects = Effects::new();
        let recovered =
            journal::recover(node.host.disk.files(), true).expect("the journal was written by agents alone");
        let containers =
            node.host.containers.iter().map(|(id, container)| (id.clone(), host::found(container))).collect();
        let core = Agent::new(node.config(), recovered, containers, seed, now, &mut effects);
        node.core = Some(core);
        self.counts.add("agent started");
        self.log.line(self.now, format!("agent {index} starts, life {}", self.agents[index].life));
        self.perform_agent(index, effects);
        let master = v1::MasterInfo {
            id: "master".into(),
            ip: 0,
            port: 5050,
            pid: Some(Upid::new("master", master::address()).to_string()),
            hostname: Some("master".into()),
            ..Default::default()
        };
        self.agent_handles(index, Input::Leader { master: Some(Box::new(master)) });
    }

    /// kill -9: the process is gone, what it had not yet written too; the host goes on.
    pub(super) fn crash_agent(&mut self, index: usize) {
        if self.agents[index].core.take().is_none() {
            return;
        }
        self.agents[index].wakes_at = None;
        self.agents[index].host.agent_died();
        self.reset(index);
        let at = host::comes_back(self.now, &mut self.rng);
        self.at(at, Event::StartAgent { agent: index });
    }

    pub(super) fn wake_agent(&mut self, index: usize, life: u64) {
        let node = &mut self.agents[index];
        let Some(core) = node.core.as_ref().filter(|_| node.life == life) else { return };
        // An earlier alarm was set since: this one is void.
        if node.wakes_at.is_some_and(|at| at != self.now) {
            return;
        }
        let due = core.deadline().is_some_and(|at| at <= self.now);
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
        let Some(at) = node.core.as_ref().and_then(Agent::deadline) else { return };
        if node.wakes_at.is_none_or(|wakes| at < wakes) {
            let at = at.max(now);
            if at > now {
                node.ticks = 0;
            }
            node.wakes_at = Some(at);
            let life = node.life;
            self.at(at, Event::WakeAgent { agent: index, life });
        }
    }

    fn agent_handles(&mut self, index: usize, input: Input) {
        let now = self.both();
        let Some(core) = &mut self.agents[index].core else { return };
        let mut effects = Effects::new();
        core.handle(now, input, &mut effects);
        self.perform_agent(index, effects);
    }

    fn perform_agent(&mut self, index: usize, effects: Effects) {
        for effect in effects {
            self.perform(index, effect);
        }
        self.sleep_agent(index);
    }

    fn perform(&mut self, index: usize, effect: Effect) {
        let life = self.agents[index].life;
        match effect {
            Effect::Send { to, message } => self.send_to_master(index, &to, &message),
            Effect::Link { .. } => self.network.link(index + 1, 0),
            Effect::Record { record, ops } => {
                let at = self.now + Duration::from_micros(100 + self.rng.below(5000));
                let at = at.max(self.agents[index].written);
                self.agents[index].written = at;
                self.at(at, Event::Recorded { agent: index, life, record, ops });
            }
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
            Effect::Refuse { .. } | Effect::Check(_) | Effect::CallOff { .. } | Effect::SendAs { .. } => {}
        }
    }

    fn send_to_master(&mut self, index: usize, to: &Upid, message: &ToPeer) {
        let (name, body) = message.encode();
        let (channel, at) = self.network.send(self.now, &mut self.rng, index + 1, 0);
        self.at(at, Event::MessageToMaster { channel, agent: index, to: to.id.clone(), name, body });
    }

    fn launch(&mut self, index: usize, life: u64, launch: &kaon_agent::effect::Launch) {
        self.counts.add("container launched");
        let parts: Vec<&str> = launch.sandbox.split('/').collect();
        if let ["slaves", _, "frameworks", framework, "executors", executor, ..] = parts.as_slice() {
            let place = format!("agent {index} at {}", launch.sandbox);
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

    pub(super) fn recorded(&mut self, index: usize, life: u64, record: Record, ops: &[FileOp]) {
        let node = &mut self.agents[index];
        if node.life != life || !node.is_up() {
            return;
        }
        ops.iter().for_each(|op| node.host.disk.apply(op));
        self.agent_handles(index, Input::Recorded { record });
    }

    pub(super) fn message_to_agent(
        &mut self,
        channel: Channel,
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
        if matches!(message, PeerMessage::RunTask(_)) {
            self.counts.add("task delivered");
        }
        let from = Upid::new(from, master::address());
        self.agent_handles(index, Input::Message { from, message: Box::new(message) });
    }

    pub(super) fn exited_at_agent(&mut self, index: usize) {
        if self.agents[index].is_up() {
            self.agent_handles(index, Input::Exited { peer: master::address() });
        }
    }
}
