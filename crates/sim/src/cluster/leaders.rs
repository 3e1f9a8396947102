// SPDX-License-Identifier: Apache-2.0

//! Who leads: masters come and go, are elected and deposed, and everybody else hears of it sooner or later.

use std::time::Duration;

use kaon_api::libprocess::Upid;
use kaon_api::v1;

use super::masters::address;
use super::{Cluster, Event, Observer};
use crate::election::{Change, SESSION};
use crate::host;

impl Cluster {
    /// The master that leads and may write.
    pub(super) fn leading(&self) -> Option<usize> {
        let term = self.election.term();
        let leads =
            |&master: &usize| self.masters[master].lead.as_ref().is_some_and(|lead| lead.term == term);
        (0..self.masters.len()).find(leads)
    }

    pub(super) fn start_master(&mut self, master: usize) {
        let node = &mut self.masters[master];
        if node.session.is_some() {
            return;
        }
        if !node.up {
            node.up = true;
            node.life += 1;
            self.counts.add("master started");
        }
        let (candidate, change) = self.election.join(master);
        self.masters[master].session = Some(candidate.session);
        self.log.line(self.now, format!("master {master} is a candidate, session {}", candidate.session));
        self.tell(change);
    }

    /// kill -9: its session stands until nothing was heard of it for long enough.
    pub(super) fn crash_master(&mut self, master: usize) {
        let node = &mut self.masters[master];
        if !node.up {
            return;
        }
        self.log.line(self.now, format!("master {master} dies"));
        (node.up, node.lead, node.fuse, node.sleeps_until) = (false, None, None, self.now);
        let session = node.session.take();
        for agent in 0..self.agents.len() {
            self.reset(master, agent);
        }
        self.end_streams(master);
        if let Some(session) = session {
            self.after(SESSION, Event::SessionEnds { session });
        }
        let at = host::comes_back(self.now, &mut self.rng);
        self.at(at, Event::StartMaster { master });
    }

    /// It stands still. If that is for longer than its session lasts, it is deposed, and finds out when it wakes.
    pub(super) fn pause_leader(&mut self, span: Duration) {
        let Some(leader) = self.leading() else { return };
        // Of two pauses the later end counts, so that what waits comes in the order in which it was sent.
        let sleeps_until = &mut self.masters[leader].sleeps_until;
        *sleeps_until = (*sleeps_until).max(self.now + span);
        if let Some(lingers) = span.checked_sub(SESSION) {
            self.depose_leader(lingers);
        }
    }

    /// Its session ends. It finds out only so much later, and until then goes on: a lease that it may have would end
    /// sooner.
    pub(super) fn depose_leader(&mut self, lingers: Duration) {
        let Some(leader) = self.leading() else { return };
        let node = &mut self.masters[leader];
        let (Some(session), Some(term)) = (node.session.take(), node.lead.as_ref().map(|lead| lead.term))
        else {
            return;
        };
        self.after(SESSION, Event::SessionEnds { session });
        self.after(SESSION + lingers, Event::StepDown { master: leader, term });
    }

    pub(super) fn session_ends(&mut self, session: u64) {
        let change = self.election.leave(session);
        self.tell(change);
    }

    /// It knows that it does not lead any more, and becomes a candidate again.
    pub(super) fn step_down(&mut self, master: usize, term: u64) {
        let node = &mut self.masters[master];
        if node.lead.as_ref().is_none_or(|lead| lead.term != term) {
            return;
        }
        node.lead = None;
        let session = node.session.take();
        self.counts.add("leader stepped down");
        self.log.line(self.now, format!("master {master} steps down"));
        self.end_streams(master);
        if let Some(session) = session {
            self.session_ends(session);
        }
        let delay = Duration::from_millis(self.rng.below(3000));
        self.after(delay, Event::StartMaster { master });
    }

    /// The election has changed: older terms cannot write any more, and whoever watches will hear of it.
    fn tell(&mut self, change: Option<Change>) {
        let Some(change) = change else { return };
        self.counts.add("election");
        self.log.line(self.now, format!("{change:?}"));
        self.store.term = change.term;
        let delay = Duration::from_millis(self.rng.below(300));
        self.after(delay, Event::Elected { change });
        let agents = (0..self.agents.len()).map(Observer::Agent);
        let schedulers = (0..self.schedulers.len()).map(Observer::Scheduler);
        for observer in agents.chain(schedulers).collect::<Vec<_>>() {
            let delay = Duration::from_millis(self.rng.below(2000));
            self.after(delay, Event::LeaderSeen { observer, change });
        }
    }

    /// The one that was elected takes up what the registry holds.
    pub(super) fn elected(&mut self, change: Change) {
        let Some(master) = change.leader.filter(|_| change.term == self.election.term()) else { return };
        // A process that was started since is another candidate.
        let session = self.election.leader().map(|leader| leader.session);
        if !self.masters[master].up || self.masters[master].session != session {
            return;
        }
        self.counts.add("law recovery equals memory");
        match self.store.recover() {
            Ok(registry) => {
                self.counts.add("leader elected");
                self.log.line(self.now, format!("master {master} leads, term {}", change.term));
                self.lead(master, change.term, registry);
            }
            Err(broken) => self.broken.push_back(broken),
        }
    }

    pub(super) fn leader_seen(&mut self, observer: Observer, change: Change) {
        match observer {
            Observer::Agent(agent) => {
                let node = &mut self.agents[agent];
                if node.leader.is_some_and(|seen| seen.term >= change.term) {
                    return;
                }
                node.leader = Some(change);
                self.tell_agent_of_leader(agent);
            }
            Observer::Scheduler(scheduler) => self.scheduler_sees(scheduler, change),
        }
    }
}

/// How a leader presents itself.
pub fn info(master: usize) -> Box<v1::MasterInfo> {
    Box::new(v1::MasterInfo {
        id: format!("master-{master}"),
        ip: 0,
        port: 5050,
        pid: Some(Upid::new("master", address(master)).to_string()),
        hostname: Some(format!("master-{master}")),
        ..Default::default()
    })
}
