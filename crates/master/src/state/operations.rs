// SPDX-License-Identifier: Apache-2.0

//! The operations that agents were ordered to carry out, until their end is acknowledged.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use kaon_api::v1;
use kaon_model::{FrameworkId, Index, Uuid};

use super::{AgentRow, State};

/// Where an operation stands in its table.
pub type OperationRow = Index;

/// One operation on the resources of an agent.
#[derive(Clone, Debug)]
pub struct Operation {
    pub uuid: Uuid,
    pub agent: AgentRow,
    /// None: an operator ordered it.
    pub framework: Option<FrameworkId>,
    /// As it was ordered, with all that was heard of it.
    pub body: Arc<v1::Operation>,
}

impl Operation {
    pub fn kind(&self) -> v1::offer::operation::Type {
        self.body.info.r#type.unwrap_or_default()
    }

    /// The id that its framework gave it; one that has none is not told of.
    pub fn id(&self) -> Option<&v1::OperationID> {
        self.body.info.id.as_ref()
    }

    pub fn state(&self) -> v1::OperationState {
        self.body.latest_status.state
    }

    /// What a framework that asks is told: the last that was heard, which must not be acknowledged again.
    pub fn known_status(&self) -> v1::OperationStatus {
        let last = self.body.statuses.last().unwrap_or(&self.body.latest_status);
        v1::OperationStatus { uuid: None, ..last.clone() }
    }
}

/// Whether nothing more will become of an operation.
pub(crate) fn is_over(state: v1::OperationState) -> bool {
    use v1::OperationState::{
        OperationDropped, OperationError, OperationFailed, OperationFinished, OperationGoneByOperator,
    };
    matches!(
        state,
        OperationFinished | OperationFailed | OperationError | OperationDropped | OperationGoneByOperator
    )
}

/// The ways to operations.
#[derive(Debug, Default)]
pub(crate) struct Operations {
    by_agent: BTreeMap<AgentRow, BTreeMap<Uuid, OperationRow>>,
    by_framework: BTreeMap<FrameworkId, BTreeSet<OperationRow>>,
    /// Mesos: of several with one id, the last counts.
    by_id: BTreeMap<(FrameworkId, String), OperationRow>,
    /// The last whose ends were acknowledged to their agents, in order: until an agent hears of it, it lists them still.
    acknowledged: VecDeque<Uuid>,
    was_acknowledged: BTreeSet<Uuid>,
}

/// Bound: acknowledged ends that are remembered; the oldest is forgotten.
const MAX_ACKNOWLEDGED: usize = 10_000;

impl Operations {
    pub fn note_acknowledged(&mut self, uuid: Uuid) {
        if self.was_acknowledged.insert(uuid) {
            self.acknowledged.push_back(uuid);
        }
        if self.acknowledged.len() > MAX_ACKNOWLEDGED
            && let Some(oldest) = self.acknowledged.pop_front()
        {
            self.was_acknowledged.remove(&oldest);
        }
    }

    pub fn was_acknowledged(&self, uuid: &Uuid) -> bool {
        self.was_acknowledged.contains(uuid)
    }

    pub fn row(&self, agent: AgentRow, uuid: &Uuid) -> Option<OperationRow> {
        self.by_agent.get(&agent)?.get(uuid).copied()
    }

    pub fn of_agent(&self, agent: AgentRow) -> Vec<OperationRow> {
        self.by_agent.get(&agent).map(|own| own.values().copied().collect()).unwrap_or_default()
    }

    pub fn count_of_agent(&self, agent: AgentRow) -> usize {
        self.by_agent.get(&agent).map_or(0, BTreeMap::len)
    }

    pub fn of_framework(&self, framework: &FrameworkId) -> Vec<OperationRow> {
        self.by_framework.get(framework).map(|own| own.iter().copied().collect()).unwrap_or_default()
    }

    /// By the id that its framework gave it.
    pub fn row_of_id(&self, framework: &FrameworkId, id: &str) -> Option<OperationRow> {
        self.by_id.get(&(framework.clone(), id.to_string())).copied()
    }

    fn remove(&mut self, row: OperationRow, operation: &Operation) {
        if let Some(own) = self.by_agent.get_mut(&operation.agent) {
            own.remove(&operation.uuid);
            if own.is_empty() {
                self.by_agent.remove(&operation.agent);
            }
        }
        let Some(framework) = &operation.framework else { return };
        if let Some(own) = self.by_framework.get_mut(framework) {
            own.remove(&row);
            if own.is_empty() {
                self.by_framework.remove(framework);
            }
        }
        if let Some(id) = operation.id() {
            let key = (framework.clone(), id.value.clone());
            if self.by_id.get(&key) == Some(&row) {
                self.by_id.remove(&key);
            }
        }
    }
}

impl State {
    pub fn operation(&self, row: OperationRow) -> &Operation {
        &self.tables.operations[row]
    }

    pub fn operation_mut(&mut self, row: OperationRow) -> &mut Operation {
        let operation = self.tables.operations.get_mut(row);
        operation.expect("the row of an operation is given back only with the operation")
    }

    pub fn insert_operation(&mut self, operation: Operation) -> OperationRow {
        let (agent, uuid, framework) = (operation.agent, operation.uuid, operation.framework.clone());
        let id = operation.id().map(|id| id.value.clone());
        self.tables.counters.count_operation(operation.kind(), operation.state());
        let row = self.tables.operations.insert(operation);
        self.operations.by_agent.entry(agent).or_default().insert(uuid, row);
        if let Some(framework) = framework {
            self.operations.by_framework.entry(framework.clone()).or_default().insert(row);
            if let Some(id) = id {
                self.operations.by_id.insert((framework, id), row);
            }
        }
        row
    }

    /// What has ended stays in the counts, what has not is taken out of them.
    pub fn remove_operation(&mut self, row: OperationRow) -> Option<Operation> {
        let operation = self.tables.operations.remove(row)?;
        self.operations.remove(row, &operation);
        self.agent_has_less(operation.agent);
        if !is_over(operation.state()) {
            self.tables.counters.uncount_operation(operation.kind(), operation.state());
        }
        Some(operation)
    }
}
