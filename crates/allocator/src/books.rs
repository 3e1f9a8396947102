// SPDX-License-Identifier: Apache-2.0

//! What the ledger knows, for reading.

mod agent;
mod check;
mod framework;
mod handle;
mod role;
mod sums;

use crate::quota::Quota;
use crate::shape::MinAllocatable;
use crate::tally::Tally;
use kaon_model::{AgentId, FrameworkId, Quantities, ResourceName, Resources, Role, Slab};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use agent::{AgentBook, Claim};
pub(crate) use agent::{Key, Posting, is_open, open, reserved, without_shared};
pub use check::Violation;
pub use framework::FrameworkBook;
pub(crate) use handle::{AgentAt, FrameworkAt, RoleAt, SeatAt};
pub use role::RoleBook;
pub(crate) use role::{Seat, Standing};
pub(crate) use sums::Counted;
pub use sums::{Account, Sums};

/// Who has what: everything posted, with its sums. Only the [`Ledger`](crate::Ledger) writes here.
///
/// Cloning is cheap, so that a reader on another thread can be handed a picture: tables are shared page by page, and
/// what changes later is copied agent by agent.
#[derive(Clone, Debug, Default)]
pub struct Books {
    pub(crate) agents: Slab<Arc<AgentBook>>,
    pub(crate) agents_by_id: Arc<BTreeMap<AgentId, AgentAt>>,
    pub(crate) frameworks: Slab<Arc<FrameworkBook>>,
    pub(crate) frameworks_by_id: Arc<BTreeMap<FrameworkId, FrameworkAt>>,
    pub(crate) roles: Slab<Arc<RoleBook>>,
    pub(crate) roles_by_name: Arc<BTreeMap<Role, RoleAt>>,
    pub(crate) seats: Slab<Seat>,
    pub(crate) weights: Arc<BTreeMap<Role, f64>>,
    /// All scalars of all agents, whether active or not.
    pub(crate) total: Tally,
    /// What of it is open to all, that is, neither reserved nor revocable.
    pub(crate) open_total: Tally,
    /// What is held of that, by anyone.
    pub(crate) open_held: Tally,
    /// What agents reserve for each role or one below it, in use or not.
    pub(crate) reservations: Arc<BTreeMap<Role, Tally>>,
    /// Of roles whether anybody is in them or not; without those that promise and limit nothing.
    pub(crate) quotas: Arc<BTreeMap<Role, Quota>>,
    pub(crate) overbooked: Arc<BTreeSet<AgentAt>>,
    /// How many frameworks have a minimum of their own.
    pub(crate) own_minimums: u32,
}

/// One posting, as it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub framework: &'a FrameworkId,
    /// The role that the resources are charged to.
    pub role: &'a Role,
    pub account: Account,
    /// Charged to nobody: `allocate` them to the role for the wire.
    pub resources: &'a Arc<Resources>,
}

impl Books {
    pub fn agent(&self, id: &AgentId) -> Option<&AgentBook> {
        self.agent_at(id).map(|at| &*self.agents[at.0])
    }

    /// In the order of their places.
    pub fn agents(&self) -> impl Iterator<Item = &AgentBook> {
        self.agents.values().map(|book| &**book)
    }

    pub fn framework(&self, id: &FrameworkId) -> Option<&FrameworkBook> {
        self.framework_at(id).map(|at| &*self.frameworks[at.0])
    }

    /// In the order of their places.
    pub fn frameworks(&self) -> impl Iterator<Item = &FrameworkBook> {
        self.frameworks.values().map(|book| &**book)
    }

    /// Known while a framework is in it or below it.
    pub fn role(&self, role: &Role) -> Option<&RoleBook> {
        self.role_at(role).map(|at| &*self.roles[at.0])
    }

    /// In the order of names.
    pub fn roles(&self) -> impl Iterator<Item = &RoleBook> {
        self.roles_by_name.values().map(|at| &*self.roles[at.0])
    }

    /// The weight of a role, whether anybody is in it or not: 1 unless set.
    pub fn weight(&self, role: &Role) -> f64 {
        self.weights.get(role).copied().unwrap_or(1.0)
    }

    /// The quota of a role, if one is set.
    pub fn quota(&self, role: &Role) -> Option<&Quota> {
        self.quotas.get(role)
    }

    /// In the order of roles.
    pub fn quotas(&self) -> impl Iterator<Item = (&Role, &Quota)> {
        self.quotas.iter()
    }

    /// What counts against the quota of a role: what was offered to it or is used by it or roles below, of what is
    /// open to all, with all that is reserved for them.
    pub fn consumed(&self, role: &Role) -> Tally {
        let mut consumed = self.reservations.get(role).cloned().unwrap_or_default();
        if let Some(book) = self.role(role) {
            consumed.merge(book.subtree().open());
        }
        consumed
    }

    /// All scalars of all agents.
    pub fn total(&self) -> Quantities {
        self.total.quantities()
    }

    /// What is held by anyone, by account.
    pub fn held(&self, account: Account) -> Quantities {
        let mut held = Tally::default();
        let top_level = self.roles().filter(|book| book.parent.is_none());
        top_level.for_each(|book| held.merge(book.subtree().of(account)));
        held.quantities()
    }

