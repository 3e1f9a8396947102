// SPDX-License-Identifier: Apache-2.0

//! What is to be kept for guarantees, as sums that are kept from change to change.

use crate::books::{Books, Violation};
use crate::quota::Quota;
use crate::tally::Tally;
use kaon_model::{ResourceName, Role};
use std::collections::{BTreeMap, BTreeSet};

/// What roles lack of what they are promised, beside what the cluster has open to meet it from.
///
/// A cache of what the books say: a change costs a look at the roles that it concerns.
#[derive(Debug, Default)]
pub(crate) struct Headroom {
    roles: BTreeMap<Role, Known>,
    /// What all roles at the top lack of their guarantees.
    required: Tally,
    /// By name that is required: what would be left if all guarantees were met. Less than nothing where more is
    /// promised than there is.
    surplus: BTreeMap<ResourceName, i128>,
}

/// A role with quota, as it was looked at last.
#[derive(Debug, Default, PartialEq)]
struct Known {
    quota: Quota,
    consumed: Tally,
    lacking: Tally,
}

/// Where there is more room than before, for those who were held back.
#[derive(Debug, Default)]
pub(crate) struct Grown {
    /// Roles that consume less than before, or may consume more.
    pub limits: BTreeSet<Role>,
    /// Roles that lack more of what they are promised.
    pub lacking: BTreeSet<Role>,
    /// Whether more is left beside all guarantees.
    pub surplus: bool,
}

impl Headroom {
    /// What the role lacks of its guarantees, if that is anything.
    pub fn lacking(&self, role: &Role) -> Option<&Tally> {
        self.roles.get(role).map(|known| &known.lacking).filter(|lacking| !lacking.is_empty())
    }

    pub fn required(&self) -> &Tally {
        &self.required
    }

    /// Catches up with the books on these roles; says where there is more room now.
    pub fn sync(&mut self, books: &Books, changed: BTreeSet<Role>) -> Grown {
        let mut grown = Grown::default();
        for role in changed {
            let known = known(books, &role);
            let old = self.roles.remove(&role).unwrap_or_default();
            if known.quota != old.quota || limited(&old.quota).any(|name| less(&known, &old, name)) {
                grown.limits.insert(role.clone());
            }
            if known.lacking.iter().any(|(name, lacking)| lacking > old.lacking.get(name)) {
                grown.lacking.insert(role.clone());
            }
            self.required.unmerge(&old.lacking);
            self.required.merge(&known.lacking);
            if !known.quota.is_default() {
                self.roles.insert(role, known);
            }
        }
        let surplus = surplus(books, &self.required);
        grown.surplus = self.surplus.iter().any(|(name, old)| surplus.get(name).is_none_or(|new| new > old));
        self.surplus = surplus;
        grown
    }

    /// Whether all is as the books, as of the last `sync`, have it. For tests and simulations.
    pub fn check(&self, books: &Books) -> Result<(), Violation> {
        let mut required = Tally::default();
        for (role, _) in books.quotas() {
            let expected = known(books, role);
            required.merge(&expected.lacking);
            if self.roles.get(role) != Some(&expected) {
                return Err(Violation(format!("what role {role} lacks of its quota is summed up wrongly")));
            }
        }
        if self.roles.len() != books.quotas().count() || self.required != required {
            return Err(Violation("what is required for guarantees is summed up wrongly".to_string()));
        }
        Ok(())
    }
}

fn known(books: &Books, role: &Role) -> Known {
    let quota = books.quota(role).cloned().unwrap_or_default();
    let consumed = if quota.is_default() { Tally::default() } else { books.consumed(role) };
    // Mesos: guarantees are those of roles at the top; what is promised below is a part of it.
    let promised = quota.guarantees.iter().filter(|_| role.parent().is_none());
    let lacks = |(name, promised): (&ResourceName, kaon_model::Scalar)| {
        (name.clone(), (i128::from(promised.millis()) - consumed.get(name)).max(0))
    };
    let lacking = promised.map(lacks).collect();
    Known { quota, consumed, lacking }
}

fn limited(quota: &Quota) -> impl Iterator<Item = &ResourceName> {
    quota.limits.iter().map(|(name, _)| name)
}

fn less(new: &Known, old: &Known, name: &ResourceName) -> bool {
    new.consumed.get(name) < old.consumed.get(name)
}

fn surplus(books: &Books, required: &Tally) -> BTreeMap<ResourceName, i128> {
    required.iter().map(|(name, required)| (name.clone(), books.open_free(name) - required)).collect()
}
