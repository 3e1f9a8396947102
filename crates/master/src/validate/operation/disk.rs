// SPDX-License-Identifier: Apache-2.0

//! Whether a provider's disk may be set up or given back.

use kaon_api::v1;
use kaon_api::v1::offer::operation::{CreateDisk, DestroyDisk};
use kaon_model::{DiskKind, Resource};

use super::{Verdict, checked, disk_kind};

pub(crate) fn create_disk(create: &CreateDisk) -> Verdict {
    use v1::resource::disk_info::source::Type;
    let source = disk(&create.source)?;
    if disk_kind(&source) != Some(DiskKind::Raw) {
        return Err("'source' is not a RAW disk resource".to_string());
    }
    if !matches!(create.target_type, Type::Mount | Type::Block) {
        return Err("'target_type' is neither MOUNT or BLOCK".to_string());
    }
    let profile = source.disk.as_ref().and_then(|disk| disk.source.as_ref()?.profile.as_ref());
    match (profile, &create.target_profile) {
        (Some(_), Some(_)) => Err("'target_profile' must not be set when 'source' has a profile".to_string()),
        (None, None) => Err("'target_profile' must be set when 'source' has no profile".to_string()),
        _ => Ok(()),
    }
}

pub(crate) fn destroy_disk(destroy: &DestroyDisk) -> Verdict {
    let source = disk(&destroy.source)?;
    if !matches!(disk_kind(&source), Some(DiskKind::Mount | DiskKind::Block | DiskKind::Raw)) {
        return Err("'source' is neither a MOUNT, BLOCK or RAW disk resource".to_string());
    }
    let own = source.disk.as_ref().and_then(|disk| disk.source.as_ref());
    if own.is_none_or(|own| own.id.is_none()) {
        return Err("'source' is not backed by a CSI volume".to_string());
    }
    if source.is_persistent_volume() {
        return Err(format!(
            "A disk resource containing a persistent volume {source} cannot be destroyed directly. Please destroy the \
             persistent volume first then destroy the disk resource"
        ));
    }
    Ok(())
}

/// A disk that a provider manages.
fn disk(wire: &v1::Resource) -> Result<Resource, String> {
    let one = checked(std::slice::from_ref(wire)).map_err(|error| format!("Invalid resource: {error}"))?;
    let managed = one.into_iter().next().filter(|source| source.provider_id.is_some());
    managed.ok_or_else(|| "'source' is not managed by a resource provider".to_string())
}
