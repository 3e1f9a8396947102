// SPDX-License-Identifier: Apache-2.0

//! Carries out what the core orders of containers.
//!
//! Each container has a task of its own, which does what is ordered of it in order, and tells its end when the pidfd of
//! its supervisor says so. What blocks runs on other threads, a bounded number at once.

mod cache;
mod fetching;
mod life;
mod terms;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kaon_agent::effect::Launch;
use kaon_agent::input::{ContainerEvent, Input, RecoveredContainer};
use kaon_containerizer::{ContainerId as Name, Containerizer, Spawner};
use kaon_model::ContainerId;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Semaphore, mpsc};

use super::recovery::Remnant;
use super::sandboxes::Sandboxes;
use super::{Fetcher, Settings};
use cache::Cache;
use life::{Life, Order};

/// Bound: processes being started at once, each of which keeps a processor busy; others wait their turn.
const LAUNCHES_AT_ONCE: usize = 8;
/// Bound: fetchers at once, which share the network; others wait their turn.
const FETCHES_AT_ONCE: usize = 32;
/// Bound: threads at once for what takes microseconds: to signal, to look, to clear away.
const CHORES_AT_ONCE: usize = 16;

/// What the tasks of all containers share.
pub(super) struct Shared {
    pub containerizer: Containerizer,
    spawner: Spawner,
    sandboxes: Arc<Sandboxes>,
    recovery_timeout: Duration,
    fetcher: Fetcher,
    /// None where nothing is to be kept.
    cache: Option<Arc<Cache>>,
    runtime: Handle,
    launches: Semaphore,
    fetches: Semaphore,
    chores: Semaphore,
    /// Bounded: who has news waits while too much has not been heard yet.
    inputs: mpsc::Sender<Input>,
}

impl Shared {
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    async fn tell(&self, container: &ContainerId, event: ContainerEvent) {
        // Nobody listens only when the process is about to end.
        let _ = self.inputs.send(Input::Container { container: container.clone(), event }).await;
    }

    /// Does one of many small things that block.
    async fn chore<T: Send + 'static>(
        self: &Arc<Self>,
        name: &Name,
        work: impl FnOnce(&Containerizer, &Name) -> T + Send + 'static,
    ) -> T {
        let _turn = self.chores.acquire().await;
        let (shared, name) = (self.clone(), name.clone());
        aside(&self.runtime, move || work(&shared.containerizer, &name)).await
    }
}

/// Runs what blocks on a thread for that.
pub(super) async fn aside<T: Send + 'static>(
    runtime: &Handle,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    match runtime.spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down: nothing is to go on after this.
            Err(_) => std::future::pending().await,
        },
    }
}

/// Where the tasks of containers get their orders. Bound: as many as the core has containers; it orders few things of each.
type Table = Mutex<BTreeMap<ContainerId, UnboundedSender<Order>>>;

/// The containers of one agent.
pub(super) struct Containers {
    shared: Arc<Shared>,
    table: Arc<Table>,
}

impl Containers {
    /// Goes on with what the last agent left.
    pub(super) fn start(
        containerizer: Containerizer,
        spawner: Spawner,
        sandboxes: Arc<Sandboxes>,
        settings: &Settings,
        runtime: Handle,
        inputs: mpsc::Sender<Input>,
        remnants: Vec<Remnant>,
    ) -> Containers {
        let Settings { recovery_timeout, fetcher, .. } = settings.clone();
        let cache = Cache::open(&fetcher.cache_dir, fetcher.cache_size);
        let cache = cache.inspect_err(|error| tracing::warn!("Nothing that is fetched is kept: {error}"));
        let shared = Shared {
            containerizer,
            spawner,
            sandboxes,
            recovery_timeout,
            fetcher,
            cache: cache.ok().map(Arc::new),
            runtime,
            launches: Semaphore::new(LAUNCHES_AT_ONCE),
            fetches: Semaphore::new(FETCHES_AT_ONCE),
            chores: Semaphore::new(CHORES_AT_ONCE),
            inputs,
        };
        let containers = Containers { shared: Arc::new(shared), table: Arc::default() };
        for Remnant { id, name, supervisor, state } in remnants {
            let runs = matches!(state, RecoveredContainer::Running { .. });
            containers.enter(&id, name, |life| life.resume(supervisor, runs));
        }
        containers
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    pub(super) fn launch(&self, launch: Launch) {
        let id = launch.container.clone();
        match Name::new(id.as_str()) {
            Ok(name) => self.enter(&id, name, |life| life.launch(launch)),
            Err(error) => {
                let (shared, message) = (self.shared.clone(), error.to_string());
                let told = async move { shared.tell(&id, ContainerEvent::LaunchFailed { message }).await };
                self.shared.runtime.spawn(told);
            }
        }
    }

    pub(super) fn signal(&self, container: &ContainerId, signal: i32) {
        self.order(container, Order::Signal(signal));
    }

    pub(super) fn destroy(&self, container: &ContainerId) {
        self.order(container, Order::Destroy);
    }

    pub(super) fn forget(&self, container: &ContainerId) {
        self.order(container, Order::Forget);
    }

    /// Starts the task of a container, which leaves the table when it has nothing more to do.
    fn enter<F>(&self, id: &ContainerId, name: Name, begin: impl FnOnce(Life) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (orders, queue) = mpsc::unbounded_channel();
        // Invariant: the core names each container anew.
        let earlier = lock(&self.table).insert(id.clone(), orders);
        debug_assert!(earlier.is_none(), "container {id} is launched twice");
        let life = begin(Life::new(self.shared.clone(), id.clone(), name, queue));
        // Not held on to by the tasks: when the agent goes, they get no more orders and go too.
        let (table, id) = (Arc::downgrade(&self.table), id.clone());
        self.shared.runtime.spawn(async move {
            life.await;
            if let Some(table) = table.upgrade() {
                lock(&table).remove(&id);
            }
        });
    }

    fn order(&self, container: &ContainerId, order: Order) {
        if let Some(orders) = lock(&self.table).get(container) {
            // A task that is just leaving has nothing to do any more.
            let _ = orders.send(order);
        }
    }
}

/// No one panics while they hold it, and the table is whole between any two of its operations.
fn lock(table: &Table) -> std::sync::MutexGuard<'_, BTreeMap<ContainerId, UnboundedSender<Order>>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The path as text, as the programs of a container are given it.
fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
