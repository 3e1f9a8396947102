// SPDX-License-Identifier: Apache-2.0

//! What the allocator promises, seen from outside.

mod choice;
mod depth;
mod eligibility;
mod filters;
mod laws;
mod ledger;
mod pacing;
mod quota;
mod reference;
#[cfg(feature = "sabotage")]
mod sabotage;
mod shares;
mod world;
