// SPDX-License-Identifier: Apache-2.0

//! What it means for offers that agents and frameworks come, change or go.

use super::Allocator;
use crate::books::{AgentAt, SeatAt};
use crate::ledger::Refusal;
use crate::pace::Urgency;
use crate::shape::{AgentShape, FrameworkShape};
use crate::work::Work;
use kaon_model::{AgentId, FrameworkId, Mono, Role};
use std::collections::BTreeSet;

impl Allocator {
    /// Adds an agent. Charge what is in use on it before the next call of [`run`](Allocator::run).
    pub fn add_agent(&mut self, now: Mono, id: AgentId, shape: AgentShape) -> Result<(), Refusal> {
        self.ledger.add_agent(id.clone(), shape)?;
        if let Some(hold) = &mut self.hold {
            hold.agent_came();
        }
        self.agent_changed(now, &id, Urgency::Agent);
        Ok(())
    }

    /// Mesos: refusals outlive a change of resources, which defeats them by itself, but none of attributes.
    pub fn update_agent(&mut self, now: Mono, id: &AgentId, shape: AgentShape) -> Result<(), Refusal> {
        let same = self.books().agent(id).is_some_and(|book| book.shape().attributes == shape.attributes);
        self.ledger.update_agent(id, shape)?;
        if let Some(at) = self.books().agent_at(id).filter(|_| !same) {
            self.clear_agent(at);
        }
        self.agent_changed(now, id, Urgency::Agent);
        Ok(())
    }

    /// An agent that is not active is not offered. Offers of it that are out stay out: withdraw them.
    pub fn set_agent_active(&mut self, now: Mono, id: &AgentId, active: bool) -> Result<(), Refusal> {
        self.ledger.set_agent_active(id, active)?;
        if active {
            self.agent_changed(now, id, Urgency::AtTick);
        }
        Ok(())
    }

    /// The agent is something else to frameworks than it was: what they refused of it, they may want now.
    pub fn forget_refusals(&mut self, now: Mono, id: &AgentId) {
        if let Some(at) = self.books().agent_at(id) {
            self.clear_agent(at);
            self.agent_changed(now, id, Urgency::Agent);
        }
    }

    /// Removes an agent with all that is posted on it; its offers are out no more.
    pub fn remove_agent(&mut self, now: Mono, id: &AgentId) -> Result<(), Refusal> {
        if let Some(at) = self.books().agent_at(id) {
            self.clear_agent(at);
            self.held.forget(at);
            self.proposed.remove(&at);
        }
        self.ledger.remove_agent(id)?;
        if self.books().quotas().next().is_some() {
            self.note(now, Urgency::AtTick, Work::room);
        }
        Ok(())
    }

    pub fn add_framework(
        &mut self,
        now: Mono,
        id: FrameworkId,
        shape: &FrameworkShape,
        active: bool,
    ) -> Result<(), Refusal> {
        self.ledger.add_framework(id.clone(), shape, active)?;
        self.framework_came(now, &id);
        Ok(())
    }

    /// New roles, suppressed roles and capabilities in place of the old ones. Refusals in roles that it leaves end.
    pub fn update_framework(
        &mut self,
        now: Mono,
        id: &FrameworkId,
        shape: &FrameworkShape,
    ) -> Result<(), Refusal> {
        let wanted = self.active_seats(id);
        let same_needs = self.books().framework(id).is_some_and(|book| {
            book.capabilities == shape.capabilities
                && book.min_allocatable == shape.min_allocatable
                && book.constraints == shape.constraints
        });
        for seat in self.seats(id) {
            let role = self.books().seats[seat.0].role;
            if !shape.roles.contains(self.books().roles[role.0].role()) {
                self.clear_seat(seat);
            }
        }
        self.ledger.update_framework(id, shape)?;
        let news: Vec<SeatAt> =
            self.active_seats(id).into_iter().filter(|seat| !same_needs || !wanted.contains(seat)).collect();
        self.note(now, Urgency::AtTick, |work| news.iter().for_each(|seat| work.seat(*seat)));
        Ok(())
    }

