// SPDX-License-Identifier: Apache-2.0

//! Whether resources may be reserved, or freed of a reservation.

use kaon_api::v1::offer::operation::{Reserve, Unreserve};
use kaon_model::{Resource, Resources, Role};

use super::{Verdict, Wish, can_hold, checked, one_provider};
use crate::state::Framework;
use crate::validate::{resources as rules, text};

pub(crate) fn reserve(reserve: &Reserve, wish: Wish) -> Verdict {
    let target = checked(&reserve.resources).map_err(|error| format!("Invalid resources: {error}"))?;
    let source = checked(&reserve.source).map_err(|error| format!("Invalid source: {error}"))?;
    if !source.is_empty() {
        one_reservation(&source).map_err(|error| format!("Invalid source: {error}"))?;
        one_reservation(&target).map_err(|error| format!("Invalid resources: {error}"))?;
        let plain = |list: &[Resource]| list.iter().collect::<Resources>().to_unreserved();
        let (from, to) = (plain(&source), plain(&target));
        if from != to {
            return Err(format!(
                "Source and target resources should refer to identical resource quantities: {from} vs. {to}"
            ));
        }
    }
    one_provider(&target).map_err(|error| format!("Invalid resources: {error}"))?;
    target.iter().try_for_each(|resource| reservation(resource, wish))?;
    if wish.framework.is_some() {
        rules::one_role(&target.into_iter().collect())
            .map_err(|error| format!("Invalid reservation resources: {error}"))?;
    }
    Ok(())
}

fn one_reservation(list: &[Resource]) -> Verdict {
    let Some(first) = list.first() else { return Err("Resource cannot be empty".to_string()) };
    if list.iter().any(|resource| resource.reservations != first.reservations) {
        let all: Resources = list.iter().collect();
        return Err(format!("Mixed reservations are not supported{all}"));
    }
    Ok(())
}

fn reservation(resource: &Resource, wish: Wish) -> Verdict {
    let newest = resource.reservations.last().filter(|_| resource.is_dynamically_reserved());
    let Some(newest) = newest else { return Err(format!("Resource {resource} is not dynamically reserved")) };
    can_hold("Resource", "reserved", resource, &wish.agent.capabilities)?;
    if let Some(principal) = wish.principal {
        match newest.principal.as_deref() {
            None => {
                return Err(format!(
                    "A reserve operation was attempted by principal '{principal}', but there is a reserved resource in \
                     the request with no principal set"
                ));
            }
            Some(other) if other != principal => {
                return Err(format!(
                    "A reserve operation was attempted by authenticated principal '{principal}', which does not match a \
                     reserved resource in the request with principal '{other}'"
                ));
            }
            Some(_) => {}
        }
    }
    match wish.framework {
        Some(framework) => reservation_by(resource, &newest.role, framework),
        None if resource.allocation_role.is_some() => Err(
            "A reserve operation was attempted with an allocated resource, but the operator API only allows \
             reservations to be made to unallocated resources"
                .to_string(),
        ),
        None => Ok(()),
    }
}

/// A framework reserves what it was offered, for the role in which it was offered it.
fn reservation_by(resource: &Resource, role: &Role, framework: &Framework) -> Verdict {
    let Some(allocated) = &resource.allocation_role else {
        return Err(format!(
            "A reserve operation was attempted on unallocated resource {resource}, but frameworks can only perform \
             reservations on allocated resources"
        ));
    };
    if allocated != role {
        return Err(format!(
            "A reserve operation was attempted for a resource with role '{role}', but the resource was allocated to \
             role '{allocated}'"
        ));
    }
    if !framework.roles.contains(allocated) {
        return Err(format!(
            "A reserve operation was attempted for a resource allocated to role '{allocated}', but the framework only \
             has roles '{}'",
            text::set(framework.roles.iter())
        ));
    }
    Ok(())
}

pub(crate) fn unreserve(unreserve: &Unreserve) -> Verdict {
    let list = checked(&unreserve.resources).map_err(|error| format!("Invalid resources: {error}"))?;
    one_provider(&list).map_err(|error| format!("Invalid resources: {error}"))?;
    for resource in &list {
        if !resource.is_dynamically_reserved() {
            return Err(format!("Resource {resource} is not dynamically reserved"));
        }
        if resource.is_persistent_volume() {
            return Err(format!(
                "A dynamically reserved persistent volume {resource} cannot be unreserved directly. Please destroy the \
                 persistent volume first then unreserve the resource"
            ));
        }
    }
    Ok(())
}
