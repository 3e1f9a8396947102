// SPDX-License-Identifier: Apache-2.0

//! The deadlines that a core keeps.

use crate::Mono;
use std::collections::{BTreeMap, BTreeSet};

/// An ordered set of deadlines, at most one for each key. Every operation takes logarithmic time.
///
/// Deadlines of one moment come due in the order of their keys, so that runs from one seed are alike.
#[derive(Clone, Debug)]
pub struct Timers<K> {
    due: BTreeSet<(Mono, K)>,
    by_key: BTreeMap<K, Mono>,
}

impl<K: Ord + Clone> Timers<K> {
    pub fn new() -> Timers<K> {
        Timers { due: BTreeSet::new(), by_key: BTreeMap::new() }
    }

    /// Sets the deadline of `key`, in place of the one it had.
    pub fn set(&mut self, key: K, at: Mono) {
        self.cancel(&key);
        self.by_key.insert(key.clone(), at);
        self.due.insert((at, key));
    }

    /// Sets the deadline of `key` unless it has an earlier one.
    pub fn set_no_later(&mut self, key: K, at: Mono) {
        if self.get(&key).is_none_or(|current| at < current) {
            self.set(key, at);
        }
    }

    /// Drops the deadline of `key`, and says when it would have been.
    pub fn cancel(&mut self, key: &K) -> Option<Mono> {
        let (key, at) = self.by_key.remove_entry(key)?;
        self.due.remove(&(at, key));
        Some(at)
    }

    pub fn get(&self, key: &K) -> Option<Mono> {
        self.by_key.get(key).copied()
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Mono> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes the earliest deadline if it has come: call until it says none.
    pub fn pop_due(&mut self, now: Mono) -> Option<(Mono, K)> {
        if self.next()? > now {
            return None;
        }
        let (at, key) = self.due.pop_first()?;
        self.by_key.remove(&key);
        Some((at, key))
    }

    pub fn len(&self) -> usize {
        self.due.len()
    }

    pub fn is_empty(&self) -> bool {
        self.due.is_empty()
    }

    /// All deadlines, earliest first.
    pub fn iter(&self) -> impl Iterator<Item = (Mono, &K)> {
        self.due.iter().map(|(at, key)| (*at, key))
    }
}

impl<K: Ord + Clone> Default for Timers<K> {
    fn default() -> Timers<K> {
        Timers::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Set(u8, u64),
        NoLater(u8, u64),
        Cancel(u8),
        Pop(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0u8..8, 0u64..20).prop_map(|(key, at)| Step::Set(key, at)),
            (0u8..8, 0u64..20).prop_map(|(key, at)| Step::NoLater(key, at)),
            (0u8..8).prop_map(Step::Cancel),
            (0u64..20).prop_map(Step::Pop),
        ]
    }

    proptest! {
        #[test]
        fn behaves_as_a_sorted_list(steps in prop::collection::vec(step(), 0..60)) {
            let mut timers = Timers::new();
            let mut model: BTreeMap<u8, u64> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Set(key, at) => {
                        timers.set(key, Mono::from_nanos(at));
                        model.insert(key, at);
                    }
                    Step::NoLater(key, at) => {
                        timers.set_no_later(key, Mono::from_nanos(at));
                        let entry = model.entry(key).or_insert(at);
                        *entry = at.min(*entry);
                    }
                    Step::Cancel(key) => {
                        prop_assert_eq!(timers.cancel(&key).map(Mono::nanos), model.remove(&key));
                    }
                    Step::Pop(now) => {
                        let expected = model.iter().map(|(k, at)| (*at, *k)).min().filter(|(at, _)| *at <= now);
                        let popped = timers.pop_due(Mono::from_nanos(now)).map(|(at, key)| (at.nanos(), key));
                        prop_assert_eq!(popped, expected);
                        expected.map(|(_, key)| model.remove(&key));
                    }
                }
                prop_assert_eq!(timers.next().map(Mono::nanos), model.values().min().copied());
                prop_assert_eq!(timers.len(), model.len());
            }
        }
    }
}
