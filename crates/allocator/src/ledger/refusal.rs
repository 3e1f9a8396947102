// SPDX-License-Identifier: Apache-2.0

//! Why the ledger did not move something.

use crate::books::Claim;
use kaon_model::{AgentId, ConversionError, FrameworkId, OfferId, Resources, Role};

/// Why nothing was moved. A refusal leaves everything as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("agent {0} is not known: add it first")]
    UnknownAgent(AgentId),
    #[error("framework {0} is not known: add it first")]
    UnknownFramework(FrameworkId),
    #[error("offer {0} is not out: it was answered, withdrawn, or never made")]
    UnknownOffer(OfferId),
    #[error("agent {0} is known already: update it instead")]
    KnownAgent(AgentId),
    #[error("framework {0} is known already: update it instead")]
    KnownFramework(FrameworkId),
    #[error("offer {0} is out already: each offer needs an id of its own")]
    KnownOffer(OfferId),
    #[error("agent {0} is deactivated: nothing of it may be offered")]
    InactiveAgent(AgentId),
    #[error(
        "framework {framework} wants no offers in role {role}: it is inactive, or has suppressed or left the role"
    )]
    Unwanted { framework: FrameworkId, role: Role },
    #[error("framework {framework} is not subscribed to role {role}")]
    NotSubscribed { framework: FrameworkId, role: Role },
    #[error("agent {agent} has {free} free, which does not hold {wanted}")]
    NotFree { agent: AgentId, wanted: Resources, free: Resources },
    #[error("the offers hold {held}, not {wanted}")]
    NotHeld { wanted: Resources, held: Resources },
    #[error("weight {weight} of role {role} is not a positive number")]
    BadWeight { role: Role, weight: String },
    #[error("an offer of nothing")]
    Nothing,
    #[error("offers {first} and {other} are not of one agent, framework and role: accept them apart")]
    MixedOffers { first: OfferId, other: OfferId },
    #[error("{claim:?} of framework {framework} holds resources on agent {agent} already")]
    Claimed { agent: AgentId, framework: FrameworkId, claim: Claim },
    /// An operation cannot be carried out on what there is.
    #[error(transparent)]
    Conversion(#[from] ConversionError),
}
