// SPDX-License-Identifier: Apache-2.0

//! Looks at registries, and puts others in their place, while no master leads with them.

use std::path::PathBuf;
use std::time::Duration;

use kaon_api::internal;
use kaon_api::json::{self, Dialect, from_json, to_json};
use kaon_api::wire::Message;
use kaon_master::{Registry, RegistryError};
use kaon_sdk::zookeeper::{SESSION_TIMEOUT, Url, ZooKeeperError, candidates, connect, failed};
use tokio::runtime::Handle;
use zookeeper_client::{Client, CreateMode, Error};

use crate::front::aside;
use crate::store::{Contents, Entry, FileStore, Store, StoreError, ZooKeeperStore};
use crate::zookeeper::{acls, prepare};

/// Where a registry lies.
#[derive(Clone, Debug)]
pub enum Keeper {
    /// The work directory of a single master.
    Folder(PathBuf),
    /// Where several masters meet.
    Ensemble(Url),
}

/// A registry as it was found.
#[derive(Clone, Debug)]
pub struct Kept {
    registry: internal::Registry,
    /// Bytes of the snapshot and of all records after it.
    pub bytes: usize,
    /// Records after the snapshot.
    pub records: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    #[error("there is no registry at {0}: no master has led there yet")]
    Nothing(String),
    #[error(
        "{0} masters stand for election at {1}; stop all of them first, or they would go on with what they know"
    )]
    InUse(usize, Url),
    #[error(
        "there is a registry with {agents} agents at {place} already; give --replace to lose it, after an export"
    )]
    Exists { place: String, agents: usize },
    #[error("this is no registry: {0}; expected what 'kaon registry export' writes")]
    NoRegistry(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    ZooKeeper(#[from] ZooKeeperError),
}

/// By its name, which no client takes for that of a candidate, two imports exclude each other.
const IMPORTER: &str = "kaon.importer";
/// Bound: how long the session of an import lasts after its death.
const SESSION: Duration = SESSION_TIMEOUT;

impl Keeper {
    /// Reads without changing anything.
    pub async fn read(&self) -> Result<Kept, KeeperError> {
        let nothing = || KeeperError::Nothing(self.place());
        let contents = match self {
            Keeper::Folder(folder) => {
                if !FileStore::is_in(folder) {
                    return Err(nothing());
                }
                load(FileStore::open(folder)?).await?
            }
            Keeper::Ensemble(url) => {
                let (client, path) = (connect(url, SESSION).await?, url.path.clone());
                let runtime = Handle::current();
                let read = aside(move || ZooKeeperStore::read(client, runtime, &path));
                read.await?.ok_or_else(nothing)?
            }
        };
        Ok(Kept::of(&contents)?)
    }

    /// Puts a registry there that was exported. Nothing is changed unless all of it is understood.
    pub async fn write(&self, exported: &[u8], replace: bool) -> Result<Kept, KeeperError> {
        let registry = parse(exported)?;
        match self {
            Keeper::Folder(folder) => {
                let folder = folder.clone();
                self.put(aside(move || FileStore::open(&folder)).await?, &registry, replace).await
            }
            Keeper::Ensemble(url) => {
                let client = connect(url, SESSION).await?;
                prepare(&client, url).await?;
                occupy(&client, url).await?;
                let put = self.put_into(&client, url, &registry, replace).await;
                // Else it goes with the session.
                let _ = client.delete(&importer(url), None).await;
                put
            }
        }
    }

    async fn put_into(
        &self,
        client: &Client,
        url: &Url,
        registry: &internal::Registry,
        replace: bool,
    ) -> Result<Kept, KeeperError> {
        let names = client.list_children(&url.path).await.map_err(failed("list", &url.path))?;
        let stands = |name: String| candidates::first([name]).is_some();
        match names.into_iter().filter(|name| stands(name.clone())).count() {
            0 => {}
            standing => return Err(KeeperError::InUse(standing, url.clone())),
        }
        let (client, url, runtime) = (client.clone(), url.clone(), Handle::current());
        let open = move || ZooKeeperStore::open(client, runtime, &url.path, IMPORTER, acls(&url));
        self.put(aside(open).await?, registry, replace).await
    }

    async fn put<S: Store + 'static>(
        &self,
        mut store: S,
        registry: &internal::Registry,
        replace: bool,
    ) -> Result<Kept, KeeperError> {
        let snapshot = registry.encode();
        let place = self.place();
        aside(move || {
            if !replace {
                let agents = Kept::of(&store.load()?)?.agents();
                if agents > 0 {
                    return Err(KeeperError::Exists { place, agents });
                }
            }
            store.append(&[Entry { record: Vec::new(), snapshot: Some(snapshot) }])?;
            Ok(Kept::of(&store.load()?)?)
        })
        .await
    }

    fn place(&self) -> String {
        match self {
            Keeper::Folder(folder) => format!("'{}'", folder.display()),
            Keeper::Ensemble(url) => url.to_string(),
        }
    }
}

