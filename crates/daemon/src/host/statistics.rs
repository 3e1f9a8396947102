// SPDX-License-Identifier: Apache-2.0

//! What containers use, as monitors are told.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use kaon_api::v1::ResourceStatistics;
use kaon_containerizer::{ContainerError, ContainerId as Name, Usage};
use kaon_model::{ContainerId, Resources};
use tokio::sync::Semaphore;

use super::containers::{Shared, aside};
use super::disk::Figures;

/// Bound: measurements at once. Each reads much of `/proc`, and no task waits for it.
const AT_ONCE: usize = 2;

/// Measures containers, for any number of readers.
#[derive(Clone)]
pub struct Meter {
    shared: Arc<Shared>,
    turns: Arc<Semaphore>,
    /// Of the disk; none if that is not watched.
    disk: Option<Figures>,
}

impl Meter {
    pub(super) fn new(shared: Arc<Shared>, disk: Option<Figures>) -> Meter {
        Meter { shared, turns: Arc::new(Semaphore::new(AT_ONCE)), disk }
    }

    /// What the containers of one executor use together, and what they may use: `resources`.
    ///
    /// Containers that have ended, or are not known, use nothing.
    pub async fn usage(
        &self,
        executor: &ContainerId,
        containers: &[ContainerId],
        resources: &Resources,
    ) -> ResourceStatistics {
        let _turn = self.turns.acquire().await;
        let names = containers.iter().filter_map(|id| Name::new(id.as_str()).ok()).collect();
        let shared = self.shared.clone();
        let usage = aside(self.shared.runtime(), move || sum(&shared, names)).await;
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let mut told = statistics(&usage, resources, timestamp);
        if let Some(disk) = &self.disk {
            disk.tell(executor, &mut told);
        }
        told
    }
}

fn sum(shared: &Shared, names: Vec<Name>) -> Usage {
    let mut sum = Usage::default();
    for name in names {
        match shared.containerizer.usage(&name) {
            Ok(usage) => {
                sum.user += usage.user;
                sum.system += usage.system;
                sum.resident += usage.resident;
                sum.processes += usage.processes;
                sum.threads += usage.threads;
            }
            Err(ContainerError::Unknown(_)) => {}
            Err(error) => tracing::warn!("Cannot measure container {name}: {error}"),
        }
    }
    sum
}

fn statistics(usage: &Usage, resources: &Resources, timestamp: f64) -> ResourceStatistics {
    let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let megabytes = resources.get_scalar("mem").to_f64();
    ResourceStatistics {
        timestamp,
        processes: Some(count(usage.processes)),
        threads: Some(count(usage.threads)),
        cpus_user_time_secs: Some(usage.user.as_secs_f64()),
        cpus_system_time_secs: Some(usage.system.as_secs_f64()),
        // Mesos: what a container asked for is its soft limit; a hard one of cpus needs `limits`.
        cpus_soft_limit: Some(resources.get_scalar("cpus").to_f64()),
        mem_rss_bytes: Some(usage.resident),
        mem_limit_bytes: Some((megabytes * 1_048_576.0) as u64),
        mem_soft_limit_bytes: Some((megabytes * 1_048_576.0) as u64),
        ..ResourceStatistics::default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kaon_model::Role;

    use super::*;

    #[test]
    fn usage_is_told_in_the_units_of_mesos() {
        let usage = Usage {
            user: Duration::from_millis(1500),
            system: Duration::from_millis(250),
            resident: 4096,
            processes: 2,
            threads: 3,
        };
        let role: Role = "*".parse().expect("a role");
        let resources = Resources::parse("cpus:0.5;mem:32", &role).expect("resources");
        let told = statistics(&usage, &resources, 7.5);
        assert_eq!(
            (told.timestamp, told.cpus_user_time_secs, told.cpus_system_time_secs),
            (7.5, Some(1.5), Some(0.25))
        );
        assert_eq!((told.processes, told.threads, told.mem_rss_bytes), (Some(2), Some(3), Some(4096)));
        assert_eq!((told.cpus_soft_limit, told.cpus_limit), (Some(0.5), None));
        assert_eq!((told.mem_soft_limit_bytes, told.mem_limit_bytes), (Some(32 << 20), Some(32 << 20)));
    }
}
