// SPDX-License-Identifier: Apache-2.0

//! Telling the shell what executors hold: isolators measure them by it, or confine them to it.

use kaon_api::v1;
use kaon_model::Resources;

use crate::agent::{Agent, Cx};
use crate::effect::{Effect, Update};
use crate::query::held_by;
use crate::state::{Executor, Key, Phase, is_terminal};

impl Agent {
    /// An executor has come, or its tasks have changed. Mesos: a task counts from when it waits for its executor.
    pub(crate) fn tell_held(&self, cx: &mut Cx, key: &Key) {
        let Some(executor) = self.told_of(key).filter(|executor| executor.phase != Phase::Terminated) else {
            return;
        };
        cx.push(update(executor, held_by(executor)));
    }

    /// The same, where this status ends a task of it.
    pub(crate) fn tell_held_after(&self, cx: &mut Cx, key: Option<&Key>, status: &v1::TaskStatus) {
        if let Some(key) = key.filter(|_| is_terminal(status.state)) {
            self.tell_held(cx, key);
        }
    }

    /// An executor is over.
    pub(crate) fn tell_nothing_held(&self, cx: &mut Cx, key: &Key) {
        if let Some(executor) = self.told_of(key) {
            cx.push(update(executor, Resources::default()));
        }
    }

    fn told_of(&self, key: &Key) -> Option<&Executor> {
        self.state.executor(key).filter(|_| self.config.tells_updates)
    }
}

fn update(executor: &Executor, resources: Resources) -> Effect {
    let (container, sandbox) = (executor.container.clone(), executor.sandbox.clone());
    Effect::Update(Box::new(Update { container, sandbox, resources }))
}
