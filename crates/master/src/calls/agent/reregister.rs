// SPDX-License-Identifier: Apache-2.0

//! ReregisterSlaveMessage: an agent that has an id comes back with what it runs.

use kaon_api::libprocess::Upid;
use kaon_api::{internal, v1};
use kaon_model::{AgentId, format};

use super::register::{MACHINE_IS_DOWN, take_info};
use crate::effect::ToPeer;
use crate::flows::awaiting::Awaited;
use crate::flows::reregistration::{Reregistration, Standing};
use crate::master::{Master, Turn};
use crate::registry::Operation;
use crate::validate::agent_message;

impl Master {
    pub(crate) fn reregister_agent(
        &mut self,
        turn: &mut Turn,
        from: Upid,
        message: internal::ReregisterAgentMessage,
    ) {
        self.state.tables.counters.messages_reregister_slave += 1;
        let id = message.agent.id.as_ref().map(|id| id.value.as_str()).unwrap_or_default();
        match self.awaiting.returning.get_mut(id) {
            // Mesos: drops it, and goes by the earlier one, which may have been long on its way.
            Some(again) => *again = Some((from, Box::new(message))),
            None => self.agent_returns(turn, from, message),
        }
    }

    /// Judges what an agent says of itself, and takes it back at once or when that is durable.
    pub(crate) fn agent_returns(
        &mut self,
        turn: &mut Turn,
        from: Upid,
        mut message: internal::ReregisterAgentMessage,
    ) {
        let id = message.agent.id.as_ref().map(|id| AgentId::from(id.value.as_str()));
        let Some(id) = id else {
            self.state.tables.counters.dropped_messages += 1;
            return;
        };
        #[cfg(feature = "sabotage")]
        let is_gone = self.registry.is_gone(id.as_str()) && !self.breaks(crate::Sabotage::ForgetTheGone);
        #[cfg(not(feature = "sabotage"))]
        let is_gone = self.registry.is_gone(id.as_str());
        if is_gone {
            return self.shut_down(turn, &from, "Agent has been marked gone");
        }
        if agent_message::reregister(&message, &self.config).is_err()
            || agent_message::version(message.version.as_deref()).is_err()
            || self.awaiting.is_full()
        {
            self.state.tables.counters.dropped_messages += 1;
            return;
        }
        if self.state.machines.is_down(&message.agent.hostname, from.ip) {
            return self.shut_down(turn, &from, MACHINE_IS_DOWN);
        }
        if let Some((_, agent)) = self.state.agent_by_id(id.as_str())
            && (agent.pid.ip != from.ip || agent.info.hostname != message.agent.hostname)
        {
            return self.shut_down(turn, &from, "Agent attempted to reregister with different IP / hostname");
        }
        let agent = std::mem::take(&mut message.agent);
        let Some((info, total)) = take_info(agent, &message.checkpointed_resources) else { return };
        if self.awaiting.agents.contains(&id) {
            // What it says now is newer than what it said when it was last heard.
            if let Some(back) =
                self.awaiting.coming_back(&id).filter(|back| back.from == from && back.info == info)
            {
                (back.total, back.message) = (total, Box::new(message));
            }
            return;
        }
        let (standing, operation) = self.judge(&id, &info);
        let message = Box::new(message);
        let back = Reregistration { id: id.clone(), from, info, total, message, standing };
        match operation {
            None => self.reregistered(turn, back),
            Some(operation) => {
                self.awaiting.returning.insert(id.clone(), None);
                self.awaiting.agents.insert(id);
                self.store(turn, &[operation], Awaited::Reregistration(Box::new(back)));
            }
        }
    }

    /// How the registry knows an agent, with what must be written before it is taken back.
    fn judge(&self, id: &AgentId, info: &v1::AgentInfo) -> (Standing, Option<Operation>) {
        let write = |operation: fn(Box<v1::AgentInfo>) -> Operation| Some(operation(Box::new(info.clone())));
        match self.registry.admitted.get(id) {
            Some(entry) if same_info(&entry.info, info) => (Standing::Admitted, None),
            Some(_) => (Standing::Admitted, write(Operation::UpdateAgent)),
            None if self.registry.unreachable_since(id.as_str()).is_some() => {
                (Standing::Unreachable, write(Operation::AdmitAgent))
            }
            // Mesos: an agent that was forgotten is taken back, whatever it was.
            None => (Standing::Unknown, write(Operation::AdmitAgent)),
        }
    }

    /// The agent is told to end.
    pub(crate) fn shut_down(&mut self, turn: &mut Turn, to: &Upid, message: &str) {
        let shutdown = internal::ShutdownMessage { message: Some(message.to_string()), ..Default::default() };
        turn.send(to, ToPeer::Shutdown(shutdown));
    }
}

/// The registry of Mesos holds descriptions in the format before reservation refinement.
fn same_info(stored: &v1::AgentInfo, told: &v1::AgentInfo) -> bool {
    if stored == told {
        return true;
    }
    let mut stored = stored.clone();
    format::upgrade_all(&mut stored.resources);
    stored == *told
}
