// SPDX-License-Identifier: Apache-2.0

//! Quota: what a role is promised, with what it may have at most.

use kaon_model::{Quantities, ResourceName, Scalar};
use std::collections::BTreeMap;

/// The quota of a role with all below it.
///
/// Both count what is consumed: what the role's frameworks were offered or use of what is open to all (neither
/// reserved nor revocable), with all that is reserved for the role, in use or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    pub guarantees: Quantities,
    pub limits: Limits,
}

impl Quota {
    /// Whether it promises nothing and limits nothing: as good as none.
    pub fn is_default(&self) -> bool {
        self.guarantees.is_empty() && self.limits.is_empty()
    }
}

/// The most of each name; what is not named is unlimited.
///
/// Apart from [`Quantities`], where zero is the same as absent: a limit of zero lets nothing through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits(BTreeMap<ResourceName, Scalar>);

impl Limits {
    pub fn get(&self, name: &ResourceName) -> Option<Scalar> {
        self.0.get(name).copied()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&ResourceName, Scalar)> {
        self.0.iter().map(|(name, amount)| (name, *amount))
    }

    /// Whether so much is allowed.
    pub fn contains(&self, amounts: &Quantities) -> bool {
        self.iter().all(|(name, limit)| amounts.get(name) <= limit)
    }
}

impl FromIterator<(ResourceName, Scalar)> for Limits {
    fn from_iter<I: IntoIterator<Item = (ResourceName, Scalar)>>(items: I) -> Limits {
        Limits(items.into_iter().collect())
    }
}

/// Mesos: `cpus:4; mem:1024`, and `{}` for none.
impl std::fmt::Display for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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

    #[test]
    fn a_limit_of_zero_is_a_limit() {
        let zero: Limits = [(ResourceName::CPUS, Scalar::ZERO)].into_iter().collect();
        let one = Quantities::from_iter([(ResourceName::CPUS, Scalar::from_units(1))]);
        assert!(!zero.is_empty() && !zero.contains(&one) && zero.contains(&Quantities::new()));
        assert!(Limits::default().contains(&one));
        assert_eq!((zero.to_string(), Limits::default().to_string()), ("cpus:0".into(), "{}".into()));
        assert!(!Quota { limits: zero, ..Quota::default() }.is_default());
    }
}
