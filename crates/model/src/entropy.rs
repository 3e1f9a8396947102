// SPDX-License-Identifier: Apache-2.0

//! The random source of a core: all its randomness grows from one seed.

use crate::Uuid;
use rand_chacha::ChaCha12Rng;
use rand_core::{RngCore, SeedableRng};

/// A cryptographic stream, the same for the same seed on every machine.
#[derive(Clone, Debug)]
pub struct Entropy(ChaCha12Rng);

impl Entropy {
    pub fn new(seed: [u8; 32]) -> Entropy {
        Entropy(ChaCha12Rng::from_seed(seed))
    }

    /// A stream for tests and simulations, told apart by a small number.
    pub fn from_u64(seed: u64) -> Entropy {
        Entropy(ChaCha12Rng::seed_from_u64(seed))
    }

    /// A stream of its own for a part: what one part draws does not shift what another gets.
    pub fn fork(&mut self) -> Entropy {
        Entropy::new(self.bytes())
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// Evenly from [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Evenly from [0, n), without bias; zero where `n` is zero.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 {
            return 0;
        }
        // Draws below 2^64 mod n are thrown away so that every remainder is equally likely.
        let floor = n.wrapping_neg() % n;
        loop {
            let draw = self.next_u64();
            if draw >= floor {
                return draw % n;
            }
        }
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u64) as usize)
    }

    pub fn uuid(&mut self) -> Uuid {
        Uuid::from_random(self.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_stream() {
        let draw = |seed| {
            let mut entropy = Entropy::new([seed; 32]);
            (entropy.next_u64(), entropy.uuid(), entropy.fork().next_u64())
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        // Pinned: seeds in bug reports must replay after an upgrade of the library too.
        assert_eq!(Entropy::from_u64(7).next_u64(), 559_256_596_868_823_998);
    }

    #[test]
    fn draws_stay_in_their_range_and_reach_all_of_it() {
        let mut entropy = Entropy::from_u64(1);
        let mut seen = [0u32; 6];
        for _ in 0..6000 {
            seen[entropy.below(6) as usize] += 1;
            assert!((0.0..1.0).contains(&entropy.unit()));
        }
        assert!(seen.iter().all(|count| (850..1150).contains(count)), "{seen:?}");
        assert_eq!(entropy.below(0), 0);
        assert_eq!(entropy.pick::<u8>(&[]), None);
        assert!(!entropy.chance(0.0) && entropy.chance(1.0));
    }

    #[test]
    fn shuffles_keep_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        Entropy::from_u64(3).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
