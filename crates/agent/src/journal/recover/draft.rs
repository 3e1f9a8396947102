// SPDX-License-Identifier: Apache-2.0

//! The facts while they are being read, in whatever order the files come.

use std::collections::BTreeMap;

use kaon_api::internal::{StatusUpdateRecord, status_update_record};
use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_model::{ContainerId, ExecutorId, FrameworkId, TaskId, Uuid, format};

use super::{
    CorruptJournal, Recovered, RecoveredExecutor, RecoveredFramework, RecoveredRun, RecoveredTask, corrupt,
    read_one,
};
use crate::journal::FileOp;
use crate::journal::layout::{DRAIN_CONFIG, LATEST};
use crate::journal::record::{self, Damage};
use crate::journal::run_file::{self, RunFile};

#[derive(Default)]
pub(super) struct Draft {
    frameworks: BTreeMap<String, FrameworkDraft>,
}

#[derive(Default)]
struct FrameworkDraft {
    info: Option<v1::FrameworkInfo>,
    pid: String,
    executors: BTreeMap<String, ExecutorDraft>,
}

#[derive(Default)]
struct ExecutorDraft {
    info: Option<v1::ExecutorInfo>,
    is_command: bool,
    latest: Option<String>,
    runs: BTreeMap<String, RunDraft>,
}

#[derive(Default)]
struct RunDraft {
    completed: bool,
    forked_pid: Option<u32>,
    driver: Option<Upid>,
    notes: RunFile,
    tasks: BTreeMap<String, TaskDraft>,
    damaged: bool,
}

#[derive(Default)]
struct TaskDraft {
    task: Option<v1::Task>,
    updates: Vec<kaon_api::internal::StatusUpdate>,
    acknowledged: Vec<Uuid>,
}

