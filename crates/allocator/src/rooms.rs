// SPDX-License-Identifier: Apache-2.0

//! What quota lets through, while proposals are made that are not booked yet.

use crate::books::{Books, RoleAt};
use crate::headroom::Headroom;
use crate::shrink::{is_less, shrink, split_open};
use crate::tally::Tally;
use kaon_model::{Quantities, ResourceName, Resources, Role};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The two stages of a round.
///
/// Mesos: first, agent by agent, roles get what they lack of their guarantees; then all roles share what is left beside
/// what is still to be kept for guarantees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Guarantees,
    Rest,
}

/// What is left to be had while one slice of a round is made.
#[derive(Debug)]
pub(crate) struct Rooms<'a> {
    books: &'a Books,
    headroom: &'a Headroom,
    /// By role, with all below it: what was proposed of what is open to all.
    proposed: BTreeMap<RoleAt, Tally>,
    /// The sum over everybody.
    taken: Tally,
    required: Tally,
    #[cfg(feature = "sabotage")]
    sabotage: Option<crate::Sabotage>,
}

/// What of a portion may be offered.
#[derive(Debug)]
pub(crate) struct Cut<'r> {
    pub resources: Cow<'r, Resources>,
    /// The roles whose limits hold something of it back.
    pub limited: Vec<RoleAt>,
    /// Whether something is held back for the guarantees of others.
    pub kept: bool,
}

impl<'a> Rooms<'a> {
    pub fn new(books: &'a Books, headroom: &'a Headroom) -> Rooms<'a> {
        Rooms {
            books,
            headroom,
            proposed: BTreeMap::new(),
            taken: Tally::default(),
            required: headroom.required().clone(),
            #[cfg(feature = "sabotage")]
            sabotage: None,
        }
    }

    #[cfg(feature = "sabotage")]
    pub fn sabotaged(self, sabotage: Option<crate::Sabotage>) -> Rooms<'a> {
        Rooms { sabotage, ..self }
    }

    /// Whether some role lacks something that it is promised.
    pub fn is_required(&self) -> bool {
        !self.required.is_empty()
    }

    /// Cuts a portion down to what quota lets through; none where the stage is not for the role.
    pub fn cut<'r>(&self, stage: Stage, role: RoleAt, portion: Cow<'r, Resources>) -> Option<Cut<'r>> {
        let whole = |resources| Some(Cut { resources, limited: Vec::new(), kept: false });
        if self.books.quotas.is_empty() {
            return (stage == Stage::Rest).then(|| whole(portion))?;
        }
        let (mut open, rest) = split_open(&portion);
        let limited = self.limit(role, &mut open);
        let promised = match stage {
            Stage::Guarantees => {
                let lacking = self.lacking(self.top(role))?;
                let promised = shrink(&open, |name| Some(lacking.get(name)));
                (!promised.is_empty()).then_some(promised)?
            }
            Stage::Rest => Resources::new(),
        };
        let more = &open - &promised;
        let beside = self.beside_guarantees(&more);
        let kept = is_less(&beside, &more);
        if limited.is_empty() && !kept {
            return whole(portion);
        }
        let mut resources = rest;
        resources += &promised;
        resources += &beside;
        Some(Cut { resources: Cow::Owned(resources), limited, kept })
    }

    /// Counts what is open to all of a proposal as if it were booked.
    pub fn propose(&mut self, role: RoleAt, open: &Quantities) {
        if self.books.quotas.is_empty() || open.is_empty() {
            return;
        }
        let top = self.top(role);
        let before = self.lacking(top).unwrap_or_default();
        for role in self.books.chain(role) {
            self.proposed.entry(role).or_default().add(open);
        }
        self.taken.add(open);
        self.required.unmerge(&before);
        self.required.merge(&self.lacking(top).unwrap_or_default());
    }

    /// Whether the role is at the top of, or below, one that lacks something that it is promised.
    pub fn is_lacking(&self, role: RoleAt) -> bool {
        self.lacking(self.top(role)).is_some()
    }

    /// Cuts down to the limits of the role and of all above it; says which of them mattered.
    ///
    /// Mesos: heeds those of the role alone, and quota can be set on roles at the top only, so that roles below one
    /// with limits have none, although what they use counts there.
    fn limit(&self, role: RoleAt, open: &mut Resources) -> Vec<RoleAt> {
        let mut mattered = Vec::new();
        for at in self.books.chain(role) {
            let Some(room) = self.room(at) else { continue };
            #[cfg(feature = "sabotage")]
            if self.sabotage == Some(crate::Sabotage::LimitIgnored) {
                continue;
            }
            let within = shrink(open, |name| room.get(name).copied());
            if is_less(&within, open) {
                mattered.push(at);
                *open = within;
            }
        }
        mattered
    }

    /// How much more a role may be given, of each name that is limited.
    fn room(&self, at: RoleAt) -> Option<BTreeMap<ResourceName, i128>> {
        let role = self.role(at);
        let quota = self.books.quota(role).filter(|quota| !quota.limits.is_empty())?;
        let consumed = self.books.consumed(role);
        let proposed = self.proposed.get(&at);
        let left = |(name, limit): (&ResourceName, kaon_model::Scalar)| {
            let proposed = proposed.map_or(0, |tally| tally.get(name));
            (name.clone(), i128::from(limit.millis()) - consumed.get(name) - proposed)
        };
        Some(quota.limits.iter().map(left).collect())
    }

    /// What is left of a part when all that is required for guarantees is set aside. Names of which nothing is
    /// required are not cut.
    fn beside_guarantees(&self, part: &Resources) -> Resources {
        #[cfg(feature = "sabotage")]
        if self.sabotage == Some(crate::Sabotage::HeadroomIgnored) {
            return part.clone();
        }
        shrink(part, |name| {
            let required = self.required.get(name);
            (required > 0).then(|| self.books.open_free(name) - self.taken.get(name) - required)
        })
    }

    /// What a role at the top lacks of its guarantees, if that is anything.
    fn lacking(&self, top: RoleAt) -> Option<Tally> {
        let lacking = self.headroom.lacking(self.role(top))?;
        let Some(proposed) = self.proposed.get(&top) else { return Some(lacking.clone()) };
        let left =
            lacking.iter().map(|(name, lacking)| (name.clone(), (lacking - proposed.get(name)).max(0)));
        Some(left.collect::<Tally>()).filter(|left| !left.is_empty())
    }

    fn top(&self, role: RoleAt) -> RoleAt {
        self.books.chain(role).last().unwrap_or(role)
    }

    fn role(&self, at: RoleAt) -> &'a Role {
        self.books.roles[at.0].role()
    }
}
