// SPDX-License-Identifier: Apache-2.0

//! Running sums of scalar amounts by name.

use kaon_model::{Quantities, ResourceName, Scalar};

/// How much of each name, kept while amounts come and go.
///
/// Wider than [`Scalar`], which saturates: what was added can be taken out again exactly, even if a peer claims absurd
/// amounts, so a running sum never drifts from the sum of its parts.
///
/// Invariant: sorted by name, no zero amounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(Vec<(ResourceName, i128)>);

impl Tally {
    pub fn add(&mut self, amounts: &Quantities) {
        amounts.iter().for_each(|(name, amount)| self.shift(name, i128::from(amount.millis())));
    }

    pub fn subtract(&mut self, amounts: &Quantities) {
        amounts.iter().for_each(|(name, amount)| self.shift(name, -i128::from(amount.millis())));
    }

    pub(crate) fn merge(&mut self, other: &Tally) {
        other.iter().for_each(|(name, amount)| self.shift(name, amount));
    }

    pub(crate) fn unmerge(&mut self, other: &Tally) {
        other.iter().for_each(|(name, amount)| self.shift(name, -amount));
    }

    fn shift(&mut self, name: &ResourceName, by: i128) {
        match self.0.binary_search_by(|(own, _)| own.cmp(name)) {
            Ok(at) => {
                self.0[at].1 += by;
                if self.0[at].1 == 0 {
                    self.0.remove(at);
                }
            }
            Err(at) if by != 0 => self.0.insert(at, (name.clone(), by)),
            Err(_) => {}
        }
    }

    /// In thousandths.
    pub fn get(&self, name: &ResourceName) -> i128 {
        self.0.binary_search_by(|(own, _)| own.cmp(name)).map_or(0, |at| self.0[at].1)
    }

    /// In thousandths, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&ResourceName, i128)> {
        self.0.iter().map(|(name, amount)| (name, *amount))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The amounts as they are shown; what does not fit saturates.
    pub fn quantities(&self) -> Quantities {
        let fit =
            |millis: i128| i64::try_from(millis).unwrap_or(if millis < 0 { i64::MIN } else { i64::MAX });
        self.iter().map(|(name, millis)| (name.clone(), Scalar::from_millis(fit(millis)))).collect()
    }
}

impl FromIterator<(ResourceName, i128)> for Tally {
    /// Amounts of one name are added up.
    fn from_iter<I: IntoIterator<Item = (ResourceName, i128)>>(items: I) -> Tally {
        let mut tally = Tally::default();
        items.into_iter().for_each(|(name, amount)| tally.shift(&name, amount));
        tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpus(millis: i64) -> Quantities {
        Quantities::from_iter([(ResourceName::CPUS, Scalar::from_millis(millis))])
    }

    #[test]
    fn takes_out_exactly_what_was_added_beyond_the_range_of_a_scalar() {
        let mut tally = Tally::default();
        tally.add(&cpus(i64::MAX));
        tally.add(&cpus(1500));
        assert_eq!(tally.quantities(), cpus(i64::MAX));
        tally.subtract(&cpus(i64::MAX));
        assert_eq!(tally.quantities(), cpus(1500));
        tally.subtract(&cpus(1500));
        assert!(tally.is_empty());
    }
}
