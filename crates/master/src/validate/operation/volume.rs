// SPDX-License-Identifier: Apache-2.0

//! Whether volumes may be made, unmade or resized.

use kaon_allocator::{Account, Books};
use kaon_api::v1::offer::operation::{Create, Destroy, GrowVolume, ShrinkVolume};
use kaon_model::{AgentId, DiskKind, Resource, Resources, Scalar, Value};

use super::{Verdict, Wish, can_hold, checked, disk_kind, one_provider, persistent_volumes};
use crate::state::Agent;
use crate::state::capabilities::AgentCapabilities;
use crate::validate::resources as rules;

pub(crate) fn create(create: &Create, wish: Wish) -> Verdict {
    let list = checked(&create.volumes).map_err(|error| format!("Invalid resources: {error}"))?;
    one_provider(&list).map_err(|error| format!("Invalid resources: {error}"))?;
    persistent_volumes(&list).map_err(|error| format!("Not a persistent volume: {error}"))?;
    // Uncharged, so that one that is there already is known for what it is.
    let all = wish.agent.total.checkpointed();
    rules::unique_persistence(&(&all + &list.iter().collect::<Resources>().unallocate()))?;
    list.iter().try_for_each(|volume| volume_by(volume, wish))?;
    if wish.framework.is_some() {
        rules::one_role(&list.into_iter().collect())
            .map_err(|error| format!("Invalid volume resources: {error}"))?;
    }
    Ok(())
}

fn volume_by(volume: &Resource, wish: Wish) -> Verdict {
    if let Some(framework) = wish.framework.filter(|framework| !framework.capabilities.shared)
        && volume.shared
    {
        let id = &framework.id;
        return Err(format!(
            "Create volume operation for '{volume}' has been attempted by framework '{id}' with no SHARED_RESOURCES \
             capability"
        ));
    }
    can_hold("Volume", "created", volume, &wish.agent.capabilities)?;
    let Some(principal) = wish.principal else { return Ok(()) };
    let persistence = volume.disk.as_ref().and_then(|disk| disk.persistence.as_ref());
    match persistence.and_then(|persistence| persistence.principal.as_deref()) {
        None => Err(format!(
            "Create volume operation attempted by principal '{principal}', but there is a volume in the operation with \
             no principal set in 'disk.persistence'"
        )),
        Some(other) if other != principal => Err(format!(
            "Create volume operation attempted by authenticated principal '{principal}', which does not match a volume \
             in the operation with principal '{other}' set in 'disk.persistence'"
        )),
        Some(_) => Ok(()),
    }
}

pub(crate) fn destroy(destroy: &Destroy, agent: &Agent, books: &Books) -> Verdict {
    let mut list = checked(&destroy.volumes).map_err(|error| format!("Invalid resources: {error}"))?;
    // Mesos: an operator's has no role, and what is in use none that matters.
    list.iter_mut().for_each(|volume| volume.allocation_role = None);
    one_provider(&list).map_err(|error| format!("Invalid resources: {error}"))?;
    persistent_volumes(&list).map_err(|error| format!("Not a persistent volume: {error}"))?;
    let volumes: Resources = list.iter().collect();
    let known = agent.total.checkpointed();
    if volumes.iter().any(|volume| volume.provider_id.is_none() && !known.contains(volume)) {
        return Err("Persistent volumes not found".to_string());
    }
    if in_use(&volumes, &agent.id, books) {
        return Err("Persistent volumes in use".to_string());
    }
    Ok(())
}

fn in_use(volumes: &Resources, agent: &AgentId, books: &Books) -> bool {
    let mut used = books.entries(agent).filter(|entry| entry.account == Account::Used);
    used.any(|entry| volumes.iter().any(|volume| entry.resources.contains(volume)))
}

pub(crate) fn grow_volume(grow: &GrowVolume, capabilities: &AgentCapabilities) -> Verdict {
    let invalid = |field, error| format!("Invalid resource in the 'GrowVolume.{field}' field: {error}");
    let volume = Resource::from_wire(&grow.volume).map_err(|error| invalid("volume", error))?;
    let addition = Resource::from_wire(&grow.addition).map_err(|error| invalid("addition", error))?;
    if !matches!(addition.value, Value::Scalar(amount) if amount.is_positive()) {
        return Err("The size of 'GrowVolume.addition' field must be greater than zero".to_string());
    }
    if volume.provider_id.is_some() {
        return Err("Growing a volume from a resource provider is not supported".to_string());
    }
    persistent_volumes(std::slice::from_ref(&volume))
        .map_err(|error| format!("Invalid persistent volume in the 'GrowVolume.volume' field: {error}"))?;
    if volume.shared {
        return Err("Growing a shared persistent volume is not supported".to_string());
    }
    if !volume.without_volume().same_identity(&addition) {
        return Err(
            "Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields".to_string()
        );
    }
    if !capabilities.resize_volume() {
        return Err(format!("Volume {volume} cannot be grown on an agent without RESIZE_VOLUME capability"));
    }
    Ok(())
}

pub(crate) fn shrink_volume(shrink: &ShrinkVolume, capabilities: &AgentCapabilities) -> Verdict {
    let volume = Resource::from_wire(&shrink.volume)
        .map_err(|error| format!("Invalid resource in the 'ShrinkVolume.volume' field: {error}"))?;
    let subtract = Scalar::from_f64(shrink.subtract.value);
    if !subtract.is_positive() {
        return Err("Value of 'ShrinkVolume.subtract' must be greater than zero".to_string());
    }
    if !matches!(volume.value, Value::Scalar(amount) if amount > subtract) {
        return Err(
            "Value of 'ShrinkVolume.subtract' must be smaller than the size of 'ShrinkVolume.volume'"
                .to_string(),
        );
    }
    if volume.provider_id.is_some() {
        return Err("Shrinking a volume from a resource provider is not supported".to_string());
    }
    if disk_kind(&volume) == Some(DiskKind::Mount) {
        return Err("Shrinking a volume on a MOUNT disk is not supported".to_string());
    }
    persistent_volumes(std::slice::from_ref(&volume))
        .map_err(|error| format!("Invalid persistent volume in the 'ShrinkVolume.volume' field: {error}"))?;
    if volume.shared {
        return Err("Shrinking a shared persistent volume is not supported".to_string());
    }
    if !capabilities.resize_volume() {
        return Err(format!("Volume {volume} cannot be shrunk on an agent without RESIZE_VOLUME capability"));
    }
    Ok(())
}
