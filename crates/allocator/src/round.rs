// SPDX-License-Identifier: Apache-2.0

//! One round of allocation: proposals for what may have changed hands.

use crate::books::{AgentAt, AgentBook, Books, SeatAt, open};
use crate::config::Config;
use crate::eligibility::Rest;
use crate::filters::Filters;
use crate::held::Held;
use crate::order::Order;
use crate::pace::{Spacing, TooEarly};
use crate::rooms::{Rooms, Stage};
use crate::work::Scope;
use kaon_model::{Entropy, Mono, Resources};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::ControlFlow;

/// What a round decides by.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub books: &'a Books,
    pub config: &'a Config,
    /// What frameworks refused.
    pub filters: &'a Filters,
    /// What frameworks gave back for no stated time.
    pub returned: &'a Filters,
    pub spacing: &'a Spacing,
    /// The only hosts whose agents are offered, if not all are.
    pub whitelist: Option<&'a BTreeSet<String>>,
    pub now: Mono,
}

/// Where a round stands: the agents that are still to be looked at, in either stage.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cursor {
    pub guarantees: VecDeque<(AgentAt, Scope)>,
    pub rest: VecDeque<(AgentAt, Scope)>,
}

impl Cursor {
    pub fn is_empty(&self) -> bool {
        self.guarantees.is_empty() && self.rest.is_empty()
    }

    fn pop(&mut self) -> Option<(Stage, AgentAt, Scope)> {
        let (stage, next) = match self.guarantees.pop_front() {
            Some(next) => (Stage::Guarantees, next),
            None => (Stage::Rest, self.rest.pop_front()?),
        };
        Some((stage, next.0, next.1))
    }
}

/// What a slice of a round came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub proposals: Vec<Draft>,
    /// Agents to be looked at again, for a framework that was offered something of them a moment ago.
    pub waits: Vec<(AgentAt, Mono)>,
}

/// A proposal, by places.
#[derive(Debug)]
pub(crate) struct Draft {
    pub agent: AgentAt,
    pub seat: SeatAt,
    pub resources: Resources,
}

/// Whether a seat gets something of an agent.
enum Verdict {
    Pass,
    /// It is too early to call it again; others may have it.
    Later(Mono),
    /// It is its turn, and too early to call it again: nobody else may have it.
    Keep(Mono, Resources),
    Take(Resources),
}

/// A part of a round that is made in one go. Moves nothing: what it proposes is counted here alone, until the ledger
/// has decided.
pub(crate) struct Slice<'a> {
    pub rules: Rules<'a>,
    pub order: &'a mut Order,
    pub rooms: Rooms<'a>,
    pub held: &'a mut Held,
    pub dice: &'a mut Entropy,
    outcome: Outcome,
    /// What the first stage gave away of agents.
    taken: BTreeMap<AgentAt, Resources>,
}

