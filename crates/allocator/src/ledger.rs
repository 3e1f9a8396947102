// SPDX-License-Identifier: Apache-2.0

//! The only place where resources move.

mod conversion;
mod holding;
mod parties;
mod quota;
mod refusal;
#[cfg(feature = "sabotage")]
mod sabotage;
mod seats;

use crate::books::{
    Account, AgentAt, AgentBook, Books, Claim, Counted, FrameworkAt, Key, Posting, RoleAt, SeatAt, Violation,
};
use kaon_model::{AgentId, FrameworkId, OfferId, Resources, Role};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use holding::Holding;
pub use refusal::Refusal;
#[cfg(feature = "sabotage")]
pub use sabotage::{Sabotage, UnknownSabotage};

/// Who has what, with the moves between hands. Every resource of an agent is free or posted once: in an offer, with a
/// claim, or in a [`Holding`].
///
/// Invariant: whatever the order of calls, [`Ledger::check`] holds. Resources that are not free can be neither offered
/// nor taken from a holding; only [`Ledger::charge`] states facts that peers report, and may overbook an agent.
#[derive(Debug, Default)]
pub struct Ledger {
    books: Books,
    offers: BTreeMap<OfferId, AgentAt>,
    /// Holdings that were not closed yet.
    open: BTreeSet<u64>,
    next_holding: u64,
    touched: Touched,
    #[cfg(feature = "sabotage")]
    sabotage: Option<Sabotage>,
}

/// What changed since somebody last asked, for those who keep something sorted.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    pub seats: BTreeSet<SeatAt>,
    pub roles: BTreeSet<RoleAt>,
    /// Whether the cluster grew or shrank, with which every share changes.
    pub total: bool,
    /// Roles of which the quota, or what is consumed of it, changed.
    pub quotas: BTreeSet<Role>,
}

/// What came back into the pool.
#[derive(Clone, Debug)]
pub struct Returned {
    pub(crate) agent: AgentAt,
    pub(crate) seat: SeatAt,
    /// Not charged to a role.
    pub resources: Arc<Resources>,
    /// The part that was on offer, and was not wanted.
    pub declined: Arc<Resources>,
    /// Whether that is all that was offered, so that nothing came of it.
    pub(crate) unused: bool,
}

impl Ledger {
    pub fn new() -> Ledger {
        Ledger::default()
    }

    /// All that can be read.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// Puts free resources into an offer.
    pub fn offer(
        &mut self,
        offer: OfferId,
        framework: &FrameworkId,
        role: &Role,
        agent: &AgentId,
        resources: Resources,
    ) -> Result<(), Refusal> {
        let at = self.agent_at(agent)?;
        let seat = self.wanting_seat(framework, role)?;
        let book = &self.books.agents[at.0];
        let resources = uncharged(Arc::new(resources));
        if self.offers.contains_key(&offer) {
            return Err(Refusal::KnownOffer(offer));
        }
        if !book.is_active() {
            return Err(Refusal::InactiveAgent(agent.clone()));
        }
        if resources.is_empty() {
            return Err(Refusal::Nothing);
        }
        if !book.free().contains_all(&resources) {
            let (wanted, free) = ((*resources).clone(), book.free().clone());
            return Err(Refusal::NotFree { agent: agent.clone(), wanted, free });
        }
        self.offers.insert(offer.clone(), at);
        self.post(at, Key::Offer(offer), Posting { seat, account: Account::Offered, resources });
        self.grant(seat);
        Ok(())
    }

    /// Takes an offer back, whole.
    pub fn withdraw(&mut self, offer: &OfferId) -> Result<Returned, Refusal> {
        let agent = self.offers.remove(offer).ok_or_else(|| Refusal::UnknownOffer(offer.clone()))?;
        let posting = self.unpost(agent, &Key::Offer(offer.clone()));
        let posting = posting.ok_or_else(|| Refusal::UnknownOffer(offer.clone()))?;
        let Posting { seat, resources, .. } = posting;
        Ok(Returned { agent, seat, declined: resources.clone(), resources, unused: true })
    }

    /// Books what a peer reports to be in use, even where it is more than there is.
    pub fn charge(
        &mut self,
        agent: &AgentId,
        framework: &FrameworkId,
        role: &Role,
        claim: Claim,
        resources: impl Into<Arc<Resources>>,
    ) -> Result<(), Refusal> {
        let at = self.agent_at(agent)?;
        let holder = self.framework_at(framework)?;
        self.unclaimed(at, holder, &claim)?;
        let seat = self.seat_for(holder, role);
        self.post_claim(at, seat, holder, claim, uncharged(resources.into()));
        self.grant(seat);
        Ok(())
    }

    /// Ends a claim. None where it held nothing: it was released before.
    pub fn release(&mut self, agent: &AgentId, framework: &FrameworkId, claim: &Claim) -> Option<Returned> {
        let agent = self.books.agent_at(agent)?;
        let key = Key::Claim(self.books.framework_at(framework)?, claim.clone());
        #[cfg(feature = "sabotage")]
        if self.breaks(Sabotage::ReleaseKeepsTheClaim) {
            return None;
        }
        let posting = self.unpost(agent, &key)?;
        let Posting { seat, resources, .. } = posting;
        Some(Returned { agent, seat, declined: resources.clone(), resources, unused: false })
    }

