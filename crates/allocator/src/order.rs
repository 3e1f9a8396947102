// SPDX-License-Identifier: Apache-2.0

//! The tree of roles with all siblings sorted, kept so from change to change.

mod shuffle;

use crate::books::{Books, RoleAt, SeatAt, Standing, Violation};
use crate::config::Config;
use crate::ledger::Touched;
use crate::policy::{Contender, Kind, Policy, Rank};
use crate::tally::Tally;
use kaon_model::{Entropy, Quantities, ResourceName};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use shuffle::{Shuffles, shuffled};

/// Who goes before whom, among the seats that want offers.
///
/// A cache of what the policy says of the books: a change costs a walk from the seat up to the top. During a round it
/// also counts what was proposed and is not booked yet, until the next [`Order::sync`].
///
/// Invariant: a seat stands in its group if and only if it is active; a node above stands in its group if and only if
/// something stands below it.
#[derive(Debug)]
pub(crate) struct Order {
    policy: Box<dyn Policy>,
    /// Scalars that do not count in shares.
    excluded: BTreeSet<ResourceName>,
    shuffles: Shuffles,
    groups: BTreeMap<Group, BTreeSet<Place>>,
    placed: BTreeMap<Node, (Group, Place)>,
    /// How many seats are placed.
    seats: usize,
    /// By node: what was proposed to it, in how many proposals.
    proposed: BTreeMap<Node, (Tally, u64)>,
}

/// Siblings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    TopLevel,
    /// The children of a role.
    Below(RoleAt),
    /// The frameworks of a role.
    In(RoleAt),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Role(RoleAt),
    /// The frameworks of a role, as one child of it beside its child roles.
    Frameworks(RoleAt),
    Seat(SeatAt),
}

/// Sorts siblings. The fields stand in the order in which they decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    rank: Rank,
    grants: u64,
    name: Arc<str>,
    node: Node,
}

/// What the books say of a node.
struct Face<'a> {
    kind: Kind,
    name: &'a str,
    weight: f64,
    standing: &'a Standing,
}

/// Mesos: the name of the node for a role's own frameworks; no role can have it.
const FRAMEWORKS: &str = ".";

impl Order {
    pub fn new(policy: Box<dyn Policy>, config: &Config) -> Order {
        let (groups, placed, proposed) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let excluded = config.excluded_from_shares.clone();
        let shuffles = Shuffles::of(config);
        Order { policy, excluded, shuffles, groups, placed, seats: 0, proposed }
    }

    pub fn policy(&self) -> &dyn Policy {
        &*self.policy
    }

    /// Catches up with the books, and forgets what was proposed.
    pub fn sync(&mut self, books: &Books, touched: Touched) {
        let Touched { mut seats, mut roles, total, .. } = touched;
        for node in std::mem::take(&mut self.proposed).into_keys() {
            if let Node::Seat(seat) = node {
                seats.insert(seat);
            }
        }
        if total {
            // Every share is a part of the total: all must be ranked anew.
            self.groups.clear();
            self.placed.clear();
            self.seats = 0;
            seats = books.seats.iter().map(|(index, _)| SeatAt(index)).collect();
        }
        for seat in seats {
            roles.extend(self.place_seat(books, seat));
        }
        self.place_roles(books, roles);
    }

    /// Counts a proposal as if it were booked.
    pub fn propose(&mut self, books: &Books, seat: SeatAt, resources: &Quantities) {
        let Some(role) = books.seats.get(seat.0).map(|seat| seat.role) else { return };
        let mut nodes = vec![Node::Seat(seat), Node::Frameworks(role)];
        nodes.extend(books.chain(role).map(Node::Role));
        for node in nodes {
            let (tally, grants) = self.proposed.entry(node).or_default();
            tally.add(resources);
            *grants += 1;
        }
        let roles = self.place_seat(books, seat).into_iter().collect();
        self.place_roles(books, roles);
    }

