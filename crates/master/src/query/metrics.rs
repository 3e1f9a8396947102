// SPDX-License-Identifier: Apache-2.0

//! The figures of a master, one flat map.
//!
//! Names are Mesos's, all of them, because exporters complain of each that is missing. Those behind which nothing
//! lies yet are 0 and listed in `metrics/names.rs`; the shell puts its own figures over some of them.

mod framework;
mod names;
mod operations;

use std::collections::{BTreeMap, BTreeSet};

use kaon_api::v1::machine_info::Mode;
use kaon_model::{Quantities, ResourceName, Role, Scalar, TaskState};

use super::groups::Groups;
use super::roles;
use super::sums::Sums;
use crate::view::View;

pub use names::unmeasured;

/// All figures of the core, by name.
pub fn metrics(view: &View) -> BTreeMap<String, f64> {
    let mut figures = Figures(unmeasured().map(|name| (name, 0.0)).collect());
    let sums = Sums::of(&view.tables);
    figures.add_master(view);
    figures.add_service(view);
    figures.add_tasks(view);
    operations::add(&mut figures, &view.tables.counters);
    figures.add_resources(view, &sums);
    figures.add_allocator(view);
    figures.add_registrar(view);
    figures.add_principals(view);
    if view.config.flags.get("publish_per_framework_metrics").is_none_or(|flag| flag != "false") {
        let groups = Groups::of(&view.tables);
        for (row, own) in view.tables.frameworks.iter() {
            framework::add(&mut figures, view, own, &groups.framework(row).tasks);
        }
        // Mesos: those of the past keep their figures for as long as they are remembered.
        for completed in view.tables.history.frameworks() {
            framework::add(&mut figures, view, &completed.framework, &[]);
        }
    }
    figures.0
}

/// The map being filled.
struct Figures(BTreeMap<String, f64>);

impl Figures {
    fn set(&mut self, name: impl Into<String>, value: f64) {
        self.0.insert(name.into(), value);
    }

    fn count(&mut self, name: impl Into<String>, value: usize) {
        self.set(name, value as f64);
    }

    fn add_master(&mut self, view: &View) {
        let tables = &view.tables;
        let uptime = view.now.wall.secs_f64() - view.started.secs_f64();
        self.set("master/uptime_secs", uptime.max(0.0));
        self.count("master/elected", usize::from(view.elected.is_some()));
        self.count("master/outstanding_offers", tables.offers.len());
        self.count("master/operator_event_stream_subscribers", view.watchers);
        let connected = tables.agents.values().filter(|agent| agent.connected).count();
        let active = tables.agents.values().filter(|agent| agent.is_active()).count();
        self.count("master/slaves_connected", connected);
        self.count("master/slaves_disconnected", tables.agents.len() - connected);
        self.count("master/slaves_active", active);
        self.count("master/slaves_inactive", tables.agents.len() - active);
        self.count("master/slaves_unreachable", view.registry.unreachable_count());
        let connected = tables.frameworks.values().filter(|framework| framework.is_connected()).count();
        let active = tables.frameworks.values().filter(|framework| framework.is_active()).count();
        for (name, count) in [("connected", connected), ("active", active)] {
            self.count(format!("master/frameworks_{name}"), count);
        }
        self.count("master/frameworks_disconnected", tables.frameworks.len() - connected);
        self.count("master/frameworks_inactive", tables.frameworks.len() - active);
        for (name, count) in tables.counters.named() {
            self.set(name, count as f64);
        }
    }

    /// Of our own: what operators have taken out of service.
    fn add_service(&mut self, view: &View) {
        let out = view.registry.out_of_service();
        let agents = [
            ("deactivated", out.deactivated),
            ("draining", out.draining),
            ("drained", out.drained),
            ("gone", out.gone),
        ];
        for (what, count) in agents {
            self.count(format!("kaon/agents_{what}"), count);
        }
        for (what, mode) in [("draining", Mode::Draining), ("down", Mode::Down)] {
            let machines = view.registry.machines().filter(|machine| machine.mode == Some(mode));
            self.count(format!("kaon/machines_{what}"), machines.count());
        }
    }

    fn add_tasks(&mut self, view: &View) {
        let mut states: BTreeMap<TaskState, usize> = BTreeMap::new();
        for task in view.tables.tasks.values() {
            *states.entry(task.state).or_default() += 1;
        }
        for state in [TaskState::Staging, TaskState::Starting, TaskState::Running, TaskState::Killing] {
            self.count(plural(state), states.get(&state).copied().unwrap_or(0));
        }
        let pasts = view.tables.frameworks.values().filter_map(|own| view.tables.history.of(&own.id));
        self.count("master/tasks_unreachable", pasts.map(|past| past.unreachable().count()).sum());
        let counters = &view.tables.counters;
        for state in TaskState::ALL.into_iter().filter(|state| state.is_terminal()) {
            self.set(plural(state), counters.task_states.get(state.name()).copied().unwrap_or(0) as f64);
        }
        for (name, count) in &counters.task_ends {
            self.set(name, *count as f64);
        }
    }

