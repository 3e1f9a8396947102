// SPDX-License-Identifier: Apache-2.0

//! The book of one agent: all that is posted on it.

use super::handle::{FrameworkAt, SeatAt};
use super::sums::{Account, Counted};
use crate::shape::AgentShape;
use kaon_model::{AgentId, ExecutorId, OfferId, Quantities, Resource, Resources, Role, TaskId, Uuid, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a framework holds resources for, other than an offer. Unique for the framework on the agent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    Task(TaskId),
    Executor(ExecutorId),
    Operation(Uuid),
}

/// What a posting is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Offer(OfferId),
    /// Offers whose acceptance is being worked on.
    Holding(u64),
    Claim(FrameworkAt, Claim),
}

/// Resources of the agent that are in somebody's hands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Posting {
    pub seat: SeatAt,
    pub account: Account,
    /// Not charged to a role: the seat tells it.
    pub resources: Arc<Resources>,
}

/// One seat's sum in one account on this agent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Cell {
    pub resources: Resources,
    pub postings: u32,
}

/// An agent with all that is posted on it.
///
/// Invariant: unless overbooked, `free` is what the total leaves beside the postings, shared volumes always included.
#[derive(Clone, Debug)]
pub struct AgentBook {
    id: AgentId,
    pub(crate) shape: AgentShape,
    pub(crate) active: bool,
    pub(crate) free: Resources,
    overbooked: bool,
    pub(crate) postings: BTreeMap<Key, Posting>,
    pub(crate) cells: BTreeMap<(SeatAt, Account), Cell>,
}

impl AgentBook {
    pub(crate) fn new(id: AgentId, shape: AgentShape) -> AgentBook {
        let free = shape.total.clone();
        let (postings, cells) = (BTreeMap::new(), BTreeMap::new());
        AgentBook { id, shape, active: true, free, overbooked: false, postings, cells }
    }

    pub fn id(&self) -> &AgentId {
        &self.id
    }

    pub fn shape(&self) -> &AgentShape {
        &self.shape
    }

    /// Whether its resources may be offered.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// What is in nobody's hands. Nothing while the agent is overbooked.
    pub fn free(&self) -> &Resources {
        &self.free
    }

    /// Whether more is in use than there is, or one thing is in use twice. A fact, not an error: an agent may come
    /// back with less than its tasks were given.
    pub fn is_overbooked(&self) -> bool {
        self.overbooked
    }

    /// The sum over everybody.
    pub fn booked(&self, account: Account) -> Resources {
        let cells = self.cells.iter().filter(|((_, own), _)| *own == account);
        cells.map(|(_, cell)| &cell.resources).sum()
    }

    pub(crate) fn post(&mut self, key: Key, posting: Posting) -> Counted {
        let counted = self.enter(posting.seat, posting.account, &posting.resources);
        let cell = self.cells.entry((posting.seat, posting.account)).or_default();
        cell.postings += 1;
        self.postings.insert(key, posting);
        counted
    }

    pub(crate) fn unpost(&mut self, key: &Key) -> Option<(Posting, Counted)> {
        let posting = self.postings.remove(key)?;
        let at = (posting.seat, posting.account);
        let counted = self.leave(at.0, at.1, &posting.resources);
        if let Some(cell) = self.cells.get_mut(&at) {
            cell.postings -= 1;
            if cell.postings == 0 {
                self.cells.remove(&at);
            }
        }
        Some((posting, counted))
    }

    /// To be called once postings were taken out or became smaller: the agent may not be overbooked any more.
    ///
    /// Bound: as many steps as there are postings on this one agent, and only while it is overbooked.
    pub(crate) fn settle(&mut self) {
        if self.overbooked {
            self.rebuild();
        }
    }

    /// Takes a part out of a posting that holds at least so much.
    pub(crate) fn shrink(&mut self, key: &Key, part: &Resources) -> Counted {
        let Some(posting) = self.postings.get_mut(key) else { return Counted::default() };
        *Arc::make_mut(&mut posting.resources) -= part;
        let (seat, account) = (posting.seat, posting.account);
        self.leave(seat, account, part)
    }