    /// Shows the seats, first come first, until `visit` breaks off.
    pub fn walk(
        &self,
        dice: &mut Entropy,
        visit: &mut dyn FnMut(SeatAt) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.walk_group(Group::TopLevel, dice, visit)
    }

    fn walk_group(
        &self,
        group: Group,
        dice: &mut Entropy,
        visit: &mut dyn FnMut(SeatAt) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(places) = self.groups.get(&group) else { return ControlFlow::Continue(()) };
        let mut step = |place: &Place, dice: &mut Entropy| match place.node {
            Node::Role(role) => self.walk_group(Group::Below(role), dice, visit),
            Node::Frameworks(role) => self.walk_group(Group::In(role), dice, visit),
            Node::Seat(seat) => visit(seat),
        };
        if self.shuffles.group(group) {
            let weighted = places.iter().map(|place| (place.rank.first, place));
            shuffled(weighted, dice).into_iter().try_for_each(|place| step(place, dice))
        } else {
            places.iter().try_for_each(|place| step(place, dice))
        }
    }

    /// Whether the order is the same until something changes.
    pub fn is_sorted(&self) -> bool {
        self.shuffles == Shuffles::default()
    }

    /// How many seats want offers.
    pub fn len(&self) -> usize {
        self.seats
    }

    /// Sorts a few seats as `walk` would show them, leaving out those that want no offers.
    pub fn sorted(&self, seats: &BTreeSet<SeatAt>) -> Vec<SeatAt> {
        let mut paths: Vec<(Vec<&Place>, SeatAt)> =
            seats.iter().filter_map(|seat| Some((self.path(*seat)?, *seat))).collect();
        paths.sort();
        paths.into_iter().map(|(_, seat)| seat).collect()
    }

    /// From the top down to the seat.
    fn path(&self, seat: SeatAt) -> Option<Vec<&Place>> {
        let (mut group, place) = self.placed.get(&Node::Seat(seat)).map(|(group, place)| (*group, place))?;
        let mut path = vec![place];
        loop {
            let above = match group {
                Group::TopLevel => break,
                Group::In(role) => Node::Frameworks(role),
                Group::Below(role) => Node::Role(role),
            };
            let (next, place) = self.placed.get(&above)?;
            path.push(place);
            group = *next;
        }
        path.reverse();
        Some(path)
    }

    /// Whether all stands where the books, as of the last `sync`, put it. For tests and simulations.
    pub fn check(&self, books: &Books) -> Result<(), Violation> {
        for (index, seat) in books.seats.iter() {
            if self.placed.contains_key(&Node::Seat(SeatAt(index))) != seat.active {
                return Err(Violation(
                    "a seat is asked that wants no offers, or the other way round".to_string(),
                ));
            }
        }
        for (node, (group, place)) in &self.placed {
            let expected = face(books, *node).map(|face| self.place(books, *node, face));
            let listed = self.groups.get(group).is_some_and(|places| places.contains(place));
            if expected.as_ref() != Some(place) || !listed {
                return Err(Violation(format!("{place:?} should be {expected:?}, and in its group")));
            }
        }
        let listed: usize = self.groups.values().map(BTreeSet::len).sum();
        if listed != self.placed.len() {
            return Err(Violation("somebody stands in two places of the order".to_string()));
        }
        Ok(())
    }

    /// Puts a seat where it belongs now; says the roles in which that changes something.
    fn place_seat(&mut self, books: &Books, at: SeatAt) -> BTreeSet<RoleAt> {
        let mut roles = BTreeSet::new();
        if let Some(Group::In(role)) = self.take(Node::Seat(at)) {
            roles.insert(role);
        }
        if let Some(seat) = books.seats.get(at.0) {
            if seat.active {
                self.put(books, Group::In(seat.role), Node::Seat(at));
            }
            // Even if it wants nothing, what it holds counts above.
            roles.insert(seat.role);
        }
        roles
    }

