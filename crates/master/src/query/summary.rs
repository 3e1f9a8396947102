// SPDX-License-Identifier: Apache-2.0

//! `/state-summary`: agents and frameworks with counts instead of tasks.

use std::collections::{BTreeMap, BTreeSet};

use kaon_api::json::{Dialect, JsonWriter};
use kaon_model::{AgentId, FrameworkId, TaskState};

use super::members::{self, Members};
use super::sums::Sums;
use super::{agents, frameworks};
use crate::state::Task;
use crate::view::View;

/// Mesos: the states that are counted; newer ones never were added.
const COUNTED: [TaskState; 10] = [
    TaskState::Staging,
    TaskState::Starting,
    TaskState::Running,
    TaskState::Killing,
    TaskState::Finished,
    TaskState::Killed,
    TaskState::Failed,
    TaskState::Lost,
    TaskState::Error,
    TaskState::Unreachable,
];

pub(super) fn endpoint(view: &View) -> String {
    let sums = Sums::of(&view.tables);
    let counts = Counts::of(view);
    members::object(Dialect::V0, |w| {
        w.put_text("hostname", view.info.hostname.as_deref().unwrap_or_default());
        w.put_some_text("cluster", view.config.cluster.as_deref());
        w.put_list("slaves", view.tables.agents_by_id(), |w, (row, agent)| {
            let count = counts.agents.get(&agent.id);
            w.object(|w| {
                agents::write(w, view, agent, sums.agent(row));
                write_states(w, count.map(|count| &count.states));
                w.put_texts("framework_ids", count.into_iter().flat_map(|count| &count.others));
            });
        });
        w.put_list("frameworks", view.tables.frameworks_by_age(), |w, (row, framework)| {
            let count = counts.frameworks.get(&framework.id);
            w.object(|w| {
                frameworks::write_summary(w, framework, true, sums.framework(row));
                write_states(w, count.map(|count| &count.states));
                w.put_texts("slave_ids", count.into_iter().flat_map(|count| &count.others));
            });
        });
    })
}

fn write_states(w: &mut JsonWriter<'_>, states: Option<&BTreeMap<TaskState, i64>>) {
    for state in COUNTED {
        w.put_integer(state.name(), states.and_then(|states| states.get(&state)).copied().unwrap_or(0));
    }
}

/// How many tasks are in which state, by agent and by framework. Running, unreachable and remembered tasks count, of
/// the frameworks that are registered.
#[derive(Default)]
struct Counts {
    agents: BTreeMap<AgentId, Count<FrameworkId>>,
    frameworks: BTreeMap<FrameworkId, Count<AgentId>>,
}

struct Count<T> {
    states: BTreeMap<TaskState, i64>,
    /// Who else takes part in these tasks.
    others: BTreeSet<T>,
}

impl<T> Default for Count<T> {
    fn default() -> Count<T> {
        Count { states: BTreeMap::new(), others: BTreeSet::new() }
    }
}

impl<T: Ord> Count<T> {
    fn add(&mut self, state: TaskState, other: T) {
        *self.states.entry(state).or_default() += 1;
        self.others.insert(other);
    }
}

impl Counts {
    fn of(view: &View) -> Counts {
        let mut counts = Counts::default();
        view.tables.tasks.values().for_each(|task| counts.add(task));
        for past in view.tables.frameworks.values().filter_map(|own| view.tables.history.of(&own.id)) {
            past.unreachable().for_each(|task| counts.add(task));
            past.completed().for_each(|task| counts.add(&task));
        }
        counts
    }

    fn add(&mut self, task: &Task) {
        let (framework, agent) = (&task.body.framework, &task.body.agent);
        self.frameworks.entry(framework.clone()).or_default().add(task.state, agent.clone());
        self.agents.entry(agent.clone()).or_default().add(task.state, framework.clone());
    }
}
