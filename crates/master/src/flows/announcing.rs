// SPDX-License-Identifier: Apache-2.0

//! Operators' own stream of events: what became durable of agents and machines, and who did it.
//!
//! Mesos: tells operators on its stream of agents that come and go; what they are in between they must ask.

use kaon_api::internal::{KaonEvent, kaon_event::Type};
use kaon_api::v1;
use kaon_model::{AgentId, Wall};

use crate::effect::Effect;
use crate::input::{Stream, Write};
use crate::master::{Master, Turn};
use crate::registry::{Operation, Registry};

impl Master {
    /// An operator listens from now on.
    pub(crate) fn listen(&mut self, turn: &mut Turn, stream: Stream) {
        let interval = self.config.heartbeat_interval.as_secs_f64();
        let subscribed = KaonEvent {
            heartbeat_interval_seconds: Some(interval),
            ..event(Type::Subscribed, turn.now.wall)
        };
        turn.out.push(Effect::Announce { stream, event: Box::new(subscribed) });
        self.follow(turn, stream, |master| &mut master.listeners);
    }

    /// Remembers what is to be told when this write is durable: to those who listen, and of actions to the log.
    pub(crate) fn expect_news(&mut self, write: Write, operations: &[Operation], now: Wall) {
        let of_interest =
            |operation: &&Operation| !self.listeners.is_empty() || matches!(operation, Operation::Audit(_));
        let told = operations.iter().filter(of_interest);
        let news: Vec<KaonEvent> = told.flat_map(|operation| news(&self.registry, operation, now)).collect();
        if !news.is_empty() {
            self.awaiting.news.insert(write, news);
        }
    }

    /// It is durable.
    pub(crate) fn announce(&self, turn: &mut Turn, news: Vec<KaonEvent>) {
        for event in news {
            if let Some(action) = &event.audit {
                turn.out.push(Effect::Audit { action: action.clone() });
            }
            for stream in self.listeners.iter() {
                turn.out.push(Effect::Announce { stream, event: Box::new(event.clone()) });
            }
        }
    }
}

pub(super) fn heartbeat(stream: Stream, now: Wall) -> Effect {
    Effect::Announce { stream, event: Box::new(event(Type::Heartbeat, now)) }
}

/// What an operation is news of, to be told when it is durable. `known` is what the registry held before.
fn news(known: &Registry, operation: &Operation, now: Wall) -> Vec<KaonEvent> {
    let of_agent = |kind, id: &AgentId, hostname: Option<&str>| KaonEvent {
        agent_id: Some(v1::AgentID::from(id.as_str())),
        hostname: hostname.or_else(|| known.hostname(id.as_str())).map(str::to_owned),
        ..event(kind, now)
    };
    let of_machines = |kind, ids: &[v1::MachineID]| -> Vec<KaonEvent> {
        ids.iter().map(|id| KaonEvent { machine_id: Some(id.clone()), ..event(kind, now) }).collect()
    };
    match operation {
        Operation::AdmitAgent(info) => {
            let id = AgentId::from(info.id.clone().unwrap_or_default().value.as_str());
            let is_back = known.unreachable_since(id.as_str()).is_some();
            let kind = if is_back { Type::AgentBack } else { Type::AgentAdded };
            vec![of_agent(kind, &id, Some(&info.hostname))]
        }
        Operation::MarkUnreachable(id, _) => vec![of_agent(Type::AgentUnreachable, id, None)],
        Operation::RemoveAgent(id) => vec![of_agent(Type::AgentRemoved, id, None)],
        Operation::MarkGone(id, _) => vec![of_agent(Type::AgentGone, id, None)],
        Operation::SetDuty(id, duty) => {
            let kind = match &duty.drain {
                Some(drain) if drain.state == v1::DrainState::Drained => Type::AgentDrained,
                Some(_) => Type::AgentDraining,
                None if duty.deactivated => Type::AgentDeactivated,
                None => Type::AgentReactivated,
            };
            vec![of_agent(kind, id, None)]
        }
        Operation::MachinesDown(ids) => of_machines(Type::MachineDown, ids),
        Operation::MachinesUp(ids) => of_machines(Type::MachineUp, ids),
        Operation::BeginEnforcement(ids) => of_machines(Type::MachineDraining, ids),
        Operation::Audit(action) => {
            vec![KaonEvent { audit: Some(action.clone()), ..event(Type::Action, now) }]
        }
        Operation::UpdateAgent(_)
        | Operation::Prune(_)
        | Operation::SetQuotas(_)
        | Operation::SetWeights(_)
        | Operation::SetSchedule(_)
        | Operation::EnforceSchedule(..)
        | Operation::SetAnswers(_) => Vec::new(),
    }
}

fn event(kind: Type, now: Wall) -> KaonEvent {
    let at = v1::TimeInfo { nanoseconds: now.nanos(), ..Default::default() };
    KaonEvent { r#type: Some(kind), at: Some(at), ..Default::default() }
}
