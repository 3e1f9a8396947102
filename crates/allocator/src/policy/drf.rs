// SPDX-License-Identifier: Apache-2.0

//! Hierarchical dominant resource fairness: whoever has least for its weight goes first.

use super::{Contender, Policy, Rank};

/// The default policy.
///
/// Mesos: the share by weight; then the number of allocations; then the path.
#[derive(Clone, Copy, Debug, Default)]
pub struct Drf;

impl Policy for Drf {
    fn name(&self) -> &'static str {
        "hierarchical"
    }

    fn rank(&self, contender: &Contender<'_>) -> Rank {
        Rank::by(contender.share / contender.weight)
    }
}
