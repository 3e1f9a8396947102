// SPDX-License-Identifier: Apache-2.0

//! Upkeep of the tree of roles: seats come and go, sums run up to the top.

use super::Ledger;
use crate::books::{
    Account, AgentAt, Counted, FrameworkAt, FrameworkBook, RoleAt, RoleBook, Seat, SeatAt, Standing,
};
use kaon_model::Role;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Ledger {
    /// The framework's seat in the role, made if need be; a new one is not subscribed.
    pub(super) fn seat_for(&mut self, framework: FrameworkAt, role: &Role) -> SeatAt {
        let role_at = self.role_for(role);
        if let Some(seat) = self.books.roles[role_at.0].seats.get(&framework) {
            return *seat;
        }
        let standing = Standing::default();
        let (subscribed, suppressed, active) = (false, false, false);
        let seat = Seat { framework, role: role_at, subscribed, suppressed, active, postings: 0, standing };
        let at = SeatAt(self.books.seats.insert(seat));
        self.role_mut(role_at).seats.insert(framework, at);
        self.framework_mut(framework).seats.insert(role_at, at);
        at
    }

    /// The node of the role, made with all above it if need be.
    fn role_for(&mut self, role: &Role) -> RoleAt {
        if let Some(at) = self.books.role_at(role) {
            return at;
        }
        let parent = role.parent().map(|above| self.role_for(&above));
        if let Some(parent) = parent {
            self.role_mut(parent).children += 1;
        }
        let (own, subtree, weight) = (Standing::default(), Standing::default(), self.books.weight(role));
        let (role, seats) = (role.clone(), BTreeMap::new());
        let book = RoleBook { role: role.clone(), parent, children: 0, seats, weight, own, subtree };
        let at = RoleAt(self.books.roles.insert(Arc::new(book)));
        Arc::make_mut(&mut self.books.roles_by_name).insert(role, at);
        at
    }

    /// Sets what the framework said of a role, and thereby whether the seat wants offers.
    pub(super) fn set_seat(&mut self, at: SeatAt, subscribed: bool, suppressed: bool) {
        let framework = self.books.seats[at.0].framework;
        let active = self.books.frameworks[framework.0].active && subscribed && !suppressed;
        let Some(seat) = self.books.seats.get_mut(at.0) else { return };
        (seat.subscribed, seat.suppressed, seat.active) = (subscribed, suppressed, active);
        self.touched.seats.insert(at);
        self.tidy_seat(at);
    }

    /// Takes the seat away if its framework has left the role with all it held.
    pub(super) fn tidy_seat(&mut self, at: SeatAt) {
        let Some(seat) = self.books.seats.get(at.0) else { return };
        if seat.subscribed || seat.postings > 0 {
            return;
        }
        let (framework, role) = (seat.framework, seat.role);
        self.books.seats.remove(at.0);
        self.touched.seats.insert(at);
        // What the seat held counted in its role, and who looks for the seat now does not find which that was.
        self.touched.roles.insert(role);
        self.framework_mut(framework).seats.remove(&role);
        self.role_mut(role).seats.remove(&framework);
        self.prune_role(role);
    }

    /// Takes a role away, then those above it, as far as nobody is there any more.
    fn prune_role(&mut self, at: RoleAt) {
        let book = &self.books.roles[at.0];
        if !book.seats.is_empty() || book.children > 0 {
            return;
        }
        let (role, parent) = (book.role.clone(), book.parent);
        self.books.roles.remove(at.0);
        self.touched.roles.insert(at);
        Arc::make_mut(&mut self.books.roles_by_name).remove(&role);
        if let Some(parent) = parent {
            self.role_mut(parent).children -= 1;
            self.touched.roles.insert(parent);
            self.prune_role(parent);
        }
    }

    pub(super) fn set_role_weight(&mut self, role: &Role, weight: f64) {
        Arc::make_mut(&mut self.books.weights).insert(role.clone(), weight);
        if let Some(at) = self.books.role_at(role) {
            self.role_mut(at).weight = weight;
            self.touched.roles.insert(at);
        }
    }

    /// Notes that the seat was given something.
    pub(super) fn grant(&mut self, seat: SeatAt) {
        self.each_standing(seat, |standing| standing.grants += 1);
    }

    /// Adds to the sums of a seat and of all above it.
    pub(super) fn count(&mut self, seat: SeatAt, account: Account, counted: &Counted) {
        self.each_standing(seat, |standing| standing.sums.add(account, counted));
        self.books.open_held.add(counted.open());
    }

    /// Takes out of the sums of a seat and of all above it.
    pub(super) fn discount(&mut self, seat: SeatAt, account: Account, counted: &Counted) {
        self.each_standing(seat, |standing| standing.sums.subtract(account, counted));
        self.books.open_held.subtract(counted.open());
    }

    /// Changes the seat, its role, then all roles above, each of which counts what is below it.
    fn each_standing(&mut self, at: SeatAt, change: impl Fn(&mut Standing)) {
        self.touched.seats.insert(at);
        let seat = self.books.seats.get_mut(at.0).expect("a posting keeps its seat");
        change(&mut seat.standing);
        let role = seat.role;
        change(&mut self.role_mut(role).own);
        let mut next = Some(role);
        while let Some(role) = next {
            let book = self.role_mut(role);
            change(&mut book.subtree);
            next = book.parent;
            self.quota_touched(role);
        }
    }

    /// Keeps an empty seat from being taken away.
    pub(super) fn pin(&mut self, at: SeatAt, by: i32) {
        if let Some(seat) = self.books.seats.get_mut(at.0) {
            seat.postings = seat.postings.saturating_add_signed(by);
        }
    }

    pub(super) fn count_posting(&mut self, agent: AgentAt, at: SeatAt, by: i32) {
        let seat = self.books.seats.get_mut(at.0).expect("a posting keeps its seat");
        seat.postings = seat.postings.saturating_add_signed(by);
        let framework = seat.framework;
        let agents = &mut self.framework_mut(framework).agents;
        let postings = agents.entry(agent).or_default();
        *postings = postings.saturating_add_signed(by);
        if *postings == 0 {
            agents.remove(&agent);
        }
    }

    pub(super) fn framework_mut(&mut self, at: FrameworkAt) -> &mut FrameworkBook {
        let book = self.books.frameworks.get_mut(at.0).expect("a seat keeps its framework");
        Arc::make_mut(book)
    }

    fn role_mut(&mut self, at: RoleAt) -> &mut RoleBook {
        Arc::make_mut(self.books.roles.get_mut(at.0).expect("a seat keeps its role"))
    }
}
