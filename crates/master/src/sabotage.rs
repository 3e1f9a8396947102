// SPDX-License-Identifier: Apache-2.0

//! Rules of the master that can be broken on purpose, to see whether anybody notices.

use crate::master::Master;

/// One broken rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// What waits for the registry to be written does not wait.
    AcknowledgeBeforeStoring,
    /// An agent that was declared gone may come back.
    ForgetTheGone,
    /// What an agent runs that comes to a new master does not count.
    ForgetTasksAtFailover,
    /// An agent that is out of service is offered all the same.
    OfferTheDeactivated,
    /// An agent is drained as soon as that is asked for.
    DrainedTooSoon,
    /// A window that has begun is enforced by nobody.
    ForgetTheDeadline,
}

impl Sabotage {
    pub const ALL: [Sabotage; 6] = [
        Sabotage::AcknowledgeBeforeStoring,
        Sabotage::ForgetTheGone,
        Sabotage::ForgetTasksAtFailover,
        Sabotage::OfferTheDeactivated,
        Sabotage::DrainedTooSoon,
        Sabotage::ForgetTheDeadline,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Sabotage::AcknowledgeBeforeStoring => "acknowledge-before-storing",
            Sabotage::ForgetTheGone => "forget-the-gone",
            Sabotage::ForgetTasksAtFailover => "forget-tasks-at-failover",
            Sabotage::OfferTheDeactivated => "offer-the-deactivated",
            Sabotage::DrainedTooSoon => "drained-too-soon",
            Sabotage::ForgetTheDeadline => "forget-the-deadline",
        }
    }
}

impl Master {
    /// Breaks this rule from now on.
    pub fn sabotage(&mut self, sabotage: Sabotage) {
        self.sabotage = Some(sabotage);
    }

    pub(crate) fn breaks(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }
}
