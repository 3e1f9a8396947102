// SPDX-License-Identifier: Apache-2.0

//! What can go wrong between a program and its cluster.

use std::time::Duration;

use crate::{Address, AddressError, Masters};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error(
        "cannot connect to {address}: {reason}; check the address, and that a master or agent runs there"
    )]
    Connect { address: Address, reason: std::io::Error },
    #[error("{address} did not {what} within {within:?}")]
    Timeout { address: Address, what: &'static str, within: Duration },
    #[error("the connection to {address} broke: {reason}")]
    Broken { address: Address, reason: String },
    /// The peer understood, and declined.
    #[error("{address} answered {status}{}{text}", if text.is_empty() { "" } else { ": " })]
    Status { address: Address, status: u16, text: String },
    #[error("{address} sent what cannot be read: {reason}")]
    Unreadable { address: Address, reason: String },
    #[error("{address} leads no longer and names no other leader; try again in a few seconds")]
    NoLeader { address: Address },
    #[error("nobody leads at {0}, or ZooKeeper cannot be reached there")]
    NobodyLeads(Masters),
    /// The master will not have this framework: the text of its ERROR event.
    #[error("the master refused the framework: {0}")]
    Refused(String),
    #[error("there is no subscription at present, so the call was not sent")]
    NotSubscribed,
    #[error("the connection broke before the call was answered; whether it was carried out is unknown")]
    Unanswered,
    #[error("the environment variable {name} {problem}; an executor is to be started by an agent")]
    Environment { name: &'static str, problem: String },
    #[error("the agent has been unreachable for longer than the {0:?} that it may take to recover")]
    AgentLost(Duration),
}

impl Error {
    /// Whether a peer may well give another answer a little later.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            // Mesos: a master that is not set up yet answers 404, one that recovers or knows no leader 503.
            Error::Status { status, .. } => matches!(status, 404 | 408 | 429 | 500 | 502..=504),
            Error::Connect { .. } | Error::Timeout { .. } | Error::Broken { .. } => true,
            Error::Unreadable { .. } | Error::NoLeader { .. } | Error::NobodyLeads(_) | Error::Unanswered => {
                true
            }
            Error::Address(_) | Error::Refused(_) | Error::NotSubscribed => false,
            Error::Environment { .. } | Error::AgentLost(_) => false,
        }
    }
}
