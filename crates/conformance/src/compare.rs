// SPDX-License-Identifier: Apache-2.0

//! Holds one JSON value against a recorded one.
//!
//! Keys, types and contents must be the same. What another run cannot repeat (ids, times, addresses) must be of the
//! same form, and an id that the recording repeats must be repeated at the same places. Lists may be in another
//! order, but for those where order says something.

mod rules;
mod words;

use serde_json::{Map, Value};

use crate::difference::Difference;
use rules::{Rule, rule};
pub use words::{Places, Words};

/// What is known while one answer is compared.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    words: Words,
    pub differences: Vec<Difference>,
}

impl Comparison {
    pub fn new(places: Places) -> Comparison {
        Comparison { words: Words::new(places), differences: Vec::new() }
    }

    /// Compares whole bodies of JSON.
    pub fn json(&mut self, recorded: &Value, found: &Value) {
        self.value("$", "", recorded, found);
    }

    /// Compares texts that may contain ids and addresses.
    pub fn text(&mut self, path: &str, recorded: &str, found: &str) {
        if !self.words.same(recorded, found) {
            self.differences.push(Difference::other(path, format!("{recorded:?}"), format!("{found:?}")));
        }
    }

    /// `key` is the nearest name above the value.
    pub fn value(&mut self, path: &str, key: &str, recorded: &Value, found: &Value) {
        let same = match (rule(path, key), recorded, found) {
            (Rule::Flags, Value::Object(recorded), Value::Object(found)) => {
                return self.flags(path, recorded, found);
            }
            (Rule::FlagList, Value::Array(recorded), Value::Array(found)) => {
                return self.flags(path, &named(recorded), &named(found));
            }
            (_, Value::Object(recorded), Value::Object(found)) => return self.object(path, recorded, found),
            (Rule::Actors, Value::Array(recorded), Value::Array(found)) => {
                return self.any_order(path, key, &actors(recorded), &actors(found));
            }
            (Rule::InOrder, Value::Array(recorded), Value::Array(found)) => {
                return self.list(path, key, recorded, found);
            }
            (_, Value::Array(recorded), Value::Array(found)) => {
                return self.any_order(path, key, recorded, found);
            }
            (Rule::Time, Value::Number(recorded), Value::Number(found)) => {
                // What has not happened yet is told as 0.
                let happened = |time: &serde_json::Number| time.as_f64().is_some_and(|time| time > 1e9);
                recorded.is_f64() == found.is_f64()
                    && (happened(found) || (!happened(recorded) && recorded == found))
            }
            (Rule::Amount, Value::Number(recorded), Value::Number(found)) => {
                recorded.is_f64() == found.is_f64() && found.as_f64().is_some_and(|amount| amount >= 0.0)
            }
            (Rule::Port, Value::Number(recorded), Value::Number(found)) => {
                let port = found.as_u64().and_then(|port| u16::try_from(port).ok());
                recorded.is_u64() && port.is_some_and(|port| self.words.is_port(port))
            }
            (Rule::Identity, Value::String(recorded), Value::String(found)) => {
                recorded.len() == found.len() && self.words.bind(recorded, found)
            }
            (Rule::Own, Value::String(_), Value::String(found)) => !found.is_empty(),
            (Rule::Host, Value::String(recorded), Value::String(found)) => {
                recorded.is_empty() == found.is_empty() && (recorded.is_empty() || self.words.is_host(found))
            }
            (_, Value::String(recorded), Value::String(found)) => self.words.same(recorded, found),
            _ => recorded == found,
        };
        if !same {
            self.differences.push(Difference::other(path, recorded, found));
        }
    }

    fn object(&mut self, path: &str, recorded: &Map<String, Value>, found: &Map<String, Value>) {
        let mut left: Vec<&String> = found.keys().filter(|key| !recorded.contains_key(*key)).collect();
        for (key, value) in recorded {
            let path = format!("{path}.{key}");
            if let Some(found) = found.get(key) {
                self.value(&path, key, value, found);
            } else if let Some(at) = left.iter().position(|other| self.takes_key(key, other)) {
                self.value(&path, key, value, &found[left.remove(at)]);
            } else if !rules::may_be_absent(&path, key, value) {
                self.differences.push(Difference::missing(&path, value));
            }
        }
        for key in left {
            let (path, value) = (format!("{path}.{key}"), &found[key]);
            if !rules::may_be_absent(&path, key, value) {
                self.differences.push(Difference::extra(&path, value));
            }
        }
    }

