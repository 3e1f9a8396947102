// SPDX-License-Identifier: Apache-2.0

//! The ensemble by which masters find out who leads, and others find the leader.

pub mod candidates;
mod url;

use std::time::Duration;

use zookeeper_client::{Acl, Acls, Client, CreateMode, Error, Permission};

pub use url::{BadUrl, Url};

/// Mesos: with credentials, everybody reads and we alone write; without, everybody does both.
const OURS: &[Acl] =
    &[Acl::new_const(Permission::READ, "world", "anyone"), Acl::new_const(Permission::ALL, "auth", "")];

/// Why the ensemble is of no help.
#[derive(Debug, thiserror::Error)]
pub enum ZooKeeperError {
    #[error("cannot connect to ZooKeeper at {servers}: {error}")]
    Connect { servers: String, error: Error },
    #[error("cannot {what} '{path}' in ZooKeeper: {error}")]
    Failed { what: &'static str, path: String, error: Error },
    #[error("what stands in '{path}' in ZooKeeper is no description of a master: {reason}")]
    NoMaster { path: String, reason: String },
}

/// Gives an error of the ensemble its subject.
pub fn failed<'a>(what: &'static str, path: &'a str) -> impl Fn(Error) -> ZooKeeperError + 'a {
    move |error| ZooKeeperError::Failed { what, path: path.to_owned(), error }
}

/// Opens a session, in which the path of the url exists.
pub async fn connect(url: &Url, session_timeout: Duration) -> Result<Client, ZooKeeperError> {
    let mut connector = Client::connector().with_session_timeout(session_timeout);
    if let Some(credentials) = &url.credentials {
        connector = connector.with_auth("digest", credentials.as_bytes());
    }
    let told = |error| ZooKeeperError::Connect { servers: url.servers.clone(), error };
    let client = connector.connect(&url.servers).await.map_err(told)?;
    match client.mkdir(&url.path, &CreateMode::Persistent.with_acls(acls(url))).await {
        // Without the right to write to what lies above, it may be there all the same.
        Ok(()) | Err(Error::NodeExists) => Ok(client),
        Err(error) => match client.check_stat(&url.path).await {
            Ok(Some(_)) => Ok(client),
            _ => Err(failed("create", &url.path)(error)),
        },
    }
}

/// Who may do what with the nodes that are made.
pub fn acls(url: &Url) -> Acls<'static> {
    match &url.credentials {
        Some(_) => Acls::new(OURS),
        None => Acls::anyone_all(),
    }
}
