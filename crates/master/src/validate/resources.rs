// SPDX-License-Identifier: Apache-2.0

//! Whether the resources of a task or executor go together.

use std::collections::BTreeSet;

use kaon_api::v1;
use kaon_model::resource_validity::describe;
use kaon_model::{Resource, ResourceName, Resources, Role, Value, format, validate_id};

/// Takes resources over from a framework: well-formed, each charged to a role.
///
/// A framework may leave the role out; the one it was offered in is put there, as Mesos does. The wire form is
/// changed to what agents are sent.
pub(crate) fn adopt(wire: &mut [v1::Resource], role: &Role) -> Result<Resources, String> {
    let given = Resources::from_wire(wire).map_err(|problem| problem.to_string())?;
    let mut silent = 0;
    for resource in wire.iter_mut() {
        format::upgrade(resource);
        if resource.allocation_info.is_none() {
            let role = Some(role.to_string());
            resource.allocation_info = Some(v1::resource::AllocationInfo { role, ..Default::default() });
            silent += 1;
        }
    }
    match silent {
        0 => Ok(given),
        _ if silent == wire.len() => Ok(given.allocate(role)),
        _ => Resources::from_wire(wire).map_err(|problem| problem.to_string()),
    }
}

/// Whether well-formed resources, as `adopt` left them, can be used: whole gpus, volumes that are described in full,
/// nothing reserved that may be revoked.
pub(crate) fn usable(wire: &[v1::Resource], held: &Resources) -> Result<(), String> {
    if held.get_scalar("gpus").to_f64().fract() != 0.0 {
        return Err("Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer".to_string());
    }
    wire.iter().try_for_each(disk_info).map_err(|e| format!("Invalid DiskInfo: {e}"))?;
    wire.iter().try_for_each(lasting_reservation).map_err(|e| format!("Invalid ReservationInfo: {e}"))
}

fn disk_info(resource: &v1::Resource) -> Result<(), String> {
    let Some(disk) = &resource.disk else { return Ok(()) };
    let Some(persistence) = &disk.persistence else {
        return match (&disk.volume, &disk.source) {
            (Some(_), _) => Err("Non-persistent volume not supported".to_string()),
            (None, None) => Err("DiskInfo is set but empty".to_string()),
            (None, Some(_)) => Ok(()),
        };
    };
    if resource.revocable.is_some() {
        return Err("Persistent volumes cannot be created from revocable resources".to_string());
    }
    if resource.reservations.is_empty() {
        return Err("Persistent volumes cannot be created from unreserved resources".to_string());
    }
    let volume = disk.volume.as_ref().ok_or("Expecting 'volume' to be set for persistent volume")?;
    if volume.host_path.is_some() {
        return Err("Expecting 'host_path' to be unset for persistent volume".to_string());
    }
    validate_id(&persistence.id).map_err(|e| format!("Invalid persistence ID for persistent volume: {e}"))
}

fn lasting_reservation(resource: &v1::Resource) -> Result<(), String> {
    use v1::resource::reservation_info::Type;
    let dynamic = resource.reservations.last().is_some_and(|entry| entry.r#type == Some(Type::Dynamic));
    if !dynamic || resource.revocable.is_none() {
        return Ok(());
    }
    let text = describe(resource);
    Err(format!("Dynamically reserved resource {text} cannot be created from revocable resources"))
}

pub(crate) fn unique_persistence(resources: &Resources) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for (resource, holders) in resources.holders().filter(|(resource, _)| resource.is_persistent_volume()) {
        let id = resource.persistence_id().unwrap_or_default();
        let role = resource.reservation_role().map(Role::as_str).unwrap_or_default();
        if !seen.insert((role, id)) || (!resource.shared && holders > 1) {
            return Err(format!("Persistence ID '{id}' is not unique"));
        }
    }
    Ok(())
}

/// All of it must be charged to one role, which is the one of the offer.
pub(crate) fn one_role(resources: &Resources) -> Result<(), String> {
    let mut first: Option<&Role> = None;
    for resource in resources.iter() {
        let Some(role) = &resource.allocation_role else {
            return Err("The resources are not allocated to a role".to_string());
        };
        match first {
            Some(other) if other != role => {
                return Err(format!(
                    "The resources have multiple allocation roles ('{role}' and '{other}') but only one allocation \
                     role is allowed"
                ));
            }
            _ => first = Some(role),
        }
    }
    Ok(())
}

