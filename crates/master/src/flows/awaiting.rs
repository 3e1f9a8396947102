// SPDX-License-Identifier: Apache-2.0

//! What waits for a write to the registry: each a state with a name.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::slice::from_ref;
use std::sync::Arc;

use kaon_api::internal::{KaonEvent, ReregisterAgentMessage};
use kaon_api::libprocess::Upid;
use kaon_model::AgentId;

use super::admission::Admission;
use super::removal::Cause;
use super::reregistration::Reregistration;
use super::silence::Silence;
use crate::calls::operator::{DutyChange, Gone, MachineChange, QuotaUpdate, WeightsUpdate, Wish};
use crate::config::{MAX_WRITES_IN_FLIGHT, REGISTRY_SNAPSHOT_AFTER};
use crate::effect::{Effect, Reply};
use crate::input::{Ticket, Write};
use crate::master::{Master, Turn};
use crate::registry::Operation;

/// What goes on when a write is durable.
#[derive(Debug)]
pub(crate) enum Awaited {
    /// A new agent becomes registered.
    Admission(Box<Admission>),
    /// An agent that was away, or has changed, is taken back.
    Reregistration(Box<Reregistration>),
    /// A silent agent becomes unreachable.
    Silence(Silence),
    /// An agent is removed for good.
    Removal { agent: AgentId, cause: Cause },
    /// An operator's word that an agent is gone.
    Gone(Gone),
    /// An operator's word on whether an agent takes part.
    Duty(DutyChange),
    /// Agents too old to remember are forgotten.
    Collection(Vec<AgentId>),
    /// An operator's word on quota.
    Quota(QuotaUpdate),
    /// An operator's word on weights.
    Weights(WeightsUpdate),
    /// An operator is answered who did what needs no write, or nothing.
    Answer { ticket: Ticket, reply: Reply },
    /// What is planned for machines.
    Machines(MachineChange),
    /// A step of what is enforced.
    Enforcement,
    /// Nobody waits for it.
    Nothing,
}

impl Awaited {
    /// The request that is answered when it is durable.
    fn ticket(&self) -> Option<Ticket> {
        match self {
            Awaited::Gone(gone) => gone.ticket,
            Awaited::Duty(change) => change.ticket,
            Awaited::Quota(update) => Some(update.ticket),
            Awaited::Weights(update) => Some(update.ticket),
            Awaited::Machines(change) => change.ticket,
            Awaited::Admission(_)
            | Awaited::Reregistration(_)
            | Awaited::Silence(_)
            | Awaited::Removal { .. }
            | Awaited::Collection(_)
            | Awaited::Enforcement
            | Awaited::Answer { .. }
            | Awaited::Nothing => None,
        }
    }

    /// The agents that it is about, as far as they had been known.
    fn agents(&self) -> &[AgentId] {
        match self {
            Awaited::Reregistration(agent) => from_ref(&agent.id),
            Awaited::Silence(silence) => from_ref(&silence.agent),
            Awaited::Removal { agent, .. } => from_ref(agent),
            Awaited::Gone(gone) => from_ref(&gone.agent),
            Awaited::Duty(change) => from_ref(&change.agent),
            Awaited::Collection(agents) => agents,
            Awaited::Admission(_) | Awaited::Quota(_) | Awaited::Weights(_) => &[],
            Awaited::Machines(_) | Awaited::Enforcement | Awaited::Answer { .. } | Awaited::Nothing => &[],
        }
    }
}

/// The writes on their way.
///
/// Invariant: an agent is in `agents` exactly while a write about it is on its way, so that no two transitions of one
/// agent overlap.
#[derive(Debug, Default)]
pub(crate) struct Awaiting {
    last: Write,
    writes: BTreeMap<Write, Awaited>,
    /// What operators who listen are told of these writes.
    pub news: BTreeMap<Write, Vec<KaonEvent>>,
    /// Addresses whose admission is being written.
    pub registering: BTreeSet<Upid>,
    /// Agents whose change is being written.
    pub agents: BTreeSet<AgentId>,
    /// Of those, the agents that operators want something of meanwhile, in order.
    pub wishes: BTreeMap<AgentId, VecDeque<(Ticket, Wish)>>,
    /// Of those, the agents that are being taken back, with the last that they said of themselves meanwhile.
    pub returning: BTreeMap<AgentId, Option<Again>>,
}

