// SPDX-License-Identifier: Apache-2.0

//! Sets of unsigned integers kept as inclusive ranges, such as ports.

use std::fmt;
use std::ops::{AddAssign, SubAssign};

/// One inclusive range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    pub begin: u64,
    pub end: u64,
}

impl Range {
    /// None where `begin` is beyond `end`.
    pub fn new(begin: u64, end: u64) -> Option<Range> {
        (begin <= end).then_some(Range { begin, end })
    }

    /// How many integers it holds, saturating at `u64::MAX`.
    pub fn len(self) -> u64 {
        (self.end - self.begin).saturating_add(1)
    }

    pub fn is_empty(self) -> bool {
        false
    }
}

/// A set of integers as the fewest possible ranges.
///
/// Invariant: sorted; between two neighbours at least one integer is missing (adjacent ranges are joined).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ranges(Vec<Range>);

impl Ranges {
    pub fn new() -> Ranges {
        Ranges::default()
    }

    pub fn single(begin: u64, end: u64) -> Ranges {
        Range::new(begin, end).into_iter().collect()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ranges, ascending.
    pub fn as_slice(&self) -> &[Range] {
        &self.0
    }

    pub fn iter(&self) -> impl Iterator<Item = Range> + '_ {
        self.0.iter().copied()
    }

    /// Every integer, ascending.
    pub fn values(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().flat_map(|range| range.begin..=range.end)
    }

    /// How many integers, saturating.
    pub fn count(&self) -> u64 {
        self.0.iter().fold(0, |sum: u64, range| sum.saturating_add(range.len()))
    }

    pub fn contains_value(&self, value: u64) -> bool {
        self.contains_range(Range { begin: value, end: value })
    }

    fn contains_range(&self, range: Range) -> bool {
        let at = self.0.partition_point(|own| own.end < range.begin);
        self.0.get(at).is_some_and(|own| own.begin <= range.begin && range.end <= own.end)
    }

    /// Whether every integer of `other` is here.
    pub fn contains(&self, other: &Ranges) -> bool {
        other.iter().all(|range| self.contains_range(range))
    }

    pub fn intersects(&self, other: &Ranges) -> bool {
        other.iter().any(|range| {
            let at = self.0.partition_point(|own| own.end < range.begin);
            self.0.get(at).is_some_and(|own| own.begin <= range.end)
        })
    }

    /// Adds one range, joining what overlaps or touches.
    pub fn insert(&mut self, range: Range) {
        let first = self.0.partition_point(|own| own.end.saturating_add(1) < range.begin);
        let last = self.0.partition_point(|own| own.begin <= range.end.saturating_add(1));
        let mut joined = range;
        if first < last {
            joined.begin = joined.begin.min(self.0[first].begin);
            joined.end = joined.end.max(self.0[last - 1].end);
        }
        self.0.splice(first..last, [joined]);
    }

    /// Takes the integers of `range` out; those that are not here are ignored.
    pub fn remove(&mut self, range: Range) {
        let first = self.0.partition_point(|own| own.end < range.begin);
        let last = self.0.partition_point(|own| own.begin <= range.end);
        if first >= last {
            return;
        }
        let before = (self.0[first].begin < range.begin)
            .then(|| Range { begin: self.0[first].begin, end: range.begin - 1 });
        let after = (range.end < self.0[last - 1].end)
            .then(|| Range { begin: range.end + 1, end: self.0[last - 1].end });
        self.0.splice(first..last, before.into_iter().chain(after));
    }
}

impl FromIterator<Range> for Ranges {
    fn from_iter<I: IntoIterator<Item = Range>>(items: I) -> Ranges {
        let mut all: Vec<Range> = items.into_iter().collect();
        all.sort_unstable();
        let mut joined: Vec<Range> = Vec::with_capacity(all.len());
        for range in all {
            match joined.last_mut() {
                Some(last) if range.begin <= last.end.saturating_add(1) => last.end = last.end.max(range.end),
                _ => joined.push(range),
            }
        }
        Ranges(joined)
    }
}

impl AddAssign<&Ranges> for Ranges {
    fn add_assign(&mut self, other: &Ranges) {
        // Bound: one sort instead of a splice per range keeps adding thousands of ranges linear.
        if other.0.len() > 8 {
            *self = self.iter().chain(other.iter()).collect();
        } else {
            other.iter().for_each(|range| self.insert(range));
        }
    }
}

impl SubAssign<&Ranges> for Ranges {
    fn sub_assign(&mut self, other: &Ranges) {
        other.iter().for_each(|range| self.remove(range));
    }
}

/// Mesos: `[31000-32000, 33000-33001]`.
impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (index, range) in self.0.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{}-{}", range.begin, range.end)?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn some_ranges() -> impl Strategy<Value = Ranges> {
        prop::collection::vec((0u64..60, 0u64..6), 0..12).prop_map(|pairs| {
            pairs.into_iter().map(|(begin, more)| Range { begin, end: begin + more }).collect()
        })
    }

    fn model(ranges: &Ranges) -> BTreeSet<u64> {
        ranges.values().collect()
    }

    fn assert_canonical(ranges: &Ranges) {
        for pair in ranges.as_slice().windows(2) {
            assert!(pair[0].end + 1 < pair[1].begin, "{ranges}");
        }
    }

    #[test]
    fn holds_the_largest_integer() {
        let mut ranges = Ranges::single(u64::MAX, u64::MAX);
        ranges.insert(Range { begin: 0, end: 0 });
        assert!(ranges.contains_value(u64::MAX));
        ranges.remove(Range { begin: 5, end: u64::MAX });
        assert_eq!(ranges, Ranges::single(0, 0));
        assert_eq!(Ranges::single(0, u64::MAX).count(), u64::MAX);
    }

    #[test]
    fn joins_touching_ranges() {
        let ranges: Ranges = [(31000, 32000), (33000, 33001), (32001, 32002)]
            .iter()
            .filter_map(|&(b, e)| Range::new(b, e))
            .collect();
        assert_eq!(ranges.to_string(), "[31000-32002, 33000-33001]");
    }

    proptest! {
        #[test]
        fn behaves_as_a_set_of_integers(a in some_ranges(), b in some_ranges()) {
            let mut sum = a.clone();
            sum += &b;
            assert_canonical(&sum);
            prop_assert_eq!(model(&sum), model(&a).union(&model(&b)).copied().collect::<BTreeSet<_>>());
            let mut rest = a.clone();
            rest -= &b;
            assert_canonical(&rest);
            prop_assert_eq!(model(&rest), model(&a).difference(&model(&b)).copied().collect::<BTreeSet<_>>());
            prop_assert_eq!(a.contains(&b), model(&a).is_superset(&model(&b)));
            prop_assert_eq!(a.intersects(&b), !model(&a).is_disjoint(&model(&b)));
            prop_assert_eq!(a.count(), model(&a).len() as u64);
            let mut one_by_one = Ranges::new();
            a.iter().chain(b.iter()).for_each(|range| one_by_one.insert(range));
            prop_assert_eq!(one_by_one, sum);
        }
    }
}
