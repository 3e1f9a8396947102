// SPDX-License-Identifier: Apache-2.0

//! The roles with what is held in each, with all below it.

use std::collections::BTreeMap;

use kaon_allocator::Quota;
use kaon_api::json::Dialect;
use kaon_api::v1;
use kaon_model::{FrameworkId, Quantities, Resources, Role};

use super::members::{self, Members};
use super::resources::{in_name_order, put_quantities};
use super::sums::Sums;
use crate::view::View;

/// What is known of one role. Amounts include those of the roles below it.
#[derive(Default)]
pub(super) struct Figures<'a> {
    pub allocated: Quantities,
    pub offered: Quantities,
    pub reserved: Quantities,
    /// Reserved, and not in use.
    pub idle_reserved: Quantities,
    /// Those that are subscribed to exactly this role, or hold something in it.
    pub frameworks: Vec<&'a FrameworkId>,
}

/// `/roles`.
pub(super) fn endpoint(view: &View) -> String {
    let quotas: BTreeMap<Role, Quota> = view.registry.quotas().collect();
    let none = Quota::default();
    members::object(Dialect::V0, |w| {
        w.put_list("roles", figures(view), |w, (role, figures)| {
            let quota = quotas.get(&role).unwrap_or(&none);
            w.object(|w| {
                w.put_text("name", role.as_str());
                w.put_number("weight", weight(view, &role));
                w.put_object("quota", |w| {
                    w.put_text("role", role.as_str());
                    put_quantities(w, "guarantee", &quota.guarantees);
                    w.put_object("limit", |w| {
                        let limits: BTreeMap<_, _> =
                            quota.limits.iter().map(|(name, most)| (name.as_str(), most)).collect();
                        limits.into_iter().for_each(|(name, most)| w.put_number(name, most.to_f64()));
                    });
                    put_quantities(w, "consumed", &figures.consumed());
                });
                put_quantities(w, "resources", &sum(&figures.allocated, &figures.offered));
                put_quantities(w, "allocated", &figures.allocated);
                put_quantities(w, "offered", &figures.offered);
                put_quantities(w, "reserved", &figures.reserved);
                w.put_texts("frameworks", figures.frameworks);
            });
        });
    })
}

/// `/weights`.
pub(super) fn weights(view: &View) -> String {
    members::text_of(Dialect::V0, |w| {
        w.array(|w| {
            for (role, weight) in view.weights.iter() {
                w.element();
                w.object(|w| {
                    w.put_text("role", role.as_str());
                    w.put_number("weight", *weight);
                });
            }
        });
    })
}

/// The answer to GET_WEIGHTS.
///
/// Mesos: where no weight is set, the answer lacks even the member.
pub(super) fn get_weights(view: &View) -> Option<v1::master::response::GetWeights> {
    let one = |(role, weight): (&Role, &f64)| v1::WeightInfo {
        weight: *weight,
        role: Some(role.to_string()),
        ..Default::default()
    };
    let weight_infos: Vec<_> = view.weights.iter().map(one).collect();
    let answer = v1::master::response::GetWeights { weight_infos, ..Default::default() };
    (!answer.weight_infos.is_empty()).then_some(answer)
}

/// The answer to GET_ROLES.
///
/// Mesos: tells only the four names of which it knows that they are scalars.
pub(super) fn get_roles(view: &View) -> v1::master::response::GetRoles {
    let one = |(role, figures): (Role, Figures<'_>)| {
        let held = sum(&figures.allocated, &figures.offered);
        let known = in_name_order(&held).into_iter().filter(|(name, _)| KNOWN.contains(name));
        v1::Role {
            name: role.to_string(),
            weight: weight(view, &role),
            frameworks: figures.frameworks.iter().map(|id| v1::FrameworkID::from(id.as_str())).collect(),
            resources: known.map(|(name, amount)| scalar(name, amount.to_f64())).collect(),
            ..Default::default()
        }
    };
    let roles = figures(view).into_iter().map(one).collect();
    v1::master::response::GetRoles { roles, ..Default::default() }
}

const KNOWN: [&str; 4] = ["cpus", "disk", "gpus", "mem"];

fn scalar(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        name: name.to_string(),
        r#type: v1::value::Type::Scalar,
        scalar: Some(v1::value::Scalar { value, ..Default::default() }),
        ..Default::default()
    }
}

