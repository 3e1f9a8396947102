// SPDX-License-Identifier: Apache-2.0

//! The forms in which readers are shown resources.

use std::collections::BTreeMap;

use kaon_api::json::JsonWriter;
use kaon_api::v1;
use kaon_model::{Quantities, Ranges, Resource, Resources, Scalar, StringSet, Value, format};

use super::members::Members;

/// Writes the v0 form: a name, a number. Sums run over all that tells resources of one name apart, save that what
/// may be taken back has a name of its own.
///
/// Mesos: the four known names always stand first, in the order of its hash table.
pub(super) fn put_flat(w: &mut JsonWriter<'_>, key: &str, resources: &Resources) {
    w.put_object(key, |w| write_flat(w, resources));
}

fn write_flat(w: &mut JsonWriter<'_>, resources: &Resources) {
    const FIRST: [&str; 4] = ["disk", "mem", "gpus", "cpus"];
    let mut scalars: BTreeMap<String, Scalar> = BTreeMap::new();
    let mut ranges: BTreeMap<String, Ranges> = BTreeMap::new();
    let mut sets: BTreeMap<String, StringSet> = BTreeMap::new();
    for resource in resources.iter() {
        match &resource.value {
            Value::Scalar(amount) => *scalars.entry(name_of(resource)).or_default() += *amount,
            Value::Ranges(own) => *ranges.entry(name_of(resource)).or_default() += own,
            Value::Set(own) => *sets.entry(name_of(resource)).or_default() += own,
        }
    }
    for name in FIRST {
        w.put_number(name, scalars.remove(name).unwrap_or_default().to_f64());
    }
    scalars.iter().for_each(|(name, amount)| w.put_number(name, amount.to_f64()));
    ranges.iter().for_each(|(name, ranges)| w.put_text(name, &ranges.to_string()));
    sets.iter().for_each(|(name, items)| w.put_text(name, &items.to_string()));
}

fn name_of(resource: &Resource) -> String {
    let suffix = if resource.revocable { "_revocable" } else { "" };
    format!("{}{suffix}", resource.name.as_str())
}

/// Writes bare amounts, by name.
pub(super) fn put_quantities(w: &mut JsonWriter<'_>, key: &str, quantities: &Quantities) {
    w.put_object(key, |w| {
        for (name, amount) in in_name_order(quantities) {
            w.put_number(name, amount.to_f64());
        }
    });
}

/// Mesos: quantities are in the order of their names.
pub(super) fn in_name_order(quantities: &Quantities) -> BTreeMap<&str, Scalar> {
    quantities.iter().map(|(name, amount)| (name.as_str(), amount)).collect()
}

/// The messages in the form of endpoints: reservations are told in the old way, too, where that can say them.
pub(super) fn endpoint_form(resources: &Resources) -> Vec<v1::Resource> {
    let one = |resource: &Resource| {
        let mut wire = resource.to_wire();
        format::to_endpoint(&mut wire);
        wire
    };
    resources.iter().map(one).collect()
}

/// Writes a list of messages in the form of endpoints.
pub(super) fn put_full(w: &mut JsonWriter<'_>, key: &str, resources: &Resources) {
    w.put_list(key, endpoint_form(resources), |w, resource| w.message(&resource));
}