async fn load(store: FileStore) -> Result<Contents, StoreError> {
    aside(move || store.load()).await
}

fn importer(url: &Url) -> String {
    format!("{}/{IMPORTER}", url.path)
}

/// Keeps others from importing, for as long as the session lasts.
async fn occupy(client: &Client, url: &Url) -> Result<(), KeeperError> {
    let path = importer(url);
    match client.create(&path, b"", &CreateMode::Ephemeral.with_acls(acls(url))).await {
        Ok(_) => Ok(()),
        Err(Error::NodeExists) => Err(KeeperError::InUse(1, url.clone())),
        Err(error) => Err(failed("create", &path)(error).into()),
    }
}

/// What was exported, if a master could lead with it.
fn parse(exported: &[u8]) -> Result<internal::Registry, KeeperError> {
    let bad = |reason: String| KeeperError::NoRegistry(reason);
    let json = json::parse(exported).map_err(|error| bad(error.to_string()))?;
    let registry: internal::Registry =
        from_json(&json, Dialect::V0).map_err(|error| bad(error.to_string()))?;
    let agents = registry.agents.iter().flat_map(|all| &all.agents);
    if agents.clone().any(|agent| agent.info.id.is_none()) {
        return Err(bad("it has an agent without an id".to_owned()));
    }
    if agents.count() == 0 && registry == internal::Registry::default() {
        return Err(bad("there is nothing in it".to_owned()));
    }
    Registry::recover(Some(&registry.encode()), &[])?;
    Ok(registry)
}

impl Kept {
    fn of(contents: &Contents) -> Result<Kept, RegistryError> {
        let registry = Registry::recover(contents.snapshot.as_deref(), &contents.records)?.to_wire();
        let records = contents.records.len();
        let bytes = contents.records.iter().map(Vec::len).sum::<usize>()
            + contents.snapshot.as_ref().map_or(0, Vec::len);
        Ok(Kept { registry, bytes, records })
    }

    /// How many agents are admitted.
    pub fn agents(&self) -> usize {
        self.registry.agents.as_ref().map_or(0, |all| all.agents.len())
    }

    /// As Mesos shows it at `/registrar(1)/registry`.
    pub fn json(&self) -> String {
        to_json(&self.registry, Dialect::V0)
    }

    /// What there is how much of.
    pub fn counts(&self) -> [(&'static str, usize); 7] {
        let registry = &self.registry;
        [
            ("agents", self.agents()),
            ("unreachable agents", registry.unreachable.as_ref().map_or(0, |all| all.agents.len())),
            ("gone agents", registry.gone.as_ref().map_or(0, |all| all.agents.len())),
            ("quota", registry.quota_configs.len()),
            ("weights", registry.weights.len()),
            ("records since the snapshot", self.records),
            ("bytes", self.bytes),
        ]
    }

    /// Each agent: its id, its host, and what is known of it.
    pub fn hosts(&self) -> Vec<(String, String, &'static str)> {
        let id = |id: &str| id.to_owned();
        let admitted = self.registry.agents.iter().flat_map(|all| &all.agents).map(|agent| {
            let own = agent.info.id.as_ref().map_or("", |id| &id.value);
            (id(own), agent.info.hostname.clone(), "admitted")
        });
        let silent = self.registry.unreachable.iter().flat_map(|all| &all.agents);
        let silent = silent.map(|agent| (id(&agent.id.value), String::new(), "unreachable"));
        let gone = self.registry.gone.iter().flat_map(|all| &all.agents);
        let gone = gone.map(|agent| (id(&agent.id.value), String::new(), "gone"));
        admitted.chain(silent).chain(gone).collect()
    }
}
