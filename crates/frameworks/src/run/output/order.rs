// SPDX-License-Identifier: Apache-2.0

//! Puts outputs in the order of the input.

use std::collections::BTreeMap;

/// Holds back what is not due yet.
#[derive(Debug)]
pub struct Order<T> {
    /// The number that is due.
    next: u64,
    waiting: BTreeMap<u64, T>,
}

impl<T> Order<T> {
    /// Begins with number 1.
    pub fn new() -> Order<T> {
        Order { next: 1, waiting: BTreeMap::new() }
    }

    /// Whether `number` would come out at once.
    pub fn is_due(&self, number: u64) -> bool {
        number == self.next
    }

    pub fn insert(&mut self, number: u64, item: T) {
        self.waiting.insert(number, item);
    }

    /// The next item, if it is due and here.
    pub fn pop(&mut self) -> Option<T> {
        let item = self.waiting.remove(&self.next)?;
        self.next += 1;
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overtakes() {
        let mut order = Order::new();
        let mut seen = Vec::new();
        for number in [2, 4, 1, 3, 5] {
            order.insert(number, number);
            while let Some(item) = order.pop() {
                seen.push(item);
            }
            assert!(order.is_due(seen.len() as u64 + 1));
        }
        assert_eq!(seen, [1, 2, 3, 4, 5]);
    }
}
