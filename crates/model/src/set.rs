// SPDX-License-Identifier: Apache-2.0

//! Sets of strings, the third kind of resource value.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::{AddAssign, SubAssign};
use std::sync::Arc;

/// A set of strings, kept in order so that it prints the same everywhere.
///
/// Mesos: keeps the order of insertion, which nothing may rely on.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StringSet(BTreeSet<Arc<str>>);

impl StringSet {
    pub fn new() -> StringSet {
        StringSet::default()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|item| &**item)
    }

    /// False where the item was there before.
    pub fn insert(&mut self, item: &str) -> bool {
        self.0.insert(Arc::from(item))
    }

    pub fn has(&self, item: &str) -> bool {
        self.0.contains(item)
    }

    /// Whether every item of `other` is here.
    pub fn contains(&self, other: &StringSet) -> bool {
        self.0.is_superset(&other.0)
    }

    pub fn intersects(&self, other: &StringSet) -> bool {
        !self.0.is_disjoint(&other.0)
    }
}

impl<S: AsRef<str>> FromIterator<S> for StringSet {
    fn from_iter<I: IntoIterator<Item = S>>(items: I) -> StringSet {
        StringSet(items.into_iter().map(|item| Arc::from(item.as_ref())).collect())
    }
}

impl AddAssign<&StringSet> for StringSet {
    fn add_assign(&mut self, other: &StringSet) {
        self.0.extend(other.0.iter().cloned());
    }
}

impl SubAssign<&StringSet> for StringSet {
    fn sub_assign(&mut self, other: &StringSet) {
        self.0.retain(|item| !other.0.contains(item));
    }
}

/// Mesos: `{a, b}`.
impl fmt::Display for StringSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, item) in self.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{item}")?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_and_subtracts_as_a_set() {
        let mut set: StringSet = ["b", "a"].iter().collect();
        set += &["c", "a"].iter().collect();
        assert_eq!(set.to_string(), "{a, b, c}");
        assert!(set.contains(&["a", "c"].iter().collect()));
        set -= &["a", "z"].iter().collect();
        assert_eq!(set.to_string(), "{b, c}");
        assert!(!set.has("a") && !set.intersects(&["a"].iter().collect()));
    }
}
