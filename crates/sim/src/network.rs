// SPDX-License-Identifier: Apache-2.0

//! The connections between nodes: in order, delayed, cut, reset.
//!
//! A connection is TCP: what is written arrives in order and once, or the connection is reset and everything in
//! flight is lost. While a pair is cut nothing arrives; when the cut ends, connections either go on (the kernel sent
//! again) or are found dead.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kaon_model::{Entropy, Mono};

/// A node's place in the network: 0 is the master, agents follow, then schedulers.
pub type Node = usize;

/// One direction of a connection, told apart from its earlier incarnations: what was sent on a reset connection never
/// arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Channel {
    pub from: Node,
    pub to: Node,
    pub incarnation: u64,
}

#[derive(Debug, Default)]
pub struct Network {
    incarnations: BTreeMap<(Node, Node), u64>,
    /// When the last message of a direction arrives: later ones may not overtake it.
    last_arrival: BTreeMap<(Node, Node), Mono>,
    /// Directions in which nothing gets through, with the moment it does again.
    cuts: BTreeMap<(Node, Node), Mono>,
    /// Who asked to be told when the connection to whom breaks.
    links: BTreeSet<(Node, Node)>,
    /// Bound: a hop takes at most this long while the network is well.
    pub delay_max: Duration,
}

impl Network {
    pub fn new(delay_max: Duration) -> Network {
        Network { delay_max, ..Network::default() }
    }

    /// When a message sent now arrives, and on which channel.
    pub fn send(&mut self, now: Mono, rng: &mut Entropy, from: Node, to: Node) -> (Channel, Mono) {
        let mut at = now + Duration::from_micros(50 + rng.below(self.delay_max.as_micros() as u64 + 1));
        if let Some(until) = self.cuts.get(&(from, to)) {
            at = at.max(*until);
        }
        let last = self.last_arrival.entry((from, to)).or_default();
        at = at.max(*last);
        *last = at;
        (self.channel(from, to), at)
    }

    pub fn channel(&self, from: Node, to: Node) -> Channel {
        let incarnation = self.incarnations.get(&(from, to)).copied().unwrap_or(0);
        Channel { from, to, incarnation }
    }

    /// Whether what was sent on this channel still arrives.
    pub fn is_open(&self, channel: Channel) -> bool {
        self.channel(channel.from, channel.to) == channel
    }

    pub fn is_cut(&self, now: Mono, from: Node, to: Node) -> bool {
        self.cuts.get(&(from, to)).is_some_and(|until| *until > now)
    }

    /// Lets nothing through from one node to another until the given moment.
    pub fn cut(&mut self, from: Node, to: Node, until: Mono) {
        let end = self.cuts.entry((from, to)).or_default();
        *end = until.max(*end);
    }

    pub fn heal_all(&mut self) {
        self.cuts.clear();
    }

    pub fn link(&mut self, from: Node, to: Node) {
        self.links.insert((from, to));
    }

    /// Breaks the connections between two nodes, both ways. Returns who must be told of whose end.
    pub fn reset(&mut self, a: Node, b: Node) -> Vec<(Node, Node)> {
        for pair in [(a, b), (b, a)] {
            *self.incarnations.entry(pair).or_default() += 1;
            self.last_arrival.remove(&pair);
        }
        [(a, b), (b, a)].into_iter().filter(|pair| self.links.remove(pair)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_keep_their_order_and_cuts_hold_them() {
        let mut network = Network::new(Duration::from_millis(20));
        let mut rng = Entropy::from_u64(1);
        let mut last = Mono::ZERO;
        for step in 0..100 {
            let now = Mono::from_nanos(step * 1_000_000);
            if step == 50 {
                network.cut(0, 1, now + Duration::from_secs(1));
            }
            let (_, at) = network.send(now, &mut rng, 0, 1);
            assert!(at >= last && at > now);
            assert!(step < 50 || at >= Mono::from_nanos(1_050_000_000));
            last = at;
        }
    }

    #[test]
    fn a_reset_loses_what_is_in_flight_and_tells_linkers_once() {
        let mut network = Network::default();
        let mut rng = Entropy::from_u64(1);
        network.link(1, 0);
        let (channel, _) = network.send(Mono::ZERO, &mut rng, 0, 1);
        assert_eq!(network.reset(0, 1), [(1, 0)]);
        assert!(!network.is_open(channel));
        assert!(network.reset(0, 1).is_empty());
    }
}
