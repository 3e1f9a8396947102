// SPDX-License-Identifier: Apache-2.0

//! How Mesos prints what it refuses.

use kaon_api::json::{Dialect, JsonWriter, parse, to_json};
use kaon_api::v1;

/// A set of names: `{ a, b }`.
pub(crate) fn set<T: std::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if items.is_empty() { "{}".to_string() } else { format!("{{ {} }}", items.join(", ")) }
}

/// A list of values: `[ a, b ]`.
pub(crate) fn list<T: std::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if items.is_empty() { "[]".to_string() } else { format!("[ {} ]", items.join(", ")) }
}

/// The resources of a message: JSON in which keys stand in the order of the alphabet.
pub(crate) fn resources(wire: &[v1::Resource]) -> String {
    let mut out = Vec::new();
    let mut writer = JsonWriter::new(&mut out, Dialect::V1);
    writer.array(|w| {
        for json in wire.iter().filter_map(|one| parse(to_json(one, Dialect::V1).as_bytes()).ok()) {
            w.element();
            w.json(&json);
        }
    });
    String::from_utf8_lossy(&out).into_owned()
}
