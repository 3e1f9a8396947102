// SPDX-License-Identifier: Apache-2.0

//! How agents and frameworks enter, change and leave.

use super::{Ledger, Refusal};
use crate::books::{AgentAt, AgentBook, FrameworkAt, FrameworkBook, Key, SeatAt};
use crate::shape::{AgentShape, FrameworkShape};
use kaon_model::{AgentId, FrameworkId, Role};
use std::collections::BTreeSet;
use std::sync::Arc;

impl Ledger {
    /// Adds an agent, active, with all of it free.
    pub fn add_agent(&mut self, id: AgentId, shape: AgentShape) -> Result<(), Refusal> {
        if self.books.agent_at(&id).is_some() {
            return Err(Refusal::KnownAgent(id));
        }
        self.touched.total = true;
        self.count_total(&shape.total);
        let at = AgentAt(self.books.agents.insert(Arc::new(AgentBook::new(id.clone(), shape))));
        Arc::make_mut(&mut self.books.agents_by_id).insert(id, at);
        Ok(())
    }

    /// What is posted stays posted: an agent that shrinks may be overbooked then.
    pub fn update_agent(&mut self, id: &AgentId, shape: AgentShape) -> Result<(), Refusal> {
        let at = self.agent_at(id)?;
        let before = self.books.agents[at.0].shape().total.clone();
        if before != shape.total {
            self.touched.total |= before.quantities() != shape.total.quantities();
            self.discount_total(&before);
            self.count_total(&shape.total);
        }
        self.change_agent(at, |book| book.set_shape(shape));
        Ok(())
    }

    /// While an agent is not active, nothing of it can be offered.
    pub fn set_agent_active(&mut self, id: &AgentId, active: bool) -> Result<(), Refusal> {
        let at = self.agent_at(id)?;
        self.change_agent(at, |book| book.active = active);
        Ok(())
    }

    /// The agent with all that is posted on it, its offers too, is no more.
    pub fn remove_agent(&mut self, id: &AgentId) -> Result<(), Refusal> {
        let at = self.agent_at(id)?;
        self.unpost_where(at, |_| true);
        Arc::make_mut(&mut self.books.overbooked).remove(&at);
        Arc::make_mut(&mut self.books.agents_by_id).remove(id);
        if let Some(book) = self.books.agents.remove(at.0) {
            self.touched.total = true;
            self.discount_total(&book.shape().total);
        }
        Ok(())
    }

    /// A framework that is not active (disconnected, or known only by its tasks) is offered nothing.
    pub fn add_framework(
        &mut self,
        id: FrameworkId,
        shape: &FrameworkShape,
        active: bool,
    ) -> Result<(), Refusal> {
        if self.books.framework_at(&id).is_some() {
            return Err(Refusal::KnownFramework(id));
        }
        let book = FrameworkBook::new(id.clone(), shape, active);
        self.books.own_minimums += u32::from(!book.min_allocatable.is_empty());
        let at = FrameworkAt(self.books.frameworks.insert(Arc::new(book)));
        Arc::make_mut(&mut self.books.frameworks_by_id).insert(id, at);
        self.set_roles(at, shape);
        Ok(())
    }

    /// What the framework holds in roles that it leaves stays charged to them.
    pub fn update_framework(&mut self, id: &FrameworkId, shape: &FrameworkShape) -> Result<(), Refusal> {
        let at = self.framework_at(id)?;
        let had_own = !self.books.frameworks[at.0].min_allocatable.is_empty();
        self.books.own_minimums -= u32::from(had_own);
        self.books.own_minimums += u32::from(!shape.min_allocatable.is_empty());
        let book = self.framework_mut(at);
        (book.capabilities, book.min_allocatable) = (shape.capabilities, shape.min_allocatable.clone());
        book.constraints = shape.constraints.clone();
        self.set_roles(at, shape);
        Ok(())
    }

