// SPDX-License-Identifier: Apache-2.0

//! What an emulated agent answers: it runs every task without running anything.

use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use kaon_api::internal::{self, StatusUpdateMessage};
use kaon_api::libprocess;
use kaon_api::v1::{self, TaskState};
use kaon_api::wire::Message;
use tokio::task::spawn_local;

use super::Fleet;
use crate::board::count;

/// The halves of a random UUID without what is random: masters refuse bytes of no version.
const VERSION: [u8; 8] = [0, 0, 0, 0, 0, 0, 0x40, 0];
const VARIANT: u64 = 1 << 63;

impl Fleet {
    /// `own` is the agent of the connection, if it has one; else the message names it.
    pub(super) fn answer(self: &Rc<Self>, own: Option<usize>, message: &libprocess::Message) -> Result<()> {
        let agent = own.or_else(|| index_in(&message.to)).filter(|index| *index < self.agents.borrow().len());
        let agent = agent.with_context(|| format!("there is no agent {}", message.to))?;
        match message.name.as_str() {
            "mesos.internal.RunTaskMessage" => self.run(agent, &message.body),
            "mesos.internal.StatusUpdateAcknowledgementMessage" => self.acknowledged(agent, &message.body),
            "mesos.internal.PingSlaveMessage" => {
                count(&self.board.pings);
                if !self.board.silent.get() {
                    self.send(agent, &message.from, &internal::PongAgentMessage::default());
                }
                Ok(())
            }
            "mesos.internal.SlaveRegisteredMessage" => {
                let message = internal::AgentRegisteredMessage::decode(&message.body)?;
                self.registered(agent, message.agent_id);
                Ok(())
            }
            "mesos.internal.SlaveReregisteredMessage" => {
                let message = internal::AgentReregisteredMessage::decode(&message.body)?;
                self.registered(agent, message.agent_id);
                Ok(())
            }
            "mesos.internal.ShutdownMessage" => {
                let shutdown = internal::ShutdownMessage::decode(&message.body)?;
                bail!("agent {agent} was told to end: {}", shutdown.message.unwrap_or_default())
            }
            // News of frameworks, which make no difference here.
            _ => Ok(()),
        }
    }

    fn registered(&self, agent: usize, id: v1::AgentID) {
        let agent = &mut self.agents.borrow_mut()[agent];
        agent.id = Some(id);
        if !std::mem::replace(&mut agent.registered, true) {
            count(&self.board.registered);
        }
    }

    /// The task runs at once, and ends when its start has been acknowledged.
    fn run(&self, agent: usize, body: &[u8]) -> Result<()> {
        let run = internal::RunTaskMessage::decode(body)?;
        let task = run.task.task_id.value.parse().context("the task is none of ours")?;
        self.board.arrive(task);
        let framework = run.framework.id.clone().context("a framework without an id")?;
        let number = self.updates.get();
        let running = self.update(agent, &framework, &run.task, TaskState::TaskRunning);
        self.tell_master(agent, &running);
        if self.terms.task_length.is_some() {
            let finished = self.update(agent, &framework, &run.task, TaskState::TaskFinished);
            self.pending.borrow_mut().insert(number, finished.encode());
        } else {
            let agent = &mut self.agents.borrow_mut()[agent];
            agent.tasks.push(running_task(*run.task, &framework, *running.update.status));
            agent.frameworks.entry(framework.value).or_insert(*run.framework);
        }
        Ok(())
    }

    fn acknowledged(self: &Rc<Self>, agent: usize, body: &[u8]) -> Result<()> {
        let acknowledged = internal::StatusUpdateAcknowledgementMessage::decode(body)?;
        let update = acknowledged.uuid.last_chunk().map(|number| u64::from_be_bytes(*number) & !VARIANT);
        let Some(finished) = update.and_then(|number| self.pending.borrow_mut().remove(&number)) else {
            return Ok(());
        };
        match self.terms.task_length {
            Some(length) if !length.is_zero() => {
                let fleet = self.clone();
                spawn_local(async move {
                    tokio::time::sleep(length).await;
                    fleet.finish(agent, &finished);
                });
            }
            _ => self.finish(agent, &finished),
        }
        Ok(())
    }

    fn finish(&self, agent: usize, update: &[u8]) {
        self.board.free(agent);
        self.send_bytes(agent, &self.master.borrow(), StatusUpdateMessage::PROTO_NAME, update);
    }

    /// The next update; its number is the end of its uuid.
    fn update(
        &self,
        agent: usize,
        framework: &v1::FrameworkID,
        task: &v1::TaskInfo,
        state: TaskState,
    ) -> StatusUpdateMessage {
        let number = self.updates.get();
        self.updates.set(number + 1);
        let uuid = [VERSION, (number | VARIANT).to_be_bytes()].concat();
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        let status = v1::TaskStatus {
            task_id: task.task_id.clone(),
            state,
            agent_id: Some(task.agent_id.clone()),
            source: Some(v1::task_status::Source::SourceExecutor),
            timestamp: Some(timestamp),
            uuid: Some(uuid.clone()),
            ..Default::default()
        };
        let update = internal::StatusUpdate {
            framework_id: framework.clone(),
            agent_id: Some(task.agent_id.clone()),
            status: status.into(),
            timestamp,
            uuid: Some(uuid),
            latest_state: Some(state),
            ..Default::default()
        };
        let pid = Some(self.agents.borrow()[agent].upid.to_string());
        StatusUpdateMessage { update: update.into(), pid, ..Default::default() }
    }
}

/// A task as its agent tells of it.
fn running_task(info: v1::TaskInfo, framework: &v1::FrameworkID, status: v1::TaskStatus) -> v1::Task {
    v1::Task {
        name: info.name,
        task_id: info.task_id,
        framework_id: framework.clone(),
        agent_id: info.agent_id,
        state: status.state,
        resources: info.resources,
        status_update_state: Some(status.state),
        status_update_uuid: status.uuid.clone(),
        statuses: vec![status],
        ..Default::default()
    }
}

/// `slave(7)` → 7.
fn index_in(actor: &str) -> Option<usize> {
    actor.strip_prefix("slave(")?.strip_suffix(')')?.parse().ok()
}
