// SPDX-License-Identifier: Apache-2.0

//! The ensemble in which masters stand for election, as those see it who look for the leader.

pub mod candidates;
mod detector;
mod url;

use std::time::Duration;

use zookeeper_client::{Client, Error};

pub use detector::{Detector, watch_first};
pub use url::{BadUrl, Url};

/// Mesos: how long the ensemble keeps a session of which it hears nothing.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the ensemble is of no help.
#[derive(Debug, thiserror::Error)]
pub enum ZooKeeperError {
    #[error("cannot connect to ZooKeeper at {servers}: {error}")]
    Connect { servers: String, error: Error },
    #[error("cannot {what} '{path}' in ZooKeeper: {error}")]
    Failed { what: &'static str, path: String, error: Error },
    #[error("what stands in '{path}' in ZooKeeper is no description of a master: {reason}")]
    NoMaster { path: String, reason: String },
    #[error("the session with ZooKeeper has expired")]
    Expired,
}

impl ZooKeeperError {
    /// Whether trying again is of no use: the credentials do not allow what is needed.
    pub fn is_lasting(&self) -> bool {
        let (Self::Connect { error, .. } | Self::Failed { error, .. }) = self else { return false };
        matches!(error, Error::NoAuth | Error::InvalidAcl | Error::AuthFailed)
    }
}

/// Gives an error of the ensemble its subject.
pub fn failed<'a>(what: &'static str, path: &'a str) -> impl Fn(Error) -> ZooKeeperError + 'a {
    move |error| ZooKeeperError::Failed { what, path: path.to_owned(), error }
}

/// Opens a session.
pub async fn connect(url: &Url, session_timeout: Duration) -> Result<Client, ZooKeeperError> {
    let mut connector = Client::connector().with_session_timeout(session_timeout);
    if let Some(credentials) = &url.credentials {
        connector = connector.with_auth("digest", credentials.as_bytes());
    }
    let told = |error| ZooKeeperError::Connect { servers: url.servers.clone(), error };
    connector.connect(&url.servers).await.map_err(told)
}
