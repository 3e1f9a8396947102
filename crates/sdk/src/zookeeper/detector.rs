// SPDX-License-Identifier: Apache-2.0

//! Follows who leads.

use std::sync::Arc;
use std::time::Duration;

use kaon_api::v1::MasterInfo;
use tokio::sync::watch;
use tokio::time::timeout;
use zookeeper_client::{Client, Error, EventType, WatchedEvent};

use super::candidates::{self, Patience};
use super::{Url, ZooKeeperError, connect, failed};

/// Knows the leading master, from the moment it is started until the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Detector {
    leader: watch::Receiver<Option<Arc<MasterInfo>>>,
}

impl Detector {
    /// Begins to look, in the background. An ensemble that cannot be reached is tried for ever.
    pub fn start(url: Url, session_timeout: Duration) -> Detector {
        let (sender, leader) = watch::channel(None);
        tokio::spawn(run(url, session_timeout, sender));
        Detector { leader }
    }

    /// Who leads, as far as is known.
    pub fn leader(&self) -> Option<Arc<MasterInfo>> {
        self.leader.borrow().clone()
    }

    /// Waits until another leads than when this was asked last.
    pub async fn changed(&mut self) -> Option<Arc<MasterInfo>> {
        if self.leader.changed().await.is_err() {
            // The search ends only with the runtime.
            std::future::pending::<()>().await;
        }
        self.leader.borrow_and_update().clone()
    }

    /// Waits until somebody leads, but no longer than this.
    pub async fn found(&mut self, within: Duration) -> Option<Arc<MasterInfo>> {
        let found = timeout(within, self.leader.wait_for(Option::is_some)).await;
        found.ok()?.ok()?.clone()
    }
}

async fn run(url: Url, session_timeout: Duration, leader: watch::Sender<Option<Arc<MasterInfo>>>) {
    let mut patience = Patience::default();
    loop {
        let session = async {
            let client = connect(&url, session_timeout).await?;
            patience = Patience::default();
            follow(&client, &url, &leader).await
        };
        let ended = tokio::select! {
            ended = session => ended,
            () = leader.closed() => return,
        };
        if let Err(error) = ended {
            tracing::warn!("Who leads is not known: {error}");
        }
        // Mesos: whoever cannot ask for as long as a session lasts must not believe in the last answer.
        leader.send_if_modified(|leader| leader.take().is_some());
        tokio::select! {
            () = patience.wait() => {}
            () = leader.closed() => return,
        }
    }
}

/// Tells each change of leaders until the session ends.
async fn follow(
    client: &Client,
    url: &Url,
    leader: &watch::Sender<Option<Arc<MasterInfo>>>,
) -> Result<(), ZooKeeperError> {
    let mut last = None;
    loop {
        let (first, changed) = watch_first(client, url).await?;
        if first != last {
            let found = match &first {
                None => None,
                Some(first) => match candidates::read(client, url, first).await {
                    Ok(found) => found,
                    Err(error @ ZooKeeperError::NoMaster { .. }) => {
                        tracing::error!("Nobody can be taken for the leader: {error}");
                        None
                    }
                    Err(error) => return Err(error),
                },
            };
            last = first;
            let found = found.map(Arc::new);
            leader.send_if_modified(|leader| {
                let is_new = *leader != found;
                *leader = found;
                is_new
            });
        }
        if let EventType::Session = changed.await.event_type {
            return Err(ZooKeeperError::Expired);
        }
    }
}

/// Who stands first, and what comes when that may have changed, or when the session has ended.
pub async fn watch_first(
    client: &Client,
    url: &Url,
) -> Result<(Option<candidates::Candidate>, impl Future<Output = WatchedEvent>), ZooKeeperError> {
    loop {
        match client.list_and_watch_children(&url.path).await {
            Ok((names, watcher)) => return Ok((candidates::first(names), watcher.changed())),
            // No master was ever here.
            Err(Error::NoNode) => {}
            Err(error) => return Err(failed("list", &url.path)(error)),
        }
        let watched = client.check_and_watch_stat(&url.path).await;
        let (there, watcher) = watched.map_err(failed("look for", &url.path))?;
        if there.is_none() && watcher.changed().await.event_type == EventType::Session {
            return Err(ZooKeeperError::Expired);
        }
    }
}
