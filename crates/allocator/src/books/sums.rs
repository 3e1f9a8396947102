// SPDX-License-Identifier: Apache-2.0

//! The sums that are kept for each seat and role.

use crate::tally::Tally;
use kaon_model::{Quantities, ResourceName};

/// What resources are booked as. What is booked nowhere is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// In an offer that is out, or in one whose acceptance is being worked on.
    Offered,
    /// By a task or executor.
    Used,
    /// In an operation whose end is not yet known.
    Pending,
}

impl Account {
    pub const ALL: [Account; 3] = [Account::Offered, Account::Used, Account::Pending];
}

/// Scalar amounts by account. A shared volume counts once for each seat, agent and account, whoever holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    accounts: [Tally; 3],
    open: Tally,
}

/// What a posting adds to the sums of its seat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub all: Quantities,
    /// The part that is open to all; none where it is the whole, as it mostly is.
    pub open: Option<Quantities>,
}

impl Counted {
    pub fn open(&self) -> &Quantities {
        self.open.as_ref().unwrap_or(&self.all)
    }
}

impl Sums {
    pub fn of(&self, account: Account) -> &Tally {
        &self.accounts[account as usize]
    }

    /// What it holds in any way, in thousandths: what shares are counted in.
    pub fn held(&self, name: &ResourceName) -> i128 {
        self.accounts.iter().map(|tally| tally.get(name)).sum()
    }

    /// What of it, in whatever account, is open to all, that is, neither reserved nor revocable.
    pub fn open(&self) -> &Tally {
        &self.open
    }

    pub fn is_empty(&self) -> bool {
        self.accounts.iter().all(Tally::is_empty)
    }

    pub(crate) fn add(&mut self, account: Account, counted: &Counted) {
        self.accounts[account as usize].add(&counted.all);
        self.open.add(counted.open());
    }

    pub(crate) fn subtract(&mut self, account: Account, counted: &Counted) {
        self.accounts[account as usize].subtract(&counted.all);
        self.open.subtract(counted.open());
    }

    pub(crate) fn merge(&mut self, other: &Sums) {
        self.accounts.iter_mut().zip(&other.accounts).for_each(|(own, other)| own.merge(other));
        self.open.merge(&other.open);
    }
}
