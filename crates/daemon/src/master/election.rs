// SPDX-License-Identifier: Apache-2.0

//! Keeps a master standing for election, and lets it lead while it is elected.
//!
//! One session with ZooKeeper carries the candidacy, the look-out for the leader, and the registry. Mesos: whoever loses
//! the leadership ends itself, to be started again by others; here it stands by again, under a new id.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use kaon_api::v1::MasterInfo;
use kaon_master::Master;
use kaon_sdk::zookeeper::candidates::{self, Candidate, Patience};
use kaon_sdk::zookeeper::{Url, ZooKeeperError, connect, watch_first};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;
use zookeeper_client::{Client, EventType};

use super::office::{Office, Post};
use super::reign::{Ground, NoReign, Reign};
use crate::lease::{Lease, Moment};
use crate::process;
use crate::store::{MemoryStore, Store, StoreError, ZooKeeperStore};
use crate::zookeeper::{Standing, acls, confirm, prepare, stand};

/// How long to wait before the majority is asked again that did not answer.
const ASK_AGAIN: Duration = Duration::from_millis(100);
/// Bound: how long a master that is told to stop takes to give up its candidacy.
const FAREWELL: Duration = Duration::from_secs(1);

pub struct Election {
    url: Url,
    session_timeout: Duration,
    /// Whether the registry is to end with the reign.
    in_memory: bool,
    ground: Ground,
    office: Arc<Office>,
    /// The session with the path of the node, while this master stands.
    candidacy: Mutex<Option<(Client, String)>>,
}

/// Why this master can be no candidate, now or ever.
#[derive(Debug, thiserror::Error)]
pub enum ElectionError {
    #[error(transparent)]
    ZooKeeper(#[from] ZooKeeperError),
    #[error(transparent)]
    NoReign(#[from] NoReign),
    #[error("No random numbers can be had: {0}")]
    Entropy(#[from] std::io::Error),
    #[error(
        "The leading master runs in the region '{leader}', and this one in '{own}': all masters must run in one \
         (see --domain)"
    )]
    Region { leader: String, own: String },
}

impl ElectionError {
    /// Whether another session may go better.
    fn is_passing(&self) -> bool {
        match self {
            ElectionError::ZooKeeper(error) => !error.is_lasting(),
            ElectionError::NoReign(error) => error.is_passing(),
            ElectionError::Entropy(_) | ElectionError::Region { .. } => false,
        }
    }
}

impl Election {
    pub fn new(
        url: Url,
        session_timeout: Duration,
        in_memory: bool,
        ground: Ground,
        office: Arc<Office>,
    ) -> Election {
        Election { url, session_timeout, in_memory, ground, office, candidacy: Mutex::default() }
    }

    /// Stands, leads, and stands again, until something is wrong that will not pass.
    pub async fn run(&self) -> ElectionError {
        let mut patience = Patience::default();
        loop {
            let Err(error) = self.session(&mut patience).await;
            self.office.set(Post::Standby { leader: None });
            *self.candidacy.lock().await = None;
            if !error.is_passing() {
                return error;
            }
            tracing::warn!("Not standing for election at {}: {error}", self.url.servers);
            if matches!(error, ElectionError::ZooKeeper(ZooKeeperError::Connect { .. })) {
                patience.wait().await;
            }
        }
    }

    /// Gives the candidacy up, so that others need not wait for the end of the session.
    pub async fn leave(&self) {
        if let Post::Leading(reign) = self.office.post() {
            reign.end().await;
        }
        if let Some((client, path)) = self.candidacy.lock().await.take() {
            // Without an answer, the session ends by itself.
            let _ = timeout(FAREWELL, client.delete(&path, None)).await;
        }
    }

    async fn session(&self, patience: &mut Patience) -> Result<Infallible, ElectionError> {
        let client = connect(&self.url, self.session_timeout).await?;
        *patience = Patience::default();
        prepare(&client, &self.url).await?;
        tracing::info!("A session with ZooKeeper, of {:?}", client.session_timeout());
        loop {
            let seed = process::entropy()?;
            let info = Master::candidate(&self.ground.config, seed);
            let name = stand(&client, &self.url, &info).await?;
            tracing::info!("Stands for election as {name}, with the id {}", info.id);
            let path = format!("{}/{name}", self.url.path);
            *self.candidacy.lock().await = Some((client.clone(), path));
            self.stand_by(&client, &name, &info).await?;
            self.lead(&client, &name, seed).await?;
        }
    }

    /// Tells who leads, until this master does. Mesos: a candidate whose node has gone stands again.
    async fn stand_by(&self, client: &Client, own: &str, info: &MasterInfo) -> Result<(), ElectionError> {
        let mut last = None;
        loop {
            let (first, changed) = watch_first(client, &self.url).await?;
            match first {
                Some(first) if first.name == own => return Ok(()),
                first if first != last => {
                    let leader = self.leader(client, first.as_ref(), info).await?;
                    match &leader {
                        Some(leader) => tracing::info!("The leader is {} ({:?})", leader.id, leader.pid),
                        None => tracing::info!("No leader is known"),
                    }
                    self.office.set(Post::Standby { leader });
                    last = first;
                }
                _ => {}
            }
            if changed.await.event_type == EventType::Session {
                return Err(ZooKeeperError::Expired.into());
            }
            if confirm(client, &format!("{}/{own}", self.url.path)).await == Standing::Gone {
                return Ok(());
            }
        }
    }

