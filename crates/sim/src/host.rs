// SPDX-License-Identifier: Apache-2.0

//! A simulated host: the containers that outlive an agent, and the disk that outlives both.

use std::collections::BTreeMap;
use std::time::Duration;

use kaon_agent::effect::Launch;
use kaon_agent::input::RecoveredContainer;
use kaon_model::{ContainerId, Entropy, Mono};

use crate::journal::Disk;
use crate::script::Script;

/// One process tree under its supervisor.
#[derive(Clone, Debug)]
pub struct Container {
    pub pid: u32,
    pub script: Script,
    pub dies_with_agent: bool,
    /// As wait(2) told it, once it has ended.
    pub exited: Option<i32>,
    /// Told apart from earlier plans for its end.
    pub generation: u64,
    /// Which task it runs, as its sandbox says.
    pub sandbox: String,
}

#[derive(Debug, Default)]
pub struct Host {
    pub disk: Disk,
    pub containers: BTreeMap<ContainerId, Container>,
    /// How often each sandbox path was the place of a launch.
    next_pid: u32,
}

/// When a container will end, and how.
#[derive(Clone, Debug)]
pub struct End {
    pub container: ContainerId,
    pub generation: u64,
    pub after: Duration,
    pub status: i32,
}

impl Host {
    /// Starts a container; none where its command cannot be started.
    pub fn launch(&mut self, launch: &Launch) -> Option<(u32, End)> {
        let script = Script::parse(launch.command.value.as_deref()?)?;
        self.next_pid += 1;
        let container = Container {
            pid: 1000 + self.next_pid,
            script,
            dies_with_agent: launch.dies_with_agent,
            exited: None,
            generation: 0,
            sandbox: launch.sandbox.clone(),
        };
        let end = End {
            container: launch.container.clone(),
            generation: 0,
            after: script.runs,
            status: script.wait_status(),
        };
        let pid = container.pid;
        self.containers.insert(launch.container.clone(), container);
        Some((pid, end))
    }

    /// What a signal does: SIGKILL ends at once, SIGTERM soon, if it is not ignored.
    pub fn signal(&mut self, id: &ContainerId, signal: i32, rng: &mut Entropy) -> Option<End> {
        let container = self.containers.get_mut(id).filter(|container| container.exited.is_none())?;
        if signal != 9 && container.script.stubborn {
            return None;
        }
        container.generation += 1;
        let after = if signal == 9 { Duration::ZERO } else { Duration::from_millis(rng.below(200)) };
        Some(End { container: id.clone(), generation: container.generation, after, status: signal })
    }

    /// Ends a container, unless another end was planned since.
    pub fn end(&mut self, end: &End) -> bool {
        let Some(container) = self.containers.get_mut(&end.container) else { return false };
        if container.exited.is_some() || container.generation != end.generation {
            return false;
        }
        container.exited = Some(end.status);
        true
    }

    /// What the supervisors do when their agent dies.
    pub fn agent_died(&mut self) {
        for container in self.containers.values_mut() {
            if container.dies_with_agent && container.exited.is_none() {
                container.generation += 1;
                container.exited = Some(9);
            }
        }
    }

    /// Whether a task of a framework runs here, as the sandboxes say.
    pub fn runs(&self, framework: &str, task: &str) -> bool {
        let place = format!("/frameworks/{framework}/executors/{task}/");
        self.containers.values().any(|one| one.exited.is_none() && one.sandbox.contains(&place))
    }

    /// The frameworks and executors of what runs here under an agent of that id, as the sandboxes say.
    pub fn running_of(&self, agent: &str) -> impl Iterator<Item = (&str, &str)> {
        let running = self.containers.values().filter(|container| container.exited.is_none());
        running.filter_map(move |container| {
            let parts: Vec<&str> = container.sandbox.split('/').collect();
            match parts.as_slice() {
                ["slaves", own, "frameworks", framework, "executors", executor, ..] if *own == agent => {
                    Some((*framework, *executor))
                }
                _ => None,
            }
        })
    }

    pub fn running(&self) -> usize {
        self.containers.values().filter(|container| container.exited.is_none()).count()
    }
}

/// What an agent finds of a container when it starts again.
pub fn found(container: &Container) -> RecoveredContainer {
    match container.exited {
        Some(status) => RecoveredContainer::Ended { status: Some(status) },
        None => RecoveredContainer::Running { pid: container.pid },
    }
}

/// When an agent that died comes back.
pub fn comes_back(now: Mono, rng: &mut Entropy) -> Mono {
    now + Duration::from_millis(200 + rng.below(20_000))
}
