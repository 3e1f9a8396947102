// SPDX-License-Identifier: Apache-2.0

//! Tasks that this agent has called lost without ever having had them: their order may still be on its way.
//!
//! A master's messages may come by two connections, the newer of which overtakes the older, so that the kill of a task
//! comes before the order to run it. What was called lost must not run after that.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use kaon_model::Mono;

use super::StreamKey;

/// Bound: tasks that are remembered; the oldest is forgotten.
const MAX: usize = 10_000;
/// Bound: how long an order may be on its way, which is what TCP keeps trying for by default.
const LONGEST_WAY: Duration = Duration::from_secs(16 * 60);

#[derive(Clone, Debug, Default)]
pub(crate) struct Disowned {
    until: BTreeMap<StreamKey, Mono>,
    order: VecDeque<StreamKey>,
}

impl Disowned {
    pub fn insert(&mut self, task: StreamKey, now: Mono) {
        if self.until.insert(task.clone(), now + LONGEST_WAY).is_none() {
            self.order.push_back(task);
        }
        if self.order.len() > MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.until.remove(&oldest);
        }
    }

    /// Whether the order for this task comes too late. It comes once: the next one is a new task by the same name.
    pub fn take(&mut self, task: &StreamKey, now: Mono) -> bool {
        let Some(until) = self.until.remove(task) else { return false };
        self.order.retain(|other| other != task);
        now < until
    }
}

#[cfg(test)]
mod tests {
    use kaon_model::{FrameworkId, TaskId};

    use super::*;

    fn key(task: &str) -> StreamKey {
        (FrameworkId::from("f"), TaskId::from(task))
    }

    #[test]
    fn an_order_is_late_once_and_for_a_time() {
        let now = Mono::default();
        let mut disowned = Disowned::default();
        disowned.insert(key("a"), now);
        disowned.insert(key("b"), now);
        assert!(!disowned.take(&key("c"), now));
        assert!(disowned.take(&key("a"), now));
        assert!(!disowned.take(&key("a"), now));
        assert!(!disowned.take(&key("b"), now + LONGEST_WAY));
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let now = Mono::default();
        let mut disowned = Disowned::default();
        (0..=MAX).for_each(|n| disowned.insert(key(&n.to_string()), now));
        assert!(!disowned.take(&key("0"), now));
        assert!(disowned.take(&key("1"), now));
        assert_eq!(disowned.until.len(), disowned.order.len());
    }
}
