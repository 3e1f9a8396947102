// SPDX-License-Identifier: Apache-2.0

//! Carries out an agent's orders on containers.
//!
//! Each container has a task of its own, which does what is ordered of it one after the other, and tells its end when
//! its supervisor's pidfd says so. Whatever blocks runs on threads for that.

mod launch;
mod pidfd;
mod task;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kaon_agent::effect::Launch;
use kaon_agent::input::{ContainerEvent, RecoveredContainer};
use kaon_containerizer::{Containerizer, Spawner, State};
use kaon_model::ContainerId;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};

use task::{Order, Task};

pub use kaon_containerizer::containerizer::ContainerError;

/// Bound: containers being started at once; others wait their turn.
const LAUNCHES_MAX: usize = 16;

/// What the tasks of all containers share.
pub(crate) struct Shared {
    pub containerizer: Containerizer,
    pub spawner: Spawner,
    pub work_dir: PathBuf,
    pub recovery_timeout: Duration,
    pub launches: Semaphore,
    /// Told what happens. Bounded: a task waits while too much has not been heard yet.
    pub events: mpsc::Sender<(ContainerId, ContainerEvent)>,
}

/// The containers of one agent.
pub struct Containers {
    runtime: Handle,
    shared: Arc<Shared>,
    /// Bound: as many as the core has containers. The core orders few things of each, so the queues have no bound.
    tasks: BTreeMap<ContainerId, mpsc::UnboundedSender<Order>>,
}

impl Containers {
    /// Takes over what runs already. Events come out of the receiver.
    #[allow(clippy::type_complexity)]
    pub fn recover(
        runtime: Handle,
        runtime_dir: &Path,
        work_dir: &Path,
        recovery_timeout: Duration,
        spawner: Spawner,
    ) -> Result<
        (Containers, Vec<(ContainerId, RecoveredContainer)>, mpsc::Receiver<(ContainerId, ContainerEvent)>),
        ContainerError,
    > {
        let containerizer = Containerizer::new(runtime_dir, spawner.clone())?;
        let observed = containerizer.recover()?;
        let (events, happened) = mpsc::channel(1024);
        let shared = Arc::new(Shared {
            containerizer,
            spawner,
            work_dir: work_dir.to_owned(),
            recovery_timeout,
            launches: Semaphore::new(LAUNCHES_MAX),
            events,
        });
        let mut containers = Containers { runtime, shared, tasks: BTreeMap::new() };
        let mut recovered = Vec::new();
        for container in observed {
            let id = ContainerId::from(container.id.as_str());
            let (queue, orders) = mpsc::unbounded_channel();
            let task = Task::new(containers.shared.clone(), id.clone(), container.id, orders);
            containers.tasks.insert(id.clone(), queue);
            recovered.push((id, state_of(&container.state, container.supervisor.is_some())));
            containers.runtime.spawn(task.resume(container.supervisor));
        }
        Ok((containers, recovered, happened))
    }

    pub fn launch(&mut self, launch: Launch) {
        let id = launch.container.clone();
        let Ok(name) = kaon_containerizer::ContainerId::new(id.to_string()) else {
            // Ids of containers are made by the core, from digits and dashes.
            tracing::error!("Ignoring the launch of container '{id}', which no folder can be named after");
            return;
        };
        let (queue, orders) = mpsc::unbounded_channel();
        let task = Task::new(self.shared.clone(), id.clone(), name, orders);
        self.tasks.insert(id, queue);
        self.runtime.spawn(task.launch(launch));
    }

    pub fn signal(&self, container: &ContainerId, signal: i32) {
        self.order(container, Order::Signal(signal));
    }

    pub fn destroy(&self, container: &ContainerId) {
        self.order(container, Order::Destroy);
    }

    pub fn forget(&mut self, container: &ContainerId) {
        self.order(container, Order::Forget);
        self.tasks.remove(container);
    }

    /// A container that is not known needs nothing.
    fn order(&self, container: &ContainerId, order: Order) {
        if let Some(task) = self.tasks.get(container) {
            // A task that has ended had nothing left to do.
            let _ = task.send(order);
        }
    }
}

/// `lives` says that its supervisor does.
fn state_of(state: &State, lives: bool) -> RecoveredContainer {
    match state {
        State::Running { pid } => {
            RecoveredContainer::Running { pid: pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0) }
        }
        State::Ending(status) | State::Exited(status) => {
            RecoveredContainer::Ended { status: Some(status.raw()) }
        }
        // It is not given up for what its files say.
        State::Unreadable(_) if lives => RecoveredContainer::Running { pid: 0 },
        State::LaunchFailed(_) | State::Lost | State::Unreadable(_) => {
            RecoveredContainer::Ended { status: None }
        }
    }
}
