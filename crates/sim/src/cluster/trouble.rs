// SPDX-License-Identifier: Apache-2.0

//! How each fault comes about, and how all of them end.

use std::time::Duration;

use kaon_model::Mono;

use super::operators::Asked;
use super::{Cluster, Event};
use crate::faults::{Fault, Way};

impl Cluster {
    pub(super) fn fault(&mut self, fault: Fault) {
        self.counts.add(fault.kind());
        self.log.line(self.now, format!("{fault:?}"));
        match fault {
            Fault::Cut { agent, way, span } => self.cut(agent, way, span),
            Fault::Reset { agent } => {
                for master in 0..self.masters.len() {
                    self.reset(master, agent);
                }
            }
            Fault::CrashAgent { agent, after: 0 } => self.crash_agent(agent),
            Fault::CrashAgent { agent, after } => self.agents[agent].fuse = Some(after),
            Fault::PauseAgent { agent, span } => {
                let sleeps_until = &mut self.agents[agent].sleeps_until;
                *sleeps_until = (*sleeps_until).max(self.now + span);
            }
            Fault::Reboot { agent } => self.reboot(agent),
            Fault::FillDisk { agent, span } => {
                let full_until = &mut self.agents[agent].full_until;
                *full_until = (*full_until).max(self.now + span);
            }
            Fault::Limit { agent } => self.limit(agent),
            Fault::MarkGone { agent } => self.ask(agent, Asked::Gone),
            Fault::Drain { agent, grace, gone } => self.ask(agent, Asked::Drain { grace, gone }),
            Fault::Deactivate { agent } => self.ask(agent, Asked::Deactivate),
            Fault::Reactivate { agent } => self.ask(agent, Asked::Reactivate),
            Fault::Enforce { agent, ahead, grace } => self.enforce(agent, ahead, grace),
            Fault::ClearSchedule => self.clear_schedule(),
            Fault::JumpClock { agent, seconds } => self.agents[agent].clock.jump(seconds),
            Fault::DropStream { scheduler, lag } => self.drop_stream(scheduler, lag),
            Fault::TakeOver { scheduler } => self.take_over(scheduler),
            Fault::CrashLeader { after } => {
                let Some(leader) = self.leading() else { return };
                match after {
                    0 => self.crash_master(leader),
                    _ => self.masters[leader].fuse = Some(after),
                }
            }
            Fault::PauseLeader { span } => self.pause_leader(span),
            Fault::DeposeLeader { lingers } => self.depose_leader(lingers),
            Fault::SlowStore { span } => self.store.slow_until = self.now + span,
            Fault::FailStore { written } => self.store.fails = Some(written),
        }
    }

    /// The faults are over: all that is still wanted is that everything ends well.
    pub(super) fn heal(&mut self) {
        self.log.line(self.now, "healing");
        self.healing = Some(self.now);
        self.network.heal_all();
        (self.store.slow_until, self.store.fails) = (self.now, None);
        self.agents.iter_mut().for_each(|agent| agent.fuse = None);
        self.masters.iter_mut().for_each(|master| master.fuse = None);
        self.schedulers.iter_mut().for_each(|scheduler| scheduler.closing = true);
        self.after(Duration::from_secs(10), Event::TakeBack);
    }

    /// Until when a process stands still that this is meant for.
    pub(super) fn sleeps(&self, event: &Event) -> Option<Mono> {
        let until = match event {
            Event::MessageToMaster { master, .. }
            | Event::ExitedAtMaster { master, .. }
            | Event::WakeMaster { master, .. }
            | Event::Stored { master, .. }
            | Event::StreamEndsAtMaster { master, .. }
            | Event::CallArrives { master, .. } => self.masters[*master].sleeps_until,
            Event::MessageToAgent { agent, .. }
            | Event::ExitedAtAgent { agent, .. }
            | Event::WakeAgent { agent, .. }
            | Event::Written { agent, .. }
            | Event::Disk { agent, .. }
            | Event::Container { agent, .. } => self.agents[*agent].sleeps_until,
            _ => return None,
        };
        (until > self.now).then_some(until)
    }

    fn cut(&mut self, agent: usize, way: Way, span: Duration) {
        let (until, there) = (self.now + span, self.agent_node(agent));
        for master in 0..self.masters.len() {
            if way != Way::FromAgent {
                self.network.cut(master, there, until);
            }
            if way != Way::ToAgent {
                self.network.cut(there, master, until);
            }
        }
    }

    /// A node's place in the network; those of the masters come first.
    pub(super) fn agent_node(&self, agent: usize) -> usize {
        self.masters.len() + agent
    }

    /// Breaks what is between a master and an agent; whoever is linked is told.
    pub(super) fn reset(&mut self, master: usize, agent: usize) {
        for (from, _) in self.network.reset(master, self.agent_node(agent)) {
            let event = if from == master {
                Event::ExitedAtMaster { master, agent }
            } else {
                Event::ExitedAtAgent { master, agent }
            };
            self.after(Duration::from_millis(1), event);
        }
        #[cfg(feature = "sabotage")]
        if let Some((name, body)) = self.agents[agent].last_order.clone()
            && self.is_sabotaged(crate::sabotage::Sabotage::DoubleLaunchOnRetry)
        {
            let channel = self.network.channel(master, self.agent_node(agent));
            let from = "master".to_owned();
            let again = Event::MessageToAgent { channel, master, agent, from, name, body };
            self.after(Duration::from_secs(20), again);
        }
    }
}
