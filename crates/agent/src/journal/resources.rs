// SPDX-License-Identifier: Apache-2.0

//! What was done to the agent's resources, made durable.
//!
//! Mesos: first what is to be, then the folders of volumes, then the names by which it is found. Whatever is cut short in
//! between is finished by the next agent.

use kaon_api::internal::agent::ResourceState;
use kaon_api::v1;
use kaon_model::{Resources, format};

use super::layout::{RESOURCE_STATE, RESOURCE_STATE_TARGET, RESOURCES, RESOURCES_TARGET};
use super::record;
use super::volume::VolumeFolder;
use super::{CorruptJournal, FileOp};

/// What the agent before remembered of its resources.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecoveredResources {
    /// Reservations and volumes.
    pub checkpointed: Resources,
    /// Operations whose end was not acknowledged.
    pub operations: Vec<v1::Operation>,
}

/// From one set of reservations and volumes to another, with the operations that are to be remembered.
pub(crate) fn change<'a>(
    before: &Resources,
    after: &Resources,
    operations: impl Iterator<Item = &'a v1::Operation>,
) -> Vec<FileOp> {
    let state = ResourceState {
        operations: operations.cloned().collect(),
        resources: after.to_wire(),
        ..Default::default()
    };
    let bytes = record::encode(&state);
    if before == after {
        return vec![FileOp::Replace { path: RESOURCE_STATE.to_string(), bytes }];
    }
    let mut ops = vec![
        FileOp::Replace { path: RESOURCE_STATE_TARGET.to_string(), bytes },
        FileOp::Replace { path: RESOURCES_TARGET.to_string(), bytes: old_form(after) },
    ];
    ops.extend(folders(before, after));
    ops.push(rename(RESOURCES_TARGET, RESOURCES));
    ops.push(rename(RESOURCE_STATE_TARGET, RESOURCE_STATE));
    ops
}

fn rename(from: &str, to: &str) -> FileOp {
    FileOp::Rename { from: from.to_string(), to: to.to_string() }
}

/// Mesos: for agents from before operations, in the form before reservation refinement as far as that can say it.
fn old_form(resources: &Resources) -> Vec<u8> {
    let mut wire = resources.to_wire();
    let _ = format::downgrade_all(&mut wire);
    wire.iter().flat_map(record::encode).collect()
}

fn folders(before: &Resources, after: &Resources) -> Vec<FileOp> {
    let (old, new) = (VolumeFolder::all(before), VolumeFolder::all(after));
    let made = new.difference(&old).map(|folder| FileOp::MakeVolume { folder: folder.clone() });
    let gone = old.difference(&new).map(|folder| FileOp::RemoveVolume { folder: folder.clone() });
    made.chain(gone).collect()
}

/// Reads what was remembered, with the writes that finish what was cut short.
///
/// `read` gives the content of a file. What cannot be read is an error; the caller decides what that means.
pub(super) fn recover<'a>(
    read: impl Fn(&str) -> Option<&'a Vec<u8>>,
) -> Result<(RecoveredResources, Vec<FileOp>), CorruptJournal> {
    let Some(state) = read_state(RESOURCE_STATE, read(RESOURCE_STATE))? else {
        return recover_old_form(&read);
    };
    let Some(target) = read_state(RESOURCE_STATE_TARGET, read(RESOURCE_STATE_TARGET))? else {
        return Ok((state, Vec::new()));
    };
    let repairs = finish(&state.checkpointed, &target.checkpointed, read(RESOURCES_TARGET).is_some());
    Ok((target, repairs))
}

fn finish(before: &Resources, after: &Resources, has_old_form: bool) -> Vec<FileOp> {
    let mut repairs = folders(before, after);
    repairs.extend(has_old_form.then(|| rename(RESOURCES_TARGET, RESOURCES)));
    repairs.push(rename(RESOURCE_STATE_TARGET, RESOURCE_STATE));
    repairs
}

/// Of an agent from before operations, or of the first change that ever was.
fn recover_old_form<'a>(
    read: &impl Fn(&str) -> Option<&'a Vec<u8>>,
) -> Result<(RecoveredResources, Vec<FileOp>), CorruptJournal> {
    let before = read_list(RESOURCES, read(RESOURCES))?.unwrap_or_default();
    if let Some(target) = read_state(RESOURCE_STATE_TARGET, read(RESOURCE_STATE_TARGET))? {
        let repairs = finish(&before, &target.checkpointed, read(RESOURCES_TARGET).is_some());
        return Ok((target, repairs));
    }
    let (checkpointed, repairs) = match read_list(RESOURCES_TARGET, read(RESOURCES_TARGET))? {
        Some(target) => {
            let mut repairs = folders(&before, &target);
            repairs.push(rename(RESOURCES_TARGET, RESOURCES));
            (target, repairs)
        }
        None => (before, Vec::new()),
    };
    Ok((RecoveredResources { checkpointed, operations: Vec::new() }, repairs))
}

/// Mesos: an empty file was just being made when the agent died, and counts as absent.
fn read_state(path: &str, bytes: Option<&Vec<u8>>) -> Result<Option<RecoveredResources>, CorruptJournal> {
    let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else { return Ok(None) };
    let state: ResourceState =
        record::decode_one(bytes).map_err(|damage| super::recover::corrupt(path, &damage))?;
    let checkpointed = taken_over(path, &state.resources)?;
    Ok(Some(RecoveredResources { checkpointed, operations: state.operations }))
}

fn read_list(path: &str, bytes: Option<&Vec<u8>>) -> Result<Option<Resources>, CorruptJournal> {
    let Some(bytes) = bytes else { return Ok(None) };
    let (list, damage) = record::decode_all::<v1::Resource>(bytes);
    match damage {
        Some(damage) => Err(super::recover::corrupt(path, &damage)),
        None => taken_over(path, &list).map(Some),
    }
}

fn taken_over(path: &str, list: &[v1::Resource]) -> Result<Resources, CorruptJournal> {
    let wrong = |error: kaon_model::InvalidResource| CorruptJournal {
        path: path.to_string(),
        offset: 0,
        why: error.to_string(),
    };
    let resources = Resources::from_wire(list).map_err(wrong)?;
    if let Some(other) = resources.iter().find(|resource| !resource.is_checkpointed()) {
        let why = format!("{other} is nothing that an agent would have written there");
        return Err(CorruptJournal { path: path.to_string(), offset: 0, why });
    }
    Ok(resources)
}
