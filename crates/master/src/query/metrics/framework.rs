// SPDX-License-Identifier: Apache-2.0

//! The figures of one framework.

use std::collections::BTreeMap;
use std::fmt::Write;

use kaon_api::v1;
use kaon_api::wire::Enumeration;
use kaon_model::TaskState;

use super::Figures;
use crate::state::{Framework, Task};
use crate::view::View;

pub(super) fn add(figures: &mut Figures, view: &View, framework: &Framework, tasks: &[&Task]) {
    let counters = &framework.counters;
    let prefix = format!("master/frameworks/{}/{}/", escaped(&framework.info.name), framework.id);
    let mut set = |name: String, value: u64| figures.set(format!("{prefix}{name}"), value as f64);
    set("subscribed".into(), u64::from(framework.is_connected()));
    set("offers/sent".into(), counters.offers_sent);
    set("offers/accepted".into(), counters.offers_accepted);
    set("offers/declined".into(), counters.offers_declined);
    set("offers/rescinded".into(), counters.offers_rescinded);
    for role in framework.roles.iter() {
        set(format!("roles/{role}/suppressed"), u64::from(framework.suppressed.contains(role)));
    }
    add_kinds::<v1::scheduler::call::Type>(&mut set, "calls", &counters.calls);
    add_kinds::<v1::scheduler::event::Type>(&mut set, "events", &counters.events);
    add_kinds::<v1::offer::operation::Type>(&mut set, "operations", &counters.operations);
    add_states(&mut set, view, framework, tasks);
}

/// All kinds, counted or not, with their sum.
fn add_kinds<E: Enumeration>(
    set: &mut impl FnMut(String, u64),
    what: &str,
    counted: &BTreeMap<&'static str, u64>,
) {
    set(what.to_string(), counted.values().sum());
    for kind in E::VALUES.iter().map(|entry| entry.0.name()).filter(|name| *name != "UNKNOWN") {
        let count = counted.get(kind).copied().unwrap_or(0);
        set(format!("{what}/{}", kind.to_ascii_lowercase()), count);
    }
}

fn add_states(set: &mut impl FnMut(String, u64), view: &View, framework: &Framework, tasks: &[&Task]) {
    let unreachable = view.tables.history.of(&framework.id).map_or(0, |past| past.unreachable().count());
    for state in TaskState::ALL {
        let name = state.name().to_ascii_lowercase();
        if state.is_terminal() {
            let ended = framework.counters.task_ends.get(state.name()).copied().unwrap_or(0);
            set(format!("tasks/terminal/{name}"), ended);
        } else {
            let mut active = tasks.iter().filter(|task| task.state == state).count();
            if state == TaskState::Unreachable {
                active += unreachable;
            }
            set(format!("tasks/active/{name}"), active as u64);
        }
    }
}

/// A name of a framework as part of the name of a figure.
///
/// Mesos: escapes as in a URL, by a list of its own.
fn escaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if !(0x20..=0x7F).contains(&byte) || b"$&+,/:;=?@ \"<>#%{}|\\^~[]`".contains(&byte) {
            write!(out, "%{byte:02X}").expect("writing to memory succeeds");
        } else {
            out.push(char::from(byte));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn names_of_frameworks_cannot_pose_as_other_figures() {
        assert_eq!(escaped("my-driver_1.0"), "my-driver_1.0");
        assert_eq!(escaped("a/b c%"), "a%2Fb%20c%25");
        assert_eq!(escaped("ä\n"), "%C3%A4%0A");
    }
}
