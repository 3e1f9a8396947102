// SPDX-License-Identifier: Apache-2.0

//! The book of one role: who sits in it, with the sums of all below it.

use super::handle::{FrameworkAt, RoleAt, SeatAt};
use super::sums::Sums;
use kaon_model::Role;
use std::collections::BTreeMap;

/// A node of the tree of roles. It is there as long as somebody sits in it or below it.
#[derive(Clone, Debug)]
pub struct RoleBook {
    pub(crate) role: Role,
    pub(crate) parent: Option<RoleAt>,
    /// How many roles lie directly below.
    pub(crate) children: u32,
    pub(crate) seats: BTreeMap<FrameworkAt, SeatAt>,
    pub(crate) weight: f64,
    pub(crate) own: Standing,
    pub(crate) subtree: Standing,
}

/// A framework's place in a role. It stays while the framework is subscribed to the role or holds something in it.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub framework: FrameworkAt,
    pub role: RoleAt,
    pub subscribed: bool,
    pub suppressed: bool,
    /// Whether it wants offers now.
    pub active: bool,
    pub postings: u32,
    pub standing: Standing,
}

/// What was given: what of it is held now, and how often something was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    pub sums: Sums,
    /// How often something was given since the start: breaks ties between equal shares.
    pub grants: u64,
}

impl RoleBook {
    pub fn role(&self) -> &Role {
        &self.role
    }

    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// What is held in exactly this role.
    pub fn own(&self) -> &Sums {
        &self.own.sums
    }

    /// What is held in this role with all below it.
    pub fn subtree(&self) -> &Sums {
        &self.subtree.sums
    }
}
