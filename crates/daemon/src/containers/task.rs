// SPDX-License-Identifier: Apache-2.0

//! The life of one container, as its agent's shell lives it.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use kaon_agent::effect::Launch;
use kaon_agent::input::ContainerEvent;
use kaon_containerizer::containerizer::ContainerError;
use kaon_containerizer::{ContainerId as Name, Running, Scope, State};
use kaon_model::ContainerId;
use tokio::sync::mpsc;

use super::{Shared, launch, pidfd};
use crate::front::aside;

pub enum Order {
    Signal(i32),
    Destroy,
    Forget,
}

pub struct Task {
    shared: Arc<Shared>,
    id: ContainerId,
    name: Name,
    orders: mpsc::UnboundedReceiver<Order>,
}

impl Task {
    pub fn new(
        shared: Arc<Shared>,
        id: ContainerId,
        name: Name,
        orders: mpsc::UnboundedReceiver<Order>,
    ) -> Task {
        Task { shared, id, name, orders }
    }

    /// From the launch to where the container is forgotten.
    pub async fn launch(mut self, order: Launch) {
        match self.start(order).await {
            Ok(running) => {
                self.tell(ContainerEvent::Launched { pid: u32::try_from(running.pid).unwrap_or(0) }).await;
                self.attend(Some(running.supervisor)).await;
            }
            Err(message) => self.tell(ContainerEvent::LaunchFailed { message }).await,
        }
        self.last().await;
    }

    /// From where the agent before this one left off.
    pub async fn resume(mut self, supervisor: Option<OwnedFd>) {
        // Of one that has ended the core knows already.
        if supervisor.is_some() {
            self.attend(supervisor).await;
        }
        self.last().await;
    }

    async fn start(&mut self, order: Launch) -> Result<Running, String> {
        let shared = self.shared.clone();
        let prepared = launch::prepare(&shared, order);
        let config = tokio::select! {
            config = prepared => config?,
            () = destroyed(&mut self.orders) => return Err("Container destroyed while it was prepared".to_owned()),
        };
        let _turn = shared.launches.acquire().await;
        let (shared, name) = (self.shared.clone(), self.name.clone());
        let launched = aside(move || shared.containerizer.launch(&name, &config)).await;
        launched.map_err(|error| error.to_string())
    }

    /// Does what is ordered until the container has ended, and tells its end.
    async fn attend(&mut self, supervisor: Option<OwnedFd>) {
        let ended = async {
            match supervisor {
                Some(supervisor) => pidfd::ended(supervisor).await,
                None => Ok(()),
            }
        };
        tokio::pin!(ended);
        loop {
            tokio::select! {
                result = &mut ended => {
                    if let Err(error) = result {
                        tracing::error!("Cannot wait for the end of container {}: {error}", self.id);
                    }
                    break;
                }
                order = self.orders.recv() => match order {
                    Some(Order::Signal(signal)) => self.signal(signal).await,
                    Some(Order::Destroy) => self.destroy().await,
                    // The core forgets only what has ended; without it, nobody is left to tell.
                    Some(Order::Forget) | None => return,
                },
            }
        }
        let status = self.status().await;
        self.tell(ContainerEvent::Exited { status }).await;
    }

    /// Waits until the ended container may be forgotten, and forgets it.
    async fn last(mut self) {
        while let Some(order) = self.orders.recv().await {
            match order {
                Order::Signal(_) => {}
                // Of a container without supervisor, what is left of it.
                Order::Destroy => self.destroy().await,
                Order::Forget => {
                    let (shared, name) = (self.shared, self.name);
                    match aside(move || shared.containerizer.remove(&name)).await {
                        Ok(()) | Err(ContainerError::Unknown(_)) => {}
                        Err(error) => tracing::warn!("{error}"),
                    }
                    return;
                }
            }
        }
    }

    async fn signal(&self, signal: i32) {
        let (shared, name) = (self.shared.clone(), self.name.clone());
        if let Err(error) = aside(move || shared.containerizer.signal(&name, signal, Scope::Tree)).await {
            tracing::warn!("Failed to signal container {}: {error}", self.id);
        }
    }

    async fn destroy(&self) {
        let (shared, name) = (self.shared.clone(), self.name.clone());
        match aside(move || shared.containerizer.destroy(&name)).await {
            Ok(_) | Err(ContainerError::Unknown(_)) => {}
            Err(error) => tracing::error!("Failed to destroy container {}: {error}", self.id),
        }
    }

    async fn status(&self) -> Option<i32> {
        let (shared, name) = (self.shared.clone(), self.name.clone());
        match aside(move || shared.containerizer.state(&name)).await {
            Ok(State::Exited(status) | State::Ending(status)) => Some(status.raw()),
            Ok(State::Running { .. } | State::LaunchFailed(_) | State::Lost) => None,
            Ok(State::Unreadable(why)) => {
                tracing::warn!("How container {} ended cannot be read: {why}", self.id);
                None
            }
            Err(error) => {
                tracing::warn!("How container {} ended is not known: {error}", self.id);
                None
            }
        }
    }

    async fn tell(&self, event: ContainerEvent) {
        // Nobody listens only when the process is about to end.
        let _ = self.shared.events.send((self.id.clone(), event)).await;
    }
}

/// Waits until the container is to be destroyed; signals to what does not run yet are lost.
async fn destroyed(orders: &mut mpsc::UnboundedReceiver<Order>) {
    while let Some(order) = orders.recv().await {
        if matches!(order, Order::Destroy) {
            return;
        }
    }
}
