// SPDX-License-Identifier: Apache-2.0

//! What operators ask of the leader, and what they may rely on once they are answered.

use std::time::Duration;

use kaon_api::google::protobuf;
use kaon_api::v1;
use kaon_api::v1::master::{Call, call};
use kaon_api::wire::Enumeration;
use kaon_master::effect::Reply;
use kaon_master::{Caller, Input, Ticket};

use super::{Cluster, Event};
use crate::laws::{durable, service};

/// What an operator wants of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Gone,
    Drain { grace: Option<Duration>, gone: bool },
    Deactivate,
    Reactivate,
}

/// How often operators ask again for an agent that is still being emptied.
const AGAIN: Duration = Duration::from_secs(10);

impl Cluster {
    pub(super) fn ask(&mut self, agent: usize, asked: Asked) {
        let (Some(leader), Some(id)) = (self.leading(), self.agents[agent].id.clone()) else { return };
        self.log.line(self.now, format!("an operator asks of {id}: {asked:?}"));
        match asked {
            Asked::Gone => drop(self.doomed.insert(id.clone())),
            Asked::Drain { gone, .. } => *self.excuses.drained.entry(id.clone()).or_default() |= gone,
            Asked::Deactivate => {}
            // Whether it is done is not known before the answer, which may never come.
            Asked::Reactivate => {
                self.service.taken_back(&id);
                self.asked.retain(|_, (before, other)| {
                    *other != id || !matches!(before, Asked::Drain { .. } | Asked::Deactivate)
                });
            }
        }
        self.tickets += 1;
        self.asked.insert(self.tickets, (asked, id.clone()));
        let (ticket, call) = (Ticket(self.tickets), Box::new(call_of(asked, &id)));
        self.master_handles(leader, Input::Operator { ticket, call, caller: Caller::default() });
    }

    /// An operator has an answer.
    pub(super) fn answered(&mut self, ticket: u64, reply: &Reply) {
        if let Some(deadline) = self.planned.remove(&ticket).filter(|_| *reply == Reply::Ok) {
            self.deadlines.promised(deadline);
        }
        let Some((asked, agent)) = self.asked.remove(&ticket) else { return };
        if *reply != Reply::Ok {
            return;
        }
        self.counts.add("law an action is in the audit");
        let kind = call_of(asked, &agent).r#type.unwrap_or_default();
        let result = durable::is_in_audit(kind.name(), &agent, self.store.value());
        self.break_law(result);
        match asked {
            Asked::Gone => {
                self.counts.add("agent gone");
                let result = self.durable.gone(agent, self.store.value());
                self.break_law(result);
            }
            Asked::Drain { .. } | Asked::Deactivate => self.service.taken_out(agent),
            Asked::Reactivate => self.counts.add("agent back in service"),
        }
    }

    /// When the faults are over, operators take back all agents, each as soon as it may be.
    pub(super) fn take_back(&mut self) {
        for agent in 0..self.agents.len() {
            let Some(id) = self.agents[agent].id.clone() else { continue };
            let duty = self.store.value().duty(&id).filter(|duty| duty.deactivated);
            if duty.is_some_and(|duty| !duty.is_draining()) {
                self.ask(agent, Asked::Reactivate);
            }
        }
        self.end_maintenance();
        self.after(AGAIN, Event::TakeBack);
    }

    /// Agents that are said to be drained are looked at.
    pub(super) fn check_drained(&mut self) {
        let Some(leader) = self.leading() else { return };
        for agent in 0..self.agents.len() {
            let Some(id) = &self.agents[agent].id else { continue };
            let duty = self.store.value().duty(id);
            if !duty.is_some_and(|duty| duty.drain.is_some() && !duty.is_draining()) {
                continue;
            }
            self.counts.add("law a drained agent has no task");
            if self.agents[agent].host.running_of(id).next().is_none() {
                continue;
            }
            let Some(view) = self.masters[leader].lead.as_ref().map(|lead| lead.core.view()) else { return };
            let result = service::empty(&view, id, &self.agents[agent].host);
            self.break_law(result);
        }
    }
}

fn call_of(asked: Asked, id: &str) -> Call {
    let agent_id = v1::AgentID::from(id);
    let mut call = Call::default();
    match asked {
        Asked::Gone => {
            call.r#type = Some(call::Type::MarkAgentGone);
            call.mark_agent_gone = Some(call::MarkAgentGone { agent_id, ..Default::default() });
        }
        Asked::Drain { grace, gone } => {
            let grace = grace.map(|grace| protobuf::Duration {
                seconds: i64::try_from(grace.as_secs()).ok(),
                nanos: i32::try_from(grace.subsec_nanos()).ok(),
                ..Default::default()
            });
            call.r#type = Some(call::Type::DrainAgent);
            call.drain_agent = Some(call::DrainAgent {
                agent_id,
                max_grace_period: grace,
                mark_gone: Some(gone),
                ..Default::default()
            });
        }
        Asked::Deactivate => {
            call.r#type = Some(call::Type::DeactivateAgent);
            call.deactivate_agent = Some(call::DeactivateAgent { agent_id, ..Default::default() });
        }
        Asked::Reactivate => {
            call.r#type = Some(call::Type::ReactivateAgent);
            call.reactivate_agent = Some(call::ReactivateAgent { agent_id, ..Default::default() });
        }
    }
    call
}
