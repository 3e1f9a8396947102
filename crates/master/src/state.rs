// SPDX-License-Identifier: Apache-2.0

//! The tables of a master with the indexes that lead into them.
//!
//! Rows lie in [`Tables`], slabs of shared pages, so that a picture of them is cheap. Indexes are only for the core:
//! a reader of a picture groups the rows itself.

pub mod agents;
pub mod capabilities;
pub mod counters;
pub mod executors;
pub mod frameworks;
pub mod history;
pub(crate) mod hopes;
pub mod inverse_offers;
pub mod machines;
pub mod offers;
pub mod operations;
pub mod tasks;

use kaon_model::Slab;

pub use agents::{Agent, AgentRow};
pub use counters::Counters;
pub use executors::{Executor, ExecutorRow};
pub use frameworks::{Framework, FrameworkRow};
pub use history::History;
pub use inverse_offers::InverseOffer;
pub use machines::Machine;
pub use offers::{Offer, OfferRow};
pub use operations::{Operation, OperationRow};
pub use tasks::{Task, TaskRow};

/// All rows.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    pub agents: Slab<Agent>,
    pub frameworks: Slab<Framework>,
    pub offers: Slab<Offer>,
    pub inverse_offers: Slab<InverseOffer>,
    pub tasks: Slab<Task>,
    pub executors: Slab<Executor>,
    pub operations: Slab<Operation>,
    pub history: History,
    pub counters: Counters,
}

/// The rows with the ways to them.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub tables: Tables,
    pub agents: agents::Agents,
    pub frameworks: frameworks::Frameworks,
    pub offers: offers::Offers,
    pub inverse_offers: inverse_offers::InverseOffers,
    pub machines: machines::Machines,
    pub tasks: tasks::Tasks,
    pub executors: executors::Executors,
    pub operations: operations::Operations,
    pub hopes: hopes::Hopes,
}