    /// Mesos: a percentage is a fraction of 1.
    fn add_resources(&mut self, view: &View, sums: &Sums) {
        let mut totals = [Quantities::new(), Quantities::new()];
        let mut used = [Quantities::new(), Quantities::new()];
        for (row, agent) in view.tables.agents.iter() {
            let held = &sums.agent(row).used;
            for (sums, resources) in [(&mut totals, &*agent.total), (&mut used, held)] {
                sums[0] += &resources.non_revocable().quantities();
                sums[1] += &resources.revocable().quantities();
            }
        }
        for (at, kind) in ["", "_revocable"].into_iter().enumerate() {
            for name in [ResourceName::CPUS, ResourceName::GPUS, ResourceName::MEM, ResourceName::DISK] {
                let (total, used) = (totals[at].get(&name), used[at].get(&name));
                let prefix = format!("master/{}{kind}", name.as_str());
                self.set(format!("{prefix}_total"), total.to_f64());
                self.set(format!("{prefix}_used"), used.to_f64());
                self.set(format!("{prefix}_percent"), fraction(used, total));
            }
        }
    }

    fn add_allocator(&mut self, view: &View) {
        self.set("allocator/mesos/allocation_runs", view.allocation.runs as f64);
        let mut total = Quantities::new();
        view.tables.agents.values().for_each(|agent| total += &agent.total.quantities());
        let roles = roles::figures(view);
        let mut held = Quantities::new();
        for (role, figures) in &roles {
            let mut own = figures.allocated.clone();
            own += &figures.offered;
            if role.parent().is_none() {
                held += &own;
            }
            let filters = view.allocation.filters.get(role).copied().unwrap_or(0);
            self.set(format!("allocator/mesos/offer_filters/roles/{role}/active"), filters as f64);
            // Mesos: only who competes has a share.
            if !figures.frameworks.is_empty() {
                let shares = total.iter().map(|(name, total)| fraction(own.get(name), total));
                let share = shares.fold(0.0, f64::max) / roles::weight(view, role);
                self.set(format!("allocator/mesos/roles/{role}/shares/dominant"), share);
            }
        }
        self.add_quota(view, &roles);
        for name in [ResourceName::CPUS, ResourceName::MEM, ResourceName::DISK] {
            let prefix = format!("allocator/mesos/resources/{}", name.as_str());
            self.set(format!("{prefix}/total"), total.get(&name).to_f64());
            self.set(format!("{prefix}/offered_or_allocated"), held.get(&name).to_f64());
        }
    }

    /// Mesos: what is consumed is told of every role, the rest of those with quota alone.
    fn add_quota(&mut self, view: &View, roles: &BTreeMap<Role, roles::Figures<'_>>) {
        let figure = |role: &Role, name: &ResourceName, what: &str| {
            format!("allocator/mesos/quota/roles/{role}/resources/{}/{what}", name.as_str())
        };
        for (role, figures) in roles {
            for (name, amount) in figures.consumed().iter() {
                self.set(figure(role, name, "consumed"), amount.to_f64());
            }
        }
        for (role, quota) in view.registry.quotas() {
            let mut names: BTreeSet<&ResourceName> = BTreeSet::new();
            for (name, amount) in quota.guarantees.iter() {
                self.set(figure(&role, name, "guarantee"), amount.to_f64());
                names.insert(name);
            }
            for (name, amount) in quota.limits.iter() {
                self.set(figure(&role, name, "limit"), amount.to_f64());
                names.insert(name);
            }
            for name in names {
                let held = roles.get(&role).map_or(0.0, |figures| {
                    figures.offered.get(name).to_f64() + figures.allocated.get(name).to_f64()
                });
                self.set(figure(&role, name, "offered_or_allocated"), held);
            }
        }
    }

    /// The registry is of one master, and was read before it began to lead.
    fn add_registrar(&mut self, view: &View) {
        use kaon_api::wire::Message;
        self.count("registrar/queued_operations", view.writes);
        self.count("registrar/registry_size_bytes", view.registry.to_wire().encode().len());
        self.set("registrar/log/recovered", 1.0);
        self.set("registrar/log/ensemble_size", 1.0);
    }

    /// A call is processed as soon as it is received.
    fn add_principals(&mut self, view: &View) {
        for (principal, count) in &view.tables.counters.principals {
            for kind in ["received", "processed"] {
                self.set(format!("frameworks/{principal}/messages_{kind}"), *count as f64);
            }
        }
    }
}

/// `master/tasks_running`.
fn plural(state: TaskState) -> String {
    let name = state.name().trim_start_matches("TASK_").to_ascii_lowercase();
    format!("master/tasks_{name}")
}

fn fraction(part: Scalar, whole: Scalar) -> f64 {
    if whole.is_positive() { part.to_f64() / whole.to_f64() } else { 0.0 }
}
