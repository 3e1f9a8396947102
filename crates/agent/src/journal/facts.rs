// SPDX-License-Identifier: Apache-2.0

//! The changes on disk that make each fact durable.

use kaon_api::internal::{StatusUpdate, StatusUpdateRecord, status_update_record};
use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_model::{AgentId, ContainerId, FrameworkId, TaskId, Uuid, format};

use super::layout::{self, LATEST, Tree};
use super::{FileOp, record, run_file};
use crate::state::{Executor, Framework, Kind};

fn replace(path: String, bytes: Vec<u8>) -> FileOp {
    FileOp::Replace { path, bytes }
}

pub(crate) fn boot_id(boot_id: &str) -> FileOp {
    replace(layout::BOOT_ID.to_string(), boot_id.as_bytes().to_vec())
}

/// The agent's id and what it registered with.
pub(crate) fn agent(info: &v1::AgentInfo, id: &AgentId) -> Vec<FileOp> {
    let mut info = info.clone();
    downgrade(&mut info.resources);
    let link =
        |tree: Tree| FileOp::Symlink { path: format!("{}/{LATEST}", tree.agents()), target: id.to_string() };
    let path = format!("{}/slave.info", Tree::Meta.agent(id));
    vec![replace(path, record::encode(&info)), link(Tree::Meta), link(Tree::Sandboxes)]
}

/// That the agent is to register as a new one.
pub(crate) fn forget_agent() -> FileOp {
    FileOp::Remove { path: format!("{}/{LATEST}", layout::META_AGENTS) }
}

/// That the agent is to be emptied.
pub(crate) fn drain(agent: &AgentId, config: &v1::DrainConfig) -> FileOp {
    replace(layout::drain_config(agent), record::encode(config))
}

/// That it is empty, or need not be.
pub(crate) fn drained(agent: &AgentId) -> FileOp {
    FileOp::Remove { path: layout::drain_config(agent) }
}

pub(crate) fn framework(agent: &AgentId, framework: &Framework) -> Vec<FileOp> {
    let folder = Tree::Meta.framework(agent, &framework.id);
    // Mesos: a missing `framework.pid` is an error there, so it is written for frameworks without one too.
    vec![
        replace(format!("{folder}/framework.info"), record::encode(&*framework.info)),
        replace(format!("{folder}/framework.pid"), framework.pid.as_bytes().to_vec()),
    ]
}

/// The folder of an executor's run among the facts.
pub(crate) fn run_folder(agent: &AgentId, executor: &Executor) -> String {
    Tree::Meta.run(agent, &executor.framework, &executor.id, &executor.container)
}

/// A new run of an executor.
pub(crate) fn executor(agent: &AgentId, executor: &Executor) -> Vec<FileOp> {
    let folder = Tree::Meta.executor(agent, &executor.framework, &executor.id);
    let mut info = v1::ExecutorInfo::clone(&executor.info);
    downgrade(&mut info.resources);
    let generated = if executor.kind == Kind::Command { "1" } else { "0" };
    vec![
        replace(format!("{folder}/executor.info"), record::encode(&info)),
        replace(format!("{folder}/executor_generated_for_command_task"), generated.as_bytes().to_vec()),
        FileOp::Symlink { path: format!("{folder}/runs/{LATEST}"), target: executor.container.to_string() },
    ]
}

/// The link that leads people to an executor's newest sandbox.
pub(crate) fn latest_sandbox(agent: &AgentId, executor: &Executor) -> FileOp {
    let folder = Tree::Sandboxes.executor(agent, &executor.framework, &executor.id);
    FileOp::Symlink { path: format!("{folder}/runs/{LATEST}"), target: executor.container.to_string() }
}

/// The link by which people find the sandbox of a task of a group. Mesos: its default executor makes it.
pub(crate) fn task_sandbox(executor_sandbox: &str, task: &TaskId, container: &ContainerId) -> FileOp {
    let path = format!("{executor_sandbox}/tasks/{task}");
    FileOp::Symlink { path, target: format!("../containers/{container}") }
}

/// A task that is to run.
pub(crate) fn task(run: &str, task: &v1::Task) -> FileOp {
    let mut stored = task.clone();
    downgrade(&mut stored.resources);
    let id = TaskId::from(task.task_id.value.as_str());
    replace(format!("{}/task.info", layout::task(run, &id)), record::encode(&stored))
}

/// That the process of a run was started.
pub(crate) fn forked(run: &str, pid: u32) -> FileOp {
    replace(format!("{run}/pids/forked.pid"), pid.to_string().into_bytes())
}

/// That an executor speaks the HTTP API.
pub(crate) fn http_marker(run: &str) -> FileOp {
    replace(format!("{run}/http.marker"), Vec::new())
}

/// Where the driver of an executor listens, which speaks the v0 API.
pub(crate) fn libprocess_pid(run: &str, pid: &Upid) -> FileOp {
    replace(format!("{run}/pids/libprocess.pid"), pid.to_string().into_bytes())
}

/// That a run is over, with all of it told.
pub(crate) fn completed(run: &str, ended: &run_file::RunFile) -> Vec<FileOp> {
    vec![run_file(run, ended), replace(format!("{run}/executor.sentinel"), Vec::new())]
}

pub(crate) fn run_file(run: &str, content: &run_file::RunFile) -> FileOp {
    replace(format!("{run}/{}", run_file::NAME), content.to_string().into_bytes())
}

/// A record of a task's log.
pub(crate) fn update(update: &StatusUpdate) -> Vec<u8> {
    let record = StatusUpdateRecord {
        r#type: status_update_record::Type::Update,
        update: Some(Box::new(update.clone())),
        ..Default::default()
    };
    record::encode(&record)
}

/// Another.
pub(crate) fn acknowledgement(uuid: &Uuid) -> Vec<u8> {
    let record = StatusUpdateRecord {
        r#type: status_update_record::Type::Ack,
        uuid: Some(uuid.to_vec()),
        ..Default::default()
    };
    record::encode(&record)
}

/// That a run's facts are no longer wanted.
pub(crate) fn forget_run(
    agent: &AgentId,
    framework: &FrameworkId,
    executor: &kaon_model::ExecutorId,
    run: &ContainerId,
) -> FileOp {
    FileOp::Remove { path: Tree::Meta.run(agent, framework, executor, run) }
}

/// Mesos: resources are stored in the form before refinement as far as that can say them.
fn downgrade(resources: &mut [v1::Resource]) {
    // A refined reservation has no old form, and stays in the new one.
    let _ = format::downgrade_all(resources);
}
