// SPDX-License-Identifier: Apache-2.0

//! The calls of executors but for SUBSCRIBE: UPDATE, MESSAGE, HEARTBEAT.

use kaon_api::internal::{ExecutorToFrameworkMessage, StatusUpdate};
use kaon_api::v1;
use kaon_api::v1::executor::{Call, call};
use kaon_model::{ContainerId, ExecutorId, FrameworkId, TaskId};

use crate::agent::{Agent, Cx};
use crate::effect::{Effect, Reply, ToPeer};
use crate::input::Ticket;
use crate::state::{Key, Kind, Peer, Phase, Session};
use crate::updates::update_uuid;
use crate::validate;

impl Agent {
    pub(crate) fn executor_call(&mut self, cx: &mut Cx, ticket: Ticket, call: Call) {
        let reply = match self.admit_call(&call) {
            Err(refused) => refused,
            Ok(None) => Reply::Accepted,
            Ok(Some(key)) => {
                self.carry_out(cx, &key, call);
                Reply::Accepted
            }
        };
        self.reply(cx, ticket, reply);
    }

    /// Mesos's order of checks. A heartbeat is accepted before anything is looked up, and asks for nothing.
    fn admit_call(&self, call: &Call) -> Result<Option<Key>, Reply> {
        let refuse = |code: u16, text: String| Reply::Refused { code, text };
        validate::executor_call(call)
            .map_err(|error| refuse(400, format!("Failed to validate Executor::Call: {error}")))?;
        if call.r#type == Some(call::Type::Heartbeat) {
            return Ok(None);
        }
        if self.state.session == Session::Recovering {
            return Err(refuse(503, "Agent has not finished recovery".to_string()));
        }
        let key = key_of(call);
        self.find_executor(&key).map_err(|text| refuse(400, text.to_string()))?;
        // Once subscribed it stays so, even while it holds no stream.
        let phase = self.state.executor(&key).map(|executor| executor.phase);
        let subscribed = !matches!(phase, None | Some(Phase::Preparing | Phase::Registering));
        if !subscribed {
            return Err(refuse(403, "Executor is not subscribed".to_string()));
        }
        match call.r#type {
            Some(call::Type::Update | call::Type::Message) => Ok(Some(key)),
            _ => Err(refuse(501, "501 Not Implemented.".to_string())),
        }
    }

    pub(super) fn find_executor(&self, key: &Key) -> Result<(), &'static str> {
        if !self.state.frameworks.contains_key(&key.framework) {
            return Err("Framework cannot be found");
        }
        match self.state.executor(key) {
            // Nobody can be the executor before there is one.
            Some(executor) if executor.kind == Kind::Custom && executor.phase != Phase::Preparing => Ok(()),
            _ => Err("Executor cannot be found"),
        }
    }

    fn carry_out(&mut self, cx: &mut Cx, key: &Key, call: Call) {
        if let Some(update) = call.update {
            self.executor_update(cx, key, *update.status);
        } else if let Some(message) = call.message {
            self.executor_message(cx, key, message.data);
        }
    }

    /// UPDATE: a task of the executor has a new status.
    pub(super) fn executor_update(&mut self, cx: &mut Cx, key: &Key, mut status: v1::TaskStatus) {
        let (Some(agent), Some(executor)) = (&self.state.id, self.state.executor(key)) else { return };
        let sender: (Key, ContainerId) = (key.clone(), executor.container.clone());
        let task = TaskId::from(status.task_id.value.as_str());
        let is_known = executor.tasks.contains_key(&task);
        let by_driver = matches!(executor.peer, Some(Peer::Driver(_)));
        let named = by_driver.then(|| v1::ExecutorID::from(key.executor.as_str()));
        status.source = Some(v1::task_status::Source::SourceExecutor);
        status.agent_id = Some(v1::AgentID::from(agent.as_str()));
        let timestamp = *status.timestamp.get_or_insert(cx.now.wall.secs_f64());
        let update = StatusUpdate {
            framework_id: v1::FrameworkID::from(key.framework.as_str()),
            // Mesos: an update says of which executor it is where the executor put it into the status; drivers always say
            // it, beside the status.
            executor_id: status.executor_id.clone().or(named),
            agent_id: status.agent_id.clone(),
            uuid: status.uuid.clone(),
            timestamp,
            status: Box::new(status),
            ..Default::default()
        };
        if !is_known {
            // Mesos: tells the framework, even of a task whose end it knows. Here it is acknowledged, so that the
            // executor stops sending it, and goes no further.
            self.state.counters.invalid_status_updates += 1;
            cx.warn(format!("Dropping a status update of unknown task {task} of executor {}", key.executor));
            if let Some(uuid) = update_uuid(&update) {
                self.update_recorded(cx, &(key.framework.clone(), task), &uuid, Some(sender));
            }
            return;
        }
        self.state.counters.valid_status_updates += 1;
        self.report(cx, update, Some(key), Some(sender));
    }

    /// MESSAGE: bytes for the scheduler, which hears them from the master unless it listens itself.
    pub(super) fn executor_message(&mut self, cx: &mut Cx, key: &Key, data: Vec<u8>) {
        let Some(agent) = &self.state.id else { return };
        let scheduler = self.state.framework(&key.framework).and_then(|framework| framework.scheduler());
        let master = self.state.master.as_ref().map(|master| master.pid.clone());
        let Some(to) = scheduler.or(master) else {
            self.state.counters.invalid_framework_messages += 1;
            return;
        };
        let message = ExecutorToFrameworkMessage {
            agent_id: v1::AgentID::from(agent.as_str()),
            framework_id: v1::FrameworkID::from(key.framework.as_str()),
            executor_id: v1::ExecutorID::from(key.executor.as_str()),
            data,
            ..Default::default()
        };
        self.state.counters.valid_framework_messages += 1;
        cx.push(Effect::Send { to, message: Box::new(ToPeer::ExecutorToFramework(message)) });
    }
}

pub(super) fn key_of(call: &Call) -> Key {
    Key {
        framework: FrameworkId::from(call.framework_id.value.as_str()),
        executor: ExecutorId::from(call.executor_id.value.as_str()),
    }
}
