// SPDX-License-Identifier: Apache-2.0

//! The life of one container.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use kaon_agent::effect::Launch;
use kaon_agent::input::ContainerEvent;
use kaon_containerizer::{ContainerError, ContainerId as Name, Running, Scope, State};
use kaon_model::ContainerId;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::sleep;

use super::{Shared, aside, fetching, terms};
use crate::host::sandboxes::Wanted;
use crate::pidfd;

/// How often to look after a supervisor that cannot be watched.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

pub(super) enum Order {
    Signal(i32),
    Destroy,
    Forget,
}

/// The task of one container.
pub(super) struct Life {
    shared: Arc<Shared>,
    id: ContainerId,
    name: Name,
    orders: UnboundedReceiver<Order>,
    forgotten: bool,
}

impl Life {
    pub(super) fn new(
        shared: Arc<Shared>,
        id: ContainerId,
        name: Name,
        orders: UnboundedReceiver<Order>,
    ) -> Life {
        Life { shared, id, name, orders, forgotten: false }
    }

    /// From its launch until it may be forgotten.
    pub(super) async fn launch(mut self, launch: Launch) {
        match self.start(launch).await {
            Ok(Running { pid, supervisor }) => {
                // The kernel's pids are positive.
                self.tell(ContainerEvent::Launched { pid: pid.unsigned_abs() }).await;
                self.watch(supervisor, true).await;
            }
            // The containerizer keeps nothing of what never ran.
            Err(message) => self.tell(ContainerEvent::LaunchFailed { message }).await,
        }
    }

    /// From where the last agent left off; `runs` says whether its end is still to be told.
    pub(super) async fn resume(mut self, supervisor: Option<OwnedFd>, runs: bool) {
        match supervisor {
            Some(supervisor) => self.watch(supervisor, runs).await,
            None => self.put_away().await,
        }
    }

    async fn start(&mut self, launch: Launch) -> Result<Running, String> {
        let shared = self.shared.clone();
        let failed = |reason: String| format!("Failed to launch container: {reason}");
        let prepared = async {
            terms::check(&launch)?;
            let wanted = Wanted {
                path: launch.sandbox.clone(),
                user: launch.user.clone(),
                volumes: launch.volumes.clone(),
            };
            let sandbox = shared.sandboxes.make(wanted).await?;
            if !launch.command.uris.is_empty() {
                fetching::fetch(&shared, &launch, &sandbox).await?;
            }
            let config = terms::config(launch, sandbox, shared.recovery_timeout)?;
            // Nobody closes it.
            let turn = shared.launches.acquire().await.map_err(|error| error.to_string())?;
            Ok((config, turn))
        };
        let (config, turn) = tokio::select! {
            biased;
            () = destroyed(&mut self.orders) => {
                return Err("Container was destroyed before it was launched".to_string());
            }
            prepared = prepared => prepared.map_err(failed)?,
        };
        // From here on it cannot be called off: what is ordered meanwhile is done when it runs.
        let (launcher, name) = (self.shared.clone(), self.name.clone());
        let launched = aside(&shared.runtime, move || launcher.containerizer.launch(&name, &config)).await;
        drop(turn);
        launched.map_err(|error| match error {
            ContainerError::Failed { text, .. } => failed(text),
            error => failed(error.to_string()),
        })
    }

    /// Does what is ordered until the container has ended, tells its end if that is news, and waits until it is
    /// forgotten.
    async fn watch(&mut self, supervisor: OwnedFd, runs: bool) {
        let ended = ended(self.shared.clone(), self.name.clone(), supervisor);
        tokio::pin!(ended);
        loop {
            tokio::select! {
                () = &mut ended => break,
                order = self.orders.recv() => match order {
                    Some(Order::Signal(signal)) => self.signal(signal).await,
                    Some(Order::Destroy) => self.destroy().await,
                    Some(Order::Forget) => self.forgotten = true,
                    // The agent goes; the container stays.
                    None => return,
                },
            }
        }
        if runs {
            let status = self.status().await;
            self.tell(ContainerEvent::Exited { status }).await;
        }
        self.put_away().await;
    }

    /// Waits until the ended container is forgotten, and removes what is kept of it.
    async fn put_away(&mut self) {
        while !self.forgotten {
            match self.orders.recv().await {
                Some(Order::Forget) => self.forgotten = true,
                Some(Order::Signal(_)) => {}
                // If it has lost its supervisor, something may be left of it.
                Some(Order::Destroy) => self.destroy().await,
                None => return,
            }
        }
        match self.shared.chore(&self.name, |containers, name| containers.remove(name)).await {
            Ok(()) | Err(ContainerError::Unknown(_)) => {}
            Err(error) => tracing::warn!("{error}"),
        }
    }

    async fn signal(&self, signal: i32) {
        let signalled = move |containers: &_, name: &_| signal_tree(containers, name, signal);
        if let Err(error) = self.shared.chore(&self.name, signalled).await {
            tracing::warn!("Cannot send signal {signal} to container {}: {error}", self.id);
        }
    }

    async fn destroy(&self) {
        match self.shared.chore(&self.name, |containers, name| containers.destroy(name)).await {
            Ok(_) | Err(ContainerError::Unknown(_)) => {}
            Err(error) => tracing::error!("Cannot destroy container {}: {error}", self.id),
        }
    }

    /// How the container ended; none if nobody knows.
    async fn status(&self) -> Option<i32> {
        let state = self.shared.chore(&self.name, |containers, name| containers.state(name)).await;
        let reason = match state {
            Ok(State::Exited(status) | State::Ending(status)) => return Some(status.raw()),
            Ok(State::Lost) => {
                // The last of it goes too: what has ended holds no resources.
                self.destroy().await;
                "it has lost its supervisor".to_string()
            }
            Ok(State::GivenUp) => "it was never launched".to_string(),
            Ok(State::LaunchFailed(reason) | State::Unreadable(reason)) => reason,
            Ok(State::Running { .. }) => "its supervisor has ended, and still seems to live".to_string(),
            Err(error) => error.to_string(),
        };
        tracing::warn!("Nobody knows how container {} ended: {reason}", self.id);
        None
    }

    async fn tell(&self, event: ContainerEvent) {
        self.shared.tell(&self.id, event).await;
    }
}

fn signal_tree(
    containers: &kaon_containerizer::Containerizer,
    name: &Name,
    signal: i32,
) -> Result<usize, ContainerError> {
    containers.signal(name, signal, Scope::Tree)
}

/// Waits until the supervisor has ended, after all that was beneath it.
async fn ended(shared: Arc<Shared>, name: Name, supervisor: OwnedFd) {
    let Err(error) = pidfd::ended(supervisor).await else { return };
    tracing::warn!(
        "Cannot watch the supervisor of container {name}, so looking after it now and then: {error}"
    );
    loop {
        sleep(LOOK_AGAIN).await;
        match shared.chore(&name, |containers, name| containers.state(name)).await {
            Ok(State::Running { .. } | State::Ending(_)) => {}
            Ok(_) | Err(ContainerError::Unknown(_)) => return,
            Err(error) => tracing::warn!("{error}"),
        }
    }
}

/// Waits until the container is to be destroyed. Of what does not run yet, nobody is there to be signalled.
async fn destroyed(orders: &mut UnboundedReceiver<Order>) {
    loop {
        match orders.recv().await {
            Some(Order::Destroy) => return,
            Some(Order::Signal(_) | Order::Forget) => {}
            None => std::future::pending().await,
        }
    }
}
