// SPDX-License-Identifier: Apache-2.0

//! Refusals that stand: what a framework does not want to be offered for a while.

use crate::books::{AgentAt, Books, SeatAt, Violation};
use kaon_model::{Mono, Resources, Timers};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Mesos: how long a refusal stands if the framework does not say, or says nonsense.
pub const DEFAULT_REFUSAL: Duration = Duration::from_secs(5);

/// Mesos: the longest that a refusal stands.
pub const LONGEST_REFUSAL: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Bound: how many refusals of one framework in one role stand on one agent. One more replaces the one that would end
/// first, so that the framework is offered something too early rather than too late.
const MOST_ON_ONE_AGENT: usize = 16;

/// How long a refusal of `refuse_seconds` stands; none where it is not to stand at all.
///
/// Mesos: zero is none; negative or unreadable is the default; more than a year is a year. What stands, stands for an
/// allocation interval at least, so that others are asked in between.
pub fn refusal_span(refuse_seconds: Option<f64>, allocation_interval: Duration) -> Option<Duration> {
    let span = match refuse_seconds {
        None => DEFAULT_REFUSAL,
        Some(secs) if secs > LONGEST_REFUSAL.as_secs_f64() => LONGEST_REFUSAL,
        Some(secs) => Duration::try_from_secs_f64(secs).unwrap_or(DEFAULT_REFUSAL),
    };
    (!span.is_zero()).then(|| span.max(allocation_interval))
}

/// All refusals that stand, to be found by agent and by seat.
///
/// Invariant: both indices name the same pairs, and each pair has one timer, at the end of its first refusal to end.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    by_agent: BTreeMap<AgentAt, OnAgent>,
    by_seat: BTreeMap<SeatAt, BTreeSet<AgentAt>>,
    ends: Timers<(AgentAt, SeatAt)>,
}

#[derive(Debug, Default)]
struct OnAgent {
    by_seat: BTreeMap<SeatAt, Vec<Refused>>,
    /// What was refused last. The next framework mostly refuses just the same, and shares it: a million refusals
    /// would otherwise hold a million copies.
    last: Arc<Resources>,
}

#[derive(Clone, Debug)]
struct Refused {
    resources: Arc<Resources>,
    until: Mono,
}

impl Refused {
    /// Whether it makes `other` superfluous.
    fn outlasts(&self, other: &Refused) -> bool {
        self.until >= other.until && self.resources.contains_all(&other.resources)
    }
}

impl Filters {
    pub fn add(&mut self, agent: AgentAt, seat: SeatAt, resources: Arc<Resources>, until: Mono) {
        let on_agent = self.by_agent.entry(agent).or_default();
        if *on_agent.last != *resources {
            on_agent.last = resources;
        }
        let new = Refused { resources: on_agent.last.clone(), until };
        let refusals = on_agent.by_seat.entry(seat).or_default();
        if refusals.iter().any(|known| known.outlasts(&new)) {
            return;
        }
        refusals.retain(|known| !new.outlasts(known));
        refusals.reserve_exact(1);
        refusals.push(new);
        if refusals.len() > MOST_ON_ONE_AGENT {
            let first = refusals.iter().enumerate().min_by_key(|(_, refused)| refused.until);
            if let Some(at) = first.map(|(at, _)| at) {
                refusals.remove(at);
            }
        }
        self.by_seat.entry(seat).or_default().insert(agent);
        self.watch(agent, seat);
    }

    /// Whether the seat has refused all of `resources` of the agent. What is more than was refused is worth a look:
    /// only a superset refuses.
    pub fn refuses(&self, agent: AgentAt, seat: SeatAt, resources: &Resources, now: Mono) -> bool {
        let mut standing = self.refusals(agent, seat).iter().filter(|refused| refused.until > now);
        standing.any(|refused| refused.resources.contains_all(resources))
    }

    /// Drops what has come to its end; says where. Call until it says none.
    pub fn expire(&mut self, now: Mono) -> Option<(AgentAt, SeatAt)> {
        let (_, (agent, seat)) = self.ends.pop_due(now)?;
        let on_agent = self.by_agent.get_mut(&agent);
        if let Some(refusals) = on_agent.and_then(|on_agent| on_agent.by_seat.get_mut(&seat)) {
            refusals.retain(|refused| refused.until > now);
        }
        self.watch(agent, seat);
        Some((agent, seat))
    }

    /// When something comes to its end next.
    pub fn next_end(&self) -> Option<Mono> {
        self.ends.next()
    }

    /// Drops all refusals of the seat; says on which agents there were any.
    pub fn clear_seat(&mut self, seat: SeatAt) -> BTreeSet<AgentAt> {
        let agents = self.by_seat.remove(&seat).unwrap_or_default();
        for agent in &agents {
            self.ends.cancel(&(*agent, seat));
            self.forget(*agent, seat);
        }
        agents
    }

    /// Drops all refusals on the agent; says whose there were.
    pub fn clear_agent(&mut self, agent: AgentAt) -> BTreeSet<SeatAt> {
        let on_agent = self.by_agent.remove(&agent).unwrap_or_default();
        let seats: BTreeSet<SeatAt> = on_agent.by_seat.into_keys().collect();
        for seat in &seats {
            self.ends.cancel(&(agent, *seat));
            self.forget(agent, *seat);
        }
        seats
    }

    /// On how many agents the seat has refused something.
    pub fn count(&self, seat: SeatAt) -> usize {
        self.by_seat.get(&seat).map_or(0, BTreeSet::len)
    }

    /// Whether all refusals are of frameworks that may refuse, on agents that are there.
    pub fn check(&self, books: &Books) -> Result<(), Violation> {
        for (agent, OnAgent { by_seat: seats, .. }) in &self.by_agent {
            if !books.agents.contains(agent.0) {
                return Err(Violation("a refusal outlives its agent".to_string()));
            }
            for seat in seats.keys() {
                let paired = self.by_seat.get(seat).is_some_and(|agents| agents.contains(agent));
                if !paired || self.ends.get(&(*agent, *seat)).is_none() {
                    return Err(Violation(
                        "a refusal cannot be found by its seat, or never ends".to_string(),
                    ));
                }
                if !books.seats.get(seat.0).is_some_and(|seat| seat.subscribed) {
                    return Err(Violation("a refusal outlives its framework's stay in the role".to_string()));
                }
            }
        }
        Ok(())
    }

    fn refusals(&self, agent: AgentAt, seat: SeatAt) -> &[Refused] {
        let on_agent = self.by_agent.get(&agent);
        on_agent.and_then(|on_agent| on_agent.by_seat.get(&seat)).map_or(&[], Vec::as_slice)
    }

    /// Sets the timer of a pair, or forgets the pair if nothing stands any more.
    fn watch(&mut self, agent: AgentAt, seat: SeatAt) {
        match self.refusals(agent, seat).iter().map(|refused| refused.until).min() {
            Some(end) => self.ends.set((agent, seat), end),
            None => self.forget(agent, seat),
        }
    }

    fn forget(&mut self, agent: AgentAt, seat: SeatAt) {
        if let Some(on_agent) = self.by_agent.get_mut(&agent) {
            on_agent.by_seat.remove(&seat);
            if on_agent.by_seat.is_empty() {
                self.by_agent.remove(&agent);
            }
        }
        if let Some(agents) = self.by_seat.get_mut(&seat) {
            agents.remove(&agent);
            if agents.is_empty() {
                self.by_seat.remove(&seat);
            }
        }
    }
}