impl Draft {
    /// Takes in one file of the agent of that id, named by its path below the agent's folder.
    pub fn take(
        &mut self,
        agent: &str,
        path: &str,
        segments: &[&str],
        bytes: &[u8],
        recovered: &mut Recovered,
    ) -> Result<(), CorruptJournal> {
        match segments {
            ["slave.info"] => {
                let info: Option<v1::AgentInfo> = read_one(path, bytes)?;
                let id = |info: &v1::AgentInfo| info.id.as_ref().map(|id| id.value.clone());
                check_name(path, agent, info.as_ref().map(id))?;
                recovered.agent = info.map(|mut info| {
                    format::upgrade_all(&mut info.resources);
                    info
                });
            }
            [DRAIN_CONFIG] => recovered.drain = read_one(path, bytes)?,
            ["frameworks", name, rest @ ..] => {
                let framework = self.frameworks.entry((*name).to_string()).or_default();
                framework.take(name, path, rest, bytes, recovered)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Hands over what is whole. A framework or executor without its own facts takes its runs with it.
    pub fn finish(self, recovered: &mut Recovered) {
        for (framework_id, framework) in self.frameworks {
            let FrameworkDraft { info, pid, executors } = framework;
            let framework_id = FrameworkId::from(framework_id);
            let mut whole = Vec::new();
            for (executor_id, executor) in executors {
                let executor_id = ExecutorId::from(executor_id);
                let usable = info.is_some() && executor.info.is_some();
                let mut runs = Vec::new();
                for (container, run) in executor.runs {
                    let container = ContainerId::from(container);
                    if usable && !run.damaged {
                        runs.push(run.finish(container));
                    } else {
                        recovered.quarantined.push((framework_id.clone(), executor_id.clone(), container));
                    }
                }
                whole.extend(executor.info.map(|info| RecoveredExecutor {
                    id: executor_id,
                    info,
                    is_command: executor.is_command,
                    latest: executor.latest.map(ContainerId::from),
                    runs,
                }));
            }
            let id = framework_id;
            recovered.frameworks.extend(info.map(|info| RecoveredFramework {
                id,
                info,
                pid,
                executors: whole,
            }));
        }
    }
}

impl FrameworkDraft {
    fn take(
        &mut self,
        name: &str,
        path: &str,
        segments: &[&str],
        bytes: &[u8],
        recovered: &mut Recovered,
    ) -> Result<(), CorruptJournal> {
        match segments {
            ["framework.info"] => {
                let info: Option<v1::FrameworkInfo> = read_one(path, bytes)?;
                let id = |info: &v1::FrameworkInfo| info.id.as_ref().map(|id| id.value.clone());
                check_name(path, name, info.as_ref().map(id))?;
                self.info = info;
            }
            ["framework.pid"] => self.pid = String::from_utf8_lossy(bytes).into_owned(),
            ["executors", executor, rest @ ..] => {
                let draft = self.executors.entry((*executor).to_string()).or_default();
                draft.take(executor, path, rest, bytes, recovered)?;
            }
            _ => {}
        }
        Ok(())
    }
}

impl ExecutorDraft {
    fn take(
        &mut self,
        name: &str,
        path: &str,
        segments: &[&str],
        bytes: &[u8],
        recovered: &mut Recovered,
    ) -> Result<(), CorruptJournal> {
        match segments {
            ["executor.info"] => {
                let info: Option<v1::ExecutorInfo> = read_one(path, bytes)?;
                let id = |info: &v1::ExecutorInfo| Some(info.executor_id.value.clone());
                check_name(path, name, info.as_ref().map(id))?;
                self.info = info.map(|mut info| {
                    format::upgrade_all(&mut info.resources);
                    info
                });
            }
            ["executor_generated_for_command_task"] => self.is_command = bytes.trim_ascii() == b"1",
            ["runs", link] if *link == LATEST => {
                let target = String::from_utf8_lossy(bytes).trim().to_string();
                self.latest = target.trim_end_matches('/').rsplit('/').next().map(str::to_string);
            }
            ["runs", container, rest @ ..] if !rest.is_empty() => {
                let run = self.runs.entry((*container).to_string()).or_default();
                if let Err(damage) = run.take(path, rest, bytes, recovered) {
                    run.damaged = true;
                    return Err(damage);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl RunDraft {
    fn take(
        &mut self,
        path: &str,
        segments: &[&str],
        bytes: &[u8],
        recovered: &mut Recovered,
    ) -> Result<(), CorruptJournal> {
        match segments {
            ["executor.sentinel"] => self.completed = true,
            ["pids", "forked.pid"] => self.forked_pid = read_pid(path, bytes)?,
            // Mesos: one that is no address is that of nobody, who is not waited for by name.
            ["pids", "libprocess.pid"] => {
                self.driver =
                    String::from_utf8_lossy(bytes).trim().parse().ok().filter(|pid: &Upid| !pid.is_empty());
            }
            [name] if *name == run_file::NAME => self.notes = read_notes(path, bytes)?,
            ["tasks", task, "task.info"] => {
                let draft = self.tasks.entry((*task).to_string()).or_default();
                let info: Option<v1::Task> = read_one(path, bytes)?;
                let id = |info: &v1::Task| Some(info.task_id.value.clone());
                check_name(path, task, info.as_ref().map(id))?;
                draft.task = info.map(|mut task| {
                    format::upgrade_all(&mut task.resources);
                    task
                });
            }
            ["tasks", task, "task.updates"] => {
                self.tasks.entry((*task).to_string()).or_default().take_log(path, bytes, recovered)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(self, container: ContainerId) -> RecoveredRun {
        let tasks = self.tasks.into_iter().filter_map(|(id, draft)| {
            let TaskDraft { task, updates, acknowledged } = draft;
            Some(RecoveredTask { id: TaskId::from(id), task: task?, updates, acknowledged })
        });
        RecoveredRun {
            container,
            completed: self.completed,
            forked_pid: self.forked_pid,
            driver: self.driver,
            notes: self.notes,
            tasks: tasks.collect(),
        }
    }
}

impl TaskDraft {
    fn take_log(
        &mut self,
        path: &str,
        bytes: &[u8],
        recovered: &mut Recovered,
    ) -> Result<(), CorruptJournal> {
        let (records, damage) = record::decode_all::<StatusUpdateRecord>(bytes);
        match damage {
            Some(damage @ Damage::Corrupt { .. }) => return Err(corrupt(path, &damage)),
            Some(Damage::Torn { offset }) => {
                recovered.warnings.push(format!("Cutting an unfinished record off {path} at byte {offset}"));
                let bytes = bytes[..offset].to_vec();
                recovered.repairs.push(FileOp::Replace { path: path.to_string(), bytes });
            }
            None => {}
        }
        for StatusUpdateRecord { r#type, update, uuid, .. } in records {
            match r#type {
                status_update_record::Type::Update => self.updates.extend(update.map(|update| *update)),
                status_update_record::Type::Ack => {
                    self.acknowledged.extend(uuid.and_then(|uuid| Uuid::from_bytes(&uuid).ok()));
                }
            }
        }
        Ok(())
    }
}

/// What lies in a folder is about what the folder is named after. `told` is the name in the file, if there is a file.
fn check_name(path: &str, folder: &str, told: Option<Option<String>>) -> Result<(), CorruptJournal> {
    match told {
        Some(told) if told.as_deref() != Some(folder) => {
            let told: String = told.unwrap_or_default().chars().take(64).collect();
            let why = format!("it is about '{told}', and lies where that of '{folder}' should");
            Err(CorruptJournal { path: path.to_string(), offset: 0, why })
        }
        _ => Ok(()),
    }
}

fn read_pid(path: &str, bytes: &[u8]) -> Result<Option<u32>, CorruptJournal> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(bytes);
    let why = || format!("'{}' is no process id", text.chars().take(32).collect::<String>());
    let wrong = |_| CorruptJournal { path: path.to_string(), offset: 0, why: why() };
    text.trim().parse().map(Some).map_err(wrong)
}

fn read_notes(path: &str, bytes: &[u8]) -> Result<RunFile, CorruptJournal> {
    if bytes.is_empty() {
        return Ok(RunFile::default());
    }
    let corrupt = |offset, why| CorruptJournal { path: path.to_string(), offset, why };
    let text = std::str::from_utf8(bytes).map_err(|error| corrupt(error.valid_up_to(), error.to_string()))?;
    text.parse().map_err(|error: run_file::RunFileError| {
        let offset = text.split_inclusive('\n').take(error.0.saturating_sub(1)).map(str::len).sum();
        corrupt(offset, error.to_string())
    })
}
