// SPDX-License-Identifier: Apache-2.0

//! Reads the facts back: a fold over the files under `meta/`.

mod draft;

use std::collections::BTreeMap;

use kaon_api::internal::{StatusUpdate, UpdateOperationStatusRecord, update_operation_status_record};
use kaon_api::libprocess::Upid;
use kaon_api::v1;
use kaon_model::{AgentId, ContainerId, ExecutorId, FrameworkId, TaskId, Uuid};

use super::layout::{BOOT_ID, DRAIN_CONFIG, LATEST, META_AGENTS};
use super::run_file::RunFile;
use super::{FileOp, RecoveredResources, record};
use draft::Draft;

/// What an agent left behind. The default is that of one that never was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovered {
    /// What it registered with, with its id.
    pub agent: Option<v1::AgentInfo>,
    /// Whether only its id is known, because the rest is damaged.
    pub is_undescribed: bool,
    /// The boot in which it last lived.
    pub boot_id: Option<String>,
    /// What it was to be emptied with, if it was being emptied.
    pub drain: Option<v1::DrainConfig>,
    pub frameworks: Vec<RecoveredFramework>,
    /// The ids under which agents registered here before this one.
    pub other_agents: Vec<AgentId>,
    /// Runs that could not be read, and are set aside.
    pub quarantined: Vec<(FrameworkId, ExecutorId, ContainerId)>,
    /// What people should know about the files.
    pub warnings: Vec<String>,
    /// Writes that cut off records that were not finished.
    pub repairs: Vec<FileOp>,
    /// What was done to the resources of this host, whichever agent it was.
    pub resources: RecoveredResources,
    /// Writes that finish a change of resources that was cut short.
    pub unfinished: Vec<FileOp>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RecoveredFramework {
    pub id: FrameworkId,
    pub info: v1::FrameworkInfo,
    pub pid: String,
    pub executors: Vec<RecoveredExecutor>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RecoveredExecutor {
    pub id: ExecutorId,
    pub info: v1::ExecutorInfo,
    pub is_command: bool,
    /// The newest run, if any is said to be.
    pub latest: Option<ContainerId>,
    pub runs: Vec<RecoveredRun>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RecoveredRun {
    pub container: ContainerId,
    /// Whether it was over, with all of it told.
    pub completed: bool,
    pub forked_pid: Option<u32>,
    /// Where its driver listened, if it spoke the v0 API.
    pub driver: Option<Upid>,
    pub notes: RunFile,
    pub tasks: Vec<RecoveredTask>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RecoveredTask {
    pub id: TaskId,
    pub task: v1::Task,
    pub updates: Vec<StatusUpdate>,
    pub acknowledged: Vec<Uuid>,
}

/// A fact that cannot be read, where the operator wants none to be passed over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Cannot read the agent's state: {path} is damaged at byte {offset}: {why}. Restore the file, or remove it, or start \
     with --no-strict to set aside what it belongs to"
)]
pub struct CorruptJournal {
    pub path: String,
    pub offset: usize,
    pub why: String,
}

/// Folds the files below the work directory into what they tell. A symbolic link stands for its target's text. Files
/// that are no facts of ours are passed over.
///
/// Mesos: an empty file was just being made when the agent died, and counts as absent. An unfinished record at the end
/// of a log is cut off. Anything else that cannot be read is an error where `strict`, else its run is set aside.
pub fn recover(
    files: impl IntoIterator<Item = (String, Vec<u8>)>,
    strict: bool,
) -> Result<Recovered, CorruptJournal> {
    let files: BTreeMap<String, Vec<u8>> = files.into_iter().collect();
    let text = |path: &str| files.get(path).map(|bytes| String::from_utf8_lossy(bytes).trim().to_string());
    let mut recovered =
        Recovered { boot_id: text(BOOT_ID).filter(|boot_id| !boot_id.is_empty()), ..Recovered::default() };
    // Mesos: read whether or not the agent stays the same.
    match super::resources::recover(|path| files.get(path)) {
        Ok((resources, unfinished)) => (recovered.resources, recovered.unfinished) = (resources, unfinished),
        Err(damage) if strict => return Err(damage),
        Err(damage) => recovered.warnings.push(format!(
            "{} is damaged at byte {}: {}; reservations and volumes are forgotten, though their data stay",
            damage.path, damage.offset, damage.why
        )),
    }
    // Mesos links by absolute path: what counts is where it ends.
    let latest = text(&format!("{META_AGENTS}/{LATEST}"));
    let latest =
        latest.and_then(|target| target.trim_end_matches('/').rsplit('/').next().map(str::to_string));
    let latest = latest.filter(|latest| !latest.is_empty());
    recovered.other_agents = other_agents(&files, latest.as_deref());
    let Some(latest) = latest else { return Ok(recovered) };

    let folder = format!("{META_AGENTS}/{latest}/");
    let mut draft = Draft::default();
    for (path, bytes) in files.range(folder.clone()..) {
        let Some(name) = path.strip_prefix(&folder) else { break };
        let segments: Vec<&str> = name.split('/').collect();
        if let Err(damage) = draft.take(&latest, path, &segments, bytes, &mut recovered) {
            if strict {
                return Err(damage);
            }
            recovered.is_undescribed |= segments == ["slave.info"];
            let then = match segments[..] {
                ["slave.info"] => "the agent keeps its id, whatever it was described as",
                [DRAIN_CONFIG] => "the master says again whether the agent is to be emptied",
                _ => "setting aside what it belongs to",
            };
            recovered.warnings.push(format!(
                "{} is damaged at byte {}: {}; {then}",
                damage.path, damage.offset, damage.why
            ));
        }
    }
    draft.finish(&mut recovered);
    if recovered.is_undescribed {
        // The folder's name tells the id. To lose that would be to lose all that runs.
        let id = Some(v1::AgentID::from(latest.as_str()));
        recovered.agent = Some(v1::AgentInfo { id, ..Default::default() });
    }
    recovered.resources.operations.retain(|operation| !was_acknowledged(&files, &folder, operation));
    Ok(recovered)
}

/// Whether a log of Mesos tells that the end of an operation was acknowledged.
fn was_acknowledged(files: &BTreeMap<String, Vec<u8>>, agent: &str, operation: &v1::Operation) -> bool {
    let Ok(uuid) = Uuid::from_bytes(&operation.uuid.value) else { return false };
    let log = files.get(&format!("{agent}operations/{uuid}/operation.updates"));
    let records = log.map(|bytes| record::decode_all::<UpdateOperationStatusRecord>(bytes).0);
    records.into_iter().flatten().any(|one| one.r#type == update_operation_status_record::Type::Ack)
}

fn other_agents(files: &BTreeMap<String, Vec<u8>>, latest: Option<&str>) -> Vec<AgentId> {
    let folder = format!("{META_AGENTS}/");
    let below = files.keys().filter_map(|path| path.strip_prefix(&folder)?.split_once('/'));
    let mut ids: Vec<AgentId> =
        below.filter(|(id, _)| Some(*id) != latest).map(|(id, _)| AgentId::from(id)).collect();
    ids.dedup();
    ids
}

/// The first record of a file, which holds just one; none where the file is empty.
fn read_one<M: kaon_api::wire::Message>(path: &str, bytes: &[u8]) -> Result<Option<M>, CorruptJournal> {
    if bytes.is_empty() {
        return Ok(None);
    }
    record::decode_one(bytes).map(Some).map_err(|damage| corrupt(path, &damage))
}

pub(super) fn corrupt(path: &str, damage: &record::Damage) -> CorruptJournal {
    let why = match damage {
        record::Damage::Torn { .. } => "it ends in the middle of a record".to_string(),
        record::Damage::Corrupt { error, .. } => error.to_string(),
    };
    CorruptJournal { path: path.to_string(), offset: damage.offset(), why }
}
