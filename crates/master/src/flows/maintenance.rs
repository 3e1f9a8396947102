// SPDX-License-Identifier: Apache-2.0

//! Machines from the day they are scheduled until they are back: what it means for the agents on them.

use std::collections::BTreeMap;
use std::sync::Arc;

use kaon_api::internal::KaonAnswer;
use kaon_api::v1;
use kaon_api::v1::allocator::InverseOfferStatus;
use kaon_api::v1::allocator::inverse_offer_status::Status;
use kaon_model::{AgentId, FrameworkId};

use super::awaiting::Awaited;
use super::removal::{Cause, MACHINE_DOWN};
use crate::calls::operator::MachineChange;
use crate::effect::Reply;
use crate::master::{Master, TimerKey, Turn};
use crate::registry::{Operation, Registry};
use crate::state::machines::Machines;
use crate::state::{AgentRow, FrameworkRow, Machine};

/// How frameworks answered last, for each agent.
pub type Answers = BTreeMap<(AgentId, FrameworkId), KaonAnswer>;

/// Mesos: forgets them when another master leads.
pub(crate) fn answers(registry: &Registry) -> Answers {
    let key = |answer: &KaonAnswer| {
        (
            AgentId::from(answer.agent_id.value.as_str()),
            FrameworkId::from(answer.status.framework_id.value.as_str()),
        )
    };
    registry.answers().iter().map(|answer| (key(answer), answer.clone())).collect()
}

impl Master {
    /// It is durable: agents on machines of which something else is planned now are offered in another light, and those on
    /// machines that went down are removed.
    ///
    /// Mesos: takes all offers in the cluster back, and forgets all answers, with any new schedule.
    pub(crate) fn machines_changed(&mut self, turn: &mut Turn, change: MachineChange) {
        let news = Machines::of_registry(self.registry.machines());
        if self.state.machines.replan(news) {
            for row in self.state.agents.rows().collect::<Vec<_>>() {
                self.take_up_plan(turn, row);
            }
        }
        if !self.registry.enforced().is_empty() {
            self.timers.set_no_later(TimerKey::Enforcement, turn.now.mono);
        }
        let standing = answers(&self.registry);
        if self.answers.keys().any(|key| !standing.contains_key(key)) {
            Arc::make_mut(&mut self.answers).retain(|key, _| standing.contains_key(key));
        }
        if let Some(ticket) = change.ticket {
            turn.reply(ticket, Reply::Ok);
        }
    }

    /// The row says what is planned for its machine.
    pub(crate) fn take_up_plan(&mut self, turn: &mut Turn, row: AgentRow) {
        let agent = self.state.agent(row);
        if self.state.machines.is_empty() && agent.unavailability.is_none() {
            return;
        }
        let plan = self.state.machines.plan(&Machine::of_agent(agent));
        let (down, planned) = plan.map_or((false, None), |plan| (plan.down, plan.unavailability.clone()));
        if agent.unavailability != planned {
            self.state.machines.set_scheduled(row, planned.is_some());
            self.state.agent_mut(row).unavailability = planned;
            self.withdraw_agent_offers(turn, row);
            self.state.machines.forget_asked_of(row);
            let id = self.state.agent(row).id.clone();
            self.allocator.forget_refusals(turn.now.mono, &id);
            self.timers.set_no_later(TimerKey::Asking, turn.now.mono);
        }
        if down {
            let pid = self.state.agent(row).pid.clone();
            self.shut_down(turn, &pid, MACHINE_DOWN);
            self.state.machines.let_go(row);
        }
    }

    /// Removes agents of machines that went down, as soon as nothing else is being written of them.
    pub(crate) fn remove_leaving(&mut self, turn: &mut Turn) {
        for row in self.state.machines.leaving().collect::<Vec<_>>() {
            if !self.awaiting.agents.contains(&self.state.agent(row).id) {
                self.remove_agent(turn, row, Cause::MachineDown);
            }
        }
    }

    /// A framework has answered. What it says is written down when it says something else than before.
    pub(crate) fn note_answer(
        &mut self,
        turn: &mut Turn,
        agent: AgentRow,
        framework: FrameworkRow,
        status: Status,
    ) {
        let (agent, framework) = (self.state.agent(agent), self.state.framework(framework));
        let key = (agent.id.clone(), framework.id.clone());
        let timestamp = v1::TimeInfo { nanoseconds: turn.now.wall.nanos(), ..Default::default() };
        let answer = KaonAnswer {
            machine_id: v1::MachineID {
                hostname: Some(agent.hostname().to_string()),
                ip: Some(agent.pid.ip.to_string()),
                ..Default::default()
            },
            agent_id: v1::AgentID::from(agent.id.as_str()),
            status: InverseOfferStatus {
                status,
                framework_id: v1::FrameworkID::from(framework.id.as_str()),
                timestamp,
                ..Default::default()
            },
            ..Default::default()
        };
        let known = Arc::make_mut(&mut self.answers).insert(key, answer.clone());
        if known.is_none_or(|known| known.status.status != status) {
            self.store(turn, &[Operation::SetAnswers(vec![answer])], Awaited::Nothing);
        }
    }

    /// Whoever answered, or was asked for, is gone.
    pub(crate) fn forget_answers(&mut self, turn: &mut Turn, gone: impl Fn(&AgentId, &FrameworkId) -> bool) {
        let is_gone =
            |((agent, framework), _): &(&(AgentId, FrameworkId), &KaonAnswer)| gone(agent, framework);
        let forgotten: Vec<KaonAnswer> =
            self.answers.iter().filter(is_gone).map(|(_, answer)| unsaid(answer)).collect();
        if !forgotten.is_empty() {
            Arc::make_mut(&mut self.answers).retain(|(agent, framework), _| !gone(agent, framework));
            self.store(turn, &[Operation::SetAnswers(forgotten)], Awaited::Nothing);
        }
    }
}

fn unsaid(answer: &KaonAnswer) -> KaonAnswer {
    let mut answer = answer.clone();
    answer.status.status = Status::Unknown;
    answer
}
