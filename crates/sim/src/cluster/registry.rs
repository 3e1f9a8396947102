// SPDX-License-Identifier: Apache-2.0

//! The way of a write to the registry, and what becomes of it.

use std::time::Duration;

use kaon_master::{Input, Write};

use super::{Cluster, Event};
use crate::report::Broken;
use crate::store::Outcome;

impl Cluster {
    /// A leader's write is on its way to the store.
    pub(super) fn order_write(
        &mut self,
        master: usize,
        write: Write,
        record: Vec<u8>,
        snapshot: Option<Vec<u8>>,
    ) {
        let slow = if self.store.slow_until > self.now { 20_000 } else { 50 };
        let delay = Duration::from_millis(1 + self.rng.below(slow));
        let Some(lead) = &mut self.masters[master].lead else { return };
        lead.written = (self.now + delay).max(lead.written);
        let (at, term) = (lead.written, lead.term);
        self.at(at, Event::StoreArrives { master, term, write, record, snapshot });
    }

    pub(super) fn store_arrives(
        &mut self,
        master: usize,
        term: u64,
        write: Write,
        record: Vec<u8>,
        snapshot: Option<Vec<u8>>,
    ) {
        let alive = self.masters[master].lead.as_ref().is_some_and(|lead| lead.term == term);
        // Whoever ordered it is no more. It may be lost on its way, and what came after it with it.
        if !alive && self.rng.chance(0.5) {
            self.store.lost.insert(term);
        }
        if self.store.lost.contains(&term) {
            return self.counts.add("write lost");
        }
        self.counts.add("law one writer of the registry");
        let outcome = match self.store.append(term, record, snapshot) {
            Ok(outcome) => outcome,
            Err(broken) => return self.broken.push_back(broken),
        };
        self.log.line(self.now, format!("write of term {term}: {outcome:?}"));
        match outcome {
            Outcome::Written => {
                self.counts.add("write");
                let delay = Duration::from_millis(self.rng.below(20));
                self.after(delay, Event::Stored { master, term, write });
            }
            Outcome::Deposed | Outcome::Unknown => {
                self.counts.add("write refused or unknown");
                self.store.lost.insert(term);
                self.step_down(master, term);
            }
        }
    }

    pub(super) fn stored(&mut self, master: usize, term: u64, write: Write) {
        if self.masters[master].lead.as_ref().is_some_and(|lead| lead.term == term) {
            self.master_handles(master, Input::Stored { write });
            self.compare_memory(master);
        }
    }

    /// Recovery equals memory: what a leader holds is what was written, once nothing is on its way.
    fn compare_memory(&mut self, master: usize) {
        let Some(lead) = &self.masters[master].lead else { return };
        let view = lead.core.view();
        if view.writes > 0 || lead.term != self.store.term {
            return;
        }
        self.counts.add("law recovery equals memory");
        let (memory, written) = (view.registry.to_wire(), self.store.value().to_wire());
        if memory != written {
            let what = format!("master {master} holds {memory:?}, and {written:?} was written");
            self.broken.push_back(Broken { law: "recovery equals memory", what });
        }
    }
}
