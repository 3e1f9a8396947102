// SPDX-License-Identifier: Apache-2.0

//! The life of a custom executor's connection: subscribed, given its tasks, kept alive.

use std::time::Duration;

use kaon_api::v1;
use kaon_api::v1::executor::{Event, event};
use kaon_model::{ContainerId, TaskId};

use super::ending::send_shutdown;
use crate::agent::{Agent, Cx, Timer};
use crate::input::Stream;
use crate::state::{Key, Peer, Phase, Queued, container_id};

/// Mesos: how often an executor hears that the agent is there.
const HEARTBEAT: Duration = Duration::from_secs(30 * 60);

impl Agent {
    /// An executor is subscribed, and that is durable where it has to be.
    pub(crate) fn subscription_recorded(&mut self, cx: &mut Cx, key: &Key, peer: &Peer, again: bool) {
        let executor = self.state.executor_mut(key).filter(|executor| executor.peer.as_ref() == Some(peer));
        let Some(executor) = executor else { return };
        if executor.is_ending() {
            return send_shutdown(cx, peer);
        }
        if executor.pid.is_none() {
            executor.welcome = Some(again);
            return;
        }
        let unused = !executor.used && executor.queue.is_empty() && executor.live_tasks().next().is_none();
        if unused {
            // Mesos: whoever comes after its only tasks were killed is sent away.
            return self.shutdown_executor(cx, key);
        }
        let Some(subscribed) = self.subscribed(key) else { return };
        let Some(executor) = self.state.executor_mut(key) else { return };
        executor.phase = Phase::Running;
        let run = executor.container.clone();
        self.timers.cancel(&Timer::Registration(run.clone()));
        self.timers.set(Timer::Heartbeat(run), cx.now.mono + HEARTBEAT);
        match (peer, again) {
            (Peer::Driver(pid), true) => self.welcome_back(cx, pid, subscribed),
            _ => {
                let subscribed = Some(Box::new(subscribed));
                self.tell_executor(cx, key, Event { subscribed, ..event_of(event::Type::Subscribed) });
            }
        }
        self.deliver(cx, key);
        self.executor_came_back(cx);
    }

    fn subscribed(&self, key: &Key) -> Option<event::Subscribed> {
        let (framework, executor) = (self.state.framework(&key.framework)?, self.state.executor(key)?);
        // Mesos: the flag that every agent sets, that it checkpoints, is not told here.
        let agent_info = v1::AgentInfo { checkpoint: None, ..v1::AgentInfo::clone(&self.state.info) };
        Some(event::Subscribed {
            executor_info: Box::new(v1::ExecutorInfo::clone(&executor.info)),
            framework_info: Box::new(v1::FrameworkInfo::clone(&framework.info)),
            agent_info: Box::new(agent_info),
            container_id: Some(Box::new(container_id(&executor.container, None))),
            ..Default::default()
        })
    }

    /// Gives a subscribed executor the tasks that wait for it, in the order they came, then the kills.
    pub(crate) fn deliver(&mut self, cx: &mut Cx, key: &Key) {
        let Some(executor) = self.state.executor_mut(key) else { return };
        if executor.phase != Phase::Running || executor.peer.is_none() {
            return;
        }
        let mut events = Vec::new();
        while let Some(batch) = take_batch(&mut executor.queue) {
            executor.used = true;
            for queued in &batch {
                let id = TaskId::from(queued.info.task_id.value.as_str());
                executor.tasks.insert(id, queued.task.clone());
            }
            events.push(launch_event(batch));
        }
        let kills = std::mem::take(&mut executor.kills);
        events.into_iter().for_each(|event| self.tell_executor(cx, key, event));
        for (task, policy) in kills {
            self.send_kill(cx, key, &task, policy);
        }
    }

    pub(crate) fn heartbeat(&mut self, cx: &mut Cx, container: &ContainerId) {
        let Some(key) = self.owner_of_run(container) else { return };
        self.tell_executor(cx, &key, event_of(event::Type::Heartbeat));
        self.timers.set(Timer::Heartbeat(container.clone()), cx.now.mono + HEARTBEAT);
    }

    /// Mesos: an executor without its stream is not dead; the end of its container is what counts.
    pub(crate) fn stream_closed(&mut self, stream: Stream) {
        let Some(key) = self.streams.remove(&stream) else { return };
        if let Some(executor) = self.state.executor_mut(&key)
            && executor.peer == Some(Peer::Stream(stream))
        {
            executor.peer = None;
        }
    }
}

/// The next task, or the next group as a whole, whose facts are durable.
fn take_batch(queue: &mut std::collections::VecDeque<Queued>) -> Option<Vec<Queued>> {
    let first = queue.front()?;
    let group = first.group;
    let length = match group {
        None => 1,
        Some(_) => queue.iter().take_while(|queued| queued.group == group).count(),
    };
    let ready = queue.iter().take(length).all(|queued| queued.recorded);
    ready.then(|| queue.drain(..length).collect())
}

fn launch_event(mut batch: Vec<Queued>) -> Event {
    if batch.first().is_some_and(|queued| queued.group.is_some()) {
        let tasks = batch.into_iter().map(|queued| v1::TaskInfo::clone(&queued.info)).collect();
        let task_group = v1::TaskGroupInfo { tasks, ..Default::default() };
        let launch = event::LaunchGroup { task_group, ..Default::default() };
        return Event { launch_group: Some(launch), ..event_of(event::Type::LaunchGroup) };
    }
    let task = batch.pop().map(|queued| Box::new(v1::TaskInfo::clone(&queued.info)));
    let launch = task.map(|task| event::Launch { task, ..Default::default() });
    Event { launch, ..event_of(event::Type::Launch) }
}

fn event_of(kind: event::Type) -> Event {
    Event { r#type: Some(kind), ..Default::default() }
}
