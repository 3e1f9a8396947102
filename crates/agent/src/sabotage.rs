// SPDX-License-Identifier: Apache-2.0

//! Rules of the agent that can be broken on purpose, to see whether anybody notices.

use crate::agent::Agent;

/// One broken rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Updates that were not acknowledged are not told to the next master.
    DropUpdateAtReregistration,
}

impl Sabotage {
    pub const ALL: [Sabotage; 1] = [Sabotage::DropUpdateAtReregistration];

    pub fn name(self) -> &'static str {
        match self {
            Sabotage::DropUpdateAtReregistration => "drop-update-at-reregistration",
        }
    }
}

impl Agent {
    /// Breaks this rule from now on.
    pub fn sabotage(&mut self, sabotage: Sabotage) {
        self.sabotage = Some(sabotage);
    }

    pub(crate) fn breaks(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }
}
