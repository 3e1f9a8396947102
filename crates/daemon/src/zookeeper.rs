// SPDX-License-Identifier: Apache-2.0

//! How a master stands for election in ZooKeeper.

use kaon_api::json::{Dialect, to_json};
use kaon_api::v1::MasterInfo;
use kaon_sdk::zookeeper::{Url, ZooKeeperError, candidates::LABEL, failed};
use zookeeper_client::{Acl, Acls, Client, CreateMode, Error, MultiWriteError, Permission};

/// Mesos: with credentials, everybody reads and we alone write; without, everybody does both.
const OURS: &[Acl] =
    &[Acl::new_const(Permission::READ, "world", "anyone"), Acl::new_const(Permission::ALL, "auth", "")];

/// Who may do what with the nodes that are made.
pub fn acls(url: &Url) -> Acls<'static> {
    match &url.credentials {
        Some(_) => Acls::new(OURS),
        None => Acls::anyone_all(),
    }
}

/// Makes the path where masters stand, if it is not there.
pub async fn prepare(client: &Client, url: &Url) -> Result<(), ZooKeeperError> {
    match client.mkdir(&url.path, &CreateMode::Persistent.with_acls(acls(url))).await {
        Ok(()) | Err(Error::NodeExists) => Ok(()),
        // Without the right to write to what lies above, it may be there all the same.
        Err(error) => match client.check_stat(&url.path).await {
            Ok(Some(_)) => Ok(()),
            _ => Err(failed("create", &url.path)(error)),
        },
    }
}

/// Stands for election; the name of the node, which goes with the session.
pub async fn stand(client: &Client, url: &Url, info: &MasterInfo) -> Result<String, ZooKeeperError> {
    let prefix = format!("{}/{LABEL}_", url.path);
    let data = to_json(info, Dialect::V0);
    let options = CreateMode::EphemeralSequential.with_acls(acls(url));
    let (_, sequence) =
        client.create(&prefix, data.as_bytes(), &options).await.map_err(failed("create", &prefix))?;
    Ok(format!("{LABEL}_{sequence}"))
}

/// What the ensemble says of a candidacy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Stands,
    Gone,
    /// It did not say.
    Unknown(Error),
}

/// Asks the majority of the ensemble whether a candidacy still stands. A mere reading would not do: a server that is cut
/// off from the others answers it, and so do the pings of a session.
pub async fn confirm(client: &Client, path: &str) -> Standing {
    let mut question = client.new_multi_writer();
    if let Err(error) = question.add_check_version(path, 0) {
        return Standing::Unknown(error);
    }
    match question.commit().await {
        Ok(_) => Standing::Stands,
        Err(MultiWriteError::OperationFailed { source: Error::NoNode | Error::BadVersion, .. }) => {
            Standing::Gone
        }
        Err(MultiWriteError::OperationFailed { source, .. } | MultiWriteError::RequestFailed { source }) => {
            match source {
                Error::SessionExpired | Error::ClientClosed | Error::AuthFailed => Standing::Gone,
                error => Standing::Unknown(error),
            }
        }
    }
}
