// SPDX-License-Identifier: Apache-2.0

//! UPDATE_QUOTA, SET_QUOTA, REMOVE_QUOTA: an operator says what roles are promised and allowed.

use kaon_api::v1::master::call;
use kaon_api::v1::quota::{QuotaConfig, QuotaRequest};
use kaon_model::Role;

use crate::effect::Reply;
use crate::flows::awaiting::Awaited;
use crate::input::Ticket;
use crate::master::{Master, Turn};
use crate::query;
use crate::registry::{Operation, quota};
use crate::rejection::Rejection;
use crate::validate;

/// Quotas that are being written.
#[derive(Debug)]
pub(crate) struct QuotaUpdate {
    configs: Vec<QuotaConfig>,
    rescind: Rescind,
    pub ticket: Ticket,
}

/// Which offers are taken back for the sake of a new quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rescind {
    /// Those beyond the new limits, then those of others, until the new guarantees can be met.
    ToFit,
    /// Those of whole agents, whoever has them, until the guarantee can be met.
    WholeAgents,
    /// None.
    Nothing,
}

impl Master {
    /// Mesos: all or nothing; what is forced may limit a role to less than it uses, or promise more than there is.
    pub(super) fn update_quota(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        call: call::UpdateQuota,
    ) -> Result<Option<Reply>, Rejection> {
        let (configs, force) = (call.quota_configs, call.force.unwrap_or_default());
        let invalid = |problem: String| Rejection::Invalid(format!("Invalid QuotaConfig: {problem}"));
        for config in &configs {
            if !validate::quota::is_allowed(&self.config, &config.role) {
                return Err(invalid(format!("'{}' is not on the roles whitelist", config.role)));
            }
            if config.role.contains('/') {
                let text = format!("Updating quota on nested role '{}' is not supported yet", config.role);
                return Err(Rejection::Invalid(text));
            }
            validate::quota::config(config).map_err(invalid)?;
        }
        if !force {
            self.consumption_fits(&configs).map_err(invalid)?;
        }
        let all = validate::quota::with(&self.registry, &configs);
        validate::quota::tree(&all).map_err(invalid)?;
        if let Err((promised, capacity)) = self.capacity_suffices(&all)
            && !force
        {
            return Err(invalid(format!(
                "total quota guarantees '{promised}' exceed cluster capacity '{capacity}' (use 'force' flag to \
                 bypass this check)"
            )));
        }
        self.store_quotas(turn, QuotaUpdate { configs, rescind: Rescind::ToFit, ticket })
    }

    /// Mesos: the old way, in which the guarantee is the limit too, and what does not fit the cluster is a conflict.
    pub(super) fn set_quota(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        request: QuotaRequest,
    ) -> Result<Option<Reply>, Rejection> {
        let force = request.force.unwrap_or_default();
        let invalid =
            |problem: String| Rejection::Invalid(format!("Failed to validate set quota request: {problem}"));
        let config = validate::quota::request(request).map_err(invalid)?;
        let role = &config.role;
        if !validate::quota::is_allowed(&self.config, role) {
            return Err(invalid(format!("Unknown role '{role}'")));
        }
        if self.registry.quota_configs().iter().any(|known| known.role == *role) {
            return Err(invalid(format!("Cannot set quota for role '{role}' which already has quota")));
        }
        // Mesos: checks no amount against the most that it can count, and ends if that is too much.
        validate::quota::config(&config).map_err(invalid)?;
        let nested = role.contains('/').then(|| role.clone());
        let configs = vec![config];
        let all = validate::quota::with(&self.registry, &configs);
        validate::quota::tree(&all).map_err(invalid)?;
        if let Some(role) = nested {
            let text = format!("Setting quota on nested role '{role}' is not supported yet");
            return Err(Rejection::Invalid(text));
        }
        if let Err((promised, capacity)) = self.capacity_suffices(&all)
            && !force
        {
            return Err(Rejection::Conflict(format!(
                "Quota guarantees overcommit the cluster (use 'force' to bypass this check): Total quota guarantees \
                 '{promised}' exceed cluster capacity '{capacity}'"
            )));
        }
        self.store_quotas(turn, QuotaUpdate { configs, rescind: Rescind::WholeAgents, ticket })
    }

