// SPDX-License-Identifier: Apache-2.0

//! The pause after a change of masters, until most agents are back.

use kaon_model::Mono;

/// Mesos: quota must not be shared out by the view of a few agents, or whoever comes first gets more than its part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    /// Agents that are to come before it ends.
    missing: usize,
    until: Mono,
}

impl Hold {
    /// None where there is nobody to wait for.
    pub fn new(agents: usize, until: Mono) -> Option<Hold> {
        (agents > 0).then_some(Hold { missing: agents, until })
    }

    pub fn agent_came(&mut self) {
        self.missing = self.missing.saturating_sub(1);
    }

    pub fn is_over(&self, now: Mono) -> bool {
        self.missing == 0 || self.until <= now
    }

    /// When to look next whether it is over.
    pub fn until(&self) -> Mono {
        if self.missing == 0 { Mono::ZERO } else { self.until }
    }
}
