// SPDX-License-Identifier: Apache-2.0

//! Who did what: an operator's action is written down before it is answered.
//!
//! What changes the registry is written down by the same record; the rest by one of its own.

use std::collections::BTreeMap;

use kaon_api::internal::{KaonAudit, KaonSchedule};
use kaon_api::v1;
use kaon_api::v1::master::Call;
use kaon_api::wire::Enumeration;
use kaon_model::Wall;

use super::awaiting::Awaited;
use super::enforcement::names;
use crate::caller::Caller;
use crate::effect::{Effect, Reply};
use crate::input::Ticket;
use crate::master::{Master, Turn};
use crate::registry::Operation;

/// Bound: the length of what is kept of a call's subject, and of a refusal.
const TEXT_MAX: usize = 300;

/// Actions that are not answered yet, by the request that waits for it.
pub(crate) type Actions = BTreeMap<Ticket, Action>;

/// What an operator wants, in few words.
#[derive(Debug)]
pub(crate) struct Action {
    principal: Option<String>,
    action: String,
    subject: String,
}

impl Action {
    pub fn of_call(call: &Call, caller: &Caller) -> Action {
        let action = call.r#type.unwrap_or_default().name().to_string();
        Action { principal: caller.principal.clone(), action, subject: subject(call) }
    }

    pub fn of_schedule(schedule: &KaonSchedule, caller: &Caller) -> Action {
        let machines: Vec<_> =
            schedule.windows.iter().flat_map(|window| &window.machine_ids).cloned().collect();
        let action = "ENFORCE_MAINTENANCE_SCHEDULE".to_string();
        Action { principal: caller.principal.clone(), action, subject: names(&machines) }
    }

    /// What the master does by itself, since an operator said so before.
    pub fn of_window(action: &str, machines: &[v1::MachineID]) -> Action {
        Action { principal: None, action: action.to_string(), subject: names(machines) }
    }

    /// Something else that it brings about.
    pub fn add(&mut self, text: &str) {
        self.subject = format!("{text}; {}", self.subject);
    }

    /// With what came of it.
    pub fn done(self, result: &str, now: Wall) -> Box<KaonAudit> {
        Box::new(KaonAudit {
            at: v1::TimeInfo { nanoseconds: now.nanos(), ..Default::default() },
            principal: self.principal,
            action: self.action,
            subject: Some(self.subject).filter(|subject| !subject.is_empty()).map(shortened),
            result: shortened(result.to_string()),
            ..Default::default()
        })
    }
}

impl Master {
    /// Holds the answers to operators that were given in this turn until what they answer is written down. What was
    /// refused has changed nothing, not even that: it stands in the log alone.
    pub(crate) fn write_down_actions(&mut self, turn: &mut Turn, since: usize) {
        if self.actions.is_empty() {
            return;
        }
        let mut refused = Vec::new();
        for effect in &turn.out[since..] {
            if let Effect::Reply { ticket, reply: Reply::Refused { text, .. } } = effect
                && let Some(action) = self.actions.remove(ticket)
            {
                refused.push(Effect::Audit { action: action.done(text, turn.now.wall) });
            }
        }
        turn.out.append(&mut refused);
        let actions = &self.actions;
        let is_answer = |effect: &mut Effect| matches!(effect, Effect::Reply { ticket, .. } if actions.contains_key(ticket));
        let answers: Vec<Effect> = turn.out.extract_if(since.., is_answer).collect();
        for answer in answers {
            let Effect::Reply { ticket, reply } = answer else { continue };
            let Some(action) = self.actions.remove(&ticket) else { continue };
            let action = action.done("done", turn.now.wall);
            if self.awaiting.is_full() {
                // Too much waits to be written already: the log has to do.
                turn.out.push(Effect::Audit { action });
                turn.reply(ticket, reply);
            } else {
                self.store(turn, &[Operation::Audit(action)], Awaited::Answer { ticket, reply });
            }
        }
    }
}

/// What a call is about.
fn subject(call: &Call) -> String {
    let agent = |id: &v1::AgentID| id.value.clone();
    let duty = [
        call.mark_agent_gone.as_ref().map(|call| &call.agent_id),
        call.drain_agent.as_ref().map(|call| &call.agent_id),
        call.deactivate_agent.as_ref().map(|call| &call.agent_id),
        call.reactivate_agent.as_ref().map(|call| &call.agent_id),
        call.reserve_resources.as_ref().map(|call| &call.agent_id),
        call.unreserve_resources.as_ref().map(|call| &call.agent_id),
        call.create_volumes.as_ref().map(|call| &call.agent_id),
        call.destroy_volumes.as_ref().map(|call| &call.agent_id),
        call.grow_volume.as_ref().and_then(|call| call.agent_id.as_ref()),
        call.shrink_volume.as_ref().and_then(|call| call.agent_id.as_ref()),
    ];
    if let Some(id) = duty.into_iter().flatten().next() {
        return agent(id);
    }
    if let Some(teardown) = &call.teardown {
        return teardown.framework_id.value.clone();
    }
    let schedule = call.update_maintenance_schedule.iter().flat_map(|call| &call.schedule.windows);
    let machines = schedule
        .flat_map(|window| &window.machine_ids)
        .chain(call.start_maintenance.iter().flat_map(|call| &call.machines))
        .chain(call.stop_maintenance.iter().flat_map(|call| &call.machines));
    let machines: Vec<v1::MachineID> = machines.cloned().collect();
    if !machines.is_empty() {
        return names(&machines);
    }
    let quotas =
        call.update_quota.iter().flat_map(|call| &call.quota_configs).map(|config| config.role.as_str());
    let weights = call.update_weights.iter().flat_map(|call| &call.weight_infos);
    let roles = quotas
        .chain(weights.filter_map(|info| info.role.as_deref()))
        .chain(call.set_quota.iter().filter_map(|call| call.quota_request.role.as_deref()))
        .chain(call.remove_quota.iter().map(|call| call.role.as_str()));
    roles.collect::<Vec<_>>().join(", ")
}

fn shortened(mut text: String) -> String {
    if text.len() > TEXT_MAX {
        text.truncate(text.floor_char_boundary(TEXT_MAX));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(shortened("short".to_string()), "short");
        let long = shortened("ä".repeat(TEXT_MAX));
        assert_eq!(long, format!("{}…", "ä".repeat(TEXT_MAX / 2)));
    }
}
