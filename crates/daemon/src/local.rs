// SPDX-License-Identifier: Apache-2.0

//! A whole cluster in one process: a master whose registry is in memory, and agents that share the host.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use kaon_containerizer::Spawner;

use crate::flags::{self, Flags};
use crate::host::resources::{Share, text};
use crate::process::{self, Ending, Signal};
use crate::{agent, master};

/// Bound: how long the agents may take to register.
const READY: Duration = Duration::from_secs(60);

/// A cluster that serves.
struct Started {
    agents: Vec<agent::Started>,
    _folder: Option<Temporary>,
}

/// A folder that is removed with this.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!("Cannot remove '{}': {error}", self.0.display());
        }
    }
}

/// Runs a cluster until a signal ends it, with all its tasks. `arguments` do not include the program's name.
///
/// To be called before there is a second thread, after `kaon_containerizer::dispatch`.
pub fn main_local(arguments: Vec<OsString>) -> ExitCode {
    let flags = match process::flags("mesos-local", flags::local::TABLE, arguments) {
        Ok(flags) => flags,
        Err(code) => return code,
    };
    let spawner = match Spawner::prepare() {
        Ok(spawner) => spawner,
        Err(error) => return process::complain(&error.to_string()),
    };
    if let Err(error) = crate::log::start(&flags, "mesos-local") {
        return process::complain(&error.to_string());
    }
    flags.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    // A cluster that ends takes its tasks with it: no agent will come back for them.
    let end_tasks = async |started: &Started, _: Signal, _: &Ending| {
        for agent in &started.agents {
            agent.notify(Signal::Leave).await;
        }
    };
    process::run(flags.boolean("quiet"), async |ending| start(&flags, spawner, ending).await, end_tasks)
}

async fn start(flags: &Flags, spawner: Spawner, ending: Ending) -> Result<Started, String> {
    let (work_dir, folder) = work_dir(flags)?;
    let mut own = flags.part(flags::master::TABLE, &[("registry", "in_memory".to_owned())]);
    let master = master::start(&mut own, None, ending.clone()).await?;
    let count = flags.set_integer("agents");
    let mut agents = Vec::new();
    let mut ends = Vec::new();
    for number in 0..count {
        let anew = [
            ("master", master.address.to_string()),
            ("port", "0".to_owned()),
            ("work_dir", work_dir.join(format!("agent-{number}")).to_string_lossy().into_owned()),
            ("runtime_dir", work_dir.join(format!("runtime-{number}")).to_string_lossy().into_owned()),
            ("resources", share(flags, &work_dir, number, count)?),
        ];
        let mut own = flags.part(flags::agent::TABLE, &anew);
        let (end, ended) = process::ending();
        agents.push(agent::start(&mut own, None, spawner.clone(), end).await?);
        ends.push(ended);
    }
    let all_registered = async {
        while master.active_agents().await < agents.len() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(READY, all_registered).await.is_err() {
        return Err(format!("The agents did not register within {} seconds", READY.as_secs()));
    }
    tokio::spawn(async move {
        for mut ended in ends {
            if let Some((code @ 1.., text)) = ended.recv().await {
                return ending.end(code, text);
            }
        }
        ending.end(0, "Every agent has ended");
    });
    process::say(&format!("kaon: ready at http://{}\n", master.address));
    Ok(Started { agents, _folder: folder })
}

/// The folder of all agents; a new one if none is named.
fn work_dir(flags: &Flags) -> Result<(PathBuf, Option<Temporary>), String> {
    match flags.text("work_dir") {
        Some(folder) => Ok((PathBuf::from(folder), None)),
        None => {
            let folder = std::env::temp_dir().join(format!("kaon-local-{}", std::process::id()));
            std::fs::create_dir(&folder)
                .map_err(|error| format!("Cannot make '{}': {error}", folder.display()))?;
            Ok((folder.clone(), Some(Temporary(folder))))
        }
    }
}

/// What the operator says that an agent has, or else one part of what the host has.
fn share(flags: &Flags, work_dir: &Path, number: u64, count: u64) -> Result<String, String> {
    if let Some(resources) = flags.text("resources") {
        return Ok(resources.to_owned());
    }
    text(work_dir, Share { index: number, of: count }, |_| true).map_err(|error| error.to_string())
}