    /// Whether every sum is the sum of its parts, and no holding was forgotten. Call it between inputs, in tests and
    /// simulations: it looks at everything.
    pub fn check(&self) -> Result<(), Violation> {
        if let Some(number) = self.open.first() {
            return Err(Violation(format!("holding {number} was opened and never closed")));
        }
        let mut out = BTreeMap::new();
        for (index, agent) in self.books.agents.iter() {
            for key in agent.postings.keys() {
                if let Key::Offer(offer) = key {
                    out.insert(offer.clone(), AgentAt(index));
                }
            }
        }
        if out != self.offers {
            return Err(Violation("the offers that are out are not those posted on agents".to_string()));
        }
        self.books.check()
    }

    /// Whether anything changed since somebody last asked.
    pub(crate) fn is_touched(&self) -> bool {
        let Touched { seats, roles, total, quotas } = &self.touched;
        *total || !seats.is_empty() || !roles.is_empty() || !quotas.is_empty()
    }

    pub(crate) fn take_touched_quotas(&mut self) -> BTreeSet<Role> {
        std::mem::take(&mut self.touched.quotas)
    }

    pub(crate) fn take_touched(&mut self) -> Touched {
        std::mem::take(&mut self.touched)
    }

    fn agent_at(&self, id: &AgentId) -> Result<AgentAt, Refusal> {
        self.books.agent_at(id).ok_or_else(|| Refusal::UnknownAgent(id.clone()))
    }

    fn framework_at(&self, id: &FrameworkId) -> Result<FrameworkAt, Refusal> {
        self.books.framework_at(id).ok_or_else(|| Refusal::UnknownFramework(id.clone()))
    }

    fn wanting_seat(&self, framework: &FrameworkId, role: &Role) -> Result<SeatAt, Refusal> {
        self.framework_at(framework)?;
        let seat = self.books.seat_at(framework, role).filter(|at| self.books.seats[at.0].active);
        seat.ok_or_else(|| Refusal::Unwanted { framework: framework.clone(), role: role.clone() })
    }

    fn unclaimed(&self, agent: AgentAt, framework: FrameworkAt, claim: &Claim) -> Result<(), Refusal> {
        let book = &self.books.agents[agent.0];
        if !book.postings.contains_key(&Key::Claim(framework, claim.clone())) {
            return Ok(());
        }
        let framework = self.books.frameworks[framework.0].id().clone();
        Err(Refusal::Claimed { agent: book.id().clone(), framework, claim: claim.clone() })
    }

    fn post_claim(
        &mut self,
        agent: AgentAt,
        seat: SeatAt,
        framework: FrameworkAt,
        claim: Claim,
        resources: Arc<Resources>,
    ) {
        let account = if matches!(claim, Claim::Operation(_)) { Account::Pending } else { Account::Used };
        #[cfg(feature = "sabotage")]
        let used = resources.clone();
        self.post(agent, Key::Claim(framework, claim), Posting { seat, account, resources });
        #[cfg(feature = "sabotage")]
        if self.breaks(Sabotage::UsedIsFree) {
            self.change_agent(agent, |book| book.free += &used);
        }
    }

    fn post(&mut self, agent: AgentAt, key: Key, posting: Posting) {
        let (seat, account) = (posting.seat, posting.account);
        let counted = self.change_agent(agent, |book| book.post(key, posting));
        self.count_posting(agent, seat, 1);
        self.count(seat, account, &counted);
    }

    fn unpost(&mut self, agent: AgentAt, key: &Key) -> Option<Posting> {
        let posting = self.unpost_unsettled(agent, key)?;
        self.change_agent(agent, AgentBook::settle);
        Some(posting)
    }

    /// Leaves it to the caller to settle the agent's book.
    fn unpost_unsettled(&mut self, agent: AgentAt, key: &Key) -> Option<Posting> {
        let (posting, counted) = self.change_agent(agent, |book| book.unpost(key))?;
        self.count_posting(agent, posting.seat, -1);
        self.uncount(posting.seat, posting.account, &counted, key);
        self.tidy_seat(posting.seat);
        Some(posting)
    }

    fn uncount(&mut self, seat: SeatAt, account: Account, counted: &Counted, key: &Key) {
        #[cfg(feature = "sabotage")]
        if matches!(key, Key::Offer(_)) && self.breaks(Sabotage::WithdrawalLeavesTheSum) {
            return;
        }
        let _ = key;
        self.discount(seat, account, counted);
    }

    /// Changes the book of an agent, and keeps the list of the overbooked right.
    fn change_agent<R>(&mut self, at: AgentAt, change: impl FnOnce(&mut AgentBook) -> R) -> R {
        let book = self.books.agents.get_mut(at.0).expect("the ids lead to agents that are there");
        let book = Arc::make_mut(book);
        let before = book.is_overbooked();
        let result = change(book);
        if book.is_overbooked() != before {
            let overbooked = Arc::make_mut(&mut self.books.overbooked);
            if before {
                overbooked.remove(&at)
            } else {
                overbooked.insert(at)
            };
        }
        result
    }
}

/// Charged to nobody, as resources are kept here: the seat tells the role.
fn uncharged(resources: Arc<Resources>) -> Arc<Resources> {
    let charged = resources.iter().any(|resource| resource.allocation_role.is_some());
    if charged { Arc::new(resources.unallocate()) } else { resources }
}
