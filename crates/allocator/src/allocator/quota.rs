// SPDX-License-Identifier: Apache-2.0

//! What operators set that decides who is offered what: quota, the pause before it is met, the whitelist.

use super::Allocator;
use crate::hold::Hold;
use crate::pace::Urgency;
use crate::quota::Quota;
use crate::work::Work;
use kaon_model::{Mono, Role};
use std::collections::BTreeSet;
use std::time::Duration;

impl Allocator {
    /// Sets the quota of a role; one that promises and limits nothing is none. Offers that are out stay out: the
    /// owner withdraws what the new quota does not allow.
    pub fn set_quota(&mut self, now: Mono, role: &Role, quota: Quota) {
        self.ledger.set_quota(role, quota);
        // Who was held back by the old one may be offered more now.
        self.note(now, Urgency::AtTick, Work::room);
    }

    /// Offers nothing until so many agents were added, or `timeout` has passed.
    ///
    /// Mesos: only where there is quota.
    pub fn hold(&mut self, now: Mono, agents: usize, timeout: Duration) {
        self.hold = Hold::new(agents, now + timeout);
    }

    /// Offers agents on these hosts alone; none means all hosts. Offers that are out stay out.
    pub fn set_whitelist(&mut self, now: Mono, hosts: Option<BTreeSet<String>>) {
        if self.whitelist != hosts {
            self.whitelist = hosts;
            self.note(now, Urgency::AtTick, Work::everything);
        }
    }

    /// Whether it is too early for any offer. What was noted meanwhile is looked at afterwards.
    pub(super) fn is_on_hold(&mut self, now: Mono) -> bool {
        self.hold.take_if(|hold| hold.is_over(now));
        self.hold.is_some()
    }
}
