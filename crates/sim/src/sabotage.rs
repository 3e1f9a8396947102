// SPDX-License-Identifier: Apache-2.0

//! The deliberate bugs, each of which a law must catch: who tests the tests.

use std::str::FromStr;

/// One rule that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Rules of the ledger.
    Ledger(kaon_allocator::Sabotage),
    Master(kaon_master::Sabotage),
    Agent(kaon_agent::Sabotage),
    /// Agents are told that facts are durable before they are.
    SkipASync,
    /// A deposed master's writes are let in.
    ForgetFencing,
    /// An order to run a task is sent again over the next connection.
    DoubleLaunchOnRetry,
}

impl Sabotage {
    fn all() -> impl Iterator<Item = Sabotage> {
        let ledger = kaon_allocator::Sabotage::ALL.into_iter().map(Sabotage::Ledger);
        let master = kaon_master::Sabotage::ALL.into_iter().map(Sabotage::Master);
        let agent = kaon_agent::Sabotage::ALL.into_iter().map(Sabotage::Agent);
        ledger.chain(master).chain(agent).chain([
            Sabotage::SkipASync,
            Sabotage::ForgetFencing,
            Sabotage::DoubleLaunchOnRetry,
        ])
    }

    pub fn name(self) -> &'static str {
        match self {
            Sabotage::Ledger(own) => own.name(),
            Sabotage::Master(own) => own.name(),
            Sabotage::Agent(own) => own.name(),
            Sabotage::SkipASync => "skip-a-sync",
            Sabotage::ForgetFencing => "forget-fencing",
            Sabotage::DoubleLaunchOnRetry => "double-launch-on-retry",
        }
    }

    pub fn of_ledger(self) -> Option<kaon_allocator::Sabotage> {
        if let Sabotage::Ledger(own) = self { Some(own) } else { None }
    }

    pub fn of_master(self) -> Option<kaon_master::Sabotage> {
        if let Sabotage::Master(own) = self { Some(own) } else { None }
    }

    pub fn of_agent(self) -> Option<kaon_agent::Sabotage> {
        if let Sabotage::Agent(own) = self { Some(own) } else { None }
    }
}

impl FromStr for Sabotage {
    type Err = String;
    fn from_str(name: &str) -> Result<Sabotage, String> {
        let known = || Sabotage::all().map(Sabotage::name).collect::<Vec<_>>().join(", ");
        let found = Sabotage::all().find(|sabotage| sabotage.name() == name);
        found.ok_or_else(|| format!("no sabotage is called '{name}'; there are {}", known()))
    }
}
