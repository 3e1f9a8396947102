// SPDX-License-Identifier: Apache-2.0

//! How an agent leaves: with everything it runs, or alone.

use kaon_api::internal::{ShutdownMessage, UnregisterAgentMessage};
use kaon_api::v1;
use kaon_model::FrameworkId;

use crate::agent::{Agent, Cx, Timer};
use crate::effect::{Effect, ToPeer};
use crate::state::Session;

impl Agent {
    /// The operator wants the host empty: the master is told, everything ends, then the agent.
    pub(crate) fn leave(&mut self, cx: &mut Cx) {
        if self.state.session == Session::Terminating {
            return;
        }
        if let (Some(master), Some(id)) = (&self.state.master, &self.state.id) {
            let message =
                UnregisterAgentMessage { agent_id: v1::AgentID::from(id.as_str()), ..Default::default() };
            cx.push(Effect::Send { to: master.pid.clone(), message: Box::new(ToPeer::Unregister(message)) });
        }
        self.terminate(cx);
    }

    /// The master wants the agent gone.
    pub(crate) fn shutdown_by_master(&mut self, cx: &mut Cx, message: &ShutdownMessage) {
        let why = message.message.as_deref().unwrap_or("no reason given");
        cx.warn(format!("The master asked this agent to shut down: {why}"));
        if self.state.session != Session::Terminating {
            self.terminate(cx);
        }
    }

    fn terminate(&mut self, cx: &mut Cx) {
        self.state.session = Session::Terminating;
        self.pause_updates();
        for timer in [Timer::Register, Timer::Authenticate, Timer::Ping, Timer::Recovered] {
            self.timers.cancel(&timer);
        }
        let frameworks: Vec<FrameworkId> = self.state.frameworks.keys().cloned().collect();
        if frameworks.is_empty() {
            return self.exit_if_done(cx);
        }
        for framework in frameworks {
            self.shutdown_framework(cx, &framework);
        }
    }

    /// The operator ends the agent; tasks live on.
    pub(crate) fn stop(&mut self, cx: &mut Cx) {
        cx.push(Effect::Exit {
            code: 0,
            message: "Stopped; tasks of checkpointing frameworks run on".to_string(),
        });
    }
}
