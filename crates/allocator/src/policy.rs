// SPDX-License-Identifier: Apache-2.0

//! Policies: who gets next.

mod drf;
mod priority;

use std::cmp::Ordering;
use std::fmt;

pub use drf::Drf;
pub use priority::Priority;

/// Ranks the frameworks and roles that compete for resources. To add one, write one file with one function.
///
/// Roles form a tree, in which the frameworks of a role are its leaves. Only siblings compete with each other: the
/// one with the lowest rank goes first, then, within it, its child of the lowest rank, and so on down to a framework.
/// A role that has frameworks of its own beside child roles competes with its children through a node for the former.
///
/// Everything beyond the order is none of a policy's business: what may be offered to whom (`eligibility.rs`) and when
/// (`pace.rs`) holds under every policy.
pub trait Policy: fmt::Debug + Send + Sync {
    /// As it is called in `--allocator`.
    fn name(&self) -> &'static str;

    /// Where the contender stands among its siblings. Must depend on nothing but `contender`: ranks are kept until the
    /// contender changes.
    fn rank(&self, contender: &Contender<'_>) -> Rank;
}

/// One of several siblings that compete.
#[derive(Clone, Copy, Debug)]
pub struct Contender<'a> {
    pub kind: Kind,
    /// The last part of a role's path, or a framework's id.
    pub name: &'a str,
    /// As set for the role; 1 for what is no role.
    pub weight: f64,
    /// The dominant share, between 0 and 1 unless more is used than there is: of all scalars the greatest part that it
    /// holds of what the cluster has. What is offered to it counts as held.
    pub share: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A role with all below it.
    Role,
    /// The frameworks of the role above, apart from its child roles.
    Frameworks,
    Framework,
}

/// A place in an order: lower goes first. Among equals it is whoever was given something less often, then the name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rank {
    pub first: f64,
    /// Decides where `first` is equal.
    pub second: f64,
}

impl Rank {
    pub const fn by(first: f64) -> Rank {
        Rank { first, second: 0.0 }
    }

    pub const fn then_by(self, second: f64) -> Rank {
        Rank { first: self.first, second }
    }
}

impl Eq for Rank {}

impl Ord for Rank {
    fn cmp(&self, other: &Rank) -> Ordering {
        self.first.total_cmp(&other.first).then_with(|| self.second.total_cmp(&other.second))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Rank) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
