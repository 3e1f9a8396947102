// SPDX-License-Identifier: Apache-2.0

//! When rounds happen.

use crate::books::{AgentAt, FrameworkAt};
use crate::config::Config;
use crate::work::Work;
use kaon_model::{Mono, Timers};
use std::collections::BTreeSet;
use std::time::Duration;

/// How much a change has to hurry under the timing of Mesos. Event-driven, every change leads to a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Waits for the tick: resources came back, a refusal ended, an agent was activated again.
    AtTick,
    /// A round for this agent at once: it is new or has changed.
    Agent,
    /// A round for all agents at once: a framework came, or asks for offers.
    All,
}

/// What is to be looked at, and when.
///
/// - Changes gather for a moment, so that a burst is one round.
/// - What waits for the tick waits until the next multiple of the interval, counted from the start.
#[derive(Debug)]
pub(crate) struct Pace {
    started: Mono,
    /// For the next round, which is due at `due`.
    soon: Work,
    first_change: Mono,
    last_change: Mono,
    at_tick: Work,
    tick: Option<Mono>,
    /// Agents to be looked at again once a framework may be called again.
    waiting: Timers<AgentAt>,
}

impl Pace {
    pub fn new(now: Mono) -> Pace {
        let (soon, at_tick, waiting) = (Work::default(), Work::default(), Timers::new());
        Pace { started: now, soon, first_change: now, last_change: now, at_tick, tick: None, waiting }
    }

    /// Notes that there is something to look at.
    pub fn note(&mut self, config: &Config, now: Mono, urgency: Urgency, change: impl FnOnce(&mut Work)) {
        let mut work = Work::default();
        change(&mut work);
        if !config.event_driven && urgency == Urgency::All {
            work.merge(std::mem::take(&mut self.at_tick));
            self.tick = None;
        }
        if work.is_empty() {
            return;
        }
        if !config.event_driven && urgency == Urgency::AtTick {
            return self.note_for_tick(config, now, work);
        }
        if self.soon.is_empty() {
            self.first_change = now;
        }
        self.last_change = now;
        self.soon.merge(work);
    }

    /// Notes what can wait for the tick, whatever the timing.
    pub fn note_for_tick(&mut self, config: &Config, now: Mono, work: Work) {
        if !work.is_empty() {
            self.at_tick.merge(work);
            self.tick.get_or_insert(next_tick(self.started, config, now));
        }
    }

    /// Has an agent looked at again at `until`.
    pub fn wait(&mut self, agent: AgentAt, until: Mono) {
        self.waiting.set_no_later(agent, until);
    }

    /// Whether the agent is to be looked at again later.
    pub fn is_waiting(&self, agent: AgentAt) -> bool {
        self.waiting.get(&agent).is_some()
    }

    /// Moves what has come to its time into the next round.
    pub fn advance(&mut self, config: &Config, now: Mono) {
        while let Some((_, agent)) = self.waiting.pop_due(now) {
            self.note(config, now, Urgency::Agent, |work| work.agent(agent));
        }
        if self.tick.is_some_and(|tick| tick <= now) {
            self.tick = None;
            let work = std::mem::take(&mut self.at_tick);
            self.soon.merge(work);
            // It has waited long enough.
            self.first_change = Mono::ZERO;
            self.last_change = Mono::ZERO;
        }
    }

    /// The work of the next round, if that is due.
    pub fn start(&mut self, config: &Config, now: Mono) -> Option<Work> {
        self.due(config).filter(|due| *due <= now)?;
        Some(std::mem::take(&mut self.soon))
    }

    /// When to call next.
    pub fn deadline(&self, config: &Config) -> Option<Mono> {
        [self.due(config), self.tick, self.waiting.next()].into_iter().flatten().min()
    }

    fn due(&self, config: &Config) -> Option<Mono> {
        if self.soon.is_empty() {
            return None;
        }
        if !config.event_driven {
            return Some(self.first_change);
        }
        Some((self.last_change + config.gather).min(self.first_change + config.gather_at_most))
    }

    /// The first tick after `now`.
    pub fn next_tick(&self, config: &Config, now: Mono) -> Mono {
        next_tick(self.started, config, now)
    }
}

fn next_tick(started: Mono, config: &Config, now: Mono) -> Mono {
    // A master with an interval of nothing ticks every millisecond, and not without end in one moment.
    let interval = config.allocation_interval.max(Duration::from_millis(1));
    let ticks = now.since(started).as_nanos() / interval.as_nanos();
    let nanos = u64::try_from((ticks + 1).saturating_mul(interval.as_nanos())).unwrap_or(u64::MAX);
    started + Duration::from_nanos(nanos)
}

/// How often frameworks were offered something of the same agent of late.
///
/// Each offer pushes the pair's debt one spacing into the future; a pair in debt for a whole burst has to wait.
///
/// Bound: as many entries as offers were made within a burst of spacings.
#[derive(Debug, Default)]
pub(crate) struct Spacing {
    debts: Timers<(AgentAt, FrameworkAt)>,
    /// Pairs in debt of which the last offer came back unused.
    unused: BTreeSet<(AgentAt, FrameworkAt)>,
}

/// That it is too early for another offer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooEarly {
    pub until: Mono,
    /// Whether the resources are to wait for the framework. Not if it did not want what it was offered last: asking
    /// again and again, it would keep them from all others.
    pub keep: bool,
}

impl Spacing {
    pub fn offered(&mut self, config: &Config, agent: AgentAt, framework: FrameworkAt, now: Mono) {
        while let Some((_, pair)) = self.debts.pop_due(now) {
            self.unused.remove(&pair);
        }
        let pair = (agent, framework);
        let debt = self.debts.get(&pair).unwrap_or(now) + config.offer_spacing;
        self.debts.set(pair, debt);
        self.unused.remove(&pair);
    }

    /// Notes that nothing came of the last offer.
    pub fn unused(&mut self, agent: AgentAt, framework: FrameworkAt) {
        let pair = (agent, framework);
        if self.debts.get(&pair).is_some() {
            self.unused.insert(pair);
        }
    }

    /// Whether the framework has to wait before it may be offered something of the agent.
    pub fn too_early(
        &self,
        config: &Config,
        agent: AgentAt,
        framework: FrameworkAt,
        now: Mono,
    ) -> Option<TooEarly> {
        let pair = (agent, framework);
        let debt = self.debts.get(&pair)?.since(now);
        let allowed = config.offer_spacing * config.offer_burst.saturating_sub(1);
        let wait = debt.saturating_sub(allowed);
        (!wait.is_zero()).then(|| TooEarly { until: now + wait, keep: !self.unused.contains(&pair) })
    }
}
