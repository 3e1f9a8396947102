// SPDX-License-Identifier: Apache-2.0

//! The picture of a master that readers on other threads are handed.
//!
//! A view never changes. Its tables share their pages with those of the master, so that taking one is cheap; what is
//! shown of it is rendered by [`query`](crate::query), away from the core's thread.

use std::collections::BTreeMap;
use std::sync::Arc;

use kaon_api::v1;
use kaon_model::{AgentId, Build, Now, Role, Wall};

use crate::config::Config;
use crate::flows::maintenance::Answers;
use crate::master::Master;
use crate::registry::Registry;
use crate::state::Tables;

/// All that readers can be shown.
#[derive(Clone, Debug)]
pub struct View {
    pub tables: Tables,
    pub config: Arc<Config>,
    /// This master, as it presents itself to its peers.
    pub info: Arc<v1::MasterInfo>,
    pub build: Arc<Build>,
    /// When the process began.
    pub started: Wall,
    /// When this master began to lead; none before.
    pub elected: Option<Wall>,
    /// When the view was taken.
    pub now: Now,
    pub registry: Arc<Registry>,
    /// Agents that were admitted before this master led, and have not come back.
    pub recovered: Arc<BTreeMap<AgentId, v1::AgentInfo>>,
    /// Roles without an entry have the weight 1.
    pub weights: Arc<BTreeMap<Role, f64>>,
    /// How frameworks answered last when they were asked for agents.
    pub answers: Arc<Answers>,
    pub allocation: Allocation,
    /// Open streams of operators' events.
    pub watchers: usize,
    /// Writes to the registry that are not yet durable.
    pub writes: usize,
}

impl View {
    pub(crate) fn of(master: &Master) -> View {
        View {
            tables: master.state.tables.clone(),
            config: master.config.clone(),
            info: master.info.clone(),
            build: Arc::default(),
            started: master.config.process_started.unwrap_or(master.started),
            // A master is made when it is elected.
            elected: Some(master.started),
            now: master.now,
            registry: master.registry.clone(),
            recovered: master.recovered.clone(),
            weights: master.weights.clone(),
            answers: master.answers.clone(),
            allocation: Allocation::of(master),
            watchers: master.watchers.len(),
            writes: master.awaiting.len(),
        }
    }
}

/// What the allocator did so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Allocation {
    pub runs: u64,
    /// Refusals that stand, by the role they were made in.
    pub filters: BTreeMap<Role, u64>,
}

impl Allocation {
    fn of(master: &Master) -> Allocation {
        let roles = master.allocator.books().roles().map(|book| book.role());
        let filters = roles.map(|role| (role.clone(), master.allocator.filters_in(role) as u64)).collect();
        Allocation { runs: master.allocator.rounds(), filters }
    }
}
