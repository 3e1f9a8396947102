// SPDX-License-Identifier: Apache-2.0

//! The parts of a collection that satisfy a condition.

use super::Resources;
use crate::{Resource, ResourceName, Role, Value};

impl Resources {
    /// The entries for which `keep` holds.
    pub fn filter(&self, keep: impl Fn(&Resource) -> bool) -> Resources {
        Resources { entries: self.entries.iter().filter(|entry| keep(&entry.resource)).cloned().collect() }
    }

    /// Drops the entries for which `keep` does not hold.
    pub fn retain(&mut self, keep: impl Fn(&Resource) -> bool) {
        self.entries.retain(|entry| keep(&entry.resource));
    }

    pub fn named(&self, name: &ResourceName) -> Resources {
        self.filter(|resource| resource.name == *name)
    }

    pub fn unreserved(&self) -> Resources {
        self.filter(Resource::is_unreserved)
    }

    /// Reserved for anyone.
    pub fn reserved(&self) -> Resources {
        self.filter(|resource| !resource.is_unreserved())
    }

    /// Reserved for exactly this role.
    pub fn reserved_to(&self, role: &Role) -> Resources {
        self.filter(|resource| resource.is_reserved_to(role))
    }

    /// What `role` may be given: the unreserved, and what is reserved for it or a role above it.
    pub fn allocatable_to(&self, role: &Role) -> Resources {
        self.filter(|resource| resource.is_allocatable_to(role))
    }

    pub fn allocated_to(&self, role: &Role) -> Resources {
        self.filter(|resource| resource.allocation_role.as_ref() == Some(role))
    }

    pub fn dynamically_reserved(&self) -> Resources {
        self.filter(Resource::is_dynamically_reserved)
    }

    pub fn revocable(&self) -> Resources {
        self.filter(|resource| resource.revocable)
    }

    pub fn non_revocable(&self) -> Resources {
        self.filter(|resource| !resource.revocable)
    }

    pub fn scalars(&self) -> Resources {
        self.filter(|resource| matches!(resource.value, Value::Scalar(_)))
    }

    pub fn shared(&self) -> Resources {
        self.filter(|resource| resource.shared)
    }

    pub fn non_shared(&self) -> Resources {
        self.filter(|resource| !resource.shared)
    }

    pub fn persistent_volumes(&self) -> Resources {
        self.filter(Resource::is_persistent_volume)
    }

    /// What an agent must remember over its restart: dynamic reservations with their volumes.
    pub fn checkpointed(&self) -> Resources {
        self.filter(Resource::is_checkpointed)
    }
}
