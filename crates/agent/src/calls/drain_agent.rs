// SPDX-License-Identifier: Apache-2.0

//! DrainAgent: the host is to be emptied.

use kaon_api::internal::DrainAgentMessage;

use crate::agent::{Agent, Awaited, Cx};
use crate::journal::facts;
use crate::state::{Drain, Session};

impl Agent {
    /// Kills all that runs, and refuses what comes, until nothing is left. Said again, the newest word counts, though a
    /// kill that has begun can only be shortened.
    ///
    /// Mesos: no answer, and nothing to do where nothing runs; that it is drained is the master's to find.
    pub(crate) fn drain_agent(&mut self, cx: &mut Cx, message: DrainAgentMessage) {
        // One that recovers will hear it again when it registers.
        let may = !matches!(self.state.session, Session::Recovering | Session::Terminating);
        let Some(agent) = self.state.id.clone().filter(|_| may && !self.is_empty()) else { return };
        let op = facts::drain(&agent, &message.config);
        self.state.drain = Some(Drain { config: message.config, since: cx.now.wall });
        self.record(cx, vec![op], Some(Awaited::Drain));
        // On a full disk the kill is worth more than that the next agent knows of it.
        if self.state.disk_problem.is_some() {
            self.empty(cx);
        }
    }
}
