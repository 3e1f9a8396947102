// SPDX-License-Identifier: Apache-2.0

//! What is remembered of that which is over.
//!
//! Bound: each ring forgets its oldest entry beyond the limits of the configuration.

mod ended;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use kaon_model::{AgentId, FrameworkId, TaskId, Wall};

use super::{Framework, Task};
use ended::Ended;

/// The past of frameworks. Copied whole when written while a picture holds it, so it is behind one pointer each.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Of frameworks that run, and of those that are remembered.
    tasks: BTreeMap<FrameworkId, Arc<Past>>,
    /// Frameworks that are gone, oldest first.
    frameworks: Arc<VecDeque<Arc<Completed>>>,
    completed: Arc<BTreeSet<FrameworkId>>,
}

/// The past tasks of one framework.
#[derive(Clone, Debug, Default)]
pub struct Past {
    completed: Ended,
    unreachable: BTreeMap<TaskId, (u64, Arc<Task>)>,
    order: BTreeMap<u64, TaskId>,
    next: u64,
}

/// A framework that is gone.
#[derive(Clone, Debug)]
pub struct Completed {
    pub framework: Framework,
    pub unregistered: Wall,
}

impl Past {
    /// Oldest first.
    pub fn completed(&self) -> impl Iterator<Item = Task> {
        self.completed.iter()
    }

    /// Oldest first.
    pub fn unreachable(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.order.values().filter_map(|id| self.unreachable.get(id)).map(|(_, task)| task)
    }
}

impl History {
    pub fn of(&self, framework: &FrameworkId) -> Option<&Past> {
        self.tasks.get(framework).map(|past| &**past)
    }

    /// The tasks of a framework that ended, as far as that is remembered. Reads them all.
    pub fn ended_ids(&self, framework: &FrameworkId) -> BTreeSet<TaskId> {
        self.of(framework).into_iter().flat_map(Past::completed).map(|task| task.body.id.clone()).collect()
    }

    /// Oldest first.
    pub fn frameworks(&self) -> impl Iterator<Item = &Completed> {
        self.frameworks.iter().map(|completed| &**completed)
    }

    /// Whether this framework was removed and is still remembered.
    pub fn is_completed(&self, framework: &str) -> bool {
        self.completed.contains(framework)
    }

    pub fn is_unreachable(&self, framework: &FrameworkId, task: &str) -> bool {
        self.of(framework).is_some_and(|past| past.unreachable.contains_key(task))
    }

    pub fn add_completed(&mut self, task: Task, limit: usize) {
        self.past_mut(&task.body.framework).completed.push(&task, limit);
    }

    pub fn add_unreachable(&mut self, task: Task, limit: usize) {
        let past = self.past_mut(&task.body.framework);
        past.next += 1;
        let (id, number) = (task.body.id.clone(), past.next);
        if let Some((old, _)) = past.unreachable.insert(id.clone(), (number, Arc::new(task))) {
            past.order.remove(&old);
        }
        past.order.insert(number, id);
        while past.order.len() > limit
            && let Some((_, id)) = past.order.pop_first()
        {
            past.unreachable.remove(&id);
        }
    }

    /// A task that was unreachable is back.
    pub fn take_unreachable(&mut self, framework: &FrameworkId, task: &TaskId) -> Option<Arc<Task>> {
        if !self.is_unreachable(framework, task.as_str()) {
            return None;
        }
        let past = self.past_mut(framework);
        let (number, task) = past.unreachable.remove(task)?;
        past.order.remove(&number);
        Some(task)
    }

    /// Takes the unreachable tasks of a framework out, oldest first.
    pub fn take_all_unreachable(&mut self, framework: &FrameworkId) -> Vec<Arc<Task>> {
        let all: Vec<_> = self.of(framework).into_iter().flat_map(Past::unreachable).cloned().collect();
        if !all.is_empty() {
            let past = self.past_mut(framework);
            past.unreachable.clear();
            past.order.clear();
        }
        all
    }

    /// Forgets the unreachable tasks of one agent.
    pub fn forget_unreachable(&mut self, agent: &AgentId) {
        for past in self.tasks.values_mut() {
            let gone = |task: &Arc<Task>| task.body.agent == *agent;
            if !past.unreachable.values().any(|(_, task)| gone(task)) {
                continue;
            }
            let past = Arc::make_mut(past);
            past.unreachable.retain(|_, (_, task)| !gone(task));
            past.order.retain(|_, id| past.unreachable.contains_key(id));
        }
    }

    /// Remembers a framework that is gone, with the tasks it leaves, and forgets the oldest.
    pub fn add_framework(&mut self, framework: Framework, now: Wall, limit: usize) {
        let ring = Arc::make_mut(&mut self.frameworks);
        Arc::make_mut(&mut self.completed).insert(framework.id.clone());
        ring.push_back(Arc::new(Completed { framework, unregistered: now }));
        while ring.len() > limit
            && let Some(oldest) = ring.pop_front()
        {
            self.tasks.remove(&oldest.framework.id);
            Arc::make_mut(&mut self.completed).remove(&oldest.framework.id);
        }
    }

    fn past_mut(&mut self, framework: &FrameworkId) -> &mut Past {
        Arc::make_mut(self.tasks.entry(framework.clone()).or_default())
    }
}
