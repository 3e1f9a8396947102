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
    /// Roles are offered more than their quota allows.
    LimitIgnored,
    /// What is promised to one role is given to others.
    HeadroomIgnored,
}

/// Names the text that was no sabotage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no sabotage is called '{0}'; there are withdrawal-leaves-the-sum, used-is-free, release-keeps-the-claim, \
     limit-ignored and headroom-ignored"
)]
pub struct UnknownSabotage(String);

impl Sabotage {
    pub const ALL: [Sabotage; 5] = [
        Sabotage::WithdrawalLeavesTheSum,
        Sabotage::UsedIsFree,
        Sabotage::ReleaseKeepsTheClaim,
        Sabotage::LimitIgnored,
        Sabotage::HeadroomIgnored,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Sabotage::WithdrawalLeavesTheSum => "withdrawal-leaves-the-sum",
            Sabotage::UsedIsFree => "used-is-free",
            Sabotage::ReleaseKeepsTheClaim => "release-keeps-the-claim",
            Sabotage::LimitIgnored => "limit-ignored",
            Sabotage::HeadroomIgnored => "headroom-ignored",
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
