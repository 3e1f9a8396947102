// SPDX-License-Identifier: Apache-2.0

//! What the ledger keeps for quota: the quotas themselves, with the sums that they are held against.

use super::Ledger;
use crate::books::{RoleAt, open, reserved};
use crate::quota::Quota;
use crate::tally::Tally;
use kaon_model::{Quantities, Resources, Role};
use std::sync::Arc;

impl Ledger {
    /// Sets the quota of a role, whether anybody is in it or not. One that promises and limits nothing is none.
    pub fn set_quota(&mut self, role: &Role, quota: Quota) {
        let quotas = Arc::make_mut(&mut self.books.quotas);
        if quota.is_default() {
            quotas.remove(role);
        } else {
            quotas.insert(role.clone(), quota);
        }
        self.touched.quotas.insert(role.clone());
    }

    /// Counts what an agent has, in sums of the whole cluster.
    pub(super) fn count_total(&mut self, total: &Resources) {
        self.books.total.add(&total.quantities());
        self.books.open_total.add(&open(total));
        self.reserve(total, |sum, amounts| sum.add(amounts));
    }

    pub(super) fn discount_total(&mut self, total: &Resources) {
        self.books.total.subtract(&total.quantities());
        self.books.open_total.subtract(&open(total));
        self.reserve(total, |sum, amounts| sum.subtract(amounts));
    }

    fn reserve(&mut self, total: &Resources, change: impl Fn(&mut Tally, &Quantities)) {
        let reserved = reserved(total);
        if reserved.is_empty() {
            return;
        }
        let sums = Arc::make_mut(&mut self.books.reservations);
        for (role, amounts) in reserved {
            let sum = sums.entry(role.clone()).or_default();
            change(sum, &amounts);
            if sum.is_empty() {
                sums.remove(&role);
            }
            if self.books.quotas.contains_key(&role) {
                self.touched.quotas.insert(role);
            }
        }
    }

    /// Notes that a role's consumption changed, if it has quota.
    pub(super) fn quota_touched(&mut self, at: RoleAt) {
        if self.books.quotas.is_empty() {
            return;
        }
        let role = &self.books.roles[at.0].role;
        if self.books.quotas.contains_key(role) {
            self.touched.quotas.insert(role.clone());
        }
    }
}
