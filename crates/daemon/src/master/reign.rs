// SPDX-License-Identifier: Apache-2.0

//! One time of leading: the core, with all that carries its inputs and effects.

use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kaon_master::{Config, Input, Master, Registry};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::front::Front;
use super::shell::Shell;
use super::whitelist;
use crate::front::Common;
use crate::lease::Lease;
use crate::links::{Links, Options};
use crate::metrics::Counters;
use crate::process::Ending;
use crate::replies::Replies;
use crate::runtime::{Clock, Door, channel, turn};
use crate::store::{Entry, Store, StoreError};
use crate::streams::Streams;
use crate::writer::Writer;

/// What is the same whenever this process leads.
#[derive(Clone)]
pub struct Ground {
    pub config: Config,
    pub address: SocketAddrV4,
    /// `host:port`, as those are told who ask for the leader.
    pub name: String,
    pub common: Common,
    pub whitelist: Option<PathBuf>,
    pub ending: Ending,
}

/// A master that leads.
pub struct Reign {
    pub front: Front,
    pub lease: Lease,
}

/// Why a master that was elected cannot lead.
#[derive(Debug, thiserror::Error)]
pub enum NoReign {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("The registry cannot be read: {0}")]
    Registry(#[from] kaon_master::RegistryError),
    #[error("a thread cannot be started: {0}")]
    Thread(#[from] std::io::Error),
}

impl NoReign {
    /// Whether another attempt may go better.
    pub fn is_passing(&self) -> bool {
        matches!(self, NoReign::Store(StoreError::Failed { .. } | StoreError::Deposed(_)))
    }
}

impl Reign {
    /// Reads the registry and begins to lead. `failed` is told of a write that failed: what reached the store is not
    /// known then, so this reign must end.
    pub async fn begin(
        ground: &Ground,
        seed: [u8; 32],
        store: Box<dyn Store>,
        lease: Lease,
        failed: impl FnOnce(StoreError) + Send + 'static,
    ) -> Result<Reign, NoReign> {
        let (store, contents) = crate::front::aside(move || {
            let contents = store.load();
            (store, contents)
        })
        .await;
        let contents = contents?;
        let registry = Registry::recover(contents.snapshot.as_deref(), &contents.records)?;
        let clock = Clock::default();
        let master = Master::new(ground.config.clone(), registry, seed, clock.now());
        tracing::info!("Master {} at {} leads", master.id(), ground.address);

        let (door, inside) = channel::<Master>(clock);
        let options = Options {
            dead_after: ground.config.agent_ping_timeout,
            lease: lease.clone(),
            ..Options::default()
        };
        let (links, exited) = Links::new(Handle::current(), options);
        tell_exits(exited, door.clone());
        let streams = Arc::new(Streams::new(ground.common.counters.clone()));
        let replies = Arc::new(Replies::default());
        let registry =
            write_registry(store, door.clone(), lease.clone(), ground.common.counters.clone(), failed)?;
        let shell = Shell {
            address: ground.address,
            links,
            streams: streams.clone(),
            replies: replies.clone(),
            registry,
            ending: ground.ending.clone(),
            is_over: false,
            lease: lease.clone(),
        };
        turn("master", inside, master, shell, drop)?;
        if let Some(path) = &ground.whitelist {
            whitelist::watch(path.clone(), door.clone());
        }
        let (common, leader) = (ground.common.clone(), ground.name.clone());
        Ok(Reign { front: Front { door, streams, replies, common, leader }, lease })
    }

    /// Ends it: from now on nothing more is written or sent.
    pub async fn end(&self) {
        self.lease.end();
        // Clients learn at once that they must look for another master.
        self.front.streams.end();
        self.front.replies.end();
        // It wakes the loop, which sees that it is over. A loop that has ended already needs no waking.
        let _ = self.front.door.put(Input::Tick).await;
    }
}

fn write_registry(
    mut store: Box<dyn Store>,
    door: Door<Master>,
    lease: Lease,
    counters: Arc<Counters>,
    failed: impl FnOnce(StoreError) + Send + 'static,
) -> std::io::Result<Writer<kaon_master::Write, Entry>> {
    let stored = move |write| {
        // The loop has ended only if this reign is over.
        let _ = door.put_blocking(Input::Stored { write });
    };
    let write = move |batch: &[Entry]| {
        if !lease.holds() {
            return Err(StoreError::Lapsed);
        }
        for entry in batch {
            let bytes = entry.snapshot.as_ref().unwrap_or(&entry.record).len();
            counters.registry_writes.fetch_add(1, Ordering::Relaxed);
            counters.registry_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        }
        store.append(batch)
    };
    Writer::spawn("registry", write, stored, failed)
}

/// Carries the ends of links to the core.
fn tell_exits(mut exited: mpsc::Receiver<SocketAddrV4>, door: Door<Master>) {
    tokio::spawn(async move {
        while let Some(peer) = exited.recv().await {
            if door.put(Input::Exited { peer }).await.is_err() {
                return;
            }
        }
    });
}