impl<'a> Slice<'a> {
    pub fn new(
        rules: Rules<'a>,
        order: &'a mut Order,
        rooms: Rooms<'a>,
        held: &'a mut Held,
        dice: &'a mut Entropy,
    ) -> Slice<'a> {
        Slice { rules, order, rooms, held, dice, outcome: Outcome::default(), taken: BTreeMap::new() }
    }

    /// Looks at agents one after the other until about `budget` pairs of agent and seat were weighed.
    pub fn run(mut self, cursor: &mut Cursor, budget: usize) -> Outcome {
        let mut weighed = 0;
        while weighed < budget
            && let Some((stage, agent, scope)) = cursor.pop()
        {
            weighed += 1 + self.share_out(stage, agent, &scope);
        }
        self.outcome
    }

    /// Shares one agent out among those in scope; says how many were weighed.
    fn share_out(&mut self, stage: Stage, at: AgentAt, scope: &Scope) -> usize {
        let Rules { books, config, .. } = self.rules;
        let whitelisted = |agent: &&std::sync::Arc<AgentBook>| {
            self.rules.whitelist.is_none_or(|hosts| hosts.contains(&agent.shape().hostname))
        };
        let agent = books.agents.get(at.0).filter(|agent| agent.is_active()).filter(whitelisted);
        let Some(agent) = agent else { return 0 };
        if stage == Stage::Guarantees && !self.rooms.is_required() {
            return 0;
        }
        let mut rest = Rest::of(agent);
        if let Some(taken) = self.taken.get(&at) {
            rest.take(taken);
        }
        if *scope == Scope::Everyone && !self.held.is_empty() {
            self.held.forget(at);
        }
        if !rest.is_worth_offering(books, config) {
            return 0;
        }
        let (mut weighed, mut takers) = (0, Vec::new());
        let Slice { rules, order, rooms, held, dice, outcome, taken } = self;
        let mut visit = |seat| {
            weighed += 1;
            let given = match weigh(*rules, rooms, held, (stage, at, agent), seat, &rest) {
                Verdict::Pass => return ControlFlow::Continue(()),
                Verdict::Later(until) => {
                    outcome.waits.push((at, until));
                    return ControlFlow::Continue(());
                }
                Verdict::Keep(until, portion) => {
                    outcome.waits.push((at, until));
                    portion
                }
                Verdict::Take(portion) => {
                    rooms.propose(books.seats[seat.0].role, &open(&portion));
                    takers.push(Draft { agent: at, seat, resources: portion.clone() });
                    portion
                }
            };
            rest.take(&given);
            if stage == Stage::Guarantees {
                *taken.entry(at).or_default() += &given;
            }
            let more = rest.is_worth_offering(books, config) && (stage == Stage::Rest || rooms.is_required());
            if more { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        // Breaking off early is all that the flow says.
        let _ = visit_in_order(order, dice, scope, &mut visit);
        for draft in takers {
            self.order.propose(books, draft.seat, &draft.resources.quantities());
            self.propose(stage, draft);
        }
        weighed
    }

    /// Mesos: what a framework is given of an agent in both stages is one offer.
    fn propose(&mut self, stage: Stage, draft: Draft) {
        let proposals = &mut self.outcome.proposals;
        let twice = stage == Stage::Rest && self.taken.contains_key(&draft.agent);
        let known = proposals.iter_mut().filter(|_| twice);
        match known.into_iter().find(|known| (known.agent, known.seat) == (draft.agent, draft.seat)) {
            Some(known) => known.resources += &draft.resources,
            None => proposals.push(draft),
        }
    }
}

fn visit_in_order(
    order: &Order,
    dice: &mut Entropy,
    scope: &Scope,
    visit: &mut dyn FnMut(SeatAt) -> ControlFlow<()>,
) -> ControlFlow<()> {
    match scope {
        Scope::Everyone => order.walk(dice, visit),
        // To sort a few is cheaper than to walk past many.
        Scope::Only(seats) if seats.len() * 8 < order.len() && order.is_sorted() => {
            order.sorted(seats).into_iter().try_for_each(visit)
        }
        Scope::Only(seats) => order.walk(dice, &mut |seat| {
            if seats.contains(&seat) { visit(seat) } else { ControlFlow::Continue(()) }
        }),
    }
}

/// Mesos: all that the framework may have of the agent goes into one offer.
fn weigh(
    rules: Rules<'_>,
    rooms: &Rooms<'_>,
    held: &mut Held,
    (stage, at, agent): (Stage, AgentAt, &AgentBook),
    seat_at: SeatAt,
    rest: &Rest<'_>,
) -> Verdict {
    let Rules { books, config, now, .. } = rules;
    let Some(seat) = books.seats.get(seat_at.0).filter(|seat| seat.active) else {
        return Verdict::Pass;
    };
    if stage == Stage::Guarantees && !rooms.is_lacking(seat.role) {
        return Verdict::Pass;
    }
    let Some(portion) = rest.portion(books, config, agent, seat) else { return Verdict::Pass };
    let Some(cut) = rooms.cut(stage, seat.role, portion) else { return Verdict::Pass };
    cut.limited.iter().for_each(|role| held.limit(books.roles[role.0].role(), at));
    if cut.kept {
        held.keep(at);
    }
    let portion = cut.resources;
    let minimum = books.own_minimum(seat).unwrap_or(&config.min_allocatable);
    let refuses = |filters: &Filters| filters.refuses(at, seat_at, &portion, now);
    if !minimum.is_met_by(&portion) || refuses(rules.filters) || refuses(rules.returned) {
        return Verdict::Pass;
    }
    // Whoever is next waits for its turn rather than lose it: if others took what ends within the spacing, they would
    // get more than their share.
    match rules.spacing.too_early(config, at, seat.framework, now) {
        Some(TooEarly { until, keep: false }) => Verdict::Later(until),
        Some(TooEarly { until, keep: true }) => Verdict::Keep(until, portion.into_owned()),
        None => Verdict::Take(portion.into_owned()),
    }
}
