// SPDX-License-Identifier: Apache-2.0

//! Frameworks whose scheduler has gone: they keep their tasks for a while.

use kaon_model::Span;

use crate::effect::Effect;
use crate::events;
use crate::master::{Master, TimerKey, Turn};
use crate::state::FrameworkRow;
use crate::state::frameworks::Connection;

impl Master {
    /// Its stream has ended, or its driver has. Its offers go back, its refusals end, and its time runs.
    pub(crate) fn framework_disconnected(&mut self, turn: &mut Turn, row: FrameworkRow) {
        let driver = self.state.framework(row).driver().cloned();
        self.state.reconnect_framework(row, Connection::Disconnected { driver });
        self.timers.cancel(&TimerKey::Heartbeat(row));
        self.retune_framework(row);
        self.discard_framework_offers(row);
        let timeout = Span::from_secs_f64(self.state.framework(row).info.failover_timeout());
        let timeout = timeout.unwrap_or(Span::from_secs(0)).to_std();
        self.timers.set(TimerKey::Failover(row), turn.now.mono + timeout);
        self.watch_framework_updated(turn, row);
    }

    /// A framework is known from what its agents run alone.
    ///
    /// Mesos: waits for its scheduler for ever, and its tasks with it. Here the operator can set an end to that; it is
    /// never before the framework's own, nor before the agents had their time.
    pub(crate) fn await_scheduler(&mut self, turn: &mut Turn, row: FrameworkRow) {
        let Some(timeout) = self.config.recovered_framework_timeout else { return };
        let own = Span::from_secs_f64(self.state.framework(row).info.failover_timeout());
        let own = own.unwrap_or(Span::ZERO).to_std();
        let timeout = timeout.max(own).max(self.config.agent_reregister_timeout);
        self.timers.set(TimerKey::Failover(row), turn.now.mono + timeout);
    }

    /// It did not come back in time.
    pub(crate) fn failover_overdue(&mut self, turn: &mut Turn, row: FrameworkRow) {
        let framework = self.state.framework(row);
        if framework.is_recovered() {
            let (id, name) = (&framework.id, &framework.info.name);
            let message = format!(
                "Removing framework {id} ({name}): no scheduler came for it within --recovered_framework_timeout"
            );
            turn.out.push(Effect::Warn { message });
        }
        self.remove_framework(turn, row);
    }

    /// Proves to the scheduler that its stream lives.
    pub(crate) fn heartbeat_due(&mut self, turn: &mut Turn, row: FrameworkRow) {
        self.timers.set(TimerKey::Heartbeat(row), turn.now.mono + self.config.heartbeat_interval);
        self.tell(turn, row, events::heartbeat());
    }
}
