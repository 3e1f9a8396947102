// SPDX-License-Identifier: Apache-2.0

//! What masters say and are told, held against the laws.

use kaon_api::v1::{self, TaskState, scheduler};
use kaon_master::effect::{Effect, ToPeer};
use kaon_master::input::{Input, PeerMessage};

use super::Cluster;
use super::masters::Lead;
use crate::laws::exclusive::Amount;
use crate::laws::reconciled;
use crate::report::Broken;
use crate::scheduler::is_terminal;

impl Cluster {
    /// What a master is told changes its books.
    pub(super) fn observe_input(&mut self, master: usize, input: &Input) {
        let Some(lead) = &mut self.masters[master].lead else { return };
        let message = match input {
            Input::Message { message, .. } => message,
            Input::StreamClosed { stream } => return lead.stream_ended(stream.0),
            _ => return,
        };
        match &**message {
            PeerMessage::StatusUpdate(message) => {
                let update = &message.update;
                let state = update.latest_state.unwrap_or(update.status.state);
                if is_terminal(state) {
                    lead.books.task_over(&update.framework_id.value, &update.status.task_id.value);
                }
            }
            PeerMessage::ReregisterAgent(message) => {
                let Some(id) = &message.agent.id else { return };
                lead.books.agent(&id.value, Amount::of(&message.agent.resources));
                let live = message.tasks.iter().filter(|task| !is_terminal(task.state)).map(|task| {
                    let (framework, id) = (task.framework_id.value.as_str(), task.task_id.value.as_str());
                    (framework, id, Amount::of(&task.resources))
                });
                lead.books.agent_runs(&id.value, live);
            }
            _ => {}
        }
    }

    /// What a call takes from the books of what is offered.
    pub(super) fn observe_call(&mut self, master: usize, scheduler: usize, call: &scheduler::Call) {
        use scheduler::call::Type;
        let Some(lead) = &mut self.masters[master].lead else { return };
        let ids = match call.r#type {
            Some(Type::Decline) => call.decline.as_ref().map(|decline| &decline.offer_ids),
            Some(Type::Accept) => call.accept.as_ref().map(|accept| &accept.offer_ids),
            Some(Type::Subscribe) => {
                if let Some(id) = &self.schedulers[scheduler].id {
                    lead.books.framework_gone(id);
                }
                None
            }
            _ => None,
        };
        for id in ids.into_iter().flatten() {
            lead.books.offer_over(&id.value);
        }
    }

    /// What a master says changes its books, and is held against them.
    pub(super) fn observe_effect(&mut self, master: usize, effect: &Effect) {
        match effect {
            Effect::Event { stream, event } => self.observe_event(master, stream.0, event),
            Effect::Send { to, message, .. } => {
                if let Some(agent) = self.agent_at(to) {
                    self.observe_message(master, agent, message);
                }
            }
            _ => {}
        }
    }

    fn observe_message(&mut self, master: usize, agent: usize, message: &ToPeer) {
        let Some(lead) = &mut self.masters[master].lead else { return };
        let joins = !matches!(message, ToPeer::RunTask(_));
        let told = match message {
            ToPeer::AgentRegistered(registered) => {
                lead.books.agent(&registered.agent_id.value, self.agents[agent].total);
                &registered.agent_id
            }
            ToPeer::AgentReregistered(registered) => &registered.agent_id,
            ToPeer::RunTask(run) => {
                let framework = run.framework.id.as_ref().map_or("", |id| id.value.as_str());
                let (task, amount) = (&run.task, Amount::of(&run.task.resources));
                self.counts.add("task launched");
                lead.books.launched(framework, &task.task_id.value, &task.agent_id.value, amount);
                &run.task.agent_id
            }
            // However it became gone: by an operator's word, or because its drain was to end so.
            ToPeer::Shutdown(_) => {
                let term = lead.term;
                let id = self.agents[agent].id.clone().filter(|id| self.store.value().is_gone(id));
                if let Some(id) = id.filter(|_| term == self.store.term) {
                    let result = self.durable.gone(id, self.store.value());
                    self.break_law(result);
                }
                return;
            }
            ToPeer::ShutdownFramework(shutdown) => {
                return lead.books.framework_removed(&shutdown.framework_id.value);
            }
            _ => return,
        };
        // A deposed leader cannot know better; nobody listens to it.
        if lead.term == self.store.term {
            self.counts.add("law acknowledged is durable");
            if self.durable.some_are_gone() {
                self.counts.add("law gone never returns");
            }
            let result = self.durable.belongs(&told.value, joins, self.store.value());
            self.break_law(result);
            if let ToPeer::RunTask(run) = message {
                let result = self.service.used(&run.task.agent_id.value, "sent a task");
                self.break_law(result);
            }
        }
    }

    fn observe_event(&mut self, master: usize, stream: u64, event: &scheduler::Event) {
        let Some(&scheduler) = self.stream_of.get(&stream) else { return };
        let framework = self.schedulers[scheduler].id.clone().unwrap_or_default();
        let Some(lead) = &mut self.masters[master].lead else { return };
        if let Some(subscribed) = &event.subscribed {
            lead.framework_of.insert(stream, subscribed.framework_id.value.clone());
        }
        let mut results = Vec::new();
        for offer in event.offers.iter().flat_map(|offers| &offers.offers) {
            self.counts.add("law offers exclusive");
            results.push(lead.books.offered(&offer.framework_id.value, offer));
            if lead.term == self.store.term && self.service.some_are_out() {
                self.counts.add("law a deactivated agent gets no offer");
                results.push(self.service.used(&offer.agent_id.value, "offered"));
            }
        }
        if let Some(rescind) = &event.rescind {
            lead.books.offer_over(&rescind.offer_id.value);
        }
        if let Some(update) = event.update.as_ref().filter(|update| update.status.uuid.is_none()) {
            let state = update.status.state;
            if is_terminal(state) || state == TaskState::TaskUnreachable {
                lead.books.task_over(&framework, &update.status.task_id.value);
            }
            if lead.term == self.store.term {
                results.push(self.judge_status(master, &framework, &update.status));
            }
        }
        results.into_iter().for_each(|result| self.break_law(result));
    }

    /// What a master says of a task by itself.
    fn judge_status(
        &mut self,
        master: usize,
        framework: &str,
        status: &v1::TaskStatus,
    ) -> Result<(), Broken> {
        use v1::task_status::Reason;
        match status.reason {
            Some(Reason::ReasonAgentRemoved) if status.state == TaskState::TaskUnreachable => {
                self.counts.add("law acknowledged is durable");
                self.durable.unreachable(status, self.store.value())
            }
            Some(Reason::ReasonReconciliation) => {
                self.counts.add("law reconciliation never lies");
                let Some(lead) = &self.masters[master].lead else { return Ok(()) };
                let hosts = self.agents.iter().map(|agent| (agent.upid(), &agent.host));
                reconciled::check(&lead.core.view(), framework, status, hosts)
            }
            _ => Ok(()),
        }
    }
}

impl Lead {
    /// With its stream, a framework loses its offers; an older stream that ends late means nothing.
    fn stream_ended(&mut self, stream: u64) {
        let streams = &self.framework_of;
        let Some(id) = streams.get(&stream) else { return };
        if !streams.range(stream + 1..).any(|(_, other)| other == id) {
            self.books.framework_gone(id);
        }
    }
}