    /// Puts roles, with all above them, where they belong now.
    fn place_roles(&mut self, books: &Books, roles: BTreeSet<RoleAt>) {
        // The deepest first: a role is there only if something is below it.
        let with_depth = |role: RoleAt| (Reverse(books.chain(role).count()), role);
        let mut waiting: BTreeSet<(Reverse<usize>, RoleAt)> = roles.into_iter().map(with_depth).collect();
        while let Some((_, deepest)) = waiting.pop_first() {
            waiting.extend(self.place_role(books, deepest).into_iter().map(with_depth));
        }
    }

    /// Says which roles lie, or lay, above.
    fn place_role(&mut self, books: &Books, at: RoleAt) -> BTreeSet<RoleAt> {
        let mut above = BTreeSet::new();
        self.take(Node::Frameworks(at));
        if let Some(Group::Below(parent)) = self.take(Node::Role(at)) {
            above.insert(parent);
        }
        let Some(book) = books.roles.get(at.0) else { return above };
        if self.groups.contains_key(&Group::In(at)) {
            self.put(books, Group::Below(at), Node::Frameworks(at));
        }
        if self.groups.contains_key(&Group::Below(at)) {
            let group = book.parent.map_or(Group::TopLevel, Group::Below);
            self.put(books, group, Node::Role(at));
        }
        above.extend(book.parent);
        above
    }

    fn put(&mut self, books: &Books, group: Group, node: Node) {
        let Some(place) = face(books, node).map(|face| self.place(books, node, face)) else { return };
        self.seats += usize::from(matches!(node, Node::Seat(_)));
        self.groups.entry(group).or_default().insert(place.clone());
        self.placed.insert(node, (group, place));
    }

    fn place(&self, books: &Books, node: Node, face: Face<'_>) -> Place {
        let Face { kind, name, weight, standing } = face;
        let proposed = self.proposed.get(&node);
        if self.shuffles.kind(kind) {
            // The weight is all that counts, and it is found here when the group is shuffled.
            return Place { rank: Rank::by(weight), grants: 0, name: Arc::from(name), node };
        }
        let share = self.share(books, standing, proposed.map(|(tally, _)| tally));
        let rank = self.policy.rank(&Contender { kind, name, weight, share });
        let grants = standing.grants + proposed.map_or(0, |(_, grants)| *grants);
        Place { rank, grants, name: Arc::from(name), node }
    }

    /// Takes a node out of its group; says which that was.
    fn take(&mut self, node: Node) -> Option<Group> {
        let (group, place) = self.placed.remove(&node)?;
        self.seats -= usize::from(matches!(node, Node::Seat(_)));
        if let Some(places) = self.groups.get_mut(&group) {
            places.remove(&place);
            if places.is_empty() {
                self.groups.remove(&group);
            }
        }
        Some(group)
    }

    /// Mesos: the greatest part, over all scalars that the cluster has any of.
    fn share(&self, books: &Books, standing: &Standing, proposed: Option<&Tally>) -> f64 {
        let counting = books.total.iter().filter(|(name, _)| !self.excluded.contains(*name));
        let part = |(name, total): (&ResourceName, i128)| {
            let held = standing.sums.held(name) + proposed.map_or(0, |tally| tally.get(name));
            if total > 0 { held as f64 / total as f64 } else { 0.0 }
        };
        counting.map(part).fold(0.0, f64::max)
    }
}

/// What the books say of a node; none if it is gone.
fn face(books: &Books, node: Node) -> Option<Face<'_>> {
    let role = |at: RoleAt| books.roles.get(at.0);
    Some(match node {
        Node::Seat(at) => {
            let seat = books.seats.get(at.0)?;
            let name = books.frameworks.get(seat.framework.0)?.id().as_str();
            Face { kind: Kind::Framework, name, weight: 1.0, standing: &seat.standing }
        }
        Node::Frameworks(at) => {
            Face { kind: Kind::Frameworks, name: FRAMEWORKS, weight: 1.0, standing: &role(at)?.own }
        }
        Node::Role(at) => {
            let book = role(at)?;
            let (name, weight) = (book.role().leaf(), book.weight());
            Face { kind: Kind::Role, name, weight, standing: &book.subtree }
        }
    })
}
