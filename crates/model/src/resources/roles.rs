// SPDX-License-Identifier: Apache-2.0

//! How a collection stands to roles: charged to, reserved for, turned from one to the other.

use super::{Entry, Resources};
use crate::{Reservation, Resource, Role};
use std::collections::BTreeMap;

impl Resources {
    /// All of it charged to `role`.
    pub fn allocate(&self, role: &Role) -> Resources {
        self.map(|resource| resource.allocation_role = Some(role.clone()))
    }

    /// All of it charged to nobody.
    pub fn unallocate(&self) -> Resources {
        self.map(|resource| resource.allocation_role = None)
    }

    /// All of it with one more reservation on top.
    pub fn push_reservation(&self, reservation: &Reservation) -> Resources {
        self.map(|resource| resource.reservations.push(reservation.clone()))
    }

    /// All of it without the newest reservation; what is unreserved stays so.
    pub fn pop_reservation(&self) -> Resources {
        self.map(|resource| drop(resource.reservations.pop()))
    }

    /// All of it without any reservation.
    pub fn to_unreserved(&self) -> Resources {
        self.map(|resource| resource.reservations.clear())
    }

    /// The parts by the role they are charged to; what is charged to nobody is left out.
    pub fn by_allocation(&self) -> BTreeMap<Role, Resources> {
        self.group_by(|resource| resource.allocation_role.as_ref())
    }

    /// The parts by the role they are reserved for; the unreserved is left out.
    pub fn by_reservation(&self) -> BTreeMap<Role, Resources> {
        self.group_by(Resource::reservation_role)
    }

    /// The one role that all of it is charged to; none where there are several, or an entry has none.
    pub fn sole_allocation(&self) -> Option<&Role> {
        let role = self.iter().next()?.allocation_role.as_ref()?;
        self.iter().all(|resource| resource.allocation_role.as_ref() == Some(role)).then_some(role)
    }

    fn group_by<'a>(&'a self, key: impl Fn(&'a Resource) -> Option<&'a Role>) -> BTreeMap<Role, Resources> {
        let mut groups: BTreeMap<Role, Resources> = BTreeMap::new();
        for entry in &self.entries {
            if let Some(role) = key(&entry.resource) {
                // A part of a sorted list in its order is sorted.
                groups.entry(role.clone()).or_default().entries.push(entry.clone());
            }
        }
        groups
    }

    /// Each entry changed; entries that have become alike are added up.
    fn map(&self, change: impl Fn(&mut Resource)) -> Resources {
        let mut changed = Resources { entries: Vec::with_capacity(self.entries.len()) };
        for Entry { resource, holders } in &self.entries {
            let mut resource = resource.clone();
            change(&mut resource);
            changed.add_held(&resource, *holders);
        }
        changed
    }
}
