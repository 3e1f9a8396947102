// SPDX-License-Identifier: Apache-2.0

//! Typed places in the tables of the books.

use kaon_model::Index;

/// Where an agent stands. Given out again after its removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AgentAt(pub Index);

/// Where a framework stands. Given out again after its removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FrameworkAt(pub Index);

/// Where a role stands. Given out again once nobody is in the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RoleAt(pub Index);

/// Where a seat stands. Given out again once the framework has left the role with all it held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SeatAt(pub Index);
