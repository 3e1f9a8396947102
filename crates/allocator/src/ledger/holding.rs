// SPDX-License-Identifier: Apache-2.0

//! Offers whose acceptance is being worked on: opened, taken from, closed.

use super::{Ledger, Refusal, Returned, uncharged};
use crate::books::{Account, AgentAt, Claim, Key, Posting, SeatAt, without_shared};
use kaon_model::{AgentId, FrameworkId, OfferId, Resources, Role};
use std::sync::Arc;

/// What an acceptance works with: the resources of its offers that no task was given yet.
///
/// It cannot be copied, and its offers are out no more, so nothing can be given twice. What is not closed stays booked
/// for good, which [`Ledger::check`] reports.
#[derive(Debug)]
#[must_use = "what is not closed stays booked for good"]
pub struct Holding {
    number: u64,
    pub(super) at: AgentAt,
    pub(super) seat: SeatAt,
    pub(super) agent: AgentId,
    framework: FrameworkId,
    role: Role,
    pub(super) rest: Resources,
    /// What operations made that may not be taken any more.
    pub(super) aside: Resources,
    /// What there was before the first operation; none while there was no operation.
    pub(super) offered: Option<Resources>,
    /// Whether nothing was taken yet.
    pub(super) unused: bool,
}

impl Holding {
    pub fn agent(&self) -> &AgentId {
        &self.agent
    }

    pub fn framework(&self) -> &FrameworkId {
        &self.framework
    }

    pub fn role(&self) -> &Role {
        &self.role
    }

    /// What is left, charged to nobody. Shared volumes stay, however often they were taken.
    pub fn rest(&self) -> &Resources {
        &self.rest
    }

    pub(super) fn key(&self) -> Key {
        Key::Holding(self.number)
    }
}

impl Ledger {
    /// Turns offers of one agent, framework and role into a holding. After a refusal all of them are out as before.
    pub fn open<'a>(&mut self, offers: impl IntoIterator<Item = &'a OfferId>) -> Result<Holding, Refusal> {
        let mut opened: Vec<(&OfferId, AgentAt, SeatAt)> = Vec::new();
        let mut rest = Resources::new();
        for offer in offers {
            let (at, posting) = self.offered(offer)?;
            if let Some((first, agent, seat)) = opened.first()
                && (*agent, *seat) != (at, posting.seat)
            {
                return Err(Refusal::MixedOffers { first: (*first).clone(), other: offer.clone() });
            }
            // A second mention would give its resources twice.
            if opened.iter().any(|(known, _, _)| *known == offer) {
                return Err(Refusal::UnknownOffer(offer.clone()));
            }
            rest += &posting.resources;
            opened.push((offer, at, posting.seat));
        }
        let Some(&(_, at, seat)) = opened.first() else { return Err(Refusal::Nothing) };
        let holding = self.new_holding(at, seat, rest);
        // Between its offers and its holding the seat would be empty, and an empty seat is taken away.
        self.pin(seat, 1);
        for (offer, _, _) in opened {
            self.offers.remove(offer);
            self.unpost(at, &Key::Offer(offer.clone()));
        }
        self.hold(&holding);
        self.pin(seat, -1);
        Ok(holding)
    }

    fn offered(&self, offer: &OfferId) -> Result<(AgentAt, &Posting), Refusal> {
        let unknown = || Refusal::UnknownOffer(offer.clone());
        let at = *self.offers.get(offer).ok_or_else(unknown)?;
        let postings = &self.books.agents[at.0].postings;
        postings.get(&Key::Offer(offer.clone())).map(|posting| (at, posting)).ok_or_else(unknown)
    }

    fn new_holding(&mut self, at: AgentAt, seat: SeatAt, rest: Resources) -> Holding {
        let number = self.next_holding;
        self.next_holding += 1;
        let Seated { framework, role } = self.seated(seat);
        let agent = self.books.agents[at.0].id().clone();
        let (aside, offered) = (Resources::new(), None);
        Holding { number, at, seat, agent, framework, role, rest, aside, offered, unused: true }
    }

    fn seated(&self, seat: SeatAt) -> Seated {
        let seat = &self.books.seats[seat.0];
        let framework = self.books.frameworks[seat.framework.0].id().clone();
        Seated { framework, role: self.books.roles[seat.role.0].role.clone() }
    }

    fn hold(&mut self, holding: &Holding) {
        self.open.insert(holding.number);
        let resources = Arc::new(holding.rest.clone());
        self.post(
            holding.at,
            holding.key(),
            Posting { seat: holding.seat, account: Account::Offered, resources },
        );
    }

    /// Gives a part of the holding to a claim.
    pub fn take(
        &mut self,
        holding: &mut Holding,
        claim: Claim,
        resources: impl Into<Arc<Resources>>,
    ) -> Result<(), Refusal> {
        let resources = uncharged(resources.into());
        let framework = self.framework_at(&holding.framework)?;
        self.unclaimed(holding.at, framework, &claim)?;
        if !holding.rest.contains_all(&resources) {
            let (wanted, held) = ((*resources).clone(), holding.rest.clone());
            return Err(Refusal::NotHeld { wanted, held });
        }
        holding.unused = false;
        without_shared(&resources, |owned| {
            holding.rest -= owned;
            self.shrink(holding, owned);
        });
        self.post_claim(holding.at, holding.seat, framework, claim, resources);
        Ok(())
    }

    fn shrink(&mut self, holding: &Holding, part: &Resources) {
        let counted = self.change_agent(holding.at, |book| {
            let counted = book.shrink(&holding.key(), part);
            book.settle();
            counted
        });
        self.discount(holding.seat, Account::Offered, &counted);
    }

    /// Ends the acceptance: what is left of the holding is free again.
    pub fn close(&mut self, holding: Holding) -> Returned {
        self.open.remove(&holding.number);
        self.unpost(holding.at, &holding.key());
        let Holding { at: agent, seat, rest, aside, offered, unused, .. } = holding;
        let resources = Arc::new(&rest + &aside);
        // Mesos: what operations made was not offered, so that it cannot be declined.
        let declined = match offered {
            None => resources.clone(),
            Some(offered) => Arc::new(&*resources - &(&*resources - &offered)),
        };
        Returned { agent, seat, resources, declined, unused }
    }
}

/// Whose seat it is.
struct Seated {
    framework: FrameworkId,
    role: Role,
}
