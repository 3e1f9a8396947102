// SPDX-License-Identifier: Apache-2.0

//! Metrics: every recorded name must be there, and no other but those that come with what has happened.
//!
//! Recorded were a master, an agent and a driver in one process, with one framework registered.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::difference::Difference;

/// What an agent publishes; the rest is a master's. `system/` is of both.
const AGENT: &[&str] = &["containerizer/", "gc/", "resource_provider_manager/", "slave/"];
/// Of the driver that shared the process.
const DRIVER: &str = "scheduler/";
/// Mesos: these appear when the first task ends so, or when a registration is taken from the registry.
const WITH_HISTORY: &[&str] = &["master/task_", "slave/task_"];
const FRAMEWORKS: &str = "master/frameworks/";
/// The framework that was recorded, by its name and its id.
const FRAMEWORK: &str = "oracle-driver/ed17de22-672e-4638-9b63-d3bdfe158b6b-0000";
/// What does not depend on the moment.
const SETTLED: &[&str] = &[
    "allocator/mesos/resources/cpus/total",
    "allocator/mesos/resources/disk/total",
    "allocator/mesos/resources/mem/total",
    "containerizer/fetcher/cache_size_total_bytes",
    "master/cpus_total",
    "master/disk_total",
    "master/elected",
    "master/gpus_total",
    "master/mem_total",
    "registrar/log/ensemble_size",
    "registrar/log/recovered",
    "slave/cpus_total",
    "slave/disk_total",
    "slave/gpus_total",
    "slave/mem_total",
    "slave/registered",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Master,
    Agent,
}

/// `framework` is the one that is registered now, by its name and its id.
pub fn compare(whose: Whose, framework: &str, recorded: &Value, found: &Value) -> Vec<Difference> {
    let (recorded, found) = (flat(recorded), flat(found));
    let here = |name: &str| name.replace(FRAMEWORK, framework);
    let mut differences = Vec::new();
    for (name, value) in recorded.iter().filter(|(name, _)| is_of(whose, name)) {
        let name = here(name);
        let path = format!("$.{name}");
        match found.get(&name) {
            None => differences.push(Difference::missing(&path, value)),
            Some(found) if !found.is_f64() => differences.push(Difference::other(&path, value, found)),
            Some(found) if SETTLED.contains(&&*name) && found != value => {
                differences.push(Difference::other(&path, value, found));
            }
            Some(_) => {}
        }
    }
    let known: Vec<String> = recorded.keys().map(|name| here(name)).collect();
    for (name, value) in &found {
        let is_past = name.starts_with(FRAMEWORKS) && !name.contains(framework);
        let comes = is_past || WITH_HISTORY.iter().any(|beginning| name.starts_with(beginning));
        if !comes && !known.contains(name) {
            differences.push(Difference::extra(&format!("$.{name}"), value));
        }
    }
    if whose == Whose::Master {
        differences.extend(past(&recorded, &found));
    }
    differences
}

/// Mesos: frameworks of the past keep all their figures. They are known by one of them.
fn past(recorded: &BTreeMap<String, Value>, found: &BTreeMap<String, Value>) -> Vec<Difference> {
    // Its name and its id stand in front of it; those of other figures have more in front.
    let known = found.keys().filter_map(|name| name.strip_prefix(FRAMEWORKS)?.strip_suffix("/subscribed"));
    let known = known.filter(|known| known.matches('/').count() == 1);
    let names = recorded.keys().filter_map(|name| name.strip_prefix(FRAMEWORKS)?.strip_prefix(FRAMEWORK));
    let names: Vec<&str> = names.collect();
    let every = known.flat_map(|known| names.iter().map(move |name| format!("{FRAMEWORKS}{known}{name}")));
    let mut missing: Vec<Difference> = every
        .filter(|name| !found.contains_key(name))
        .map(|name| Difference::missing(&format!("$.{name}"), "a figure of a framework"))
        .collect();
    let is_past = |name: &&String| name.contains("/MinimalFramework/") && name.ends_with("/calls/subscribe");
    if found.keys().filter(is_past).count() != 2 {
        missing
            .push(Difference::missing("$.master/frameworks/MinimalFramework", "two frameworks of the past"));
    }
    missing
}

fn is_of(whose: Whose, name: &str) -> bool {
    let of_agent = AGENT.iter().any(|beginning| name.starts_with(beginning));
    !name.starts_with(DRIVER) && (name.starts_with("system/") || of_agent == (whose == Whose::Agent))
}

/// The names and values of either form.
fn flat(answer: &Value) -> BTreeMap<String, Value> {
    let pair = |metric: &Value| Some((metric["name"].as_str()?.to_owned(), metric["value"].clone()));
    match (answer, answer.pointer("/get_metrics/metrics")) {
        (_, Some(Value::Array(list))) => list.iter().filter_map(pair).collect(),
        (Value::Object(members), _) => {
            members.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
        }
        _ => BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_what_is_settled_must_be_the_same() {
        let recorded = json!({
            "master/elected": 1.0, "master/uptime_secs": 3.0, "slave/registered": 1.0, "scheduler/x": 0.0,
            "master/frameworks/oracle-driver/ed17de22-672e-4638-9b63-d3bdfe158b6b-0000/calls": 1.0,
        });
        let found = json!({"get_metrics": {"metrics": [
            {"name": "master/elected", "value": 0.0}, {"name": "master/frameworks/a/f/calls", "value": 2.0},
            {"name": "master/task_lost/x", "value": 1.0}, {"name": "master/other", "value": 1.0},
            {"name": "master/frameworks/MinimalFramework/g/calls/subscribe", "value": 1.0},
            {"name": "master/frameworks/MinimalFramework/g/subscribed", "value": 1.0},
            {"name": "master/frameworks/MinimalFramework/h/calls/subscribe", "value": 1.0},
        ]}});
        let differences = compare(Whose::Master, "a/f", &recorded, &found);
        let texts: Vec<String> = differences.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "$.master/elected: recorded 1.0, found 0.0",
                "$.master/uptime_secs: missing, recorded 3.0",
                "$.master/other: not recorded, found 1.0",
                "$.master/frameworks/MinimalFramework/g/calls: missing, recorded a figure of a framework"
            ]
        );
    }
}