    /// How many agents have more in use than they have.
    pub fn overbooked_agents(&self) -> usize {
        self.overbooked.len()
    }

    /// What `claim` of the framework holds on the agent.
    pub fn claim(&self, agent: &AgentId, framework: &FrameworkId, claim: &Claim) -> Option<Entry<'_>> {
        let key = Key::Claim(self.framework_at(framework)?, claim.clone());
        self.agent(agent)?.postings.get(&key).map(|posting| self.entry(posting))
    }

    /// All that is posted on an agent.
    pub fn entries(&self, agent: &AgentId) -> impl Iterator<Item = Entry<'_>> {
        let postings = self.agent(agent).into_iter().flat_map(|book| book.postings.values());
        postings.map(|posting| self.entry(posting))
    }

    /// What the frameworks hold on one agent, by framework.
    pub fn by_framework(&self, agent: &AgentBook, account: Account) -> BTreeMap<FrameworkId, Resources> {
        let mut sums: BTreeMap<FrameworkId, Resources> = BTreeMap::new();
        for ((seat, _), cell) in agent.cells.iter().filter(|((_, own), _)| *own == account) {
            let framework = &self.frameworks[self.seats[seat.0].framework.0];
            *sums.entry(framework.id.clone()).or_default() += &cell.resources;
        }
        sums
    }

    /// What a framework holds on all agents, charged to its roles.
    pub fn of_framework(&self, id: &FrameworkId, account: Account) -> Resources {
        let Some(book) = self.framework(id) else { return Resources::new() };
        let mut sum = Resources::new();
        for (role, seat) in &book.seats {
            let agents = book.agents.keys().map(|at| &self.agents[at.0]);
            let cells = agents.filter_map(|agent| agent.cells.get(&(*seat, account)));
            let held: Resources = cells.map(|cell| &cell.resources).sum();
            sum += &held.allocate(&self.roles[role.0].role);
        }
        sum
    }

    /// The scalars that a framework holds in a role.
    pub fn of_seat(&self, framework: &FrameworkId, role: &Role) -> Option<&Sums> {
        self.seat_at(framework, role).map(|at| &self.seats[at.0].standing.sums)
    }

    /// Whether the framework wants offers in the role: it is active, subscribed to it, and has not suppressed it.
    pub fn wants_offers(&self, framework: &FrameworkId, role: &Role) -> bool {
        self.seat_at(framework, role).is_some_and(|at| self.seats[at.0].active)
    }

    /// The frameworks that are subscribed to exactly this role, or still hold something in it.
    pub fn frameworks_in(&self, role: &Role) -> impl Iterator<Item = &FrameworkId> {
        let seats = self.role(role).into_iter().flat_map(|book| book.seats.keys());
        seats.map(|at| &self.frameworks[at.0].id)
    }

    fn entry<'a>(&'a self, posting: &'a Posting) -> Entry<'a> {
        let seat = &self.seats[posting.seat.0];
        Entry {
            framework: &self.frameworks[seat.framework.0].id,
            role: &self.roles[seat.role.0].role,
            account: posting.account,
            resources: &posting.resources,
        }
    }

    pub(crate) fn agent_at(&self, id: &AgentId) -> Option<AgentAt> {
        self.agents_by_id.get(id).copied()
    }

    pub(crate) fn framework_at(&self, id: &FrameworkId) -> Option<FrameworkAt> {
        self.frameworks_by_id.get(id).copied()
    }

    pub(crate) fn role_at(&self, role: &Role) -> Option<RoleAt> {
        self.roles_by_name.get(role).copied()
    }

    pub(crate) fn seat_at(&self, framework: &FrameworkId, role: &Role) -> Option<SeatAt> {
        self.framework(framework)?.seats.get(&self.role_at(role)?).copied()
    }

    /// A role and all above it.
    pub(crate) fn chain(&self, role: RoleAt) -> impl Iterator<Item = RoleAt> {
        let parent = |at: &RoleAt| self.roles.get(at.0).and_then(|book| book.parent);
        std::iter::successors(Some(role), parent)
    }

    /// Those who want offers in the role or one below it.
    pub(crate) fn active_seats_within(&self, role: &Role) -> BTreeSet<SeatAt> {
        let named = self.roles_by_name.range::<Role, _>(role..);
        let alike = named.take_while(|(name, _)| name.as_str().starts_with(role.as_str()));
        let within = alike.filter(|(name, _)| name.is_within(role));
        let seats = within.flat_map(|(_, at)| self.roles[at.0].seats.values().copied());
        seats.filter(|seat| self.seats[seat.0].active).collect()
    }

    /// What is open to all and in nobody's hands, in thousandths. Less than nothing where agents have more in use
    /// than they have.
    pub(crate) fn open_free(&self, name: &ResourceName) -> i128 {
        self.open_total.get(name) - self.open_held.get(name)
    }

    /// The framework's own minimum for the role, if it has one.
    pub(crate) fn own_minimum(&self, seat: &Seat) -> Option<&MinAllocatable> {
        let framework = &self.frameworks[seat.framework.0];
        framework.min_allocatable.get(&self.roles[seat.role.0].role)
    }
}
