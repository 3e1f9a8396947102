// SPDX-License-Identifier: Apache-2.0

//! A dense table whose copies are cheap, so that readers on other threads can be handed a picture of the state.

use std::sync::Arc;

/// Slots on a page. Bound: a write while a view holds the page copies so many values once.
const PAGE: usize = 64;
/// Pages on a branch. Cloning a table copies one pointer for each `PAGE * FAN` slots: 245 for a million entries.
const FAN: usize = 64;

/// Where a value stands. Given out again after a removal, so what refers to it for long should be the value's own id,
/// mapped to the index in an ordered map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Index(u32);

impl Index {
    pub const fn number(self) -> usize {
        self.0 as usize
    }
}

/// A table of values at small integers, in shared pages.
///
/// `clone` is the view: it shares every page. A write copies the one page it touches, and only while a view holds it,
/// so without views it writes in place. Where `T` is costly to clone, hold an `Arc` of it. Iteration is in the order
/// of indices, which is deterministic.
///
/// Bound: 2^32 - 1 slots.
#[derive(Clone, Debug)]
pub struct Slab<T> {
    branches: Vec<Arc<Branch<T>>>,
    /// The slot given back last, which is reused first; it names the one before it.
    vacant: Option<u32>,
    /// Slots ever used: the next fresh one.
    fresh: u32,
    len: u32,
}

/// Invariant: all but the last page of the last branch exist in full, so a slot's place follows from its number.
#[derive(Clone, Debug)]
struct Branch<T>(Vec<Arc<Page<T>>>);

#[derive(Clone, Debug)]
struct Page<T>(Vec<Slot<T>>);

/// Vacant slots are a list through the table itself, so that a view shares it with the pages.
#[derive(Clone, Debug)]
enum Slot<T> {
    Taken(T),
    Vacant { next: Option<u32> },
}

impl<T> Slot<T> {
    fn value(&self) -> Option<&T> {
        match self {
            Slot::Taken(value) => Some(value),
            Slot::Vacant { .. } => None,
        }
    }
}

impl<T: Clone> Slab<T> {
    pub const fn new() -> Slab<T> {
        Slab { branches: Vec::new(), vacant: None, fresh: 0, len: 0 }
    }

    /// Puts a value into the slot given back last, or a fresh one.
    pub fn insert(&mut self, value: T) -> Index {
        self.len += 1;
        let Some(number) = self.vacant else { return self.push(value) };
        let slot = self.slot_mut(number).expect("vacant slots lie on pages that exist");
        let Slot::Vacant { next } = std::mem::replace(slot, Slot::Taken(value)) else {
            unreachable!("the list of vacant slots names vacant slots only")
        };
        self.vacant = next;
        Index(number)
    }

    fn push(&mut self, value: T) -> Index {
        let number = self.fresh;
        // So many of the smallest values would need a hundred gigabytes: memory ends first.
        self.fresh = number.checked_add(1).expect("a table has fewer than 2^32 slots");
        if (number as usize).is_multiple_of(PAGE * FAN) {
            self.branches.push(Arc::new(Branch(Vec::new())));
        }
        let branch =
            Arc::make_mut(self.branches.last_mut().expect("a branch is pushed before its first slot"));
        if (number as usize).is_multiple_of(PAGE) {
            branch.0.push(Arc::new(Page(Vec::with_capacity(PAGE))));
        }
        let page = Arc::make_mut(branch.0.last_mut().expect("a page is pushed before its first slot"));
        page.0.push(Slot::Taken(value));
        Index(number)
    }

    pub fn get(&self, index: Index) -> Option<&T> {
        let slot = index.number();
        let branch = self.branches.get(slot / (PAGE * FAN))?;
        branch.0.get(slot / PAGE % FAN)?.0.get(slot % PAGE)?.value()
    }

    /// The value to be changed. Copies its page if a view holds it, so use `get` for looking.
    pub fn get_mut(&mut self, index: Index) -> Option<&mut T> {
        // Without this look an absent value would cost a copy too.
        self.get(index)?;
        match self.slot_mut(index.0)? {
            Slot::Taken(value) => Some(value),
            Slot::Vacant { .. } => None,
        }
    }

    /// Takes a value out and gives its slot back.
    pub fn remove(&mut self, index: Index) -> Option<T> {
        self.get(index)?;
        let vacant = Slot::Vacant { next: self.vacant };
        let Slot::Taken(value) = std::mem::replace(self.slot_mut(index.0)?, vacant) else { return None };
        self.vacant = Some(index.0);
        self.len -= 1;
        Some(value)
    }

