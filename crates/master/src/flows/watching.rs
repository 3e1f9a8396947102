// SPDX-License-Identifier: Apache-2.0

//! Operators' event streams.

use kaon_api::v1;
use kaon_api::v1::master::{Event, event};
use kaon_model::{AgentId, FrameworkId, TaskState};

use crate::effect::Effect;
use crate::input::Stream;
use crate::master::{Master, Turn};
use crate::query;
use crate::state::tasks::wire_state;
use crate::state::{AgentRow, FrameworkRow, TaskRow};

impl Master {
    /// An operator watches from now on: first all that is, then what changes.
    pub(crate) fn watch(&mut self, turn: &mut Turn, stream: Stream) {
        let subscribed = event::Subscribed {
            get_state: Some(Box::new(query::v1::get_state(&self.view()))),
            heartbeat_interval_seconds: Some(self.config.heartbeat_interval.as_secs_f64()),
            ..Default::default()
        };
        let event = Event { subscribed: Some(subscribed), ..of_type(event::Type::Subscribed) };
        turn.out.push(Effect::WatchEvent { stream, event: Box::new(event) });
        self.follow(turn, stream, |master| &mut master.watchers);
    }

    pub(crate) fn watch_task_added(&mut self, turn: &mut Turn, row: TaskRow) {
        if !self.watchers.is_empty() {
            let task = Box::new(self.state.task(row).to_wire());
            let added = event::TaskAdded { task, ..Default::default() };
            self.tell_watchers(turn, Event { task_added: Some(added), ..of_type(event::Type::TaskAdded) });
        }
    }

    pub(crate) fn watch_task_updated(
        &mut self,
        turn: &mut Turn,
        framework: &FrameworkId,
        status: &v1::TaskStatus,
        state: TaskState,
    ) {
        if !self.watchers.is_empty() {
            let updated = event::TaskUpdated {
                framework_id: v1::FrameworkID::from(framework.as_str()),
                status: Box::new(status.clone()),
                state: wire_state(state),
                ..Default::default()
            };
            self.tell_watchers(
                turn,
                Event { task_updated: Some(updated), ..of_type(event::Type::TaskUpdated) },
            );
        }
    }

    pub(crate) fn watch_agent_added(&mut self, turn: &mut Turn, row: AgentRow) {
        if !self.watchers.is_empty() {
            let agent = Box::new(query::v1::agent_of(self, row));
            let added = event::AgentAdded { agent, ..Default::default() };
            self.tell_watchers(turn, Event { agent_added: Some(added), ..of_type(event::Type::AgentAdded) });
        }
    }

    /// Mesos: says nothing where an agent becomes unreachable or gone; operators need to know that too.
    pub(crate) fn watch_agent_removed(&mut self, turn: &mut Turn, agent: &AgentId) {
        let agent_id = v1::AgentID::from(agent.as_str());
        let removed = event::AgentRemoved { agent_id, ..Default::default() };
        self.tell_watchers(
            turn,
            Event { agent_removed: Some(removed), ..of_type(event::Type::AgentRemoved) },
        );
    }

    pub(crate) fn watch_framework_added(&mut self, turn: &mut Turn, row: FrameworkRow) {
        if !self.watchers.is_empty() {
            let framework = Box::new(query::v1::framework_of(self, row));
            let added = event::FrameworkAdded { framework, ..Default::default() };
            self.tell_watchers(
                turn,
                Event { framework_added: Some(added), ..of_type(event::Type::FrameworkAdded) },
            );
        }
    }

    pub(crate) fn watch_framework_updated(&mut self, turn: &mut Turn, row: FrameworkRow) {
        if !self.watchers.is_empty() {
            let framework = Box::new(query::v1::framework_of(self, row));
            let updated = event::FrameworkUpdated { framework, ..Default::default() };
            let event = Event { framework_updated: Some(updated), ..of_type(event::Type::FrameworkUpdated) };
            self.tell_watchers(turn, event);
        }
    }

    pub(crate) fn watch_framework_removed(&mut self, turn: &mut Turn, row: FrameworkRow) {
        let framework_info = Box::new((*self.state.framework(row).info).clone());
        let removed = event::FrameworkRemoved { framework_info, ..Default::default() };
        let event = Event { framework_removed: Some(removed), ..of_type(event::Type::FrameworkRemoved) };
        self.tell_watchers(turn, event);
    }

    fn tell_watchers(&self, turn: &mut Turn, event: Event) {
        for stream in self.watchers.iter() {
            turn.out.push(Effect::WatchEvent { stream, event: Box::new(event.clone()) });
        }
    }
}

fn of_type(kind: event::Type) -> Event {
    Event { r#type: Some(kind), ..Default::default() }
}

pub(super) fn heartbeat(stream: Stream) -> Effect {
    Effect::WatchEvent { stream, event: Box::new(of_type(event::Type::Heartbeat)) }
}
