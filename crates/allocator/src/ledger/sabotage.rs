// SPDX-License-Identifier: Apache-2.0

//! Rules of the ledger that can be broken on purpose, to see whether anybody notices.

use super::Ledger;
use std::str::FromStr;

/// One broken rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// A withdrawn offer stays in the sums of its framework.
    WithdrawalLeavesTheSum,
    /// What tasks use counts as free.
    UsedIsFree,
    /// What has ended keeps its resources.
    ReleaseKeepsTheClaim,
}

/// Names the text that was no sabotage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no sabotage is called '{0}'; there are withdrawal-leaves-the-sum, used-is-free and release-keeps-the-claim"
)]
pub struct UnknownSabotage(String);

impl Sabotage {
    pub const ALL: [Sabotage; 3] =
        [Sabotage::WithdrawalLeavesTheSum, Sabotage::UsedIsFree, Sabotage::ReleaseKeepsTheClaim];

    pub fn name(self) -> &'static str {
        match self {
            Sabotage::WithdrawalLeavesTheSum => "withdrawal-leaves-the-sum",
            Sabotage::UsedIsFree => "used-is-free",
            Sabotage::ReleaseKeepsTheClaim => "release-keeps-the-claim",
        }
    }
}

impl FromStr for Sabotage {
    type Err = UnknownSabotage;
    fn from_str(name: &str) -> Result<Sabotage, UnknownSabotage> {
        let known = Sabotage::ALL.into_iter().find(|sabotage| sabotage.name() == name);
        known.ok_or_else(|| UnknownSabotage(name.to_string()))
    }
}

impl Ledger {
    /// From now on breaks this rule.
    pub fn sabotage(&mut self, sabotage: Sabotage) {
        self.sabotage = Some(sabotage);
    }

    pub(super) fn breaks(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }
}
