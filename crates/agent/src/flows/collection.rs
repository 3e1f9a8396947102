// SPDX-License-Identifier: Apache-2.0

//! The removal of sandboxes that nobody needs any more.

use std::collections::{BTreeMap, VecDeque};

use kaon_model::{AgentId, ContainerId, ExecutorId, FrameworkId, Mono, Wall};

use crate::agent::{Agent, Cx, Timer};
use crate::effect::Effect;
use crate::journal::FileOp;
use crate::journal::facts;
use crate::journal::layout::Tree;
use crate::state::{Executor, Key};

/// Bound: sandboxes that wait for their removal. Beyond it the oldest goes early, however long it was to be kept.
const MAX_SANDBOXES: usize = 10_000;

#[derive(Clone, Debug)]
struct Sandbox {
    due: Mono,
    key: Key,
    container: ContainerId,
    checkpoints: bool,
}

/// The sandboxes of ended runs, oldest first: all are kept for the same time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Garbage {
    sandboxes: VecDeque<Sandbox>,
    /// How many of an executor's runs wait here; its own folder goes with the last.
    runs: BTreeMap<FrameworkId, BTreeMap<ExecutorId, u32>>,
}

impl Garbage {
    fn push(&mut self, sandbox: Sandbox) {
        let runs = self.runs.entry(sandbox.key.framework.clone()).or_default();
        *runs.entry(sandbox.key.executor.clone()).or_default() += 1;
        self.sandboxes.push_back(sandbox);
    }

    fn pop(&mut self) -> Option<Sandbox> {
        let sandbox = self.sandboxes.pop_front()?;
        if let Some(runs) = self.runs.get_mut(&sandbox.key.framework) {
            if let Some(count) = runs.get_mut(&sandbox.key.executor) {
                *count -= 1;
                if *count == 0 {
                    runs.remove(&sandbox.key.executor);
                }
            }
            if runs.is_empty() {
                self.runs.remove(&sandbox.key.framework);
            }
        }
        Some(sandbox)
    }

    fn next_due(&self) -> Option<Mono> {
        self.sandboxes.front().map(|sandbox| sandbox.due)
    }

    fn has_framework(&self, framework: &FrameworkId) -> bool {
        self.runs.contains_key(framework)
    }

    fn has_executor(&self, key: &Key) -> bool {
        self.runs.get(&key.framework).is_some_and(|runs| runs.contains_key(&key.executor))
    }
}

impl Agent {
    /// Puts the sandbox of an ended run on the list.
    pub(crate) fn discard_later(&mut self, cx: &mut Cx, executor: &Executor) {
        let (key, container) = (executor.key(), executor.container.clone());
        self.discard_run(cx, key, container, executor.checkpoints, cx.now.wall);
    }

    /// The same for a run that ended at a known time, perhaps before this agent began.
    pub(crate) fn discard_run(
        &mut self,
        cx: &mut Cx,
        key: Key,
        container: ContainerId,
        checkpoints: bool,
        ended: Wall,
    ) {
        let age = u64::try_from(cx.now.wall.nanos().saturating_sub(ended.nanos())).unwrap_or(0);
        let left = self.config.gc_delay.saturating_sub(std::time::Duration::from_nanos(age));
        let due = cx.now.mono + left;
        self.garbage.push(Sandbox { due, key, container, checkpoints });
        while self.garbage.sandboxes.len() > MAX_SANDBOXES {
            self.discard_oldest(cx);
        }
        self.rearm_collection();
    }

    /// Puts all that an agent left, which was registered here before, on the list. Its time begins anew with every
    /// start of this agent.
    pub(crate) fn discard_agent(&mut self, cx: &Cx, id: AgentId) {
        self.timers.set(Timer::Discard(id), cx.now.mono + self.config.gc_delay);
    }

    pub(crate) fn collect_agent(&mut self, cx: &mut Cx, id: &AgentId) {
        self.state.counters.path_removals += 1;
        cx.push(Effect::Remove { path: Tree::Sandboxes.agent(id) });
        self.record(cx, vec![FileOp::Remove { path: Tree::Meta.agent(id) }], None);
    }

    pub(crate) fn collect(&mut self, cx: &mut Cx) {
        while self.garbage.next_due().is_some_and(|due| due <= cx.now.mono) {
            self.discard_oldest(cx);
        }
        self.rearm_collection();
    }

    fn rearm_collection(&mut self) {
        self.state.garbage = self.garbage.sandboxes.len();
        match self.garbage.next_due() {
            Some(due) => self.timers.set(Timer::Collect, due),
            None => drop(self.timers.cancel(&Timer::Collect)),
        }
    }

    /// Removes the oldest sandbox with the facts about it, and the folders around it that hold nothing else.
    fn discard_oldest(&mut self, cx: &mut Cx) {
        let Some(sandbox) = self.garbage.pop() else { return };
        let Some(agent) = self.state.id.clone() else { return };
        let Sandbox { key, container, checkpoints, .. } = sandbox;
        self.state.counters.path_removals += 1;
        let framework_is_used =
            self.state.frameworks.contains_key(&key.framework) || self.garbage.has_framework(&key.framework);
        let executor_is_used = self.state.executor(&key).is_some() || self.garbage.has_executor(&key);
        let folder = |tree: Tree| match (framework_is_used, executor_is_used) {
            (false, _) => tree.framework(&agent, &key.framework),
            (true, false) => tree.executor(&agent, &key.framework, &key.executor),
            (true, true) => tree.run(&agent, &key.framework, &key.executor, &container),
        };
        cx.push(Effect::Remove { path: folder(Tree::Sandboxes) });
        if checkpoints {
            let op = match (framework_is_used, executor_is_used) {
                (true, true) => facts::forget_run(&agent, &key.framework, &key.executor, &container),
                _ => FileOp::Remove { path: folder(Tree::Meta) },
            };
            self.record(cx, vec![op], None);
        }
    }
}