    fn slot_mut(&mut self, slot: u32) -> Option<&mut Slot<T>> {
        let slot = slot as usize;
        let branch = Arc::make_mut(self.branches.get_mut(slot / (PAGE * FAN))?);
        Arc::make_mut(branch.0.get_mut(slot / PAGE % FAN)?).0.get_mut(slot % PAGE)
    }

    pub fn contains(&self, index: Index) -> bool {
        self.get(index).is_some()
    }

    pub fn len(&self) -> usize {
        self.len as usize
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All values with their places, in the order of places.
    pub fn iter(&self) -> impl Iterator<Item = (Index, &T)> {
        let slots = self.branches.iter().flat_map(|branch| &branch.0).flat_map(|page| &page.0);
        (0..).zip(slots).filter_map(|(number, slot)| Some((Index(number), slot.value()?)))
    }

    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.iter().map(|(_, value)| value)
    }
}

impl<T: Clone> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab::new()
    }
}

impl<T: Clone> std::ops::Index<Index> for Slab<T> {
    type Output = T;

    /// Panics where the slot is vacant: for indices that an invariant keeps alive. Else use `get`.
    fn index(&self, index: Index) -> &T {
        self.get(index).expect("the index refers to a live entry")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(u32),
        Change(usize, u32),
        Remove(usize),
        View,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => any::<u32>().prop_map(Step::Insert),
            2 => (any::<usize>(), any::<u32>()).prop_map(|(at, value)| Step::Change(at, value)),
            3 => any::<usize>().prop_map(Step::Remove),
            1 => Just(Step::View),
        ]
    }

    fn contents(slab: &Slab<u32>) -> BTreeMap<Index, u32> {
        slab.iter().map(|(index, value)| (index, *value)).collect()
    }

    proptest! {
        /// A table equals an ordered map, and every view keeps what it saw whatever happens afterwards.
        #[test]
        fn behaves_as_a_map_with_snapshots(steps in prop::collection::vec(step(), 0..400)) {
            let mut slab = Slab::new();
            let mut model: BTreeMap<Index, u32> = BTreeMap::new();
            let mut views = Vec::new();
            let nth = |model: &BTreeMap<Index, u32>, at: usize| model.keys().nth(at % model.len().max(1)).copied();
            for step in steps {
                match step {
                    Step::Insert(value) => prop_assert_eq!(model.insert(slab.insert(value), value), None),
                    Step::Change(at, value) => {
                        if let Some(index) = nth(&model, at) {
                            *slab.get_mut(index).unwrap() = value;
                            model.insert(index, value);
                        }
                    }
                    Step::Remove(at) => {
                        if let Some(index) = nth(&model, at) {
                            prop_assert_eq!(slab.remove(index), model.remove(&index));
                            prop_assert_eq!(slab.remove(index), None);
                        }
                    }
                    Step::View => views.push((slab.clone(), model.clone())),
                }
                prop_assert_eq!(slab.len(), model.len());
            }
            prop_assert_eq!(&contents(&slab), &model);
            for (view, model) in views {
                prop_assert_eq!(contents(&view), model);
            }
        }
    }

    #[test]
    fn crosses_pages_with_branches() {
        let mut slab = Slab::new();
        let count = PAGE * FAN * 2 + PAGE + 1;
        let indices: Vec<Index> = (0..count).map(|value| slab.insert(value)).collect();
        assert!(indices.iter().enumerate().all(|(value, index)| slab[*index] == value));
        assert_eq!(slab.values().count(), count);
        assert_eq!(slab.get(Index(count as u32)), None);
    }

    #[test]
    fn copies_a_page_only_while_a_view_holds_it() {
        let mut slab = Slab::new();
        let indices: Vec<Index> = (0..PAGE * 3).map(|value| slab.insert(value)).collect();
        let page = |slab: &Slab<usize>, at: usize| Arc::as_ptr(&slab.branches[0].0[at]);
        let alone = page(&slab, 0);
        *slab.get_mut(indices[0]).unwrap() = 7;
        assert_eq!(page(&slab, 0), alone, "nobody looks, so it is written in place");
        let view = slab.clone();
        *slab.get_mut(indices[0]).unwrap() = 8;
        assert_ne!(page(&slab, 0), page(&view, 0));
        assert_eq!(page(&slab, 1), page(&view, 1), "what is not written stays shared");
        assert_eq!((view[indices[0]], slab[indices[0]]), (7, 8));
        assert_eq!(slab.get_mut(Index(9999)), None);
    }
}
