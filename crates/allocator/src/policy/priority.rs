// SPDX-License-Identifier: Apache-2.0

//! Strict priority: a role of greater weight gets all it can use before one of smaller weight gets anything.

use super::{Contender, Kind, Policy, Rank};

/// Roles in the order of their weights, the greatest first; roles of one weight, and frameworks within a role, by
/// dominant share. The weights of child roles order them below their parent only.
#[derive(Clone, Copy, Debug, Default)]
pub struct Priority;

impl Policy for Priority {
    fn name(&self) -> &'static str {
        "priority"
    }

    fn rank(&self, contender: &Contender<'_>) -> Rank {
        match contender.kind {
            Kind::Role | Kind::Frameworks => Rank::by(-contender.weight).then_by(contender.share),
            Kind::Framework => Rank::by(contender.share),
        }
    }
}
