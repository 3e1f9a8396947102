// SPDX-License-Identifier: Apache-2.0

//! The executors that agents were told to run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kaon_api::v1;
use kaon_model::{ExecutorId, Index, Resources, Role};

use super::{AgentRow, FrameworkRow, State};

/// Where an executor stands in its table.
pub type ExecutorRow = Index;

/// One executor of a framework on an agent. Executors that agents make themselves, for command tasks, are not here.
#[derive(Clone, Debug)]
pub struct Executor {
    pub framework: FrameworkRow,
    pub agent: AgentRow,
    pub id: ExecutorId,
    pub info: Arc<v1::ExecutorInfo>,
    /// The role that is charged.
    pub role: Role,
    /// Charged to nobody, as the ledger holds them, while the executor lives.
    pub resources: Arc<Resources>,
}

/// The ways to executors.
#[derive(Debug, Default)]
pub(crate) struct Executors {
    by_agent: BTreeMap<AgentRow, BTreeMap<(FrameworkRow, ExecutorId), ExecutorRow>>,
    by_framework: BTreeMap<FrameworkRow, BTreeSet<ExecutorRow>>,
}

impl Executors {
    pub fn row(&self, agent: AgentRow, framework: FrameworkRow, id: &ExecutorId) -> Option<ExecutorRow> {
        self.by_agent.get(&agent)?.get(&(framework, id.clone())).copied()
    }

    pub fn of_agent(&self, agent: AgentRow) -> Vec<ExecutorRow> {
        self.by_agent.get(&agent).map(|own| own.values().copied().collect()).unwrap_or_default()
    }

    pub fn of_framework(&self, framework: FrameworkRow) -> Vec<ExecutorRow> {
        self.by_framework.get(&framework).map(|own| own.iter().copied().collect()).unwrap_or_default()
    }

    /// The ids of a framework's executors on one agent, in order.
    pub fn ids(&self, agent: AgentRow, framework: FrameworkRow) -> impl Iterator<Item = &ExecutorId> {
        let own = self.by_agent.get(&agent).into_iter();
        let from = (framework, ExecutorId::from(""));
        own.flat_map(move |own| own.range(from.clone()..))
            .map(|(key, _)| key)
            .take_while(move |key| key.0 == framework)
            .map(|key| &key.1)
    }
}

impl State {
    pub fn executor(&self, agent: AgentRow, framework: FrameworkRow, id: &ExecutorId) -> Option<&Executor> {
        self.tables.executors.get(self.executors.row(agent, framework, id)?)
    }

    pub fn insert_executor(&mut self, executor: Executor) -> ExecutorRow {
        let (agent, framework, id) = (executor.agent, executor.framework, executor.id.clone());
        let row = self.tables.executors.insert(executor);
        self.executors.by_agent.entry(agent).or_default().insert((framework, id), row);
        self.executors.by_framework.entry(framework).or_default().insert(row);
        row
    }

    pub fn remove_executor(&mut self, row: ExecutorRow) -> Option<Executor> {
        let executor = self.tables.executors.remove(row)?;
        if let Some(own) = self.executors.by_agent.get_mut(&executor.agent) {
            own.remove(&(executor.framework, executor.id.clone()));
            if own.is_empty() {
                self.executors.by_agent.remove(&executor.agent);
            }
        }
        if let Some(own) = self.executors.by_framework.get_mut(&executor.framework) {
            own.remove(&row);
            if own.is_empty() {
                self.executors.by_framework.remove(&executor.framework);
            }
        }
        Some(executor)
    }
}
