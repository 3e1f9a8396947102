// SPDX-License-Identifier: Apache-2.0

//! What a round has to look at, because something changed since it was last looked at.

use crate::books::{AgentAt, SeatAt};
use std::collections::{BTreeMap, BTreeSet};

/// Pairs of agents and seats that may fit by now and did not before. All others need no look: they would be passed
/// over again for the reason that held the last time.
///
/// It may name what is gone, or what has since come in its place: that costs a look and does no harm.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work {
    agents: BTreeMap<AgentAt, Scope>,
    seats: BTreeSet<SeatAt>,
    every_agent: bool,
    /// Whether there may be more room for those who were held back.
    room: bool,
}

/// Who is to be asked about an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Everyone,
    Only(BTreeSet<SeatAt>),
}

impl Work {
    /// More of the agent may be free: everyone is to be asked.
    pub fn agent(&mut self, agent: AgentAt) {
        self.agents.insert(agent, Scope::Everyone);
    }

    /// Nothing but this pair changed.
    pub fn pair(&mut self, agent: AgentAt, seat: SeatAt) {
        self.agents.entry(agent).or_insert_with(|| Scope::Only(BTreeSet::new())).add([seat]);
    }

    /// The seat is to be asked about every agent.
    pub fn seat(&mut self, seat: SeatAt) {
        self.seats.insert(seat);
    }

    /// Nothing but these pairs changed.
    pub fn pairs(&mut self, agent: AgentAt, seats: &BTreeSet<SeatAt>) {
        if !seats.is_empty() {
            let scope = self.agents.entry(agent).or_insert_with(|| Scope::Only(BTreeSet::new()));
            scope.add(seats.iter().copied());
        }
    }

    /// Everyone is to be asked about every agent.
    pub fn everything(&mut self) {
        self.every_agent = true;
    }

    /// Whether somebody who was held back may get something is to be found out.
    pub fn room(&mut self) {
        self.room = true;
    }

    pub fn is_empty(&self) -> bool {
        self.agents.is_empty() && self.seats.is_empty() && !self.every_agent && !self.room
    }

    pub fn merge(&mut self, other: Work) {
        for (agent, scope) in other.agents {
            self.widen(agent, scope);
        }
        self.seats.extend(other.seats);
        self.every_agent |= other.every_agent;
        self.room |= other.room;
    }

    fn widen(&mut self, agent: AgentAt, scope: Scope) {
        match scope {
            Scope::Everyone => self.agent(agent),
            Scope::Only(seats) => {
                self.agents.entry(agent).or_insert_with(|| Scope::Only(BTreeSet::new())).add(seats);
            }
        }
    }

    /// The work by agent, where `all` are the agents that there are.
    pub fn spread(mut self, all: impl Iterator<Item = AgentAt>) -> Vec<(AgentAt, Scope)> {
        if self.every_agent {
            return all.map(|agent| (agent, Scope::Everyone)).collect();
        }
        if !self.seats.is_empty() {
            let seats = std::mem::take(&mut self.seats);
            for agent in all {
                self.widen(agent, Scope::Only(seats.clone()));
            }
        }
        self.agents.into_iter().collect()
    }
}

impl Scope {
    fn add(&mut self, more: impl IntoIterator<Item = SeatAt>) {
        if let Scope::Only(seats) = self {
            seats.extend(more);
        }
    }
}
