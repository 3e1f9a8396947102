// SPDX-License-Identifier: Apache-2.0

//! What the registry holds, as readers are shown it.

use kaon_api::internal::registry;
use kaon_api::json::{Dialect, to_json};
use kaon_api::v1;
use kaon_api::v1::maintenance::{ClusterStatus, Schedule, cluster_status::DrainingMachine};
use kaon_api::v1::quota::{QuotaConfig, QuotaInfo, QuotaStatus};
use kaon_model::Scalar;

use super::members::sorted;
use crate::view::View;

/// `/registrar(1)/registry`.
pub(super) fn registry(view: &View) -> String {
    let mut wire = view.registry.to_wire();
    let master = registry::Master { info: Box::new((*view.info).clone()), ..Default::default() };
    wire.master.get_or_insert(master);
    // Mesos: has no list before its first entry.
    wire.agents.take_if(|all| all.agents.is_empty());
    wire.unreachable.take_if(|all| all.agents.is_empty());
    wire.gone.take_if(|all| all.agents.is_empty());
    sorted(&wire)
}

/// `/maintenance/schedule`.
pub(super) fn maintenance_schedule(view: &View) -> String {
    sorted(&schedule(view))
}

/// `/maintenance/status`.
pub(super) fn maintenance_status(view: &View) -> String {
    sorted(&status(view))
}

/// `/quota`.
pub(super) fn quota(view: &View) -> String {
    to_json(&quota_status(view), Dialect::V0)
}

/// Mesos: there is one schedule at most.
pub(super) fn schedule(view: &View) -> Schedule {
    view.registry.rest().schedules.first().cloned().unwrap_or_default()
}

pub(super) fn status(view: &View) -> ClusterStatus {
    let machines = view.registry.rest().machines.iter().flat_map(|all| &all.machines);
    let mut status = ClusterStatus::default();
    for info in machines.map(|machine| &machine.info) {
        match info.mode {
            Some(v1::machine_info::Mode::Draining) => {
                let machine = DrainingMachine { id: info.id.clone(), ..Default::default() };
                status.draining_machines.push(machine);
            }
            Some(v1::machine_info::Mode::Down) => status.down_machines.push(info.id.clone()),
            Some(v1::machine_info::Mode::Up) | None => {}
        }
    }
    status
}

/// Mesos: goes on showing roles of which the quota was removed, empty, until another master leads.
pub(super) fn quota_status(view: &View) -> QuotaStatus {
    let configs: Vec<QuotaConfig> = view.registry.quota_configs().iter().map(shown).collect();
    QuotaStatus { infos: configs.iter().map(guarantee_of).collect(), configs, ..Default::default() }
}

/// Mesos: a guarantee of nothing is not shown, a limit of nothing is.
fn shown(config: &QuotaConfig) -> QuotaConfig {
    let mut config = config.clone();
    config.guarantees.retain(|_, amount| !Scalar::from_f64(amount.value).is_zero());
    config
}

/// The old form, which knows guarantees alone.
fn guarantee_of(config: &QuotaConfig) -> QuotaInfo {
    let resource = |(name, amount): (&String, &v1::value::Scalar)| v1::Resource {
        name: name.clone(),
        r#type: v1::value::Type::Scalar,
        scalar: Some(amount.clone()),
        ..Default::default()
    };
    let guarantee = config.guarantees.iter().map(resource).collect();
    QuotaInfo { role: Some(config.role.clone()), guarantee, ..Default::default() }
}
