// SPDX-License-Identifier: Apache-2.0

//! The allocator as its owner sees it: moves of the ledger, each followed by what it means for who is offered what.

mod parties;
mod quota;

use crate::books::{AgentAt, Books, Claim, SeatAt, Violation};
use crate::config::Config;
use crate::filters::{Filters, refusal_span};
use crate::headroom::{Grown, Headroom};
use crate::held::Held;
use crate::hold::Hold;
use crate::ledger::{Holding, Ledger, Refusal, Returned};
use crate::order::Order;
use crate::pace::{Pace, Spacing, Urgency};
use crate::policy::Policy;
use crate::rooms::Rooms;
use crate::round::{Cursor, Draft, Outcome, Rules, Slice};
use crate::work::{Scope, Work};
use kaon_model::{AgentId, Conversion, Entropy, FrameworkId, Mono, OfferId, Resources, Role};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// The ledger with all that decides who is offered what, and when.
///
/// Its owner tells it what happens, calls [`run`](Allocator::run) when [`deadline`](Allocator::deadline) has come, and
/// makes an offer of each proposal.
#[derive(Debug)]
pub struct Allocator {
    config: Config,
    ledger: Ledger,
    order: Order,
    filters: Filters,
    /// What frameworks gave back without saying for how long: not for them until the next tick.
    returned: Filters,
    spacing: Spacing,
    pace: Pace,
    /// The round that is going on.
    cursor: Cursor,
    headroom: Headroom,
    held: Held,
    /// Set while too few agents are back for quota to be shared out rightly.
    hold: Option<Hold>,
    /// The only hosts whose agents are offered, if not all are.
    whitelist: Option<BTreeSet<String>>,
    last_run: Mono,
    /// Agents with proposals that did not become offers yet.
    proposed: BTreeSet<AgentAt>,
    rounds: u64,
    #[cfg(feature = "sabotage")]
    sabotage: Option<crate::Sabotage>,
}

/// What should be offered to whom: to be made an offer with [`Allocator::offer`].
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    pub framework: FrameworkId,
    pub role: Role,
    pub agent: AgentId,
    /// Charged to nobody: `allocate` them to the role for the wire.
    pub resources: Resources,
}

/// Why an offer comes back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Withdrawal {
    /// The framework does not want it, for `refuse_seconds` if it said so.
    Declined(Option<f64>),
    /// The framework did not answer in time. Others come first until the next tick.
    TimedOut,
    /// The master takes it back for reasons of its own, or the framework is gone.
    Rescinded,
}

impl Allocator {
    pub fn new(config: Config, policy: Box<dyn Policy>, now: Mono) -> Allocator {
        let order = Order::new(policy, &config);
        Allocator {
            config,
            ledger: Ledger::new(),
            order,
            filters: Filters::default(),
            returned: Filters::default(),
            spacing: Spacing::default(),
            pace: Pace::new(now),
            cursor: Cursor::default(),
            headroom: Headroom::default(),
            held: Held::default(),
            hold: None,
            whitelist: None,
            last_run: now,
            proposed: BTreeSet::new(),
            rounds: 0,
            #[cfg(feature = "sabotage")]
            sabotage: None,
        }
    }

