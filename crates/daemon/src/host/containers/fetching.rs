// SPDX-License-Identifier: Apache-2.0

//! Brings the files that a command needs into its sandbox.

use std::path::Path;
use std::sync::Arc;

use kaon_agent::effect::Launch;
use kaon_api::v1::command_info::URI;
use kaon_containerizer::fetcher::{FetcherDuration, FetcherInfo, Fetching, Item, Uri};
use kaon_containerizer::{Fetch, FetchError};
use tokio::runtime::Handle;

use super::cache::Lease;
use super::{Shared, aside, text};
use crate::accounts;
use crate::pidfd;

/// The error is a text for the task's status. Dropping this ends the fetch.
pub(super) async fn fetch(shared: &Arc<Shared>, launch: &Launch, sandbox: &Path) -> Result<(), String> {
    let failed = |reason: String| format!("Failed to fetch the URIs of the container: {reason}");
    let uris: Vec<Uri> = launch.command.uris.iter().map(source).collect();
    let user = launch.user.clone().unwrap_or_else(accounts::own_name);
    let (mut lease, items) = match &shared.cache {
        Some(cache) if uris.iter().any(|uri| uri.cache) => {
            let (lease, items) = cache.lease(&user, uris).await.map_err(failed)?;
            (Some(lease), items)
        }
        _ => (None, uris.into_iter().map(Item::from).collect()),
    };
    // Taken only now: who waits for another's fetch must not keep it from its turn. Nobody closes it.
    let _turn = shared.fetches.acquire().await.map_err(|error| failed(error.to_string()))?;
    let stall = i64::try_from(shared.fetcher.stall_timeout.as_nanos()).unwrap_or(i64::MAX);
    let info = FetcherInfo {
        sandbox_directory: text(sandbox),
        cache_directory: lease.as_ref().map(|lease| text(&lease.folder)),
        items,
        user: launch.user.clone(),
        frameworks_home: shared.fetcher.frameworks_home.clone(),
        stall_timeout: Some(FetcherDuration { nanoseconds: stall }),
    };
    let (spawner, runtime) = (shared.spawner.clone(), shared.runtime.clone());
    let started = move || Fetch::start(&spawner, &info).map(|fetching| Guard::new(fetching, runtime));
    let guard =
        aside(&shared.runtime, started).await.map_err(|error: FetchError| failed(error.to_string()))?;
    guard.ended().await.map_err(failed)?;
    if let Some(fetching) = guard.release() {
        aside(&shared.runtime, move || fetching.finish()).await.map_err(failed)?;
    }
    lease.iter_mut().for_each(Lease::fetched);
    Ok(())
}

fn source(uri: &URI) -> Uri {
    Uri {
        value: uri.value.clone(),
        executable: uri.executable.unwrap_or(false),
        extract: uri.extract(),
        cache: uri.cache.unwrap_or(false),
        output_file: uri.output_file.clone(),
    }
}

/// A fetch that is ended when nobody wants it any more. That waits for a process, so it is done elsewhere.
struct Guard {
    fetching: Option<Fetching>,
    runtime: Handle,
}

impl Guard {
    fn new(fetching: Fetching, runtime: Handle) -> Guard {
        Guard { fetching: Some(fetching), runtime }
    }

    async fn ended(&self) -> Result<(), String> {
        let Some(fetching) = &self.fetching else { return Ok(()) };
        let unwatched = |error: std::io::Error| format!("cannot watch the fetcher: {error}");
        pidfd::ended(fetching.pidfd.try_clone().map_err(unwatched)?).await.map_err(unwatched)
    }

    fn release(mut self) -> Option<Fetching> {
        self.fetching.take()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(fetching) = self.fetching.take() {
            self.runtime.spawn_blocking(move || drop(fetching));
        }
    }
}
