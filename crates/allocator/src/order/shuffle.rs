// SPDX-License-Identifier: Apache-2.0

//! Siblings in random order, those of greater weight mostly first.

use super::Group;
use crate::config::{Config, Sorter};
use crate::policy::Kind;
use kaon_model::Entropy;

/// Which siblings are drawn anew for each agent instead of sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shuffles {
    roles: bool,
    frameworks: bool,
}

impl Shuffles {
    pub fn of(config: &Config) -> Shuffles {
        let random = |sorter| sorter == Sorter::Random;
        Shuffles { roles: random(config.role_sorter), frameworks: random(config.framework_sorter) }
    }

    pub fn group(self, group: Group) -> bool {
        match group {
            Group::TopLevel | Group::Below(_) => self.roles,
            Group::In(_) => self.frameworks,
        }
    }

    pub fn kind(self, kind: Kind) -> bool {
        match kind {
            Kind::Role | Kind::Frameworks => self.roles,
            Kind::Framework => self.frameworks,
        }
    }
}

/// Draws one after the other, each with a chance in proportion to its weight among those that are left.
///
/// Whoever waits for the first of events that come at random at a rate of its weight, draws just so: the times are
/// drawn, then sorted.
pub(super) fn shuffled<T>(weighted: impl Iterator<Item = (f64, T)>, dice: &mut Entropy) -> Vec<T> {
    let mut drawn: Vec<(f64, T)> = weighted
        .map(|(weight, item)| {
            let above_zero = 1.0 - dice.unit();
            (-above_zero.ln() / weight, item)
        })
        .collect();
    drawn.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    drawn.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_weighs_thrice_as_much_comes_first_thrice_as_often() {
        let mut dice = Entropy::from_u64(1);
        let first = |dice: &mut Entropy| shuffled([(1.0, 'a'), (3.0, 'b')].into_iter(), dice)[0];
        let b = (0..10_000).filter(|_| first(&mut dice) == 'b').count();
        assert!((7300..7700).contains(&b), "{b}");
    }
}
