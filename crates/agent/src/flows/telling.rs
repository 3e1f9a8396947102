// SPDX-License-Identifier: Apache-2.0

//! How a custom executor is told of things: by an event, or by the message that its driver has for it.

use kaon_api::internal;
use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_api::v1::executor::{Event, event};

use crate::agent::{Agent, Cx};
use crate::effect::{Effect, ToPeer};
use crate::state::{Executor, Framework, Key, Peer};

impl Agent {
    /// Tells an executor something, if there is a way to.
    pub(crate) fn tell_executor(&self, cx: &mut Cx, key: &Key, event: Event) {
        let Some(framework) = self.state.framework(&key.framework) else { return };
        let Some(executor) = framework.executors.get(&key.executor) else { return };
        match &executor.peer {
            Some(Peer::Stream(stream)) => cx.push(Effect::Event { stream: *stream, event: Box::new(event) }),
            Some(Peer::Driver(pid)) => {
                if let Some(message) = self.message_of(framework, executor, event) {
                    cx.push(Effect::Send { to: pid.clone(), message: Box::new(message) });
                }
            }
            None => {}
        }
    }

    /// A driver is known again. Mesos: it needs to hear less than one that is new.
    pub(crate) fn welcome_back(&self, cx: &mut Cx, driver: &Upid, subscribed: event::Subscribed) {
        let message = internal::ExecutorReregisteredMessage {
            agent_id: self.agent_id(),
            agent_info: self.agent_info(*subscribed.agent_info),
            ..Default::default()
        };
        let message = Box::new(ToPeer::ExecutorReregistered(message));
        cx.push(Effect::Send { to: driver.clone(), message });
    }

    /// The message for an event; none where drivers are not told.
    fn message_of(&self, framework: &Framework, executor: &Executor, event: Event) -> Option<ToPeer> {
        let framework_id = || v1::FrameworkID::from(framework.id.as_str());
        let info = || Box::new(v1::FrameworkInfo::clone(&framework.info));
        if let Some(subscribed) = event.subscribed {
            return Some(ToPeer::ExecutorRegistered(internal::ExecutorRegisteredMessage {
                executor_info: subscribed.executor_info,
                framework_id: framework_id(),
                framework_info: subscribed.framework_info,
                agent_id: self.agent_id(),
                agent_info: self.agent_info(*subscribed.agent_info),
                ..Default::default()
            }));
        }
        if let Some(launch) = event.launch {
            // Mesos: the pid is not looked at, but older drivers read no message without one.
            let pid = framework.scheduler().unwrap_or_else(Upid::empty).to_string();
            return Some(ToPeer::RunTask(internal::RunTaskMessage {
                framework: info(),
                task: launch.task,
                pid: Some(pid),
                ..Default::default()
            }));
        }
        if let Some(launch) = event.launch_group {
            return Some(ToPeer::RunTaskGroup(internal::RunTaskGroupMessage {
                framework: info(),
                executor: Box::new(v1::ExecutorInfo::clone(&executor.info)),
                task_group: launch.task_group,
                ..Default::default()
            }));
        }
        if let Some(kill) = event.kill {
            return Some(ToPeer::KillTask(internal::KillTaskMessage {
                framework_id: framework_id(),
                task_id: kill.task_id,
                kill_policy: kill.kill_policy,
                ..Default::default()
            }));
        }
        if let Some(acknowledged) = event.acknowledged {
            return Some(ToPeer::StatusUpdateAcknowledgement(internal::StatusUpdateAcknowledgementMessage {
                agent_id: self.agent_id(),
                framework_id: framework_id(),
                task_id: acknowledged.task_id,
                uuid: acknowledged.uuid,
                ..Default::default()
            }));
        }
        let data = event.message?.data;
        Some(ToPeer::FrameworkToExecutor(internal::FrameworkToExecutorMessage {
            agent_id: self.agent_id(),
            framework_id: framework_id(),
            executor_id: v1::ExecutorID::from(executor.id.as_str()),
            data,
            ..Default::default()
        }))
    }

    fn agent_id(&self) -> v1::AgentID {
        v1::AgentID::from(self.state.id.as_ref().map_or("", |id| id.as_str()))
    }

    /// Mesos: what HTTP executors are not told, that the agent checkpoints, drivers are.
    fn agent_info(&self, told: v1::AgentInfo) -> Box<v1::AgentInfo> {
        Box::new(v1::AgentInfo { checkpoint: self.state.info.checkpoint, ..told })
    }
}
