// SPDX-License-Identifier: Apache-2.0

//! Bare amounts by name, without anything that tells resources apart.

use crate::{ResourceName, Scalar};
use std::fmt;
use std::ops::{AddAssign, SubAssign};

/// How much of each name; what is not named is zero. Sums, shares, quota and headroom are counted in it.
///
/// Invariant: sorted by name, no zero amounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quantities(Vec<(ResourceName, Scalar)>);

impl Quantities {
    pub const fn new() -> Quantities {
        Quantities(Vec::new())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, name: &ResourceName) -> Scalar {
        self.position(name).map_or(Scalar::ZERO, |at| self.0[at].1)
    }

    pub fn set(&mut self, name: &ResourceName, amount: Scalar) {
        match (self.position(name), amount.is_zero()) {
            (Ok(at), true) => drop(self.0.remove(at)),
            (Ok(at), false) => self.0[at].1 = amount,
            (Err(_), true) => {}
            (Err(at), false) => self.0.insert(at, (name.clone(), amount)),
        }
    }

    pub fn add(&mut self, name: &ResourceName, amount: Scalar) {
        self.set(name, self.get(name) + amount);
    }

    /// In the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&ResourceName, Scalar)> {
        self.0.iter().map(|(name, amount)| (name, *amount))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is at least as much of everything as in `other`.
    pub fn contains(&self, other: &Quantities) -> bool {
        other.iter().all(|(name, amount)| amount <= self.get(name))
    }

    /// What is left after taking `other` out, nothing falling below zero.
    pub fn minus(&self, other: &Quantities) -> Quantities {
        let mut rest = self.clone();
        rest -= other;
        rest
    }

    fn position(&self, name: &ResourceName) -> Result<usize, usize> {
        self.0.binary_search_by(|(own, _)| own.cmp(name))
    }
}

impl FromIterator<(ResourceName, Scalar)> for Quantities {
    /// Amounts of one name are added up.
    fn from_iter<I: IntoIterator<Item = (ResourceName, Scalar)>>(items: I) -> Quantities {
        let mut quantities = Quantities::new();
        items.into_iter().for_each(|(name, amount)| quantities.add(&name, amount));
        quantities
    }
}

impl AddAssign<&Quantities> for Quantities {
    fn add_assign(&mut self, other: &Quantities) {
        other.iter().for_each(|(name, amount)| self.add(name, amount));
    }
}

/// Nothing falls below zero.
impl SubAssign<&Quantities> for Quantities {
    fn sub_assign(&mut self, other: &Quantities) {
        other.iter().for_each(|(name, amount)| self.set(name, self.get(name).minus_at_least_zero(amount)));
    }
}

/// Mesos: `cpus:4; mem:1024`, and `{}` for nothing.
impl fmt::Display for Quantities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("{}");
        }
        for (index, (name, amount)) in self.iter().enumerate() {
            let separator = if index > 0 { "; " } else { "" };
            write!(f, "{separator}{name}:{amount}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantities(pairs: &[(&str, i64)]) -> Quantities {
        pairs.iter().map(|(name, units)| (ResourceName::from(*name), Scalar::from_units(*units))).collect()
    }

    #[test]
    fn zero_amounts_leave_no_trace() {
        let mut sum = quantities(&[("mem", 5), ("cpus", 2), ("mem", 5), ("x", 0)]);
        assert_eq!(sum.to_string(), "cpus:2; mem:10");
        sum -= &quantities(&[("cpus", 9), ("mem", 1), ("y", 1)]);
        assert_eq!(sum, quantities(&[("mem", 9)]));
        assert_eq!(Quantities::new().to_string(), "{}");
    }

    #[test]
    fn containment_is_per_name() {
        let big = quantities(&[("cpus", 2), ("mem", 5)]);
        assert!(big.contains(&quantities(&[("mem", 5)])) && big.contains(&Quantities::new()));
        assert!(!big.contains(&quantities(&[("mem", 6)])) && !big.contains(&quantities(&[("gpus", 1)])));
    }
}
