// SPDX-License-Identifier: Apache-2.0

//! The forms in which readers are shown resources.

use std::collections::BTreeMap;

use kaon_api::json::JsonWriter;
use kaon_api::v1;
use kaon_model::{Ranges, Resource, Resources, Scalar, StringSet, Value, format};

use super::members::Members;
use crate::state::{Executor, is_terminal};

/// The resources of a message; what is not well-formed counts for nothing.
pub(super) fn read(wire: &[v1::Resource]) -> Resources {
    wire.iter().filter_map(|one| Resource::from_wire(one).ok()).collect()
}

/// What an executor holds: its own with those of its tasks that have not ended.
pub(crate) fn held_by(executor: &Executor) -> Resources {
    let mut held = read(&executor.info.resources);
    let queued = executor.queue.iter().map(|queued| &queued.task);
    for task in executor.tasks.values().chain(queued).filter(|task| !is_terminal(task.state)) {
        held += &read(&task.resources);
    }
    held
}

/// Mesos: the four known names always stand first, in the order of its hash table; what may be taken back has a name
/// of its own.
pub(super) fn put_flat(w: &mut JsonWriter<'_>, key: &str, resources: &Resources) {
    w.members(key, |w| write_flat(w, resources));
}

fn write_flat(w: &mut JsonWriter<'_>, resources: &Resources) {
    let mut scalars: BTreeMap<String, Scalar> = BTreeMap::new();
    let mut ranges: BTreeMap<String, Ranges> = BTreeMap::new();
    let mut sets: BTreeMap<String, StringSet> = BTreeMap::new();
    for resource in resources.iter() {
        let suffix = if resource.revocable { "_revocable" } else { "" };
        let name = format!("{}{suffix}", resource.name.as_str());
        match &resource.value {
            Value::Scalar(amount) => *scalars.entry(name).or_default() += *amount,
            Value::Ranges(own) => *ranges.entry(name).or_default() += own,
            Value::Set(own) => *sets.entry(name).or_default() += own,
        }
    }
    for name in ["disk", "mem", "gpus", "cpus"] {
        w.number(name, scalars.remove(name).unwrap_or_default().to_f64());
    }
    scalars.iter().for_each(|(name, amount)| w.number(name, amount.to_f64()));
    ranges.iter().for_each(|(name, ranges)| w.text(name, &ranges.to_string()));
    sets.iter().for_each(|(name, items)| w.text(name, &items.to_string()));
}

/// Writes a list of messages in the form of endpoints: reservations are told in the old way, too, where it can.
///
/// Mesos: in the order in which the operator gave them.
pub(super) fn put_full<'a>(
    w: &mut JsonWriter<'_>,
    key: &str,
    resources: impl Iterator<Item = &'a v1::Resource>,
) {
    w.list(key, resources, |w, resource| {
        let mut resource = resource.clone();
        format::to_endpoint(&mut resource);
        w.message(&resource);
    });
}
