// SPDX-License-Identifier: Apache-2.0

//! The emulated agents: the messages that they send, and no more.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use kaon_api::libprocess::Upid;
use kaon_api::wire::Enumeration;
use kaon_api::{internal, v1};
use kaon_master::{Input, PeerMessage, ToPeer};

use super::{Division, Event};

#[derive(Debug)]
pub struct Agent {
    pub resources: Vec<v1::Resource>,
    /// As the master calls it; none while it is not registered.
    pub id: Option<String>,
    lives: u8,
}

impl Agent {
    pub fn new(resources: Vec<v1::Resource>) -> Agent {
        Agent { resources, id: None, lives: 0 }
    }
}

fn pid(agent: usize) -> Upid {
    Upid::new("slave(1)", SocketAddrV4::new(Ipv4Addr::new(10, 1, 0, agent as u8), 5051))
}

fn index_of(pid: &Upid) -> usize {
    usize::from(pid.ip.octets()[3])
}

impl Division {
    pub(super) fn agent_joins(&mut self, agent: usize) {
        let all = v1::agent_info::capability::Type::VALUES.iter().filter(|entry| entry.1 != 0);
        let capability = |kind| v1::agent_info::Capability { r#type: Some(kind), ..Default::default() };
        let own = &mut self.agents[agent];
        own.lives += 1;
        let info = v1::AgentInfo {
            hostname: format!("host{agent}"),
            port: Some(5051),
            resources: own.resources.clone(),
            checkpoint: Some(true),
            ..Default::default()
        };
        let register = internal::RegisterAgentMessage {
            agent: Box::new(info),
            version: Some("1.11.0".to_string()),
            agent_capabilities: all.map(|entry| capability(entry.0)).collect(),
            resource_version_uuid: Some(v1::UUID { value: vec![own.lives; 16], ..Default::default() }),
            ..Default::default()
        };
        self.send(agent, "master".to_string(), PeerMessage::RegisterAgent(register));
    }

    pub(super) fn agent_leaves(&mut self, agent: usize) {
        let Some(id) = self.agents[agent].id.take() else { return };
        self.counts.add("division: agents that left");
        self.books.agent_went(&id);
        let unregister =
            internal::UnregisterAgentMessage { agent_id: id.as_str().into(), ..Default::default() };
        self.send(agent, "master".to_string(), PeerMessage::UnregisterAgent(unregister));
        let delay = Duration::from_millis(500 + self.rng.below(3000));
        self.after(delay, Event::AgentJoins { agent });
    }

    pub(super) fn agent_hears(&mut self, to: &Upid, from: &str, message: ToPeer) {
        let agent = index_of(to);
        match message {
            ToPeer::AgentRegistered(registered) => {
                let id = registered.agent_id.value;
                self.books.agent_came(&id, &self.agents[agent].resources);
                self.agents[agent].id = Some(id);
            }
            ToPeer::Ping(_) => {
                let pong = PeerMessage::Pong(internal::PongAgentMessage::default());
                self.send(agent, from.to_owned(), pong);
            }
            ToPeer::RunTask(run) => {
                let framework = run.framework.id.as_ref().map(|id| id.value.clone()).unwrap_or_default();
                let length = Duration::from_millis(4000 + self.rng.below(6000));
                let task = run.task.task_id.value.clone();
                self.after(length, Event::TaskEnds { agent, framework, task });
            }
            _ => {}
        }
    }

    pub(super) fn task_ends(&mut self, agent: usize, framework: &str, task: &str) {
        let Some(id) = self.agents[agent].id.clone() else { return };
        let uuid = self.rng.bytes::<16>().to_vec();
        let status = v1::TaskStatus {
            task_id: task.into(),
            state: v1::TaskState::TaskFinished,
            source: Some(v1::task_status::Source::SourceExecutor),
            uuid: Some(uuid.clone()),
            ..Default::default()
        };
        let update = internal::StatusUpdate {
            framework_id: framework.into(),
            agent_id: Some(id.as_str().into()),
            status: Box::new(status),
            timestamp: 5.0,
            uuid: Some(uuid),
            latest_state: Some(v1::TaskState::TaskFinished),
            ..Default::default()
        };
        self.books.task_over(framework, task);
        let update = internal::StatusUpdateMessage { update: Box::new(update), ..Default::default() };
        self.send(agent, "master".to_string(), PeerMessage::StatusUpdate(update));
    }

    fn send(&mut self, agent: usize, to: String, message: PeerMessage) {
        self.inputs.push_back(Input::Message { from: pid(agent), to, message: Box::new(message) });
    }
}
