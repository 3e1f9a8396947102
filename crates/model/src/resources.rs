// SPDX-License-Identifier: Apache-2.0

//! Collections of resources with Mesos's algebra.

mod roles;
mod select;

use crate::{Quantities, Resource, ResourceName, Scalar, Value};
use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};

/// A collection of resources in which amounts of one identity are one entry.
///
/// - Amounts are added where all but the amount is equal. Persistent volumes and MOUNT or BLOCK disks are taken whole
///   or not at all: two equal ones stay two.
/// - Shared resources are counted: adding one twice means two holders of one volume.
/// - The order is that of [`Resource`]'s `Ord`, whatever the order of additions, so equal collections print alike.
///
/// Invariant: `entries` is sorted by resource; no amount is empty; divisible identities and equal shared resources
/// occur once; `holders` is 1 unless shared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    resource: Resource,
    holders: u32,
}

impl Resources {
    pub const fn new() -> Resources {
        Resources { entries: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many distinct entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The resources, each once.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Resource> {
        self.entries.iter().map(|entry| &entry.resource)
    }

    /// The resources with the number of holders, which is 1 unless they are shared.
    pub fn holders(&self) -> impl ExactSizeIterator<Item = (&Resource, u32)> {
        self.entries.iter().map(|entry| (&entry.resource, entry.holders))
    }

    /// The resources as they go on the wire: a shared one stands there once for each holder.
    pub fn repeated(&self) -> impl Iterator<Item = &Resource> {
        self.holders().flat_map(|(resource, holders)| std::iter::repeat_n(resource, holders as usize))
    }

    /// Adds entries up, in whatever order they come. One by one, each would move those behind it.
    fn of_entries(mut entries: Vec<Entry>) -> Resources {
        entries.sort_by(|a, b| a.resource.cmp(&b.resource));
        let mut all = Resources { entries: Vec::with_capacity(entries.len()) };
        for alike in entries.chunk_by(|a, b| a.resource.cmp_identity(&b.resource).is_eq()) {
            let first = &alike[0].resource;
            if alike.len() == 1 || first.shared || first.is_indivisible() {
                alike.iter().for_each(|entry| all.add_held(&entry.resource, entry.holders));
            } else {
                let values = alike.iter().map(|entry| &entry.resource.value);
                all.insert(&Resource { value: Value::sum(values), ..first.clone() });
            }
        }
        all
    }

    /// Adds one resource; an empty one changes nothing.
    pub fn insert(&mut self, resource: &Resource) {
        self.add_held(resource, 1);
    }

    fn add_held(&mut self, resource: &Resource, holders: u32) {
        if resource.is_empty() {
            return;
        }
        let entry = |holders| Entry { resource: resource.clone(), holders };
        match self.find(resource) {
            Ok(at) if resource.shared => {
                let own = &mut self.entries[at];
                own.holders = own.holders.saturating_add(holders);
            }
            Ok(at) if !resource.is_indivisible() => self.entries[at].resource.value.add(&resource.value),
            Ok(at) | Err(at) => self.entries.insert(at, entry(holders)),
        }
    }

    /// Takes one resource out as far as it is here, as `-=` of Mesos does. Ask [`Resources::contains`] first where
    /// all of it must be here.
    pub fn remove(&mut self, resource: &Resource) {
        self.subtract_held(resource, 1);
    }

    fn subtract_held(&mut self, resource: &Resource, holders: u32) {
        let Ok(at) = self.find(resource) else { return };
        let own = &mut self.entries[at];
        if resource.shared {
            own.holders = own.holders.saturating_sub(holders);
        } else if resource.is_indivisible() {
            own.holders = 0;
        } else {
            own.resource.value.subtract(&resource.value);
        }
        if own.holders == 0 || own.resource.is_empty() {
            self.entries.remove(at);
        }
    }

    /// The entry that `resource` is added to or taken from, or where it would stand: by identity where amounts add
    /// up, by the whole resource where it is indivisible.
    fn find(&self, resource: &Resource) -> Result<usize, usize> {
        let by_identity = !resource.is_indivisible();
        self.entries.binary_search_by(|entry| {
            if by_identity { entry.resource.cmp_identity(resource) } else { entry.resource.cmp(resource) }
        })
    }

    /// Whether all of `resource` is here.
    pub fn contains(&self, resource: &Resource) -> bool {
        resource.is_empty()
            || self.find(resource).is_ok_and(|at| self.entries[at].resource.value.contains(&resource.value))
    }

    /// Whether all of `other` is here at once: indivisible ones as often, shared ones with as many holders.
    pub fn contains_all(&self, other: &Resources) -> bool {
        other.entries.iter().enumerate().all(|(index, entry)| {
            let resource = &entry.resource;
            if !resource.is_indivisible() {
                return self.contains(resource);
            }
            // Equal indivisible entries stand side by side: judge each group once, at its first entry.
            let is_first = index == 0 || other.entries[index - 1].resource != *resource;
            !is_first || other.occurrences(resource) <= self.occurrences(resource)
        })
    }

    fn occurrences(&self, resource: &Resource) -> u64 {
        let first = self.entries.partition_point(|entry| entry.resource < *resource);
        let equal = self.entries[first..].iter().take_while(|entry| entry.resource == *resource);
        equal.map(|entry| u64::from(entry.holders)).sum()
    }

    /// What is left after taking `other` out, or none where not all of it is here.
    pub fn checked_sub(&self, other: &Resources) -> Option<Resources> {
        self.contains_all(other).then(|| self - other)
    }

    /// `consumed` turned into `converted`, as operations do; none where not all of `consumed` is here.
    pub fn convert(&self, consumed: &Resources, converted: &Resources) -> Option<Resources> {
        let mut result = self.checked_sub(consumed)?;
        result += converted;
        Some(result)
    }

    /// How much there is of a scalar, over all identities of that name.
    pub fn get_scalar(&self, name: &str) -> Scalar {
        let named = self.iter().filter(|resource| resource.name == *name);
        named.filter_map(|r| if let Value::Scalar(amount) = r.value { Some(amount) } else { None }).sum()
    }

    /// The integers held under a name, over all its identities.
    pub fn get_ranges(&self, name: &str) -> crate::Ranges {
        let mut all = crate::Ranges::new();
        for resource in self.iter().filter(|resource| resource.name == *name) {
            if let Value::Ranges(ranges) = &resource.value {
                all += ranges;
            }
        }
        all
    }

    /// Sums of scalars by name: what shares and quota count. A shared volume counts once, whoever holds it.
    pub fn quantities(&self) -> Quantities {
        self.sum(|resource| matches!(resource.value, Value::Scalar(_)))
    }

    /// Sums of everything by name; ranges and sets count their members.
    pub fn all_quantities(&self) -> Quantities {
        self.sum(|_| true)
    }

    fn sum(&self, keep: impl Fn(&Resource) -> bool) -> Quantities {
        let mut sums = Quantities::new();
        for resource in self.iter().filter(|resource| keep(resource)) {
            sums.add(&resource.name, resource.value.quantity());
        }
        sums
    }

    /// Whether there is at least so much of each name, over all identities.
    pub fn contains_quantities(&self, wanted: &Quantities) -> bool {
        wanted.iter().all(|(name, amount)| amount <= self.quantity_of(name))
    }

    fn quantity_of(&self, name: &ResourceName) -> Scalar {
        self.iter().filter(|resource| resource.name == *name).map(|resource| resource.value.quantity()).sum()
    }
}

impl From<Resource> for Resources {
    fn from(resource: Resource) -> Resources {
        let entries = if resource.is_empty() { vec![] } else { vec![Entry { resource, holders: 1 }] };
        Resources { entries }
    }
}

impl<'a> FromIterator<&'a Resource> for Resources {
    fn from_iter<I: IntoIterator<Item = &'a Resource>>(items: I) -> Resources {
        items.into_iter().cloned().collect()
    }
}

impl FromIterator<Resource> for Resources {
    fn from_iter<I: IntoIterator<Item = Resource>>(items: I) -> Resources {
        Resources::of_entries(items.into_iter().map(|resource| Entry { resource, holders: 1 }).collect())
    }
}

impl AddAssign<&Resources> for Resources {
    fn add_assign(&mut self, other: &Resources) {
        if self.is_empty() {
            self.clone_from(other);
        } else if other.len() > 8 {
            *self = [&*self, other].into_iter().sum();
        } else {
            other.holders().for_each(|(resource, holders)| self.add_held(resource, holders));
        }
    }
}

impl SubAssign<&Resources> for Resources {
    fn sub_assign(&mut self, other: &Resources) {
        other.holders().for_each(|(resource, holders)| self.subtract_held(resource, holders));
    }
}

impl Add<&Resources> for &Resources {
    type Output = Resources;
    fn add(self, other: &Resources) -> Resources {
        let mut sum = self.clone();
        sum += other;
        sum
    }
}

impl Sub<&Resources> for &Resources {
    type Output = Resources;
    fn sub(self, other: &Resources) -> Resources {
        let mut rest = self.clone();
        rest -= other;
        rest
    }
}

impl<'a> std::iter::Sum<&'a Resources> for Resources {
    fn sum<I: Iterator<Item = &'a Resources>>(items: I) -> Resources {
        Resources::of_entries(items.flat_map(|resources| &resources.entries).cloned().collect())
    }
}

/// Mesos: `cpus:4; mem:1024; ports:[31000-32000]`, shared ones with `<holders>`, and `{}` for nothing.
impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("{}");
        }
        for (index, (resource, holders)) in self.holders().enumerate() {
            let separator = if index > 0 { "; " } else { "" };
            write!(f, "{separator}{resource}")?;
            if resource.shared {
                write!(f, "<{holders}>")?;
            }
        }
        Ok(())
    }
}
