// SPDX-License-Identifier: Apache-2.0

//! An agent that was started to end what the one before it left running: `--recover=cleanup`.

use crate::agent::{Agent, Cx};
use crate::effect::Effect;
use crate::state::{Executor, Key, Kind, Phase, Session};

impl Agent {
    /// Ends every executor, then the agent. What their tasks came to is noted: the next agent tells it.
    ///
    /// Mesos: the next agent finds those executors completed, and the frameworks hear that their tasks are lost.
    pub(super) fn clean_up(&mut self, cx: &mut Cx) {
        self.recovered(cx);
        self.state.session = Session::Terminating;
        self.cleaning = true;
        let keys: Vec<Key> = self.state.executors().map(Executor::key).collect();
        for key in keys {
            let Some(executor) = self.state.executor(&key) else { continue };
            // It has not come back yet, so it cannot be asked.
            let is_deaf = executor.kind == Kind::Custom && executor.peer.is_none();
            let container = executor.container.clone();
            self.shutdown_executor(cx, &key);
            if is_deaf {
                cx.push(Effect::Destroy { container });
            }
        }
        self.exit_if_done(cx);
    }

    /// Whether all that was to be ended has ended.
    pub(crate) fn is_clean(&self) -> bool {
        self.cleaning && self.state.executors().all(|executor| executor.phase == Phase::Terminated)
    }
}
