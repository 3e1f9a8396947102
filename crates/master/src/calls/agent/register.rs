// SPDX-License-Identifier: Apache-2.0

//! RegisterSlaveMessage: an agent that has no id yet wants to join.

use kaon_api::libprocess::Upid;
use kaon_api::{internal, v1};
use kaon_model::{DiskInfo, ReservationKind, Resources, format};

use crate::effect::ToPeer;
use crate::flows::admission::Admission;
use crate::flows::removal::Cause;
use crate::master::{Master, Turn};
use crate::state::AgentRow;
use crate::state::capabilities::AgentCapabilities;
use crate::validate::agent_message;

impl Master {
    /// Mesos: an agent that may not join is not answered, and asks again for ever.
    pub(crate) fn register_agent(
        &mut self,
        turn: &mut Turn,
        from: Upid,
        message: internal::RegisterAgentMessage,
    ) {
        self.state.tables.counters.messages_register_slave += 1;
        if agent_message::register(&message, &self.config).is_err()
            || self.awaiting.registering.contains(&from)
            || agent_message::version(message.version.as_deref()).is_err()
        {
            self.state.tables.counters.dropped_messages += 1;
            return;
        }
        if self.state.machines.is_down(&message.agent.hostname, from.ip) {
            return self.shut_down(turn, &from, MACHINE_IS_DOWN);
        }
        if let Some(&row) = self.state.agents.rows_of_pid(&from).last() {
            return self.register_again(turn, row, &from, message.resource_version_uuid.as_ref());
        }
        if self.awaiting.is_full() {
            self.state.tables.counters.dropped_messages += 1;
            return;
        }
        let Some((info, total)) = take_info(message.agent, &message.checkpointed_resources) else { return };
        self.admit(
            turn,
            Admission {
                from,
                info,
                total,
                version: message.version.unwrap_or_default(),
                capabilities: AgentCapabilities::from_wire(&message.agent_capabilities),
                resource_version: message.resource_version_uuid,
            },
        );
    }

    /// Somebody at this address is registered already.
    fn register_again(&mut self, turn: &mut Turn, row: AgentRow, from: &Upid, version: Option<&v1::UUID>) {
        let agent = self.state.agent(row);
        // Mesos: takes a new process for the old one, whose tasks it then believes in, if the broken link was not
        // noticed yet. Each process makes a version of its own.
        let same = match (&agent.resource_version, version) {
            (Some(known), Some(told)) => known == told,
            _ => true,
        };
        if agent.connected && same {
            // Our answer was lost, or crossed its question.
            let registered = internal::AgentRegisteredMessage {
                agent_id: v1::AgentID::from(agent.id.as_str()),
                connection: Some(self.connection()),
                ..Default::default()
            };
            turn.send(from, ToPeer::AgentRegistered(registered));
        } else {
            // It asks again, and is a new one then.
            self.remove_agent(turn, row, Cause::Replaced);
        }
    }
}

/// What an agent is told whose machine is maintained.
pub(super) const MACHINE_IS_DOWN: &str = "Machine is `DOWN`";

/// An agent's description in the one form that is used here, with what it has.
pub(super) fn take_info(
    mut info: Box<v1::AgentInfo>,
    checkpointed: &[v1::Resource],
) -> Option<(Box<v1::AgentInfo>, Resources)> {
    format::upgrade_all(&mut info.resources);
    let total = Resources::from_wire(&info.resources).ok()?;
    let total = with_checkpointed(total, &Resources::from_wire(checkpointed).ok()?);
    Some((info, total))
}

/// What was reserved, or made a volume, on the agent since it started: each takes its like out of the plain total.
fn with_checkpointed(mut total: Resources, checkpointed: &Resources) -> Resources {
    for resource in checkpointed.iter() {
        if total.contains(resource) {
            continue;
        }
        let mut plain = resource.clone();
        plain.reservations.retain(|reservation| reservation.kind == ReservationKind::Static);
        plain.shared = false;
        let source = plain.disk.take().and_then(|disk| disk.source);
        plain.disk =
            source.map(|source| Box::new(DiskInfo { persistence: None, volume: None, source: Some(source) }));
        // Mesos: shuts an agent down whose checkpointed resources are not made of its total; here they do not count.
        if let Some(rest) = total.checked_sub(&plain.into()) {
            total = rest;
            total.insert(resource);
        }
    }
    total
}