    /// A framework that is not active is offered nothing, and its refusals end. Its offers stay out: withdraw them.
    pub fn set_framework_active(&mut self, now: Mono, id: &FrameworkId, active: bool) -> Result<(), Refusal> {
        self.ledger.set_framework_active(id, active)?;
        if active {
            self.framework_came(now, id);
        } else {
            self.seats(id).into_iter().for_each(|seat| drop(self.clear_seat(seat)));
        }
        Ok(())
    }

    /// Removes a framework with all it holds; its offers are out no more.
    pub fn remove_framework(&mut self, now: Mono, id: &FrameworkId) -> Result<(), Refusal> {
        self.seats(id).into_iter().for_each(|seat| drop(self.clear_seat(seat)));
        let book = self.books().framework(id);
        let agents: Vec<AgentAt> = book.into_iter().flat_map(|book| book.agents.keys().copied()).collect();
        self.ledger.remove_framework(id)?;
        self.note(now, Urgency::AtTick, |work| agents.iter().for_each(|agent| work.agent(*agent)));
        Ok(())
    }

    /// The framework wants no offers in these roles; none named means all. Its refusals stay.
    pub fn suppress(&mut self, id: &FrameworkId, roles: &BTreeSet<Role>) -> Result<(), Refusal> {
        self.ledger.set_suppressed(id, roles, true)
    }

    /// The framework wants offers in these roles, whatever it refused before; none named means all.
    ///
    /// Mesos: if it is not subscribed to one of them, the whole call is ignored.
    pub fn revive(&mut self, now: Mono, id: &FrameworkId, roles: &BTreeSet<Role>) -> Result<(), Refusal> {
        let wanted = self.active_seats(id);
        let seats = self.ledger.subscribed_seats(id, roles)?;
        self.ledger.set_suppressed(id, roles, false)?;
        let cleared: Vec<_> = seats.iter().map(|seat| (*seat, self.clear_seat(*seat))).collect();
        self.note(now, Urgency::All, |work| {
            for (seat, agents) in cleared {
                agents.into_iter().for_each(|agent| work.pair(agent, seat));
                if !wanted.contains(&seat) {
                    work.seat(seat);
                }
            }
        });
        Ok(())
    }

    /// Sets the weight of a role: a positive number. Mesos: outstanding offers are withdrawn by the master.
    pub fn set_weight(&mut self, role: &Role, weight: f64) -> Result<(), Refusal> {
        self.ledger.set_weight(role, weight)
    }

    fn agent_changed(&mut self, now: Mono, id: &AgentId, urgency: Urgency) {
        if let Some(at) = self.books().agent_at(id) {
            self.note(now, urgency, |work| work.agent(at));
        }
    }

    fn framework_came(&mut self, now: Mono, id: &FrameworkId) {
        let seats = self.active_seats(id);
        self.note(now, Urgency::All, |work| seats.iter().for_each(|seat| work.seat(*seat)));
    }

    fn seats(&self, id: &FrameworkId) -> BTreeSet<SeatAt> {
        self.books().framework(id).into_iter().flat_map(|book| book.seats.values().copied()).collect()
    }

    fn active_seats(&self, id: &FrameworkId) -> BTreeSet<SeatAt> {
        self.seats(id).into_iter().filter(|seat| self.books().seats[seat.0].active).collect()
    }

    /// Ends all refusals of a seat; says on which agents it had any.
    fn clear_seat(&mut self, seat: SeatAt) -> BTreeSet<AgentAt> {
        let mut agents = self.filters.clear_seat(seat);
        agents.extend(self.returned.clear_seat(seat));
        agents
    }

    fn clear_agent(&mut self, agent: AgentAt) {
        self.filters.clear_agent(agent);
        self.returned.clear_agent(agent);
    }
}