/// Revocable amounts must not stand beside lasting ones of the same name.
pub(crate) fn revocable(resources: &Resources) -> Result<(), String> {
    let lasting = resources.iter().filter(|resource| !resource.revocable);
    let lasting: BTreeSet<&ResourceName> = lasting.map(|resource| &resource.name).collect();
    let mut revocable = resources.iter().filter(|resource| resource.revocable);
    match revocable.find(|resource| lasting.contains(&resource.name)) {
        Some(resource) => {
            let name = resource.name.as_str();
            Err(format!("Cannot use both revocable and non-revocable '{name}' at the same time"))
        }
        None => Ok(()),
    }
}

/// Ranges and sets cannot be in two hands.
pub(crate) fn overlap(parts: &[&Resources]) -> bool {
    let mut all: Vec<&Resource> = parts.iter().flat_map(|part| part.iter()).collect();
    all.sort_by(|a, b| a.cmp_identity(b));
    all.chunk_by(|a, b| a.cmp_identity(b).is_eq()).any(overlap_alike)
}

/// Each of these by itself names nothing twice.
fn overlap_alike(resources: &[&Resource]) -> bool {
    let (mut ranges, mut items) = (Vec::new(), Vec::new());
    for resource in resources {
        match &resource.value {
            Value::Scalar(_) => {}
            Value::Ranges(own) => ranges.extend(own.iter()),
            Value::Set(own) => items.extend(own.iter()),
        }
    }
    ranges.sort_unstable();
    items.sort_unstable();
    ranges.windows(2).any(|pair| pair[1].begin <= pair[0].end)
        || items.windows(2).any(|pair| pair[0] == pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resources(text: &str) -> Resources {
        Resources::parse(text, &Role::star()).unwrap()
    }

    #[test]
    fn ranges_and_sets_overlap_across_parts() {
        for (a, b, overlaps) in [
            ("cpus:1;mem:1", "cpus:1", false),
            ("ports:[1-2,5-6]", "ports:[3-4]", false),
            ("ports:[1-2,5-6]", "ports:[6-7]", true),
            ("ports:[1-9]", "ports:[3-4]", true),
            ("ports:[1-9]", "ports(r):[3-4]", false),
            ("ports:[0-18446744073709551615]", "ports:[18446744073709551615-18446744073709551615]", true),
            ("s:{a,b}", "s:{c}", false),
            ("s:{a,b}", "t:{a}", false),
            ("s:{a,b}", "cpus:1;s:{b}", true),
        ] {
            assert_eq!(overlap(&[&resources(a), &resources(b)]), overlaps, "{a} and {b}");
            assert_eq!(
                overlap(&[&resources("mem:1"), &resources(b), &resources(a)]),
                overlaps,
                "{b} and {a}"
            );
        }
    }

    /// If any of these took the square of its length, it would take hours.
    #[test]
    fn long_lists_take_no_time() {
        let scalar = |number: u32, revocable: Option<v1::resource::RevocableInfo>| v1::Resource {
            name: format!("n{number:06}"),
            scalar: Some(v1::value::Scalar { value: 1.0, ..Default::default() }),
            revocable,
            ..Default::default()
        };
        let ports = |number: u32| {
            let range = |begin| v1::value::Range { begin, end: begin, ..Default::default() };
            let range = (0..9).map(|step| range(u64::from(2 * number) + step * 1_000_000)).collect();
            v1::Resource {
                name: "ports".to_string(),
                r#type: v1::value::Type::Ranges,
                ranges: Some(v1::value::Ranges { range, ..Default::default() }),
                ..Default::default()
            }
        };
        let last_first = || (0..50_000).rev();
        let mut task: Vec<_> =
            last_first().map(|number| scalar(2 * number, Some(Default::default()))).collect();
        task.extend(last_first().map(ports));
        let mut own: Vec<_> = last_first().map(|number| scalar(2 * number + 1, None)).collect();
        let (task, own) = (adopt(&mut task, &Role::star()).unwrap(), adopt(&mut own, &Role::star()).unwrap());
        assert!(!overlap(&[&task, &own]));
        let both = &task + &own;
        assert_eq!((both.len(), both.get_ranges("ports").count()), (100_001, 450_000));
        assert_eq!(revocable(&both), Ok(()));
        assert!(both.contains_all(&own));
    }
}
