// SPDX-License-Identifier: Apache-2.0

//! The store of the registry, which the masters share.
//!
//! It is a log of records with a snapshot. Who writes names the term that it was elected for, and is refused once another
//! has been elected.

use std::collections::BTreeSet;

use kaon_api::wire::Message;
use kaon_master::Registry;
use kaon_model::Mono;

use crate::report::Broken;

#[derive(Debug, Default)]
pub struct Store {
    snapshot: Option<Vec<u8>>,
    records: Vec<Vec<u8>>,
    /// What the log comes to.
    value: Registry,
    /// The newest term that anybody was elected for.
    pub term: u64,
    /// Whether writers of older terms are let in: a deliberate bug.
    pub unfenced: bool,
    /// Until when each write takes long.
    pub slow_until: Mono,
    /// The next write fails: whether it is written all the same.
    pub fails: Option<bool>,
    /// Terms whose writer is dead, and of which nothing more arrives.
    pub lost: BTreeSet<u64>,
}

/// What came of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Written,
    /// Another master leads.
    Deposed,
    /// The writer cannot know whether it was written.
    Unknown,
}

impl Store {
    pub fn append(
        &mut self,
        term: u64,
        record: Vec<u8>,
        snapshot: Option<Vec<u8>>,
    ) -> Result<Outcome, Broken> {
        if term != self.term && !self.unfenced {
            return Ok(Outcome::Deposed);
        }
        let fails = self.fails.take();
        if fails == Some(false) {
            return Ok(Outcome::Unknown);
        }
        let broken = |law, what: String| Err(Broken { law, what });
        if term != self.term {
            let what = format!("the master of term {term} wrote, and that of term {} leads", self.term);
            return broken("one writer of the registry", what);
        }
        let before = self.value.to_wire().encode();
        match Registry::recover(Some(&before), std::slice::from_ref(&record)) {
            Ok(value) => self.value = value,
            Err(error) => return broken("recovery equals memory", error.to_string()),
        }
        match snapshot {
            Some(snapshot) => (self.snapshot, self.records) = (Some(snapshot), Vec::new()),
            None => self.records.push(record),
        }
        Ok(if fails.is_some() { Outcome::Unknown } else { Outcome::Written })
    }

    /// What the log comes to, as each write was applied to it.
    pub fn value(&self) -> &Registry {
        &self.value
    }

    /// What a new leader finds.
    pub fn recover(&self) -> Result<Registry, Broken> {
        let broken = |what| Broken { law: "recovery equals memory", what };
        let found = Registry::recover(self.snapshot.as_deref(), &self.records)
            .map_err(|error| broken(error.to_string()))?;
        if found.to_wire() == self.value.to_wire() {
            Ok(found)
        } else {
            Err(broken(format!("recovered {:?}, written {:?}", found.to_wire(), self.value.to_wire())))
        }
    }
}
