// SPDX-License-Identifier: Apache-2.0

//! Watches the file of `--whitelist`, which names the hosts whose agents may be offered.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kaon_master::{Input, Master};

use crate::runtime::Door;

/// Mesos: how often the file is read.
const INTERVAL: Duration = Duration::from_secs(5);

/// Tells the core what the file says, now and whenever it says something else, until the process ends.
///
/// Mesos: while the file cannot be read, the last word counts; before the first, all hosts are offered.
pub fn watch(path: PathBuf, door: Door<Master>) {
    tokio::spawn(async move {
        let mut known = None;
        loop {
            match read(&path).await {
                Ok(hosts) if known.as_ref() != Some(&hosts) => {
                    known = Some(hosts.clone());
                    if door.put(Input::Whitelist { hosts: Some(hosts) }).await.is_err() {
                        return;
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::error!(
                    "Error reading whitelist file {}: {error}. It is tried again in {} s",
                    path.display(),
                    INTERVAL.as_secs()
                ),
            }
            tokio::time::sleep(INTERVAL).await;
        }
    });
}

/// One host a line. An empty file allows none.
async fn read(path: &Path) -> std::io::Result<BTreeSet<String>> {
    let text = tokio::fs::read_to_string(path).await?;
    Ok(text.split('\n').filter(|line| !line.is_empty()).map(str::to_owned).collect())
}
