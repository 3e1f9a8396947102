// SPDX-License-Identifier: Apache-2.0

//! One round of allocation: proposals for what may have changed hands.

use crate::books::{AgentAt, AgentBook, Books, SeatAt};
use crate::config::Config;
use crate::eligibility::Rest;
use crate::filters::Filters;
use crate::order::Order;
use crate::pace::{Spacing, TooEarly};
use crate::work::Scope;
use kaon_model::{Mono, Resources};
use std::collections::VecDeque;
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
}

/// Where a round stands: the agents that are still to be looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cursor(pub VecDeque<(AgentAt, Scope)>);

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

/// Looks at agents one after the other until about `budget` pairs of agent and seat were weighed. Moves nothing: what
/// it proposes is counted in `order` alone, until the ledger has decided.
pub(crate) fn round(
    rules: Rules<'_>,
    order: &mut Order,
    cursor: &mut Cursor,
    now: Mono,
    budget: usize,
) -> Outcome {
    let (mut outcome, mut weighed) = (Outcome::default(), 0);
    while weighed < budget
        && let Some((agent, scope)) = cursor.0.pop_front()
    {
        weighed += 1 + share_out(rules, order, (agent, &scope), now, &mut outcome);
    }
    outcome
}

/// Shares one agent out among those in scope; says how many were weighed.
fn share_out(
    rules: Rules<'_>,
    order: &mut Order,
    (at, scope): (AgentAt, &Scope),
    now: Mono,
    outcome: &mut Outcome,
) -> usize {
    let Some(agent) = rules.books.agents.get(at.0).filter(|agent| agent.is_active()) else { return 0 };
    let mut rest = Rest::of(agent);
    if !rest.is_worth_offering(rules.books, rules.config) {
        return 0;
    }
    let (mut weighed, mut takers) = (0, Vec::new());
    let mut visit = |seat| {
        weighed += 1;
        match weigh(rules, (at, agent), seat, &rest, now) {
            Verdict::Pass => return ControlFlow::Continue(()),
            Verdict::Later(until) => {
                outcome.waits.push((at, until));
                return ControlFlow::Continue(());
            }
            Verdict::Keep(until, portion) => {
                outcome.waits.push((at, until));
                rest.take(&portion);
            }
            Verdict::Take(resources) => {
                rest.take(&resources);
                takers.push(Draft { agent: at, seat, resources });
            }
        }
        let more = rest.is_worth_offering(rules.books, rules.config);
        if more { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    // Breaking off early is all that the flow says.
    let _ = visit_in_order(order, scope, &mut visit);
    for draft in takers {
        order.propose(rules.books, draft.seat, &draft.resources.quantities());
        outcome.proposals.push(draft);
    }
    weighed
}

fn visit_in_order(
    order: &Order,
    scope: &Scope,
    visit: &mut dyn FnMut(SeatAt) -> ControlFlow<()>,
) -> ControlFlow<()> {
    match scope {
        Scope::Everyone => order.walk(visit),
        // To sort a few is cheaper than to walk past many.
        Scope::Only(seats) if seats.len() * 8 < order.len() => {
            order.sorted(seats).into_iter().try_for_each(visit)
        }
        Scope::Only(seats) => order
            .walk(&mut |seat| if seats.contains(&seat) { visit(seat) } else { ControlFlow::Continue(()) }),
    }
}

/// Mesos: all that the framework may have of the agent goes into one offer.
fn weigh(
    rules: Rules<'_>,
    (at, agent): (AgentAt, &AgentBook),
    seat_at: SeatAt,
    rest: &Rest<'_>,
    now: Mono,
) -> Verdict {
    let Some(seat) = rules.books.seats.get(seat_at.0).filter(|seat| seat.active) else {
        return Verdict::Pass;
    };
    let Some(portion) = rest.portion(rules.books, rules.config, agent, seat) else { return Verdict::Pass };
    let refuses = |filters: &Filters| filters.refuses(at, seat_at, &portion, now);
    if refuses(rules.filters) || refuses(rules.returned) {
        return Verdict::Pass;
    }
    // Whoever is next waits for its turn rather than lose it: if others took what ends within the spacing, they would
    // get more than their share.
    match rules.spacing.too_early(rules.config, at, seat.framework, now) {
        Some(TooEarly { until, keep: false }) => Verdict::Later(until),
        Some(TooEarly { until, keep: true }) => Verdict::Keep(until, portion.into_owned()),
        None => Verdict::Take(portion.into_owned()),
    }
}
