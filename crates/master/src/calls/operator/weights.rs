// SPDX-License-Identifier: Apache-2.0

//! UPDATE_WEIGHTS: an operator says how much more one role is to get than another.

use std::sync::Arc;

use kaon_allocator::Withdrawal;
use kaon_api::json::format_double;
use kaon_api::v1::WeightInfo;
use kaon_model::Role;

use crate::effect::Reply;
use crate::flows::awaiting::Awaited;
use crate::input::Ticket;
use crate::master::{Master, Turn};
use crate::registry::Operation;
use crate::rejection::Rejection;
use crate::validate;

/// Weights that are being written.
#[derive(Debug)]
pub(crate) struct WeightsUpdate {
    weights: Vec<(Role, f64)>,
    pub ticket: Ticket,
}

impl Master {
    pub(super) fn update_weights(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        infos: Vec<WeightInfo>,
    ) -> Result<Option<Reply>, Rejection> {
        let mut weights = Vec::new();
        for info in infos {
            weights.push(self.checked_weight(&info).map_err(|problem| {
                Rejection::Invalid(format!("Failed to validate update weights request JSON{problem}"))
            })?);
        }
        if self.awaiting.is_full() {
            return Err(Rejection::Busy("Too many changes wait to be written: try again".to_string()));
        }
        let mut stored = weights.clone();
        if self.registry.weights().next().is_none() {
            // From now on the registry alone says how much roles weigh: what the flag said goes there too.
            let flagged = self.weights.iter().map(|(role, weight)| (role.clone(), *weight));
            stored = flagged.chain(stored).collect();
        }
        let info = |(role, weight): &(Role, f64)| WeightInfo {
            role: Some(role.to_string()),
            weight: *weight,
            ..Default::default()
        };
        let operation = Operation::SetWeights(stored.iter().map(info).collect());
        self.store(turn, &[operation], Awaited::Weights(WeightsUpdate { weights, ticket }));
        Ok(None)
    }

    /// Mesos: blanks around a name do not count.
    fn checked_weight(&self, info: &WeightInfo) -> Result<(Role, f64), String> {
        let name = info.role.as_deref().unwrap_or_default().trim_matches([' ', '\t', '\n', '\r']);
        let role = Role::new(name).map_err(|error| format!(": Invalid role '{name}': {error}"))?;
        if !validate::quota::is_allowed(&self.config, name) {
            return Err(format!(": Unknown role '{name}'"));
        }
        if !(info.weight.is_finite() && info.weight > 0.0) {
            let weight = format_double(info.weight);
            let weight = weight.strip_suffix(".0").unwrap_or(&weight);
            return Err(format!(" for role '{name}': Invalid weight '{weight}': Weights must be positive"));
        }
        Ok((role, info.weight))
    }

    /// It is durable. Mesos: if anybody is in one of the roles, everybody competes anew for what is offered now.
    pub(crate) fn weights_stored(&mut self, turn: &mut Turn, update: WeightsUpdate) {
        let mut matters = false;
        for (role, weight) in update.weights {
            matters |= self.allocator.books().frameworks_in(&role).next().is_some();
            let refused = self.allocator.set_weight(&role, weight).is_err();
            debug_assert!(!refused, "weights were checked before they were written");
            Arc::make_mut(&mut self.weights).insert(role, weight);
        }
        if matters {
            for agent in self.state.agents.rows().collect::<Vec<_>>() {
                for number in self.state.offers.of_agent(agent) {
                    self.rescind_offer(turn, number, Withdrawal::Rescinded);
                }
            }
        }
        turn.reply(update.ticket, Reply::Ok);
    }
}