    pub(super) fn remove_quota(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        role: &str,
    ) -> Result<Option<Reply>, Rejection> {
        if !validate::quota::is_allowed(&self.config, role) {
            let text = format!("Failed to validate remove quota request: Unknown role '{role}'");
            return Err(Rejection::Invalid(text));
        }
        // Mesos: ends, if the call of the v1 API names a role without quota.
        if !self.registry.quota_configs().iter().any(|known| known.role == role) {
            let text = format!("Failed to remove quota: Role '{role}' has no quota set");
            return Err(Rejection::Invalid(text));
        }
        let configs = vec![QuotaConfig { role: role.to_string(), ..Default::default() }];
        let all = validate::quota::with(&self.registry, &configs);
        validate::quota::tree(&all)
            .map_err(|problem| Rejection::Invalid(format!("Failed to remove quota: {problem}")))?;
        self.store_quotas(turn, QuotaUpdate { configs, rescind: Rescind::Nothing, ticket })
    }

    fn store_quotas(&mut self, turn: &mut Turn, update: QuotaUpdate) -> Result<Option<Reply>, Rejection> {
        if self.awaiting.is_full() {
            return Err(Rejection::Busy("Too many changes wait to be written: try again".to_string()));
        }
        let operation = Operation::SetQuotas(update.configs.clone());
        self.store(turn, &[operation], Awaited::Quota(update));
        Ok(None)
    }

    /// It is durable: the allocator learns of it, and offers that it does not allow are taken back.
    pub(crate) fn quota_stored(&mut self, turn: &mut Turn, update: QuotaUpdate) {
        let quotas = update.configs.iter().filter_map(|config| {
            let role = Role::new(&config.role).ok()?;
            Some((role, quota::of(config)))
        });
        let quotas: Vec<_> = quotas.collect();
        for (role, quota) in &quotas {
            self.allocator.set_quota(turn.now.mono, role, quota.clone());
        }
        for (role, quota) in &quotas {
            match update.rescind {
                Rescind::ToFit => self.rescind_to_fit(turn, role, quota),
                Rescind::WholeAgents => self.rescind_whole_agents(turn, role, quota),
                Rescind::Nothing => {}
            }
        }
        turn.reply(update.ticket, Reply::Ok);
    }

    /// No role may be limited to less than it uses already.
    fn consumption_fits(&self, configs: &[QuotaConfig]) -> Result<(), String> {
        let limited = configs.iter().any(|config| !config.limits.is_empty());
        let consumed = if limited { query::consumed(&self.view()) } else { Default::default() };
        for config in configs {
            let (limits, Ok(role)) = (quota::of(config).limits, Role::new(&config.role)) else { continue };
            let Some(consumed) = consumed.get(&role).filter(|consumed| !limits.contains(consumed)) else {
                continue;
            };
            return Err(format!(
                "Role '{role}' is already consuming '{consumed}'; this is more than the requested limits '{limits}' \
                 (use 'force' flag to bypass this check)"
            ));
        }
        Ok(())
    }

    /// Mesos: what all roles at the top are promised is compared with what all registered agents have, whether they
    /// are connected or not.
    fn capacity_suffices(&self, all: &validate::quota::Guarantees) -> Result<(), (String, String)> {
        let promised = validate::quota::promised(all);
        let mut capacity = kaon_model::Quantities::new();
        for agent in self.state.tables.agents.values() {
            capacity += &agent.total.non_revocable().quantities();
        }
        if capacity.contains(&promised) { Ok(()) } else { Err((promised.to_string(), capacity.to_string())) }
    }
}
