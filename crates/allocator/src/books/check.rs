// SPDX-License-Identifier: Apache-2.0

//! The proof that the books are right: every sum made anew from the postings, then compared.

use super::agent::{AgentBook, Cell, counted, open, reserved, without_shared};
use super::{Account, AgentAt, Books, FrameworkAt, RoleAt, SeatAt, Sums};
use crate::tally::Tally;
use kaon_model::{Resources, Role};
use std::collections::BTreeMap;

/// A sum that is not the sum of its parts, or a table that names what is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the books are wrong: {0}")]
pub struct Violation(pub(crate) String);

macro_rules! ensure {
    ($holds:expr, $($text:tt)+) => {
        if !$holds {
            return Err(Violation(format!($($text)+)));
        }
    };
}

/// The sums of everything, made from postings alone.
#[derive(Default)]
struct Recount {
    seats: BTreeMap<SeatAt, (Sums, u32)>,
    agents_of: BTreeMap<FrameworkAt, BTreeMap<AgentAt, u32>>,
    total: Tally,
    open_total: Tally,
    reservations: BTreeMap<Role, Tally>,
}

impl Books {
    /// Whether every sum is the sum of its postings, and nothing is in two hands. Takes time in proportion to all
    /// that is posted: for tests and simulations.
    pub fn check(&self) -> Result<(), Violation> {
        let mut recount = Recount::default();
        for (index, agent) in self.agents.iter() {
            let at = AgentAt(index);
            ensure!(self.agent_at(agent.id()) == Some(at), "agent {} is not found by its id", agent.id());
            ensure!(
                agent.is_overbooked() == self.overbooked.contains(&at),
                "agent {} is missing among the overbooked, or wrongly there",
                agent.id()
            );
            check_agent(agent)?;
            recount.agent(self, at, agent)?;
        }
        ensure!(self.agents.len() == self.agents_by_id.len(), "an id leads to an agent that is gone");
        ensure!(
            recount.total == self.total,
            "the cluster has {}, its agents {}",
            self.total.quantities(),
            recount.total.quantities()
        );
        ensure!(recount.open_total == self.open_total, "what is open to all is summed up wrongly");
        ensure!(recount.reservations == *self.reservations, "what is reserved is summed up wrongly");
        self.check_frameworks(&recount)?;
        self.check_roles(&recount)
    }

    fn check_frameworks(&self, recount: &Recount) -> Result<(), Violation> {
        let none = BTreeMap::new();
        for (index, framework) in self.frameworks.iter() {
            let (at, id) = (FrameworkAt(index), framework.id());
            ensure!(self.framework_at(id) == Some(at), "framework {id} is not found by its id");
            let agents = recount.agents_of.get(&at).unwrap_or(&none);
            ensure!(
                framework.agents == *agents,
                "framework {id} holds something elsewhere than its book says"
            );
            for (role, seat) in &framework.seats {
                let seat_of_role = self.roles.get(role.0).and_then(|book| book.seats.get(&at));
                ensure!(seat_of_role == Some(seat), "framework {id} has a seat that its role does not know");
            }
        }
        ensure!(
            self.frameworks.len() == self.frameworks_by_id.len(),
            "an id leads to a framework that is gone"
        );
        Ok(())
    }

    fn check_roles(&self, recount: &Recount) -> Result<(), Violation> {
        let mut own: BTreeMap<RoleAt, Sums> = BTreeMap::new();
        let nothing = (Sums::default(), 0);
        for (index, seat) in self.seats.iter() {
            let name =
                || format!("{} in {}", self.frameworks[seat.framework.0].id(), self.roles[seat.role.0].role);
            let (sums, postings) = recount.seats.get(&SeatAt(index)).unwrap_or(&nothing);
            ensure!(
                seat.standing.sums == *sums,
                "the sums of {} are {:?}, of its postings {sums:?}",
                name(),
                seat.standing.sums
            );
            ensure!(seat.postings == *postings, "{} counts {} postings of {postings}", name(), seat.postings);
            ensure!(seat.subscribed || seat.postings > 0, "{} has left and holds nothing", name());
            let active = seat.subscribed && !seat.suppressed && self.frameworks[seat.framework.0].active;
            ensure!(seat.active == active, "whether {} wants offers is wrong", name());
            own.entry(seat.role).or_default().merge(sums);
        }
        let mut open_held = Tally::default();
        own.values().for_each(|sums| open_held.merge(sums.open()));
        ensure!(open_held == self.open_held, "what is held of the open is summed up wrongly");
        let mut subtree: BTreeMap<RoleAt, Sums> = BTreeMap::new();
        for (role, sums) in &own {
            let mut next = Some(*role);
            while let Some(at) = next {
                subtree.entry(at).or_default().merge(sums);
                next = self.roles[at.0].parent;
            }
        }
        for (index, role) in self.roles.iter() {
            let (at, name) = (RoleAt(index), &role.role);
            ensure!(self.role_at(name) == Some(at), "role {name} is not found by its name");
            ensure!(
                role.own.sums == own.remove(&at).unwrap_or_default(),
                "the sums of role {name} are wrong"
            );
            ensure!(
                role.subtree.sums == subtree.remove(&at).unwrap_or_default(),
                "the sums of role {name} with all below it are wrong"
            );
            ensure!(!role.seats.is_empty() || role.children > 0, "nobody is in role {name}");
        }
        Ok(())
    }
}

impl Recount {
    fn agent(&mut self, books: &Books, at: AgentAt, agent: &AgentBook) -> Result<(), Violation> {
        let mut cells: BTreeMap<(SeatAt, Account), Resources> = BTreeMap::new();
        for posting in agent.postings.values() {
            let Some(seat) = books.seats.get(posting.seat.0) else {
                return Err(Violation(format!("agent {} has a posting without a seat", agent.id())));
            };
            let cell = cells.entry((posting.seat, posting.account)).or_default();
            let (sums, postings) = self.seats.entry(posting.seat).or_default();
            sums.add(posting.account, &counted(&posting.resources, cell));
            *postings += 1;
            *cell += &posting.resources;
            *self.agents_of.entry(seat.framework).or_default().entry(at).or_default() += 1;
        }
        let total = &agent.shape().total;
        self.total.add(&total.quantities());
        self.open_total.add(&open(total));
        for (role, amounts) in reserved(total) {
            self.reservations.entry(role).or_default().add(&amounts);
        }
        Ok(())
    }
}

/// Conserved: what is free with all that is posted makes up the total, and cells are the sums of their postings.
fn check_agent(agent: &AgentBook) -> Result<(), Violation> {
    let id = agent.id();
    let mut cells: BTreeMap<(SeatAt, Account), Cell> = BTreeMap::new();
    let mut whole = Resources::new();
    without_shared(agent.free(), |owned| whole += owned);
    for posting in agent.postings.values() {
        let cell = cells.entry((posting.seat, posting.account)).or_default();
        cell.resources += &posting.resources;
        cell.postings += 1;
        without_shared(&posting.resources, |owned| whole += owned);
    }
    ensure!(agent.cells == cells, "the sums of agent {id} are not those of its postings");
    if agent.is_overbooked() {
        ensure!(agent.free().is_empty(), "agent {id} is overbooked, yet has {} free", agent.free());
        return Ok(());
    }
    let total = agent.shape().total.non_shared();
    ensure!(whole == total, "agent {id} has {total}; what is free and what is posted make {whole}");
    let mut rest = total;
    for posting in agent.postings.values() {
        let owned = posting.resources.non_shared();
        ensure!(rest.contains_all(&owned), "agent {id}: {owned} is in two hands");
        rest -= &owned;
    }
    Ok(())
}
