// SPDX-License-Identifier: Apache-2.0

//! The reasons for which a call is not carried out.

use crate::effect::Reply;

/// Why a call is refused. The dispatcher turns it into the reply; the texts reach clients, so they are Mesos's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    #[error("Framework cannot be found")]
    UnknownFramework,
    #[error(
        "Authenticated principal '{authenticated}' does not match principal '{claimed}' set in `FrameworkInfo`"
    )]
    PrincipalMismatch { authenticated: String, claimed: String },
    /// Mesos: does not say what would be needed.
    #[error("403 Forbidden.")]
    Forbidden,
    #[error("Framework is not subscribed")]
    NotSubscribed,
    #[error("Framework is not connected via HTTP")]
    NotByHttp,
    #[error("All non-subscribe calls should include the 'Mesos-Stream-Id' header")]
    NoStreamId,
    #[error(
        "The stream ID '{given}' included in this request didn't match the stream ID currently associated with \
         framework ID {framework}"
    )]
    WrongStreamId { given: String, framework: String },
    /// The call is of type UNKNOWN, or one that this master does not have.
    #[error("{0}")]
    NotImplemented(String),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    Busy(String),
}

impl Rejection {
    /// The status of HTTP that tells it.
    fn code(&self) -> u16 {
        match self {
            Rejection::UnknownFramework | Rejection::PrincipalMismatch { .. } | Rejection::NoStreamId => 400,
            Rejection::WrongStreamId { .. } | Rejection::Invalid(_) => 400,
            Rejection::Forbidden | Rejection::NotSubscribed | Rejection::NotByHttp => 403,
            Rejection::NotFound(_) => 404,
            Rejection::Conflict(_) => 409,
            Rejection::NotImplemented(_) => 501,
            Rejection::Busy(_) => 503,
        }
    }
}

impl From<Rejection> for Reply {
    fn from(rejection: Rejection) -> Reply {
        Reply::Refused { code: rejection.code(), text: rejection.to_string() }
    }
}