    pub(crate) fn set_shape(&mut self, shape: AgentShape) {
        self.shape = shape;
        self.rebuild();
    }

    /// Books, and says what counts in the sums of the seat.
    fn enter(&mut self, seat: SeatAt, account: Account, resources: &Resources) -> Counted {
        let cell = self.cells.entry((seat, account)).or_default();
        let counted = counted(resources, &cell.resources);
        cell.resources += resources;
        if !self.overbooked {
            self.overbooked = !take_free(&mut self.free, resources);
        }
        counted
    }

    fn leave(&mut self, seat: SeatAt, account: Account, resources: &Resources) -> Counted {
        if !self.overbooked {
            give_back(&mut self.free, resources);
        }
        let Some(cell) = self.cells.get_mut(&(seat, account)) else { return Counted::default() };
        cell.resources -= resources;
        counted(resources, &cell.resources)
    }

    /// Sums everything up anew. While overbooked no difference can be trusted: one port may be in use twice.
    fn rebuild(&mut self) {
        (self.free, self.overbooked) = (self.shape.total.clone(), false);
        self.cells = BTreeMap::new();
        for posting in self.postings.values() {
            let cell = self.cells.entry((posting.seat, posting.account)).or_default();
            cell.resources += &posting.resources;
            cell.postings += 1;
            if !self.overbooked {
                self.overbooked = !take_free(&mut self.free, &posting.resources);
            }
        }
    }
}

/// Takes `resources` from what is free; if not all of it is there, nothing is free any more.
fn take_free(free: &mut Resources, resources: &Resources) -> bool {
    let fits = free.contains_all(resources);
    if fits {
        without_shared(resources, |owned| *free -= owned);
    } else {
        *free = Resources::new();
    }
    fits
}

fn give_back(free: &mut Resources, resources: &Resources) {
    without_shared(resources, |owned| *free += owned);
}

/// Mesos: shared volumes stay free, whoever holds them.
pub(crate) fn without_shared(resources: &Resources, use_it: impl FnOnce(&Resources)) {
    if has_shared(resources) { use_it(&resources.non_shared()) } else { use_it(resources) }
}

fn has_shared(resources: &Resources) -> bool {
    resources.iter().any(|resource| resource.shared)
}

/// The scalars of `resources` that are not counted already because `others` hold the same shared volume.
pub(crate) fn counted(resources: &Resources, others: &Resources) -> Counted {
    let open = resources.iter().any(|resource| !is_open(resource)).then(|| open(resources));
    if !has_shared(resources) {
        return Counted { all: resources.quantities(), open };
    }
    let all = resources.filter(|resource| !resource.shared || !others.contains(resource)).quantities();
    Counted { all, open }
}

/// Whether it is neither reserved nor revocable: quota is met from such scalars. No shared volume is, for volumes are
/// made of what is reserved.
pub(crate) fn is_open(resource: &Resource) -> bool {
    resource.is_unreserved() && !resource.revocable && !resource.shared
}

/// The scalars that are open to all.
pub(crate) fn open(resources: &Resources) -> Quantities {
    let mut sums = Quantities::new();
    for resource in resources.iter().filter(|resource| is_open(resource)) {
        if let Value::Scalar(amount) = resource.value {
            sums.add(&resource.name, amount);
        }
    }
    sums
}

/// The scalars that are reserved for each role or one below it.
pub(crate) fn reserved(resources: &Resources) -> BTreeMap<Role, Quantities> {
    let mut sums: BTreeMap<Role, Quantities> = BTreeMap::new();
    for resource in resources.iter() {
        if let (Some(role), Value::Scalar(amount)) = (resource.reservation_role(), &resource.value) {
            let within = role.self_and_ancestors();
            within.for_each(|role| sums.entry(role).or_default().add(&resource.name, *amount));
        }
    }
    sums
}