pub(super) fn weight(view: &View, role: &Role) -> f64 {
    view.weights.get(role).copied().unwrap_or(1.0)
}

fn sum(a: &Quantities, b: &Quantities) -> Quantities {
    let mut sum = a.clone();
    sum += b;
    sum
}

/// What counts against the quota of each role that is known, apart from what is merely offered.
pub(crate) fn consumed(view: &View) -> BTreeMap<Role, Quantities> {
    figures(view).into_iter().map(|(role, figures)| (role, figures.consumed())).collect()
}

impl Figures<'_> {
    /// Mesos: what is reserved counts even while it is idle, what is offered does not.
    pub fn consumed(&self) -> Quantities {
        sum(&self.allocated, &self.idle_reserved)
    }
}

/// All roles that are known, in the order of their names, with what is held in each.
pub(super) fn figures(view: &View) -> BTreeMap<Role, Figures<'_>> {
    let sums = Sums::of(&view.tables);
    let mut roles = BTreeMap::new();
    for (row, framework) in view.tables.frameworks.iter() {
        let held = sums.framework(row);
        let mut own = (*framework.roles).clone();
        for (role, used) in held.used.by_allocation() {
            add(&mut roles, &role, &used, |figures| &mut figures.allocated);
            own.insert(role);
        }
        for (role, offered) in held.offered.by_allocation() {
            add(&mut roles, &role, &offered, |figures| &mut figures.offered);
            own.insert(role);
        }
        for role in &own {
            enter(&mut roles, role).frameworks.push(&framework.id);
        }
    }
    for (row, agent) in view.tables.agents.iter() {
        add_reservations(&mut roles, &agent.total, &sums.agent(row).used);
    }
    for role in view.weights.keys() {
        enter(&mut roles, role);
    }
    for (role, _) in view.registry.quotas() {
        enter(&mut roles, &role);
    }
    if let Some(allowed) = &view.config.roles {
        keep_allowed(&mut roles, allowed);
    }
    roles.values_mut().for_each(|figures| figures.frameworks.sort_unstable());
    roles
}

/// Mesos: where the operator lists roles, those are the known ones, used or not.
fn keep_allowed(roles: &mut BTreeMap<Role, Figures<'_>>, allowed: &[String]) {
    let allowed = allowed.iter().filter_map(|name| Role::new(name).ok());
    let mut known: Vec<Role> =
        allowed.flat_map(|role| role.self_and_ancestors().collect::<Vec<_>>()).collect();
    known.push(Role::star());
    roles.retain(|role, _| known.contains(role));
    for role in known {
        roles.entry(role).or_default();
    }
}

/// The figures of a role. The roles above it are known, too, from then on.
fn enter<'r, 'a>(roles: &'r mut BTreeMap<Role, Figures<'a>>, role: &Role) -> &'r mut Figures<'a> {
    for above in role.ancestors() {
        roles.entry(above).or_default();
    }
    roles.entry(role.clone()).or_default()
}

fn add<'a>(
    roles: &mut BTreeMap<Role, Figures<'a>>,
    role: &Role,
    resources: &Resources,
    account: impl for<'f> Fn(&'f mut Figures<'a>) -> &'f mut Quantities,
) {
    let amounts = resources.all_quantities();
    for role in role.self_and_ancestors() {
        *account(roles.entry(role).or_default()) += &amounts;
    }
}

/// Mesos: what is reserved counts against quota even while it is idle, agent by agent.
fn add_reservations(roles: &mut BTreeMap<Role, Figures<'_>>, total: &Resources, used: &Resources) {
    let (total, used) = (by_subtree(total), by_subtree(used));
    let nothing = Quantities::new();
    for (role, reserved) in total {
        let idle = reserved.minus(used.get(&role).unwrap_or(&nothing));
        let figures = roles.entry(role).or_default();
        figures.reserved += &reserved;
        figures.idle_reserved += &idle;
    }
}

fn by_subtree(resources: &Resources) -> BTreeMap<Role, Quantities> {
    let mut sums: BTreeMap<Role, Quantities> = BTreeMap::new();
    for (role, reserved) in resources.by_reservation() {
        let amounts = reserved.all_quantities();
        role.self_and_ancestors().for_each(|role| *sums.entry(role).or_default() += &amounts);
    }
    sums
}
