// SPDX-License-Identifier: Apache-2.0

//! Prepares a container: its sandbox, its files, its configuration.

use std::io;
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kaon_agent::effect::Launch;
use kaon_api::v1;
use kaon_api::wire::Enumeration;
use kaon_containerizer::fetcher::{FetcherInfo, Item, Uri};
use kaon_containerizer::user::Credentials;
use kaon_containerizer::{Command, ContainerConfig, Fetch, Resource, Rlimit, Sandbox};

use super::{Shared, pidfd};
use crate::front::aside;

/// Gives all that the containerizer needs; the error is a text for the task's status. Dropping this ends a fetch.
pub async fn prepare(shared: &Arc<Shared>, order: Launch) -> Result<ContainerConfig, String> {
    let (work_dir, path, user) = (shared.work_dir.clone(), order.sandbox.clone(), order.user.clone());
    let sandbox = aside(move || make_sandbox(&work_dir, &path, user.as_deref())).await?;
    if !order.command.uris.is_empty() {
        fetch(shared, &order, &sandbox).await.map_err(|error| format!("Failed to fetch URIs: {error}"))?;
    }
    let limits = order.container_info.as_ref().and_then(|info| info.rlimit_info.as_ref());
    let rlimits = limits.map_or(Ok(Vec::new()), |limits| limits.rlimits.iter().map(rlimit).collect())?;
    Ok(ContainerConfig {
        command: command(&order.command),
        environment: order.environment,
        user: order.user,
        sandbox,
        rlimits,
        die_with_agent: order.dies_with_agent,
        recovery_timeout: shared.recovery_timeout,
    })
}

fn command(info: &v1::CommandInfo) -> Command {
    Command { shell: info.shell(), value: info.value.clone(), arguments: info.arguments.clone() }
}

fn rlimit(limit: &v1::r_limit_info::RLimit) -> Result<Rlimit, String> {
    let name = limit.r#type.map_or("RLMT_UNKNOWN", |kind| kind.name());
    let resource =
        Resource::from_wire_name(name).ok_or_else(|| format!("'{name}' is not a limit that can be set"))?;
    Ok(Rlimit { resource, soft: limit.soft, hard: limit.hard })
}

/// Makes a sandbox at its path below the work directory. That of a task within a group lies inside another.
fn make_sandbox(work_dir: &Path, path: &str, user: Option<&str>) -> Result<PathBuf, String> {
    if let Some(sandbox) = Sandbox::parse(path) {
        return sandbox.create(work_dir, user).map_err(|error| error.to_string());
    }
    let nested = work_dir.join(path);
    let fail = |error: io::Error| format!("cannot make the sandbox '{}': {error}", nested.display());
    // The folders around it are for all to pass, since tasks run as many users.
    let parent = nested.parent().unwrap_or(work_dir);
    std::fs::DirBuilder::new().recursive(true).mode(0o755).create(parent).map_err(fail)?;
    std::fs::DirBuilder::new().mode(0o750).create(&nested).map_err(fail)?;
    if let Some(user) = user {
        let owner = Credentials::of(user).map_err(|error| error.to_string())?;
        chown(&nested, Some(owner.uid), Some(owner.gid)).map_err(fail)?;
    }
    Ok(nested)
}

async fn fetch(shared: &Arc<Shared>, order: &Launch, sandbox: &Path) -> Result<(), String> {
    let info = FetcherInfo {
        sandbox_directory: sandbox.to_string_lossy().into_owned(),
        cache_directory: None,
        items: order.command.uris.iter().map(|uri| Item::from(source(uri))).collect(),
        user: order.user.clone(),
        frameworks_home: None,
        stall_timeout: None,
    };
    let spawner = shared.spawner.clone();
    let fetching = aside(move || Fetch::start(&spawner, &info)).await.map_err(|error| error.to_string())?;
    let pidfd = fetching.pidfd.try_clone().map_err(|error| error.to_string())?;
    pidfd::ended(pidfd).await.map_err(|error| error.to_string())?;
    aside(move || fetching.finish()).await
}

fn source(uri: &v1::command_info::URI) -> Uri {
    Uri {
        value: uri.value.clone(),
        executable: uri.executable.unwrap_or(false),
        extract: uri.extract(),
        cache: uri.cache.unwrap_or(false),
        output_file: uri.output_file.clone(),
    }
}