    async fn leader(
        &self,
        client: &Client,
        first: Option<&Candidate>,
        own: &MasterInfo,
    ) -> Result<Option<Arc<MasterInfo>>, ElectionError> {
        let Some(first) = first else { return Ok(None) };
        match candidates::read(client, &self.url, first).await {
            // A candidacy of this very process that it has given up: nobody is to be sent here for it.
            Ok(Some(leader)) if leader.pid == own.pid => Ok(None),
            Ok(Some(leader)) => {
                // Mesos: who led before tells more of what the cluster is than whoever comes later.
                let (theirs, ours) = (region(&leader), region(own));
                match ours.is_empty() || theirs.is_empty() || theirs == ours {
                    true => Ok(Some(Arc::new(leader))),
                    false => Err(ElectionError::Region { leader: theirs.to_owned(), own: ours.to_owned() }),
                }
            }
            Ok(None) => Ok(None),
            Err(error @ ZooKeeperError::NoMaster { .. }) => {
                tracing::error!("Nobody can be taken for the leader: {error}");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Leads until the majority of the ensemble says that it is over, or says nothing for too long.
    async fn lead(&self, client: &Client, name: &str, seed: [u8; 32]) -> Result<(), ElectionError> {
        let path = format!("{}/{name}", self.url.path);
        let session = client.session_timeout();
        let asked = Moment::now();
        match confirm(client, &path).await {
            Standing::Stands => {}
            Standing::Gone => return Ok(()),
            Standing::Unknown(error) => {
                let servers = self.url.servers.clone();
                return Err(ZooKeeperError::Connect { servers, error }.into());
            }
        }
        tracing::info!("Elected as the leading master");
        let lease = Lease::until(asked.after(good_for(session)));
        self.office.set(Post::Recovering);
        let (failed, mut failure) = mpsc::channel(1);
        let begin = async {
            let store = self.open(client, name).await?;
            let failed = move |error: StoreError| {
                // Nobody listens any more once the reign is over.
                let _ = failed.blocking_send(error);
            };
            Reign::begin(&self.ground, seed, store, lease.clone(), failed).await
        };
        let hold = hold(client, &path, session, &lease);
        tokio::pin!(hold);
        let reign = tokio::select! {
            reign = begin => Arc::new(reign?),
            over = &mut hold => return Err(self.over(&over)),
        };
        self.office.set(Post::Leading(reign.clone()));
        let over = tokio::select! {
            over = &mut hold => over,
            Some(error) = failure.recv() => error.to_string(),
        };
        reign.end().await;
        Err(self.over(&over))
    }

    /// Another session follows: what the last one holds of this master is to go as soon as it can.
    fn over(&self, why: &str) -> ElectionError {
        tracing::error!("Lost leadership, and stands by: {why}");
        ZooKeeperError::Expired.into()
    }

    async fn open(&self, client: &Client, name: &str) -> Result<Box<dyn Store>, StoreError> {
        if self.in_memory {
            return Ok(Box::new(MemoryStore::default()));
        }
        let (client, name, url) = (client.clone(), name.to_owned(), self.url.clone());
        let runtime = Handle::current();
        let open = move || ZooKeeperStore::open(client, runtime, &url.path, &name, acls(&url)).map(Box::new);
        Ok(crate::front::aside(open).await?)
    }
}

/// The region that a master tells, if it tells one.
fn region(info: &MasterInfo) -> &str {
    let domain = info.domain.as_ref().and_then(|domain| domain.fault_domain.as_ref());
    domain.map_or("", |domain| &domain.region.name)
}

/// How long one word of the majority is good for. The servers tell each other of a session's life with a delay, which the
/// rest of the session is for.
fn good_for(session: Duration) -> Duration {
    session * 2 / 3
}

/// Extends the lease as long as the majority confirms the candidacy; why that is over.
async fn hold(client: &Client, path: &str, session: Duration, lease: &Lease) -> String {
    loop {
        let Some(rest) = lease.rest() else {
            return format!("no word from the majority of ZooKeeper for {:?}", good_for(session));
        };
        let asked = Moment::now();
        let pause = match timeout(rest, confirm(client, path)).await {
            Ok(Standing::Stands) => {
                lease.extend(asked.after(good_for(session)));
                session / 6
            }
            Ok(Standing::Gone) => return "the candidacy is gone from ZooKeeper".to_owned(),
            Ok(Standing::Unknown(error)) => {
                tracing::warn!("ZooKeeper does not confirm the leadership: {error}");
                ASK_AGAIN
            }
            Err(_) => continue,
        };
        tokio::time::sleep(pause).await;
    }
}
