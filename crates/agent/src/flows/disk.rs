// SPDX-License-Identifier: Apache-2.0

//! A disk that is full.
//!
//! What runs goes on. What waits for a fact to be durable, updates among it, waits on; nothing is begun.
//!
//! Mesos: ends itself at the first fact that it cannot write, and its tasks a quarter of an hour later.

use crate::agent::{Agent, Awaited, Cx};

impl Agent {
    pub(crate) fn disk(&mut self, cx: &mut Cx, problem: Option<String>) {
        match &problem {
            Some(problem) => cx.warn(format!("Taking no more tasks: {problem}")),
            None => cx.warn("There is room on the disk again: taking tasks".to_string()),
        }
        let is_full = problem.is_some();
        self.state.disk_problem = problem;
        if !is_full {
            return;
        }
        // What is to end may wait for its note for long now.
        for awaited in self.awaited.values_mut() {
            if let Awaited::Strikes(strikes) = awaited {
                self.strikes.append(strikes);
            }
        }
        if self.awaited.values().any(|awaited| matches!(awaited, Awaited::Drain)) {
            self.empty(cx);
        }
    }
}
