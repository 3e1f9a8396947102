// SPDX-License-Identifier: Apache-2.0

//! The frameworks, as readers are shown them.

use std::collections::{BTreeMap, BTreeSet};

use kaon_api::json::{Dialect, JsonWriter};
use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_api::v1::master::response::get_frameworks;
use kaon_api::wire::Enumeration;
use kaon_model::{ExecutorId, Wall};

use super::agents::time;
use super::groups::{Group, Groups};
use super::members::{self, Members};
use super::resources::{endpoint_form, put_flat};
use super::sums::{Held, Sums};
use super::{Query, executors, offers, tasks};
use crate::state::history::Completed;
use crate::state::{AgentRow, Framework, FrameworkRow, Offer, State, Task};
use crate::view::View;

/// `/frameworks`.
pub(super) fn endpoint(view: &View, query: Query<'_>) -> String {
    members::object(Dialect::V0, |w| {
        write_all(w, view, query, &Sums::of(&view.tables));
        w.put_texts("unregistered_frameworks", NONE);
    })
}

/// Mesos: lists of what exists no longer are kept, empty.
pub(super) const NONE: [&str; 0] = [];

/// Writes the two lists of frameworks, those that run and those that are gone.
pub(super) fn write_all(w: &mut JsonWriter<'_>, view: &View, query: Query<'_>, sums: &Sums) {
    let groups = Groups::of(&view.tables);
    let wanted = |framework: &Framework| query.selects("framework_id", framework.id.as_str());
    let running = view.tables.frameworks_by_age().into_iter().filter(|(_, framework)| wanted(framework));
    w.put_list("frameworks", running, |w, (row, framework)| {
        let (held, group) = (sums.framework(row), groups.framework(row));
        write(w, view, &Shown { framework, gone: None, held, group });
    });
    let gone = view.tables.history.frameworks().filter(|completed| wanted(&completed.framework));
    w.put_list("completed_frameworks", gone, |w, completed| {
        let Completed { framework, unregistered } = completed;
        let held = &Held::default();
        write(w, view, &Shown { framework, gone: Some(*unregistered), held, group: Groups::none() });
    });
}

/// A framework with what belongs to it.
struct Shown<'a> {
    framework: &'a Framework,
    /// Since when it is gone.
    gone: Option<Wall>,
    held: &'a Held,
    group: &'a Group<'a>,
}

fn write(w: &mut JsonWriter<'_>, view: &View, shown: &Shown<'_>) {
    let Shown { framework, gone, held, group } = shown;
    let info = &framework.info;
    w.object(|w| {
        write_summary(w, framework, gone.is_none(), held);
        w.put_text("user", &info.user);
        w.put_number("failover_timeout", info.failover_timeout());
        w.put_bool("checkpoint", info.checkpoint());
        w.put_time("registered_time", framework.registered);
        w.put_time("unregistered_time", gone.unwrap_or_default());
        w.put_some_text("principal", info.principal.as_deref());
        put_flat(w, "resources", &(&held.used + &held.offered));
        if framework.reregistered != framework.registered {
            w.put_time("reregistered_time", framework.reregistered);
        }
        if framework.capabilities.multi_role {
            w.put_texts("roles", &info.roles);
        } else {
            w.put_text("role", &info.role());
        }
        write_tasks(w, view, framework, &group.tasks);
        w.put_list("offers", &group.offers, |w, offer| offers::write(w, &view.tables, offer));
        w.put_list("executors", &group.executors, |w, executor| executors::write(w, view, executor));
        tasks::put_labels(w, info.labels.as_ref());
        w.put_message("offer_constraints", &constraints(framework));
    });
}

fn write_tasks(w: &mut JsonWriter<'_>, view: &View, framework: &Framework, active: &[&Task]) {
    let past = view.tables.history.of(&framework.id);
    let unreachable = past.into_iter().flat_map(|past| past.unreachable());
    let completed = past.into_iter().flat_map(|past| past.completed());
    w.put_list("tasks", active, |w, task| tasks::write(w, task));
    w.put_list("unreachable_tasks", unreachable, |w, task| tasks::write(w, task));
    w.put_list("completed_tasks", completed, |w, task| tasks::write(w, &task));
}