    /// Who has what.
    pub fn books(&self) -> &Books {
        self.ledger.books()
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn policy(&self) -> &dyn Policy {
        self.order.policy()
    }

    /// How many rounds were begun.
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// On how many agents refusals stand, over all frameworks in exactly this role.
    pub fn filters_in(&self, role: &Role) -> usize {
        let seats = self.books().role(role).into_iter().flat_map(|book| book.seats.values());
        seats.map(|seat| self.filters.count(*seat)).sum()
    }

    /// When [`run`](Allocator::run) is next to be called; none while there is nothing to wait for.
    pub fn deadline(&self) -> Option<Mono> {
        if let Some(hold) = &self.hold {
            return Some(hold.until());
        }
        let unfinished = !self.cursor.is_empty() || !self.proposed.is_empty();
        let pace = self.pace.deadline(&self.config);
        [unfinished.then_some(self.last_run), pace, self.filters.next_end(), self.returned.next_end()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Begins a round if one is due, or goes on with one, until about `budget` pairs of agent and framework were
    /// weighed. Calling it too early or too often does no harm.
    pub fn run(&mut self, now: Mono, entropy: &mut Entropy, budget: usize) -> Vec<Proposal> {
        if self.is_on_hold(now) {
            return Vec::new();
        }
        self.look_again_at_proposed(now);
        self.expire(now);
        self.sync(now);
        self.pace.advance(&self.config, now);
        if self.cursor.is_empty()
            && let Some(work) = self.pace.start(&self.config, now)
        {
            self.begin(work, entropy);
        }
        let outcome = self.slice(now, entropy, budget);
        self.last_run = now;
        for (agent, until) in outcome.waits {
            self.pace.wait(agent, until);
        }
        self.proposed.extend(outcome.proposals.iter().map(|draft| draft.agent));
        outcome.proposals.into_iter().map(|draft| self.proposal(draft)).collect()
    }

    /// Makes an offer of a proposal. What is refused is proposed anew soon, if it still can be.
    pub fn offer(&mut self, now: Mono, offer: OfferId, proposal: &Proposal) -> Result<(), Refusal> {
        let Proposal { framework, role, agent, resources } = proposal;
        self.ledger.offer(offer, framework, role, agent, resources.clone())?;
        let (agent, framework) = (self.books().agent_at(agent), self.books().framework_at(framework));
        // What was held back in this round was so beside this offer: if it comes back there is more room than that.
        let quotas = self.ledger.take_touched_quotas();
        self.sync_quotas(now, quotas);
        if let (Some(agent), Some(framework)) = (agent, framework) {
            self.proposed.remove(&agent);
            if self.config.event_driven {
                self.spacing.offered(&self.config, agent, framework, now);
            }
        }
        Ok(())
    }

    /// Takes an offer back; says what was in it.
    pub fn withdraw(
        &mut self,
        now: Mono,
        offer: &OfferId,
        why: Withdrawal,
    ) -> Result<Arc<Resources>, Refusal> {
        let returned = self.ledger.withdraw(offer)?;
        if why != Withdrawal::Rescinded {
            self.note_unused(&returned);
        }
        match why {
            Withdrawal::Declined(refuse_seconds) => self.refuse(now, &returned, refuse_seconds),
            Withdrawal::TimedOut => self.hold_back(now, &returned),
            Withdrawal::Rescinded => {}
        }
        Ok(self.freed(now, returned))
    }

    /// Begins an acceptance: see [`Ledger::open`].
    pub fn open<'a>(&mut self, offers: impl IntoIterator<Item = &'a OfferId>) -> Result<Holding, Refusal> {
        self.ledger.open(offers)
    }

    /// Gives a part of the holding to a claim: see [`Ledger::take`].
    pub fn take(
        &mut self,
        holding: &mut Holding,
        claim: Claim,
        resources: impl Into<Arc<Resources>>,
    ) -> Result<(), Refusal> {
        self.ledger.take(holding, claim, resources)
    }

    /// Takes steps of an operation on the holding: see [`Ledger::convert`].
    pub fn convert(
        &mut self,
        holding: &mut Holding,
        steps: &[Conversion],
        usable: bool,
    ) -> Result<(), Refusal> {
        self.ledger.convert(holding, steps, usable)
    }

    /// Takes steps of an operation on what is free of an agent: see [`Ledger::convert_free`].
    pub fn convert_free(&mut self, now: Mono, agent: &AgentId, steps: &[Conversion]) -> Result<(), Refusal> {
        self.ledger.convert_free(agent, steps)?;
        if let Some(at) = self.books().agent_at(agent) {
            self.note(now, Urgency::AtTick, |work| work.agent(at));
        }
        Ok(())
    }

    /// Ends an acceptance; what is left of what was offered counts as declined for `refuse_seconds`, what operations
    /// made of it does not.
    pub fn close(&mut self, now: Mono, holding: Holding, refuse_seconds: Option<f64>) -> Arc<Resources> {
        let returned = self.ledger.close(holding);
        if returned.resources.is_empty() {
            return returned.resources;
        }
        self.note_unused(&returned);
        if !returned.declined.is_empty() {
            self.refuse(now, &returned, refuse_seconds);
        }
        self.freed(now, returned)
    }

    /// Books what a peer reports to be in use: see [`Ledger::charge`].
    pub fn charge(
        &mut self,
        agent: &AgentId,
        framework: &FrameworkId,
        role: &Role,
        claim: Claim,
        resources: impl Into<Arc<Resources>>,
    ) -> Result<(), Refusal> {
        self.ledger.charge(agent, framework, role, claim, resources)
    }

    /// Ends a claim; says what it held. None where it held nothing.
    pub fn release(
        &mut self,
        now: Mono,
        agent: &AgentId,
        framework: &FrameworkId,
        claim: &Claim,
    ) -> Option<Arc<Resources>> {
        let returned = self.ledger.release(agent, framework, claim)?;
        Some(self.freed(now, returned))
    }

    /// Whether all sums are right, and no refusal outlives those it concerns. For tests and simulations.
    pub fn check(&self) -> Result<(), Violation> {
        self.ledger.check()?;
        for filters in [&self.filters, &self.returned] {
            filters.check(self.books())?;
        }
        // Else it is to be brought up to date before it is used.
        if !self.ledger.is_touched() && self.proposed.is_empty() {
            self.order.check(self.books())?;
            self.headroom.check(self.books())?;
        }
        Ok(())
    }

    /// What a look at everything would propose now. Nothing, once [`deadline`](Allocator::deadline) lies ahead: that no
    /// change was missed. For tests and simulations.
    pub fn overlooked(&mut self, now: Mono) -> Vec<Proposal> {
        let going_on = std::mem::take(&mut self.cursor);
        let everyone = |(index, _)| (AgentAt(index), Scope::Everyone);
        let agents: VecDeque<_> = self.ledger.books().agents.iter().map(everyone).collect();
        self.cursor = Cursor { guarantees: agents.clone(), rest: agents };
        let outcome = self.slice(now, &mut Entropy::from_u64(0), usize::MAX);
        self.cursor = going_on;
        outcome.proposals.into_iter().map(|draft| self.proposal(draft)).collect()
    }

    /// From now on breaks a rule of the ledger.
    #[cfg(feature = "sabotage")]
    pub fn sabotage(&mut self, sabotage: crate::Sabotage) {
        self.ledger.sabotage(sabotage);
        self.sabotage = Some(sabotage);
    }

    /// What was proposed and did not become an offer is free still; and what was held back was so beside it.
    fn look_again_at_proposed(&mut self, now: Mono) {
        let left = std::mem::take(&mut self.proposed);
        if left.is_empty() {
            return;
        }
        let held: Vec<AgentAt> = self.held.agents().collect();
        self.note(now, Urgency::AtTick, |work| {
            left.into_iter().chain(held).for_each(|agent| work.agent(agent))
        });
    }

    fn expire(&mut self, now: Mono) {
        while let Some((agent, seat)) = self.filters.expire(now).or_else(|| self.returned.expire(now)) {
            self.note(now, Urgency::AtTick, |work| work.pair(agent, seat));
        }
    }

    /// Mesos: agents come in random order, so that none is always the first to be filled.
    fn begin(&mut self, work: Work, entropy: &mut Entropy) {
        let all = self.ledger.books().agents.iter().map(|(index, _)| AgentAt(index));
        let mut agents = work.spread(all);
        for (agent, scope) in &mut agents {
            // Something of it is kept for a framework that cannot be called yet: nobody may come before its turn.
            if self.pace.is_waiting(*agent) {
                *scope = Scope::Everyone;
            }
        }
        entropy.shuffle(&mut agents);
        self.cursor.rest = agents.clone().into();
        if !self.headroom.required().is_empty() {
            entropy.shuffle(&mut agents);
            self.cursor.guarantees = agents.into();
        }
        self.rounds += 1;
    }

    fn slice(&mut self, now: Mono, dice: &mut Entropy, budget: usize) -> Outcome {
        if self.cursor.is_empty() {
            return Outcome::default();
        }
        self.sync(now);
        let books = self.ledger.books();
        let rules = Rules {
            books,
            config: &self.config,
            filters: &self.filters,
            returned: &self.returned,
            spacing: &self.spacing,
            whitelist: self.whitelist.as_ref(),
            now,
        };
        let rooms = Rooms::new(books, &self.headroom);
        #[cfg(feature = "sabotage")]
        let rooms = rooms.sabotaged(self.sabotage);
        Slice::new(rules, &mut self.order, rooms, &mut self.held, dice).run(&mut self.cursor, budget)
    }

    /// Catches up with the ledger, and forgets what was proposed.
    fn sync(&mut self, now: Mono) {
        let mut touched = self.ledger.take_touched();
        let quotas = std::mem::take(&mut touched.quotas);
        self.order.sync(self.ledger.books(), touched);
        self.sync_quotas(now, quotas);
    }

    fn sync_quotas(&mut self, now: Mono, changed: BTreeSet<Role>) {
        if changed.is_empty() && self.headroom.required().is_empty() {
            return;
        }
        let grown = self.headroom.sync(self.ledger.books(), changed);
        self.look_again_at_held(now, &grown);
    }

    /// Mesos: what quota held back is looked at with each tick; here, with the tick after there was more room.
    fn look_again_at_held(&mut self, now: Mono, grown: &Grown) {
        if self.held.is_empty() {
            return;
        }
        let (books, mut work) = (self.ledger.books(), Work::default());
        for role in &grown.limits {
            let seats = books.active_seats_within(role);
            self.held.limited(role).for_each(|agent| work.pairs(agent, &seats));
        }
        for role in &grown.lacking {
            let seats = books.active_seats_within(role);
            self.held.kept().for_each(|agent| work.pairs(agent, &seats));
        }
        if grown.surplus {
            self.held.kept().for_each(|agent| work.agent(agent));
        }
        self.pace.note_for_tick(&self.config, now, work);
    }

    fn proposal(&self, draft: Draft) -> Proposal {
        let Draft { agent, seat, resources } = draft;
        let books = self.books();
        let seat = &books.seats[seat.0];
        let framework = books.frameworks[seat.framework.0].id().clone();
        let role = books.roles[seat.role.0].role().clone();
        Proposal { framework, role, agent: books.agents[agent.0].id().clone(), resources }
    }

    fn note_unused(&mut self, returned: &Returned) {
        let seat = self.ledger.books().seats.get(returned.seat.0);
        if let Some(seat) = seat.filter(|_| returned.unused) {
            self.spacing.unused(returned.agent, seat.framework);
        }
    }

    fn refuse(&mut self, now: Mono, returned: &Returned, refuse_seconds: Option<f64>) {
        let Some(span) = refusal_span(refuse_seconds, self.config.allocation_interval) else {
            return self.hold_back(now, returned);
        };
        if self.may_refuse(returned.seat) {
            self.filters.add(returned.agent, returned.seat, returned.declined.clone(), now + span);
        }
    }

    /// Others come first until the next tick. Mesos: nobody is asked before the next tick.
    fn hold_back(&mut self, now: Mono, returned: &Returned) {
        if self.config.event_driven && self.may_refuse(returned.seat) {
            let until = self.pace.next_tick(&self.config, now);
            self.returned.add(returned.agent, returned.seat, returned.declined.clone(), until);
        }
    }

    /// Mesos: a framework that is gone or not active refuses nothing, nor one that has left the role.
    fn may_refuse(&self, seat: SeatAt) -> bool {
        let books = self.books();
        let seat = books.seats.get(seat.0).filter(|seat| seat.subscribed);
        seat.is_some_and(|seat| books.frameworks[seat.framework.0].is_active())
    }

    fn freed(&mut self, now: Mono, returned: Returned) -> Arc<Resources> {
        self.note(now, Urgency::AtTick, |work| work.agent(returned.agent));
        returned.resources
    }

    fn note(&mut self, now: Mono, urgency: Urgency, change: impl FnOnce(&mut Work)) {
        self.pace.note(&self.config, now, urgency, change);
    }
}
