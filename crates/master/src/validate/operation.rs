// SPDX-License-Identifier: Apache-2.0

//! Whether an operation on resources is allowed, in the words of Mesos.

mod disk;
mod reservation;
mod volume;

use kaon_api::v1;
use kaon_api::v1::offer::Operation;
use kaon_api::v1::offer::operation::Type;
use kaon_api::wire::Enumeration;
use kaon_model::resource_validity::validate_all;
use kaon_model::{DiskKind, Resource, Role, format};

use super::resources as rules;
use crate::state::capabilities::AgentCapabilities;
use crate::state::{Agent, Framework};

pub(crate) use disk::{create_disk, destroy_disk};
pub(crate) use reservation::{reserve, unreserve};
pub(crate) use volume::{create, destroy, grow_volume, shrink_volume};

type Verdict = Result<(), String>;

/// Who wants an operation.
#[derive(Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub agent: &'a Agent,
    /// None: an operator.
    pub framework: Option<&'a Framework>,
    /// The framework's own, or the operator's.
    pub principal: Option<&'a str>,
}

/// Brings an operation into the form that is used here: its member is there, its resources are well-formed, with a stack
/// of reservations. What a framework may leave out, the role that it was offered the resources in, is put there.
pub(crate) fn adopt(operation: &mut Operation, role: Option<&Role>) -> Verdict {
    let kind = operation.r#type.unwrap_or_default();
    let member = kind.name().to_ascii_lowercase();
    let (there, article, what, end) = match kind {
        Type::Reserve => (operation.reserve.is_some(), "A", "offer operation", "."),
        Type::Unreserve => (operation.unreserve.is_some(), "An", "offer operation", "."),
        Type::Create => (operation.create.is_some(), "A", "offer operation", "."),
        Type::Destroy => (operation.destroy.is_some(), "A", "offer operation", "."),
        Type::GrowVolume => (operation.grow_volume.is_some(), "A", "operation", ""),
        Type::ShrinkVolume => (operation.shrink_volume.is_some(), "A", "offer operation", ""),
        Type::CreateDisk => (operation.create_disk.is_some(), "A", "offer operation", "."),
        Type::DestroyDisk => (operation.destroy_disk.is_some(), "A", "offer operation", "."),
        Type::Launch | Type::LaunchGroup | Type::Unknown => {
            return Err("Unknown offer operation".to_string());
        }
    };
    if !there {
        let name = kind.name();
        return Err(format!("{article} {name} {what} must have the Offer.Operation.{member} field set{end}"));
    }
    for resource in kaon_model::resources_of(operation) {
        validate_all(std::slice::from_ref(resource)).map_err(|error| error.to_string())?;
        format::upgrade(resource);
        if let (None, Some(role)) = (&resource.allocation_info, role) {
            let role = Some(role.to_string());
            resource.allocation_info = Some(v1::resource::AllocationInfo { role, ..Default::default() });
        }
    }
    Ok(())
}

/// Whether an agent of these capabilities can hold what is reserved so.
fn can_hold(noun: &str, verb: &str, resource: &Resource, capabilities: &AgentCapabilities) -> Verdict {
    let role = resource.reservation_role().map(Role::as_str).unwrap_or_default();
    if !capabilities.hierarchical_role() && role.contains('/') {
        return Err(format!(
            "{noun} {resource} with reservation for hierarchical role '{role}' cannot be {verb} on an agent without \
             HIERARCHICAL_ROLE capability"
        ));
    }
    if !capabilities.reservation_refinement() && resource.is_refined() {
        return Err(format!(
            "{noun} {resource} with reservation refinement cannot be {verb} on an agent without RESERVATION_REFINEMENT \
             capability"
        ));
    }
    Ok(())
}

/// What holds for the resources of each operation.
fn checked(wire: &[v1::Resource]) -> Result<Vec<Resource>, String> {
    validate_all(wire).map_err(|error| format!("Invalid resources: {error}"))?;
    let read = |one| Resource::from_wire(one).map_err(|error| format!("Invalid resources: {error}"));
    let list = wire.iter().map(read).collect::<Result<Vec<Resource>, String>>()?;
    rules::usable(wire, &list.iter().collect())?;
    Ok(list)
}

fn persistent_volumes(list: &[Resource]) -> Verdict {
    for resource in list {
        let Some(disk) = &resource.disk else {
            return Err(format!("Resource {resource} does not have DiskInfo"));
        };
        if disk.persistence.is_none() {
            return Err("'persistence' is not set in DiskInfo".to_string());
        }
        match &disk.volume {
            None => return Err("Expecting 'volume' to be set for persistent volume".to_string()),
            Some(volume) if volume.mode == v1::volume::Mode::Ro => {
                return Err("Read-only persistent volume not supported".to_string());
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Mesos: no resource at all is of no single provider either.
fn one_provider(list: &[Resource]) -> Verdict {
    let mut providers: Vec<_> = list.iter().map(|resource| resource.provider_id.as_ref()).collect();
    providers.sort();
    providers.dedup();
    if providers.len() == 1 {
        return Ok(());
    }
    if providers.contains(&None) {
        return Err("Some resources have a resource provider and some do not".to_string());
    }
    let names: Vec<&str> = providers.into_iter().flatten().map(|id| id.as_str()).collect();
    Err(format!("The resources have multiple resource providers: {}", names.join(", ")))
}

fn disk_kind(resource: &Resource) -> Option<DiskKind> {
    Some(resource.disk.as_ref()?.source.as_ref()?.kind)
}
