// SPDX-License-Identifier: Apache-2.0

//! What the registry holds, as readers are shown it.

use std::collections::BTreeMap;

use kaon_api::internal::{KaonAudits, KaonEnforcement, KaonSchedule, KaonWindow, registry};
use kaon_api::json::{Dialect, to_json};
use kaon_api::v1;
use kaon_api::v1::allocator::InverseOfferStatus;
use kaon_api::v1::maintenance::{ClusterStatus, Schedule, Window, cluster_status::DrainingMachine};
use kaon_api::v1::quota::{QuotaConfig, QuotaInfo, QuotaStatus};
use kaon_model::Scalar;

use super::members::sorted;
use crate::state::Machine;
use crate::view::View;

/// `/registrar(1)/registry`.
pub(super) fn registry(view: &View) -> String {
    let mut wire = view.registry.to_wire();
    let master = registry::Master { info: Box::new((*view.info).clone()), ..Default::default() };
    wire.master.get_or_insert(master);
    // It has an endpoint of its own.
    wire.kaon_audit.clear();
    // Mesos: has no list before its first entry.
    wire.agents.take_if(|all| all.agents.is_empty());
    wire.unreachable.take_if(|all| all.agents.is_empty());
    wire.gone.take_if(|all| all.agents.is_empty());
    sorted(&wire)
}

/// `/audit`: what operators did, oldest first.
pub(super) fn audit(view: &View) -> String {
    sorted(&KaonAudits { audit: view.registry.audit().to_vec(), ..Default::default() })
}

/// `/maintenance/schedule`.
pub(super) fn maintenance_schedule(view: &View) -> String {
    sorted(&schedule(view))
}

/// `/kaon/maintenance/schedule`: with what is enforced of it.
pub(super) fn enforced_schedule(view: &View) -> String {
    let enforced: BTreeMap<Machine, &KaonEnforcement> =
        view.registry.enforced().iter().map(|one| (Machine::named(&one.id), &one.enforcement)).collect();
    let window = |window: Window| {
        // A window is enforced as a whole.
        let first = window.machine_ids.first().map(Machine::named);
        KaonWindow {
            enforcement: first
                .and_then(|first| enforced.get(&first))
                .map(|enforcement| (*enforcement).clone()),
            machine_ids: window.machine_ids,
            unavailability: window.unavailability,
            ..Default::default()
        }
    };
    let windows = view.registry.schedule().windows.into_iter().map(window).collect();
    sorted(&KaonSchedule { windows, ..Default::default() })
}

/// `/maintenance/status`.
pub(super) fn maintenance_status(view: &View) -> String {
    sorted(&status(view))
}

/// `/quota`.
pub(super) fn quota(view: &View) -> String {
    to_json(&quota_status(view), Dialect::V0)
}

pub(super) fn schedule(view: &View) -> Schedule {
    view.registry.schedule()
}

/// Which machines are being given back, with what frameworks say to that, and which are down.
pub(super) fn status(view: &View) -> ClusterStatus {
    let mut answers: BTreeMap<Machine, Vec<InverseOfferStatus>> = BTreeMap::new();
    for answer in view.answers.values() {
        answers.entry(Machine::named(&answer.machine_id)).or_default().push(answer.status.clone());
    }
    let mut status = ClusterStatus::default();
    for info in view.registry.machines() {
        match info.mode {
            Some(v1::machine_info::Mode::Draining) => {
                let statuses = answers.remove(&Machine::named(&info.id)).unwrap_or_default();
                let machine = DrainingMachine { id: info.id.clone(), statuses, ..Default::default() };
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