/// A re-registration that came while an earlier one was being written. It knows of tasks that the earlier one did not.
pub(crate) type Again = (Upid, Box<ReregisterAgentMessage>);

impl Awaiting {
    /// Bound: beyond it agents must wait; they ask again by themselves.
    pub fn is_full(&self) -> bool {
        self.writes.len() >= MAX_WRITES_IN_FLIGHT
    }

    /// The agent that will be taken back once that is durable.
    pub fn coming_back(&mut self, id: &AgentId) -> Option<&mut Reregistration> {
        self.writes.values_mut().find_map(|awaited| match awaited {
            Awaited::Reregistration(back) if back.id == *id => Some(&mut **back),
            _ => None,
        })
    }

    /// Whether it is being written that the agent is gone.
    pub fn is_going(&self, id: &AgentId) -> bool {
        self.writes.values().any(|awaited| matches!(awaited, Awaited::Gone(gone) if gone.agent == *id))
    }

    pub fn len(&self) -> usize {
        self.writes.len()
    }
}

impl Master {
    /// Writes operations as one record; `awaited` goes on when they are durable.
    pub(crate) fn store(&mut self, turn: &mut Turn, operations: &[Operation], awaited: Awaited) {
        let write = Write(self.awaiting.last.0 + 1);
        self.awaiting.last = write;
        let mut operations = operations.to_vec();
        let action = awaited.ticket().and_then(|ticket| self.actions.remove(&ticket));
        operations.extend(action.map(|action| Operation::Audit(action.done("done", turn.now.wall))));
        self.expect_news(write, &operations, turn.now.wall);
        let (record, snapshot) =
            Arc::make_mut(&mut self.registry).write(&operations, REGISTRY_SNAPSHOT_AFTER);
        self.awaiting.writes.insert(write, awaited);
        turn.out.push(Effect::Store { write, record, snapshot });
        #[cfg(feature = "sabotage")]
        if self.breaks(crate::Sabotage::AcknowledgeBeforeStoring) {
            self.stored(turn, write);
        }
    }

    pub(crate) fn stored(&mut self, turn: &mut Turn, write: Write) {
        // A shell that reports a write twice must not make two agents of one.
        let Some(awaited) = self.awaiting.writes.remove(&write) else { return };
        if let Some(news) = self.awaiting.news.remove(&write) {
            self.announce(turn, news);
        }
        // Somebody waits for few writes.
        let wanted = |agent: &&AgentId| self.awaiting.wishes.contains_key(*agent);
        let wanted: Vec<AgentId> = awaited.agents().iter().filter(wanted).cloned().collect();
        self.go_on(turn, awaited);
        wanted.iter().for_each(|agent| self.next_duty(turn, agent));
    }

    fn go_on(&mut self, turn: &mut Turn, awaited: Awaited) {
        match awaited {
            Awaited::Admission(admission) => {
                self.awaiting.registering.remove(&admission.from);
                self.admitted(turn, *admission);
            }
            Awaited::Reregistration(agent) => {
                self.awaiting.agents.remove(&agent.id);
                let again = self.awaiting.returning.remove(&agent.id).flatten();
                self.reregistered(turn, *agent);
                if let Some((from, message)) = again {
                    self.agent_returns(turn, from, *message);
                }
            }
            Awaited::Silence(silence) => {
                self.awaiting.agents.remove(&silence.agent);
                self.unreachable(turn, silence);
            }
            Awaited::Removal { agent, cause } => {
                self.awaiting.agents.remove(&agent);
                self.agent_removed(turn, &agent, cause);
            }
            Awaited::Gone(gone) => {
                self.awaiting.agents.remove(&gone.agent);
                self.agent_gone(turn, gone);
            }
            Awaited::Duty(change) => {
                self.awaiting.agents.remove(&change.agent);
                self.duty_changed(turn, change);
            }
            Awaited::Collection(agents) => self.collected(&agents),
            Awaited::Quota(update) => self.quota_stored(turn, update),
            Awaited::Weights(update) => self.weights_stored(turn, update),
            Awaited::Machines(change) => self.machines_changed(turn, change),
            Awaited::Enforcement => self.enforced(turn),
            Awaited::Answer { ticket, reply } => turn.reply(ticket, reply),
            Awaited::Nothing => {}
        }
    }
}
