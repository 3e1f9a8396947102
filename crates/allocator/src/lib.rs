// SPDX-License-Identifier: Apache-2.0

//! The allocator: the ledger of who has what, with the policies of who gets next.
//!
//! - [`Ledger`]: the only place where resources move. [`Books`] is its reading side.
//! - [`Policy`]: the order in which frameworks are asked; [`Drf`] and [`Priority`] are built in.
//! - [`Allocator`]: both, with refusals and the pace of offers.
//!
//! A change goes through the allocator to the ledger, and leaves a note of what must be looked at. Once changes have
//! gathered, a round looks at just that, in the order of the policy, and proposes offers. A proposal moves nothing: the
//! ledger verifies it when it is made an offer.

mod allocator;
mod books;
mod config;
mod constraints;
mod eligibility;
mod filters;
mod headroom;
mod held;
mod hold;
mod ledger;
mod order;
mod pace;
mod policy;
mod quota;
mod rooms;
mod round;
mod shape;
mod shrink;
mod tally;
mod work;

pub use allocator::{Allocator, Proposal, Withdrawal};
pub use books::{Account, AgentBook, Books, Claim, Entry, FrameworkBook, RoleBook, Sums, Violation};
pub use config::{Config, Sorter};
pub use constraints::{Constraint, Constraints, Pattern, PatternError, PatternLimits, Predicate, Selector};
pub use filters::{DEFAULT_REFUSAL, LONGEST_REFUSAL, refusal_span};
pub use ledger::{Holding, Ledger, Refusal, Returned};
#[cfg(feature = "sabotage")]
pub use ledger::{Sabotage, UnknownSabotage};
pub use policy::{Contender, Drf, Kind, Policy, Priority, Rank};
pub use quota::{Limits, Quota};
pub use shape::{AgentShape, Capabilities, FrameworkShape, MinAllocatable};
pub use tally::Tally;