    fn set_roles(&mut self, at: FrameworkAt, shape: &FrameworkShape) {
        for role in &shape.roles {
            let seat = self.seat_for(at, role);
            self.set_seat(seat, true, shape.suppressed.contains(role));
        }
        for seat in self.seats_of(at) {
            let role = &self.books.roles[self.books.seats[seat.0].role.0].role;
            if !shape.roles.contains(role) {
                self.set_seat(seat, false, false);
            }
        }
    }

    pub fn set_framework_active(&mut self, id: &FrameworkId, active: bool) -> Result<(), Refusal> {
        let at = self.framework_at(id)?;
        self.framework_mut(at).active = active;
        for seat in self.seats_of(at) {
            let (subscribed, suppressed) =
                (self.books.seats[seat.0].subscribed, self.books.seats[seat.0].suppressed);
            self.set_seat(seat, subscribed, suppressed);
        }
        Ok(())
    }

    /// Sets whether the framework wants no offers in these roles; none named means all it is subscribed to. If it is
    /// not subscribed to one of them, nothing changes.
    pub fn set_suppressed(
        &mut self,
        id: &FrameworkId,
        roles: &BTreeSet<Role>,
        suppressed: bool,
    ) -> Result<(), Refusal> {
        for seat in self.subscribed_seats(id, roles)? {
            self.set_seat(seat, true, suppressed);
        }
        Ok(())
    }

    /// The framework's seats in these roles, or in all where none is named.
    pub(crate) fn subscribed_seats(
        &self,
        id: &FrameworkId,
        roles: &BTreeSet<Role>,
    ) -> Result<Vec<SeatAt>, Refusal> {
        let at = self.framework_at(id)?;
        let subscribed = |seat: &SeatAt| self.books.seats[seat.0].subscribed;
        if roles.is_empty() {
            return Ok(self.seats_of(at).into_iter().filter(subscribed).collect());
        }
        let missing = |role: &Role| Refusal::NotSubscribed { framework: id.clone(), role: role.clone() };
        let seat = |role| self.books.seat_at(id, role).filter(subscribed).ok_or_else(|| missing(role));
        roles.iter().map(seat).collect()
    }

    /// The framework with all it holds, on whatever agents, is no more.
    pub fn remove_framework(&mut self, id: &FrameworkId) -> Result<(), Refusal> {
        let at = self.framework_at(id)?;
        let agents: Vec<AgentAt> = self.books.frameworks[at.0].agents.keys().copied().collect();
        let seats: BTreeSet<SeatAt> = self.seats_of(at).into_iter().collect();
        for agent in agents {
            self.unpost_where(agent, |seat| seats.contains(&seat));
            self.change_agent(agent, AgentBook::settle);
        }
        for seat in self.seats_of(at) {
            self.set_seat(seat, false, false);
        }
        let own = !self.books.frameworks[at.0].min_allocatable.is_empty();
        self.books.own_minimums -= u32::from(own);
        self.books.frameworks.remove(at.0);
        Arc::make_mut(&mut self.books.frameworks_by_id).remove(id);
        Ok(())
    }

    /// Sets the weight of a role, whether anybody is in it or not.
    pub fn set_weight(&mut self, role: &Role, weight: f64) -> Result<(), Refusal> {
        if !(weight.is_finite() && weight > 0.0) {
            return Err(Refusal::BadWeight { role: role.clone(), weight: weight.to_string() });
        }
        self.set_role_weight(role, weight);
        Ok(())
    }

    fn seats_of(&self, at: FrameworkAt) -> Vec<SeatAt> {
        self.books.frameworks[at.0].seats.values().copied().collect()
    }

    fn unpost_where(&mut self, agent: AgentAt, of: impl Fn(SeatAt) -> bool) {
        let postings = self.books.agents[agent.0].postings.iter();
        let keys: Vec<Key> =
            postings.filter(|(_, posting)| of(posting.seat)).map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.unpost_unsettled(agent, &key);
            if let Key::Offer(offer) = key {
                self.offers.remove(&offer);
            }
        }
    }
}