    /// Whether the keys are the same but for ids in them, as in a map of paths.
    fn takes_key(&mut self, recorded: &str, found: &str) -> bool {
        let mut trial = self.words.clone();
        let same = recorded.len() > 1 && trial.same(recorded, found);
        if same {
            self.words = trial;
        }
        same
    }

    /// Flags are those that a daemon was started with: where it runs is its own affair.
    fn flags(&mut self, path: &str, recorded: &Map<String, Value>, found: &Map<String, Value>) {
        for (name, value) in recorded.iter().filter(|(name, _)| !rules::is_of_a_place(name)) {
            let path = format!("{path}.{name}");
            match found.get(name) {
                Some(found) if found == value => {}
                Some(found) => self.differences.push(Difference::other(&path, value, found)),
                None => self.differences.push(Difference::missing(&path, value)),
            }
        }
        for (name, value) in found.iter().filter(|(name, _)| !rules::is_of_a_place(name)) {
            if !recorded.contains_key(name) {
                self.differences.push(Difference::extra(&format!("{path}.{name}"), value));
            }
        }
    }

    fn list(&mut self, path: &str, key: &str, recorded: &[Value], found: &[Value]) {
        for (at, recorded) in recorded.iter().enumerate() {
            let path = format!("{path}[{at}]");
            match found.get(at) {
                Some(found) => self.value(&path, key, recorded, found),
                None => self.differences.push(Difference::missing(&path, recorded)),
            }
        }
        for (at, found) in found.iter().enumerate().skip(recorded.len()) {
            self.differences.push(Difference::extra(&format!("{path}[{at}]"), found));
        }
    }

    /// As it stands if that fits; else each recorded element takes the first one that equals it, and what is left over
    /// on both sides is compared in turn.
    fn any_order(&mut self, path: &str, key: &str, recorded: &[Value], found: &[Value]) {
        let mut straight = Comparison { words: self.words.clone(), differences: Vec::new() };
        straight.list(path, key, recorded, found);
        if straight.differences.is_empty() {
            self.words = straight.words;
            return;
        }
        let mut left: Vec<&Value> = found.iter().collect();
        let mut open = Vec::new();
        for (at, recorded) in recorded.iter().enumerate() {
            let path = format!("{path}[{at}]");
            let equal = left.iter().position(|found| self.takes(&path, key, recorded, found));
            match equal {
                Some(at) => drop(left.remove(at)),
                None => open.push((path, recorded)),
            }
        }
        for (path, recorded) in open {
            let Some(at) = self.nearest(&path, key, recorded, &left) else {
                self.differences.push(Difference::missing(&path, recorded));
                continue;
            };
            self.value(&path, key, recorded, left.remove(at));
        }
        for (at, found) in left.into_iter().enumerate() {
            self.differences.push(Difference::extra(&format!("{path}[{}]", recorded.len() + at), found));
        }
    }

    /// Whether the two are equal; if so, their ids belong together from now on.
    fn takes(&mut self, path: &str, key: &str, recorded: &Value, found: &Value) -> bool {
        let mut trial = Comparison { words: self.words.clone(), differences: Vec::new() };
        trial.value(path, key, recorded, found);
        let equal = trial.differences.is_empty();
        if equal {
            self.words = trial.words;
        }
        equal
    }

    /// The element with the fewest differences. Plain values are not near each other: they are the same or not.
    fn nearest(&self, path: &str, key: &str, recorded: &Value, left: &[&Value]) -> Option<usize> {
        if !recorded.is_object() {
            return None;
        }
        let distance = |found: &Value| {
            let mut trial = Comparison { words: self.words.clone(), differences: Vec::new() };
            trial.value(path, key, recorded, found);
            trial.differences.len()
        };
        (0..left.len()).min_by_key(|at| distance(left[*at]))
    }
}

/// The actors of a process by their names, without those that come with each connection.
fn actors(list: &[Value]) -> Vec<Value> {
    const COME_AND_GO: &[&str] = &["__auth_handlers__", "__http__", "__latch__", "__limiter__", "scheduler-"];
    let mut names = std::collections::BTreeMap::new();
    for actor in list {
        let mut actor = actor.clone();
        let id = actor["id"].as_str().unwrap_or_default().to_owned();
        if !COME_AND_GO.iter().any(|name| id.starts_with(name)) {
            let name = id.split('(').next().unwrap_or_default().to_owned();
            actor["id"] = Value::String(name.clone());
            names.insert(name, actor);
        }
    }
    names.into_values().collect()
}

/// `[{"name":…,"value":…}]` as an object.
fn named(list: &[Value]) -> Map<String, Value> {
    let pair = |entry: &Value| Some((entry.get("name")?.as_str()?.to_owned(), entry.get("value")?.clone()));
    list.iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests;