/// Writes the members that every form of a framework has.
pub(super) fn write_summary(w: &mut JsonWriter<'_>, framework: &Framework, is_here: bool, held: &Held) {
    let info = &framework.info;
    w.put_text("id", framework.id.as_str());
    w.put_text("name", &info.name);
    w.put_some_text("pid", framework.driver().map(Upid::to_string).as_deref());
    put_flat(w, "used_resources", &held.used);
    put_flat(w, "offered_resources", &held.offered);
    let capabilities = info.capabilities.iter().filter_map(|capability| capability.r#type);
    w.put_texts("capabilities", capabilities.map(|kind| kind.v0_name()));
    w.put_text("hostname", info.hostname.as_deref().unwrap_or_default());
    w.put_text("webui_url", info.webui_url.as_deref().unwrap_or_default());
    w.put_bool("active", is_here && framework.is_active());
    w.put_bool("connected", is_here && framework.is_connected());
    w.put_bool("recovered", is_here && framework.is_recovered());
}

/// The messages for operators of the frameworks that run.
pub(super) fn messages<'a>(
    view: &'a View,
    sums: &'a Sums,
) -> impl Iterator<Item = get_frameworks::Framework> + 'a {
    let groups = Groups::without_tasks(&view.tables);
    view.tables.frameworks_by_age().into_iter().map(move |(row, framework)| {
        let group = groups.framework(row);
        let inverse = group.inverse_offers.iter();
        get_frameworks::Framework {
            offers: offer_messages(view, group),
            inverse_offers: inverse.filter_map(|offer| offers::inverse(&view.tables, offer)).collect(),
            ..message(framework, sums.framework(row))
        }
    })
}

fn offer_messages(view: &View, group: &Group<'_>) -> Vec<v1::Offer> {
    let mut executors: BTreeMap<AgentRow, BTreeSet<&ExecutorId>> = BTreeMap::new();
    for executor in &group.executors {
        executors.entry(executor.agent).or_default().insert(&executor.id);
    }
    let one = |offer: &&Offer| {
        let executors = executors.get(&offer.agent).into_iter().flatten().copied();
        offers::message(&view.tables, offer, executors)
    };
    group.offers.iter().filter_map(one).collect()
}

/// One framework as events tell of it.
pub(crate) fn message_of(state: &State, row: FrameworkRow) -> get_frameworks::Framework {
    let offers = state.offers.of_framework(row).into_iter().filter_map(|number| state.offer(number));
    let executors = |offer: &Offer| state.executors.ids(offer.agent, row);
    let offers = offers.filter_map(|offer| offers::message(&state.tables, offer, executors(offer))).collect();
    let inverse = state.inverse_offers.of_framework(row).into_iter();
    let inverse = inverse.filter_map(|number| state.inverse_offer(number));
    get_frameworks::Framework {
        offers,
        inverse_offers: inverse.filter_map(|offer| offers::inverse(&state.tables, offer)).collect(),
        ..message(state.framework(row), &Held::by_framework(state, row))
    }
}

/// The messages for operators of the frameworks that are gone.
pub(super) fn completed_messages(view: &View) -> impl Iterator<Item = get_frameworks::Framework> {
    view.tables.history.frameworks().map(|completed| get_frameworks::Framework {
        active: false,
        connected: false,
        recovered: false,
        unregistered_time: Some(time(completed.unregistered)),
        ..message(&completed.framework, &Held::default())
    })
}

/// A framework without its offers.
fn message(framework: &Framework, held: &Held) -> get_frameworks::Framework {
    get_frameworks::Framework {
        framework_info: Box::new((*framework.info).clone()),
        active: framework.is_active(),
        connected: framework.is_connected(),
        recovered: framework.is_recovered(),
        registered_time: Some(time(framework.registered)),
        reregistered_time: Some(time(framework.reregistered)),
        allocated_resources: endpoint_form(&held.used),
        offered_resources: endpoint_form(&held.offered),
        offer_constraints: Some(constraints(framework)),
        ..Default::default()
    }
}

fn constraints(framework: &Framework) -> v1::scheduler::OfferConstraints {
    framework.offer_constraints.as_deref().cloned().unwrap_or_default()
}
